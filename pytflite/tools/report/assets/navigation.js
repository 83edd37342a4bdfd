// The ways through the graph: mouse, touch, keys, search, subgraphs.

/** Chooses a node: shows its details, and brings it into view. */
function select(node, { show = true } = {}) {
  state.node = node;
  if (node >= 0 && show) reveal(node);
  showDetails();
  const graph = here();
  byId("spoken").textContent = node < 0 ? "" : `${titleOf(graph, node)}, ${shapeOf(graph, node)}`;
  remember();
  redraw();
}

/** Another subgraph. `from`: remembered, for the way back. */
function enter(number, node = -1, { from = null } = {}) {
  if (from) state.trail.push(from);
  state.graph = number;
  byId("subgraph").value = String(number);
  byId("back").hidden = !state.trail.length;
  hovered = -1;
  byId("tip").hidden = true;
  drawLegend();
  begin();
  search(byId("search").value);
  select(node);
}

function goBack() {
  const last = state.trail.pop();
  if (last) enter(last.graph, last.node);
}

function goTo(graph, node) {
  showTab("graph");
  if (graph !== state.graph) enter(graph, node);
  else select(node);
}

/** What can be found of each node, in lower case. */
function haystacks(graph) {
  graph.haystacks ??= graph.layout.nodes.map((_, node) => {
    const op = operatorAt(graph, node);
    const tensors = op ? [...op.in, ...op.out] : [tensorAt(graph, node)];
    const names = tensors.map((t) => (graph.tensors[t] ? graph.tensors[t].n : ""));
    return [op ? `#${node - graph.first} ${op.k}` : "", ...names].join("\n").toLowerCase();
  });
  return graph.haystacks;
}

let foundFor = null;
let foundNodes = [];
function matches() {
  const key = `${state.graph} ${state.query}`;
  if (foundFor !== key) {
    foundFor = key;
    const number = /^#\d+$/.test(state.query) ? `${state.query} ` : state.query;
    foundNodes = haystacks(here()).flatMap((text, node) => (text.includes(number) ? [node] : []));
  }
  return foundNodes;
}

function search(text) {
  state.query = text.trim().toLowerCase();
  const found = state.query ? matches() : [];
  byId("found").textContent = !state.query ? "" : found.length ? `${found.length} found` : "none found";
  redraw();
}

function nextMatch(direction) {
  const found = state.query ? matches() : [];
  if (!found.length) return;
  const at = found.indexOf(state.node);
  const next = at < 0 ? (direction > 0 ? 0 : found.length - 1) : (at + direction + found.length) % found.length;
  select(found[next]);
  byId("found").textContent = `${next + 1} of ${found.length}`;
}

function step(key) {
  const graph = here();
  const { nodes, lines } = graph.layout;
  const node = state.node;
  if (node < 0) return select(nodes.length ? 0 : -1);
  if (key === "ArrowUp" && graph.into[node].length) select(lines[graph.into[node][0]][1]);
  if (key === "ArrowDown" && graph.outof[node].length) select(lines[graph.outof[node][0]][2]);
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const sign = key === "ArrowLeft" ? -1 : 1;
    const [x, y] = nodes[node];
    let best = -1;
    nodes.forEach(([u, v], other) => {
      if (v === y && (u - x) * sign > 0 && (best < 0 || (u - nodes[best][0]) * sign < 0)) best = other;
    });
    if (best >= 0) select(best);
  }
  if (key === "n" && node + 1 < nodes.length) select(node + 1);
  if (key === "p" && node > 0) select(node - 1);
}

function follow() {
  const op = operatorAt(here(), state.node);
  if (op && op.sub) enter(op.sub[op.sub.length - 1][1], -1, { from: { graph: state.graph, node: state.node } });
}

const KEYS = {
  "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), f: fit, 0: begin,
  Enter: follow, Backspace: goBack, "?": () => { byId("keys").hidden = !byId("keys").hidden; },
  Escape: () => { byId("keys").hidden = true; byId("search").value = ""; search(""); select(-1); },
};
for (const key of ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "n", "p"]) KEYS[key] = () => step(key);

canvas.addEventListener("keydown", (event) => {
  const action = KEYS[event.key];
  if (action && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    action();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
    event.preventDefault();
    showTab("graph");
    byId("search").focus();
  }
});

const fingers = new Map();
let moved = 0;
canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (fingers.size === 1) moved = 0;
  canvas.classList.add("dragging");
});
canvas.addEventListener("pointermove", (event) => {
  const before = fingers.get(event.pointerId);
  if (!before) return hover(event);
  const now = [event.clientX, event.clientY];
  if (fingers.size === 2) pinch(event.pointerId, before, now);
  fingers.set(event.pointerId, now);
  moved += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
  if (moved > 4) {
    view.x -= (now[0] - before[0]) / view.k / fingers.size;
    view.y -= (now[1] - before[1]) / view.k / fingers.size;
    redraw();
  }
});
function pinch(id, before, now) {
  const [other] = [...fingers].filter(([key]) => key !== id).map(([, point]) => point);
  const distance = (p) => Math.max(1, Math.hypot(p[0] - other[0], p[1] - other[1]));
  const box = canvas.getBoundingClientRect();
  zoom(distance(now) / distance(before), (now[0] + other[0]) / 2 - box.left, (now[1] + other[1]) / 2 - box.top);
}
for (const kind of ["pointerup", "pointercancel"]) {
  canvas.addEventListener(kind, (event) => {
    if (fingers.delete(event.pointerId) && kind === "pointerup" && moved <= 4) {
      select(nodeAt(event.clientX, event.clientY), { show: false });
    }
    if (!fingers.size) canvas.classList.remove("dragging");
  });
}
canvas.addEventListener("dblclick", follow);
canvas.addEventListener("pointerleave", () => { byId("tip").hidden = true; hovered = -1; redraw(); });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey || (event.deltaX === 0 && Math.abs(event.deltaY) >= 50)) {
    const box = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * 0.0018), event.clientX - box.left, event.clientY - box.top);
  } else { // a touchpad's small steps
    view.x += event.deltaX / view.k;
    view.y += event.deltaY / view.k;
    redraw();
  }
}, { passive: false });

function hover(event) {
  const node = nodeAt(event.clientX, event.clientY);
  const tip = byId("tip");
  if (node !== hovered) {
    hovered = node;
    redraw();
    tip.hidden = node < 0;
    if (node >= 0) fillTip(tip, here(), node);
  }
  if (node >= 0) placeTip(tip, byId("stage"), event);
}

function fillTip(tip, graph, node) {
  const op = operatorAt(graph, node);
  const parts = op ? [op.t === undefined ? null : duration(op.t), op.m ? `${quantity(op.m)} MACs` : null, op.b ? size(op.b) : null, op.e === undefined ? null : `error ${precise(op.e)}`, op.st || null] : [node < graph.first ? "input" : "output"];
  tip.replaceChildren(el("b", {}, op ? `${op.k} #${node - graph.first}` : titleOf(graph, node)),
    el("div", {}, shapeOf(graph, node)), el("div", {}, parts.filter(Boolean).join(" · ")));
}

function placeTip(tip, stage, event) {
  const box = stage.getBoundingClientRect();
  const x = event.clientX - box.left, y = event.clientY - box.top;
  tip.style.left = `${Math.min(x + 14, Math.max(0, box.width - tip.offsetWidth - 8))}px`;
  tip.style.top = `${y + 18 + tip.offsetHeight > box.height ? y - tip.offsetHeight - 10 : y + 18}px`;
}

overview.addEventListener("pointerdown", (event) => { overview.setPointerCapture(event.pointerId); jump(event); });
overview.addEventListener("pointermove", (event) => { if (event.buttons) jump(event); });
function jump(event) {
  const box = overview.getBoundingClientRect();
  const scale = overviewScale(here());
  const shift = (OVERVIEW.width - here().layout.w * scale.x) / 2;
  view.x = (event.clientX - box.left - shift) / scale.x - canvas.clientWidth / 2 / view.k;
  view.y = (event.clientY - box.top - 8) / scale.y - canvas.clientHeight / 2 / view.k;
  redraw();
}
