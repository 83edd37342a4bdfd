"""sin and cos of float32, without branches: LLVM makes vectors of them.

The angle is brought to r + n pi/2, |r| <= pi/4, in one of two ways: `near` for numbers up to NEAR,
`far` for all (in float64, several times the work). At most 2 units in the last place from the true
value for all float32 numbers (tests/jit/test_maths.py); NaN of infinities. The polynomials are
minimax fits, weighted by relative error, their coefficients rounded to float32.
"""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernels.intrinsics import absolute, bits, fma, rint, single, where, wide

NEAR = 32768.0

# Added to a number, it leaves the nearest integer in the low bits of the sum.
_ROUND, _ROUND_WIDE = np.float32(1.5 * 2**23), np.float64(1.5 * 2**23)
_ZERO, _ONE = np.float32(0), np.float32(1)
_TWO_OVER_PI = np.float32(0.6366197723675814)
# pi/2 in three parts.
_HIGH, _MIDDLE = np.float32(1.5707963705062866), np.float32(-4.371138828673793e-08)
_LOW = np.float32(-1.7151245100058819e-15)
_S3, _S5 = np.float32(-0.16666655242443085), np.float32(0.008332173340022564)
_S7 = np.float32(-0.00019516654720064253)
_C2, _C4 = np.float32(-0.5), np.float32(0.04166664555668831)
_C6, _C8 = np.float32(-0.001388736185617745), np.float32(2.4437727915938012e-05)

_HALF_PI = np.float64(1.5707963267948966)
_FOUR, _QUARTER = np.float64(4), np.float64(0.25)
# 2/pi in seven parts of 28 bits: their products with a float32 are exact in float64.
_P0, _P1 = np.float64(170891318 * 2.0**-28), np.float64(240010261 * 2.0**-56)
_P2, _P3 = np.float64(44024437 * 2.0**-84), np.float64(131200308 * 2.0**-112)
_P4, _P5 = np.float64(232525238 * 2.0**-140), np.float64(43358524 * 2.0**-168)
_P6 = np.float64(70845471 * 2.0**-196)


def sin_near(x: np.float32) -> np.float32:
    """sin x for |x| <= NEAR."""
    turned = fma(x, _TWO_OVER_PI, _ROUND)
    y = _of_turned(_remainder(x, turned - _ROUND), bits(turned))
    return where(absolute(x) > _ZERO, y, x)  # -0 stays


def cos_near(x: np.float32) -> np.float32:
    """cos x for |x| <= NEAR."""
    turned = fma(x, _TWO_OVER_PI, _ROUND)
    return _of_turned(_remainder(x, turned - _ROUND), bits(turned) + 1)


def _remainder(x: np.float32, n: np.float32) -> np.float32:
    """x - n pi/2; the first product is subtracted exactly."""
    return fma(n, -_LOW, fma(n, -_MIDDLE, fma(n, -_HIGH, x)))


def _of_turned(r: np.float32, n: np.int32) -> np.float32:
    """sin(r + n pi/2)."""
    u = r * r
    s = fma(r * u, fma(fma(_S7, u, _S5), u, _S3), r)
    c = fma(fma(fma(fma(_C8, u, _C6), u, _C4), u, _C2), u, _ONE)
    y = where((n & 1) > 0, c, s)
    return where((n & 2) > 0, -y, y)


def sin_far(x: np.float32) -> np.float32:
    """sin x."""
    turns, whole = _turns(wide(x))
    return _of_turned(single(turns * _HALF_PI), bits(single(whole + _ROUND_WIDE)))


def cos_far(x: np.float32) -> np.float32:
    """cos x."""
    turns, whole = _turns(wide(x))
    return _of_turned(single(turns * _HALF_PI), bits(single(whole + _ROUND_WIDE)) + 1)


def _turns(x: np.float64) -> tuple[np.float64, np.float64]:
    """x 2/pi less a multiple of 4, as a fraction within one half and a small whole number.

    The fraction is brought near zero after each part, before bits too small for it are added: it
    keeps its precision where x is next to a multiple of pi/2.
    """
    total = _part(x, _P0)
    whole = rint(total)
    total = total - whole
    for part in (_P1, _P2, _P3, _P4, _P5, _P6):
        total = total + _part(x, part)
        more = rint(total)
        total, whole = total - more, whole + more
    return total, whole


def _part(x: np.float64, part: np.float64) -> np.float64:
    """x * part, less a multiple of 4: exact."""
    product = x * part
    return product - _FOUR * rint(product * _QUARTER)
