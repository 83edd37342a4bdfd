"""In which numbers a convolution computes: its types, scales and zero points, read and checked.

    floats      float32 throughout
    hybrid      float input, quantised element by element of the batch at run time (ops/hybrid.py);
                filters of integers with a scale each, or one
    quantised   uint8 or int8: raw integers, effective bias = bias - zero_point * sum of weights
                int16 with int8 filters: zero points 0; int64 accumulators, or int32 ones

The multiplier of the quantised is scale_input * scale_filter / scale_output in double; of uint8
the first product is in float32; all in float32 where XNNPACK is followed (ops/xnnpack.py).
Source: kernels/kernel_util.cc, conv.cc, depthwise_conv.cc.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import OptionError, QuantizationError
from pytflite.format.schema import TensorType
from pytflite.model.dtypes import INT16, INT32, UINT8
from pytflite.model.graph import Array
from pytflite.ops import xnnpack
from pytflite.ops.activation import Bounds, bounds, quantized_range
from pytflite.ops.convolution.endings import Ending, float_ending
from pytflite.ops.quantized import integer_range, per_tensor, symmetric
from pytflite.ops.requantize import requantizer
from pytflite.ops.spec import Node, Spec

# What XNNPACK computes, and along which dimension filters have scales there.
_XNNPACK = {"CONV_2D": 0, "DEPTHWISE_CONV_2D": 3}


class Numbers(NamedTuple):
    """How a convolution computes.

    Attributes:
        storage: type of the input. low, high: the range of the integers that are multiplied, or
            both 0 where those are floats.
        input_zero, filter_zero, output_zero: zero points.
        least, greatest: bounds of a quantised output.
        reals: multipliers of the output, float64 (float32 if `nearest`) [1] or [filters]; None
            for floats.
        wide: accumulators of int64.
        nearest: sums are rounded as XNNPACK does.
        scales: float32 [1] or [filters] of a hybrid one, whose input is quantised with or without
            a zero point (`asymmetric`); else None.
        limits: of a float output.
    """

    storage: Any
    low: int = 0
    high: int = 0
    input_zero: int = 0
    filter_zero: int = 0
    output_zero: int = 0
    least: int = 0
    greatest: int = 0
    reals: Array | None = None
    wide: bool = False
    nearest: bool = False
    scales: Array | None = None
    asymmetric: bool = False
    limits: Bounds = (None, None)

    @property
    def of_floats(self) -> bool:
        """Whether weights are floats."""
        return self.low == self.high

    @property
    def convert(self) -> bool:
        """Whether the input has to be converted to float."""
        return bool(self.storage != np.float32)

    def product_type(self, taps: int | None = None) -> Any:
        """The floating-point type in which products are exact (of that many, if they are few)."""
        largest = max(-self.low, self.high)
        if largest > 255 or (taps is not None and taps * largest * 255 > 1 << 24):
            return np.float64
        return np.float32

    def ending(
        self, bias: Array | None, sums: Array | None, bound: int, filters: int,
        elements: int, rows: int,
    ) -> Ending:  # fmt: skip
        """What to do with the sums.

        Args:
            bias: of each filter, if there is one.
            sums: the weights of each filter, summed; None for floats.
            bound: no sum passes this in magnitude.
            elements: of the output. rows: outputs of all filters that come at a time.
        """
        if self.reals is None:
            return float_ending(bias, self.scales, self.limits, filters, elements, rows)
        total = np.zeros(filters, np.int64) if bias is None else bias.reshape(-1).astype(np.int64)
        if sums is not None and self.input_zero:
            total -= self.input_zero * sums.astype(np.int64)
        return requantizer(
            self.reals, total, bound, self.output_zero, self.least, self.greatest,
            bits=8 * self.storage.itemsize, wide=self.wide, nearest=self.nearest,
            elements=elements, rows=rows,
        )  # fmt: skip


def read_numbers(
    node: Node, x: Spec, weights: Spec, bias: Spec | None, output: Spec, filters: int,
    *, data: int = 0, filter: int = 1, groups: int = 1, always_asymmetric: bool = True,
) -> Numbers:  # fmt: skip
    """The numbers of an operator.

    Args:
        filters: of which the weights may have a scale each.
        data, filter: the inputs that x and the weights are.
        groups, always_asymmetric: CONV_2D quantises symmetrically at run time if it has one group
            and one scale.

    Raises:
        QuantizationError: scales or zero points are missing or do not fit.
        OptionError: of another operator, or the type of the bias is not the one announced.
    """
    if x.dtype.is_float:
        if weights.dtype.is_float:
            return Numbers(x.dtype.storage, limits=bounds(node))
        scales = filter_scales(node, weights, filters, filter)
        differ = bool((scales != scales[0]).any()) or groups > 1 or always_asymmetric
        largest = 255 if differ else 127  # of q - zero_point
        return Numbers(
            x.dtype.storage, -largest, largest,
            scales=scales, asymmetric=differ, limits=bounds(node),
        )  # fmt: skip
    check = symmetric if x.dtype is INT16 else per_tensor
    given, made = check(node, x, data), check(node, output, node.outputs[0])
    scales = filter_scales(node, weights, filters, filter)
    zero = weights.zero_point if weights.dtype is UINT8 else 0
    nearest = node.name in _XNNPACK and xnnpack.takes_layer(
        node, x, weights, bias, output, axis=_XNNPACK[node.name]
    )
    if weights.dtype is UINT8:
        product = (np.float32(given.scale) * scales).astype(np.float64)
    else:
        product = given.scale * scales.astype(np.float64)
    least, greatest = quantized_range(node, output, even=nearest)
    low, high = integer_range(x.dtype)
    return Numbers(
        x.dtype.storage, low, high, given.zero_point, zero, made.zero_point, least, greatest,
        reals=xnnpack.layer_scales(x, scales, output) if nearest
        else _finite(node, product / made.scale),
        nearest=nearest,
        wide=x.dtype is INT16 and not _sums_are_int32(node, bias),
    )  # fmt: skip


def _finite(node: Node, reals: Array) -> Array:
    if not np.isfinite(reals).all():
        raise node.error(
            QuantizationError,
            "the scales of input, filter and output do not go together",
            expected="finite quotients",
            found=float(reals[~np.isfinite(reals)][0]),
        )
    return reals


def filter_scales(node: Node, weights: Spec, filters: int, number: int) -> Array:
    """Scales of the filters, float32: one, or one each.

    Raises:
        QuantizationError: there are none, of another number, or not of sense; or a signed filter
            has a zero point.
    """
    q = weights.quantization
    sizes = (1,) if weights.dtype is UINT8 else (1, filters)
    scales = q.scale if q is not None else np.empty(0, np.float32)
    if scales.size not in sizes or not (np.isfinite(scales) & (scales >= 0)).all():
        raise node.error(
            QuantizationError,
            "the scales of the filter are missing or do not fit",
            tensor=number,
            expected="a finite scale" + (f", or {filters} of them" * (len(sizes) - 1)),
            found="none" if q is None or not scales.size else q,
        )
    zeros = q.zero_point if q is not None else np.empty(0, np.int64)
    low, high = (0, 255) if weights.dtype is UINT8 else (0, 0)
    if not ((zeros >= low) & (zeros <= high)).all():
        raise node.error(
            QuantizationError,
            f"a zero point does not fit a filter of {weights.dtype}",
            tensor=number,
            expected=f"{low} to {high}" if high else 0,
            found=zeros.tolist()[:8],
        )
    return scales


def _sums_are_int32(node: Node, bias: Spec | None) -> bool:
    """Whether int16 activations are summed in int32, as `quantized_bias_type` can ask for."""
    kind = int(getattr(node.options, "quantized_bias_type", TensorType.FLOAT32))
    if kind == TensorType.FLOAT32:  # nothing is said
        return False
    if kind not in (TensorType.INT32, TensorType.INT64) or (
        bias is not None and bias.dtype.number != kind
    ):
        raise node.error(
            OptionError,
            "quantized_bias_type does not fit",
            expected="INT32 or INT64, as the bias is",
            found=TensorType.name_of(kind),
        )
    return kind == INT32.number
