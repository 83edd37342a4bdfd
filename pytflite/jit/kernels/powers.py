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
    copysign,
    floor,
    fma,
    from_bits,
    single,
    where,
    wide,
)
from pytflite.jit.kernels.maths import exponent_number

_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)
_INFINITY, _NAN = np.float32(np.inf), np.float32(np.nan)
_SMALLEST, _UP, _UP_BITS = np.float32(2.0**-126), np.float32(2.0**23), np.float32(23)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_LARGEST = np.float32(3.4028235e38)
_WIDE_ONE, _WIDE_TWO, _WIDE_INFINITY = np.float64(1), np.float64(2), np.float64(np.inf)
# log2 m = t L(t^2), t = (m - 1) / (m + 1)
_L1, _L3 = np.float64(2.8853900817778437), np.float64(0.9617966941236533)
_L5, _L7 = np.float64(0.5770779391362385), np.float64(0.412209599325724)
_L9, _L11 = np.float64(0.31989069914173063), np.float64(0.28312448907638804)
# 2^r = 1 + r E(r)
_E1, _E2 = np.float64(0.6931471805481925), np.float64(0.2402265069811434)
_E3, _E4 = np.float64(0.055504109353495305), np.float64(0.009618128615491675)
_E5, _E6 = np.float64(0.0013333454777142008), np.float64(0.0001540382572518466)
_E7, _E8 = np.float64(1.530917896229418e-05), np.float64(1.3178913552257942e-06)
_ROUND = np.float64(1.5 * 2**52)  # added to a number, it leaves the nearest integer
_ROUND_BITS, _ROUND_SINGLE = np.int32(0x4B400000), np.float32(1.5 * 2**23)
_LEAST, _GREATEST = np.float64(-160), np.float64(160)  # beyond, powers of 2 are 0 or infinite


def power(a: np.float32, b: np.float32) -> np.float32:
    """a to the power of b."""
    size = absolute(a)
    finite = where(absolute(b) < _INFINITY, b, copysign(_LARGEST, b))  # 1 to any power is 1
    result = _exp2(wide(finite) * _log2(size))
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
    """The logarithm to base 2 of x >= 0: e + log2 m with x = 2^e m, m near 1."""
    tiny = x < _SMALLEST
    scaled = where(tiny, x * _UP, x)
    offset = bits(scaled) - _SQRT_HALF_BITS
    m = wide(from_bits((offset & 0x7FFFFF) + _SQRT_HALF_BITS))
    e = wide(where(tiny, _ZERO - _UP_BITS, _ZERO) + exponent_number(offset >> 23))
    bottom = m + _WIDE_ONE
    inverse = wide(_ONE / single(bottom))  # of float32, made better once: quicker than a division
    t = (m - _WIDE_ONE) * (inverse * (_WIDE_TWO - bottom * inverse))
    u = t * t
    p = fma(fma(fma(fma(fma(_L11, u, _L9), u, _L7), u, _L5), u, _L3), u, _L1)
    y = fma(t, p, e)
    return where(x < _INFINITY, where(x > _ZERO, y, -_WIDE_INFINITY), _WIDE_INFINITY)


def _exp2(y: np.float64) -> np.float32:
    """2 to the power of y: 2^n 2^r, |r| <= 1/2."""
    y = where(y < _LEAST, _LEAST, where(y > _GREATEST, _GREATEST, y))
    n = (y + _ROUND) - _ROUND
    r = y - n
    p = fma(fma(fma(fma(_E8, r, _E7), r, _E6), r, _E5), r, _E4)
    p = fma(fma(fma(p, r, _E3), r, _E2), r, _E1)
    p = fma(p, r, _WIDE_ONE)
    exponent = bits(single(n) + _ROUND_SINGLE) - _ROUND_BITS
    half = exponent >> 1
    first, second = from_bits((half + 127) << 23), from_bits((exponent - half + 127) << 23)
    return single(p * wide(first) * wide(second))
