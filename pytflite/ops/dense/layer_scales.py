"""Scales, zero points and accumulators of FULLY_CONNECTED, read and checked."""

from __future__ import annotations

import numpy as np

from pytflite.errors import OptionError, QuantizationError
from pytflite.format.schema import TensorType
from pytflite.model.dtypes import INT8, INT16, INT64, UINT8
from pytflite.model.graph import Array
from pytflite.ops import xnnpack
from pytflite.ops.dense.rescale import FIXED, NEAREST, REAL, WIDE
from pytflite.ops.quantized import per_tensor, symmetric
from pytflite.ops.spec import Node, Spec


def weight_scales(node: Node, x: Spec, weights: Spec) -> Array:
    """The one scale of the weights (input 1), or a scale a unit: float32 [1] or [units].

    Raises:
        QuantizationError: they are missing, of another number or dimension, or not positive.
    """
    q, units = weights.quantization, weights.static[0]
    sizes = (1,) if x.dtype is UINT8 else (1, units)
    if (
        q is None
        or q.details is not None
        or q.scale.size not in sizes
        or (q.scale.size > 1 and q.quantized_dimension != 0)
        or not (np.isfinite(q.scale) & (q.scale > 0)).all()
    ):
        raise node.error(
            QuantizationError,
            "the scales of the weights are missing or do not fit",
            tensor=1,
            expected="a positive scale" + (f", or {units} along dimension 0" * (len(sizes) - 1)),
            found=q,
        )
    return q.scale


def weight_zero(node: Node, x: Spec, weights: Spec) -> int:
    """The zero point of the weights; only those of whole tensors of 8 and 16 bits have one.

    Raises:
        QuantizationError: it is not 0 though it has to be, or does not fit the type.
    """
    q = weights.quantization
    zeros = q.zero_point if q is not None else np.zeros(0, np.int64)
    low = high = 0
    if not x.dtype.is_float and weights.dtype in (UINT8, INT8, INT16) and zeros.size == 1:
        info = np.iinfo(weights.dtype.storage)
        low, high = int(info.min), int(info.max)
    if ((zeros < low) | (zeros > high)).any():
        raise node.error(
            QuantizationError,
            "a zero point of the weights does not fit",
            tensor=1,
            expected=f"{low} to {high}" if high else 0,
            found=zeros.tolist()[:8],
        )
    return int(zeros[0]) if zeros.size else 0


def zero_points(node: Node, x: Spec, weights: Spec, output: Spec) -> tuple[int, int, int]:
    """Zero points of x, of the weights, and of the output.

    Raises:
        QuantizationError: x or the output have not one scale and zero point each.
    """
    check = symmetric if x.dtype is INT16 else per_tensor
    return (
        check(node, x, 0).zero_point,
        weight_zero(node, x, weights),
        check(node, output, node.outputs[0]).zero_point,
    )


def way_of(node: Node, x: Spec, weights: Spec, bias: Spec | None, output: Spec) -> int:
    """How accumulators are rounded (rescale.py), but for shuffled weights, which take FIXED."""
    if weights.dtype is INT16:
        return WIDE
    if len(node.outputs) == 1 and xnnpack.takes_layer(node, x, weights, bias, output):
        return NEAREST
    declared = node.inputs[1]
    return FIXED if declared is not None and declared.sparsity is not None else REAL


def real_multipliers(node: Node, x: Spec, scales: Array, output: Spec, way: int) -> Array:
    """scale_x * scale_w / scale_out, float64 [1] or [units].

    Fixed-point multipliers of whole tensors begin with the product of the scales in float32, those
    of NEAREST are in float32 altogether.

    Raises:
        QuantizationError: the scales do not go together.
    """
    if way == NEAREST:
        return xnnpack.layer_scales(x, scales, output).astype(np.float64)
    scale_x = np.float32(x.scale)
    if way != REAL and scales.size == 1:
        product = (scale_x * scales).astype(np.float64)
    else:
        product = np.float64(scale_x) * scales.astype(np.float64)
    real: Array = product / output.scale
    if not np.isfinite(real).all():
        raise node.error(
            QuantizationError,
            "the scales of input, weights and output do not go together",
            expected="finite products",
            found=f"{x.scale} * {float(scales.max())} / {output.scale}",
        )
    return real


def wraps(node: Node, x: Spec, weights: Spec, bias: Spec | None) -> bool:
    """Whether accumulators are of 32 bits.

    Raises:
        OptionError: quantized_bias_type is no type of accumulators, or not that of the bias.
    """
    if x.dtype is not INT16:
        return True
    kind = int(node.options.quantized_bias_type)
    if kind == TensorType.FLOAT32:  # nothing is said
        return weights.dtype is not INT16 and bias is not None and bias.dtype is not INT64
    allowed = (TensorType.INT32, TensorType.INT64)
    if kind not in allowed or (bias is not None and bias.dtype.number != kind):
        raise node.error(
            OptionError,
            "quantized_bias_type does not fit",
            tensor=2 if bias is not None else None,
            expected="INT32 or INT64, as the bias is",
            found=kind,
        )
    return weights.dtype is not INT16 and kind == TensorType.INT32
