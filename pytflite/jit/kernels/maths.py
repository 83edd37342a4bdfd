"""exp, log, functions made of them, and atan2 of float32, without branches: LLVM makes vectors of
them.

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
_ROUND_BITS, _ONE_BITS = np.int32(0x4B400000), np.int32(0x3F800000)
_E2, _E3 = np.float32(0.5), np.float32(0.16666534543037415)
_E4, _E5 = np.float32(0.04166724160313606), np.float32(0.008367433212697506)
_E6 = np.float32(0.0013863417552784085)
_EXP_LOW, _EXP_HIGH = np.float32(-104.5), np.float32(89)
_NORMAL_LOW = np.float32(-87.33)

_EXACTLY_ONE = np.float32(20)  # and from here on tanh and logistic are it
_HALF = np.float32(0.5)


def exp(x: np.float32) -> np.float32:
    """e to the power of x: 2**n * e**r with x = n ln 2 + r, |r| <= ln 2 / 2.

    2**n is multiplied in two steps, so that results which are infinite or denormal come out right.
    """
    x = where(x < _EXP_LOW, _EXP_LOW, where(x > _EXP_HIGH, _EXP_HIGH, x))
    shifted = fma(x, _LOG2_E, _ROUND)
    exponent = bits(shifted) - _ROUND_BITS
    half = exponent >> 1
    power = from_bits((half + 127) << 23), from_bits((exponent - half + 127) << 23)
    return _rest_of_exp(x, shifted) * power[0] * power[1]


def decay(x: np.float32) -> np.float32:
    """e to the power of x <= 0, but zero where that is below 2**-126.

    For sums in which it does not count, as in LiteRT as shipped (XNNPACK): what is calculated with
    denormal numbers takes a hundred times the time.
    """
    near = where(x < _NORMAL_LOW, _NORMAL_LOW, x)
    shifted = fma(near, _LOG2_E, _ROUND)
    power = _power(shifted)
    return where(x < _NORMAL_LOW, _ZERO, _rest_of_exp(near, shifted) * power)


def _rest_of_exp(x: np.float32, shifted: np.float32) -> np.float32:
    """e**r, r = x - n ln 2, where n is in the low bits of `shifted`."""
    return _expm1_of_rest(x, shifted) + _ONE


def _power(shifted: np.float32) -> np.float32:
    """2**n, n from -126 to 127; moved so far, none of _ROUND_BITS is left."""
    return from_bits((bits(shifted) << 23) + _ONE_BITS)


def _expm1_of_rest(x: np.float32, shifted: np.float32) -> np.float32:
    """The same, minus 1."""
    n = shifted - _ROUND
    r = fma(n, -_LN2_LOW, fma(n, -_LN2_HIGH, x))
    p = fma(fma(fma(fma(_E6, r, _E5), r, _E4), r, _E3), r, _E2)
    return fma(p, r * r, r)


def tanh(x: np.float32) -> np.float32:
    """(1 - e) / (1 + e) with the sign of x, where e = e**(-2 |x|)."""
    size = absolute(x)
    double = where(size > _EXACTLY_ONE, _EXACTLY_ONE, size) * -_TWO
    shifted = fma(double, _LOG2_E, _ROUND)
    power, less = _power(shifted), _expm1_of_rest(double, shifted)
    return copysign(fma(-less, power, _ONE - power) / fma(less, power, _ONE + power), x)


def logistic(x: np.float32) -> np.float32:
    """1 / (1 + e**-x), but zero where that is below 2**-126."""
    bottom = _one_and_exp(-where(x > _EXACTLY_ONE, _EXACTLY_ONE, x))
    return where(x < _NORMAL_LOW, _ZERO, _ONE / bottom)


def _one_and_exp(x: np.float32) -> np.float32:
    """1 + e**x, for x from -87 to 87. What is smaller of 1 and 2**n is added first."""
    shifted = fma(x, _LOG2_E, _ROUND)
    power = _power(shifted)
    less, more = where(power < _ONE, power, _ONE), where(power < _ONE, _ONE, power)
    return fma(_expm1_of_rest(x, shifted), power, less) + more


_SMALLEST, _UP, _UP_BITS = np.float32(2.0**-126), np.float32(2.0**23), np.float32(23)
_SQRT_HALF_BITS = np.int32(0x3F3504F3)
_INFINITY, _NAN = np.float32(np.inf), np.float32(np.nan)
_L3, _L4, _L5 = (np.float32(c) for c in (0.3333333134651184, -0.250008225440979, 0.20001226663589))
_L6, _L7 = np.float32(-0.16623356938362122), np.float32(0.14201761782169342)
_L8, _L9 = np.float32(-0.131601944565773), np.float32(0.12761549651622772)
_L10 = np.float32(-0.07634429633617401)


def log(x: np.float32) -> np.float32:
    """The natural logarithm: e ln 2 + log(1 + f) with x = 2**e (1 + f), 1 + f near 1."""
    tiny = x < _SMALLEST
    scaled = where(tiny, x * _UP, x)
    offset = bits(scaled) - _SQRT_HALF_BITS
    exponent = offset >> 23
    f = from_bits((offset & 0x7FFFFF) + _SQRT_HALF_BITS) - _ONE
    e = where(tiny, _ZERO - _UP_BITS, _ZERO) + exponent_number(exponent)
    p = fma(fma(fma(fma(fma(fma(fma(_L10, f, _L9), f, _L8), f, _L7), f, _L6), f, _L5), f, _L4), f,
            _L3)  # fmt: skip
    square = f * f
    low = fma(e, _LN2_LOW, fma(p * f, square, square * -_HALF))
    y = fma(e, _LN2_HIGH, f + low)
    y = where(x < _INFINITY, y, x)  # infinity and NaN stay
    return where(
        x > _ZERO, y, where(x < _ZERO, _NAN, where(absolute(x) < _SMALLEST, -_INFINITY, x))
    )


def exponent_number(n: np.int32) -> np.float32:
    """An integer of up to 22 bits as a float."""
    return from_bits(n + _ROUND_BITS) - _ROUND


_EXPM1_LOW = np.float32(-80)


def expm1(x: np.float32) -> np.float32:
    """e**x - 1 for x <= 0 (and up to 88): as exp, but 2**n - 1 is added last."""
    x = where(x < _EXPM1_LOW, _EXPM1_LOW, x)
    shifted = fma(x, _LOG2_E, _ROUND)
    power = _power(shifted)
    return fma(power, _expm1_of_rest(x, shifted), power - _ONE)


def elu(x: np.float32) -> np.float32:
    """x above 0, else e**x - 1."""
    return where(x > _ZERO, x, expm1(x))


def softplus(x: np.float32) -> np.float32:
    """log(1 + e**x) = max(x, 0) + log(1 + e**-|x|); what 1 + e loses by rounding is added."""
    e = exp(-absolute(x))
    total = _ONE + e
    rest = log(total) + (e - (total - _ONE)) / total
    return where(x > _ZERO, x, where(x <= _ZERO, _ZERO, x)) + rest


def softsign(x: np.float32) -> np.float32:
    """x / (1 + |x|)."""
    return x / (_ONE + absolute(x))


_SELU_SCALE, _SELU_ALPHA = np.float32(1.0507009873554805), np.float32(1.6732632423543772)


def selu(x: np.float32) -> np.float32:
    """x above 0, else alpha (e**x - 1), by a scale."""
    return _SELU_SCALE * where(x < _ZERO, _SELU_ALPHA * expm1(x), x)


_G0, _G1 = np.float32(0.121513947628), np.float32(-0.20640261904)
_G2, _G3 = np.float32(0.123225030677), np.float32(-0.0462132909535)
_G4, _G5 = np.float32(0.00613207066801), np.float32(0.00290455617536)
_G6, _G7 = np.float32(-0.000983758460101), np.float32(-0.000339484903976)
_G8, _G9 = np.float32(0.000115543780118), np.float32(5.36718816654e-05)
_THREE, _FIFTEEN = np.float32(3), np.float32(15)


def gelu(x: np.float32) -> np.float32:
    """x Phi(x) = max(x, 0) - u Phi(-u), u = |x|, as ops/elementwise/gelu.py has it."""
    u = absolute(x)
    u = where(u > _FIFTEEN, _FIFTEEN, u)
    t = (u - _THREE) / (u + _THREE)
    p = fma(fma(fma(fma(_G9, t, _G8), t, _G7), t, _G6), t, _G5)
    p = fma(fma(fma(fma(fma(p, t, _G4), t, _G3), t, _G2), t, _G1), t, _G0)
    return where(x < _ZERO, _ZERO, x) - p * u * decay(u * u * -_HALF)


_TWO_ROOTS, _CUBIC = np.float32(1.5957691216057308), np.float32(0.044715)


def gelu_approximate(x: np.float32) -> np.float32:
    """x / 2 (1 + tanh(z)) = x logistic(2 z), z = sqrt(2/pi) (x + 0.044715 x**3)."""
    return x * logistic((x * x * _CUBIC + _ONE) * x * _TWO_ROOTS)


_A3, _A5 = np.float32(-0.333333283662796), np.float32(0.1999969333410263)
_A7, _A9 = np.float32(-0.14280131459236145), np.float32(0.110602468252182)
_A11, _A13 = np.float32(-0.08818856626749039), np.float32(0.06759591400623322)
_A15, _A17 = np.float32(-0.04494672268629074), np.float32(0.022760577499866486)
_A19, _A21 = np.float32(-0.007422748953104019), np.float32(0.0011349006090313196)
_PI_HIGH, _PI_LOW = np.float32(3.1415927410125732), np.float32(-8.742277657347586e-08)


def atan2(y: np.float32, x: np.float32) -> np.float32:
    """The angle of the point (x, y): atan(less / more) of |x|, |y|, brought to its octant."""
    across, up = absolute(x), absolute(y)
    steep = up > across
    more, less = where(steep, up, across), where(steep, across, up)
    both = where(less < _INFINITY, less / more, where(more < _ZERO, more, _ONE))  # infinities
    t = where(more > _ZERO, where(less > _ZERO, both, _ZERO), _ZERO)
    u = t * t
    p = fma(fma(fma(fma(fma(_A21, u, _A19), u, _A17), u, _A15), u, _A13), u, _A11)
    p = fma(fma(fma(fma(p, u, _A9), u, _A7), u, _A5), u, _A3)
    angle = fma(t * u, p, t)
    angle = where(steep, _PI_HIGH * _HALF - (angle - _PI_LOW * _HALF), angle)
    angle = where(copysign(_ONE, x) < _ZERO, _PI_HIGH - (angle - _PI_LOW), angle)
    signed = copysign(angle, y)
    return where(absolute(x) <= _INFINITY, where(absolute(y) <= _INFINITY, signed, y), x)  # NaN
