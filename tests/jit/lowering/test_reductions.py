"""Sums, means, products and extremes along any axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from pytflite.jit.lowering.reductions import five
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.lowering.test_typed import numbers

SHAPES = [
    ((3, 500), [1]), ((200, 30, 3), [0, 1]), ((2, 77, 3), [1]),
    ((7, 9), [1]), ((7, 130), [-1]), ((300, 5), [0]), ((2, 5, 6, 70), [1, 2]), ((5, 4), [0, 1]),
    ((3, 6, 5, 7), [0, 2]), ((3, 6, 5, 7), [1, 3]), ((4, 1100), [0]), ((3, 2), []), ((1, 40), [0]),
]  # fmt: skip
NAMES = ["SUM", "MEAN", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"]


def reduced(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    return np.sum(np.zeros(shape), tuple(axes), keepdims=True).shape


@pytest.mark.parametrize(("shape", "axes"), SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_floats(name: str, shape: tuple[int, ...], axes: list[int]) -> None:
    inputs = [tensor(shape), tensor(value=np.array(axes, np.int32))]
    model = single_op(name, inputs, [tensor(reduced(shape, axes))], keep_dims=True)
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    agree(model, x, ulps=40 if name in NAMES[:3] else 0)


@pytest.mark.parametrize("name", ["REDUCE_MAX", "REDUCE_MIN"])
def test_nan_never_wins(name: str) -> None:
    x = numbers("float32", (40, 70))
    x[3] = np.nan
    for axis, shape in ((0, (1, 70)), (1, (40, 1))):
        inputs = [tensor(x.shape), tensor(value=np.array([axis], np.int32))]
        agree(single_op(name, inputs, [tensor(shape)], keep_dims=True), x)


@pytest.mark.parametrize(("shape", "axes"), SHAPES)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
@pytest.mark.parametrize("name", NAMES)
def test_plain_integers(name: str, dtype: str, shape: tuple[int, ...], axes: list[int]) -> None:
    kind = dtype.upper()
    inputs = [tensor(shape, kind), tensor(value=np.array(axes, np.int32))]
    model = single_op(name, inputs, [tensor(reduced(shape, axes), kind)], keep_dims=True)
    agree(model, numbers(dtype, shape))


@pytest.mark.parametrize(("shape", "axes"), SHAPES)
@pytest.mark.parametrize("name", ["REDUCE_ANY", "REDUCE_ALL", "SUM"])
def test_truth_values(name: str, shape: tuple[int, ...], axes: list[int]) -> None:
    inputs = [tensor(shape, "BOOL"), tensor(value=np.array(axes, np.int32))]
    model = single_op(name, inputs, [tensor(reduced(shape, axes), "BOOL")], keep_dims=True)
    x = np.random.default_rng(1).random(shape) < 0.1
    agree(model, x)
    agree(model, ~x)


@pytest.mark.parametrize(("shape", "axes"), SHAPES)
@pytest.mark.parametrize("scale", [0.01, 0.4, 1.0, 3.0])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
@pytest.mark.parametrize("name", ["SUM", "MEAN"])
def test_scales(
    name: str, dtype: str, scale: float, shape: tuple[int, ...], axes: list[int]
) -> None:
    kind, zero = dtype.upper(), 0 if dtype == "int16" else 7
    inputs = [
        tensor(shape, kind, scale=scale, zero_point=zero),
        tensor(value=np.array(axes, np.int32)),
    ]
    output = tensor(reduced(shape, axes), kind, scale=0.5, zero_point=zero and zero - 2)
    agree(single_op(name, inputs, [output], keep_dims=True), numbers(dtype, shape))


def test_groups_of_axes() -> None:
    assert five((2, 3, 4), (1,)) == (1, 1, 2, 3, 4)
    assert five((2, 3, 4), (0, 2)) == (1, 2, 3, 4, 1)
    assert five((2, 3, 4, 5, 6), (0, 2, 4)) is None
    assert five((), ()) == (1, 1, 1, 1, 1)
