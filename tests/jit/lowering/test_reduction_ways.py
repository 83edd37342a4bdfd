"""Reductions by several rows, by one and by columns: their ends, NaN, and how tiles divide them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.jit.kernel import kernel
from pytflite.jit.target import Target
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.guarded import run_guarded
from tests.jit.lowering.test_typed import numbers
from tests.jit.native import RUNNABLE, call

ROWS = [(17, 1), (18, 2), (19, 3), (16, 5), (33, 16), (37, 17), (5, 31), (16, 33), (20, 63),
        (17, 64), (18, 65), (35, 130), (3, 1000), (40, 300)]  # fmt: skip
COLUMNS = [(1, 2), (7, 3), (300, 10), (130, 33), (128, 64), (129, 100), (515, 31), (4, 1000)]
CASES = [(s, 1) for s in ROWS] + [(s, 0) for s in COLUMNS]


def model(name: str, shape: tuple[int, ...], axis: int, kind: str, **numbers: Any) -> Any:
    axes = tensor(value=np.array([axis], np.int32))
    kept = tuple(n for i, n in enumerate(shape) if i != axis)
    return single_op(name, [tensor(shape, kind, **numbers), axes], [tensor(kept, kind, **numbers)])


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda t: t.name)
@pytest.mark.parametrize(("shape", "axis"), CASES)
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64"])
@pytest.mark.parametrize("name", ["SUM", "REDUCE_MAX", "REDUCE_PROD"])
def test_within_guard_pages(
    name: str, dtype: str, shape: tuple[int, int], axis: int, target: Target
) -> None:
    x = numbers(dtype, shape)
    if dtype == "float32":
        x = np.random.default_rng(1).integers(-8, 9, shape).astype(dtype)  # with exact sums
        x = np.where(x == 0, 1, np.sign(x)).astype(dtype) if name == "REDUCE_PROD" else x
    made = model(name, shape, axis, dtype.upper())
    want = pytflite.Interpreter(made, backend="numpy").run(x)
    for at_end in (False, True):
        np.testing.assert_array_equal(run_guarded(made, target, x, at_end=at_end), want)


@pytest.mark.parametrize(("dtype", "x"), [("int8", -128), ("int8", 127), ("uint8", 255)])
@pytest.mark.parametrize(("shape", "axis"), [((1000, 70), 0), ((40, 3000), 1), ((1, 9000), 1)])
def test_sums_of_the_greatest_bytes(
    dtype: str, x: int, shape: tuple[int, int], axis: int
) -> None:  # fmt: skip
    for zero in (x, 0):
        made = model("MEAN", shape, axis, dtype.upper(), scale=0.5, zero_point=zero)
        assert np.all(agree(made, np.full(shape, x, dtype))[0] == x)


@pytest.mark.parametrize(("shape", "axis"), CASES)
@pytest.mark.parametrize("name", ["REDUCE_MAX", "REDUCE_MIN"])
def test_infinities_and_nan(name: str, shape: tuple[int, int], axis: int) -> None:
    rng = np.random.default_rng(2)
    worst = -np.inf if name == "REDUCE_MAX" else np.inf
    made = model(name, shape, axis, "FLOAT32")
    for choice in ([worst, np.nan], [np.nan], [worst], [np.nan, -worst], [np.nan, 1.0, worst]):
        agree(made, rng.choice(np.float32(choice), shape))
    lines = [np.nan if n % 3 == 0 else worst for n in range(shape[1 - axis])]
    agree(made, np.broadcast_to(np.expand_dims(np.float32(lines), axis), shape).copy())


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda t: t.name)
@pytest.mark.parametrize("how", ["sum", "max"])
@pytest.mark.parametrize("batch", [1, 3])
def test_columns_do_not_depend_on_tiles(batch: int, how: str, target: Target) -> None:
    rows, columns, width = 77, 150, target.lanes
    x = np.random.default_rng(3).normal(size=(batch, rows, columns)).astype(np.float32)
    code = kernel(
        "reduction.fold", dtype="float32", how=how, ending="", way="columns", lanes=width,
        twice=False, squares=False,
    )  # fmt: skip
    blocks = -(-columns // width)
    units = batch * blocks
    together, apart = np.empty((2, batch, columns), np.float32)
    slots = units, 1, blocks, width, 1, batch, rows, columns
    call(code, x, together, *slots, target=target, tiles=units)
    for tile in range(units):
        call(code, x, apart, *slots, target=target, begin=tile, tiles=tile + 1)
    np.testing.assert_array_equal(apart, together)
    want = x.max(1) if how == "max" else x.astype(np.float64).sum(1)
    np.testing.assert_allclose(together, want, rtol=0, atol=1e-4)
