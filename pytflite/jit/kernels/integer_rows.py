"""Rows of integers brought to a measure of their own, to the bit (ops/normalization)."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.fixed_point import (
    bit_length,
    divided,
    inverse_root,
    log_of_sum,
    multiply,
    rounded,
)
from pytflite.jit.kernels.intrinsics import where
from pytflite.model.graph import Array

_INT32_MIN = np.int64(-(1 << 31))
_SHIFT = 22  # from Q5.26 to the outputs' Q27.4
_HALF = np.int64(1 << (_SHIFT - 1))
_LONG = 48  # columns from which on a table of 256 outputs is worth its while


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
        shift = bit_length(total) - 1  # total = (1 + x) * 2^shift, and 16 bits of x
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
        m, right = inverse_root(squares)
        for i in range(x.shape[1]):
            v = np.int64(x[row, i]) - zero
            if unsigned:
                scaled = ((v << 7) * m + (1 << 30)) >> 31
                y[row, i] = np.uint8(min(max(divided(scaled, right) + 128, 0), 255))
            else:
                scaled = (v << max(7 - right, 0)) * m
                y[row, i] = np.int8(min(max(rounded(scaled, max(right - 7, 0)), -128), 127))
    return 0


@declare(x="dtype[:, :]", y="dtype[:, :]", scaled="int64[:]", term="int64[:]", reach="int64",
         m="int64", shift="int64", least="int64", greatest="int64", block="int64",
         found="scratch dtype[:]", tops="scratch int64[:]", logarithms="scratch int64[:]",
         stops="scratch int64[:]")  # fmt: skip
def log_softmax(
    begin: int, end: int, x: Array, y: Array, scaled: Array, term: Array, reach: int, m: int,
    shift: int, least: int, greatest: int, block: int, found: Array, tops: Array,
    logarithms: Array, stops: Array,
) -> int:  # fmt: skip
    """LOG_SOFTMAX of bytes, by tables of all differences (ops/normalization/log_softmax.py).

    m, shift: from Q5.26 back to differences; differences above `reach` give the least integer.
    A tile is `block` rows, whose logarithms vectors compute at once. Long rows have a table of
    their own: `found`, the outputs of all differences.
    """
    columns = x.shape[1]
    for tile in range(begin, end):
        first = tile * block
        rows = min(x.shape[0] - first, block)
        for row in range(rows):
            top = np.int64(x[first + row, 0])
            for i in range(1, columns):
                top = max(top, np.int64(x[first + row, i]))
            total = np.int64(0)
            for i in range(columns):
                total += term[top - np.int64(x[first + row, i])]
            tops[row] = top
            logarithms[row] = total
        for row in range(rows):
            logarithm = log_of_sum(logarithms[row])
            logarithms[row] = logarithm
            stops[row] = min(reach + 1, -multiply(logarithm + _INT32_MIN, m, shift))
        for row in range(rows):
            top, logarithm, stop = tops[row], logarithms[row], stops[row]
            if columns < _LONG:
                for i in range(columns):
                    d = top - np.int64(x[first + row, i])
                    y[first + row, i] = _output(scaled[d] - logarithm, d < stop, least, greatest)
            else:
                for n in range(256):
                    found[n] = _output(scaled[n] - logarithm, n < stop, least, greatest)
                for i in range(columns):
                    y[first + row, i] = found[top - np.int64(x[first + row, i])]
    return 0


def _output(value: Any, is_near: Any, least: Any, greatest: Any) -> Any:
    """A logarithm in Q5.26 as the outputs have it, rounded half away from zero."""
    value = (((value >> 63) + value + _HALF) >> _SHIFT) + greatest
    return min(max(where(is_near, value, least), least), greatest)
