"""LiteRT as shipped: which quantised operators it leaves to XNNPACK, and what those round by.

With `numerics="litert"` (`node.is_as_shipped`) 8-bit operators are rounded as XNNPACK rounds them
wherever LiteRT would hand them over, and as the reference does elsewhere. Who is handed over is
said here; each operator's file has its equation, and ops/requantize.py the rounding of sums:

    output = clamp(zero_point + rint(float32(acc) * scale))     half to even, scale in float32

LiteRT does not hand over what is not constant (weights, bias, axes, sizes), types that differ,
tensors of more than six dimensions, and multipliers out of range. Shapes that only a run knows
keep a whole model from XNNPACK; that is not imitated.
Source: delegates/xnnpack/xnnpack_delegate.cc; XNNPACK's operators and microparams-init.c.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.model.dtypes import INT2, INT4, INT8, INT32, UINT8
from pytflite.model.graph import Array
from pytflite.ops.spec import Node, Spec

_MOST_DIMENSIONS = 6
_MOST_SCALE = 256.0
_LEAST_NORMAL = float(np.finfo(np.float32).tiny)

# The least ratio of input scale to output scale, and what it must stay below.
_RATIOS = {"ADD": (2.0**-10, 2.0**8), "SUB": (2.0**-10, 2.0**8), "MUL": (2.0**-16, 2.0**8)}
_STEEPEST = -127.99609375  # of LEAKY_RELU's negative side


def takes(node: Node, *specs: Spec | None) -> bool:
    """Whether tensors are all of INT8 or all of UINT8, each with one scale, and few dimensions."""
    return node.is_as_shipped and all(
        spec is not None
        and spec.dtype in (INT8, UINT8)
        and spec.dtype is (specs[0].dtype if specs[0] is not None else None)
        and _has_one_scale(spec)
        and len(spec.shape or ()) <= _MOST_DIMENSIONS
        and 0 not in (spec.shape or ())
        for spec in specs
    )


def _has_one_scale(spec: Spec) -> bool:
    q = spec.quantization
    return q is not None and q.scale.size == 1 and q.zero_point.size <= 1 and _is_normal(q.scale)


def _is_normal(scales: Array) -> bool:
    return bool((np.isfinite(scales) & (scales >= _LEAST_NORMAL)).all())


def takes_layer(
    node: Node, x: Spec, weights: Spec, bias: Spec | None, output: Spec, *, axis: int = 0
) -> bool:
    """Whether XNNPACK computes a convolution or a FULLY_CONNECTED.

    Args:
        axis: of the weights, along which there may be several scales.
    """
    if not takes(node, x, output) or weights.value is None or 0 in weights.static:
        return False
    dense = node.name == "FULLY_CONNECTED"
    if bias is None:
        if not dense:
            return False
    elif bias.value is None or bias.dtype is not INT32 or not _has_scales(bias):
        return False
    declared, q = node.inputs[1], weights.quantization
    if q is None or q.details is not None or (declared is not None and declared.sparsity):
        return False
    if q.scale.size > 1 and (q.quantized_dimension != axis or x.dtype is UINT8):
        return False
    if x.dtype is not weights.dtype and not (dense and _takes_narrow(x, weights)):
        return False
    if weights.dtype is not UINT8 and q.zero_point.any():
        return False
    return _is_normal(q.scale) and bool((layer_scales(x, q.scale, output) < _MOST_SCALE).all())


def _has_scales(bias: Spec) -> bool:
    q = bias.quantization
    if q is None or not q.scale.size or q.quantized_dimension:
        return False
    return _is_normal(q.scale) and not q.zero_point.any()


def _takes_narrow(x: Spec, weights: Spec) -> bool:
    """Weights of 4 and 2 bits in FULLY_CONNECTED: whole bytes of them."""
    units, depth = weights.static
    if x.dtype is not INT8 or weights.quantization is None:
        return False
    if weights.dtype is INT4:
        return depth % 2 == 0
    return weights.dtype is INT2 and depth % 4 == 0 and weights.quantization.scale.size == units


def layer_scales(x: Spec, scales: Array, output: Spec) -> Array:
    """scale_x * scales / scale, float32 [1] or [channels], for the scales of weights."""
    with np.errstate(all="ignore"):
        result: Array = np.float32(x.scale) * scales / np.float32(output.scale)
    return result


def takes_products(node: Node, x: Spec, y: Spec, output: Spec) -> bool:
    """Whether XNNPACK computes a BATCH_MATMUL."""
    if not takes(node, x, y, output) or y.dtype is not INT8 or y.zero_point:
        return False
    return 0 < product_scale(x.scale, y.scale, output.scale) <= _MOST_SCALE - 1


def takes_pair(node: Node, inputs: Sequence[Spec | None], output: Spec) -> bool:
    """Whether XNNPACK computes an ADD, SUB or MUL of two tensors."""
    a, b = inputs
    if node.name not in _RATIOS or not takes(node, a, b, output):
        return False
    assert a is not None and b is not None
    least, beyond = _RATIOS[node.name]
    if node.name == "MUL":
        return least <= product_scale(a.scale, b.scale, output.scale) < beyond
    return all(least <= ratio(s.scale, output.scale) < beyond for s in (a, b))


def ratio(scale: float, output: float) -> float:
    """A quotient of scales, computed in float32."""
    with np.errstate(all="ignore"):
        return float(np.float32(scale) / np.float32(output))


def product_scale(a: float, b: float, output: float) -> float:
    """The multiplier of products, computed in float32."""
    with np.errstate(all="ignore"):
        return float(np.float32(a) * np.float32(b) / np.float32(output))


def takes_leaky_relu(node: Node, x: Spec, output: Spec) -> bool:
    """Whether XNNPACK computes a LEAKY_RELU."""
    if not takes(node, x, output):
        return False
    positive, negative = leaky_scales(node, x, output)
    return (
        2.0**-8 <= positive <= 2.0**7
        and _STEEPEST <= negative <= 2.0**7
        and abs(negative) >= 2.0**-8
    )


def leaky_scales(node: Node, x: Spec, output: Spec) -> tuple[float, float]:
    """The multipliers of LEAKY_RELU, computed in float32."""
    positive = ratio(x.scale, output.scale)
    with np.errstate(all="ignore"):
        return positive, float(np.float32(positive) * np.float32(node.options.alpha))


def takes_reduction(node: Node, x: Spec, axes: Spec | None, output: Spec) -> bool:
    """Whether XNNPACK computes a MEAN."""
    if node.name != "MEAN" or axes is None or axes.value is None or axes.dtype is not INT32:
        return False
    return takes(node, x, output) and 0 < axes.size <= _MOST_DIMENSIONS and bool(x.shape)


def takes_resize(node: Node, x: Spec, size: Spec | None, output: Spec) -> bool:
    """Whether XNNPACK computes a RESIZE_BILINEAR."""
    return takes(node, x, output) and size is not None and size.value is not None
