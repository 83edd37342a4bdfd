"""KISS FFT of real integers (ops/signal/kiss_fft.py), whose stages have radix 4 or 2, to the bit.

`bits` is how many a fraction has; `wide` is the type in which a stage computes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.model.graph import Array

Number = Any  # of 64 bits


def _wrap(x: Number, bits: int) -> Number:
    """A number of 64 bits as one of bits + 1."""
    return (np.int64(x) << (63 - bits)) >> (63 - bits)


def _round(product: Number, bits: int) -> Number:
    """A product of two fractions as a fraction."""
    return _wrap((product + (1 << (bits - 1))) >> bits, bits)


def _divide(x: Number, by: int, bits: int) -> Number:
    """x / by in fractions."""
    return _round(x * (((1 << bits) - 1) // by), bits)


def _half(x: Number) -> Number:
    """x / 2, where x is an int of C."""
    return _wrap(x, 31) >> 1


def _two(re: Array, im: Array, at: int, size: int, k: int, w: Array, place: int, bits: int) -> None:
    """A butterfly of two parts, the second times w."""
    a_re, a_im = _divide(re[at + k], 2, bits), _divide(im[at + k], 2, bits)
    x, y = _divide(re[at + size + k], 2, bits), _divide(im[at + size + k], 2, bits)
    w_re, w_im = np.int64(w[place]), np.int64(w[place + 1])
    b_re, b_im = _round(x * w_re - y * w_im, bits), _round(y * w_re + x * w_im, bits)
    re[at + k], im[at + k] = _wrap(a_re + b_re, bits), _wrap(a_im + b_im, bits)
    re[at + size + k], im[at + size + k] = _wrap(a_re - b_re, bits), _wrap(a_im - b_im, bits)


def _four(
    re: Array, im: Array, at: int, size: int, k: int, w: Array, place: int, bits: int
) -> None:
    """A butterfly of four parts, the others times w."""
    p0 = at + k
    p1, p2, p3 = p0 + size, p0 + 2 * size, p0 + 3 * size
    a_re, a_im = _divide(re[p0], 4, bits), _divide(im[p0], 4, bits)
    x, y = _divide(re[p1], 4, bits), _divide(im[p1], 4, bits)
    w_re, w_im = np.int64(w[place]), np.int64(w[place + 1])
    b_re, b_im = _round(x * w_re - y * w_im, bits), _round(y * w_re + x * w_im, bits)
    x, y = _divide(re[p2], 4, bits), _divide(im[p2], 4, bits)
    w_re, w_im = np.int64(w[place + 2]), np.int64(w[place + 3])
    c_re, c_im = _round(x * w_re - y * w_im, bits), _round(y * w_re + x * w_im, bits)
    x, y = _divide(re[p3], 4, bits), _divide(im[p3], 4, bits)
    w_re, w_im = np.int64(w[place + 4]), np.int64(w[place + 5])
    d_re, d_im = _round(x * w_re - y * w_im, bits), _round(y * w_re + x * w_im, bits)
    re[p0], im[p0] = _wrap(a_re + c_re + b_re + d_re, bits), _wrap(a_im + c_im + b_im + d_im, bits)
    re[p1], im[p1] = _wrap(a_re - c_re + b_im - d_im, bits), _wrap(a_im - c_im - b_re + d_re, bits)
    re[p2], im[p2] = _wrap(a_re + c_re - b_re - d_re, bits), _wrap(a_im + c_im - b_im - d_im, bits)
    re[p3], im[p3] = _wrap(a_re - c_re - b_im + d_im, bits), _wrap(a_im - c_im + b_re - d_re, bits)


@declare(x="dtype[:, :]", y="dtype[:, :]", order="int64[:]", radices="int64[:]", sizes="int64[:]",
         twiddles="wide[:]", twists="wide[:]", re="scratch wide[:]", im="scratch wide[:]",
         bits="constant")  # fmt: skip
def forward(
    begin: int, end: int, x: Array, y: Array, order: Array, radices: Array, sizes: Array,
    twiddles: Array, twists: Array, re: Array, im: Array, bits: int,
) -> int:  # fmt: skip
    """The spectra of rows, real and imaginary parts in turn; a tile is one.

    Numbers that a row lacks are zeros. Twiddles: of each stage, for each k of a part, pairs.
    """
    count, width = order.shape[0], x.shape[1]
    for row in range(begin, end):
        for i in range(count):
            t = 2 * order[i]
            re[i] = np.int64(x[row, t]) if t < width else 0
            im[i] = np.int64(x[row, t + 1]) if t + 1 < width else 0
        place = 0
        for stage in range(radices.shape[0]):
            radix, size = radices[stage], sizes[stage]
            for at in range(0, count, radix * size):
                for k in range(size):
                    if radix == 4:
                        _four(re, im, at, size, k, twiddles, place + 6 * k, bits)
                    else:
                        _two(re, im, at, size, k, twiddles, place + 2 * k, bits)
            place += 2 * (radix - 1) * size
        _split(row, y, re, im, twists, count, bits)
    return 0


def _split(row: int, y: Array, re: Array, im: Array, twists: Array, count: int, bits: int) -> None:
    """From the spectrum of n/2 complex numbers to that of n real ones."""
    a, b = _divide(re[0], 2, bits), _divide(im[0], 2, bits)
    y[row, 0], y[row, 1] = a + b, 0
    y[row, 2 * count], y[row, 2 * count + 1] = a - b, 0
    for j in range(1, count // 2 + 1):
        m = count - j
        z_re, z_im = _divide(re[j], 2, bits), _divide(im[j], 2, bits)
        m_re, m_im = _divide(re[m], 2, bits), _divide(_wrap(-np.int64(im[m]), bits), 2, bits)
        even_re, even_im = _wrap(z_re + m_re, bits), _wrap(z_im + m_im, bits)
        d_re, d_im = _wrap(z_re - m_re, bits), _wrap(z_im - m_im, bits)
        w_re, w_im = np.int64(twists[2 * j - 2]), np.int64(twists[2 * j - 1])
        odd_re = _round(d_re * w_re - d_im * w_im, bits)
        odd_im = _round(d_im * w_re + d_re * w_im, bits)
        y[row, 2 * j], y[row, 2 * j + 1] = _half(even_re + odd_re), _half(even_im + odd_im)
        y[row, 2 * m], y[row, 2 * m + 1] = _half(even_re - odd_re), _half(odd_im - even_im)
