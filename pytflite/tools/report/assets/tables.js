// Tables of operators and tensors: sorted by a click on a title, filtered by typing.

const AT_ONCE = 300; // rows that are drawn before somebody asks for all

/** columns: {title, value(row) to sort by, show(row) text, number, share(row)}. */
function makeTable(place, columns, rows, text, choose) {
  const input = el("input", { type: "search", placeholder: "filter", "aria-label": "Filter rows", spellcheck: "false" });
  const count = el("output");
  const body = el("tbody");
  const more = el("button", { type: "button" }, "show all");
  const order = { column: 0, down: false };
  let all = false;
  const hay = rows.map((row) => text(row).toLowerCase());

  function fill() {
    const query = input.value.trim().toLowerCase();
    const chosen = rows.flatMap((row, n) => (!query || hay[n].includes(query) ? [row] : []));
    const { value } = columns[order.column];
    const sign = order.down ? -1 : 1;
    chosen.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
      return sign * (typeof x === "string" ? x.localeCompare(y, "en", { numeric: true }) : x - y);
    });
    const shown = all ? chosen : chosen.slice(0, AT_ONCE);
    body.replaceChildren(...shown.map(rowElement));
    count.textContent = shown.length < chosen.length ? `${shown.length} of ${chosen.length} rows` : `${chosen.length} row${chosen.length === 1 ? "" : "s"}`;
    more.hidden = shown.length === chosen.length;
    heads.forEach((head, n) => head.setAttribute("aria-sort", n !== order.column ? "none" : order.down ? "descending" : "ascending"));
  }

  function rowElement(row) {
    const element = el("tr", { tabindex: "0" }, columns.map((column) => {
      const cell = el("td", { class: column.share ? "number share" : column.number ? "number" : null, title: column.long ? column.show(row) : null },
        column.long ? brief(column.show(row), 72) : column.show(row));
      if (column.share) cell.style.backgroundSize = `${100 * column.share(row)}% 3px`;
      return cell;
    }));
    element.addEventListener("click", () => choose(row));
    element.addEventListener("keydown", (event) => { if (event.key === "Enter") choose(row); });
    return element;
  }

  const heads = columns.map((column, n) => el("th", { class: column.number ? "number" : null, scope: "col" },
    el("button", { type: "button", onclick: () => {
      order.down = order.column === n ? !order.down : Boolean(column.number && n);
      order.column = n;
      fill();
    } }, column.title)));
  input.addEventListener("input", fill);
  more.addEventListener("click", () => { all = true; fill(); });
  place.append(el("div", { class: "tools" }, input, count, more),
    el("div", { class: "rows" }, el("table", {}, el("thead", {}, el("tr", {}, heads)), body)));
  fill();
}

const many = () => facts.graphs.length > 1;
const blank = (value, show) => (value === undefined || value === 0 ? "" : show(value));

function showOperators(place) {
  const rows = facts.graphs.flatMap((graph, g) => graph.ops.map((op, n) => ({ graph, g, op, n, out: graph.tensors[op.out[0]] })));
  const columns = [
    { title: "#", number: true, value: (r) => r.g * 1e6 + r.n, show: (r) => String(r.n) },
    ...(many() ? [{ title: "subgraph", value: (r) => r.graph.name, show: (r) => r.graph.name }] : []),
    { title: "operator", value: (r) => r.op.k, show: (r) => r.op.k },
    ...[["t", "time", duration, "seconds"], ["m", "MACs", quantity, "macs"], ["b", "bytes", size, "bytes"], ["e", "error", precise, ""]]
      .filter(([key]) => measures().includes(key))
      .map(([key, title, show, whole]) => ({ title, number: true, value: (r) => r.op[key], show: (r) => blank(r.op[key], show), share: (r) => (whole ? (r.graph[whole] ? (r.op[key] || 0) / r.graph[whole] : 0) : r.op[key] || 0) })),
    { title: "output", long: true, value: (r) => (r.out ? r.out.n : ""), show: (r) => (r.out ? r.out.n : "") },
    { title: "shape", value: (r) => (r.out ? r.out.s : ""), show: (r) => (r.out ? r.out.s : "") },
    { title: "type", value: (r) => (r.out ? r.out.t : ""), show: (r) => (r.out ? r.out.t : "") },
    { title: "options", value: (r) => optionsText(r.op), show: (r) => optionsText(r.op) },
    { title: "note", value: (r) => r.op.st || "", show: (r) => r.op.st || "" },
  ];
  place.append(byKind());
  makeTable(place, columns, rows, (r) => `#${r.n} ${r.op.k} ${r.out ? `${r.out.n} ${r.out.s} ${r.out.t}` : ""} ${optionsText(r.op)} ${r.op.st || ""}`,
    (r) => goTo(r.g, r.n + r.graph.first));
}

const optionsText = (op) => op.opt.map(([name, value]) => `${name} ${value}`).join(", ");

/** Each kind's count and its share of the time, or else of the MACs. */
function byKind() {
  const graph = facts.graphs[0];
  const [key, whole, show] = graph.seconds ? ["t", graph.seconds, duration] : ["m", graph.macs, quantity];
  const kinds = new Map();
  for (const op of graph.ops) {
    const kind = kinds.get(op.k) || { count: 0, sum: 0, family: familyOf(op) };
    kind.count += 1;
    kind.sum += op[key] || 0;
    kinds.set(op.k, kind);
  }
  const sorted = [...kinds].sort((a, b) => b[1].sum - a[1].sum || b[1].count - a[1].count).slice(0, 24);
  return el("div", { class: "kinds" }, sorted.map(([name, { count, sum, family }]) => {
    const bar = el("i");
    bar.style.width = part(whole ? sum / whole : 0);
    bar.style.background = familyColours(family).border;
    return el("div", {}, el("span", { title: name }, `${count} ${name}`), el("div", {}, bar),
      el("span", { class: "right" }, sum ? show(sum) : ""));
  }));
}

function showTensors(place) {
  const rows = facts.graphs.flatMap((graph, g) => graph.tensors.map((tensor, n) => ({ graph, g, tensor, n, v: tensor.v || {} })));
  const field = (title, key, number = false, show = (x) => String(x)) => ({
    title, number, long: key === "n", value: (r) => r.tensor[key] ?? (number ? undefined : ""), show: (r) => (r.tensor[key] === undefined ? "" : show(r.tensor[key])),
  });
  const value = (title, key, show = (x) => String(x)) => ({
    title, number: true, value: (r) => (typeof r.v[key] === "number" ? r.v[key] : undefined), show: (r) => (r.v[key] === undefined ? "" : show(r.v[key])),
  });
  const columns = [
    { title: "#", number: true, value: (r) => r.g * 1e6 + r.n, show: (r) => String(r.n) },
    ...(many() ? [{ title: "subgraph", value: (r) => r.graph.name, show: (r) => r.graph.name }] : []),
    field("tensor", "n"), field("type", "t"), field("shape", "s"), field("quantisation", "q"), field("role", "r"),
    field("bytes", "b", true, size), field("arena", "at", true),
    ...(facts.graphs.some((g) => g.tensors.some((t) => t.v)) ? [value("min", "min"), value("max", "max"), value("mean", "mean"), value("saturated", "sat", percent), value("zeros", "zero", percent)] : []),
    { title: "made by", value: (r) => r.graph.maker.get(r.n), show: (r) => (r.graph.maker.has(r.n) ? `${r.graph.ops[r.graph.maker.get(r.n)].k} #${r.graph.maker.get(r.n)}` : "") },
    { title: "readers", number: true, value: (r) => (r.graph.readers.get(r.n) || []).length, show: (r) => String((r.graph.readers.get(r.n) || []).length) },
  ];
  makeTable(place, columns, rows, (r) => `${r.tensor.n} ${r.tensor.t} ${r.tensor.s} ${r.tensor.r || ""} ${r.tensor.q || ""}`, (r) => {
    const maker = r.graph.maker.get(r.n), input = r.graph.in.indexOf(r.n);
    const readers = r.graph.readers.get(r.n) || [];
    if (maker !== undefined) goTo(r.g, maker + r.graph.first);
    else if (input >= 0) goTo(r.g, input);
    else if (readers.length) goTo(r.g, readers[0] + r.graph.first);
  });
}
