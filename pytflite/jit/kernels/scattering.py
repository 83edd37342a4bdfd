"""Elements put, or added, to places that indices list, and boxes that begin at such; indices out of
range are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytflite.jit.declaration import declare
from pytflite.model.graph import Array

OUT_OF_RANGE = 1
COLUMNS = 1024  # that a tile has

Combine = Callable[[Any, Any], Any]


@declare(indices="index[:, :]", sizes="int64[:]", strides="int64[:]", x="dtype[:, :]",
         step="int64", start="dtype[:]", y="dtype[:]", columns="int64", combine="constant",
         skip="constant")  # fmt: skip
def rows(
    begin: int, end: int, indices: Array, sizes: Array, strides: Array, x: Array, step: int,
    start: Array, y: Array, columns: int, combine: Combine, skip: bool,
) -> int:  # fmt: skip
    """y[p] = start; then y[p] = combine(y[p], x[j step]) with p = sum of indices[j] strides.

    These are rows of y, of so many columns. Rows of x come one after the other; a tile is COLUMNS
    of all of them. With `skip`, those with a negative index are left out.
    """
    for tile in range(begin, end):
        first = tile * COLUMNS
        last = min(first + COLUMNS, columns)
        if last - first == columns:
            for place in range(y.size):
                y[place] = start[0]
        else:
            for row in range(0, y.size, columns):
                for k in range(row + first, row + last):
                    y[k] = start[0]
        for j in range(indices.shape[0]):
            place, left_out = 0, False
            for d in range(indices.shape[1]):
                i = indices[j, d]
                if skip and i < 0:
                    left_out = True
                elif i < 0 or i >= sizes[d]:
                    return OUT_OF_RANGE
                else:
                    place += i * strides[d]
            if not left_out:
                row = place * columns
                for k in range(first, last):
                    y[row + k] = combine(y[row + k], x[j * step, k])
    return 0


def second(a: Any, b: Any) -> Any:
    """The latter stays."""
    return b


def plus(a: Any, b: Any) -> Any:
    """The sum."""
    return a + b


def times(a: Any, b: Any) -> Any:
    """The product."""
    return a * b


def greater(a: Any, b: Any) -> Any:
    """The greater; b if it is no number."""
    return b if b > a else a


def less(a: Any, b: Any) -> Any:
    """The lesser."""
    return b if b < a else a


def either(a: Any, b: Any) -> Any:
    """Whether either is true."""
    return 1 if a != 0 or b != 0 else 0


@declare(indices="index[:, :]", on="dtype[:]", off="dtype[:]", y="dtype[:]", depth="int64")
def one_hot(
    begin: int, end: int, indices: Array, on: Array, off: Array, y: Array, depth: int
) -> int:
    """y[i, d, k] = on where indices[i, k] == d, else off. A tile is an i."""
    behind = indices.shape[1]
    size = depth * behind
    for i in range(begin, end):
        for place in range(i * size, (i + 1) * size):
            y[place] = off[0]
        for k in range(behind):
            d = indices[i, k]
            if d >= 0 and d < depth:
                y[i * size + d * behind + k] = on[0]
    return 0


@declare(x="dtype[:, :]", sizes="int64[:]", strides="int64[:]", starts="index[:]",
         greatest="int64[:]", y="dtype[:]", block="int64")  # fmt: skip
def box(
    begin: int, end: int, x: Array, sizes: Array, strides: Array, starts: Array, greatest: Array,
    y: Array, block: int,
) -> int:  # fmt: skip
    """Rows of x to where a box of y has them, which begins at `starts`, moved inside.

    Args:
        sizes: of the box in rows: axis by axis, as many as rows of x.
        strides: of y along all axes, the last ones of which are a row.
        greatest: start along each axis.
        block: rows that a tile has.
    """
    corner = 0
    for axis in range(starts.size):
        corner += min(max(starts[axis], 0), greatest[axis]) * strides[axis]
    for row in range(begin * block, min(end * block, x.shape[0])):
        place = corner + _place(row, sizes, strides)
        for k in range(x.shape[1]):
            y[place + k] = x[row, k]
    return 0


@declare(x="dtype[:]", sizes="int64[:]", strides="int64[:]", starts="index[:]",
         greatest="int64[:]", y="dtype[:, :]", block="int64")  # fmt: skip
def box_out(
    begin: int, end: int, x: Array, sizes: Array, strides: Array, starts: Array, greatest: Array,
    y: Array, block: int,
) -> int:  # fmt: skip
    """Rows of y from where a box of x has them, which begins at `starts`.

    Args:
        sizes: of the box in rows: axis by axis, as many as rows of y.
        strides: of x along all axes, the last ones of which are a row.
        greatest: start along each axis.
        block: rows that a tile has.
    """
    corner = 0
    for axis in range(starts.size):
        if starts[axis] < 0 or starts[axis] > greatest[axis]:
            return OUT_OF_RANGE
        corner += starts[axis] * strides[axis]
    for row in range(begin * block, min(end * block, y.shape[0])):
        place = corner + _place(row, sizes, strides)
        for k in range(y.shape[1]):
            y[row, k] = x[place + k]
    return 0


def _place(row: int, sizes: Array, strides: Array) -> int:
    """Where a row of a box lies, from its corner."""
    place, rest = 0, row
    for axis in range(sizes.size - 1, -1, -1):
        place += rest % sizes[axis] * strides[axis]
        rest //= sizes[axis]
    return place
