"""Memory for arenas."""

from __future__ import annotations

import mmap

import numpy as np
import pytest

from pytflite.plan.alignment import ALIGNMENT, aligned, on_huge_pages

MB = 1 << 20


@pytest.mark.parametrize("make", [aligned, on_huge_pages])
@pytest.mark.parametrize("size", [1, MB - 1, MB, 2 * MB, 3 * MB - 1, 3 * MB, 5 * MB + 77])
def test_all_of_it_can_be_used(make: object, size: int) -> None:
    assert callable(make)
    memory, other = make(size), make(size)
    assert memory.shape == (size,) and memory.dtype == np.uint8
    assert memory.ctypes.data % ALIGNMENT == 0
    memory[:], other[:] = 1, 2
    assert (memory == 1).all()


def test_without_huge_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(mmap, "MADV_HUGEPAGE", raising=False)
    assert on_huge_pages(3 * MB).size == 3 * MB


def test_more_than_there_is() -> None:
    with pytest.raises(MemoryError):
        on_huge_pages(1 << 60)
