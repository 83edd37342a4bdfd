"""compare: the runtimes, what is refused, the picture, the command."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from pytflite.errors import InputError, ModelError, UnsupportedOperatorError
from pytflite.model.model import Model
from pytflite.tools.comparison import Comparison, compare, plot
from pytflite.tools.doodle import model_path, strokes
from tests.harness import needs_litert, single_op, tensor
from tests.tools.compared_models import rescaled
from tests.tools.test_cli import pytflite as command

FLOAT, INT8 = model_path("float32"), model_path("int8")


@pytest.fixture(scope="module")
def drawings() -> np.ndarray:
    pictures, _ = strokes.dataset(10, seed=3)
    return pictures[..., None] / np.float32(255)


# --- runtimes and refusals -------------------------------------------------------------------


@needs_litert
def test_one_model_on_two_runtimes(drawings: np.ndarray) -> None:
    found = compare(INT8, runtime="litert", inputs=[drawings[:2].astype(np.float32)])
    assert len(found) == 9 and all(row.sqnr == math.inf for row in found)
    both = compare(FLOAT, INT8, runtime="litert", inputs=[drawings[:2]])
    ours = compare(FLOAT, INT8, inputs=[drawings[:2]])
    assert [round(r.sqnr, 3) for r in both] == pytest.approx([round(r.sqnr, 3) for r in ours])
    floats = compare(FLOAT, runtime="litert", inputs=[drawings[:2]])
    assert all(row.sqnr > 110 for row in floats) and floats.first_wrong is None


def test_litert_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(InputError, match="LiteRT is not installed") as caught:
        compare(INT8, runtime="litert")
    assert "ai-edge-litert" in str(caught.value.hint)


def test_the_compiled_backend_is_held_to_numpy(drawings: np.ndarray) -> None:
    pytest.importorskip("numba", reason="the compiled backend is an extra")
    found = compare(INT8, runtime="jit", inputs=[drawings[:2].astype(np.float32)])
    assert len(found) == 9 and all(row.sqnr == math.inf for row in found)
    floats = compare(FLOAT, runtime="jit", inputs=[drawings[:2]])
    assert all(row.sqnr > 110 for row in floats) and floats.first_wrong is None


def test_a_compiled_backend_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytflite.jit.backend", None)
    for tested in (None, INT8):
        with pytest.raises(UnsupportedOperatorError, match="no compiled backend here") as caught:
            compare(FLOAT, tested, runtime="jit")
        assert caught.value.code == "backend.jit" and "numpy" in str(caught.value.hint).lower()


def test_refusals(drawings: np.ndarray) -> None:
    two = single_op("ADD", [tensor((1, 4)), tensor((1, 4))], [tensor()])
    cases = [
        ((FLOAT,), {}, InputError, "nothing to compare"),
        ((FLOAT, INT8), {"runtime": "abacus"}, InputError, "abacus"),
        ((FLOAT, two), {}, ModelError, "different inputs"),
        ((FLOAT, INT8), {"inputs": {"picture": drawings}}, InputError, "not those of the model"),
        ((FLOAT, INT8), {"inputs": []}, InputError, "not those of the model"),
        ((FLOAT, INT8), {"inputs": [drawings[:, :5]]}, InputError, "28"),
        ((FLOAT, INT8), {"samples": 0}, InputError, "at least 1"),
        ((two, two.replace()), {"inputs": [np.zeros((2, 4)), np.zeros((3, 4))]}, InputError, "2"),
    ]
    for models, options, kind, text in cases:
        with pytest.raises(kind, match=text):
            compare(*models, **options)


# --- the picture and the command -------------------------------------------------------------


SVG = "{http://www.w3.org/2000/svg}"


def test_svg_shows_a_row_a_layer_and_the_one_that_is_wrong() -> None:
    model = Model.open(INT8)
    found = compare(FLOAT, rescaled(model, model.operators[2].inputs[1], 2.0))
    root = ElementTree.fromstring(plot.svg(found, "a <title> & more"))
    rows = [g for g in root.iter(f"{SVG}g") if "row" in g.attrib["class"].split()]
    assert len(rows) == len(found)
    wrong = [k for k, g in enumerate(rows) if "wrong" in g.attrib["class"].split()]
    assert [found[k].position for k in wrong] == [2]
    width = [float(g.findall(f"{SVG}rect")[1].attrib["width"]) for g in rows]
    assert width[1] > 100 > width[3]


def test_names_cannot_become_markup() -> None:
    row = compare(FLOAT, INT8)[1]._replace(output="<script>alert(1)</script>&")
    text = plot.page(Comparison([row]), "<b>")
    assert "<script" not in text and "<b>" not in text
    ElementTree.fromstring(plot.svg(Comparison([row]), "<b>"))


def test_names_that_are_no_text_can_be_drawn_and_saved(tmp_path: Path) -> None:
    found = compare(FLOAT, INT8)
    odd = Comparison([row._replace(output="\udcff\x00\x1b<" + row.output) for row in found])
    for name in ("odd.svg", "odd.html"):
        plot.save(odd, tmp_path / name, "\udcff\x01")
        assert "\\udcff" in (tmp_path / name).read_text(encoding="utf-8")
    assert ElementTree.parse(tmp_path / "odd.svg").getroot().tag == f"{SVG}svg"


def test_in_a_notebook_it_is_a_picture() -> None:
    found = compare(FLOAT, INT8)
    shown = found._repr_html_()
    assert "Greatest error: #7" in shown and shown.count('<g class="row') == len(found)
    row = found[1]
    many = Comparison([row._replace(position=n, sqnr=float(n % 500)) for n in range(1000)])
    shown = many._repr_html_()
    assert shown.count('<g class="row') == 100 and "and 900 layers with smaller" in shown
    assert len(shown) < 200_000
    assert "All values are equal" in Comparison()._repr_html_()


def test_command(tmp_path: Path, drawings: np.ndarray) -> None:
    np.savez(tmp_path / "x.npz", image=drawings.astype(np.float32))
    out = command(
        "compare", FLOAT, INT8, "--input", tmp_path / "x.npz", "--samples", 3,
        "--plot", tmp_path / "out.html",
    ).stdout  # fmt: skip
    assert "SOFTMAX" in out and "Greatest error: #" in out and "No layer goes wrong" in out
    page = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and "prefers-color-scheme" in page
    links = page.replace("http://www.w3.org/2000/svg", "")
    assert "http" not in links and "src=" not in links and "@import" not in links


def test_command_names_the_broken_layer(tmp_path: Path) -> None:
    model = Model.open(INT8)
    rescaled(model, model.operators[5].inputs[1], 2.0).save(tmp_path / "broken.tflite")
    arguments = ("compare", FLOAT, tmp_path / "broken.tflite", "--random", 7)
    assert "Goes wrong at: #5 FULLY_CONNECTED" in command(*arguments).stdout
    facts = json.loads(command(*arguments, "--json", "--plot", tmp_path / "out.svg").stdout)
    assert facts["first_wrong"]["position"] == 5 and len(facts["layers"]) == 9
    assert facts["layers"][0]["input_sqnr"] is None
    assert ElementTree.parse(tmp_path / "out.svg").getroot().tag == f"{SVG}svg"


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        ((FLOAT,), 1, "--with litert"),
        ((FLOAT, INT8, "--plot", "picture.png"), 1, ".svg or .html"),
        ((FLOAT, INT8, "--plot", "no/such/folder/out.svg"), 1, "could not write"),
        ((FLOAT, INT8, "--input", "nowhere.npz"), 1, "could not read"),
        ((FLOAT, INT8, "--input", "nowhere.npz", "--random", "1"), 1, "not both"),
        ((FLOAT, INT8, "--with", "abacus"), 2, "abacus"),
    ],
)
def test_command_refuses(arguments: tuple[object, ...], code: int, text: str) -> None:
    done = command("compare", *arguments, code=code)
    assert text in done.stderr and "Traceback" not in done.stderr
