"""Pages of a mapped file are given back, and read again."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from pytflite.format.source import MAP_ABOVE, open_source


def _resident(address: int) -> int:
    """Bytes of the mapping at an address that are in memory."""
    with open("/proc/self/smaps") as lines:
        inside = False
        for line in lines:
            first = line.split()[0]
            if "-" in first and not first.endswith(":"):
                begin, end = (int(x, 16) for x in first.split("-"))
                inside = begin <= address < end
            elif inside and first == "Rss:":
                return int(line.split()[1]) << 10
    return 0


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells what is resident")
def test_pages_are_given_back_and_come_again(tmp_path: Path) -> None:
    content = np.random.default_rng(0).integers(0, 256, 2 * MAP_ABOVE, np.uint8)
    path = tmp_path / "big"
    path.write_bytes(content.tobytes())
    source = open_source(path)
    view = np.frombuffer(source.view, np.uint8)
    assert int(view.sum()) == int(content.sum())
    address, before = view.ctypes.data, _resident(view.ctypes.data)
    source.let_go(address + 5, MAP_ABOVE)
    # Or more: a large page is given back as a whole.
    assert before - _resident(address) >= MAP_ABOVE - 2 * mmap.PAGESIZE
    np.testing.assert_array_equal(view, content)
    for begin, size in ((-5, 10), (0, 5), (0, 1 << 40), (1 << 40, 5)):  # nothing of ours
        source.let_go(address + begin, size)
    np.testing.assert_array_equal(view, content)
    source.close()
    source.let_go(address, MAP_ABOVE)


def test_mappings_of_others_stay_as_they_are() -> None:
    theirs = mmap.mmap(-1, 4 * mmap.PAGESIZE)
    theirs[:] = b"x" * len(theirs)
    source = open_source(theirs)
    source.let_go(np.frombuffer(source.view, np.uint8).ctypes.data, len(theirs))
    assert theirs[:] == b"x" * len(theirs)
