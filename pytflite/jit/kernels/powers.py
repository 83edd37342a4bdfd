"""Powers of float32, without branches: LLVM makes vectors of them.

    a^b = 2^(b log2 a)

in float64 from the logarithm on, rounded once: at most 1 unit in the last place from the true value
(tests/jit/test_maths.py). What is no such product (zeros, infinities, negative numbers) is as C's
pow has it. The polynomials are minimax fits, weighted by relative error.
"""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernels.intrinsics import (
    absolute,
    bits,
    bits64,
    copysign,
    floor,
    fma,
    from_bits,
    from_bits64,
    single,
    where,
    wide,
)

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_INFINITY, _NAN = np.float32(np.inf), np.float32(np.nan)
SMALLEST, _UP, _UP_BITS = np.float32(2.0**-126), np.float32(2.0**23), np.float64(23)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_LARGEST = np.float32(3.4028235e38)
_WIDE_ONE, _WIDE_TWO = np.float64(1), np.float64(2)
_WIDE_INFINITY = np.float64(np.inf)
# log2 m = t L(t^2), t = (m - 1) / (m + 1)
_L1, _L3 = np.float64(2.8853900817778437), np.float64(0.9617966941236533)
_L5, _L7 = np.float64(0.5770779391362385), np.float64(0.412209599325724)
_L9, _L11 = np.float64(0.31989069914173063), np.float64(0.28312448907638804)
# 2^r = 1 + r E(r)
_E1, _E2 = np.float64(0.6931471805481925), np.float64(0.2402265069811434)
_E3, _E4 = np.float64(0.055504109353495305), np.float64(0.009618128615491675)
_E5, _E6 = np.float64(0.0013333454777142008), np.float64(0.0001540382572518466)
_E7, _E8 = np.float64(1.530917896229418e-05), np.float64(1.3178913552257942e-06)
_ROUND = np.float64(1.5 * 2**52)  # added to a number, it leaves the nearest integer in the low bits
_LEAST, _GREATEST = np.float64(-160), np.float64(160)  # beyond, powers of 2 are 0 or infinite


def usual_power(a: np.float32, b: np.float32) -> np.float32:
    """a to the power of b, a normal and above 0, b finite; or a is +0, and b above 0."""
    return where(a > _ZERO, _exp2(wide(b) * _log2(a)), _ZERO)


def power(a: np.float32, b: np.float32) -> np.float32:
    """a to the power of b."""
    size = absolute(a)
    finite = where(absolute(b) < _INFINITY, b, copysign(_LARGEST, b))  # 1 to any power is 1
    tiny = size < SMALLEST
    logarithm = _log2(where(tiny, size * _UP, size))
    logarithm = where(tiny, logarithm - _UP_BITS, logarithm)
    logarithm = where(size < _INFINITY, logarithm, _WIDE_INFINITY)
    result = _exp2(wide(finite) * where(size > _ZERO, logarithm, -_WIDE_INFINITY))
    half = b * _HALF
    odd = where(absolute(half - floor(half)) > _ZERO, -_ONE, _ONE)  # -1: so is b, if it is whole
    broken = absolute(b - floor(b)) > _ZERO
    signed = where(broken, result, copysign(result, odd))
    result = where(copysign(_ONE, a) < _ZERO, signed, result)
    no_number = where(a < _ZERO, where(size < _INFINITY, _NAN, result), result)
    result = where(broken, no_number, result)
    result = where(size <= _INFINITY, where(absolute(b) <= _INFINITY, result, b), a)  # NaN
    result = where(absolute(b) > _ZERO, result, where(b <= _ZERO, _ONE, result))
    return where(absolute(a - _ONE) > _ZERO, result, where(a <= _ONE, _ONE, result))


def _log2(x: np.float32) -> np.float64:
    """The logarithm to base 2 of normal x > 0: e + log2 m with x = 2^e m, m near 1."""
    offset = bits(x) - _SQRT_HALF_BITS
    m = from_bits((offset & 0x7FFFFF) + _SQRT_HALF_BITS)
    inverse = wide(_ONE / (m + _ONE))  # of float32, made better once: quicker than a division
    above, below = wide(m) - _WIDE_ONE, wide(m) + _WIDE_ONE
    t = above * (inverse * (_WIDE_TWO - below * inverse))
    u = t * t
    p = fma(fma(fma(fma(fma(_L11, u, _L9), u, _L7), u, _L5), u, _L3), u, _L1)
    return fma(t, p, wide(offset >> 23))


def _exp2(y: np.float64) -> np.float32:
    """2 to the power of y: 2^n 2^r, |r| <= 1/2; n is added to the exponent."""
    y = where(y < _LEAST, _LEAST, where(y > _GREATEST, _GREATEST, y))
    shifted = y + _ROUND
    r = y - (shifted - _ROUND)
    p = fma(fma(fma(fma(_E8, r, _E7), r, _E6), r, _E5), r, _E4)
    p = fma(fma(fma(p, r, _E3), r, _E2), r, _E1)
    p = fma(p, r, _WIDE_ONE)
    return single(from_bits64(bits64(p) + (bits64(shifted) << 52)))
