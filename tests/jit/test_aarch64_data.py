"""Kernels that look for elements, put them somewhere, or choose among them, on AArch64."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("numba")

from tests.harness import single_op, tensor
from tests.jit.aarch64 import NEON, Case, hold, needs_emulator, of
from tests.jit.lowering.test_detection import suppression
from tests.ops.custom.test_max_pool_with_argmax import pool_struct
from tests.ops.custom.test_posenet_decoder import PEAKS, PEOPLE, maps, model_of
from tests.ops.detection.test_postprocess import detection, found

pytestmark = needs_emulator
INDICES = np.array([[1], [6], [1], [0]], np.int32)


def searched(dtype: str, *shape: int, axis: int) -> Case:
    """ARG_MAX."""
    axes = tensor(value=np.int32(axis))
    out = tensor(np.empty(shape).sum(axis).shape, "INT32")
    model = single_op("ARG_MAX", [tensor(shape, dtype), axes], [out], output_type=2)
    return Case(model, (of(dtype, *shape),))


def sorted_rows() -> Case:
    """TOPK_V2."""
    out = tensor((3, 5)), tensor((3, 5), "INT32")
    model = single_op("TOPK_V2", [tensor((3, 40)), tensor(value=np.int32(5))], out)
    return Case(model, (of("FLOAT32", 3, 40),))


def scattered() -> Case:
    """SCATTER_ND."""
    tensors = [tensor((4, 1), "INT32"), tensor((4, 9)), tensor(value=np.array([7, 9], np.int32))]
    return Case(single_op("SCATTER_ND", tensors, [tensor((7, 9))]), (INDICES, of("FLOAT32", 4, 9)))


def one_hot() -> Case:
    """ONE_HOT."""
    tensors = [tensor((4, 1), "INT32"), tensor(value=np.int32(5)), tensor(()), tensor(())]
    model = single_op("ONE_HOT", tensors, [tensor((4, 1, 5))], axis=-1)
    return Case(model, (INDICES, np.float32(1), np.float32(0)))


def updated() -> Case:
    """DYNAMIC_UPDATE_SLICE."""
    tensors = [tensor((5, 6, 7)), tensor((2, 3, 7)), tensor((3,), "INT32")]
    model = single_op("DYNAMIC_UPDATE_SLICE", tensors, [tensor((5, 6, 7))])
    starts = np.array([1, 9, -1], np.int32)
    return Case(model, (of("FLOAT32", 5, 6, 7), of("FLOAT32", 2, 3, 7), starts))


def summed() -> Case:
    """CUMSUM."""
    tensors = [tensor((3, 8, 5)), tensor(value=np.int32(1))]
    model = single_op("CUMSUM", tensors, [tensor((3, 8, 5))], exclusive=True, reverse=True)
    return Case(model, (of("FLOAT32", 3, 8, 5),))


def rescaled() -> Case:
    """CONCATENATION of other scales."""
    tensors = [tensor((4, 64), "UINT8", scale=s, zero_point=9) for s in (0.3, 0.7)]
    model = single_op("CONCATENATION", tensors, [tensor((8, 64), "UINT8", scale=0.5)])
    return Case(model, tuple(of("UINT8", 4, 64, seed=n) for n in range(2)))


def blocks() -> Case:
    """SPACE_TO_BATCH_ND."""
    amounts = tensor(value=np.array([[1, 0], [0, 2]], np.int32))
    tensors = [tensor((1, 5, 4, 3)), tensor(value=np.array([2, 3], np.int32)), amounts]
    model = single_op("SPACE_TO_BATCH_ND", tensors, [tensor((6, 3, 2, 3))])
    return Case(model, (of("FLOAT32", 1, 5, 4, 3),))


def detected(regular: bool) -> Case:
    """TFLite_Detection_PostProcess."""
    inputs = found(50, 4, 1, levels=5)
    model = detection([x.shape for x in inputs], use_regular_nms=regular)
    return Case(model, tuple(inputs))


def suppressed() -> Case:
    """NON_MAX_SUPPRESSION_V5."""
    boxes, scores, _ = found(30, 1, 2)
    numbers = (np.float32(n) for n in (0.5, 0.1, 0.3))
    model = suppression("NON_MAX_SUPPRESSION_V5", 30, 9)
    return Case(model, (np.ascontiguousarray(boxes[0]), scores.reshape(-1), *numbers))


def pooled() -> Case:
    """MaxPoolingWithArgmax2D."""
    options = pool_struct(1, (2, 2), (3, 3))
    model = single_op(
        "MaxPoolingWithArgmax2D", [tensor((1, 7, 7, 5))], [tensor(), tensor()],
        custom_options=options,
    )  # fmt: skip
    return Case(model, (of("FLOAT32", 1, 7, 7, 5),))


CASES: dict[str, Callable[[], Case]] = {
    "ARG_MAX of bytes": lambda: searched("INT8", 40, 21, axis=1),
    "ARG_MAX of columns": lambda: searched("FLOAT32", 3, 9, 50, axis=1),
    "TOPK_V2": sorted_rows, "SCATTER_ND": scattered, "ONE_HOT": one_hot,
    "DYNAMIC_UPDATE_SLICE": updated, "CUMSUM": summed, "CONCATENATION": rescaled,
    "SPACE_TO_BATCH_ND": blocks, "fast detection": lambda: detected(regular=False),
    "regular detection": lambda: detected(regular=True), "suppression": suppressed,
    "MaxPoolingWithArgmax2D": pooled,
    "poses": lambda: Case(model_of(3), tuple(maps(PEOPLE, PEAKS)[:3])),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_step(name: str) -> None:
    hold(CASES[name](), NEON)
