// The page comes to life: tabs, theme, controls, and where the address says to begin.

const TABS = {
  graph: ["Graph", null],
  operators: ["Operators", showOperators],
  tensors: ["Tensors", showTensors],
  memory: ["Memory", showMemory],
  roofline: ["Roofline", showRoofline],
};

function showTab(name) {
  state.tab = name;
  for (const tab of Object.keys(TABS)) {
    const section = byId(`view-${tab}`);
    section.hidden = tab !== name;
    byId(`tab-${tab}`).setAttribute("aria-selected", String(tab === name));
    if (tab === name && TABS[tab][1] && !section.childNodes.length) TABS[tab][1](section);
  }
  remember();
  if (name === "graph") redraw();
}

/** The address names what is shown, so that it can be passed on. */
function remember() {
  const graph = here();
  const place = state.tab !== "graph" ? state.tab : `graph-${state.graph}${state.node >= 0 ? `-${state.node - graph.first}` : ""}`;
  try {
    history.replaceState(null, "", `#${place}`);
  } catch {
    // A page within a frame may have no address of its own.
  }
}

function begins(place) {
  if (place !== "graph" && Object.hasOwn(TABS, place)) return showTab(place);
  const [, number, node] = place.match(/^graph-(\d+)(?:-(-?\d+))?$/) || [null, "0"];
  const graph = facts.graphs[Number(number)] ? Number(number) : 0;
  const chosen = node === undefined ? -1 : Number(node) + facts.graphs[graph].first;
  enter(graph, chosen < facts.graphs[graph].count ? chosen : -1);
  return undefined;
}

function repaint() {
  readPalette();
  drawLegend();
  redraw();
  for (const chart of document.querySelectorAll(".chart canvas")) chart.repaint();
  for (const circle of document.querySelectorAll(".chart circle")) paintCircle(circle);
  const kinds = byId("view-operators").querySelector(".kinds");
  if (kinds) kinds.replaceWith(byKind());
  if (state.node >= 0) showDetails();
}

function setUp() {
  byId("title").textContent = facts.title;
  const graph = facts.graphs[0];
  const summary = facts.about.filter(([name]) => name === "size" || name === "operators").map(([, value]) => value);
  if (graph && graph.macs) summary.push(`${quantity(graph.macs)} MACs`);
  if (graph && graph.seconds) summary.push(`${duration(graph.seconds)} a run on ${facts.given}`);
  byId("summary").textContent = summary.join(" · ");
  byId("problems").hidden = !facts.problems.length;
  byId("problems").append(...facts.problems.slice(0, 20).map((problem) => el("div", {}, problem)));
  for (const [name, [title]] of Object.entries(TABS)) {
    byId("tabs").append(el("button", { id: `tab-${name}`, role: "tab", type: "button", "aria-controls": `view-${name}`, onclick: () => showTab(name) }, title));
  }
  byId("subgraph-label").hidden = facts.graphs.length < 2;
  byId("subgraph").append(...facts.graphs.map((g, n) => el("option", { value: n }, `${n}: ${g.name}`)));
  byId("colour").append(...measures().map((m) => el("option", { value: m }, MEASURES[m].title)));
  if (facts.compare) byId("colour").value = state.colour = "e";
  byId("subgraph").addEventListener("change", (event) => enter(Number(event.target.value), -1, { from: { graph: state.graph, node: state.node } }));
  byId("colour").addEventListener("change", (event) => { state.colour = event.target.value; drawLegend(); redraw(); });
  byId("search").addEventListener("input", (event) => search(event.target.value));
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") nextMatch(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") canvas.focus();
  });
  for (const [id, action] of [["larger", () => zoom(1.25)], ["smaller", () => zoom(0.8)], ["fit", fit], ["back", goBack], ["help", KEYS["?"]]]) {
    byId(id).addEventListener("click", action);
  }
  byId("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    repaint();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  new ResizeObserver(redraw).observe(byId("stage"));
}

if (facts.graphs.length) {
  const place = location.hash.slice(1);
  readPalette();
  setUp();
  showTab("graph");
  begins(place);
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
} else {
  byId("title").textContent = `${facts.title}: a model without subgraphs`;
}

// For the console, and for tests.
globalThis.report = { facts, state, view, select, enter, placeOf };
