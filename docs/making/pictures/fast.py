"""Measuring while the machine changes."""

from __future__ import annotations

import numpy as np

from docs.making.pictures.chapter import names
from docs.making.svg import Axes, Picture


def drift() -> str:
    """Two equal programs, one after the other and in turns."""
    space = names("fast")
    rng = np.random.default_rng(3)
    order = space["order"]
    found = space["drift"] * (1 + rng.exponential(0.08, 200))
    picture = Picture(860, 300, "Times of two equal programs on a machine that slows down")
    halves = (("one after the other", order < 100), ("in turns", order % 2 == 0))
    for n, (title, is_first) in enumerate(halves):
        axes = Axes(picture, (50 + 420 * n, 40, 360, 200), (0, 200), (0.8, 2.4))
        axes.frame(range(0, 201, 50), (1, 1.5, 2), "run", "time")
        picture.text(50 + 420 * n + 360, 30, title, "h", "end")
        for run in order:
            x, y = axes.at(run, min(found[run], 2.4))
            kind = "fa" if is_first[run] else "fb"
            picture.parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/>')
        for which, kind in ((is_first, "sa"), (~is_first, "sb")):
            runs = order[which]
            middle = float(np.median(found[which]))
            axes.curve((runs[0], runs[-1]), (middle, middle), f"{kind} w2")
    return picture.svg()
