"""Slices and pixels that are looked for: GATHER and its kin, resizing, mirroring."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.errors import DataError
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.lowering.test_typed import numbers
from tests.ops.dense.test_embedding_lookup import IDS, blockwise

KINDS = ["float32", "int8", "int64"]


@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize("index", ["INT16", "INT32", "INT64"])
@pytest.mark.parametrize(
    ("shape", "indices", "axis", "batch"),
    [((5, 7), (4,), 0, 0), ((5, 7), (2, 3), 1, 0), ((3, 5, 40), (3, 2), 1, 1),
     ((3, 2, 5, 6), (3, 4), 2, 1), ((9,), (), 0, 0)],
)  # fmt: skip
def test_gather(shape: Any, indices: Any, axis: int, batch: int, index: str, dtype: str) -> None:
    out = (*shape[:axis], *indices[batch:], *shape[axis + 1 :])
    model = single_op(
        "GATHER", [tensor(shape, dtype.upper()), tensor(indices, index)],
        [tensor(out, dtype.upper())], axis=axis, batch_dims=batch,
    )  # fmt: skip
    which = np.random.default_rng(0).integers(0, shape[axis], indices)
    agree(model, numbers(dtype, shape), np.asarray(which, index.lower()))


@pytest.mark.parametrize("bad", [-1, 5, 2**31 - 1, -(2**31)])
def test_indices_out_of_range(bad: int) -> None:
    model = single_op("GATHER", [tensor((5, 7)), tensor((3,), "INT32")], [tensor((3, 7))])
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    x = numbers("float32", (5, 7))
    with pytest.raises(DataError):
        interpreter.run(x, np.array([0, bad, 1], np.int32))
    np.testing.assert_array_equal(interpreter.run(x, np.array([4, 0, 1], np.int32)), x[[4, 0, 1]])


@pytest.mark.parametrize("dtype", KINDS)
def test_gather_nd(dtype: str) -> None:
    model = single_op(
        "GATHER_ND", [tensor((4, 5, 6), dtype.upper()), tensor((3, 7, 2), "INT32")],
        [tensor((3, 7, 6), dtype.upper())],
    )  # fmt: skip
    rng = np.random.default_rng(0)
    agree(model, numbers(dtype, (4, 5, 6)), rng.integers(0, 4, (3, 7, 2), np.int32))


def test_embedding_lookup() -> None:
    table = numbers("float32", (9, 33))
    model = single_op(
        "EMBEDDING_LOOKUP", [tensor((5,), "INT32"), tensor(value=table)], [tensor((5, 33))]
    )
    agree(model, np.array([8, 0, 3, 3, 1], np.int32))


@pytest.mark.parametrize("dtype", ["INT8", "UINT8", "INT4"])
@pytest.mark.parametrize("scales", [[0.25], [0.1, 1.0, 3.0, 0.0, 1e-30]])
def test_embedding_lookup_of_integers(dtype: str, scales: list[float]) -> None:
    limit = 8 if dtype == "INT4" else 128
    table = np.random.default_rng(0).integers(-limit, limit, (5, 3, 33)).astype(np.int8)
    stored = table.view(np.uint8) if dtype == "UINT8" else table
    model = single_op(
        "EMBEDDING_LOOKUP",
        [tensor((4,), "INT32"), tensor(value=stored, dtype=dtype, scale=scales)],
        [tensor((4, 3, 33))],
    )  # fmt: skip
    agree(model, np.array([4, 0, 3, 3], np.int32))
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    for bad in (-1, 5, 2**31 - 1):
        with pytest.raises(DataError):
            interpreter.run(np.array([0, 1, bad, 2], np.int32))


@pytest.mark.parametrize("dtype", ["INT8", "INT4"])
def test_embedding_lookup_of_blocks(dtype: str) -> None:
    agree(blockwise(dtype, "FLOAT32"), IDS)


def test_zeros_like() -> None:
    for dtype, scale in (("INT8", 0.5), ("INT8", None), ("INT32", 0.5), ("FLOAT32", None)):
        given = {} if scale is None else {"scale": scale, "zero_point": 7}
        model = single_op(
            "ZEROS_LIKE", [tensor((5, 9), dtype, **given)], [tensor((5, 9), dtype, **given)]
        )
        agree(model, numbers(dtype.lower(), (5, 9)))


@pytest.mark.parametrize("channels", [1, 3, 4, 21, 64])
@pytest.mark.parametrize("options", [{}, {"align_corners": True}, {"half_pixel_centers": True}])
@pytest.mark.parametrize("size", [(3, 5), (8, 8), (20, 17), (1, 40)])
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16"])
@pytest.mark.parametrize("name", ["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"])
def test_resize(name: str, dtype: str, size: Any, options: Any, channels: int) -> None:
    shape, kind = (2, 8, 7, channels), dtype.upper()
    scale = {} if dtype == "float32" else {"scale": 0.5}
    model = single_op(
        name, [tensor(shape, kind, **scale), tensor(value=np.array(size, np.int32))],
        [tensor((2, *size, channels), kind, **scale)], **options,
    )  # fmt: skip
    x = numbers(dtype, shape)
    if dtype == "float32":
        x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    agree(model, x, ulps=4 if dtype == "float32" else 0)


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("widths", [[[0, 0], [2, 1]], [[3, 2], [0, 6]], [[0, 0], [0, 0]]])
@pytest.mark.parametrize("dtype", KINDS)
def test_mirror_pad(dtype: str, widths: Any, mode: int) -> None:
    out = tuple(s + sum(w) for s, w in zip((5, 7), widths, strict=True))
    model = single_op(
        "MIRROR_PAD", [tensor((5, 7), dtype.upper()), tensor(value=np.array(widths, np.int32))],
        [tensor(out, dtype.upper())], mode=mode,
    )  # fmt: skip
    agree(model, numbers(dtype, (5, 7)))


@pytest.mark.parametrize("axes", [[0], [1], [1, 2], [0, -1]])
@pytest.mark.parametrize("dtype", KINDS)
def test_reverse(dtype: str, axes: list[int]) -> None:
    shape, kind = (3, 4, 5), dtype.upper()
    inputs = [tensor(shape, kind), tensor(value=np.array(axes, np.int32))]
    agree(single_op("REVERSE_V2", inputs, [tensor(shape, kind)]), numbers(dtype, shape))
