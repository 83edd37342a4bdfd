"""MUL: output = activation(a * b).

Inputs broadcast. Integers wrap around; complex numbers take no activation. With scales (s, z)
INT8, UINT8 and INT16 (z = 0) are

    output = clamp(zo + rescale((a - za) * (b - zb), sa sb / so))

with the multiplier computed in float32; where XNNPACK is followed (ops/xnnpack.py), the product is,
too, and rounded half to even. INT16 * INT16 may give INT8 or UINT8, whatever the
scales: both inputs are Q0.15, and of their product the upper 8 bits are kept (rounded twice):

    output = clamp(zo + round(round(a b / 2^15) / 2^8))

The reference does not broadcast in this last form. INT32 with scales are plain numbers.
Source: MUL (kernels/mul.cc, internal/reference/mul.h and integer_ops/mul.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.model.dtypes import INT16
from pytflite.ops import xnnpack
from pytflite.ops.activation import Bounds, quantized_range
from pytflite.ops.elementwise import binary
from pytflite.ops.fixed_point import Int64Array, divide_by_pot, multiply_in_place
from pytflite.ops.gemmlowp import product
from pytflite.ops.operator import Example, define
from pytflite.ops.quantized import Multiplier, multiplier, per_tensor
from pytflite.ops.requantize_forms import round_nearest
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


class Quantized(NamedTuple):
    """Constants of the quantised form."""

    zero_points: tuple[int, int, int]
    multiplier: Multiplier
    range: tuple[int, int]


class Nearest(NamedTuple):
    """Constants of XNNPACK's form."""

    zero_points: tuple[int, int, int]
    scale: float  # a float32
    range: tuple[int, int]


class Narrowing(NamedTuple):
    """Constants of INT16 * INT16 -> INT8."""

    zero_point: int
    range: tuple[int, int]


def quantized(p: Quantized, a: Int64Array, b: Int64Array) -> Int64Array:
    """The quantised form."""
    a -= p.zero_points[0]
    b -= p.zero_points[1]
    total = np.asarray(a * b)
    multiply_in_place(total, *p.multiplier)
    total += p.zero_points[2]
    return binary.limited(total, p.range)


def nearest(p: Nearest, a: Int64Array, b: Int64Array) -> Int64Array:
    """XNNPACK's form."""
    a -= p.zero_points[0]
    b -= p.zero_points[1]
    total = (a * b).astype(np.float32)
    round_nearest(total, p.scale, p.zero_points[2], *p.range)
    return total.astype(np.int64)


def narrowing(p: Narrowing, a: Int64Array, b: Int64Array) -> Int64Array:
    """INT16 * INT16 -> INT8."""
    total = np.asarray(divide_by_pot(product(a, b, 16), 8))
    total += p.zero_point
    return binary.limited(total, p.range)


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The common shape; refuses scales and activations that make no sense."""
    declared = node.outputs[0]
    assert declared is not None
    outputs = binary.infer(node, inputs, declared.dtype)
    _constants(node, inputs, outputs[0])
    return outputs


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> binary.Form:
    """The form of the computation."""
    constants = _constants(node, inputs, outputs[0])
    if isinstance(constants, Quantized):
        return binary.quantized(quantized, constants, inputs, outputs[0])
    if isinstance(constants, Nearest):
        return binary.quantized(nearest, constants, inputs, outputs[0])
    if isinstance(constants, Narrowing):
        return binary.quantized(narrowing, constants, inputs, outputs[0])
    return binary.plain(np.multiply, inputs, outputs[0], constants)


def _constants(
    node: Node, inputs: Sequence[Spec | None], output: Spec
) -> Quantized | Nearest | Narrowing | Bounds:
    first = inputs[0]
    assert first is not None
    if first.dtype is INT16 and output.dtype is not INT16:
        zero_point = per_tensor(node, output, node.outputs[0]).zero_point
        return Narrowing(zero_point, quantized_range(node, output))
    if not binary.has_scales(inputs, output):
        return binary.fused_bounds(node, output)
    a, b, out = binary.quantization(node, inputs, output)
    real = np.float32(a.scale) * np.float32(b.scale) / np.float32(out.scale)
    zero_points = a.zero_point, b.zero_point, out.zero_point
    if xnnpack.takes_pair(node, inputs, output):
        scale = xnnpack.product_scale(a.scale, b.scale, out.scale)
        return Nearest(zero_points, scale, quantized_range(node, output, even=True))
    return Quantized(
        zero_points,
        multiplier(node, real),
        quantized_range(node, output),
    )


define(
    "MUL",
    module=__name__,
    signature=Signature(
        "T, T -> T",
        "INT16, INT16 -> INT8|UINT8",
        T=f"{binary.FLOATS}|{binary.INTEGERS}|{binary.COMPLEX}",
    ),
    options="MulOptions",
    versions=(1, 8),
    infer=infer,
    prepare=prepare,
    eval=binary.evaluate,
    scratch=binary.scratch,
    in_place=((0, 0), (0, 1)),
    rows_apart=binary.rows_apart,
    examples=(
        Example([[[1, 2], [3, 4]], [10, 100]], [[[10, 200], [30, 400]]]),
        Example(
            [np.array([2, -3], np.int8), np.array([5, 5], np.int8)],
            [np.array([20, -30], np.int8)],
            quantization=((0.5, 0), (1.0, 0), (0.25, 0)),
        ),
    ),
)
