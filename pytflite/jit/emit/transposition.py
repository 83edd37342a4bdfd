"""y[c, r] = x[r, c]: matrices of elements of any size turned by a quarter, in registers.

`blocks` reads lanes x lanes elements into as many vectors. Dealing out the vectors like two halves
of a pack of cards moves every element one bit of its address on; after log2(lanes) times rows have
become columns (turning.py has a picture). The last blocks of rows and columns end where these end:
some elements are written twice. So there must be `lanes` of both at least.

Matrices with few rows or columns, such as the channels of a picture, are `interleaved` or
`separated`: the short side is known to the code, and lies without gaps.

    r r r r   g g g g   b b b b    interleaved ->   <- separated    r g b r g b r g b r g b

A tile is `chunk` elements of the longer side of one matrix (of columns, in blocks), whose written
lines so stay in the cache until they are whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from pytflite.jit.emit.turning import turned
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

_ENDS = "ptr x", "ptr y"
_CHUNKS = "i64 chunk", "i64 chunks"  # elements of a tile; tiles of a matrix


_WIDE = 64  # bytes of a vector, where there are such


class _Part(NamedTuple):
    """A tile's matrix, and which of its columns."""

    x: str
    y: str
    first: str
    stop: str


def blocks(
    module: Module, target: Target, size: int, lanes: int, loops: int, many: bool = False
) -> None:  # fmt: skip
    """Slots: x, y; rows and bytes from row to row of x; columns, and bytes from row to row of y;
    chunk, chunks; for each loop around its size and the strides of x and y in bytes.

    Elements have `size` bytes. Of `many` rows, vectors hold several squares, one beside the other:
    whole lines are written, which need not wait in a cache for what else belongs to them.
    """
    sides = "i64 rows", "i64 x_row", "i64 columns", "i64 y_row"
    f = module.kernel(*_ENDS, *sides, *_CHUNKS, *_around(loops))
    lanes = min(lanes, target.vector // size)
    element = f"i{8 * size}"
    kind = f"<{lanes} x {element}>"
    beside = target.vector // (lanes * size) if many else 1
    wide, step = f"<{beside * lanes} x {element}>", beside * lanes
    last_row, last_column = f.sub("%rows", step), f.sub("%columns", lanes)
    with _tiles(f, loops, "%columns") as part, f.loop(0, "%rows", step) as rows:
        row = f.min(rows.index, last_row)
        x, y = f.at(part.x, f.mul(row, "%x_row")), f.at(part.y, f.mul(row, size))
        with f.loop(part.first, part.stop, lanes) as columns:
            column = f.min(columns.index, last_column)
            here, there = f.at(x, f.mul(column, size)), f.at(y, f.mul(column, "%y_row"))
            block = []
            for n in range(lanes):
                own = range(n, step, lanes)
                parts = [f.load(kind, here, f.mul("%x_row", row)) for row in own]
                block.append(_beside(f, element, parts, lanes)[0])
            for n, vector in enumerate(turned(f, element, block, beside)):
                f.store(wide, vector, there, f.mul("%y_row", n))


def interleaved(
    module: Module, target: Target, size: int, lanes: int, loops: int, few: int
) -> None:
    """Slots: x, y; bytes from row to row of x, columns; and from chunk on those of `blocks`.

    x has a `few` rows.
    """
    del target  # any
    f = module.kernel(*_ENDS, "i64 x_row", "i64 columns", *_CHUNKS, *_around(loops))
    element = f"i{8 * size}"
    order = [lanes * (n % few) + n // few for n in range(lanes * few)]
    with _columns(f, loops, lanes, (size, size * few)) as (x, y):
        rows = [f.load(f"<{lanes} x {element}>", x, f.mul("%x_row", n)) for n in range(few)]
        whole = _beside(f, element, rows, lanes)
        f.store(f"<{lanes * few} x {element}>", _taken(f, element, *whole, order), y)


def separated(module: Module, target: Target, size: int, lanes: int, loops: int, few: int) -> None:
    """Slots: x, y; bytes from row to row of y, rows of x; and from chunk on those of `blocks`.

    x has a `few` columns.
    """
    del target  # any
    f = module.kernel(*_ENDS, "i64 y_row", "i64 columns", *_CHUNKS, *_around(loops))
    element = f"i{8 * size}"
    count = lanes * few
    with _columns(f, loops, lanes, (size * few, size)) as (x, y):
        whole = f.load(f"<{count} x {element}>", x)
        for n in range(few):
            row = _taken(f, element, whole, count, range(n, count, few))
            f.store(f"<{lanes} x {element}>", row, y, f.mul("%y_row", n))


def _around(loops: int) -> list[str]:
    """The slots of the loops around a matrix, the outermost first."""
    return [f"i64 {name}{k}" for k in range(loops) for name in ("n", "sx", "sy")]


@contextmanager
def _tiles(f: Function, loops: int, columns: str) -> Iterator[_Part]:
    """The body does one tile."""
    with f.loop("%begin", "%end") as tile:
        rest = f.op(f"udiv i64 {tile.index}, %chunks")
        first = f.mul(f.sub(tile.index, f.mul(rest, "%chunks")), "%chunk")
        x, y = "%x", "%y"
        for k in reversed(range(loops)):
            quotient = f.op(f"udiv i64 {rest}, %n{k}") if k else "0"
            digit = f.sub(rest, f.mul(quotient, f"%n{k}")) if k else rest
            x, y = f.at(x, f.mul(digit, f"%sx{k}")), f.at(y, f.mul(digit, f"%sy{k}"))
            rest = quotient
        yield _Part(x, y, first, f.min(f.add(first, "%chunk"), columns))


@contextmanager
def _columns(
    f: Function, loops: int, lanes: int, sizes: tuple[int, int]
) -> Iterator[tuple[str, str]]:  # fmt: skip
    """The body does `lanes` columns: where they are read, and written.

    Args:
        sizes: bytes from column to column, in x and y.
    """
    last = f.sub("%columns", lanes)
    with _tiles(f, loops, "%columns") as part, f.loop(part.first, part.stop, lanes) as loop:
        column = f.min(loop.index, last)
        yield f.at(part.x, f.mul(column, sizes[0])), f.at(part.y, f.mul(column, sizes[1]))


def _beside(
    f: Function, element: str, vectors: Sequence[str], lanes: int
) -> tuple[str, int]:  # fmt: skip
    """Vectors as one, and how many lanes that has."""
    while len(vectors) > 1:
        pairs = zip(vectors[::2], [*vectors[1::2], "poison"], strict=False)
        kind = f"<{lanes} x {element}>"
        vectors = [_shuffled(f, kind, a, b, range(2 * lanes)) for a, b in pairs]
        lanes *= 2
    return vectors[0], lanes


def _taken(f: Function, element: str, vector: str, lanes: int, order: Sequence[int]) -> str:
    """Some lanes of a vector."""
    return _shuffled(f, f"<{lanes} x {element}>", vector, "poison", order)


def _shuffled(f: Function, kind: str, a: str, b: str, order: Sequence[int]) -> str:
    numbers = ", ".join(f"i32 {n}" for n in order)
    return f.op(f"shufflevector {kind} {a}, {kind} {b}, <{len(order)} x i32> <{numbers}>")
