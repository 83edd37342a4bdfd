"""Memory that begins where vectors like it."""

from __future__ import annotations

import mmap

import numpy as np

from pytflite.model.graph import Array

ALIGNMENT = 64  # a cache line, and the widest vector register
_HUGE = 2 << 20  # bytes of a huge page


def aligned(size: int) -> Array:
    """Uninitialised bytes that begin on a cache line."""
    block = np.empty(size + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + size]


def on_huge_pages(size: int) -> Array:
    """The same, on huge pages as far as the bytes fill them, where the system has any.

    It hands out 2 MB at once then, instead of 4 KB by 4 KB as they are touched.
    """
    huge = (size + _HUGE // 2) // _HUGE * _HUGE
    if not huge or not hasattr(mmap, "MADV_HUGEPAGE"):
        return aligned(size)
    try:
        mapping = mmap.mmap(
            -1, max(size, huge) + _HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        )
        block: Array = np.frombuffer(mapping, np.uint8)
        start = -block.ctypes.data % _HUGE
        mapping.madvise(mmap.MADV_HUGEPAGE, start, huge)
    except OSError:  # a kernel without them, or no memory
        return aligned(size)
    return block[start : start + size]
