"""The blocks of a loop in LLVM IR."""

from __future__ import annotations

from docs.making.svg import Picture

_BLOCKS = (
    ("entry", ("br loop",)),
    ("loop", ("%i = phi 0 | %next", "%sum = phi 0.0 | %more", "%value = load x[%i]",
              "%more = fadd %sum, %value", "%next = add %i, 1", "br %next < %n")),
    ("done", ("ret %more",)),
)  # fmt: skip


def blocks() -> str:
    """entry, loop, done, and the edges between them."""
    p = Picture(560, 290, "entry goes to loop, loop to itself or to done")
    y, before = 14.0, 0.0
    for name, lines in _BLOCKS:
        height = 14 + 17 * len(lines)
        p.rect(150, y, 270, height, "fa quiet" if name == "loop" else "fb quiet", 0.15, 6)
        p.text(160, y + 18, name, "h")
        for n, line in enumerate(lines):
            p.text(212, y + 18 + 17 * n, line, "m")
        if before:
            p.arrow(285, before, 285, y)
        if name == "loop":
            p.line([(420, y + height - 16), (460, y + height - 16), (460, y + 14)], "sa w2")
            p.arrow(460, y + 14, 402, y + 14, "sa w2")
            p.text(468, y + 60, "true", "dim s")
        before, y = y + height, y + height + 26
    p.text(292, before - 62, "false", "dim s")
    return p.svg()
