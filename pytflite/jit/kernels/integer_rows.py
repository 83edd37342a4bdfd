"""Rows of integers brought to a measure of their own, to the bit (ops/normalization)."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.model.graph import Array

_INT32_MAX = np.int64((1 << 31) - 1)
_SQRT_HALF = np.int64(1518500250)


@declare(x="int16[:, :]", y="int16[:, :]", exp="int16[:]", inverse="int16[:]", block="int64")
def softmax_int16(
    begin: int, end: int, x: Array, y: Array, exp: Array, inverse: Array, block: int
) -> int:
    """SOFTMAX: exponentials by a table of all differences, 1 / (1 + x) by one of 513 entries.

    A tile is `block` rows.
    """
    for row in range(begin * block, min(end * block, x.shape[0])):
        greatest = np.int64(x[row, 0])
        for i in range(1, x.shape[1]):
            greatest = max(greatest, np.int64(x[row, i]))
        total = np.int64(0)
        for i in range(x.shape[1]):
            e = exp[greatest - np.int64(x[row, i])]
            y[row, i] = e
            total += np.int64(e)
        shift = _bit_length(total) - 1  # total = (1 + x) * 2^shift, and 16 bits of x
        aligned = (total >> max(shift - 30, 0)) << max(30 - shift, 0)
        at = min(max(((aligned + (1 << 13)) >> 14) - (1 << 16) - (1 << 15), -32768), 32767)
        entry = (at >> 7) + 256
        base = np.int64(inverse[entry])
        rise = np.int64(np.int16(np.int64(inverse[entry + 1]) - base))
        factor = np.int64(np.int16(((rise * (at & 0x7F) + 64) >> 7) + base))
        half = np.int64(1) << (shift - 1)
        for i in range(x.shape[1]):
            y[row, i] = np.int16(min((np.int64(y[row, i]) * factor + half) >> shift, 32767))
    return 0


@declare(x="dtype[:, :]", y="dtype[:, :]", zero="int64", unsigned="constant", block="int64")
def l2_normalization(
    begin: int, end: int, x: Array, y: Array, zero: int, unsigned: int, block: int
) -> int:
    """L2_NORMALIZATION of bytes. unsigned: they are uint8, which are rounded otherwise.

    A tile is `block` rows.
    """
    for row in range(begin * block, min(end * block, x.shape[0])):
        squares = np.int64(0)
        for i in range(x.shape[1]):
            v = np.int64(x[row, i]) - zero
            squares += v * v
        m, right = _inverse_root(squares)
        for i in range(x.shape[1]):
            v = np.int64(x[row, i]) - zero
            if unsigned:
                scaled = ((v << 7) * m + (1 << 30)) >> 31
                y[row, i] = np.uint8(min(max(_divided(scaled, right) + 128, 0), 255))
            else:
                scaled = (v << max(7 - right, 0)) * m
                y[row, i] = np.int8(min(max(_rounded(scaled, max(right - 7, 0)), -128), 127))
    return 0


def _bit_length(x: Any) -> Any:
    """Bits of x > 0."""
    bits = 0
    while x:
        x >>= 1
        bits += 1
    return bits


def _divided(x: Any, power: Any) -> Any:
    """fixed_point.divide_by_pot."""
    mask = (np.int64(1) << power) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> power) + (1 if (x & mask) > threshold else 0)


def _rounded(product: Any, right: Any) -> Any:
    """product / 2^(31 + right), in gemmlowp's two roundings."""
    high = (product + (1 << 30)) >> 31
    return _divided(min(high, _INT32_MAX), right)


def _times(a: Any, b: Any) -> Any:
    """gemmlowp's product of Q0.31."""
    return (a * b + (1 << 30)) >> 31


def _limited(x: Any) -> Any:
    """Saturated to an int32."""
    return min(max(x, -_INT32_MAX - 1), _INT32_MAX)


def _inverse_root(given: Any) -> tuple[Any, Any]:
    """gemmlowp.inverse_sqrt_multiplier: 1 / sqrt(x) = m * 2^-(31 + right)."""
    if given <= 1:
        return _INT32_MAX, np.int64(0)
    x = np.int64(given)
    quarters = max(_bit_length(x) - 28, 0) // 2
    x >>= 2 * quarters
    pairs = (31 - _bit_length(x)) // 2 - 1
    right = 11 + quarters - pairs
    half_x = _divided((x << (2 * pairs)) >> 1, 1)
    y = np.int64(1 << 28)
    for _ in range(5):
        cube = _limited(_times(_times(y, y), y) << 6)
        y = _limited((_times((1 << 28) + (1 << 27), y) - _times(half_x, cube)) << 3)
    m = _times(y, _SQRT_HALF) << max(-right, 0)
    return np.int64(np.int32(m)), np.int64(max(right, 0))
