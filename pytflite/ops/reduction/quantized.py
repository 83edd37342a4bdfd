"""Quantised means, sums and products, to the bit.

real = scale * (q - zero_point), in: s, z; out: S, Z; n elements make one:

    mean      Z + multiply(sum(q) - n*z, s/S/n)
    sum       Z + round(sum(q) * (s/S) + -z*(s/S)*n), in float32
    product   Z + multiply(... multiply(multiply(q0 - z, r) * (q1 - z), r) ..., r), where each
              multiplication is scaled by r = s / S^(1/n): none of them overflows

Where XNNPACK is followed (ops/xnnpack.py), the mean is, in float32,

    mean      rint(sum(q) * r + (Z - n*z*r)) with r = s/S * (1/n), half to even

The mean's multiplier is that of s/S in fixed point, divided by n as an integer. The sum is that
of LiteRT's optimised kernel; its reference reads INT8 and INT16 as UINT8, which is wrong. Where n
is so large that the reference's int32 sums overflow, the mean is computed in double.
Source: kernels/reduce.cc, kernels/internal/{reference,optimized}/reduce.h.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import QuantizationError
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import INT32_MAX, multiply, quantize_multiplier
from pytflite.ops.reduction.fold import Fold, fold
from pytflite.ops.rounding import round_away
from pytflite.ops.spec import Node

# Beyond, a multiplier reduced to 16 bits would have to be shifted to the left.
_MOST_SHIFT = 14


class Scales(NamedTuple):
    """Scales and zero points of input and output."""

    scale: float
    zero_point: int
    out_scale: float
    out_zero_point: int


class Nearest(NamedTuple):
    """Constants of XNNPACK's mean, numbers of float32."""

    scale: float
    zero_point: float


def nearest_of(scales: Scales, count: int) -> Nearest:
    """The constants for means of `count` elements."""
    scale = np.float32(scales.scale) / np.float32(scales.out_scale)
    scale *= np.float32(1) / np.float32(count)
    moved = np.float32(count) * np.float32(scales.zero_point) * scale
    return Nearest(float(scale), float(np.float32(scales.out_zero_point) - moved))


def sums_type(storage: np.dtype[Any], count: int) -> Any:
    """The integer type that holds sums of so many elements."""
    info = np.iinfo(storage)
    most = max(int(info.max), -int(info.min)) * count
    return np.dtype(np.int32 if most <= INT32_MAX else np.int64)


def mean(scales: Scales, how: Fold, source: Array, out: Array, work: Array) -> None:
    """MEAN; `work` as `total` has it."""
    sums = _sums(how, source, work).astype(np.int64)
    n = how.elements
    sums -= n * scales.zero_point
    m, shift = quantize_multiplier(scales.scale / scales.out_scale)
    by = min(n.bit_length() - 1, 32, 31 + shift)
    result = multiply(sums, (m << by) // n, shift - by)
    overflowing = np.abs(sums) > INT32_MAX
    if overflowing.any():
        exact = sums[overflowing] * (scales.scale / scales.out_scale / n)
        result[overflowing] = round_away(exact).astype(np.int64)
    _store(result + scales.out_zero_point, out)


def nearest_mean(scales: Scales, how: Fold, source: Array, out: Array, work: Array) -> None:
    """XNNPACK's MEAN; `work` as `total` has it."""
    sums = _sums(how, source, work).astype(np.float32)
    nearest = nearest_of(scales, how.elements)
    sums *= np.float32(nearest.scale)
    sums += np.float32(nearest.zero_point)
    np.rint(sums, out=sums)
    info = np.iinfo(out.dtype)
    np.copyto(out, np.clip(sums, info.min, info.max).reshape(out.shape), casting="unsafe")


def total(scales: Scales, how: Fold, source: Array, out: Array, work: Array) -> None:
    """SUM; `work` has `how.work` elements and as many as `out`, of `sums_type`."""
    sums = _sums(how, source, work).astype(np.float32)
    scale = np.float32(scales.scale) / np.float32(scales.out_scale)
    bias = np.float32(-scales.zero_point) * scale * np.float32(how.elements)
    sums *= scale
    sums += bias
    info = np.iinfo(out.dtype)
    zero_point = scales.out_zero_point
    sums = np.clip(round_away(sums), info.min - zero_point, info.max - zero_point)
    sums += np.float32(zero_point)
    np.copyto(out, sums.reshape(out.shape), casting="unsafe")


def _sums(how: Fold, source: Array, work: Array) -> Array:
    """Sums, in the last elements of the working memory."""
    sums = work[how.work :]
    fold(np.add, how, source, sums, work)
    return sums


def product(
    node: Node, scales: Scales, axes: tuple[int, ...], count: int, source: Array, out: Array
) -> None:
    """REDUCE_PROD: element after element in row-major order, all results at once."""
    m16, shift = product_multiplier(node, scales, count)
    right = 15 - shift
    nudge = 1 << (right - 1)

    def rescale() -> None:
        np.multiply(results, m16, out=results)
        np.add(results, nudge, out=results)
        np.right_shift(results, right, out=results)
        results[...] = results.astype(np.int32)  # the reference keeps them in int32

    factors = np.moveaxis(source, axes, range(len(axes)))
    steps = np.ndindex(*factors.shape[: len(axes)])
    results = np.array(factors[next(steps)], np.int64)
    results -= scales.zero_point
    factor = np.empty_like(results)
    for step in steps:
        np.subtract(factors[step], scales.zero_point, out=factor, dtype=np.int64)
        np.multiply(results, factor, out=results)
        rescale()
    rescale()
    results += scales.out_zero_point
    _store(results, out)


def product_multiplier(node: Node, scales: Scales, count: int) -> tuple[int, int]:
    """The multiplier of each step of a product of `count` elements, in 16 bits, and its shift.

    Raises:
        QuantizationError: the scales differ by more than steps of int32 can bridge.
    """
    real = scales.scale / scales.out_scale ** (1.0 / count)
    m, shift = quantize_multiplier(real)
    if shift > _MOST_SHIFT:
        raise node.error(
            QuantizationError,
            "the scales of input and output of a product do not go together",
            expected=f"a multiplier below {1 << _MOST_SHIFT}",
            found=real,
        )
    return ((m + (1 << 15)) >> 16 if m < 0x7FFF0000 else 0x7FFF), shift


def _store(values: Array, out: Array) -> None:
    info = np.iinfo(out.dtype)
    np.copyto(out, np.clip(values, info.min, info.max).reshape(out.shape), casting="unsafe")
