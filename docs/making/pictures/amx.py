"""Tiles of AMX."""

from __future__ import annotations

from docs.making.svg import Picture

_CELL = 11


def tiles() -> str:
    """x on the left, w above, sums where they meet."""
    p = Picture(700, 520, "16 rows of 64 bytes times 64 x 16 bytes are 256 sums")
    left, top = 40, 290
    for k in range(16):
        for m in range(16):
            lit = m == 5
            p.rect(left + k * 16, top + m * _CELL, 16, _CELL, f"{'fa' if lit else 'sheet'} cell",
                   0.5 if lit else 1)  # fmt: skip
    p.text(left, top - 8, "x: 16 rows of 64 bytes, four to a cell", "s")
    right, high = left + 16 * 16 + 40, top - 16 * _CELL - 40
    for k in range(16):
        for n in range(16):
            lit = n == 9
            p.rect(right + n * 22, high + k * _CELL, 22, _CELL, f"{'fb' if lit else 'sheet'} cell",
                   0.5 if lit else 1)  # fmt: skip
    p.text(right, high - 8, "w: row k has four neighbours in k, of each of 16 columns", "s")
    for m in range(16):
        for n in range(16):
            lit = m == 5 and n == 9
            p.rect(right + n * 22, top + m * _CELL, 22, _CELL, f"{'fc' if lit else 'fa'} cell",
                   0.9 if lit else 0.06)  # fmt: skip
    p.text(right, top + 16 * _CELL + 16, "sums: 16 x 16 of 32 bits, each of 64 products", "s")
    return p.svg()
