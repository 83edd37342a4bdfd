// Memory over time, and the roofline.

const BAND = 72; // pixels of the curve under the arena

function showMemory(place) {
  const graph = facts.graphs[0];
  const arena = graph && graph.arena;
  if (!arena || !arena.blocks.length) {
    place.append(el("p", { class: "note" }, "There is no plan of the memory: the model could not be planned, or no tensor needs any."));
    return;
  }
  const waste = arena.bytes ? arena.bytes / Math.max(arena.least, 1) - 1 : 0;
  place.append(el("h2", {}, `Arena: ${size(arena.bytes)}`), el("p", { class: "note" },
    `Each tensor's place in the one block of memory (upwards) and the operators during which it is needed (to the right). ` +
    `At one time at least ${size(arena.least)} are needed; this plan takes ${percent(waste)} more. Beside it, ${size(arena.scratch)} to work in. Below: bytes needed at each operator.`));
  const chart = el("canvas", { role: "img", "aria-label": "Places of tensors in the arena over time" });
  const tip = el("div", { class: "tip", hidden: "" });
  const frame = el("div", { class: "chart" }, chart, tip);
  place.append(frame);
  const spans = { last: arena.steps.length, alive: aliveAt(arena) };
  const paint = () => paintArena(chart, graph, arena, spans);
  chart.repaint = paint;
  new ResizeObserver(paint).observe(frame);
  chart.addEventListener("pointermove", (event) => {
    const block = blockAt(chart, arena, spans, event);
    tip.hidden = !block;
    if (!block) return;
    const [first, last, offset, bytes, tensors] = block;
    tip.replaceChildren(...tensors.slice(0, 5).map((t) => el("b", {}, graph.tensors[t] ? graph.tensors[t].n : String(t))),
      el("div", {}, `${size(bytes)} at ${offset}`), el("div", {}, `${stepName(graph, arena, first)} to ${stepName(graph, arena, last)}`));
    placeTip(tip, frame, event);
  });
  chart.addEventListener("pointerleave", () => { tip.hidden = true; });
  chart.addEventListener("click", (event) => {
    const block = blockAt(chart, arena, spans, event);
    if (!block) return;
    const maker = graph.maker.get(block[4][0]);
    goTo(0, maker === undefined ? Math.max(0, graph.in.indexOf(block[4][0])) : maker + graph.first);
  });
}

function stepName(graph, arena, step) {
  if (step < 0) return "the beginning";
  if (step >= arena.steps.length) return "the end";
  const number = arena.steps[step];
  return graph.ops[number] ? `${graph.ops[number].k} #${number}` : `#${number}`;
}

/** Sums of bytes alive at each step, from -1 to the end. */
function aliveAt(arena) {
  const changes = new Float64Array(arena.steps.length + 3);
  for (const [first, last, , bytes] of arena.blocks) {
    changes[first + 1] += bytes;
    changes[last + 2] -= bytes;
  }
  let sum = 0;
  return Array.from(changes).slice(0, -1).map((change) => (sum += change));
}

function arenaScales(chart, arena, spans) {
  const width = chart.clientWidth, height = Number(chart.dataset.height);
  const left = 64, top = 8, bottom = height - BAND - 34;
  const step = (width - left - 8) / (spans.last + 2);
  return { width, height, left, top, bottom, step, x: (s) => left + (s + 1) * step, y: (offset) => bottom - (offset / Math.max(arena.bytes, 1)) * (bottom - top) };
}

function paintArena(chart, graph, arena, spans) {
  if (!chart.clientWidth) return;
  const height = Math.max(360, Math.min(innerHeight - 230, 720));
  chart.dataset.height = height;
  chart.style.height = `${height}px`;
  const c = prepared(chart, chart.clientWidth, height);
  const s = arenaScales(chart, arena, spans);
  c.font = "11px system-ui, sans-serif";
  c.textBaseline = "middle";
  for (const [first, last, offset, bytes, tensors] of arena.blocks) {
    const maker = graph.maker.get(tensors[0]);
    const op = maker === undefined ? undefined : graph.ops[maker];
    const colours = op ? familyColours(familyOf(op)) : { fill: palette.raised, border: palette.faint };
    const x = s.x(first), y = s.y(offset + bytes), w = Math.max(1, (last - first + 1) * s.step - 0.5), h = Math.max(1, s.y(offset) - y - 0.5);
    c.fillStyle = colours.fill;
    c.fillRect(x, y, w, h);
    c.strokeStyle = colours.border;
    c.lineWidth = 0.8;
    if (w > 3 && h > 3) c.strokeRect(x + 0.4, y + 0.4, w - 0.8, h - 0.8);
    if (w > 70 && h > 14 && graph.tensors[tensors[0]]) {
      c.fillStyle = palette.text;
      c.textAlign = "left";
      c.fillText(shortened(c, graph.tensors[tensors[0]].n, w - 10), x + 5, y + h / 2);
    }
  }
  paintAxes(c, s, arena, spans);
}

function paintAxes(c, s, arena, spans) {
  const base = s.height - 22;
  const most = Math.max(...spans.alive, 1);
  c.fillStyle = palette.bar;
  spans.alive.forEach((bytes, n) => {
    const h = (bytes / most) * (BAND - 14);
    c.fillRect(s.left + n * s.step, base - h, Math.max(0.8, s.step - (s.step > 3 ? 0.6 : 0)), h);
  });
  c.fillStyle = palette.faint;
  c.textAlign = "right";
  for (let n = 0; n <= 4; n += 1) {
    const y = s.bottom - ((s.bottom - s.top) * n) / 4;
    c.fillText(size((arena.bytes * n) / 4), s.left - 7, Math.max(s.top + 5, y));
  }
  c.fillText(size(most), s.left - 7, base - BAND + 18);
  c.textAlign = "center";
  const every = Math.max(1, Math.ceil(60 / s.step), Math.ceil(spans.last / 20));
  for (let n = 0; n < spans.last; n += every) c.fillText(`#${arena.steps[n]}`, s.x(n) + s.step / 2, base + 12);
}

function blockAt(chart, arena, spans, event) {
  const box = chart.getBoundingClientRect();
  const s = arenaScales(chart, arena, spans);
  const x = event.clientX - box.left, y = event.clientY - box.top;
  return arena.blocks.find(([first, last, offset, bytes]) =>
    x >= s.x(first) && x <= s.x(last + 1) && y <= s.y(offset) + 0.5 && y >= s.y(offset + bytes) - 0.5);
}

function showRoofline(place) {
  const graph = facts.graphs[0];
  const rows = graph ? graph.ops.map((op, n) => ({ op, n })).filter(({ op }) => op.t > 0 && op.m > 0 && op.b > 0) : [];
  if (!rows.length) {
    place.append(el("p", { class: "note" }, "There is nothing to show: the model was not run, or no operator multiplies."));
    return;
  }
  const { macs, bytes } = facts.machine;
  const rest = graph.ops.filter((op) => op.t > 0 && !op.m);
  const sum = rest.reduce((total, op) => total + op.t, 0);
  place.append(el("h2", {}, "Roofline"), el("p", { class: "note" },
    `Each circle is an operator: MACs for each byte that it moves (to the right), and MACs a second that it reached (upwards); its area is its time. ` +
    `The roof is what NumPy reached on this machine, on one thread: ${quantity(macs)} MACs a second in a product of matrices, ${size(bytes)} a second in copying. ` +
    `Under the slope memory is what holds an operator up, under the level part arithmetic.` +
    (compiled(graph) ? " Compiled operators may rise above it." : "") +
    (rest.length ? ` ${rest.length} operators without MACs took ${duration(sum)}, ${percent(sum / graph.seconds)} of the time.` : "")));
  const tip = el("div", { class: "tip", hidden: "" });
  const frame = el("div", { class: "chart" }, tip);
  place.append(frame);
  frame.append(rooflinePicture(graph, rows, macs, bytes, tip, frame));
}

function rooflinePicture(graph, rows, macs, bytes, tip, frame) {
  const width = 1000, height = 520, left = 74, right = 20, top = 20, bottom = 46;
  const decade = (values, f) => values.map((v) => f(Math.log10(v)));
  const xs = [...rows.map(({ op }) => op.m / op.b), macs / bytes], ys = [...rows.map(({ op }) => op.m / op.t), macs];
  const x0 = Math.min(...decade(xs, Math.floor)), x1 = Math.max(...decade(xs, Math.ceil), x0 + 1);
  const y0 = Math.min(...decade(ys, Math.floor)), y1 = Math.max(...decade(ys, Math.ceil), y0 + 1);
  const x = (v) => left + ((Math.log10(v) - x0) / (x1 - x0)) * (width - left - right);
  const y = (v) => height - bottom - ((Math.log10(v) - y0) / (y1 - y0)) * (height - top - bottom);
  const parts = [];
  for (let d = x0; d <= x1; d += 1) parts.push(svg("line", { class: "axis", x1: x(10 ** d), x2: x(10 ** d), y1: top, y2: height - bottom }), svg("text", { x: x(10 ** d), y: height - bottom + 18, "text-anchor": "middle" }, d < 0 ? String(Number((10 ** d).toPrecision(1))) : quantity(10 ** d)));
  for (let d = y0; d <= y1; d += 1) parts.push(svg("line", { class: "axis", x1: left, x2: width - right, y1: y(10 ** d), y2: y(10 ** d) }), svg("text", { x: left - 8, y: y(10 ** d) + 4, "text-anchor": "end" }, quantity(10 ** d)));
  const knee = macs / bytes, foot = Math.max(10 ** x0, 10 ** y0 / bytes);
  parts.push(svg("path", { class: "roof", d: `M${x(foot)} ${y(foot * bytes)} L${x(knee)} ${y(macs)} L${width - right} ${y(macs)}` }),
    svg("text", { class: "roof-name", x: width - right, y: y(macs) - 7, "text-anchor": "end" }, `${quantity(macs)} MACs/s`),
    svg("text", { x: (width + left) / 2, y: height - 6, "text-anchor": "middle" }, "MACs for each byte"),
    svg("text", { x: 14, y: height / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${height / 2})` }, "MACs a second"));
  const longest = Math.max(...rows.map(({ op }) => op.t));
  for (const { op, n } of [...rows].sort((a, b) => b.op.t - a.op.t)) {
    const circle = svg("circle", { cx: x(op.m / op.b), cy: y(op.m / op.t), r: 3 + 15 * Math.sqrt(op.t / longest), "data-op": n });
    circle.family = familyOf(op);
    paintCircle(circle);
    circle.addEventListener("pointermove", (event) => {
      tip.hidden = false;
      fillTip(tip, graph, n + graph.first);
      tip.append(el("div", {}, `${quantity(op.m / op.t)} MACs a second, ${Number((op.m / op.b).toPrecision(3))} for each byte`));
      placeTip(tip, frame, event);
    });
    circle.addEventListener("pointerleave", () => { tip.hidden = true; });
    circle.addEventListener("click", () => goTo(0, n + graph.first));
    parts.push(circle);
  }
  return svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "Roofline" }, parts);
}

function paintCircle(circle) {
  const colours = familyColours(circle.family);
  circle.style.fill = colours.border;
  circle.style.fillOpacity = "0.55";
  circle.style.stroke = colours.border;
}
