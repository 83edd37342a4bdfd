"""Elements in the order of an axis: CUMSUM, REVERSE_SEQUENCE; and among numbers: BUCKETIZE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.model.graph import Array

COLUMNS = 256  # that a tile of running_sums has
BLOCK = 4096  # elements that a tile of buckets has
TOO_LONG = 1


@declare(x="dtype[:, :, :]", y="dtype[:, :, :]", exclusive="constant", reverse="constant")
def running_sums(begin: int, end: int, x: Array, y: Array, exclusive: bool, reverse: bool) -> int:
    """y[i, j, k] = sum of x[i, 0 .. j, k], added one by one; a tile is COLUMNS of an i.

    `exclusive`: without x[i, j, k]. `reverse`: from the last j on.
    """
    blocks = (x.shape[2] + COLUMNS - 1) // COLUMNS
    size = x.shape[1]
    step = -1 if reverse else 1
    for tile in range(begin, end):
        i, first = tile // blocks, tile % blocks * COLUMNS
        last = min(first + COLUMNS, x.shape[2])
        j = size - 1 if reverse else 0
        for k in range(first, last):
            y[i, j, k] = x[i, j, k]
            if exclusive:
                y[i, j, k] = 0
        for n in range(1, size):
            before, j = j, j + step
            for k in range(first, last):
                if exclusive:
                    y[i, j, k] = x[i, before, k] if n == 1 else y[i, before, k] + x[i, before, k]
                else:
                    y[i, j, k] = y[i, before, k] + x[i, j, k]
    return 0


@declare(x="dtype[:, :]", y="dtype[:, :]", block="int64", exclusive="constant",
         reverse="constant")  # fmt: skip
def sums_of_rows(
    begin: int, end: int, x: Array, y: Array, block: int, exclusive: bool, reverse: bool
) -> int:
    """The same of rows, which are not empty; a tile is `block` of them."""
    size = x.shape[1]
    first, step = (size - 1, -1) if reverse else (0, 1)
    for row in range(begin * block, min(end * block, x.shape[0])):
        total = x[row, first]
        y[row, first] = total
        if exclusive:
            y[row, first] = 0
        for n in range(1, size):
            j = first + n * step
            if exclusive:
                y[row, j] = total
            total = total + x[row, j]
            if not exclusive:
                y[row, j] = total
    return 0


@declare(x="dtype[:, :, :, :, :]", lengths="index[:]", y="dtype[:, :, :, :, :]",
         batch_first="constant")  # fmt: skip
def reverse(begin: int, end: int, x: Array, lengths: Array, y: Array, batch_first: bool) -> int:
    """y[i, a, j, b] = x[i, a, j, L[a] - 1 - b] for b < L[a], else x[i, a, j, b].

    a is the sequence's number and b the place in it, or the other way round, if the batch is not
    first. A tile is an (i, a).
    """
    for tile in range(begin, end):
        i, a = tile // x.shape[1], tile % x.shape[1]
        for j in range(x.shape[2]):
            for b in range(x.shape[3]):
                length = lengths[a] if batch_first else lengths[b]
                place, size = (b, x.shape[3]) if batch_first else (a, x.shape[1])
                if length < 0 or length > size:
                    return TOO_LONG
                source = length - 1 - place if place < length else place
                for k in range(x.shape[4]):
                    if batch_first:
                        y[i, a, j, b, k] = x[i, a, j, source, k]
                    else:
                        y[i, a, j, b, k] = x[i, source, j, b, k]
    return 0


@declare(x="dtype[:]", boundaries="float32[:]", y="int32[:]", compared="constant")
def buckets(
    begin: int, end: int, x: Array, boundaries: Array, y: Array, compared: Callable[[Any], Any]
) -> int:
    """y = how many boundaries are not greater than x, by bisection; all, for NaN.

    `compared` is single or plain: as what x is compared.
    """
    for n in range(begin * BLOCK, min(end * BLOCK, x.size)):
        low, high = 0, boundaries.size
        while low < high:
            middle = (low + high) // 2
            if compared(x[n]) < boundaries[middle]:
                high = middle
            else:
                low = middle + 1
        y[n] = low
    return 0


def single(x: Any) -> np.float32:
    """As float32."""
    return np.float32(x)


def plain(x: Any) -> Any:
    """As it is."""
    return x
