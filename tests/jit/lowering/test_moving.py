"""Elements moved to other places: every array between forbidden pages."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import pytflite
from pytflite.jit.target import Target
from tests.harness import single_op, tensor
from tests.jit.guarded import run_guarded
from tests.jit.lowering.test_typed import numbers
from tests.jit.native import RUNNABLE

cpus = pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda target: target.name)
_SIZES = st.sampled_from([1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 33, 40])
_TYPES = st.sampled_from(["int8", "int16", "float32", "int64", "bool"])


@cpus
@settings(max_examples=25)
@given(data=st.data())
def test_transposition(cpu: Target, data: st.DataObject) -> None:
    shape = tuple(data.draw(st.lists(_SIZES, min_size=2, max_size=4)))
    if np.prod(shape) > 1 << 16:
        shape = shape[:2]
    order = data.draw(st.permutations(range(len(shape))))
    dtype = data.draw(_TYPES)
    turned = tuple(shape[axis] for axis in order)
    model = single_op(
        "TRANSPOSE",
        [tensor(shape, dtype.upper()), tensor(value=np.array(order, np.int32))],
        [tensor(turned, dtype.upper())],
    )
    x = numbers(dtype, shape)
    got = run_guarded(model, cpu, x, at_end=data.draw(st.booleans()))
    np.testing.assert_array_equal(got, x.transpose(order))


@cpus
@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "int64"])
@pytest.mark.parametrize(
    "shape", [(3, 5000), (5000, 3), (300, 70), (2, 65, 16), (64, 17), (2, 4, 9000)]
)
def test_long_transposition(cpu: Target, shape: tuple[int, ...], dtype: str) -> None:
    """In several tiles."""
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    model = single_op(
        "TRANSPOSE",
        [tensor(shape, dtype.upper()), tensor(value=np.array(order, np.int32))],
        [tensor(tuple(shape[axis] for axis in order), dtype.upper())],
    )
    x = numbers(dtype, shape)
    np.testing.assert_array_equal(run_guarded(model, cpu, x), x.transpose(order))


_CALCULATED = ["ADD FLOAT32", "MUL INT8", "MAXIMUM INT8", "SUB INT64", "LESS FLOAT32"]


@cpus
@pytest.mark.parametrize("kind", [*_CALCULATED, "LOGICAL_AND BOOL"])
@pytest.mark.parametrize(
    ("rows", "columns"), [(50, 3), (1024, 5), (7, 63), (6, 500), (1, 4), (0, 4)]
)
def test_short_rows_are_repeated(cpu: Target, kind: str, rows: int, columns: int) -> None:
    """An operand that is the same for all rows becomes several first."""
    name, dtype = kind.split()
    scaled = {"scale": 0.1, "zero_point": 3} if dtype == "INT8" else {}
    shapes = [(rows, columns), (columns,)]
    result = "BOOL" if name == "LESS" else dtype
    for first, second in (shapes, shapes[::-1]):
        inputs = [tensor(shape, dtype, **scaled) for shape in (first, second)]
        model = single_op(name, inputs, [tensor((rows, columns), result, **scaled)])
        xs = [numbers(dtype.lower(), shape) for shape in (first, second)]
        want = pytflite.Interpreter(model, backend="numpy").run(*xs)
        np.testing.assert_array_equal(run_guarded(model, cpu, *xs), want)


@cpus
@pytest.mark.parametrize("dtype", ["int8", "int16", "float32", "int64"])
@pytest.mark.parametrize("size", [1, 15, 64, 77, 20000])
def test_one_value_everywhere(cpu: Target, dtype: str, size: int) -> None:
    kind = dtype.upper()
    x = numbers(dtype, (1, 1))
    shape = tensor(value=np.array([3, size], np.int32))
    spread = single_op("BROADCAST_TO", [tensor((1, 1), kind), shape], [tensor((3, size), kind)])
    np.testing.assert_array_equal(run_guarded(spread, cpu, x), np.broadcast_to(x, (3, size)))
    widths = tensor(value=np.array([[0, 0], [size, 2]], np.int32))
    padded = single_op("PAD", [tensor((3, 4), kind), widths], [tensor((3, size + 6), kind)])
    x = numbers(dtype, (3, 4))
    np.testing.assert_array_equal(run_guarded(padded, cpu, x), np.pad(x, ((0, 0), (size, 2))))
