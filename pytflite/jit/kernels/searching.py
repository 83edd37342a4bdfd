"""Where the greatest elements are: ARG_MAX, ARG_MIN, TOPK_V2; and those that are not 0: WHERE.

`key` is a function of kernels/keys.py: elements are compared by their keys, so that x may hold the
bits of floats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.model.graph import Array

Key = Callable[[Any], Any]
Ranked = Callable[[Any, int], Any]

_STRETCH = 64  # elements that are looked at by vectors
COLUMNS = 256  # that a tile of first_of_columns has
WRONG_COUNT = 1


@declare(x="dtype[:, :]", y="index[:]", block="int64", key="constant", ranked="constant",
         most="constant")  # fmt: skip
def first_of_short(
    begin: int, end: int, x: Array, y: Array, block: int, key: Key, ranked: Ranked, most: int
) -> int:
    """y[i] = the first j where key(x[i, j]) is greatest: in one pass, by keys with columns.

    `ranked` is ranked16 or ranked32, `most` the greatest column that it takes. A tile is `block`
    rows; no row is empty.
    """
    for row in range(begin * block, min(end * block, x.shape[0])):
        best = ranked(key(x[row, 0]), 0)
        for j in range(1, x.shape[1]):
            best = max(best, ranked(key(x[row, j]), j))
        y[row] = most - (best & most)
    return 0


def ranked16(key: int, column: int) -> np.int32:
    """A key of 16 bits, and behind it the column, counted backwards: of equal keys, the number is
    greatest for the first."""
    return np.int32((np.int32(key) << 16) | (0xFFFF - column))


def ranked32(key: int, column: int) -> np.int64:
    """The same for a key of 32 bits."""
    return np.int64((np.int64(key) << 32) | (0xFFFFFFFF - column))


@declare(x="dtype[:, :]", y="index[:]", block="int64", key="constant")
def first_of_rows(begin: int, end: int, x: Array, y: Array, block: int, key: Key) -> int:
    """The same for any keys and any number of columns, in two passes."""
    for row in range(begin * block, min(end * block, x.shape[0])):
        best = key(x[row, 0])
        for j in range(1, x.shape[1]):
            best = max(best, key(x[row, j]))
        first = 0
        while first + _STRETCH < x.shape[1] and not _holds(x, row, first, best, key):
            first += _STRETCH
        while key(x[row, first]) != best:
            first += 1
        y[row] = first
    return 0


def _holds(x: Array, row: int, first: int, best: int, key: Key) -> bool:
    """Whether a key is among those of a stretch."""
    found = False
    for j in range(_STRETCH):
        found |= key(x[row, first + j]) == best
    return found


@declare(x="dtype[:, :, :]", best="scratch wide[:]", y="index[:, :]", key="constant")
def first_of_columns(begin: int, end: int, x: Array, best: Array, y: Array, key: Key) -> int:
    """y[i, k] = the first j where key(x[i, j, k]) is greatest. A tile is COLUMNS of an i."""
    blocks = (x.shape[2] + COLUMNS - 1) // COLUMNS
    for tile in range(begin, end):
        i, start = tile // blocks, tile % blocks * COLUMNS
        size = min(COLUMNS, x.shape[2] - start)
        for k in range(size):
            best[k] = key(x[i, 0, start + k])
            y[i, start + k] = 0
        for j in range(1, x.shape[1]):
            for k in range(size):
                found = key(x[i, j, start + k])
                better = found > best[k]
                best[k] = found if better else best[k]
                y[i, start + k] = j if better else y[i, start + k]
    return 0


@declare(x="dtype[:, :]", values="dtype[:, :]", indices="index[:, :]", block="int64",
         key="constant")  # fmt: skip
def top_of_rows(
    begin: int, end: int, x: Array, values: Array, indices: Array, block: int, key: Key
) -> int:
    """The greatest elements of each row, and where they are; of equal ones the first come first.

    While a row is read, its indices are a heap, with the worst of the best on top. A tile is
    `block` rows.
    """
    count = indices.shape[1]
    for row in range(begin * block, min(end * block, x.shape[0])):
        for j in range(count):
            indices[row, j] = j
        for hole in range(count // 2 - 1, -1, -1):
            _sink(x, indices, row, hole, count, key)
        worst = key(x[row, indices[row, 0]])
        for j in range(count, x.shape[1]):
            if key(x[row, j]) > worst:
                indices[row, 0] = j
                _sink(x, indices, row, 0, count, key)
                worst = key(x[row, indices[row, 0]])
        for last in range(count - 1, 0, -1):
            top = indices[row, 0]
            indices[row, 0] = indices[row, last]
            indices[row, last] = top
            _sink(x, indices, row, 0, last, key)
        for j in range(count):
            values[row, j] = x[row, indices[row, j]]
    return 0


def _sink(x: Array, indices: Array, row: int, hole: int, size: int, key: Key) -> None:
    """The index at `hole` goes down the heap, until none below it is worse."""
    while 2 * hole + 1 < size:
        child = 2 * hole + 1
        if child + 1 < size and _worse(x, indices, row, child + 1, child, key):
            child += 1
        if not _worse(x, indices, row, child, hole, key):
            break
        index = indices[row, hole]
        indices[row, hole] = indices[row, child]
        indices[row, child] = index
        hole = child


def _worse(x: Array, indices: Array, row: int, a: int, b: int, key: Key) -> bool:
    """Whether what stands at `a` of the heap is less than what stands at `b`, or behind it."""
    i, j = indices[row, a], indices[row, b]
    k, m = key(x[row, i]), key(x[row, j])
    return bool(k < m or (k == m and i > j))


@declare(x="dtype[:]", sizes="int64[:]", mask="int64", y="int64[:, :]")
def places(begin: int, end: int, x: Array, sizes: Array, mask: int, y: Array) -> int:
    """y[n] = indices, along axes of such sizes, of the n-th x[i] with a bit that the mask has.

    There are as many as y has room for.
    """
    count = 0
    for i in range(x.size):
        if x[i] & mask != 0:
            if count == y.shape[0]:
                return WRONG_COUNT
            rest = i
            for axis in range(sizes.size - 1, -1, -1):
                y[count, axis] = rest % sizes[axis]
                rest //= sizes[axis]
            count += 1
    return 0 if count == y.shape[0] else WRONG_COUNT
