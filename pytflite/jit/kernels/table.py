"""y = table[x]: any function of 8-bit numbers.

A tile is a block of 4096 elements.
"""

from __future__ import annotations

from typing import Any

from pytflite.jit.declaration import declare

BLOCK = 4096


@declare(x="uint8[:]", y="uint8[:]", table="uint8[:]")
def bytes8(begin: int, end: int, x: Any, y: Any, table: Any) -> int:
    """The table has 256 entries, by the bits of x: for int8, 0..127 come first, then -128..-1."""
    for i in range(begin * BLOCK, min(end * BLOCK, x.size)):
        y[i] = table[x[i]]
    return 0
