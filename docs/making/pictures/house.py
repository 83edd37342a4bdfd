"""Pictures of the house itself."""

from __future__ import annotations

from docs.making.svg import Picture

_ROOMS = (
    ("format", "bytes and facts"),
    ("model", "the immutable graph"),
    ("ops", "what operators mean"),
    ("plan", "steps, memory"),
    ("jit", "machine code"),
    ("runtime", "interpreter, state"),
    ("compat", "other runtimes' names"),
    ("tools", "commands"),
)


def rooms() -> str:
    """The rooms, each used by those that follow."""
    width, gap = 150, 34
    picture = Picture(4 * (width + gap) + 6, 180, "format, model, ops, plan, jit, runtime, tools")
    for n, (name, note) in enumerate(_ROOMS):
        x, y = 20 + n % 4 * (width + gap), 16 + n // 4 * 88
        picture.box(x, y, width, 58, name, "fa" if name != "jit" else "fb", note)
        if n % 4 < 3:
            picture.arrow(x + width + 2, y + 29, x + width + gap - 2, y + 29)
    turn = 20 + 3 * (width + gap) + width / 2
    picture.line([(turn, 76), (turn, 90), (95, 90)], "quiet")
    picture.arrow(95, 90, 95, 102)
    return picture.svg()
