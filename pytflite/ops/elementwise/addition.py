"""ADD, SUB, SQUARED_DIFFERENCE: two inputs on one scale, combined.

    ADD                 activation(a + b)
    SUB                 activation(a - b)
    SQUARED_DIFFERENCE  (a - b)^2

Inputs broadcast. Integers wrap around. With scales (s, z) INT8 and UINT8 are brought to a common
scale twice the larger of the inputs', with 20 more bits (SQUARED_DIFFERENCE: 7), then to the
output's:

    a' = rescale((a - za) * 2^20, sa / (2 max(sa, sb))), b' likewise
    output = clamp(zo + rescale(a' + b', 2 max(sa, sb) / (2^20 so)))

INT16 has zero points 0 and 15 bits; if the option `pot_scale_int16` is set (the default), all
scales are powers of two and one input has the output's, the other is only shifted:
`saturate(a + round(b / 2^n))`. Integers without scales are plain numbers.
Where XNNPACK is followed (ops/xnnpack.py), ADD and SUB round once: with n such that the larger
m below has 21 bits,

    output = clamp(zo + floor(((a - za) * ma + (b - zb) * mb) / 2^n + 1/2))
    ma = rint(2^n sa / so), mb likewise

The reference ends the process where ADD's or SQUARED_DIFFERENCE's output multiplier is 1 or more;
here any is fine. It also forgets to broadcast in ADD's power-of-two form.
Source: ADD, SUB, SQUARED_DIFFERENCE (kernels/add.cc, sub.cc, squared_difference.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pytflite.model.dtypes import INT8, INT16, UINT8
from pytflite.model.graph import Array
from pytflite.ops import activation, xnnpack
from pytflite.ops.elementwise import binary
from pytflite.ops.fixed_point import (
    Int64Array,
    divide_by_pot,
    multiply_in_place,
    shift_and_multiply,
)
from pytflite.ops.operator import Example, define
from pytflite.ops.quantized import Multiplier, PerTensor, multiplier
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


def squared_difference(a: Array, b: Array, out: Array | None = None) -> Array:
    """(a - b)^2, with the signature of a ufunc."""
    difference: Array = np.subtract(a, b, out=out)
    return np.multiply(difference, difference, out=out)


class Row(NamedTuple):
    """What distinguishes the operators."""

    combine: binary.Function
    extra_bits: dict[Any, int]  # of the common scale, by type
    power: int = 1  # of the common scale in the result
    activation: bool = True


_BITS = {INT8: 20, UINT8: 20, INT16: 15}
_ROWS = {
    "ADD": Row(np.add, _BITS),
    "SUB": Row(np.subtract, _BITS),
    "SQUARED_DIFFERENCE": Row(squared_difference, {INT8: 7, UINT8: 7}, 2, False),
}


class Rescaled(NamedTuple):
    """Constants of the general quantised form."""

    combine: binary.Function
    zero_points: tuple[int, int, int]
    extra_bits: int
    inputs: tuple[Multiplier, Multiplier]
    output: Multiplier
    range: tuple[int, int]


class Summed(NamedTuple):
    """Constants of XNNPACK's form: the bias has zero points and one half."""

    multipliers: tuple[int, int]
    bias: int
    shift: int
    zero_point: int
    range: tuple[int, int]


class Shifted(NamedTuple):
    """Constants of the power-of-two form."""

    combine: binary.Function
    shifts: tuple[int, int]
    range: tuple[int, int]


def rescaled(p: Rescaled, a: Int64Array, b: Int64Array) -> Int64Array:
    """The general quantised form."""
    for x, zero_point, m in zip((a, b), p.zero_points, p.inputs, strict=False):
        if zero_point:
            x -= zero_point
        shift_and_multiply(x, p.extra_bits, *m)
    total = np.asarray(p.combine(a, b))
    multiply_in_place(total, *p.output)
    if p.zero_points[2]:
        total += p.zero_points[2]
    return binary.limited(total, p.range)


def summed(p: Summed, a: Int64Array, b: Int64Array) -> Int64Array:
    """XNNPACK's form."""
    a *= p.multipliers[0]
    b *= p.multipliers[1]
    total = np.asarray(a + b)
    total += p.bias
    total >>= p.shift
    total += p.zero_point
    return binary.limited(total, p.range)


def shifted(p: Shifted, a: Int64Array, b: Int64Array) -> Int64Array:
    """The power-of-two form: one of the shifts is 0."""
    a, b = (divide_by_pot(x, n) if n else x for x, n in zip((a, b), p.shifts, strict=True))
    return binary.limited(np.asarray(p.combine(a, b)), p.range)


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The common shape; refuses scales and activations that make no sense."""
    outputs = binary.infer(node, inputs)
    _constants(node, inputs, outputs[0])
    return outputs


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> binary.Form:
    """The form of the computation."""
    constants = _constants(node, inputs, outputs[0])
    if isinstance(constants, Rescaled):
        return binary.quantized(rescaled, constants, inputs, outputs[0])
    if isinstance(constants, Summed):
        return binary.quantized(summed, constants, inputs, outputs[0])
    if isinstance(constants, Shifted):
        return binary.quantized(shifted, constants, inputs, outputs[0])
    return binary.plain(_ROWS[node.name].combine, inputs, outputs[0], constants)


def _constants(
    node: Node, inputs: Sequence[Spec | None], output: Spec
) -> Rescaled | Summed | Shifted | activation.Bounds:
    row = _ROWS[node.name]
    fused = None if row.activation else 0
    if not binary.has_scales(inputs, output):
        return binary.fused_bounds(node, output) if row.activation else binary.UNBOUNDED
    checked = binary.quantization(node, inputs, output)
    if xnnpack.takes_pair(node, inputs, output):
        return _sum(node, checked, activation.quantized_range(node, output, even=True))
    limits = activation.quantized_range(node, output, fused)
    if output.dtype is INT16 and row.activation and node.options.pot_scale_int16:
        shifts = _shifts(checked)
        if shifts is not None:
            return Shifted(row.combine, shifts, limits)
    a, b, out = checked
    bits = row.extra_bits[output.dtype]
    common = 2 * max(a.scale, b.scale)
    return Rescaled(
        row.combine,
        (a.zero_point, b.zero_point, out.zero_point),
        bits,
        (multiplier(node, a.scale / common), multiplier(node, b.scale / common)),
        multiplier(node, common**row.power / ((1 << bits * row.power) * out.scale)),
        limits,
    )


def _sum(node: Node, quantization: Sequence[PerTensor], limits: tuple[int, int]) -> Summed:
    """The constants of XNNPACK's form."""
    a, b, out = quantization
    ratios = [xnnpack.ratio(q.scale, out.scale) for q in (a, b)]
    shift = 21 - math.frexp(max(ratios))[1]
    first, second = (round(math.ldexp(r, shift)) for r in ratios)  # half to even
    if node.name == "SUB":
        second = -second
    bias = (1 << (shift - 1)) - first * a.zero_point - second * b.zero_point
    return Summed((first, second), bias, shift, out.zero_point, limits)


def _shifts(quantization: Sequence[PerTensor]) -> tuple[int, int] | None:
    """How far to shift each input to the right, if the power-of-two form applies."""
    logs = [_log2(q.scale) for q in quantization]
    a, b, out = logs
    if a is None or b is None or out is None:
        return None
    shifts = min(out - a, 32), min(out - b, 32)
    return shifts if min(shifts) == 0 else None


def _log2(scale: float) -> int | None:
    """The logarithm, if it is within 0.001 of an integer: computed in float32, as LiteRT does."""
    log = np.log(np.float32(scale)) * (np.float32(1) / np.log(np.float32(2)))
    whole = np.round(log)
    return int(whole) if abs(log - whole) < np.float32(1e-3) else None


_COMMON: dict[str, Any] = {
    "module": __name__,
    "infer": infer,
    "prepare": prepare,
    "eval": binary.evaluate,
    "scratch": binary.scratch,
    "in_place": ((0, 0), (0, 1)),
    "rows_apart": binary.rows_apart,
}
_ANY_NUMBERS = Signature("T, T -> *", T=f"{binary.FLOATS}|{binary.INTEGERS}|{binary.COMPLEX}")

define(
    "ADD",
    **_COMMON,
    signature=_ANY_NUMBERS,
    options="AddOptions",
    versions=(1, 6),
    examples=(
        Example([[[1, 2], [3, 4]], [10, 20]], [[[11, 22], [13, 24]]]),
        Example(
            [np.array([10, 100], np.int8), np.array([20, 100], np.int8)],
            [np.array([15, 100], np.int8)],
            quantization=((1.0, 0), (1.0, 0), (2.0, 0)),
        ),
    ),
)
define(
    "SUB",
    **_COMMON,
    signature=_ANY_NUMBERS,
    options="SubOptions",
    versions=(1, 5),
    examples=(
        Example([[[1, 2], [3, 4]], [2]], [[[0, 0], [1, 2]]], {"fused_activation_function": 1}),
    ),
)
define(
    "SQUARED_DIFFERENCE",
    **_COMMON,
    signature=Signature(
        "T, T -> *", T=f"{binary.FLOATS}|INT8|UINT8|UINT16|INT32|UINT32|INT64|UINT64"
    ),
    versions=(1, 2),
    examples=(Example([[1, 2, 3], [3, 2, 0]], [[4, 0, 9]]),),
)
