"""Products of bytes with the quantised ADD that follows: its numbers, tried on all pairs of bytes.

The ADD of two bytes rounds thrice; float32 arithmetic (emit/residual_int8.py) gives the same where
no pair lies too near to a tie. Numbers next to those that the scales give are tried until all pairs
agree with what the operator's NumPy kernel answers. If none do, kernels look up the table of that.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from pytflite.jit.emit.requantize import is_fused
from pytflite.jit.emit.residual_int8 import NUMBERS
from pytflite.jit.lowering.registry import Lowering
from pytflite.jit.lowering.tables import evaluated
from pytflite.jit.work import Packed, Slot
from pytflite.model.dtypes import UINT8
from pytflite.model.graph import Array
from pytflite.ops import xnnpack
from pytflite.ops.activation import quantized_range
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step

_SAFE = 2.0**30  # beyond, integers may be anything
_NEAR = 2.0**-9  # from a tie
_STEPS = (0, 1, -1, 2, -2, 4, -4)  # of what is tried ...
_ULP, _BIT = 2.0**-23, 2.0**-18  # ... in scales and in the offset
_BYTES = np.arange(256, dtype=np.uint8).view(np.int8)  # by their bits
Numbers = tuple[np.float32, np.float32, np.float32]


class Sum(NamedTuple):
    """What is added to a product's outputs: slots, in order.

    Attributes:
        addend: slot of the other tensor.
        numbers, table: as emit/residual_int8.py has them.
        low, high: bounds of the sum, as int8.
    """

    addend: Slot
    numbers: Packed
    table: Packed
    low: int
    high: int


class Pair(NamedTuple):
    """The ADD as numbers of int8: scales over that of the output, zero points, bounds.

    Attributes:
        scales, zeros: of the product's output and the other tensor. zero: of the sum.
        low, high: of the sum.
        fused: products and sums round once.
    """

    scales: tuple[float, float]
    zeros: tuple[int, int]
    zero: int
    low: int
    high: int
    fused: bool


def sum_of(made_by: Step, add: Step, to: Lowering) -> Sum:
    """The ADD of a product's output and another tensor."""
    own = add.inputs.index(made_by.outputs[0])
    y, r = (add.input_specs[n] for n in (own, 1 - own))
    made = add.output_specs[0]
    assert y is not None and r is not None
    centre = 128 if made.dtype is UINT8 else 0
    even = bool(xnnpack.takes_pair(add.node, add.input_specs, made))
    low, high = (int(b) - centre for b in quantized_range(add.node, made, even=even))
    pair = Pair(
        (y.scale / made.scale, r.scale / made.scale),
        (y.zero_point - centre, r.zero_point - centre),
        made.zero_point - centre, low, high, is_fused(to.target),
    )  # fmt: skip
    numbers = Packed(lambda: _numbers(pair, _table(add, own, y)))

    def table() -> Array:
        return np.zeros(1, np.uint8) if numbers.array[-1] else _table(add, own, y)

    return Sum(to.input(add, 1 - own), numbers, Packed(table), low, high)


def _table(add: Step, own: int, y: Spec) -> Array:
    """What the operator answers, by the bits of the product's output and of the other byte."""
    values = np.arange(256, dtype=np.uint8).view(y.dtype.storage)
    a, b = values[:, None], values[None, :]
    return np.ascontiguousarray(evaluated(add, [b, a] if own else [a, b]))


def _numbers(pair: Pair, table: Array) -> Array:
    """Float32 numbers for which all pairs are right, and 1; or 0."""
    bits = np.arange(256, dtype=np.uint8)  # of the bytes as int8
    want = table
    if table.dtype == np.uint8:
        want = (table ^ 128).view(np.int8)[np.ix_(bits ^ 128, bits ^ 128)]
    y, r = _BYTES[:, None], _BYTES
    p, q = pair.scales
    real = (y - float(pair.zeros[0])) * p + (r - float(pair.zeros[1])) * q
    few = np.nonzero(np.abs(real - np.floor(real) - 0.5) < _NEAR)  # others need no second look
    near = _BYTES[few[0]], _BYTES[few[1]]
    for numbers in _candidates(pair):
        if _holds(numbers, pair, *near, want[few]) and _holds(numbers, pair, y, r, want):
            return np.array([*numbers, 1], np.float32)
    return np.zeros(len(NUMBERS), np.float32)


def _candidates(pair: Pair) -> Iterator[Numbers]:
    """The nearest numbers, then such as are a little beside them, upwards and downwards."""
    for p, q in product(_STEPS, _STEPS):
        scales = [s * (1 + n * _ULP) for s, n in zip(pair.scales, (p, q), strict=True)]
        offset = pair.zero - pair.zeros[0] * scales[0] - pair.zeros[1] * scales[1]
        for higher in _STEPS:
            yield np.float32(scales[0]), np.float32(scales[1]), np.float32(offset + higher * _BIT)


def _holds(numbers: Numbers, pair: Pair, y: Array, r: Array, want: Array) -> bool:
    """Whether these numbers make of pairs what is wanted."""
    p, q, offset = numbers
    with np.errstate(all="ignore"):
        inner = _multiply_add(r, q, offset, pair.fused)
        t = None if inner is None else _multiply_add(y, p, inner, pair.fused)
    if t is None or not np.abs(t).max(initial=0) < _SAFE:
        return False
    return bool((np.clip(np.rint(t), pair.low, pair.high) == want).all())


def _multiply_add(x: Array, scale: np.float32, offset: Array | np.float32, fused: bool) -> (
    Array | None
):  # fmt: skip
    """x * scale + offset in float32, rounded once or twice; None if float64 does not hold it."""
    if not fused:
        rounded: Array = x.astype(np.float32) * scale + offset
        return rounded
    exact = x.astype(np.float64) * np.float64(scale)  # 8 bits times 24
    other = np.asarray(offset, np.float64)
    total = exact + other
    back = total - exact
    if ((exact - (total - back)) + (other - back)).any():
        return None
    result: Array = total.astype(np.float32)
    return result
