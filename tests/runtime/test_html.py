"""What a notebook shows of interpreters, profiles and traces: complete, escaped, bounded."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from pytflite import Interpreter, Model
from pytflite.runtime.html import histogram, profile_html, quantity_text, time_text
from pytflite.runtime.profile import Profile, StepTime
from pytflite.tools.doodle import model_path
from tests.graphs import Graph, build
from tests.tools.report_pages import loop

X = np.random.default_rng(0).random((28, 28, 1), np.float32)
EVIL = "<img src=x onerror=alert(1)>\"'&</td>\udcff"


class Page(HTMLParser):
    """Checks that elements close in order; keeps the tables' cells, and what else there is."""

    VOID = frozenset({"br", "img", "rect"})

    def __init__(self, html: str) -> None:
        super().__init__()
        html.encode()
        self.tables: list[list[list[str]]] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self._open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self._open or "th" in self._open:
            self.tables[-1][-1][-1] += data


def evil() -> Model:
    """Every name is an attack."""
    graph = Graph(EVIL)
    x = graph.input(EVIL, (1, 4, 4, 2))
    graph.output(graph.op("NEG", [x], (1, 4, 4, 2), output={"name": EVIL + "2"}))
    return build(graph)


def chain(count: int) -> Model:
    """NEG after NEG, of maps that would all have pictures; names without end."""
    graph = Graph()
    x = graph.input("x" * 5000, (1, 16, 16, 16))
    for n in range(count):
        x = graph.op("NEG", [x], (1, 16, 16, 16), output={"name": f"{n}" + "y" * 5000})
    graph.output(x)
    return build(graph)


def test_an_interpreter_shows_its_plan() -> None:
    interpreter = Interpreter(model_path("int8"))
    ends, operators = Page(interpreter._repr_html_()).tables
    assert ends[1] == ["input", "image", "INT8", "1x28x28x1"]
    assert ends[2][:2] == ["output", "probabilities"]
    assert operators[1][:2] == ["0", "CONV_2D"] and operators[1][4] == "1x28x28x16"
    macs = dict(zip(operators[0], operators[1], strict=True))["MACs"]
    assert macs.strip() == quantity_text(28 * 28 * 9 * 16)
    assert "doodle_int8.tflite" in interpreter._repr_html_()


def test_an_interpreter_shows_its_present_shapes() -> None:
    interpreter = Interpreter(chain(1))
    interpreter.resize_tensor_input(0, (3, 16, 16, 16))
    interpreter.allocate_tensors()
    ends, _ = Page(interpreter._repr_html_()).tables
    assert [row[3] for row in ends[1:]] == ["3x16x16x16"] * 2


def test_showing_an_interpreter_runs_nothing() -> None:
    interpreter = Interpreter(model_path("float32"))
    seen: list[str] = []
    with interpreter.add_hook(before=lambda moment: seen.append(moment.operator)):
        interpreter._repr_html_()
    assert seen == []


def test_an_interpreter_that_is_closed_or_cannot_run() -> None:
    interpreter = Interpreter(model_path("int8"))
    interpreter.close()
    assert "closed" in interpreter._repr_html_()
    graph = Graph()
    graph.output(graph.op("NobodyKnowsThis", [graph.input("x", (2,))], (2,)))
    shown = Interpreter(build(graph))._repr_html_()
    assert "cannot run" in shown and "NobodyKnowsThis" in Page(shown).tables[1][1][1]


def test_a_profile_is_a_list_and_a_table() -> None:
    found = Interpreter(model_path("float32")).profile(X, runs=2)
    assert isinstance(found, list) and isinstance(found[0], StepTime)
    kinds, operators = Page(found._repr_html_()).tables
    counts = {row[0]: int(row[1]) for row in kinds[1:]}
    assert counts["CONV_2D"] == 2 and counts["FULLY_CONNECTED"] == 2
    assert [row[0] for row in operators[1:]] == [str(row.position) for row in found]
    assert sum(float(re.findall(r"([\d.]+) %", row[2])[0]) for row in kinds[1:]) == pytest.approx(
        100, abs=1
    )


def test_a_profile_of_called_subgraphs() -> None:
    interpreter = Interpreter(loop())
    assert [row.operator for row in interpreter.profile([0])] == ["WHILE"]
    found = interpreter.profile([0], runs=3, subgraphs=True)
    rows = {row.operator: row for row in found}
    assert [rows[name].subgraph for name in ("WHILE", "LESS", "ADD")] == [0, 1, 2]
    assert [rows[name].calls for name in ("WHILE", "LESS", "ADD")] == [1, 4, 3]
    assert rows["WHILE"].seconds > rows["LESS"].seconds + rows["ADD"].seconds
    kinds, operators = Page(found._repr_html_()).tables
    assert [row[0] for row in kinds[1:]] == ["WHILE"]  # the others' time is part of its time
    assert operators[0][0] == "subgraph" and "4 calls" in operators[2][4]


def test_of_a_long_profile_the_costliest_are_shown_in_order() -> None:
    rows = Profile(StepTime(n, "NEG", f"t{n}", (n % 100) * 1e-6, 0, 8, "numpy") for n in range(300))
    _, operators = Page(profile_html(rows)).tables
    shown = [int(row[0]) for row in operators[1:]]
    assert len(shown) == 60 and shown == sorted(shown) and all(n % 100 >= 80 for n in shown)
    assert "and 240 operators that take less time more" in profile_html(rows)
    assert Page(profile_html([])).tables == []


def test_a_trace_has_numbers_and_pictures() -> None:
    trace = Interpreter(model_path("int8")).trace(X)
    page = Page(trace._repr_html_())
    (rows,) = page.tables
    cells = {row[0]: row for row in rows[1:]}
    want = next(row for row in trace.summary() if row.name == "image")
    assert cells["image"][1:6] == [
        "INT8", "1x28x28x1", *(f"{v:.4g}" for v in (want.min, want.max, want.mean)),
    ]  # fmt: skip
    assert not any("filter" in name or "weights" in name for name in cells)
    assert "constants are not shown" in trace._repr_html_()
    pictures = [v for tag, name, v in page.attributes if (tag, name) == ("img", "src")]
    assert len(pictures) == 5 and all(v and v.startswith("data:image/png;") for v in pictures)
    assert page.tags.count("svg") == len(cells)


def test_histograms_hold_all_values() -> None:
    bars = re.findall(r'height="(\d+)"/>', histogram(np.array([0.0, 0.0, 0.0, 0.0, 1.0])))
    assert (int(bars[0]), int(bars[-1])) == (24, 12) and not any(map(int, bars[1:-1]))
    for nothing in ([], [3.0], [np.nan, np.inf], [-1.7e308, 1.7e308]):
        assert histogram(np.array(nothing)) == ""
    assert 'height="24"' in histogram(np.array([True, False]))


def test_odd_tensors_in_a_trace() -> None:
    graph = Graph()
    x = graph.input("x", (2, 2))
    graph.output(graph.op("LOG", [x], (2, 2), output={"name": "log"}))
    shown = Interpreter(build(graph)).trace([[-1, 1], [0, 2]])._repr_html_()
    row = Page(shown).tables[0][2]
    assert row[0] == "log" and "1 NaN" in row[6] and row[3] == "-inf"


def test_names_are_nothing_but_text() -> None:
    interpreter = Interpreter(evil())
    x = np.zeros((1, 4, 4, 2), np.float32)
    for shown in (interpreter, interpreter.profile(x), interpreter.trace(x), interpreter.model):
        page = Page(shown._repr_html_())
        assert not any(name.startswith("on") for _, name, _ in page.attributes)
        assert not any(value == "x" for _, name, value in page.attributes if name == "src")
        assert any("<img src=x" in cell for table in page.tables for row in table for cell in row)


def test_a_large_model_stays_small() -> None:
    interpreter = Interpreter(chain(300))
    x = np.random.default_rng(0).random((1, 16, 16, 16), np.float32)
    for shown in (interpreter, interpreter.profile(x, runs=1), interpreter.trace(x)):
        html = shown._repr_html_()
        assert len(html) < 300_000 and "&hellip; and 24" in html


def test_numbers_for_readers() -> None:
    assert [time_text(v) for v in (2.5, 1.234e-3, 5e-6, 1e-9, 0)] == [
        "2.5 s", "1.23 ms", "5 µs", "0 s", "0 s",
    ]  # fmt: skip
    assert [quantity_text(v) for v in (3.008e8, 999, 0)] == ["301 M", "999", ""]


def test_nothing_of_it_is_imported_with_the_interpreter() -> None:
    program = (
        "import sys; from pytflite import Interpreter;"
        "from pytflite.tools.doodle import model_path;"
        "import numpy as np; Interpreter(model_path('int8')).profile(np.zeros((28, 28, 1)));"
        "print([m for m in sys.modules if m in ('html', 'pytflite.runtime.html')])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
