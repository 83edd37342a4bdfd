"""Two staircases, and where they are compared."""

from __future__ import annotations

from docs.making.pictures.chapter import names
from docs.making.svg import Axes, Picture


def steps() -> str:
    """The definition's staircase around zero, with the sums that the proof looks at."""
    space = names("right")
    m, s = space["m"], 2
    sums = range(-60, 61)
    values = [space["exact"](a, m, s) for a in sums]
    picture = Picture(700, 300, "A staircase; dots on both sides of each step")
    axes = Axes(picture, (50, 34, 620, 210), (-60, 60), (min(values) - 1, max(values) + 1))
    axes.frame(range(-60, 61, 20), range(min(values), max(values) + 1, 4), "sum", "output")
    for value in sorted(set(values)):
        own = [a for a, v in zip(sums, values, strict=True) if v == value]
        axes.curve((own[0], own[-1]), (value, value))
        for end in {own[0], own[-1]}:
            x, y = axes.at(end, value)
            picture.parts.append(f'<circle class="fb" cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>')
    picture.rect(60, 282, 10, 10, "fb", 1, 5)
    picture.text(76, 291, "sums that are tried", "s")
    return picture.svg()
