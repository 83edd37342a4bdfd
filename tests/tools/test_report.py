"""The report, without a browser: the layout's properties, the facts, escaping, exports."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys
import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytflite.errors import InputError
from pytflite.model.dtypes import FLOAT32, INT8
from pytflite.model.graph import Quantization, Tensor
from pytflite.model.model import Model
from pytflite.runtime.feature_maps import picture, png
from pytflite.tools.doodle import model_path
from pytflite.tools.report import Report, report
from pytflite.tools.report.facts import MAX_OPERATORS
from pytflite.tools.report.layout import COLUMN_GAP, HEIGHT, Edge, Layout, lay_out
from pytflite.tools.report.ordering import crossings, order
from pytflite.tools.report.placing import nearest
from pytflite.tools.report.ranking import rank
from pytflite.tools.report.values import statistics
from tests.graphs import Graph, build

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&{{script}}"


# --- layout ------------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[float], list[Edge]]:
    """Graphs without cycles: up to 24 nodes, most fed by one or two before them."""
    count = draw(st.integers(1, 24))
    widths = [float(draw(st.integers(20, 200))) for _ in range(count)]
    edges = []
    for target in range(1, count):
        sources = draw(st.sets(st.integers(0, target - 1), max_size=3))
        edges += [Edge(source, target, source) for source in sorted(sources)]
    return widths, edges


@given(graphs())
def test_layers_are_respected_and_nothing_overlaps(graph: tuple[list[float], list[Edge]]) -> None:
    widths, edges = graph
    layout = lay_out(widths, edges)
    for edge, line in zip(edges, layout.lines, strict=True):
        assert layout.ranks[edge.source] < layout.ranks[edge.target]
        assert all(above[1] <= below[1] for above, below in pairwise(line))
        x, y = layout.nodes[edge.target]
        assert line[-1] == (x, y - HEIGHT / 2)
    for a, b in combinations(range(len(widths)), 2):
        (x, y), (u, v) = layout.nodes[a], layout.nodes[b]
        room = (widths[a] + widths[b]) / 2 + COLUMN_GAP
        assert abs(y - v) >= HEIGHT or abs(x - u) >= room - 0.2
    for (x, y), width in zip(layout.nodes, widths, strict=True):
        assert x - width / 2 >= -0.1 and x + width / 2 <= layout.width + 0.1
        assert y - HEIGHT / 2 >= 0 and y + HEIGHT / 2 <= layout.height
    assert layout == lay_out(widths, edges)  # deterministic


@given(graphs())
def test_lines_do_not_pass_through_nodes(graph: tuple[list[float], list[Edge]]) -> None:
    widths, edges = graph
    layout = lay_out(widths, edges)
    for line in layout.lines:
        for (x, y), (u, v) in pairwise(line):
            if x != u:
                continue  # it turns, between two layers
            for (at, middle), width in zip(layout.nodes, widths, strict=True):
                beside = abs(at - x) >= width / 2
                assert beside or v <= middle - HEIGHT / 2 or y >= middle + HEIGHT / 2


def bends(layout: Layout) -> int:
    return sum(a[0] != b[0] for line in layout.lines for a, b in pairwise(line))


def test_a_chain_is_straight_and_a_shortcut_runs_beside_it() -> None:
    chain = [Edge(n, n + 1, n) for n in range(9)]
    assert bends(lay_out([120.0] * 10, chain)) == 0
    layout = lay_out([120.0, 90.0] * 5, [*chain, Edge(2, 6, 2)])
    assert bends(layout) == 2  # out and in again
    assert len({x for x, _ in layout.nodes}) == 1


def test_what_feeds_a_late_node_lies_near_it() -> None:
    layout = lay_out([80.0] * 6, [Edge(0, 1, 0), Edge(1, 2, 1), Edge(2, 3, 2), Edge(4, 5, 4),
                                  Edge(3, 5, 3)])  # fmt: skip
    assert layout.ranks == [0, 1, 2, 3, 3, 4]


def test_crossings_are_counted_and_reduced() -> None:
    edges = [Edge(0, 5, 0), Edge(1, 4, 1), Edge(2, 3, 2)]
    layers = rank(6, edges)
    assert crossings(layers, [[0, 1, 2], [3, 4, 5]]) == 3
    assert crossings(layers, order(layers)) == 0


def test_edges_against_the_order_do_not_disturb() -> None:
    layout = lay_out([50.0] * 3, [Edge(0, 1, 0), Edge(1, 2, 1), Edge(2, 0, 2), Edge(1, 1, 1)])
    assert layout.ranks == [0, 1, 2] and len(layout.lines) == 4


@given(st.lists(st.tuples(st.floats(-99, 99), st.floats(0.1, 9)), min_size=1, max_size=12))
def test_places_are_the_nearest_that_keep_their_distance(pairs: list[tuple[float, float]]) -> None:
    wishes, weights = [list(column) for column in zip(*pairs, strict=True)]
    offsets = [7.0 * n for n in range(len(wishes))]
    found = nearest(wishes, weights, offsets)
    assert all(b - a >= 7 - 1e-6 for a, b in pairwise(found))

    def cost(places: Sequence[float]) -> float:
        return sum(w * (p - x) ** 2 for p, x, w in zip(places, wishes, weights, strict=True))

    # No shift of everything from one vertex on, to the right or left, is better and allowed.
    for n in range(len(found)):
        for shift in (0.01, -0.01):
            moved = [*found[:n], *(p + shift for p in found[n:])]
            if all(b - a >= 7 - 1e-9 for a, b in pairwise(moved)):
                assert cost(moved) >= cost(found) - 1e-6


def test_a_layout_of_two_thousand_operators_takes_seconds_at_most() -> None:
    """Four lanes of 500 with lines across and far ahead."""
    edges = [Edge(n - 4, n, n - 4) for n in range(4, 2000)]
    edges += [Edge(n, min(1999, n + 37), n) for n in range(0, 1960, 3)]
    start = perf_counter()
    layout = lay_out([130.0] * 2000, edges)
    assert len(layout.nodes) == 2000
    assert perf_counter() - start < 20  # 0.7 s on an idle machine


def test_no_nodes_at_all() -> None:
    assert lay_out([], []) == Layout(0.0, 0.0, [], [], [])


# --- facts -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def doodle() -> Report:
    return report(model_path("int8"))


def test_facts_of_a_model(doodle: Report) -> None:
    facts = doodle.facts
    (graph,) = facts["graphs"]
    assert facts["problems"] == [] and facts["title"] == "doodle_int8.tflite"
    first = graph["ops"][0]
    assert first["k"] == "CONV_2D" and first["m"] > 1000 and first["t"] > 0
    assert ["stride_w", "1"] in first["opt"]
    assert "CONV_2D: each output is a window" in facts["docs"]["CONV_2D"]["doc"]
    assert facts["docs"]["CONV_2D"]["family"] == "convolution"
    image = graph["tensors"][graph["in"][0]]
    assert image["n"] == "image" and image["r"] == "input" and image["v"]["size"] == 784
    assert sum(image["v"]["hist"]) == 784
    maps = graph["tensors"][first["out"][0]]["v"]
    assert maps["img"][0].startswith("data:image/png;base64,")
    answer = graph["tensors"][graph["out"][0]]["v"]
    assert len(answer["top"]) == 5 and 0 <= answer["min"] <= answer["max"] <= 1
    assert len(graph["layout"]["nodes"]) == len(graph["ops"]) + 2
    assert facts["machine"]["macs"] > 0 and facts["given"] == "random inputs, seed 0"


def test_arena_blocks_do_not_overlap(doodle: Report) -> None:
    arena = doodle.facts["graphs"][0]["arena"]
    assert arena["blocks"] and arena["least"] <= arena["bytes"]
    for a, b in combinations(arena["blocks"], 2):
        together = a[0] <= b[1] and b[0] <= a[1]
        assert not together or a[2] + a[3] <= b[2] or b[2] + b[3] <= a[2]
    assert all(offset + size <= arena["bytes"] for _, _, offset, size, _ in arena["blocks"])


def test_given_inputs_are_used() -> None:
    picture_ = np.linspace(0, 1, 784, dtype=np.float32).reshape(1, 28, 28, 1)
    facts = report(model_path("float32"), {"image": picture_}).facts
    graph = facts["graphs"][0]
    image = graph["tensors"][graph["in"][0]]["v"]
    assert (image["min"], image["max"]) == (0.0, 1.0) and facts["given"] == "the given inputs"
    with pytest.raises(InputError, match="no input 'other'"):
        report(model_path("float32"), {"other": picture_})


def test_without_a_run_there_are_no_times() -> None:
    graph = report(model_path("float32"), run=False).facts["graphs"][0]
    assert all("t" not in op for op in graph["ops"]) and graph["macs"] > 0
    assert all("v" not in tensor for tensor in graph["tensors"])


def loop() -> Model:
    """x = 0; while x < 3: x += 1."""
    main, condition, body = Graph("main"), Graph("condition"), Graph("body")
    for graph in (main, condition, body):
        graph.input("x", (1,), "INT32")
    main.output(main.op("WHILE", [0], (1,), "INT32", cond_subgraph_index=1, body_subgraph_index=2))
    condition.output(condition.op("LESS", [0, condition.constant(np.int32(3))], (1,), "BOOL"))
    body.output(body.op("ADD", [0, body.constant(np.int32(1))], (1,), "INT32"))
    return build(main, condition, body)


def test_subgraphs_are_linked() -> None:
    facts = report(loop()).facts
    assert [g["name"] for g in facts["graphs"]] == ["main", "condition", "body"]
    assert facts["graphs"][0]["ops"][0]["sub"] == [["cond", 1], ["body", 2]]
    assert facts["graphs"][2]["ops"][0]["b"] > 0  # planned, too
    assert facts["problems"] == []


def test_a_model_that_cannot_run_is_shown_nonetheless() -> None:
    graph = Graph()
    x = graph.input("x", (2, 3))
    graph.output(graph.op("NobodyKnowsThis", [x], (2, 3)))
    facts = report(build(graph)).facts
    assert "NobodyKnowsThis" in facts["problems"][0]
    assert facts["graphs"][0]["ops"][0]["k"] == "NobodyKnowsThis"
    assert "arena" not in facts["graphs"][0] and "NobodyKnowsThis" not in facts["docs"]


def test_folded_operators_and_views_are_marked() -> None:
    graph = Graph()
    x = graph.input("x", (2, 3))
    one = graph.op("ADD", [graph.constant(np.float32(1)), graph.constant(np.float32(2))], ())
    total = graph.op("MUL", [x, one], (2, 3))
    graph.output(graph.op("NEG", [graph.op("RESHAPE", [total], (6,), new_shape=(6,))], (6,)))
    ops = report(build(graph)).facts["graphs"][0]["ops"]
    assert [op.get("st") for op in ops] == ["folded", None, "view", None]


def test_large_random_inputs_are_refused() -> None:
    graph = Graph()
    graph.output(graph.op("NEG", [graph.input("x", (1 << 14, 1 << 13))], (1 << 14, 1 << 13)))
    assert "random inputs would be too large" in report(build(graph)).facts["problems"][0]


def test_a_page_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = Graph()
    x = graph.input("x" * 5000, (1,))
    for _ in range(30):
        x = graph.op("NEG", [x], (1,), output={"name": "y" * 5000})
    graph.output(x)
    model = build(graph)
    assert MAX_OPERATORS >= 2000
    monkeypatch.setattr("pytflite.tools.report.MAX_OPERATORS", 10)
    found = report(model)
    assert len(found.facts["graphs"][0]["ops"]) == 10
    assert found.facts["graphs"][0]["missing"] == 20
    assert "y" * 301 not in found.html


# --- values ------------------------------------------------------------------------------------


def test_statistics() -> None:
    found = statistics(np.array([-1, 0, 0, 3], np.float32), Tensor("t", (4,), FLOAT32))
    assert (found["min"], found["max"], found["mean"], found["zero"]) == (-1, 3, 0.5, 0.5)
    assert sum(found["hist"]) == 4 and "odd" not in found
    odd = statistics(np.array([np.nan, np.inf, 1, 2], np.float32), Tensor("t", (4,), FLOAT32))
    assert (odd["odd"], odd["min"], odd["max"]) == (0.5, 1, 2)
    nothing = statistics(np.array([np.nan], np.float32), Tensor("t", (1,), FLOAT32))
    assert "min" not in nothing and json.dumps(nothing, allow_nan=False)
    huge = statistics(np.array([-3e38, 3e38], np.float32), Tensor("t", (2,), FLOAT32))
    assert json.dumps(huge, allow_nan=False)


def test_statistics_of_a_large_tensor_know_its_extremes() -> None:
    array = np.zeros((1, 1 << 20), np.float32)
    array[0, 1], array[0, 3], array[0, 5] = -7, 9, np.nan
    found = statistics(array, Tensor("t", array.shape, FLOAT32))
    assert (found["min"], found["max"], found["size"]) == (-7, 9, 1 << 20)
    tensor = Tensor("t", array.shape, INT8, quantization=Quantization(0.5, 2))
    found = statistics(np.nan_to_num(array).astype(np.int8), tensor)
    assert (found["min"], found["max"]) == (-4.5, 3.5)


def test_statistics_of_weights_with_a_scale_for_each_channel() -> None:
    tensor = Tensor("w", (2, 2), INT8, quantization=Quantization([0.5, 2.0], [0, 0]))
    found = statistics(np.array([[1, 2], [1, 127]], np.int8), tensor)
    assert (found["min"], found["max"], found["first"][0]) == (0.5, 254, "0.5")


def test_statistics_of_quantised_values() -> None:
    tensor = Tensor("t", (4,), INT8, quantization=Quantization(0.5, 2))
    found = statistics(np.array([-128, 2, 4, 127], np.int8), tensor)
    assert (found["min"], found["max"], found["sat"]) == (-65, 62.5, 0.5)
    assert (found["qmin"], found["qmax"]) == (-128, 127)


def pixels_of(file: bytes) -> tuple[int, int, bytes]:
    """Width, height and rows of a PNG file; each chunk's sum is checked."""
    assert file.startswith(b"\x89PNG\r\n\x1a\n")
    at, width, height, data = 8, 0, 0, b""
    while at < len(file):
        (length,) = struct.unpack_from(">I", file, at)
        kind, body = file[at + 4 : at + 8], file[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", file, at + 8 + length)[0] == zlib.crc32(kind + body)
        if kind == b"IHDR":
            width, height = struct.unpack_from(">II", body)
        data += body if kind == b"IDAT" else b""
        at += 12 + length
    return width, height, zlib.decompress(data)


def test_pictures() -> None:
    assert pixels_of(png(np.arange(6, dtype=np.uint8).reshape(2, 3))) == (
        3, 2, bytes([0, 0, 1, 2, 0, 3, 4, 5]),
    )  # fmt: skip
    rgb = png(np.arange(12, dtype=np.uint8).reshape(2, 2, 3))
    assert pixels_of(rgb)[2] == bytes([0, *range(6), 0, *range(6, 12)])
    maps = picture(np.random.default_rng(0).normal(size=(1, 112, 112, 16)), 32)
    assert maps is not None and maps.caption == "16 of 32 channels"
    width, height, _ = pixels_of(b64decode(maps.uri.partition(",")[2]))
    assert (width, height) == (maps.width, maps.height) == (4 * 57 - 1, 4 * 57 - 1)
    assert picture(np.full((1, 9, 9, 2), np.nan, np.float32), 2) is None
    assert picture(np.zeros((1, 1, 1, 16), np.float32), 1000) is None
    flat = picture(np.ones((1, 8, 8, 3), np.float32), 3)
    assert flat is not None and flat.caption == "as red, green, blue"


# --- the page ----------------------------------------------------------------------------------


class Reader(HTMLParser):
    """Checks that elements close in order; keeps attributes and the text of scripts."""

    VOID = frozenset({"meta", "input", "img", "br", "link"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            (self.scripts if self.open[-1] == "script" else self.styles).append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader


def test_the_page_is_well_formed_and_complete(doodle: Report) -> None:
    page = read(doodle.html)
    facts, script = page.scripts
    assert json.loads(facts) == json.loads(json.dumps(doodle.facts))
    assert not [a for a in page.attributes if a[1] in ("src", "href", "action", "srcdoc")]
    outside = re.findall(r"(?:https?:)?//[\w.-]+\.\w+", doodle.html)
    assert set(outside) <= {"http://www.w3.org"}  # the name of a namespace, not an address
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|eval\(|document\.write", script)
    (policy,) = [v for t, n, v in page.attributes if n == "content" and v and "default-src" in v]
    for kind, text in (("script", script), ("style", page.styles[0])):
        digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def evil_model() -> Model:
    """Every name, and an option, is an attack."""
    graph = Graph(EVIL)
    x = graph.input(EVIL, (1, 4))
    y = graph.op(EVIL, [x], (1, 4), output={"name": EVIL})
    graph.output(graph.op("NEG", [y], (1, 4), output={"name": "\udcff\u2028" + EVIL}))
    return build(graph).replace(description=EVIL)


def test_names_are_nothing_but_text() -> None:
    found = report(evil_model(), name=EVIL)
    page = read(found.html)
    assert len(page.scripts) == 2
    facts: Any = json.loads(page.scripts[0])
    assert facts["title"] == EVIL and facts["graphs"][0]["ops"][0]["k"] == EVIL
    assert "<img" not in found.html and "\u2028" not in found.html
    assert not any(name.startswith("on") for _, name, _ in page.attributes)
    found.html.encode()
    assert page.scripts[1] == read(report(loop()).html).scripts[1]


def test_in_a_notebook_it_is_a_frame(doodle: Report) -> None:
    shown = doodle._repr_html_()
    (frame,) = [v for t, n, v in read(shown).attributes if n == "srcdoc"]
    assert frame == doodle.html
    assert repr(doodle) == "<Report of 'doodle_int8.tflite'>"


# --- exports -----------------------------------------------------------------------------------


def test_dot() -> None:
    text = report(loop(), name='a "name" \\ here', run=False).dot
    assert text.startswith('digraph "a \\"name\\" \\\\ here" {')
    assert text.count("subgraph cluster_") == 3 and text.count("{") == text.count("}")
    assert "g0_t0 -> g0_o0" in text and "g0_o0 -> g2_t0 [style=dashed" in text
    evil = report(evil_model(), run=False).dot
    for line in evil.splitlines():
        assert len(re.findall(r'(?<!\\)"', line.replace("\\\\", ""))) % 2 == 0


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@pytest.mark.parametrize("name", ["doodle", "loop", "evil"])
def test_graphviz_reads_it(name: str) -> None:
    model = {"doodle": model_path("int8"), "loop": loop(), "evil": evil_model()}[name]
    found = report(model, run=False)
    done = subprocess.run(["dot", "-Tsvg"], input=found.dot, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    nodes = sum(len(graph["layout"]["nodes"]) for graph in found.facts["graphs"])
    assert done.stdout.count('class="node"') == nodes


def test_model_explorer(doodle: Report) -> None:
    data = json.loads(doodle.model_explorer)
    (results,) = [graph["results"] for graph in data.values()]
    names = {t["n"] for t in doodle.facts["graphs"][0]["tensors"]}
    assert results.keys() <= names and all(r["value"] > 0 for r in results.values())
    counted = json.loads(report(model_path("int8"), run=False).model_explorer)
    assert max(r["value"] for g in counted.values() for r in g["results"].values()) > 1000
    (graph,) = data.values()
    assert [s["stop"] for s in graph["gradient"]] == [0, 0.5, 1] and graph["name"] == "time in µs"
    assert next(iter(counted.values()))["name"] == "MACs"
    held = json.loads(report(model_path("int8"), compare=model_path("float32")).model_explorer)
    (graph,) = held.values()
    assert graph["name"] == "error in per cent" and len(graph["results"]) == 8
    assert 0 < max(r["value"] for r in graph["results"].values()) < 20


# --- public models -----------------------------------------------------------------------------


def test_a_model_of_two_thousand_operators(shared_models: Path) -> None:
    path = shared_models / "tflite-micro__dp_net.tflite"
    found = report(path)
    graph = found.facts["graphs"][0]
    assert len(graph["ops"]) == 2338 and found.facts["problems"] == []
    assert len(found.html) < 3_000_000
    for node, ((x, y, w), (u, v, z)) in enumerate(pairwise(graph["layout"]["nodes"])):
        assert y != v or abs(x - u) >= (w + z) / 2, node


# --- the command -------------------------------------------------------------------------------


def test_the_command_writes_what_is_asked_for(tmp_path: Path) -> None:
    pytest.importorskip("click", reason="the command line is an extra")
    pytest.importorskip("rich", reason="the command line is an extra")
    np.savez(tmp_path / "x.npz", image=np.zeros((1, 28, 28, 1), np.float32))

    def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "pytflite", "report", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, timeout=120)

    page, graph, data = (tmp_path / name for name in ("page.html", "graph.dot", "data.json"))
    done = command(model_path("int8"), "--input", tmp_path / "x.npz", "-o", page, "--dot", graph,
                   "--model-explorer", data)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(file.name in done.stdout for file in (page, graph, data))
    facts = json.loads(read(page.read_text(encoding="utf-8")).scripts[0])
    assert facts["given"] == "the given inputs" and facts["title"] == "doodle_int8.tflite"
    assert graph.read_text(encoding="utf-8").startswith("digraph")
    assert json.loads(data.read_text(encoding="utf-8"))
    bad = command(model_path("int8"), "--no-run", "-o", tmp_path / "nowhere" / "page.html")
    assert bad.returncode == 1 and "could not write" in bad.stderr
