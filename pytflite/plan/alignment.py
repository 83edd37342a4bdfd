"""Memory that begins where vectors like it."""

from __future__ import annotations

import numpy as np

from pytflite.model.graph import Array

ALIGNMENT = 64  # a cache line, and the widest vector register


def aligned(size: int) -> Array:
    """Uninitialised bytes that begin on a cache line."""
    block = np.empty(size + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + size]
