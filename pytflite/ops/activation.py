"""Fused activations: what an operator does with its result before anyone sees it.

    NONE          x                      (infinities pass, as in LiteRT as shipped)
    RELU          max(x, 0)
    RELU_N1_TO_1  min(max(x, -1), 1)
    RELU6         min(max(x, 0), 6)
    TANH          tanh(x)                in recurrent cells only
    SIGN_BIT      1 where x < 0, else 0  in recurrent cells only

Everywhere else LiteRT's kernels treat TANH and SIGN_BIT as NONE, and so do we. NaN passes.
Quantised results are clamped to `zero_point + round(bound / scale)` and to their type.
Source: kernels/kernel_util.{h,cc} (CalculateActivationRange), kernels/internal/tensor_utils.h.
"""

from __future__ import annotations

import numpy as np

from pytflite.errors import OptionError, QuantizationError
from pytflite.format.schema import ActivationFunctionType as Activation
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import INT32_MAX, INT32_MIN
from pytflite.ops.rounding import round_half_away
from pytflite.ops.spec import Node, Spec

Bounds = tuple[int | None, int | None]  # None: unbounded on that side

_MANY = 8192

_BOUNDS: dict[int, Bounds] = {
    Activation.NONE: (None, None),
    Activation.RELU: (0, None),
    Activation.RELU_N1_TO_1: (-1, 1),
    Activation.RELU6: (0, 6),
    Activation.TANH: (None, None),
    Activation.SIGN_BIT: (None, None),
}


def bounds(node: Node, activation: int | None = None) -> Bounds:
    """Least and greatest real value that the fused activation lets pass.

    Args:
        node: has the option `fused_activation_function`, unless `activation` is given.

    Raises:
        OptionError: no such activation.
    """
    if activation is None:
        activation = int(node.options.fused_activation_function)
    if activation not in _BOUNDS:
        raise node.error(
            OptionError, "unknown fused activation", expected="0 to 5", found=activation
        )
    return _BOUNDS[activation]


def clamp(x: Array, limits: Bounds) -> None:
    """Brings the elements of `x` (of any type) within the bounds, in place. NaN stays.

    No activation has an upper bound alone.
    """
    low, high = limits
    number = x.dtype.type
    if low is not None and low < 0 and x.dtype.kind == "u":
        low = 0
    if low is not None and high is not None:
        x.clip(number(low), number(high), out=x)  # in one pass
    elif low is not None:
        np.maximum(x, number(low), out=x)


def quantized_range(
    node: Node, output: Spec, activation: int | None = None, *, even: bool = False
) -> tuple[int, int]:
    """Least and greatest integer that a quantised output may hold after the fused activation.

    Args:
        node, activation: as for `bounds`.
        output: whose scale and zero point count.
        even: round half to even, with the zero point added before, as XNNPACK does.

    Raises:
        OptionError: no such activation.
        QuantizationError: the output's scale is such that a bound is no int32.
    """
    low, high = bounds(node, activation)
    info = np.iinfo(output.dtype.storage)
    least = info.min if low is None else _quantize(node, output, low, even)
    greatest = info.max if high is None else _quantize(node, output, high, even)
    return (
        min(max(least, int(info.min)), int(info.max)),
        min(max(greatest, int(info.min)), int(info.max)),
    )


def _quantize(node: Node, output: Spec, bound: int, even: bool) -> int:
    """`zero_point + round(bound / scale)`, the division (and the sum, if `even`) in float32."""
    with np.errstate(all="ignore"):
        steps = float(np.float32(bound) / np.float32(output.scale))
    if not INT32_MIN <= steps <= INT32_MAX:  # nor NaN
        raise node.error(
            QuantizationError,
            "the output's scale does not fit its fused activation",
            tensor=node.outputs[0].name if node.outputs and node.outputs[0] is not None else None,
            expected=f"a scale that represents {bound}",
            found=output.scale,
        )
    if even:
        return round(float(np.float32(steps) + np.float32(output.zero_point)))
    return output.zero_point + round_half_away(steps)


def activate(x: Array, activation: int) -> None:
    """The activation of a recurrent cell, in place on floats, where TANH and SIGN_BIT count."""
    if activation == Activation.TANH:
        np.tanh(x, out=x)
    elif activation == Activation.SIGN_BIT:
        np.copyto(x, np.signbit(x))
    else:
        clamp(x, _BOUNDS.get(activation, (None, None)))
