"""LEAKY_RELU: x where x > 0, alpha * x elsewhere; same shape, same type.

alpha may be negative, or above 1. Quantised, with x = q - zero:
    x >= 0   zero_out + x * (scale / scale_out)
    x <  0   zero_out + x * (scale * alpha / scale_out)
Both multipliers are made in float32, so that integers change where scales differ even slightly;
for alpha < 0 the product with |alpha| is negated. INT16 is symmetric. Where XNNPACK is followed
(ops/xnnpack.py), they are rounded to 8 fractional bits, half to even, and
    zero_out + floor(x * multiplier / 2^8 + 1/2)
Source: LEAKY_RELU (kernels/activations.cc, internal/reference/leaky_relu.h).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial

import numpy as np

from pytflite.errors import OptionError
from pytflite.model.graph import Array
from pytflite.ops import xnnpack
from pytflite.ops.elementwise.pointwise import (
    Pointwise,
    evaluate,
    float32_ratio,
    in_blocks,
    infer_scaled,
    on_integers,
    on_numbers,
)
from pytflite.ops.fixed_point import multiply, quantize_multiplier, saturate
from pytflite.ops.operator import Example, define
from pytflite.ops.quantized import Multiplier
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


def infer_leaky(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape of the input."""
    if not math.isfinite(node.options.alpha):
        raise node.error(
            OptionError, "alpha is not a number", expected="a finite one", found=node.options.alpha
        )
    return infer_scaled(node, inputs)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Pointwise:
    """alpha, or a table of the quantised function."""
    source, target = inputs[0], outputs[0]
    assert source is not None
    alpha = float(node.options.alpha)
    if not source.dtype.is_integer:
        return Pointwise(on_numbers(partial(_leaky, alpha), source.dtype, source.size))
    if xnnpack.takes_leaky_relu(node, source, target):
        slopes = xnnpack.leaky_scales(node, source, target)
        eighths = partial(
            _leaky_eighths,
            zero=source.zero_point,
            zero_out=target.zero_point,
            positive=round(256 * slopes[0]),
            negative=round(256 * slopes[1]),
            dtype=target.dtype.storage,
        )
        return Pointwise(on_integers(eighths, source).apply)
    negative = float32_ratio(node, np.float32(source.scale) * np.float32(alpha), target.scale)
    positive = float32_ratio(node, source.scale, target.scale)
    equation = partial(
        _leaky_integers,
        zero=source.zero_point,
        zero_out=target.zero_point,
        positive=Multiplier(*quantize_multiplier(positive)),
        negative=Multiplier(*quantize_multiplier(abs(negative))),
        sign=-1 if negative < 0 else 1,
        dtype=target.dtype.storage,
    )
    return Pointwise(on_integers(equation, source).apply)


def _leaky(alpha: float, x: Array, out: Array) -> None:
    in_blocks(partial(_leaky_step, x.dtype.type(alpha)), x, out)


def _leaky_step(alpha: np.floating, x: Array, out: Array, work: Array) -> None:
    """max(x, 0) + alpha * min(x, 0): several times faster than a choice by element."""
    np.maximum(x, 0, out=work)
    np.minimum(x, 0, out=out)
    np.multiply(out, alpha, out=out)
    np.add(out, work, out=out)


def _leaky_eighths(
    q: Array, zero: int, zero_out: int, positive: int, negative: int, dtype: np.dtype
) -> Array:
    """XNNPACK's form."""
    x = q.astype(np.int64) - zero
    moved = (x * np.where(x >= 0, positive, negative) + 128) >> 8
    return saturate(moved + zero_out, dtype)


def _leaky_integers(
    q: Array,
    zero: int,
    zero_out: int,
    positive: Multiplier,
    negative: Multiplier,
    sign: int,
    dtype: np.dtype,
) -> Array:
    x = q.astype(np.int64) - zero
    moved = np.where(x >= 0, multiply(x, *positive), sign * multiply(x, *negative))
    return saturate(moved + zero_out, dtype)


define(
    "LEAKY_RELU",
    module=__name__,
    options="LeakyReluOptions",
    signature=Signature("T -> T", T="FLOAT32|FLOAT16|BFLOAT16|FLOAT64|INT8|UINT8|INT16"),
    versions=(1, 2),
    infer=infer_leaky,
    prepare=prepare,
    eval=evaluate,
    in_place=((0, 0),),
    rows_apart=True,
    examples=(Example([[-2.0, 0.0, 3.0]], [[-0.5, 0.0, 3.0]], {"alpha": 0.25}),),
)
