"""exp, tanh, logistic of float32, without branches: LLVM makes vectors of them.

At most 2 units in the last place from the true value (tests/jit/test_numba_kernels.py), for all
float32 numbers; the same on every CPU with fused multiply-add. The polynomials are minimax fits,
weighted by relative error, their coefficients rounded to float32.
"""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernels.intrinsics import absolute, bits, copysign, fma, from_bits, where

_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_LOG2_E = np.float32(1.4426950408889634)
# ln 2 in two parts, the first with so few bits that its product with an exponent is exact.
_LN2_HIGH, _LN2_LOW = np.float32(0.693145751953125), np.float32(1.428606765330187e-06)
# Added to a number, it leaves the nearest integer in the low bits of the sum.
_ROUND = np.float32(1.5 * 2**23)
_ROUND_BITS = np.int32(0x4B400000)
_E2, _E3 = np.float32(0.5), np.float32(0.16666667163372040)
_E4, _E5 = np.float32(0.04166625440120697), np.float32(0.008333264850080013)
_E6, _E7 = np.float32(0.001394725637510419), np.float32(0.00019918089674320072)
_EXP_LOW, _EXP_HIGH = np.float32(-104.5), np.float32(89)

_T3, _T5 = np.float32(-0.3333333134651184), np.float32(0.13333198428153992)
_T7, _T9 = np.float32(-0.053945690393447876), np.float32(0.021694354712963104)
_T11, _T13 = np.float32(-0.008160687983036041), np.float32(0.0021268464624881744)
_TANH_SMALL = np.float32(0.625)
_INVERSE, _HALF = np.float32(1.457), np.float32(0.5)


def exp(x: np.float32) -> np.float32:
    """e to the power of x: 2**n * e**r with x = n ln 2 + r, |r| <= ln 2 / 2.

    2**n is multiplied in two steps, so that results which are infinite or denormal come out right.
    """
    x = where(x < _EXP_LOW, _EXP_LOW, where(x > _EXP_HIGH, _EXP_HIGH, x))
    shifted = fma(x, _LOG2_E, _ROUND)
    n = shifted - _ROUND
    r = fma(n, -_LN2_LOW, fma(n, -_LN2_HIGH, x))
    p = fma(fma(fma(fma(fma(_E7, r, _E6), r, _E5), r, _E4), r, _E3), r, _E2)
    p = fma(p, r * r, r) + _ONE
    exponent = bits(shifted) - _ROUND_BITS
    half = exponent >> 1
    return p * from_bits((half + 127) << 23) * from_bits((exponent - half + 127) << 23)


def tanh(x: np.float32) -> np.float32:
    """A polynomial for small |x|; 1 - 2 / (e**(2 |x|) + 1) with the sign of x for the others."""
    size = absolute(x)
    u = x * x
    p = fma(fma(fma(fma(fma(_T13, u, _T11), u, _T9), u, _T7), u, _T5), u, _T3)
    small = fma(x * u, p, x)
    large = _ONE - _TWO / (exp(size + size) + _ONE)
    return where(size < _TANH_SMALL, small, copysign(large, x))


def logistic(x: np.float32) -> np.float32:
    """1 / (1 + e**-x), for negative x as e**x / (1 + e**x): e**-|x| never overflows.

    What 1 + e loses by rounding is put right afterwards; 1.457 - b / 2 is about 1 / b.
    """
    e = exp(-absolute(x))
    bottom = _ONE + e
    lost = e - (bottom - _ONE)
    y = where(x < _ZERO, e, _ONE) / bottom
    return fma(-y, lost * (_INVERSE - _HALF * bottom), y)
