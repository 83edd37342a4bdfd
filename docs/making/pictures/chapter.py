"""What the programs of a chapter compute, for its pictures to show."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from docs.making.snippets import names_of

_DOCS = Path(__file__).resolve().parents[2]


@cache
def names(chapter: str) -> dict[str, Any]:
    """The names that the programs of docs/book/<chapter>.md leave."""
    path = _DOCS / "book" / f"{chapter}.md"
    return names_of(path.read_text(encoding="utf-8"), str(path))
