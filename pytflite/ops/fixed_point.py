"""Fixed-point arithmetic: the one home of its rounding.

A real multiplier r is stored as `m * 2^(shift - 31)` with an int32 |m| in [2^30, 2^31).
LiteRT multiplies accumulators by it as gemmlowp did, with two roundings:

    SaturatingRoundingDoublingHighMul(a, b) = (a*b + nudge) / 2^31, truncated,
        nudge = 2^30 where a*b >= 0, else 1 - 2^30
    RoundingDivideByPOT(x, s) = x / 2^s, ties away from zero

For s >= 1 the two in sequence are exactly one floor:

    (x*m + 2^30 + 2^(30+s) - (2^31 where x*m < 0)) >> (31+s)

and for s = 0 they are `(x*m + 2^30) >> 31`. Both are checked against the definitions in
tests/ops/test_fixed_point.py. Source: kernels/internal/common.cc and gemmlowp's fixedpoint.h.

Only -2^31 * -2^31 with s = 0 leaves int32: `multiply` and `high_mul` saturate it, while the forms
for hot loops give 2^31, which their callers clamp.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.rounding import round_away, round_half_away

if TYPE_CHECKING:
    import numpy.typing as npt

Int64Array = Array  # whose items NumPy's stubs would lose in arithmetic with scalars

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def quantize_multiplier(real: float) -> tuple[int, int]:
    """(m, shift) with real ~ m * 2^(shift - 31); (0, 0) for zero and for all below 2^-32."""
    if not math.isfinite(real):
        return 0, 0
    fraction, shift = math.frexp(real)
    m = round_half_away(fraction * (1 << 31))
    if m == 1 << 31:
        m //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    if shift > 30:
        # Larger than any accumulator needs: the reference saturates here, too.
        return INT32_MAX, 30
    return m, shift


def quantize_multipliers(reals: npt.ArrayLike) -> tuple[Int64Array, Int64Array]:
    """`quantize_multiplier` for every channel: (m, shift), int64 [channels] each."""
    values = np.asarray(reals, np.float64).reshape(-1)
    fraction, shift = np.frexp(np.where(np.isfinite(values), values, 0.0))
    m = round_away(fraction * (1 << 31)).astype(np.int64)
    shift = shift.astype(np.int64)
    full = m == 1 << 31
    m[full] >>= 1
    shift[full] += 1
    m[shift < -31] = 0
    m[shift > 30] = INT32_MAX
    shift[m == 0] = 0
    return m, np.minimum(shift, 30)


def multiply(x: Any, m: Any, shift: Any) -> Int64Array:
    """MultiplyByQuantizedMultiplier for int32 values, in two roundings.

    Args:
        x: int32 values in any integer array.
        m, shift: as from `quantize_multiplier`, of one shape, which broadcasts against x.

    Returns:
        int64 array (values are those of an int32).
    """
    return _saturated(scaling(m, shift).apply(np.asarray(x)))


class Scaling(NamedTuple):
    """`multiply` by numbers that are known beforehand, its constants made once: for hot loops.

    Attributes:
        left: shifts to the left, or None if there are none.
        m, nudge, right: x * m + nudge >> right. negative: added where x * m < 0.
    """

    left: Int64Array | None
    m: Int64Array
    nudge: Int64Array
    negative: Int64Array
    right: Int64Array

    def apply(self, x: Array) -> Int64Array:
        """x scaled, a new int64 array (values are those of an int32, but see above)."""
        if self.left is not None:
            x = wrap32(x.astype(np.int64) << self.left)
        y: Int64Array = np.multiply(x, self.m, dtype=np.int64)
        correction = y >> 63  # -1 below 0, else 0
        correction &= self.negative
        correction += self.nudge
        y += correction
        y >>= self.right
        return y


def scaling(m: npt.ArrayLike, shift: npt.ArrayLike) -> Scaling:
    """The constants of `multiply` by (m, shift), which broadcast to the shape of x."""
    m, shift = np.asarray(m, np.int64), np.asarray(shift, np.int64)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    two = right > 0  # roundings
    return Scaling(
        left if left.any() else None,
        m,
        (1 << 30) + np.where(two, np.int64(1) << (30 + right), 0),
        np.where(two, -(1 << 31), 0),
        31 + right,
    )


def multiply_in_place(x: Int64Array, m: int, shift: int) -> Int64Array:
    """`multiply` by one number, overwriting an int64 array of int32 values: for hot loops."""
    if shift > 0:
        np.left_shift(x, shift, out=x)
        x[...] = wrap32(x)
    if shift >= 0:
        np.multiply(x, m, out=x)
        np.add(x, 1 << 30, out=x)
        return np.right_shift(x, 31, out=x)
    np.multiply(x, m, out=x)
    correction = np.right_shift(x, 63)  # -1 below 0, else 0
    correction <<= 31
    correction += (1 << 30) + (1 << (30 - shift))
    np.add(x, correction, out=x)
    return np.right_shift(x, 31 - shift, out=x)


def shift_and_multiply(x: Int64Array, left: int, m: int, shift: int) -> Int64Array:
    """`multiply_in_place` of x * 2^left: nothing is rounded where m and the shifts cancel."""
    exponent = left + shift - 1
    if m == 1 << 30 and exponent >= 0 >= shift:
        return np.left_shift(x, exponent, out=x)
    return multiply_in_place(np.left_shift(x, left, out=x), m, shift)


def _saturated(x: Int64Array) -> Int64Array:
    return np.minimum(x, INT32_MAX)


def multiply_wide(x: Any, m: Any, shift: Any) -> Int64Array:
    """MultiplyByQuantizedMultiplier for int64 accumulators (16x8 operators).

    The multiplier is first reduced to 16 bits; then one rounding, ties upwards:
    `(x * m16 + 2^(14-shift)) >> (15-shift)`.
    """
    x, m, shift = (np.asarray(v, np.int64) for v in (x, m, shift))
    reduced = np.where(m < 0x7FFF0000, (m + (1 << 15)) >> 16, 0x7FFF)
    total = 15 - shift
    result: Int64Array = (x * reduced + (np.int64(1) << (total - 1))) >> total
    return result


def wrap32(x: Int64Array) -> Int64Array:
    """int64 values reduced to the int32 that a C program would hold."""
    return x.astype(np.int32).astype(np.int64)


def high_mul(a: Any, b: Any) -> Int64Array:
    """SaturatingRoundingDoublingHighMul of int32 values."""
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    return _saturated((product + (1 << 30)) >> 31)


def divide_by_pot(x: Any, exponent: Any) -> Int64Array:
    """RoundingDivideByPOT: x / 2^exponent, ties away from zero."""
    x = np.asarray(x, np.int64)
    if isinstance(exponent, int) and exponent > 0:
        quotient: Int64Array = (x >> 63) + x + (1 << (exponent - 1))
        return quotient >> exponent
    mask = (np.int64(1) << np.asarray(exponent, np.int64)) - 1
    remainder = x & mask
    threshold = (mask >> 1) + (x < 0)
    result: Int64Array = (x >> exponent) + (remainder > threshold)
    return result


def saturate(x: Any, dtype: npt.DTypeLike) -> Array:
    """Clamped to the range of an integer type, as that type."""
    info = np.iinfo(np.dtype(dtype))
    clipped: Array = np.clip(x, info.min, info.max).astype(dtype)
    return clipped
