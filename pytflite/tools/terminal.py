"""What the commands share in writing to a terminal."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


class PlainConsole(Console):
    """A console for names from untrusted files: they are neither markup nor escape sequences."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Every text that is printed, and every cell of a table, comes by here."""
        return super().render_str(printable(text), **options)


def printable(text: str) -> str:
    """Control characters, and what no encoding can hold, as '\\x1b'."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


console = PlainConsole()
if not console.is_terminal:
    console = PlainConsole(width=140)  # a file or a pipe has no width of its own


def heading(name: str, more: str = "") -> None:
    """A name that stands out, and what follows it on its line."""
    console.print(Text(printable(name), style="bold") + Text(printable(more)))


def print_json(value: Any) -> None:
    """One JSON object on standard output, unwrapped and without colours."""
    print(json.dumps(value, indent=1))


def table(title: str, *columns: str, right: Sequence[str] = ()) -> Table:
    """An empty table; the columns named in `right` are for numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        number = column in right
        made.add_column(column, justify="right" if number else "left", no_wrap=number)
    return made


def short(name: str, length: int = 44) -> str:
    """A tensor's name for a table: converters join dozens of them."""
    return name if len(name) <= length else name[: length - 1] + "…"


def size(count: float) -> str:
    """Bytes for a reader: '3.4 MB'."""
    return _scaled(count, "B")


def quantity(count: float) -> str:
    """A number for a reader: '300.8 M'."""
    return _scaled(count, "").strip()


def _scaled(count: float, unit: str) -> str:
    for prefix in ("", "k", "M", "G"):
        if abs(count) < 1000:
            number = f"{count:.0f}" if prefix == "" else f"{count:.3g}"
            return f"{number} {prefix}{unit}"
        count /= 1000
    return f"{count:.3g} T{unit}"


def duration(seconds: float) -> str:
    """A time for a reader: '1.23 ms'."""
    for factor, unit in ((1, "s"), (1e3, "ms"), (1e6, "us")):
        if seconds * factor >= 1 or unit == "us":
            return f"{seconds * factor:.3g} {unit}"
    raise AssertionError("unreachable")


def shape(sizes: Sequence[int | None]) -> str:
    """'1x224x224x3', 'scalar', '?' for open sizes."""
    return "x".join("?" if d is None or d < 0 else str(d) for d in sizes) or "scalar"
