"""Functions in fixed point, to the bit as gemmlowp computes them: exp, tanh, logistic, log, 1/x.

A real number r is held as the integer `raw = r * 2^(bits - 1 - integer_bits)`, bits 16 or 32:
Q3.12 is 16 bits with 3 integer bits, Q0.31 is 32 bits with none. Every step below rounds as the
C++ does, so the order of operations is part of the definition. Arrays are int64 throughout; only
`saturated` knows of the narrower type.

For 16 bits there are only 65536 inputs: `tanh_int16` and `logistic_int16` look them up.
Source: gemmlowp's fixedpoint.h and TFLite's kernels/internal/common.h.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from pytflite.ops.fixed_point import INT32_MAX, Int64Array, divide_by_pot, wrap32

# exp(-2^k) in Q0.31, for k = -2 ... 4: factors of the binary expansion of the exponent.
_EXP_OF_POWERS = {
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}
_EXP_MINUS_EIGHTH = 1895147668  # exp(-1/8), Q0.31
_ONE_THIRD = 715827883  # Q0.31
_48_OVER_17, _MINUS_32_OVER_17 = 1515870810, -1010580540  # Q2.29, the start of Newton's division
NEWTON_START = _MINUS_32_OVER_17, _48_OVER_17  # x = factor * half + this

# Q0.31 constants of log_x: log(2), 0.5^(1/2), 0.5^(1/4), and coefficients of the rational function.
_LOG_2, _SQRT_HALF, _FOURTH_ROOT_HALF = 1488522236, 1518500250, 1805811301
_ALPHA_N, _ALPHA_D, _ALPHA_I, _ALPHA_F = 117049297, 127690142, 1057819769, 638450708


def product(a: Any, b: Any, bits: int = 32) -> Int64Array:
    """Fixed-point product, rounded to nearest with ties upwards; its integer bits add up."""
    doubled: Int64Array = (np.multiply(a, b, dtype=np.int64) + (1 << (bits - 2))) >> (bits - 1)
    limited: Int64Array = np.minimum(doubled, (1 << (bits - 1)) - 1)
    return limited


def _times(a: Any, b: Any, bits: int = 32) -> Int64Array:
    """`product` where not both factors are -1, the only pair that saturates; also of two ints."""
    doubled: Int64Array = (a * b + (1 << (bits - 2))) >> (bits - 1)
    return doubled


def rescale(raw: Any, exponent: int, bits: int = 32) -> Int64Array:
    """The raw value times 2^exponent: saturating upwards, rounding half away downwards."""
    if exponent < 0:
        return divide_by_pot(raw, -exponent)
    return saturated(np.asarray(raw, np.int64) << exponent, bits)


def saturated(raw: Any, bits: int = 32) -> Int64Array:
    """Clamped to the signed range of `bits`."""
    limit = 1 << (bits - 1)
    clamped: Int64Array = np.minimum(np.maximum(raw, -limit), limit - 1)
    return clamped


@cache
def _constant(q31: int, bits: int) -> int:
    """A constant given for 32 bits, rounded to `bits`."""
    return int(divide_by_pot(q31, 32 - bits))


def bit_length(x: Any) -> Int64Array:
    """Bits of integers from 0 to 2^53: 32 minus the leading zeros of an int32."""
    length: Int64Array = np.frexp(np.asarray(x, np.float64))[1].astype(np.int64)
    return length


def exp_on_negative_values(raw: Any, integer_bits: int, bits: int = 32) -> Int64Array:
    """exp(x) for x <= 0, with 0 integer bits.

    x is split into a multiple of -1/4 and a rest in [-1/4, 0): a Taylor series at -1/8 for the
    rest, times one factor exp(-2^k) for each bit of the multiple.
    """
    raw = np.asarray(raw, np.int64)
    fraction_bits = bits - 1 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    rest = (raw & (quarter - 1)) - quarter
    multiple = rest - raw
    result = _exp_near_minus_eighth(rescale(rest, integer_bits, bits), bits)
    for power, factor in _EXP_OF_POWERS.items():
        if integer_bits > power:
            has = (multiple & (1 << (fraction_bits + power))) != 0
            result = np.where(has, _times(result, _constant(factor, bits), bits), result)
    if integer_bits > 5:
        lowest = _constant(-(1 << (36 - integer_bits)), bits)  # -32
        result = np.where(raw < lowest, 0, result)
    return np.where(raw == 0, (1 << (bits - 1)) - 1, result)


def _exp_near_minus_eighth(a: Int64Array, bits: int) -> Int64Array:
    """exp(a) for a in [-1/4, 0), all with 0 integer bits."""
    x = a + (1 << (bits - 4))
    x2 = _times(x, x, bits)
    x3 = _times(x2, x, bits)
    x4 = _times(x2, x2, bits)
    third = _times(rescale(x4, -2, bits) + x3, _constant(_ONE_THIRD, bits), bits)
    series = rescale(third + x2, -1, bits)
    at = _constant(_EXP_MINUS_EIGHTH, bits)
    return saturated(at + _times(at, x + series, bits), bits)


def _reciprocal_of_half_sum(raw: Any, bits: int) -> Any:
    """2 / (1 + x) with 2 integer bits, for x in [0, 1]: three steps of Newton's division.

    Of an int64 array, or of one int: for a few numbers Python's own arithmetic is faster.
    """
    half = (raw + (1 << (bits - 1))) >> 1  # (x + 1) / 2, where 1 is the largest raw value
    one = 1 << (bits - 3)
    x = _times(half, _constant(_MINUS_32_OVER_17, bits), bits) + _constant(_48_OVER_17, bits)
    for _ in range(3):
        # Of an error below 1/17: nothing saturates.
        x = x + (_times(x, one - _times(half, x, bits), bits) << 2)
    return x


def one_over_one_plus_x(raw: Any, bits: int = 32) -> Int64Array:
    """1 / (1 + x) for x in [0, 1]; 0 integer bits in and out."""
    return rescale(_reciprocal_of_half_sum(np.asarray(raw, np.int64), bits), 1, bits)


def one_minus_x_over_one_plus_x(raw: Any, bits: int = 32) -> Int64Array:
    """(1 - x) / (1 + x) for x in [0, 1]; 0 integer bits in and out."""
    twice = _reciprocal_of_half_sum(np.asarray(raw, np.int64), bits)
    return rescale(twice - (1 << (bits - 3)), 2, bits)


def tanh(raw: Any, integer_bits: int, bits: int = 32) -> Int64Array:
    """tanh(x), with 0 integer bits."""
    raw = np.asarray(raw, np.int64)
    decay = exp_on_negative_values(-np.abs(raw), integer_bits + 1, bits)  # exp(-2|x|)
    size = one_minus_x_over_one_plus_x(decay, bits)
    return np.where(raw == 0, 0, np.where(raw < 0, -size, size))


def logistic(raw: Any, integer_bits: int, bits: int = 32) -> Int64Array:
    """1 / (1 + exp(-x)), with 0 integer bits."""
    raw = np.asarray(raw, np.int64)
    positive = one_over_one_plus_x(exp_on_negative_values(-np.abs(raw), integer_bits, bits), bits)
    result: Int64Array = np.where(raw > 0, positive, (1 << (bits - 1)) - 1 - positive)
    result[raw == 0] = 1 << (bits - 2)
    return result


def tanh_int16(x: npt.NDArray[np.int16], integer_bits: int = 3) -> npt.NDArray[np.int16]:
    """tanh of Q(integer_bits) int16 values as Q0.15, looked up."""
    return tanh_table(integer_bits)[x.view(np.uint16)]


def logistic_int16(x: npt.NDArray[np.int16], integer_bits: int = 3) -> npt.NDArray[np.int16]:
    """1 / (1 + exp(-x)) of Q(integer_bits) int16 values as Q0.15, looked up."""
    return logistic_table(integer_bits)[x.view(np.uint16)]


@cache
def tanh_table(integer_bits: int) -> npt.NDArray[np.int16]:
    """tanh for every int16, at the position of its bits read as uint16."""
    return _table(tanh(_all_int16(), integer_bits, 16))


@cache
def logistic_table(integer_bits: int) -> npt.NDArray[np.int16]:
    """1 / (1 + exp(-x)) for every int16, at the position of its bits read as uint16."""
    return _table(logistic(_all_int16(), integer_bits, 16))


def _all_int16() -> npt.NDArray[np.int16]:
    return np.arange(1 << 16, dtype=np.uint16).view(np.int16)


def _table(values: Int64Array) -> npt.NDArray[np.int16]:
    table = values.astype(np.int16)
    table.flags.writeable = False
    return table


def reciprocal(x: Any, integer_bits: int) -> tuple[Int64Array, Int64Array]:
    """(raw, e) with 1/x = raw * 2^(-31 - e), for x >= 0.5 held with `integer_bits` of 32.

    Where the C++ would overflow (x >= 2^integer_bits), x may have up to 53 bits here.
    """
    x = np.asarray(x)
    if x.size <= _FEW:
        pairs = [_reciprocal_of_one(v, integer_bits) for v in x.reshape(-1).tolist()]
        both = np.array(pairs, np.int64).reshape(*x.shape, 2)
        return both[..., 0], both[..., 1]
    significand, length = np.frexp(x.astype(np.float64))
    # x / 2^e lies in [1, 2): its fraction becomes Q0.31.
    fraction = (significand * (1 << 32)).astype(np.int64) - (1 << 31)
    return one_over_one_plus_x(fraction), length.astype(np.int64) + (integer_bits - 32)


_FEW = 8


def _reciprocal_of_one(x: int, integer_bits: int) -> tuple[int, int]:
    shift = 32 - x.bit_length()
    fraction = (x << shift if shift >= 0 else x >> -shift) - (1 << 31)
    return min(_reciprocal_of_half_sum(fraction, 32) << 1, INT32_MAX), integer_bits - shift


def log_x(x: Any, integer_bits: int, output_bits: int) -> Int64Array:
    """log(x) with `output_bits` integer bits, for x >= 1 held with `integer_bits` of 32.

    x is brought to r in about [0.6, 1] by a power of two (two ways, the better is taken); then
    log(r) is a rational function. Where the C++ would overflow, x may have up to 53 bits.
    """
    x = np.asarray(x, np.int64)
    excess = np.maximum(bit_length(x) - 31, 0)
    z = x >> excess
    whole = integer_bits + excess
    accumulated = output_bits + 1
    unit = 31 - accumulated
    quarter = rescale(1 << 29, -accumulated)

    shift_a = 31 - bit_length(z)
    r_a = rescale(_times(saturated(z << shift_a), _SQRT_HALF), 1)
    power_a = saturated(saturated((whole - shift_a - 1) << unit) + quarter)
    shift_b = 31 - bit_length(_times(z, _SQRT_HALF))
    r_b = saturated(z << shift_b)
    power_b = saturated(saturated((whole - shift_b) << unit) - quarter)

    r, power = np.minimum(r_a, r_b), np.maximum(power_a, power_b)
    p = (r + _FOURTH_ROOT_HALF + 1) >> 1
    q = 2 * (r - _FOURTH_ROOT_HALF)
    q2 = _times(q, q)
    numerator = _times(q, r) + _times(_times(q, q2), _ALPHA_N)
    denominator = _times(p, _ALPHA_I + q + _times(_ALPHA_D, q2)) + _times(_ALPHA_F, q)
    fraction = _times(rescale(numerator, -accumulated), one_over_one_plus_x(denominator))
    return rescale(wrap32(_times(power, _LOG_2) + fraction), accumulated - output_bits)


def inverse_sqrt_multiplier(x: Any) -> tuple[Int64Array, Int64Array]:
    """(m, shift) with 1/sqrt(x) = m * 2^(shift - 31), as `fixed_point.multiply` takes them.

    For integers x >= 0, where 0 counts as 1: five Newton steps in Q3.28 from the guess 1.
    Source: GetInvSqrtQuantizedMultiplierExp with a reversed shift.
    """
    given = np.asarray(x, np.int64)
    x = np.maximum(given, 2)
    quarters = np.maximum(bit_length(x) - 28, 0) // 2  # divisions by 4 until below 2^29
    x = x >> (2 * quarters)
    pairs = (31 - bit_length(x)) // 2 - 1
    right = 11 + quarters - pairs
    raw = (x << (2 * pairs)) >> 1
    half_x = rescale(raw, -1)
    y = np.full_like(x, 1 << 28)
    for _ in range(5):
        cube = rescale(_times(_times(y, y), y), 6)
        y = rescale(_times((1 << 28) + (1 << 27), y) - _times(half_x, cube), 3)
    m = wrap32(_times(y, _SQRT_HALF) << np.maximum(-right, 0))
    one = given <= 1
    return np.where(one, INT32_MAX, m), np.where(one, 0, -np.maximum(right, 0))
