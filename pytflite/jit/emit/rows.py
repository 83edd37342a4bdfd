"""The frame of elementwise kernels: rows of operands that are broadcast to each other.

All shapes are brought to three dimensions, [outer, inner, row]; each operand has a stride for the
first two, 0 where it is broadcast. `operands` says how each is read along a row: "v" element by
element, "s" one number for the row (its size there is 1), "k" one float for all, in the slot
itself, "n" an integer likewise. Rows are cut into blocks of 4096 elements; a tile is `units`
blocks, so that neither short rows nor long ones make tiles of too little or too much work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from pytflite.jit.ir import Function

BLOCK = 4096
_NUMBERS = {"k": "float", "n": "i64"}


class Block(NamedTuple):
    """Part of a row: where its operands and results are, and how many elements it has."""

    operands: list[str]  # addresses; for "k" and "n" the numbers
    y: str
    size: str


def slots(operands: str) -> list[str]:
    """Slots: y, outer*inner rows, inner, row, units; then for each operand its address and two
    strides in bytes ("v", "s"), or its number ("k")."""
    names = ["ptr y", "i64 rows", "i64 inner", "i64 row", "i64 units"]
    for n, kind in enumerate(operands):
        number = _NUMBERS.get(kind)
        names += [f"{number} x{n}"] if number else [f"ptr x{n}", f"i64 a{n}", f"i64 b{n}"]
    return names


@contextmanager
def blocks(f: Function, operands: str, sizes: Sequence[int], y_size: int) -> Iterator[Block]:
    """The body is what happens to one block.

    Args:
        f: has the slots as values of these names.
        operands: kinds.
        sizes: bytes of an element of each.
        y_size: bytes of an element of the result.
    """
    count = f.max(f.op(f"sdiv i64 {f.add('%row', BLOCK - 1)}, {BLOCK}"), 1)
    end = f.min(f.mul("%end", "%units"), f.mul(count, "%rows"))
    with f.loop(f.mul("%begin", "%units"), end) as unit:
        line = f.op(f"udiv i64 {unit.index}, {count}")
        first = f.mul(f.sub(unit.index, f.mul(line, count)), BLOCK)
        outer = f.op(f"udiv i64 {line}, %inner")
        inner = f.sub(line, f.mul(outer, "%inner"))
        places = []
        for n, (kind, size) in enumerate(zip(operands, sizes, strict=True)):
            if kind in _NUMBERS:
                places.append(f"%x{n}")
                continue
            place = f.add(f.mul(outer, f"%a{n}"), f.mul(inner, f"%b{n}"))
            if kind == "v":
                place = f.add(place, f.mul(first, size))
            places.append(f.at(f"%x{n}", place))
        y = f.at("%y", f.mul(f.add(f.mul(line, "%row"), first), y_size))
        yield Block(places, y, f.min(f.sub("%row", first), BLOCK))
