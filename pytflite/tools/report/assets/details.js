// The panel beside the graph: an operator, a tensor, or the model itself.

function showDetails() {
  const graph = here();
  const op = operatorAt(graph, state.node);
  const panel = byId("details");
  panel.scrollTop = 0;
  panel.replaceChildren(...(state.node < 0 ? aboutModel(graph)
    : op ? aboutOperator(graph, op, state.node - graph.first) : aboutEnd(graph, state.node)).filter(Boolean));
}

function pairs(rows) {
  return el("dl", { class: "pairs" }, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function aboutModel(graph) {
  const rows = [...facts.about];
  if (graph.macs !== undefined) rows.push(["MACs", quantity(graph.macs)], ["bytes moved", size(graph.bytes)]);
  if (graph.arena) rows.push(["memory", `${size(graph.arena.bytes)} for tensors, ${size(graph.arena.scratch)} to work in`]);
  if (graph.seconds) rows.push(["time", `${duration(graph.seconds)} a run${compiled(graph)}`]);
  if (facts.given) rows.push(["run on", facts.given]);
  const parts = [el("h2", {}, facts.title), pairs(rows)];
  if (facts.compare) parts.push(...comparison());
  if (graph.missing) parts.push(el("p", { class: "note" }, `${graph.missing} more operators of this subgraph are not shown.`));
  if (facts.graphs.length > 1) {
    parts.push(el("h3", {}, "Subgraphs"), ...facts.graphs.map((g, n) => el("p", {},
      el("button", { class: "link", type: "button", onclick: () => enter(n) }, g.name),
      ` ${g.ops.length} operators${callers(n)}`)));
  }
  parts.push(el("p", { class: "note" }, "Choose an operator to see what it is, what it takes and gives, and what it computes. ? shows the keys."),
    el("p", { class: "note" }, `Made by pytflite ${facts.pytflite}.`));
  return parts;
}

/** Whose times these are, if not NumPy's alone. */
function compiled(graph) {
  const timed = graph.ops.filter((op) => op.t), count = timed.filter((op) => op.w === "jit").length;
  return count ? `, ${count === timed.length ? "all" : `${count} of ${timed.length}`} operators compiled` : "";
}

/** What holding the model to another has found, with ways to the layers that matter. */
function comparison() {
  const { lines, wrong, greatest } = facts.compare;
  const named = [["goes wrong", wrong], ["greatest error", greatest]].filter(([, n], k, all) => n >= 0 && n < facts.graphs[0].ops.length && (k === 0 || n !== all[0][1]));
  return [el("h3", {}, `Beside ${facts.compare.with}`), ...lines.map((line) => el("p", {}, line)),
    el("p", {}, named.map(([label, n]) => [`${label}: `, el("button", { class: "link", type: "button", onclick: () => enter(0, n + facts.graphs[0].first) }, `${facts.graphs[0].ops[n].k} #${n}`), " "]))];
}

function callers(number) {
  const found = facts.graphs.flatMap((g) => g.ops.flatMap((op) => (op.sub || []).filter(([, s]) => s === number).map(([label]) => `${label} of ${op.k}`)));
  return found.length ? `, ${[...new Set(found)].slice(0, 3).join(", ")}` : "";
}

function aboutEnd(graph, node) {
  const index = tensorAt(graph, node);
  return [el("h2", {}, titleOf(graph, node)), el("p", {}, el("span", { class: "chip" }, node < graph.first ? "input" : "output")),
    tensorCard(graph, index)];
}

const STATES = {
  folded: "folded: computed once, when the model is planned",
  unused: "not run: nothing that is asked for depends on it",
  view: "a view: the same memory under another shape, which takes no time",
};

function aboutOperator(graph, op, number) {
  const chip = el("span", { class: "chip strong" }, familyOf(op));
  const colours = familyColours(familyOf(op));
  chip.style.background = colours.fill;
  chip.style.borderColor = colours.border;
  const parts = [el("h2", {}, op.k), el("p", {}, chip, el("span", { class: "chip" }, `operator #${number}`), el("span", { class: "chip" }, `version ${op.v}`), op.w === "jit" ? el("span", { class: "chip" }, "compiled") : null)];
  if (op.st) parts.push(el("p", { class: "note" }, STATES[op.st]));
  parts.push(meter("time", op.t, graph.seconds, duration), meter("MACs", op.m || undefined, graph.macs, quantity), meter("bytes", op.b || undefined, graph.bytes, size));
  if (op.n) parts.push(el("p", { class: "note" }, `${op.n} times in a run, which is the time of all of them`));
  if (op.t && op.m) parts.push(el("p", { class: "note" }, `${quantity((op.m * (op.n || 1)) / op.t)} MACs a second, ${Number((op.m / op.b).toPrecision(3))} for each byte moved`));
  if (op.x) {
    parts.push(el("h3", {}, `Beside ${facts.compare.with}`), meter("error", op.e, 1, precise), pairs(op.x));
    if (graph === facts.graphs[0] && number === facts.compare.wrong) parts.push(el("p", { class: "wrong" }, "Here something goes wrong: this layer loses what its inputs still had."));
  }
  for (const [label, called] of op.sub || []) {
    parts.push(el("p", {}, `${label}: `, el("button", { class: "link", type: "button", onclick: () => enter(called, -1, { from: { graph: state.graph, node: state.node } }) }, `subgraph ${called} ${facts.graphs[called].name}`)));
  }
  if (op.opt.length) parts.push(el("h3", {}, "Options"), pairs(op.opt));
  parts.push(el("h3", {}, op.out.length > 1 ? "Outputs" : "Output"), ...op.out.map((t) => tensorCard(graph, t)));
  parts.push(el("h3", {}, op.in.length > 1 ? "Inputs" : "Input"), ...op.in.map((t) => tensorCard(graph, t)));
  parts.push(...documentation(op));
  return parts;
}

function meter(name, value, whole, show) {
  if (value === undefined) return null;
  const share = whole ? value / whole : 0;
  const bar = el("i");
  bar.style.width = part(share);
  return el("div", { class: "meter" }, el("span", {}, name), el("div", {}, bar), el("span", {}, `${show(value)}${whole && show !== precise ? `, ${percent(share)}` : ""}`));
}

function documentation(op) {
  if (!Object.hasOwn(facts.docs, op.k)) return [el("h3", {}, "Documentation"), el("p", { class: "note" }, "pytflite does not know this operator.")];
  const doc = facts.docs[op.k];
  const where = Object.entries(doc.where).map(([name, types]) => `${name} in ${types === "*" ? "any type" : types.replaceAll("|", ", ")}`);
  return [el("h3", {}, "What it computes"), el("div", { class: "doc" }, proseAndFormulas(doc.doc)),
    pairs([["types", el("span", { class: "mono" }, [...doc.types, ...where].join("\n"))], ["versions", `${doc.versions[0]} to ${doc.versions[1]}`],
      ["against LiteRT", doc.tolerance ? `integers to the bit, floats within ${doc.tolerance} ulps` : "to the bit"], ["defined in", el("code", {}, doc.file)]])];
}

/** Paragraphs flow; what is indented (equations, tables) stays as it is. */
function proseAndFormulas(text) {
  return text.split(/\n\s*\n/).map((block) => (/^ {2,}/m.test(block) ? el("pre", {}, block) : el("p", {}, block.replace(/\n(?!Source:|Types:)/g, " "))));
}

function tensorCard(graph, index) {
  const tensor = graph.tensors[index];
  if (!tensor) return el("div", { class: "tensor" }, el("span", { class: "kind" }, "left out"));
  const card = el("div", { class: "tensor" }, el("div", { class: "name", title: tensor.n }, brief(tensor.n, 110) || `tensor ${index}`),
    el("div", { class: "kind" }, [`${tensor.t} ${tensor.s}`, tensor.r, tensor.b === undefined ? null : size(tensor.b), tensor.d ? `in the file ${tensor.d}` : null].filter(Boolean).join(" · ")));
  if (tensor.q) card.append(el("div", { class: "kind" }, `real value: ${tensor.q}`));
  if (tensor.qs) card.append(el("details", {}, el("summary", {}, "scales"), el("code", {}, tensor.qs.join(" "))));
  if (tensor.at !== undefined) card.append(el("div", { class: "kind" }, `in the arena at ${tensor.at}${tensor.as === undefined ? "" : `, in the place of ${brief(graph.tensors[tensor.as].n)}`}`));
  const ends = el("div", { class: "ends" });
  const maker = graph.maker.get(index);
  if (maker !== undefined && maker !== state.node - graph.first) ends.append("from ", opLink(graph, maker), " ");
  const readers = (graph.readers.get(index) || []).filter((n) => n !== state.node - graph.first);
  if (readers.length) ends.append("read by ", ...readers.slice(0, 6).flatMap((n) => [opLink(graph, n), " "]), readers.length > 6 ? `and ${readers.length - 6} more` : "");
  if (ends.childNodes.length) card.append(ends);
  if (tensor.v) card.append(...valueParts(tensor.v));
  return card;
}

function opLink(graph, number) {
  return el("button", { class: "link", type: "button", onclick: () => select(number + graph.first) }, `${graph.ops[number].k} #${number}`);
}

function valueParts(v) {
  const shown = (x) => (typeof x === "number" ? String(Number(x.toPrecision(5))) : String(x));
  const rows = [["min", v.min], ["max", v.max], ["mean", v.mean], ["deviation", v.std]].filter(([, x]) => x !== undefined).map(([n, x]) => [n, shown(x)]);
  if (v.zero) rows.push(["zeros", percent(v.zero)]);
  if (v.sat !== undefined) rows.push(["saturated", percent(v.sat)]);
  if (v.qmin !== undefined) rows.push(["as integers", `${v.qmin} to ${v.qmax}`]);
  if (v.odd) rows.push(["not finite", percent(v.odd)]);
  const parts = [el("div", { class: "numbers" }, rows.map(([name, value]) => el("span", {}, el("b", {}, name), value)))];
  if (v.hist) parts.push(histogram(v.hist), el("div", { class: "scale" }, el("span", {}, shown(v.min)), el("span", {}, "√ count"), el("span", {}, shown(v.max))));
  if (v.img) {
    const [uri, width, height, caption] = v.img;
    parts.push(el("figure", {}, el("img", { src: uri, width, height, alt: `feature maps, ${caption}` }), el("figcaption", {}, caption)));
    parts.at(-1).firstChild.style.aspectRatio = `${width} / ${height}`;
  }
  if (v.top) parts.push(pairs(v.top));
  if (v.first && v.first.length) parts.push(el("details", {}, el("summary", {}, "first values"), el("code", {}, v.first.join("  "))));
  return parts;
}

function histogram(counts) {
  const most = Math.max(...counts);
  const bars = counts.map((count, n) => {
    const height = count ? Math.max(1, 54 * Math.sqrt(count / most)) : 0;
    return svg("rect", { x: n * 10 + 0.5, y: 56 - height, width: 9, height }, svg("title", {}, String(count)));
  });
  return svg("svg", { class: "histogram", viewBox: `0 0 ${counts.length * 10} 56`, preserveAspectRatio: "none", role: "img", "aria-label": "histogram, heights as square roots of counts" },
    bars, svg("line", { x1: 0, x2: counts.length * 10, y1: 56, y2: 56 }));
}
