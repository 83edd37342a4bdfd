"""Elements put to places that indices list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.errors import DataError, TFLiteError
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.lowering.test_typed import numbers
from tests.jit.native import RUNNABLE

rng = np.random.default_rng(0)
SUMMED = ["float32", "float64", "int8", "uint8", "int16", "int32", "uint32", "int64", "uint64"]
MOVED = ["bool", "int16", "float32", "int64", "float16"]


def any_numbers(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Complex numbers, too."""
    if "complex" in dtype:
        part = "float32" if dtype == "complex64" else "float64"
        parts = numbers(part, (*shape, 2))
        return np.ascontiguousarray(parts).view(dtype).reshape(shape)
    return numbers(dtype, shape)


@pytest.mark.parametrize("dtype", [*SUMMED, "bool", "complex64", "complex128"])
@pytest.mark.parametrize(
    ("shape", "depth", "listed"),
    [((7,), 1, (20,)), ((3, 4, 5), 2, (6, 2)), ((3, 1100), 1, (4,)), ((2, 3), 2, ())],
)
def test_scatter_nd(dtype: str, shape: Any, depth: int, listed: Any) -> None:
    indices = np.stack([rng.integers(0, s, listed) for s in shape[:depth]], -1)
    kind = "INT64" if dtype == "int8" else "INT32"
    rows = (*listed, *shape[depth:])
    model = single_op(
        "SCATTER_ND",
        [tensor(indices.shape, kind), tensor(rows, dtype.upper()),
         tensor(value=np.array(shape, np.int32))],
        [tensor(shape, dtype.upper())],
    )  # fmt: skip
    cpus = RUNNABLE if dtype in ("float32", "int8") else RUNNABLE[:1]
    agree(model, indices.astype(kind.lower()), any_numbers(dtype, rows), cpus=cpus)


@pytest.mark.parametrize("dtype", [*MOVED, "int8", "complex128"])
@pytest.mark.parametrize(
    ("shape", "box"),
    [((7,), (3,)), ((5, 6, 4), (2, 3, 4)), ((1, 900, 8), (1, 300, 8)), ((3, 2), (3, 1)),
     ((4,), (4,))],
)  # fmt: skip
def test_slices_that_begin_anywhere(shape: Any, box: Any, dtype: str) -> None:
    kind = "INT64" if dtype == "int16" else "INT32"
    model = single_op(
        "SLICE",
        [tensor(shape, dtype.upper()), tensor((len(shape),), kind),
         tensor(value=np.array(box, kind.lower()))],
        [tensor(box, dtype.upper())],
    )  # fmt: skip
    cpus = RUNNABLE if dtype in ("float32", "int8") else RUNNABLE[:1]
    room = np.subtract(shape, box)
    x = any_numbers(dtype, shape)
    for begin in (0 * room, room, room // 2):
        agree(model, x, begin.astype(kind.lower()), cpus=cpus)
    native = pytflite.Interpreter(model, backend="jit", wait=True)
    for wrong in (room + 1, -1 - 0 * room):
        with pytest.raises(TFLiteError, match="outside"):
            native.run(x, wrong.astype(kind.lower()))


@pytest.mark.parametrize("dtype", MOVED)
@pytest.mark.parametrize("scalar", [False, True])
@pytest.mark.parametrize(("shape", "count"), [((50,), 20), ((4, 5, 6), 70), ((3, 4), 1)])
def test_sparse_to_dense(shape: Any, count: int, scalar: bool, dtype: str) -> None:
    """The last of several values for one place stays."""
    indices = np.stack([rng.integers(0, s, count) for s in shape], -1).astype(np.int32)
    if len(shape) == 1:
        indices = indices.reshape(-1)
    values = () if scalar else (count,)
    kind = dtype.upper()
    model = single_op(
        "SPARSE_TO_DENSE",
        [tensor(indices.shape, "INT32"), tensor(value=np.array(shape, np.int32)),
         tensor(values, kind), tensor((), kind)],
        [tensor(shape, kind)],
    )  # fmt: skip
    agree(model, indices, any_numbers(dtype, values), any_numbers(dtype, ()), cpus=RUNNABLE[:2])


@pytest.mark.parametrize("dtype", SUMMED)
@pytest.mark.parametrize("name", ["SUM", "PROD", "MAX", "MIN"])
def test_unsorted_segments(name: str, dtype: str) -> None:
    """NumPy adds floats pairwise, and so in another order."""
    x = any_numbers(dtype, (6, 5, 9))
    if dtype.startswith("float"):
        x = rng.normal(size=x.shape).astype(dtype)
        if name in ("MAX", "MIN"):
            x[2, :3], x[3, 0], x[4, 1] = np.nan, np.inf, -np.inf
    ids = rng.integers(-2, 4, (6, 5)).astype(np.int32)
    model = single_op(
        f"UNSORTED_SEGMENT_{name}",
        [tensor(x.shape, dtype.upper()), tensor(ids.shape, "INT32"), tensor(value=np.int32(5))],
        [tensor((5, 9), dtype.upper())],
    )  # fmt: skip
    agree(model, x, ids, cpus=RUNNABLE[:1], ulps=8 * (name == "SUM" and "float" in dtype))


@pytest.mark.parametrize("dtype", MOVED)
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("shape", [(7, 5), (40, 1), (1, 3), (0, 2)])
def test_one_hot(shape: Any, axis: int, dtype: str) -> None:
    where = axis if axis >= 0 else 2
    kind, index = dtype.upper(), "INT64" if dtype == "bool" else "INT32"
    model = single_op(
        "ONE_HOT",
        [tensor(shape, index), tensor(value=np.int32(6)), tensor((), kind), tensor((1,), kind)],
        [tensor((*shape[:where], 6, *shape[where:]), kind)], axis=axis,
    )  # fmt: skip
    indices = rng.integers(-3, 9, shape).astype(index.lower())
    on, off = any_numbers(dtype, (2,))
    agree(model, indices, on.reshape(()), off.reshape(1), cpus=RUNNABLE[:2])


@pytest.mark.parametrize("dtype", [*MOVED, "complex128"])
@pytest.mark.parametrize(
    ("shape", "box"),
    [((9,), (4,)), ((4, 5, 6), (2, 5, 6)), ((4, 5, 6), (2, 3, 6)), ((1, 30, 4, 8), (1, 1, 4, 8)),
     ((4, 5), (4, 5)), ((4, 5), (0, 5)), ((3, 4, 5), (3, 2, 1)), ((0, 3), (0, 1))],
)  # fmt: skip
def test_dynamic_update_slice(shape: Any, box: Any, dtype: str) -> None:
    kind, index = dtype.upper(), "INT64" if dtype == "int64" else "INT32"
    model = single_op(
        "DYNAMIC_UPDATE_SLICE",
        [tensor(shape, kind), tensor(box, kind), tensor((len(shape),), index)],
        [tensor(shape, kind)],
    )  # fmt: skip
    for starts in ([0] * 4, [1, 2, 1, 3], [-5, 99, -(2**31), 2**31 - 1]):
        agree(
            model, any_numbers(dtype, shape), any_numbers(dtype, box),
            np.array(starts[: len(shape)], index.lower()), cpus=RUNNABLE[:2],
        )  # fmt: skip


@pytest.mark.parametrize("bad", [-1, 5, 2**31 - 1, -(2**31)])
def test_places_out_of_range(bad: int) -> None:
    indices, x = np.array([[0], [bad], [1]], np.int32), np.ones(3, np.float32)
    for name, inputs in (
        ("SCATTER_ND", [tensor((3,)), tensor(value=np.array([5], np.int32))]),
        ("SPARSE_TO_DENSE",
         [tensor(value=np.array([5], np.int32)), tensor((3,)), tensor(value=np.float32(0))]),
    ):  # fmt: skip
        model = single_op(name, [tensor((3, 1), "INT32"), *inputs], [tensor((5,))])
        interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
        assert not [r for r in interpreter.backend_report() if r.backend == "numpy"]
        with pytest.raises(DataError):
            interpreter.run(indices, x)
        assert interpreter.run(np.array([[4], [0], [4]], np.int32), x)[4] == 1 + (name[1] == "C")
