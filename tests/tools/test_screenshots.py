"""The documentation's pictures of pages: they are there, small, and made by code."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TAKEN = sorted((ROOT / "docs" / "pictures").glob("*.png"))


@pytest.mark.parametrize("path", TAKEN, ids=lambda path: path.name)
def test_a_picture_is_small(path: Path) -> None:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG") and len(data) <= 200_000
    width, height = struct.unpack(">II", data[16:24])
    assert 600 <= width <= 1600 and 400 <= height <= 1200


@pytest.mark.parametrize("page", ["README.md", "examples/similar/README.md"])
def test_pictures_that_are_shown_are_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert shown and all(((ROOT / page).parent / link).resolve() in TAKEN for link in shown)


def test_every_picture_can_be_taken_again() -> None:
    pytest.importorskip("uvicorn", reason="the doodle app is an extra")
    pytest.importorskip("starlette", reason="the doodle app is an extra")
    from docs.making.screenshots import LARGEST, PICTURES

    assert LARGEST == 200_000
    assert {path.stem for path in TAKEN} >= set(PICTURES)
