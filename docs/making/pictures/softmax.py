"""Errors of interpolated tables."""

from __future__ import annotations

import numpy as np

from docs.making.pictures.chapter import names
from docs.making.svg import Axes, Picture


def errors() -> str:
    """tanh by 513 entries: entries on the curve, and entries moved by half of the error."""
    space = names("softmax")
    picture = Picture(820, 300, "Errors of tables of tanh with 513 entries")
    x = space["q"] * (10 / 32768)
    step = 16  # the errors of neighbours differ little
    for n, (title, values) in enumerate((
        ("entries on the curve", space["error"]), ("entries moved", space["better"]),
    )):  # fmt: skip
        axes = Axes(picture, (56 + 400 * n, 44, 340, 200), (-6, 6), (-6, 6))
        axes.frame(range(-6, 7, 2), range(-6, 7, 2), "x", "error, in steps of 1/32768")
        seen = np.abs(x[::step]) <= 6
        axes.curve(x[::step][seen], np.asarray(values)[::step][seen], "sa" if n else "sb")
        picture.text(56 + 400 * n + 340, 34, title, "h", "end")
    return picture.svg()
