"""RELU and its bounded kin.

    RELU          max(x, 0)
    RELU_N1_TO_1  min(max(x, -1), 1)
    RELU_0_TO_1   min(max(x, 0), 1)
    RELU6         min(max(x, 0), 6)        same shape, same type; NaN stays NaN

Quantised: zero_out + (q - zero) * scale / scale_out (multiplier made in float32), then clamped to
zero_out + round(bound / scale_out) and to the type. INT16 is symmetric.
Source: RELU, RELU_N1_TO_1, RELU_0_TO_1, RELU6 (kernels/activations.cc, QuantizedReluX).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.activation import Bounds
from pytflite.ops.elementwise.pointwise import (
    Pointwise,
    evaluate,
    float32_ratio,
    infer_scaled,
    on_integers,
    on_numbers,
)
from pytflite.ops.fixed_point import INT32_MAX, multiply, quantize_multiplier
from pytflite.ops.operator import Example, define
from pytflite.ops.quantized import integer_range
from pytflite.ops.rounding import round_half_away
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

# Bounds, and the last version that LiteRT has.
ROWS: dict[str, tuple[Bounds, int]] = {
    "RELU": ((0, None), 3),
    "RELU_N1_TO_1": ((-1, 1), 1),
    "RELU_0_TO_1": ((0, 1), 1),
    "RELU6": ((0, 6), 3),
}


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Pointwise:
    """Bounds as numbers, or as a table of the quantised function."""
    source, target = inputs[0], outputs[0]
    assert source is not None
    low, high = ROWS[node.name][0]
    if not source.dtype.is_integer:
        clamp = partial(_clamp, low=low, high=high)
        return Pointwise(on_numbers(clamp, source.dtype, source.size))
    least, greatest = integer_range(target.dtype)
    m, shift = quantize_multiplier(float32_ratio(node, source.scale, target.scale))
    equation = partial(
        _rescaled_within,
        zero=source.zero_point,
        m=m,
        shift=shift,
        zero_out=target.zero_point,
        low=least if low is None else max(least, _quantized_bound(low, target)),
        high=greatest if high is None else min(greatest, _quantized_bound(high, target)),
    )
    return Pointwise(on_integers(equation, source).apply)


def _quantized_bound(bound: int, target: Spec) -> int:
    """zero_out + round(bound / scale_out), the division in float32."""
    steps = float(np.float32(bound) / np.float32(target.scale))
    return target.zero_point + round_half_away(min(max(steps, -INT32_MAX), INT32_MAX))


def _clamp(x: Array, out: Array, low: int | None, high: int | None) -> None:
    if low is not None:
        np.maximum(x, x.dtype.type(low), out=out)
        x = out
    if high is not None:
        np.minimum(x, x.dtype.type(high), out=out)


def _rescaled_within(
    q: Array, zero: int, m: int, shift: int, zero_out: int, low: int, high: int
) -> Array:
    moved = multiply(q.astype(np.int64) - zero, m, shift) + zero_out
    clamped: Array = np.minimum(np.maximum(moved, low), high)
    return clamped


for _name, (_bounds, _last) in ROWS.items():
    define(
        _name,
        module=__name__,
        signature=Signature("T -> T", T="FLOAT32|FLOAT16|BFLOAT16|FLOAT64|INT8|UINT8|INT16"),
        versions=(1, _last),
        infer=infer_scaled,
        prepare=prepare,
        eval=evaluate,
        in_place=((0, 0),),
        rows_apart=True,
        examples=(
            Example(
                [[-2.0, -0.5, 0.5, 8.0]],
                [np.clip([-2.0, -0.5, 0.5, 8.0], *_bounds)],
            ),
        ),
    )
