"""Numbers of a Philox stream (ops/random/generators.py), and what is drawn by them.

`at` is where the stream stands: its key, and the number of its next block of four words, lower half
first. Kernels that draw leave it alone; `advance` moves it on after them.
"""

from __future__ import annotations

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.angles import cos_near, sin_near
from pytflite.jit.kernels.doubles import exp
from pytflite.jit.kernels.intrinsics import from_bits, from_bits64, maximum, single, sqrt, wide
from pytflite.jit.kernels.maths import log
from pytflite.model.graph import Array

Block = tuple[np.uint64, np.uint64, np.uint64, np.uint64]  # words of 32 bits

BLOCKS = 64  # of the stream that a tile of `uniform` and `normal` has

_FIRST, _SECOND = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)  # multipliers
_ADD_FIRST, _ADD_SECOND = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)  # to keys
_WORD, _HALF, _ONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(1)
_MANTISSA, _UPPER = np.uint64(0x7FFFFF), np.uint64(0xFFFFF)
_ONE_BITS, _ONE_BITS64 = np.uint64(0x3F800000), np.uint64(0x3FF << 52)
_LEAST, _TWO_PI = np.float32(1e-7), 2.0 * np.pi
_LOWEST, _INFINITY = np.float32(-3.4028234663852886e38), np.float32(np.inf)


def block_of(at: Array, number: int) -> Block:
    """A block, counted from where the stream stands."""
    low = at[1] + np.uint64(number)
    high = at[2] + (_ONE if low < at[1] else np.uint64(0))
    c0, c1, c2, c3 = low & _WORD, low >> _HALF, high & _WORD, high >> _HALF
    k0, k1 = at[0] & _WORD, at[0] >> _HALF
    for _ in range(10):
        p0, p1 = _FIRST * c0, _SECOND * c2
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _WORD, (p0 >> _HALF) ^ c3 ^ k1, p0 & _WORD
        k0, k1 = (k0 + _ADD_FIRST) & _WORD, (k1 + _ADD_SECOND) & _WORD
    return c0, c1, c2, c3


def unit_float(word: np.uint64) -> np.float32:
    """In [0, 1), by 23 bits."""
    return from_bits(np.int32(np.int64((word & _MANTISSA) | _ONE_BITS))) - np.float32(1)


def unit_double(high: np.uint64, low: np.uint64) -> float:
    """In [0, 1), by 52 bits."""
    return from_bits64(np.int64(((high & _UPPER) << _HALF) | low | _ONE_BITS64)) - 1.0


@declare(at="uint64[:]", blocks="int64")
def advance(begin: int, end: int, at: Array, blocks: int) -> int:
    """The stream stands so many blocks further."""
    low = at[1] + np.uint64(blocks)
    if low < at[1]:
        at[2] += _ONE
    at[1] = low
    return 0


@declare(at="uint64[:]", y="float32[:]")
def uniform(begin: int, end: int, at: Array, y: Array) -> int:
    """y[i] in [0, 1). A tile is BLOCKS blocks."""
    for block in range(begin * BLOCKS, min(end * BLOCKS, (y.size + 3) // 4)):
        a, b, c, d = block_of(at, block)
        i = 4 * block
        y[i] = unit_float(a)
        if i + 1 < y.size:
            y[i + 1] = unit_float(b)
        if i + 2 < y.size:
            y[i + 2] = unit_float(c)
        if i + 3 < y.size:
            y[i + 3] = unit_float(d)
    return 0


@declare(at="uint64[:]", y="float32[:]")
def normal(begin: int, end: int, at: Array, y: Array) -> int:
    """y[i] normal, two of each two words (Box and Muller). A tile is BLOCKS blocks."""
    for block in range(begin * BLOCKS, min(end * BLOCKS, (y.size + 3) // 4)):
        a, b, c, d = block_of(at, block)
        i = 4 * block
        angle, radius = polar(a, b)
        y[i] = sin_near(angle) * radius
        if i + 1 < y.size:
            y[i + 1] = cos_near(angle) * radius
        angle, radius = polar(c, d)
        if i + 2 < y.size:
            y[i + 2] = sin_near(angle) * radius
        if i + 3 < y.size:
            y[i + 3] = cos_near(angle) * radius
    return 0


def polar(first: np.uint64, second: np.uint64) -> tuple[np.float32, np.float32]:
    """Angle and radius of a point of the normal distribution."""
    radius = sqrt(np.float32(-2) * log(maximum(unit_float(first), _LEAST)))
    return single(_TWO_PI * wide(unit_float(second))), radius


@declare(at="uint64[:]", logits="float32[:, :]", y="index[:, :]", sums="scratch float64[:]")
def multinomial(begin: int, end: int, at: Array, logits: Array, y: Array, sums: Array) -> int:
    """y[b, s] = the class whose share of the sum of exp(logits[b]) a uniform number falls into.

    Classes whose logits are no finite numbers have none. A tile is a b.
    """
    classes, count = logits.shape[1], y.shape[1]
    for row in range(begin, end):
        top, total = _LOWEST, 0.0
        for k in range(classes):
            x = logits[row, k]
            top = x if x > top and x < _INFINITY else top
        for k in range(classes):
            x = logits[row, k]
            if x >= _LOWEST and x < _INFINITY:
                total += exp(wide(x) - wide(top))
            sums[k] = total
        for s in range(count):
            number = row * count + s
            a, b, c, d = block_of(at, number // 2)
            unit = unit_double(a, b) if number % 2 == 0 else unit_double(c, d)
            y[row, s] = first_beyond(sums, unit * total)
    return 0


def first_beyond(sums: Array, wanted: float) -> int:
    """Where the first of the ascending sums is that is greater; behind the last if none is."""
    low, high = 0, sums.size
    while low < high:
        middle = (low + high) // 2
        if sums[middle] > wanted:
            high = middle
        else:
            low = middle + 1
    return low
