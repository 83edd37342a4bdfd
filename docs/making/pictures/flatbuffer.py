"""The bytes of the model that the chapter makes by hand."""

from __future__ import annotations

import struct

from docs.making.pictures.chapter import names
from docs.making.svg import Picture

_KINDS = {"vtable": "fb", "table": "fa", "vector": "fc", "string": "fd", "padding": "sheet"}
_ACROSS, _CELL, _ROW = 10, 84, 40


def layout() -> str:
    """Four bytes a cell, coloured by what they are."""
    space = names("flatbuffer")
    data, marks = space["made"], space["writer"].marks
    kinds = ["table"] * len(data)
    for kind, start, end in marks:
        kinds[start:end] = [kind] * (end - start)
    cells = len(data) // 4
    rows = -(-cells // _ACROSS)
    picture = Picture(_ACROSS * _CELL + 60, rows * _ROW + 50, "The bytes of a model of ABS")
    for n, (kind, colour) in enumerate(_KINDS.items()):
        picture.rect(48 + 110 * n, 8, 14, 14, f"{colour} cell", 0.35)
        picture.text(68 + 110 * n, 20, kind, "s")
    for cell in range(cells):
        x, y = 48 + cell % _ACROSS * _CELL, 34 + cell // _ACROSS * _ROW
        if cell % _ACROSS == 0:
            picture.text(40, y + 24, 4 * cell, "dim s", "end")
        kind = kinds[4 * cell]
        raw = data[4 * cell : 4 * cell + 4]
        strength = 0.0 if kind == "padding" else 0.28
        picture.rect(x, y, _CELL, _ROW, f"{_KINDS[kind]} cell", strength)
        picture.text(x + _CELL / 2, y + 17, raw.hex(" "), "m s", "middle")
        picture.text(x + _CELL / 2, y + 32, _meaning(kind, raw, cell), "dim s", "middle")
    return picture.svg()


def _meaning(kind: str, raw: bytes, cell: int) -> str:
    if cell == 1:
        return "'TFL3'"
    if kind == "vtable":
        return "{}, {}".format(*struct.unpack("<HH", raw))
    if kind == "string" and raw[0] >= 32:
        return repr(raw.rstrip(b"\0").decode(errors="replace"))
    return "" if kind == "padding" else str(struct.unpack("<i", raw)[0])
