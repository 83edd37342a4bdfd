"""Elements in the order of an axis; diagonals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.errors import DataError
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.lowering.test_scattering import MOVED, SUMMED, any_numbers
from tests.jit.native import RUNNABLE

rng = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", [*SUMMED, "complex64"])
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"), [((40,), 0), ((3, 7, 300), 1), ((5, 9), -1), ((4, 0), 1)]
)
def test_cumsum(shape: Any, axis: int, reverse: bool, exclusive: bool, dtype: str) -> None:
    model = single_op(
        "CUMSUM", [tensor(shape, dtype.upper()), tensor(value=np.int32(axis))],
        [tensor(shape, dtype.upper())], exclusive=exclusive, reverse=reverse,
    )  # fmt: skip
    cpus = RUNNABLE if dtype == "float32" else RUNNABLE[:1]
    agree(model, any_numbers(dtype, shape), cpus=cpus)


@pytest.mark.parametrize("dtype", [*MOVED, "complex128"])
@pytest.mark.parametrize(
    ("shape", "batch", "sequence"),
    [((4, 6), 0, 1), ((6, 4), 1, 0), ((2, 4, 3, 6, 5), 1, 3), ((2, 6, 3, 4, 1), 3, 1)],
)
def test_reverse_sequence(shape: Any, batch: int, sequence: int, dtype: str) -> None:
    kind, index = dtype.upper(), "INT64" if dtype == "bool" else "INT32"
    model = single_op(
        "REVERSE_SEQUENCE", [tensor(shape, kind), tensor((4,), index)], [tensor(shape, kind)],
        seq_dim=sequence, batch_dim=batch,
    )  # fmt: skip
    x = any_numbers(dtype, shape)
    agree(model, x, np.array([6, 0, 1, 4], index.lower()), cpus=RUNNABLE[:2])


def test_sequences_that_are_too_long() -> None:
    model = single_op(
        "REVERSE_SEQUENCE", [tensor((2, 3)), tensor((2,), "INT32")], [tensor((2, 3))],
        seq_dim=1, batch_dim=0,
    )  # fmt: skip
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    for bad in (-1, 4, -(2**31), 2**31 - 1):
        with pytest.raises(DataError):
            interpreter.run(x, np.array([1, bad], np.int32))
    assert interpreter.run(x, np.array([3, 2], np.int32)).tolist() == [[2, 1, 0], [4, 3, 5]]


@pytest.mark.parametrize("dtype", SUMMED)
@pytest.mark.parametrize("boundaries", [[], [0.0], [-3.5, 0.0, 0.0, 7.0, 100.25, np.inf]])
def test_bucketize(boundaries: list[float], dtype: str) -> None:
    shape = (5, 1000)
    model = single_op(
        "BUCKETIZE", [tensor(shape, dtype.upper())], [tensor(shape, "INT32")],
        boundaries=boundaries,
    )  # fmt: skip
    x = any_numbers(dtype, shape)
    x[1:3] = rng.integers(0, 120, (2, 1000)).astype(dtype)
    agree(model, x, cpus=RUNNABLE if dtype == "float32" else RUNNABLE[:1])


@pytest.mark.parametrize("dtype", MOVED)
def test_diagonals(dtype: str) -> None:
    kind = dtype.upper()
    model = single_op("MATRIX_DIAG", [tensor((3, 2, 5), kind)], [tensor((3, 2, 5, 5), kind)])
    agree(model, any_numbers(dtype, (3, 2, 5)))
    for rows, columns in ((4, 6), (6, 4), (5, 5), (1, 3), (0, 3)):
        shape, size = (2, 3, rows, columns), min(rows, columns)
        model = single_op(
            "MATRIX_SET_DIAG", [tensor(shape, kind), tensor((2, 3, size), kind)],
            [tensor(shape, kind)],
        )  # fmt: skip
        agree(model, any_numbers(dtype, shape), any_numbers(dtype, (2, 3, size)))


@pytest.mark.parametrize("dtype", MOVED)
def test_fill(dtype: str) -> None:
    dims = tensor(value=np.array([3, 700], np.int32))
    model = single_op("FILL", [dims, tensor((), dtype.upper())], [tensor((3, 700), dtype.upper())])
    agree(model, any_numbers(dtype, ()))
