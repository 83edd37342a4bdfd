"""Pictures as SVG: shapes on a sheet, light or dark as the reader's system is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

import numpy as np

STYLE = """
.p{--paper:#fff;--ink:#1d2530;--dim:#667085;--grid:#d6dbe3;--a:#3b82c4;--b:#d9822b;--c:#2f9e6e;
--d:#a35bb5;font:13px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
@media(prefers-color-scheme:dark){.p{--paper:#14181f;--ink:#e6eaf0;--dim:#98a2b3;--grid:#39424f;
--a:#5aa0dd;--b:#f0a04b;--c:#4cc38a;--d:#c58ad4}}
.p text{fill:var(--ink)}.p .dim{fill:var(--dim)}.p .m{font-family:ui-monospace,Menlo,Consolas,
"DejaVu Sans Mono",monospace;font-size:12px}.p .s{font-size:11px}.p .h{font-weight:600}
.p .fa{fill:var(--a)}.p .fb{fill:var(--b)}.p .fc{fill:var(--c)}.p .fd{fill:var(--d)}
.p .none{fill:none}.p .sheet{fill:var(--paper)}.p .cell{stroke:var(--grid)}
.p .ink{stroke:var(--ink)}.p .grid{stroke:var(--grid)}.p .quiet{stroke:var(--dim)}
.p .sa{stroke:var(--a)}.p .sb{stroke:var(--b)}.p .sc{stroke:var(--c)}.p .sd{stroke:var(--d)}
.p .w2{stroke-width:2}.p .tip{fill:var(--dim)}
""".replace("\n", "")


class Picture:
    """A sheet to draw on; x to the right, y downwards, in pixels.

    Kinds are names of the style: `fa` ... `fd` fill in a colour, `sa` ... `sd` draw a line in
    it, `dim`, `m` (monospace), `s` (small), `h` (heavy) are for text.
    """

    def __init__(self, width: float, height: float, told: str) -> None:
        self.width, self.height, self.told = width, height, told
        self.parts: list[str] = []

    def text(self, x: float, y: float, text: object, kind: str = "", anchor: str = "start") -> None:
        """Words, their base line at y; anchor is start, middle or end."""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        self.parts.append(
            f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{where}>{escape(str(text))}</text>'
        )

    def rect(
        self, x: float, y: float, width: float, height: float, kind: str = "none ink",
        strength: float = 1.0, round: float = 0,
    ) -> None:  # fmt: skip
        """A rectangle; `strength` is its fill's opacity."""
        more = "" if strength == 1 else f' fill-opacity="{strength:.2f}"'
        more += f' rx="{round}"' if round else ""
        self.parts.append(
            f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
            f'height="{height:.1f}"{more}/>'
        )

    def line(self, points: Sequence[tuple[float, float]], kind: str = "ink") -> None:
        """A line through points."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline class="none {kind}" points="{path}"/>')

    def arrow(self, x: float, y: float, to_x: float, to_y: float, kind: str = "quiet") -> None:
        """A straight arrow."""
        length = max(np.hypot(to_x - x, to_y - y), 1e-9)
        u, v = (to_x - x) / length, (to_y - y) / length
        self.line([(x, y), (to_x - 6 * u, to_y - 6 * v)], kind)
        left, right = (to_x - 8 * u - 4 * v, to_y - 8 * v + 4 * u), (
            to_x - 8 * u + 4 * v, to_y - 8 * v - 4 * u)  # fmt: skip
        self.parts.append(
            f'<path class="tip" d="M{to_x:.1f} {to_y:.1f}L{left[0]:.1f} {left[1]:.1f}'
            f'L{right[0]:.1f} {right[1]:.1f}z"/>'
        )

    def box(self, x: float, y: float, width: float, height: float, title: str, kind: str = "fa",
            note: str = "") -> None:  # fmt: skip
        """A box with words in its middle."""
        self.rect(x, y, width, height, f"{kind} quiet", 0.18, 6)
        middle = y + height / 2 + (0 if note else 4)
        self.text(x + width / 2, middle - (2 if note else 0), title, "h", "middle")
        if note:
            self.text(x + width / 2, middle + 15, note, "dim s", "middle")

    def svg(self) -> str:
        """The whole picture, its style inside."""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="p" role="img" '
            f'viewBox="0 0 {self.width:.0f} {self.height:.0f}" width="{self.width:.0f}" '
            f'aria-label="{escape(self.told)}"><style>{STYLE}</style>'
            f'<rect class="sheet" width="100%" height="100%"/>{"".join(self.parts)}</svg>'
        )


class Axes:
    """A plot's frame: numbers to places on a Picture."""

    def __init__(
        self, picture: Picture, place: tuple[float, float, float, float],
        x: tuple[float, float], y: tuple[float, float],
    ) -> None:  # fmt: skip
        self.picture, self.place = picture, place
        self.x, self.y = x, y

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies."""
        left, top, width, height = self.place
        u = (x - self.x[0]) / (self.x[1] - self.x[0])
        v = (y - self.y[0]) / (self.y[1] - self.y[0])
        return left + width * u, top + height * (1 - v)

    def frame(self, xs: Sequence[float], ys: Sequence[float], x_name: str = "",
              y_name: str = "", form: Callable[[float], str] = "{:g}".format) -> None:  # fmt: skip
        """Grid lines, their numbers, and the names of the axes."""
        left, top, width, height = self.place
        p = self.picture
        for value in xs:
            x, _ = self.at(value, self.y[0])
            p.line([(x, top), (x, top + height)], "grid")
            p.text(x, top + height + 16, form(value), "dim s", "middle")
        for value in ys:
            _, y = self.at(self.x[0], value)
            p.line([(left, y), (left + width, y)], "grid")
            p.text(left - 6, y + 4, form(value), "dim s", "end")
        if x_name:
            p.text(left + width, top + height + 32, x_name, "dim s", "end")
        if y_name:
            p.text(left - 6, top - 10, y_name, "dim s")

    def curve(self, x: Sequence[float], y: Sequence[float], kind: str = "sa w2") -> None:
        """A line through the points that lie within the frame."""
        run: list[tuple[float, float]] = []
        for a, b in zip(x, y, strict=True):
            if np.isfinite(b) and self.y[0] - 1e-9 <= b <= self.y[1] + 1e-9:
                run.append(self.at(float(a), float(b)))
            else:
                self._end(run, kind)
                run = []
        self._end(run, kind)

    def _end(self, run: list[tuple[float, float]], kind: str) -> None:
        if len(run) > 1:
            self.picture.line(run, kind)


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers between two, roughly so many."""
    raw = (high - low) / about
    power = 10.0 ** np.floor(np.log10(raw))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= raw)
    first = np.ceil(low / step - 1e-9)
    return [float(step * k) for k in np.arange(first, np.floor(high / step + 1e-9) + 1)]


def number(value: object) -> str:
    """A number as short as a cell is."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")[:8]
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (int, np.integer)):
        return str(value)
    if isinstance(value, (complex, np.complexfloating)):
        return f"{value.real:.3g}{value.imag:+.3g}i"
    return f"{float(value):.3g}" if isinstance(value, (float, np.floating)) else "·"


def planes(array: np.ndarray) -> list[np.ndarray]:
    """An array as matrices: sizes of 1 are dropped, further axes are laid side by side."""
    squeezed = array.reshape([d for d in array.shape if d != 1])
    if squeezed.ndim <= 2:
        return [squeezed.reshape(1, -1) if squeezed.ndim < 2 else squeezed]
    return list(squeezed.reshape(-1, *squeezed.shape[-2:]))
