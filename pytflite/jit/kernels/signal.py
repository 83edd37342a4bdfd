"""Operators on signals in integers (ops/signal), to the bit.

Numbers are 64 bits wide here and cut to what the operator keeps, which is the same wherever
nothing but bits that were lost anyway is lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.fixed_point import bit_length
from pytflite.jit.kernels.intrinsics import sqrt
from pytflite.model.graph import Array

_ONE, _WORD = np.uint64(1), np.uint64(0xFFFFFFFF)
_LARGEST, _LARGEST_SMALL = np.uint64(0xFFFFFFFF), np.uint64(0xFFFF)
_LARGEST_ROOT: Any = np.float64(4294967295.0)
_LN2, _HALF = 45426, 1 << 15


@declare(x="int16[:]", weights="int16[:]", y="int16[:] over x", shift="int64")
def window(begin: int, end: int, x: Array, weights: Array, y: Array, shift: int) -> int:
    """y = saturated((x * weights) >> shift); a tile is one window."""
    for tile in range(begin, end):
        start = tile * weights.shape[0]
        for i in range(weights.shape[0]):
            product = np.int32(np.int32(x[start + i]) * np.int32(weights[i]))
            y[start + i] = min(max(product >> shift, -(1 << 15)), (1 << 15) - 1)
    return 0


@declare(x="int16[:]", y="int16[:]", bits="int32[:]")
def auto_scale(begin: int, end: int, x: Array, y: Array, bits: Array) -> int:
    """y = x << bits, as far left as it goes."""
    largest: Any = 0
    for i in range(x.shape[0]):
        largest = max(largest, np.int64(x[i]), -np.int64(x[i]))
    shift = max(0, 15 - bit_length(largest)) if largest else 0
    for i in range(x.shape[0]):
        y[i] = np.int64(x[i]) << shift
    bits[0] = shift
    return 0


@declare(x="int16[:]", y="uint32[:]", first="int64", last="int64")
def energy(begin: int, end: int, x: Array, y: Array, first: int, last: int) -> int:
    """y = re^2 + im^2 from the first to the last, 0 elsewhere."""
    for i in range(y.shape[0]):
        y[i] = 0
    for i in range(first, last):
        re, im = np.int64(x[2 * i]), np.int64(x[2 * i + 1])
        y[i] = re * re + im * im
    return 0


@declare(x="uint32[:]", bins="int32[:]", weights="int64[:]", unweights="int64[:]", ends="int64[:]",
         y="int64[:]")  # fmt: skip
def filter_bank(
    begin: int, end: int, x: Array, bins: Array, weights: Array, unweights: Array, ends: Array,
    y: Array,
) -> int:  # fmt: skip
    """y[c] = the weighted terms of channel c + 1 and the unweighted ones of channel c."""
    for c in range(y.shape[0]):
        total = np.int64(0)
        for n in range(ends[c], ends[c + 1]):
            total += np.int64(x[bins[n]]) * unweights[n]
        for n in range(ends[c + 1], ends[c + 2]):
            total += np.int64(x[bins[n]]) * weights[n]
        y[c] = total
    return 0


def rounded_root(x: np.uint64) -> np.uint64:
    """The square root of a number of 64 bits, rounded (ops/signal/filter_bank_square_root.py)."""
    wide: Any = np.float64(x)
    root = np.uint64(min(sqrt(wide), _LARGEST_ROOT))
    if root * root > x:
        root -= _ONE
    if root < _LARGEST and (root + _ONE) * (root + _ONE) <= x:
        root += _ONE
    largest = _LARGEST if x > _LARGEST else _LARGEST_SMALL
    if x - root * root > root and root != largest:
        root += _ONE
    return root


@declare(x="uint64[:]", bits="int32[:]", y="uint32[:]")
def square_root(begin: int, end: int, x: Array, bits: Array, y: Array) -> int:
    """y = round(sqrt(x)) >> bits; refuses bits that are none."""
    if bits[0] < 0 or bits[0] > 31:
        return 1
    for i in range(y.shape[0]):
        y[i] = rounded_root(x[i]) >> np.uint64(bits[0])
    return 0


@declare(x="uint32[:]", noise="uint32[:]", table="int16[:]", y="uint32[:]", shift="int64")
def pcan(begin: int, end: int, x: Array, noise: Array, table: Array, y: Array, shift: int) -> int:
    """Gain, ratio, shrunken ratio (ops/signal/pcan.py); refuses noise that the table lacks."""
    for i in range(y.shape[0]):
        level = np.int64(noise[i])
        if level <= 2:
            if level >= table.shape[0]:
                return 1
            value = np.int64(table[level])
        else:
            bits = bit_length(level)
            first = 4 * bits - 6
            if first + 2 >= table.shape[0]:
                return 1
            fraction = ((level << 11) >> bits) & 0x3FF
            value = (np.int64(table[first + 2]) * fraction) >> 5
            value += np.int64(table[first + 1]) << 5
            value = ((value * fraction + (1 << 14)) >> 15) + np.int64(table[first])
        gain = np.uint64(np.int64(np.int16(value))) & _WORD
        ratio = ((np.uint64(x[i]) * gain) >> np.uint64(shift)) & _WORD
        if ratio < np.uint64(2 << 12):
            y[i] = (ratio * ratio) >> np.uint64(20)
        else:
            y[i] = (ratio >> np.uint64(6)) - np.uint64(64)
    return 0


@declare(x="uint32[:]", bulge="int64[:]", y="int16[:]", shift="int64", scale="int64")
def log(begin: int, end: int, x: Array, bulge: Array, y: Array, shift: int, scale: int) -> int:
    """y = scale * ln(x << shift) in fixed point (ops/signal/filter_bank_log.py)."""
    for i in range(y.shape[0]):
        number = (np.int64(x[i]) << shift) & 0xFFFFFFFF
        if number <= 1:
            y[i] = 0
        else:
            whole = bit_length(number) - 1
            fraction = ((number - (np.int64(1) << whole)) << 16) >> whole
            place = fraction >> 9
            low, high = bulge[place], bulge[place + 1]
            log2 = (whole << 16) + fraction + low + (((high - low) * (fraction & 511)) >> 16)
            scaled = ((scale * ((_LN2 * log2 + _HALF) >> 16) + _HALF) & 0xFFFFFFFF) >> 16
            y[i] = min(scaled, 32767)
    return 0


@declare(x="uint32[:]", noise="uint32[:]", smoothing="uint64[:]", rest="uint64[:]", y="uint32[:]",
         estimate="uint32[:]", least="int64", up="int64", bits="int64",
         clamping="int64")  # fmt: skip
def spectral_subtraction(
    begin: int, end: int, x: Array, noise: Array, smoothing: Array, rest: Array, y: Array,
    estimate: Array, least: int, up: int, bits: int, clamping: int,
) -> int:  # fmt: skip
    """Moves the estimate of the noise, then subtracts it
    (ops/signal/spectral_subtraction.py).
    """
    shift, raise_by, remaining = np.uint64(bits), np.uint64(up), np.uint64(least)
    for i in range(y.shape[0]):
        source = np.uint64(x[i])
        raised = (source << raise_by) & _WORD
        moved = raised * smoothing[i] + np.uint64(noise[i]) * rest[i]
        level = (moved >> shift) & _WORD
        lowered = min(level, raised)
        kept = lowered if clamping else level
        noise[i] = kept
        estimate[i] = kept
        y[i] = max((raised - lowered) >> raise_by, ((source * remaining) >> shift) & _WORD)
    return 0
