// Colours: of operators by kind, or by a measure; the theme.

// Hues a good way apart; families of one look are those that are rarely met together.
const HUES = {
  convolution: 216, dense: 255, pooling: 187, elementwise: 140, normalization: 288, reduction: 84,
  recurrent: 328, control: 2, indexing: 48, quantize: 28, resize: 166, random: 310, strings: 100,
  variables: 340, detection: 270, signal: 200, stablehlo: 232, custom: 15,
};
const MEASURES = {
  kind: { title: "kind of operator" },
  t: { title: "time", show: duration },
  m: { title: "MACs", show: quantity },
  b: { title: "bytes", show: size },
  e: { title: "error", show: precise },
};

let palette = {};

function readPalette() {
  const style = getComputedStyle(document.documentElement);
  palette = { dark: isDark() };
  for (const name of ["ground", "surface", "raised", "line", "text", "faint", "accent", "edge", "node-text", "from", "to", "bar"]) {
    palette[name] = style.getPropertyValue(`--${name}`).trim();
  }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

const familyOf = (op) => (Object.hasOwn(facts.docs, op.k) ? facts.docs[op.k].family : "unknown");

/** Fill, border and text of a family of operators. */
function familyColours(family) {
  const hue = HUES[family];
  const strength = hue === undefined ? 6 : 62;
  return palette.dark
    ? { fill: `hsl(${hue ?? 215} ${strength * 0.62}% 25%)`, border: `hsl(${hue ?? 215} ${strength}% 56%)`, text: palette["node-text"] }
    : { fill: `hsl(${hue ?? 215} ${strength * 1.2}% 90%)`, border: `hsl(${hue ?? 215} ${strength * 0.8}% 52%)`, text: palette["node-text"] };
}

/** The same for a share from 0 to 1 of the greatest value. */
function shareColours(share) {
  const t = Math.sqrt(Math.max(0, Math.min(1, share)));
  const light = palette.dark ? 17 + 45 * t : 97 - 47 * t;
  return {
    fill: `hsl(${40 - 26 * t} ${30 + 60 * t}% ${light}%)`,
    border: palette.dark ? `hsl(${40 - 26 * t} ${20 + 60 * t}% ${light + 16}%)` : `hsl(${40 - 26 * t} ${20 + 60 * t}% ${light - 22}%)`,
    text: light > 44 ? "#14110d" : "#f2f4f8",
  };
}

function greatest(graph, measure) {
  return graph.ops.reduce((most, op) => Math.max(most, op[measure] || 0), 0);
}

/** Which measures any operator of any subgraph has. */
function measures() {
  return Object.keys(MEASURES).filter(
    (m) => m === "kind" || facts.graphs.some((g) => g.ops.some((op) => op[m] !== undefined)),
  );
}

function coloursOf(graph, node, most) {
  const op = operatorAt(graph, node);
  if (!op) return { fill: palette.surface, border: palette.faint, text: palette.text };
  if (state.colour === "kind") return familyColours(familyOf(op));
  // Of an operator that the reference does not have no error is known, which is not none.
  if (state.colour === "e" && op.e === undefined) return { fill: palette.surface, border: palette.faint, text: palette.faint };
  return shareColours(most ? (op[state.colour] || 0) / most : 0);
}

function drawLegend() {
  const legend = byId("legend");
  const graph = here();
  if (state.colour === "kind") {
    const counts = new Map();
    for (const op of graph.ops) counts.set(familyOf(op), (counts.get(familyOf(op)) || 0) + 1);
    legend.replaceChildren(...[...counts].sort((a, b) => b[1] - a[1]).map(([family, count]) => {
      const box = el("i");
      const colours = familyColours(family);
      box.style.background = colours.fill;
      box.style.borderColor = colours.border;
      return el("span", {}, box, `${family} ${count}`);
    }));
  } else {
    const ramp = el("span", { class: "ramp" });
    const stops = [0, 0.06, 0.25, 0.56, 1].map((s) => `${shareColours(s).fill} ${100 * s}%`);
    ramp.style.background = `linear-gradient(90deg, ${stops.join(", ")})`;
    const { title, show } = MEASURES[state.colour];
    legend.replaceChildren(el("span", {}, title), el("span", {}, "0"), ramp, el("span", {}, String(show(greatest(graph, state.colour)))));
  }
  legend.hidden = !graph.ops.length;
}
