"""Tensors in an arena: time to the right, addresses upwards."""

from __future__ import annotations

from docs.making.pictures.chapter import names
from docs.making.svg import Axes, Picture


def placements() -> str:
    """Two orders side by side."""
    space = names("arena")
    picture = Picture(860, 420, "Eleven tensors, placed in the order of time and by size")
    top = max(space["in_time"][1], space["by_size"][1])
    sides = (("in the order of time", space["in_time"]), ("by size", space["by_size"]))
    for n, (title, (offsets, height)) in enumerate(sides):
        axes = Axes(picture, (60 + 420 * n, 44, 360, 320), (0, 11), (0, top))
        axes.frame(range(0, 12, 2), range(0, top + 1, 64), "step", "kB")
        picture.text(60 + 420 * n + 360, 30, f"{title}: {height} kB", "h", "end")
        for k, block in enumerate(space["blocks"]):
            x, y = axes.at(block.first, offsets[block.name] + block.size)
            right, bottom = axes.at(block.last + 1, offsets[block.name])
            picture.rect(x + 1, y + 0.5, right - x - 2, bottom - y - 1, f"f{'abcd'[k % 4]}", 0.4, 3)
            if bottom - y > 12:
                picture.text((x + right) / 2, (y + bottom) / 2 + 4, block.name, "s", "middle")
        _, bound = axes.at(0, space["bound"])
        picture.line([(60 + 420 * n, bound), (420 + 420 * n, bound)], "sb w2")
        picture.text(64 + 420 * n, bound - 4, f"bound: {space['bound']}", "s")
    return picture.svg()
