"""compare: how far layers are apart, and which one is to blame."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import pytflite
from pytflite.model.model import Model
from pytflite.tools.comparison import LayerError, compare, plot
from pytflite.tools.doodle import model_path, strokes
from tests.harness import single_op, tensor
from tests.tools.compared_models import rescaled, with_borders

FLOAT, INT8 = model_path("float32"), model_path("int8")


@pytest.fixture(scope="module")
def drawings() -> np.ndarray:
    pictures, _ = strokes.dataset(10, seed=3)
    return pictures[..., None] / np.float32(255)


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
