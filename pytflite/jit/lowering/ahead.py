"""How much of the next panel of weights a product fetches on its way (emit/gemm.py)."""

from __future__ import annotations

from pytflite.jit.emit.gemm import LINE
from pytflite.jit.lowering.tiles import Tile
from pytflite.jit.work import UPCOMING, Upcoming


def ahead(m: int, tile: Tile, panel_bytes: int, k: int, most: int = LINE) -> tuple[int, Upcoming]:
    """Slots gemm.AHEAD: all micros of a block of rows share in the panel.

    Args:
        m: rows. k: of a panel.
        most: bytes that a micro asks for with each k.
    """
    calls = -(-min(m, tile.row_block) // tile.rows)
    return min(most, -(-panel_bytes // max(calls * k, 1))), UPCOMING
