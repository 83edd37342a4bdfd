"""Detection: the best boxes that do not overlap much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.errors import DataError
from pytflite.jit.kernels.doubles import exp
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.ops.detection.test_postprocess import detection, found


@pytest.mark.parametrize("regular", [False, True])
@pytest.mark.parametrize("levels", [0, 3])
@pytest.mark.parametrize(
    "changes",
    [{}, {"max_detections": 0}, {"max_classes_per_detection": 3}, {"nms_score_threshold": 0.0},
     {"max_classes_per_detection": 7}, {"detections_per_class": 2, "max_detections": 3},
     {"nms_iou_threshold": 1.0, "max_detections": 500}, {"nms_score_threshold": 2.0}],
)  # fmt: skip
def test_detections(changes: dict[str, Any], levels: int, regular: bool) -> None:
    for count, classes in ((60, 3), (60, 4), (0, 3), (1, 3)):
        inputs = found(count, classes, 5, levels)
        if count:
            inputs[1][0, -1] = np.nan
            inputs[1][0, 0, 1] = np.nan
        model = detection([x.shape for x in inputs], use_regular_nms=regular, **changes)
        agree(model, *inputs)


@pytest.mark.parametrize("regular", [False, True])
@pytest.mark.parametrize("dtype", ["UINT8", "INT8"])
def test_detections_of_bytes(dtype: str, regular: bool) -> None:
    rng = np.random.default_rng(2)
    shapes = [(1, 50, 6), (1, 50, 4), (50, 4)]
    info = np.iinfo(dtype.lower())
    inputs = [rng.integers(info.min, info.max, s, dtype.lower(), endpoint=True) for s in shapes]
    inputs[2] = np.maximum(inputs[2], info.min + 20)
    zero = info.min
    model = detection(
        shapes, dtype=dtype, scales=((0.05, zero + 128), (1 / 256, zero), (0.01, zero + 3)),
        use_regular_nms=regular, max_classes_per_detection=3,
    )  # fmt: skip
    agree(model, *inputs)


def test_boxes_that_end_before_they_begin() -> None:
    inputs = found(5, 3, 0)
    inputs[2][3, 2] = -1
    model = detection([x.shape for x in inputs])
    with pytest.raises(DataError, match="ends before"):
        pytflite.Interpreter(model, backend="jit", wait=True).run(*inputs)


def suppression(name: str, count: int, most: int) -> Any:
    """NON_MAX_SUPPRESSION whose thresholds are inputs."""
    scalar = tensor(())
    inputs = [tensor((count, 4)), tensor((count,)), tensor(value=np.int32(most)), scalar, scalar]
    outputs = [tensor((most,), "INT32"), tensor((), "INT32")]
    if name.endswith("5"):
        inputs.append(scalar)
        outputs.insert(1, tensor((most,)))
    return single_op(name, inputs, outputs)


@pytest.mark.parametrize("sigma", [None, 0.0, 0.1, 0.7, np.nan])
@pytest.mark.parametrize("levels", [0, 3])
@pytest.mark.parametrize(("count", "most"), [(0, 3), (1, 3), (40, 7), (70, 100)])
def test_suppression(count: int, most: int, levels: int, sigma: float | None) -> None:
    rng = np.random.default_rng(count)
    boxes = rng.random((count, 4)).astype(np.float32)
    scores = rng.integers(-1, levels, count) / levels if levels else rng.random(count)
    scores = scores.astype(np.float32)
    if count > 5:
        boxes[3], boxes[5], scores[4] = 0.5, np.nan, np.nan
    model = suppression(f"NON_MAX_SUPPRESSION_V{4 if sigma is None else 5}", count, most)
    for overlapping, least in ((0.5, 0.0), (0.1, -np.inf), (0.0, 0.3), (1.0, 0.2), (np.nan, 0.1)):
        numbers = [np.float32(n) for n in (overlapping, least, sigma) if n is not None]
        agree(model, boxes, scores, *numbers)


def test_negative_sigma() -> None:
    model = suppression("NON_MAX_SUPPRESSION_V5", 2, 2)
    zero, x = np.float32(0), np.zeros((2, 4), np.float32)
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    with pytest.raises(DataError, match="sigma"):
        interpreter.run(x, x[:, 0], zero, zero, np.float32(-1))


def test_exp() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(size=2000) * 10.0**k for k in range(-3, 4)])
    x = np.concatenate([x, [0.0, -0.0, np.inf, -np.inf, np.nan, 709.8, -745.2, 1e300, -1e300]])
    with np.errstate(all="ignore"):
        got, want = np.array([exp(v) for v in x]), np.exp(x)
    np.testing.assert_array_max_ulp(got, want, 2)
