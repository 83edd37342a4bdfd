"""The frame of elementwise kernels: rows of operands that are broadcast to each other.

A shape is a row and the loops around it, FEW of them or MANY; each operand has a stride for each
loop, 0 where it is broadcast. `operands` says how each is read along a row: "v" element by
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
FEW, MANY = 2, 7  # loops around a row
_NUMBERS = {"k": "float", "n": "i64"}


class Block(NamedTuple):
    """Part of a row: where its operands and results are, and how many elements it has."""

    operands: list[str]  # addresses; for "k" and "n" the numbers
    y: str
    size: str


def slots(operands: str, loops: int) -> list[str]:
    """Slots: y, rows, elements of a row, units, sizes of the loops but the outermost, innermost
    first; then for each operand its address and its strides in bytes ("v", "s"), or its number."""
    names = ["ptr y", "i64 rows", "i64 row", "i64 units", *(f"i64 n{k}" for k in range(loops - 1))]
    for n, kind in enumerate(operands):
        number = _NUMBERS.get(kind)
        strides = (f"i64 s{n}_{k}" for k in range(loops))
        names += [f"{number} x{n}"] if number else [f"ptr x{n}", *strides]
    return names


@contextmanager
def blocks(
    f: Function, operands: str, sizes: Sequence[int], y_size: int, loops: int
) -> Iterator[Block]:
    """The body is what happens to one block.

    Args:
        f: has the slots as values of these names.
        operands: kinds.
        sizes: bytes of an element of each.
        y_size: bytes of an element of the result.
        loops: around a row.
    """
    count = f.max(f.op(f"sdiv i64 {f.add('%row', BLOCK - 1)}, {BLOCK}"), 1)
    end = f.min(f.mul("%end", "%units"), f.mul(count, "%rows"))
    with f.loop(f.mul("%begin", "%units"), end) as unit:
        line = f.op(f"udiv i64 {unit.index}, {count}")
        first = f.mul(f.sub(unit.index, f.mul(line, count)), BLOCK)
        digits, rest = [], line  # which round of each loop it is
        for k in range(loops - 1):
            quotient = f.op(f"udiv i64 {rest}, %n{k}")
            digits.append(f.sub(rest, f.mul(quotient, f"%n{k}")))
            rest = quotient
        digits.append(rest)
        places = []
        for n, (kind, size) in enumerate(zip(operands, sizes, strict=True)):
            if kind in _NUMBERS:
                places.append(f"%x{n}")
                continue
            place = f.mul(first, size) if kind == "v" else "0"
            for k, digit in enumerate(digits):
                place = f.add(place, f.mul(digit, f"%s{n}_{k}"))
            places.append(f.at(f"%x{n}", place))
        y = f.at("%y", f.mul(f.add(f.mul(line, "%row"), first), y_size))
        yield Block(places, y, f.min(f.sub("%row", first), BLOCK))
