// What all parts share: the facts, elements made of text alone, numbers for readers.

const facts = JSON.parse(document.getElementById("facts").textContent);
const state = { tab: "graph", graph: 0, node: -1, colour: "kind", query: "", trail: [] };
const byId = (id) => document.getElementById(id);

/** An element. Strings become text nodes, never markup: names come from an untrusted file. */
function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "onclick") element.addEventListener("click", value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}

function scaled(count, unit) {
  for (const prefix of ["", "k", "M", "G"]) {
    if (Math.abs(count) < 1000) {
      return `${prefix === "" ? Math.round(count) : Number(count.toPrecision(3))} ${prefix}${unit}`.trim();
    }
    count /= 1000;
  }
  return `${Number(count.toPrecision(3))} T${unit}`;
}
const size = (count) => scaled(count, "B");
const quantity = (count) => scaled(count, "");

function duration(seconds) {
  if (seconds >= 1) return `${Number(seconds.toPrecision(3))} s`;
  if (seconds >= 1e-3) return `${Number((seconds * 1e3).toPrecision(3))} ms`;
  return `${Number((seconds * 1e6).toPrecision(3))} µs`;
}
/** A length for CSS. */
const part = (share) => `${100 * Math.max(0, Math.min(1, share))}%`;
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
/** A share of which thousandths matter, too. */
const precise = (share) => `${Number((100 * share).toPrecision(2))} %`;

// Who makes and who reads each tensor, and what each node of the drawing is.
for (const graph of facts.graphs) {
  graph.maker = new Map();
  graph.readers = new Map();
  graph.ops.forEach((op, number) => {
    for (const t of op.out) if (t >= 0) graph.maker.set(t, number);
    for (const t of new Set(op.in)) {
      if (t < 0) continue;
      if (!graph.readers.has(t)) graph.readers.set(t, []);
      graph.readers.get(t).push(number);
    }
  });
  graph.first = graph.in.length;
  graph.last = graph.first + graph.ops.length;
  graph.count = graph.layout.nodes.length;
  graph.into = Array.from({ length: graph.count }, () => []);
  graph.outof = Array.from({ length: graph.count }, () => []);
  graph.layout.lines.forEach(([, source, target], line) => {
    graph.outof[source].push(line);
    graph.into[target].push(line);
  });
}

const here = () => facts.graphs[state.graph];

/** The operator at a node, or undefined where it is an input or output. */
function operatorAt(graph, node) {
  return node >= graph.first && node < graph.last ? graph.ops[node - graph.first] : undefined;
}

/** The tensor that a node without an operator stands for. */
function tensorAt(graph, node) {
  return node < graph.first ? graph.in[node] : graph.out[node - graph.last];
}

/** A name for a line: converters join dozens of them. */
const brief = (name, length = 48) => (name.length > length ? `${name.slice(0, length - 1)}…` : name);

function titleOf(graph, node) {
  const op = operatorAt(graph, node);
  return op ? op.k : (graph.tensors[tensorAt(graph, node)] || { n: "" }).n;
}

function shapeOf(graph, node) {
  const op = operatorAt(graph, node);
  const tensor = graph.tensors[op ? op.out[0] : tensorAt(graph, node)];
  return tensor ? `${tensor.s} ${tensor.t}` : "";
}
