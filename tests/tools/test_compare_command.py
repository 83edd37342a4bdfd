"""compare: which layers correspond, how far they are apart, and which one is to blame."""

from __future__ import annotations

import json
import math
import sys
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import pytflite
from pytflite.errors import InputError, ModelError, UnsupportedOperatorError
from pytflite.format.schema import BuiltinOperator
from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Operator, OperatorCode
from pytflite.model.model import Model
from pytflite.tools.comparison import Comparison, LayerError, compare, plot
from pytflite.tools.comparison.alignment import Layer, align, names_in
from pytflite.tools.doodle import model_path, strokes
from tests.harness import needs_litert, single_op, tensor
from tests.tools.test_cli import pytflite as command

FLOAT, INT8 = model_path("float32"), model_path("int8")


@pytest.fixture(scope="module")
def drawings() -> np.ndarray:
    pictures, _ = strokes.dataset(10, seed=3)
    return pictures[..., None] / np.float32(255)


def rescaled(model: Model, index: int, factor: float, channel: int | None = None) -> Model:
    """The model with the scale of one tensor (or one channel of it) multiplied."""
    graph = model.main
    quantization = graph.tensors[index].quantization
    assert quantization is not None
    scale = quantization.scale.copy()
    scale[slice(None) if channel is None else channel] *= np.float32(factor)
    tensors = list(graph.tensors)
    tensors[index] = tensors[index].replace(quantization=quantization.replace(scale=scale))
    return model.replace(subgraphs=(graph.replace(tensors=tuple(tensors)),))


def with_borders(model: Model) -> Model:
    """The int8 model behind QUANTIZE and before DEQUANTIZE, as converters leave float borders."""
    graph = model.main
    count = len(graph.tensors)
    (given,), (wanted,) = graph.inputs, graph.outputs
    codes = [OperatorCode(BuiltinOperator.QUANTIZE), OperatorCode(BuiltinOperator.DEQUANTIZE)]
    outer = [
        graph.tensors[given].replace(dtype=FLOAT32, quantization=None),
        graph.tensors[wanted].replace(dtype=FLOAT32, quantization=None),
    ]
    inner = list(graph.tensors)
    inner[given] = inner[given].replace(name="tfl.quantize")
    inner[wanted] = inner[wanted].replace(name="probabilities1")
    operators = (
        Operator(codes[0], (count,), (given,)), *graph.operators,
        Operator(codes[1], (wanted,), (count + 1,)),
    )  # fmt: skip
    changed = graph.replace(
        tensors=(*inner, *outer), inputs=(count,), outputs=(count + 1,), operators=operators
    )
    return model.replace(
        subgraphs=(changed,), operator_codes=(*model.operator_codes, *codes), signatures=()
    )


def values(model: Path, x: np.ndarray) -> list[np.ndarray]:
    """What every operator of a model puts out for a picture, as real numbers."""
    interpreter = pytflite.Interpreter(model, experimental_preserve_all_tensors=True)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    scale, zero = detail["quantization"]
    if scale:
        # floor(x + 0.5) rounds half away from zero, for ink is never negative
        x = np.clip(np.floor(x.astype(np.float64) / scale + 0.5) + zero, -128, 127)
    interpreter.set_tensor(detail["index"], x.astype(detail["dtype"]))
    interpreter.invoke()
    found = []
    for operator in interpreter.model.operators:
        index = operator.outputs[0]
        scale, zero = interpreter.get_tensor_details()[index]["quantization"]
        q = interpreter.get_tensor(index).astype(np.float64)
        found.append((q - zero) * np.float64(scale) if scale else q)
    return found


def test_measures_are_those_of_the_tensors(drawings: np.ndarray) -> None:
    found = compare(FLOAT, INT8, inputs=[drawings])
    assert [row.position for row in found] == [-1, *range(8)]
    assert not found.unmatched and not found.missing
    runs = [(values(FLOAT, x[None]), values(INT8, x[None])) for x in drawings]
    lowest = []
    for place, row in enumerate(found[1:]):
        r = np.concatenate([left[place].reshape(-1) for left, _ in runs])
        t = np.concatenate([right[place].reshape(-1) for _, right in runs])
        sqnr = 10 * np.log10(np.sum(r**2) / np.sum((t - r) ** 2))
        assert row.sqnr == pytest.approx(sqnr, abs=1e-3)
        assert row.cosine == pytest.approx(r @ t / np.sqrt((r @ r) * (t @ t)), abs=1e-6)
        assert row.max_error == pytest.approx(np.abs(t - r).max(), rel=1e-5)
        lowest.append(sqnr)
    greatest = found.greatest_error
    assert greatest is not None and greatest.position == int(np.argmin(lowest))
    assert found.first_wrong is None
    assert all(row.input_sqnr == before.sqnr for before, row in pairwise(found))


@pytest.mark.parametrize("variant", ["float16", "dynamic_range", "int8", "int16x8"])
def test_every_variant_is_aligned_and_sound(variant: str, drawings: np.ndarray) -> None:
    found = compare(FLOAT, model_path(variant), inputs={"image": drawings})
    kinds = [o.name for o in Model.open(FLOAT).operators]
    assert [row.operator for row in found] == ["input", *kinds]
    assert not found.unmatched and not found.missing and found.first_wrong is None
    assert min(row.sqnr for row in found) > (60 if variant == "float16" else 35)
    assert all(row.cosine > 0.9999 for row in found)
    # int8 probabilities end at 255/256, so that of a sure answer is beyond their end.
    assert not any(row.saturated for row in found if row.operator != "SOFTMAX")


WEIGHTS = {0: "conv2d_1", 2: "conv2d_1_2", 5: "dense_1", 6: "dense_1_2"}


@pytest.mark.parametrize("factor", [2.0, 0.5])
@pytest.mark.parametrize("position", WEIGHTS)
def test_a_scale_of_weights_is_blamed_on_its_layer(
    position: int, factor: float, drawings: np.ndarray
) -> None:
    model = Model.open(INT8)
    broken = rescaled(model, model.operators[position].inputs[1], factor)
    for reference in (FLOAT, INT8, model_path("float16")):
        found = compare(reference, broken, inputs=[drawings[:3]])
        wrong = found.first_wrong
        assert wrong is not None and wrong.position == position
        assert f"/{WEIGHTS[position]}/" in wrong.output


@pytest.mark.parametrize("position", [1, 3, 4])
def test_a_scale_between_layers_that_keep_it_is_blamed_where_it_changes(
    position: int, drawings: np.ndarray
) -> None:
    model = Model.open(INT8)
    broken = rescaled(model, model.operators[position].outputs[0], 2.0)
    wrong = compare(FLOAT, broken, inputs=[drawings[:3]]).first_wrong
    assert wrong is not None and wrong.position == position


def test_one_channel_is_enough(drawings: np.ndarray) -> None:
    model = Model.open(INT8)
    broken = rescaled(model, model.operators[0].inputs[1], 2.0, channel=3)
    wrong = compare(FLOAT, broken, inputs=[drawings[:3]]).first_wrong
    assert wrong is not None and wrong.position == 0


def test_borders_are_seen_through_and_can_be_blamed(drawings: np.ndarray) -> None:
    model = with_borders(Model.open(INT8))
    found = compare(FLOAT, model, inputs=[drawings])
    kinds = [row.operator for row in found]
    assert kinds[:3] == ["input", "QUANTIZE", "CONV_2D"] and kinds[-1] == "DEQUANTIZE"
    assert not found.unmatched and not found.missing and found.first_wrong is None
    assert found[0].sqnr == math.inf and found[1].reference == "image"
    plain = compare(FLOAT, INT8, inputs=[drawings])
    assert [row.sqnr for row in found[1:-1]] == [row.sqnr for row in plain]
    # An input of half the range: every ink beyond it is cut off.
    broken = rescaled(model, model.operators[0].outputs[0], 0.25)
    wrong = compare(FLOAT, broken, inputs=[drawings]).first_wrong
    assert wrong is not None and wrong.operator == "QUANTIZE" and wrong.saturated > 0.05


def test_two_quantisations_of_one_model_are_as_good_as_their_bits(drawings: np.ndarray) -> None:
    """Both are int8, but no value of one scale is one of the other."""
    model = Model.open(INT8)
    other = rescaled(model, model.main.inputs[0], 1.01)
    found = compare(INT8, other, inputs=[drawings[:3]])
    assert 30 < found[0].sqnr < 60 and found[0].drop < 20 and found.first_wrong is None
    same = compare(INT8, rescaled(model, model.operators[0].inputs[1], 2.0), inputs=[drawings[:3]])
    assert same[0].sqnr == math.inf and same.first_wrong == same[1]


def test_saturated_values_are_those_beyond_the_range(drawings: np.ndarray) -> None:
    model = Model.open(INT8)
    index = model.operators[5].outputs[0]
    narrow = rescaled(model, index, 0.25)
    row = next(r for r in compare(FLOAT, narrow, inputs=[drawings]) if r.position == 5)
    q = narrow.main.tensors[index].quantization
    assert q is not None
    end = float(q.scale[0]) * (127 - int(q.zero_point[0]) + 0.5)
    beyond = [values(FLOAT, x[None])[5] > end for x in drawings]
    assert row.saturated == pytest.approx(np.mean(beyond), abs=0.006)  # one value of 400 is near
    assert row.saturated > 0.05
    # ReLU's zeros are at the lower end of the type, too, and not saturated.
    assert compare(FLOAT, INT8, inputs=[drawings])[1].saturated == 0


def test_equal_models_are_equal() -> None:
    found = compare(INT8, Model.open(INT8), seed=4, samples=2)
    assert all(row.sqnr == math.inf and row.max_error == 0 and row.drop == 0 for row in found)
    assert found.greatest_error is found.worst_drop is found.first_wrong is None
    assert "equal" in plot.summary(found)[0]


def test_random_inputs_keep_to_what_the_twin_can_hold() -> None:
    # The doodle's int8 input holds 0 to 1; numbers below 0 would saturate.
    assert compare(FLOAT, INT8, samples=2)[0].saturated == 0
    assert compare(FLOAT, with_borders(Model.open(INT8)))[1].saturated == 0


def test_a_layer_that_makes_small_errors_great_is_not_blamed() -> None:
    """The mean of values around zero loses nearly all that they know, and is exact by itself."""
    x = tensor((1, 64))
    weights = np.eye(64, dtype=np.float32)
    graph = single_op("FULLY_CONNECTED", [x, tensor(value=weights)], [tensor()])
    index = graph.operators[0].outputs[0]
    axis = single_op("MEAN", [tensor((1, 64)), tensor(value=np.int32([1]))], [tensor()])

    def chained(first: Model) -> Model:
        """The first model's output goes into MEAN."""
        count, mean = len(first.main.tensors), axis.main
        more = [t.replace(buffer=t.buffer + len(first.buffers)) for t in mean.tensors]
        more[mean.outputs[0]] = more[mean.outputs[0]].replace(name="mean")
        operator = mean.operators[0].replace(
            inputs=(index, mean.operators[0].inputs[1] + count),
            outputs=(mean.outputs[0] + count,),
        )
        main = first.main.replace(
            tensors=(*first.main.tensors, *more), outputs=operator.outputs,
            operators=(*first.operators, operator),
        )  # fmt: skip
        return first.replace(
            subgraphs=(main,), buffers=(*first.buffers, *axis.buffers), signatures=(),
            operator_codes=(*first.operator_codes, *axis.operator_codes),
        )  # fmt: skip

    noisy = weights * (1 + 1e-3 * np.random.default_rng(0).normal(size=64).astype(np.float32))
    other = single_op("FULLY_CONNECTED", [x, tensor(value=noisy)], [tensor()])
    values = np.random.default_rng(1).normal(size=(1, 64)).astype(np.float32)
    values -= values.mean() - np.float32(1e-4)
    found = compare(chained(graph), chained(other), inputs=[values])
    mean = found[-1]
    assert mean.operator == "MEAN" and mean.drop > 20 and mean.own_drop < 20
    assert found.first_wrong is not None and found.first_wrong.operator == "FULLY_CONNECTED"


def test_records_are_plain() -> None:
    found = compare(FLOAT, INT8)
    assert isinstance(found, list) and isinstance(found[0], LayerError)
    assert json.loads(json.dumps([row._asdict() for row in found[1:]]))[0]["operator"] == "CONV_2D"


def test_values_that_are_not_finite() -> None:
    left = single_op("RELU", [tensor((2, 2))], [tensor()])
    right = single_op("ABS", [tensor((2, 2))], [tensor()])
    x = np.array([[np.inf, np.nan], [1.0, 2.0]], np.float32)
    same = compare(left, left.replace(description="a copy"), inputs=[x])
    assert same[0].sqnr == math.inf
    other = compare(left, right, inputs=[np.array([[-np.inf, 1.0], [1.0, 2.0]], np.float32)])
    assert other[-1].sqnr == -math.inf and other[-1].max_error == math.inf
    assert other.first_wrong == other[-1]


def test_integers_are_listed_but_not_blamed() -> None:
    made = [
        single_op(
            name,
            [tensor((1, 8)), tensor(value=np.int32(1))],
            [tensor(dtype="INT32")],
            output_type=2,
        )
        for name in ("ARG_MAX", "ARG_MIN")
    ]
    name = made[0].outputs[0].name
    assert made[1].outputs[0].name == name  # so that they are taken for one layer
    found = compare(*made, inputs=[np.arange(8, dtype=np.float32)[None]])
    assert found[-1].max_error == 7 and found[-1].drop == 0 and found.first_wrong is None


# --- alignment -----------------------------------------------------------------------------


def layer(position: int, kind: str, name: str, shape: tuple[int, ...] = (1, 4),
          activation: str = "NONE") -> Layer:  # fmt: skip
    return Layer(position, kind, (), (position,), shape, activation, *names_in(name))


def aligned(left: list[Layer], right: list[Layer]) -> list[tuple[int, int]]:
    return [(a.position, b.position) for a, b in align(left, right)]


def test_layers_that_one_side_lacks_do_not_shift_the_others() -> None:
    left = [layer(k, "CONV_2D", f"block{'abcdef'[k]}/conv") for k in range(6)]
    right = [left[k]._replace(position=p) for p, k in enumerate((0, 1, 3, 4, 5))]
    assert aligned(left, right) == [(0, 0), (1, 1), (3, 2), (4, 3), (5, 4)]
    assert aligned(right, left) == [(0, 0), (1, 1), (2, 3), (3, 4), (4, 5)]


def test_structure_alone_is_enough() -> None:
    left = [layer(0, "CONV_2D", "a", (1, 8)), layer(1, "RELU", "b", (1, 8)),
            layer(2, "CONV_2D", "c", (1, 4)), layer(3, "SOFTMAX", "d")]  # fmt: skip
    right = [layer(0, "CONV_2D", "w", (1, 8)), layer(1, "CONV_2D", "y", (1, 4)),
             layer(2, "SOFTMAX", "z")]  # fmt: skip
    assert aligned(left, right) == [(0, 0), (2, 1), (3, 2)]


def test_a_fused_activation_is_the_layer_that_ends_with_it() -> None:
    left = [layer(0, "CONV_2D", "x/BiasAdd"), layer(1, "RELU", "x/Relu", activation="RELU")]
    right = [layer(0, "CONV_2D", "x/Relu;x/BiasAdd", activation="RELU")]
    assert aligned(left, right) == [(1, 0)]


def test_suffixes_and_joined_names_are_taken_apart() -> None:
    left = [layer(0, "ADD", "one"), layer(1, "ADD", "two")]
    right = [layer(0, "ADD", "two_int8;more")]
    assert aligned(left, right) == [(1, 0)]


def test_branches_in_another_order_are_found_by_name() -> None:
    left = [layer(0, "CONV_2D", "left"), layer(1, "CONV_2D", "right"), layer(2, "ADD", "sum")]
    right = [layer(0, "CONV_2D", "right"), layer(1, "CONV_2D", "left"), layer(2, "ADD", "sum")]
    assert aligned(left, right) == [(1, 0), (0, 1), (2, 2)]


def test_shapes_must_agree() -> None:
    assert aligned([layer(0, "ADD", "a", (1, 2))], [layer(0, "ADD", "a", (2, 1))]) == []


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


def test_too_many_layers_to_align() -> None:
    left = [layer(k, "ADD", f"a{k}") for k in range(7100)]
    right = [layer(k, "ADD", f"b{k}") for k in range(7100)]
    with pytest.raises(ModelError, match="too many layers"):
        align(left, right)


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
