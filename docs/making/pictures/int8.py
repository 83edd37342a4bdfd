"""Quantisation as a staircase, and its error."""

from __future__ import annotations

import numpy as np

from docs.making.pictures.chapter import names
from docs.making.svg import Axes, Picture


def staircase() -> str:
    """Numbers against what their integers stand for, with a coarse scale."""
    space = names("int8")
    scale, zero_point = 0.32, -1  # coarser than the chapter's: steps that can be seen
    x = np.linspace(-3, 3.6, 1601)
    q = np.clip(space["quantise"](x, scale, zero_point), -8, 8)
    levels = space["real"](q, scale, zero_point)
    picture = Picture(820, 330, "Numbers quantised to 17 levels, and the error of that")
    left = Axes(picture, (56, 34, 330, 240), (-3, 4), (-3, 4))
    left.frame(range(-3, 5), range(-3, 5), "x", "what the integer stands for, of 17 levels")
    left.curve(x, x, "quiet")
    jump = np.abs(np.diff(levels, append=levels[-1])) > 0
    left.curve(x, np.where(jump, np.nan, levels), "sa w2")
    right = Axes(picture, (460, 34, 330, 240), (-3, 4), (-0.6, 0.6))
    right.frame(range(-3, 5), [-0.6, -0.32, -0.16, 0, 0.16, 0.32, 0.6], "x", "error")
    right.curve(x, levels - x, "sb w2")
    return picture.svg()
