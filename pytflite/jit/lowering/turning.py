"""Strided copies that turn matrices, as Work of emit/transposition.py."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.work import Slot, Work

# Elements that are read at once, of so many bytes: at most, where a side is short or none is; and
# at least.
_NARROW = {1: 16, 2: 8, 4: 8, 8: 4}
_WIDE = {1: 16, 2: 8, 4: 16, 8: 8}
_LEAST = {1: 4, 2: 4, 4: 2, 8: 2}
_FEW = 4  # rows or columns that the code knows
_TILE = 1 << 13  # elements
_LINE = 64  # bytes of a cache line, and of the longest vector
_SHORT = 16  # bytes of the shortest

Loop = tuple[int, int, int]  # size, and strides of x and y in elements


def turned_work(ends: tuple[Slot, Slot], loops: Sequence[Loop], size: int) -> Work | None:
    """The work of a copy that turns matrices, or None if it is none.

    Args:
        ends: x and y.
        loops: outermost first.
        size: bytes of an element.
    """
    along_x = next((loop for loop in loops if loop[1] == 1), None)
    along_y = next((loop for loop in loops if loop[2] == 1), None)
    if along_x is None or along_y is None or along_x is along_y or size not in _LEAST:
        return None
    columns, _, y_row = along_x
    rows, x_row, _ = along_y
    settings: dict[str, Setting] = {}
    sides: tuple[int, ...]
    if rows <= _FEW and y_row == rows:
        name, long, short, sides = "interleaved", columns, rows, (x_row * size, columns)
        settings["few"], most = rows, _NARROW[size]
    elif columns <= _FEW and x_row == columns:
        name, long, short, sides = "separated", rows, columns, (y_row * size, rows)
        settings["few"], most = columns, _NARROW[size]
    else:
        name, long, short = "blocks", columns, rows
        sides, most = (rows, x_row * size, columns, y_row * size), min(_WIDE[size], rows)
    lanes = 1 << (min(most, long).bit_length() - 1)
    if lanes < _LEAST[size]:
        return None
    if name == "blocks" and lanes * size == _SHORT and rows * size >= _LINE:
        settings["many"] = True
    chunk = -(-max(_TILE // short, _LINE // size) // lanes) * lanes
    chunks = -(-long // chunk)
    around = [loop for loop in loops if loop not in (along_x, along_y)]
    outer = [n for count, x, y in around for n in (count, x * size, y * size)]
    code = kernel(f"transposition.{name}", size=size, lanes=lanes, loops=len(around), **settings)
    tiles = prod(count for count, _, _ in around) * chunks
    return Work(code, (*ends, *sides, chunk, chunks, *outer), tiles)
