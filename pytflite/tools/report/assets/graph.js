// The drawing of the graph on a canvas: pan, zoom, hover, overview.

const HEIGHT = 40; // of a node, as in layout.py
const canvas = byId("graph");
const overview = byId("overview");
const view = { x: 0, y: 0, k: 1 }; // the point of the drawing in the upper left corner, and the scale
const OVERVIEW = { width: 116, height: 320 };
let hovered = -1;
let pending = false;

function redraw() {
  if (!pending) {
    pending = true;
    requestAnimationFrame(() => { pending = false; draw(); });
  }
}

/** A canvas's context in CSS pixels, cleared. */
function prepared(target, width, height) {
  const ratio = devicePixelRatio || 1;
  if (target.width !== Math.round(width * ratio) || target.height !== Math.round(height * ratio)) {
    target.width = Math.round(width * ratio);
    target.height = Math.round(height * ratio);
  }
  const c = target.getContext("2d");
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  return c;
}

function draw() {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return;
  const graph = here();
  const c = prepared(canvas, width, height);
  const area = { left: view.x, top: view.y, right: view.x + width / view.k, bottom: view.y + height / view.k };
  c.save();
  c.scale(view.k, view.k);
  c.translate(-view.x, -view.y);
  drawLines(c, graph, area);
  const most = state.colour === "kind" ? 0 : greatest(graph, state.colour);
  const found = state.query ? new Set(matches()) : null;
  graph.layout.nodes.forEach(([x, y, w], node) => {
    if (x + w / 2 < area.left || x - w / 2 > area.right || y + HEIGHT < area.top || y - HEIGHT > area.bottom) return;
    c.globalAlpha = found && !found.has(node) && node !== state.node ? 0.22 : 1;
    drawNode(c, graph, node, coloursOf(graph, node, most));
  });
  c.restore();
  drawOverview(graph, area);
}

function drawLines(c, graph, area) {
  const chosen = new Map();
  for (const node of [hovered, state.node]) {
    if (node < 0) continue;
    for (const line of graph.into[node]) chosen.set(line, palette.from);
    for (const line of graph.outof[node]) chosen.set(line, palette.to);
  }
  c.lineWidth = Math.max(1.4, 0.7 / view.k);
  c.strokeStyle = palette.edge;
  const late = [], far = [];
  c.beginPath();
  graph.layout.lines.forEach(([, source, target, points], line) => {
    if (!visible(points, area)) return;
    if (chosen.has(line)) late.push(line);
    else if (isFar(points)) far.push(points);
    else if (graph.layout.nodes[source][1] < graph.layout.nodes[target][1]) trace(c, points);
  });
  c.stroke();
  c.globalAlpha = 0.25;
  c.beginPath();
  for (const points of far) trace(c, points);
  c.stroke();
  c.globalAlpha = 1;
  c.lineWidth = Math.max(2.4, 1.6 / view.k);
  for (const line of late) {
    c.strokeStyle = chosen.get(line);
    c.beginPath();
    trace(c, graph.layout.lines[line][3]);
    c.stroke();
  }
}

/** Whether a line passes layers without a way of its own among them (ranking.py leaves the longest
 *  ones of a large graph so): it runs behind the nodes, and is faint until it is asked for. */
const isFar = (points) => points.length === 4 && points[0] !== points[2] && points[3] - points[1] > HEIGHT;

function visible(points, area) {
  let left = Infinity, right = -Infinity;
  for (let n = 0; n < points.length; n += 2) {
    left = Math.min(left, points[n]);
    right = Math.max(right, points[n]);
  }
  const top = points[1], bottom = points[points.length - 1];
  return right >= area.left && left <= area.right && Math.max(top, bottom) >= area.top && Math.min(top, bottom) <= area.bottom;
}

/** Straight where the points are above one another, otherwise a curve that begins and ends upright. */
function trace(c, points) {
  c.moveTo(points[0], points[1]);
  for (let n = 2; n < points.length; n += 2) {
    const x = points[n - 2], y = points[n - 1], u = points[n], v = points[n + 1];
    if (x === u) c.lineTo(u, v);
    else c.bezierCurveTo(x, y + (v - y) * 0.55, u, v - (v - y) * 0.55, u, v);
  }
}

function drawNode(c, graph, node, colours) {
  const [x, y, w] = graph.layout.nodes[node];
  const op = operatorAt(graph, node);
  c.beginPath();
  c.roundRect(x - w / 2, y - HEIGHT / 2, w, HEIGHT, op ? 7 : HEIGHT / 2);
  c.fillStyle = colours.fill;
  c.fill();
  const chosen = node === state.node;
  c.lineWidth = chosen ? Math.max(3, 2 / view.k) : node === hovered ? 2.2 : 1.1;
  c.strokeStyle = chosen ? palette.accent : colours.border;
  c.setLineDash(op && (op.st === "folded" || op.st === "unused") ? [5, 4] : []);
  c.stroke();
  c.setLineDash([]);
  if (view.k < 0.28) return;
  c.fillStyle = colours.text;
  c.textAlign = "center";
  c.textBaseline = "middle";
  c.font = "600 12px system-ui, sans-serif";
  c.fillText(shortened(c, titleOf(graph, node), w - 16), x, y - 7);
  c.font = "11px system-ui, sans-serif";
  c.globalAlpha *= 0.82;
  c.fillText(shortened(c, shapeOf(graph, node), w - 12), x, y + 9);
  c.globalAlpha = Math.min(1, c.globalAlpha / 0.82);
  if (op && facts.compare && graph === facts.graphs[0] && node - graph.first === facts.compare.wrong) {
    c.fillText("⚠", x - w / 2 + 10, y - 8);
  }
  if (op && op.sub) {
    c.fillStyle = palette.accent;
    c.fillText("▾", x + w / 2 - 10, y - 8);
  }
}

const widths = new Map();
function shortened(c, text, room) {
  const key = `${c.font}|${text}|${room}`;
  if (!widths.has(key)) {
    let cut = text;
    while (cut.length > 1 && c.measureText(cut === text ? cut : `${cut}…`).width > room) {
      cut = cut.slice(0, Math.min(cut.length - 1, Math.max(1, Math.floor(cut.length * 0.94))));
    }
    widths.set(key, cut === text ? text : `${cut}…`);
  }
  return widths.get(key);
}

function overviewScale(graph) {
  const w = graph.layout.w + 40, h = graph.layout.h + 40;
  const x = Math.min((OVERVIEW.width - 8) / w, 0.25), y = Math.min((Math.min(OVERVIEW.height, canvas.clientHeight - 20) - 8) / h, 0.25);
  return { x: Math.min(x, y * 12), y };
}

/** The whole graph in small, its sides scaled apart, with a frame around what the canvas shows. */
function drawOverview(graph, area) {
  const whole = area.left <= 0 && area.top <= 0 && area.right >= graph.layout.w && area.bottom >= graph.layout.h;
  overview.hidden = whole;
  if (whole) return;
  const scale = overviewScale(graph);
  const height = Math.min(graph.layout.h * scale.y + 16, OVERVIEW.height);
  const shift = (OVERVIEW.width - graph.layout.w * scale.x) / 2;
  overview.style.width = `${OVERVIEW.width}px`;
  overview.style.height = `${height}px`;
  const small = smallGraph(graph, scale, height, shift);
  const c = prepared(overview, OVERVIEW.width, height);
  c.drawImage(small, 0, 0, OVERVIEW.width, height);
  c.strokeStyle = palette.accent;
  c.lineWidth = 1.5;
  const left = Math.max(1, shift + area.left * scale.x), top = Math.max(1, 8 + area.top * scale.y);
  c.strokeRect(left, top, Math.max(3, Math.min(OVERVIEW.width - 1, shift + area.right * scale.x) - left),
    Math.max(3, Math.min(height - 1, 8 + area.bottom * scale.y) - top));
}

let small = null;
let smallFor = "";
function smallGraph(graph, scale, height, shift) {
  const key = [state.graph, state.colour, palette.dark, scale.x, scale.y, devicePixelRatio].join(" ");
  if (smallFor === key) return small;
  smallFor = key;
  small = document.createElement("canvas");
  const c = prepared(small, OVERVIEW.width, height);
  const most = state.colour === "kind" ? 0 : greatest(graph, state.colour);
  graph.layout.nodes.forEach(([x, y, w], node) => {
    const colours = coloursOf(graph, node, most);
    c.fillStyle = state.colour === "kind" ? colours.border : colours.fill;
    c.fillRect(shift + (x - w / 2) * scale.x, 8 + y * scale.y - 1, Math.max(1.5, w * scale.x), Math.max(1, HEIGHT * scale.y * 0.8));
  });
  return small;
}

function nodeAt(clientX, clientY) {
  const box = canvas.getBoundingClientRect();
  const x = view.x + (clientX - box.left) / view.k, y = view.y + (clientY - box.top) / view.k;
  return here().layout.nodes.findIndex(([cx, cy, w]) => Math.abs(x - cx) <= w / 2 && Math.abs(y - cy) <= HEIGHT / 2);
}

/** Where a node is on the screen (tests click there). */
function placeOf(node) {
  const box = canvas.getBoundingClientRect();
  const [x, y] = here().layout.nodes[node];
  return [box.left + (x - view.x) * view.k, box.top + (y - view.y) * view.k];
}

function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
  const k = Math.max(0.01, Math.min(4, view.k * factor));
  view.x += x / view.k - x / k;
  view.y += y / view.k - y / k;
  view.k = k;
  redraw();
}

function fit() {
  const { w, h } = here().layout;
  view.k = Math.max(0.01, Math.min(1.2, (canvas.clientWidth - 40) / Math.max(w, 1), (canvas.clientHeight - 40) / Math.max(h, 1)));
  view.x = w / 2 - canvas.clientWidth / 2 / view.k;
  view.y = h / 2 - canvas.clientHeight / 2 / view.k;
  redraw();
}

/** The beginning of the graph, at a size that can be read. */
function begin() {
  const { w, h, nodes } = here().layout;
  fit();
  if (view.k < 0.75) {
    view.k = Math.max(0.6, Math.min(1, (canvas.clientWidth - 40) / Math.max(w, 1)));
    const middle = w * view.k < canvas.clientWidth ? w / 2 : nodes.length ? nodes[0][0] : 0;
    view.x = middle - canvas.clientWidth / 2 / view.k;
    view.y = h * view.k < canvas.clientHeight ? h / 2 - canvas.clientHeight / 2 / view.k : -24 / view.k;
  }
  redraw();
}

/** Brings a node into view, in the middle if it was not there at all. */
function reveal(node) {
  const [x, y] = here().layout.nodes[node];
  const width = canvas.clientWidth / view.k, height = canvas.clientHeight / view.k;
  if (view.k < 0.35) {
    view.k = 0.8;
    view.x = view.y = -1e9;
  }
  const margin = 90 / view.k;
  if (x < view.x + margin || x > view.x + width - margin) view.x = x - canvas.clientWidth / 2 / view.k;
  if (y < view.y + margin || y > view.y + height - margin) view.y = y - canvas.clientHeight / 2 / view.k;
  redraw();
}
