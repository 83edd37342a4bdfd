"""Notes: what was hard to find out, for the next process."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from pytflite.jit.cache import Cache
from pytflite.jit.housekeeping import content, trim
from pytflite.jit.library import LIBRARY
from pytflite.jit.lowering import requantizing
from pytflite.jit.lowering.proof import Floats, Range


def test_what_is_kept_is_recalled(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))
    assert cache.recall(b"key") is None
    cache.keep(b"key", b"note")
    assert Cache(str(tmp_path)).recall(b"key") == b"note"
    assert cache.recall(b"other") is None
    assert content(cache.directory).files == 0  # it is no image
    trim(cache.directory, limit=0)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("damage", [b"", b"x" * 40, None])
def test_damaged_notes_are_not_believed(tmp_path: Path, damage: bytes | None) -> None:
    cache = Cache(str(tmp_path))
    cache.keep(b"key", b"note")
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"?" if damage is None else damage)
    assert cache.recall(b"key") is None
    assert not path.exists()


def test_notes_of_another_key_are_not_believed(tmp_path: Path) -> None:
    cache = Cache(str(tmp_path))
    cache.keep(b"one", b"note")
    cache.keep(b"two", b"another")
    one, two = sorted(tmp_path.iterdir())
    one.replace(two)
    assert cache.recall(b"one") is None or cache.recall(b"two") is None


def test_constants_are_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIBRARY, "_cache", Cache(str(tmp_path)))
    sought: list[Floats] = []
    find = requantizing.find_floats

    def counted(*arguments: object) -> Floats:
        sought.append(find(*arguments))  # type: ignore[arg-type]  # handed on
        return sought[-1]

    monkeypatch.setattr(requantizing, "find_floats", counted)
    reals = np.random.default_rng(0).uniform(0.001, 0.1, 40)
    bias, reach = np.arange(40), Range(1 << 20, 3, -128, 127, True)
    first, again = (requantizing.make_constants("fixed", reals, bias, reach) for _ in range(2))
    assert len(sought) == 1
    for name, row in first.items():
        np.testing.assert_array_equal(row, again[name])
    requantizing.make_constants("fixed", reals, bias, reach._replace(zero_point=4))
    assert len(sought) == 2
