"""The report with the errors that compare finds, and with what called subgraphs do."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pytflite.errors import FormatError, ModelError
from pytflite.model.model import Model
from pytflite.runtime.feeding import dequantize
from pytflite.runtime.interpreter import Interpreter
from pytflite.tools.comparison import compare
from pytflite.tools.doodle import model_path
from pytflite.tools.doodle.strokes import drawing
from pytflite.tools.report import Report, report
from pytflite.tools.report.errors import relative
from pytflite.tools.sampling import random_inputs
from tests.graphs import Graph, build
from tests.tools.compared_models import rescaled
from tests.tools.report_pages import EVIL, evil_model, loop, read

FLOAT, INT8 = model_path("float32"), model_path("int8")
X = drawing("house", np.random.default_rng(5))[None, :, :, None] / np.float32(255)


def broken(position: int = 5) -> Model:
    """The int8 doodle with one scale of weights doubled."""
    model = Model.open(INT8)
    return rescaled(model, model.operators[position].inputs[1], 2.0)


@pytest.fixture(scope="module")
def held() -> Report:
    return report(broken(), {"image": X}, compare=FLOAT)


def test_errors_are_those_of_compare(held: Report) -> None:
    rows = {row.position: row for row in compare(FLOAT, broken(), inputs=[X])}
    operators = held.facts["graphs"][0]["ops"]
    assert len(operators) == 8
    for position, operator in enumerate(operators):
        noise = 10 ** (-rows[position].sqnr / 20)
        assert operator["e"] == pytest.approx(min(noise, 1.0), rel=1e-6)
        told = dict(operator["x"])
        assert told["SQNR"] == f"{rows[position].sqnr:.1f} dB"
        assert told["held to"] == rows[position].reference
    assert held.facts["compare"]["with"] == "doodle_float32.tflite"
    assert held.facts["compare"]["wrong"] == held.facts["compare"]["greatest"] == 5
    assert any(line.startswith("Goes wrong at: #5") for line in held.facts["compare"]["lines"])
    assert read(held.html).scripts


def test_a_sound_model_has_a_greatest_error_and_nothing_wrong() -> None:
    facts = report(INT8, {"image": X}, compare=FLOAT).facts
    found = compare(FLOAT, INT8, inputs=[X])
    assert facts["compare"]["wrong"] == -1 and found.greatest_error is not None
    assert facts["compare"]["greatest"] == found.greatest_error.position
    assert max(op["e"] for op in facts["graphs"][0]["ops"]) < 0.1


def test_random_inputs_are_those_that_the_values_are_of() -> None:
    model = Model.open(INT8)
    facts = report(model, seed=3, compare=FLOAT).facts
    (given,) = random_inputs(model, 3)
    image = facts["graphs"][0]["tensors"][facts["graphs"][0]["in"][0]]["v"]
    assert (image["qmin"], image["qmax"]) == (given.min(), given.max())
    rows = compare(FLOAT, INT8, inputs=[dequantize(given, model.inputs[0])])
    assert facts["graphs"][0]["ops"][0]["e"] == pytest.approx(relative(rows[1].sqnr))


def test_equal_models_have_no_errors() -> None:
    facts = report(INT8, compare=INT8).facts
    assert {op["e"] for op in facts["graphs"][0]["ops"]} == {0.0}
    assert facts["compare"]["greatest"] == -1
    assert "e" not in report(INT8).facts["graphs"][0]["ops"][0]


def test_errors_beside_signals() -> None:
    assert [relative(v) for v in (math.inf, 40.0, 0.0, -12.0, -math.inf)] == [0, 0.01, 1, 1, 1]


def test_models_that_cannot_be_compared() -> None:
    graph = Graph()
    a, b = graph.input("a", (2,)), graph.input("b", (2,))
    graph.output(graph.op("ADD", [a, b], (2,)))
    with pytest.raises(ModelError, match="different inputs"):
        report(INT8, compare=build(graph))
    with pytest.raises(FormatError):
        report(INT8, compare="nowhere.tflite")


def test_names_of_the_reference_are_nothing_but_text() -> None:
    graph = Graph(EVIL)
    x = graph.input(EVIL, (1, 4))
    graph.output(graph.op("NEG", [x], (1, 4), output={"name": EVIL}))
    found = report(build(graph), compare=build(graph).replace(description=EVIL)).html
    assert "<img" not in found and len(read(found).scripts) == 2
    assert report(evil_model(), run=False, compare=None).facts.get("compare") is None


def test_called_subgraphs_have_times_and_values() -> None:
    facts = report(loop(), {"x": np.int32([0])}).facts
    main, condition, body = facts["graphs"]
    assert [op["ops"][0].get("n") for op in (main, condition, body)] == [None, 4, 3]
    assert all(graph["ops"][0]["t"] > 0 for graph in facts["graphs"])
    assert main["seconds"] > condition["seconds"] + body["seconds"] > 0
    given, made = (body["tensors"][t]["v"] for t in (0, body["out"][0]))
    assert (given["max"], made["max"]) == (2, 3)  # as the last call left them
    assert condition["tensors"][condition["out"][0]]["v"]["zero"] == 1  # at last it is False
    assert body["tensors"][1]["v"]["max"] == 1  # the constant
    explored = json.loads(report(loop(), {"x": np.int32([0])}).model_explorer)
    assert set(explored) == {"main", "condition", "body"}


@pytest.mark.parametrize("backend", ["numpy", "jit"])
def test_times_say_whose_they_are(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if backend == "jit":
        pytest.importorskip("numba", reason="the compiled backend is an extra")
        Interpreter(FLOAT, backend="jit", wait=True).run(X)  # so that its kernels are there
    monkeypatch.setenv("PYTFLITE_BACKEND", backend)
    found = {op["w"] for op in report(FLOAT).facts["graphs"][0]["ops"] if "t" in op}
    assert backend in found and found <= {"numpy", backend}


def test_a_subgraph_that_is_not_called_has_no_times() -> None:
    _, condition, body = report(loop(), {"x": np.int32([7])}).facts["graphs"]
    assert "t" in condition["ops"][0] and "t" not in body["ops"][0] and "seconds" not in body


def test_the_command(tmp_path: Path) -> None:
    pytest.importorskip("click", reason="the command line is an extra")
    pytest.importorskip("rich", reason="the command line is an extra")
    broken(2).save(tmp_path / "broken.tflite")

    def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "pytflite", "report", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, timeout=120)

    page = tmp_path / "page.html"
    done = command(tmp_path / "broken.tflite", "--compare", FLOAT, "-o", page)
    assert done.returncode == 0, done.stderr
    assert "Goes wrong at: #2 CONV_2D" in done.stdout
    facts = json.loads(read(page.read_text(encoding="utf-8")).scripts[0])
    assert facts["compare"]["wrong"] == 2
    refused = command(INT8, "--compare", FLOAT, "--no-run", "-o", page)
    assert refused.returncode == 1 and "leave out --no-run" in refused.stderr
