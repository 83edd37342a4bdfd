"""The report, without a browser: the facts, escaping, exports, the command."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from base64 import b64encode
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytflite.errors import InputError
from pytflite.tools.doodle import model_path
from pytflite.tools.report import Report, report
from pytflite.tools.report.facts import MAX_OPERATORS
from tests.graphs import Graph, build
from tests.tools.report_pages import EVIL, evil_model, loop, read

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


# --- the page ----------------------------------------------------------------------------------


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
