"""One output's window, and the matrices of the ways."""

from __future__ import annotations

from docs.making.svg import Picture

_CELL = 18


def _grid(
    p: Picture, x: float, y: float, columns: int, rows: int, lit: set[tuple[int, int]],
    kind: str = "fb",
) -> None:  # fmt: skip
    for i in range(rows):
        for j in range(columns):
            on = (i, j) in lit
            p.rect(x + j * _CELL, y + i * _CELL, _CELL, _CELL, f"{kind if on else 'fa'} cell",
                   0.55 if on else 0.07)  # fmt: skip


def ways() -> str:
    """A 6 x 6 picture, a 3 x 3 window; im2col, a shifted product, a tile."""
    p = Picture(880, 330, "A window; the matrix of all windows; a shifted product; a tile")
    window = {(i, j) for i in (1, 2, 3) for j in (2, 3, 4)}
    p.text(16, 24, "two: a window, an output", "h")
    _grid(p, 16, 36, 6, 6, window)
    _grid(p, 150, 72, 4, 4, {(1, 2)})
    p.arrow(128, 108, 146, 108)
    p.text(268, 24, "three: all windows as rows", "h")
    rows = {(6, j) for j in range(9)}
    _grid(p, 268, 36, 9, 16, rows)
    p.text(350, 36 + 17 * _CELL, "16 windows x 9 numbers", "dim s", "middle")
    p.text(500, 24, "four: one tap, all outputs", "h")
    shifted = {(i, j) for i in range(4) for j in range(1, 5)}
    _grid(p, 500, 36, 6, 6, shifted, "fc")
    _grid(p, 634, 72, 4, 4, {(i, j) for i in range(4) for j in range(4)}, "fc")
    p.arrow(612, 108, 630, 108)
    p.text(500, 164, "tap (0, 1): a view, shifted by one", "dim s")
    p.text(500, 200, "five: a tile stays in registers", "h")
    _grid(p, 500, 212, 1, 4, {(i, 0) for i in range(4)})
    p.text(524, 252, "x", "dim")
    _grid(p, 540, 239, 6, 1, {(0, j) for j in range(6)}, "fd")
    p.text(656, 252, "added to", "dim s")
    _grid(p, 712, 212, 6, 4, {(i, j) for i in range(4) for j in range(6)}, "fc")
    p.text(500, 308, "4 places, 6 weights: 24 products of 10 numbers", "dim s")
    return p.svg()
