"""Fixed point as gemmlowp has it, of one number, to the bit: ops/fixed_point.py, ops/gemmlowp.py.

Numbers of 32 bits are held in 64. Q5.26 has 5 integer bits and 26 of the fraction.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.jit.kernels.intrinsics import bits64

_INT32_MAX = np.int64((1 << 31) - 1)
_SQRT_HALF, _FOURTH_ROOT_HALF = np.int64(1518500250), np.int64(1805811301)
_LOG_2 = np.int64(1488522236)
_48_OVER_17, _MINUS_32_OVER_17 = np.int64(1515870810), np.int64(-1010580540)
_ALPHA_N, _ALPHA_D = np.int64(117049297), np.int64(127690142)
_ALPHA_I, _ALPHA_F = np.int64(1057819769), np.int64(638450708)


def bit_length(x: Any) -> Any:
    """Bits of 0 < x < 2^53: a float64 keeps their number in its exponent."""
    return (bits64(np.float64(x)) >> 52) - 1022


def divided(x: Any, power: Any) -> Any:
    """fixed_point.divide_by_pot."""
    mask = (np.int64(1) << power) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> power) + (1 if (x & mask) > threshold else 0)


def rounded(product: Any, right: Any) -> Any:
    """product / 2^(31 + right), in gemmlowp's two roundings."""
    high = (product + (1 << 30)) >> 31
    return divided(min(high, _INT32_MAX), right)


def times(a: Any, b: Any) -> Any:
    """gemmlowp's product of Q0.31."""
    return (a * b + (1 << 30)) >> 31


def limited(x: Any) -> Any:
    """Saturated to an int32."""
    return min(max(x, -_INT32_MAX - 1), _INT32_MAX)


def inverse_root(given: Any) -> tuple[Any, Any]:
    """gemmlowp.inverse_sqrt_multiplier: 1 / sqrt(x) = m * 2^-(31 + right)."""
    if given <= 1:
        return _INT32_MAX, np.int64(0)
    x = np.int64(given)
    quarters = max(bit_length(x) - 28, 0) // 2
    x >>= 2 * quarters
    pairs = (31 - bit_length(x)) // 2 - 1
    right = 11 + quarters - pairs
    half_x = divided((x << (2 * pairs)) >> 1, 1)
    y = np.int64(1 << 28)
    for _ in range(5):
        cube = limited(times(times(y, y), y) << 6)
        y = limited((times((1 << 28) + (1 << 27), y) - times(half_x, cube)) << 3)
    m = times(y, _SQRT_HALF) << max(-right, 0)
    return np.int64(np.int32(m)), np.int64(max(right, 0))


def multiply(x: Any, m: Any, shift: Any) -> Any:
    """fixed_point.multiply: x * m * 2^(shift - 31)."""
    return rounded(np.int64(np.int32(x << max(shift, 0))) * m, max(-shift, 0))


def one_over_one_plus_x(x: Any) -> Any:
    """1 / (1 + x) for x in [0, 1], both in Q0.31."""
    half = (x + (1 << 31)) >> 1
    y = times(half, _MINUS_32_OVER_17) + _48_OVER_17
    for _ in range(3):
        y += times(y, (1 << 29) - times(half, y)) << 2
    return limited(y << 1)


def log_of_sum(x: Any) -> Any:
    """gemmlowp.log_x: the logarithm, in Q5.26, of x >= 1 in Q12.19 (and more bits)."""
    excess = max(bit_length(x) - 31, 0)
    z = x >> excess
    whole = 12 + excess
    quarter = np.int64(1 << 23)
    shift_a = 31 - bit_length(z)
    r_a = limited(times(limited(z << shift_a), _SQRT_HALF) << 1)
    power_a = limited(limited((whole - shift_a - 1) << 25) + quarter)
    shift_b = 31 - bit_length(times(z, _SQRT_HALF))
    r_b = limited(z << shift_b)
    power_b = limited(limited((whole - shift_b) << 25) - quarter)
    r, power = min(r_a, r_b), max(power_a, power_b)
    p = (r + _FOURTH_ROOT_HALF + 1) >> 1
    q = 2 * (r - _FOURTH_ROOT_HALF)
    q2 = times(q, q)
    top = times(q, r) + times(times(q, q2), _ALPHA_N)
    bottom = times(p, _ALPHA_I + q + times(_ALPHA_D, q2)) + times(_ALPHA_F, q)
    fraction = times(divided(top, 6), one_over_one_plus_x(bottom))
    return limited(np.int64(np.int32(times(power, _LOG_2) + fraction)) << 1)
