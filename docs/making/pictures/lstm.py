"""The cell as a circuit, and what it keeps."""

from __future__ import annotations

from docs.making.pictures.chapter import names
from docs.making.svg import Axes, Picture


def circuit() -> str:
    """c along the top, h along the bottom, gates between them."""
    p = Picture(760, 270, "c is scaled by f and added i times g; h is o times tanh of c")
    p.text(20, 54, "c", "h")
    p.text(20, 234, "h, x", "h")
    p.arrow(36, 50, 700, 50)
    p.text(712, 54, "c", "h")
    p.line([(60, 230), (600, 230)], "quiet")
    gates = (("f", 120, "sigmoid", "fb"), ("i", 260, "sigmoid", "fa"), ("g", 380, "tanh", "fc"),
             ("o", 540, "sigmoid", "fd"))  # fmt: skip
    for name, x, note, kind in gates:
        p.arrow(x, 230, x, 196)
        p.box(x - 40, 150, 80, 46, name, kind, note)
    p.arrow(120, 150, 120, 64)
    for x, y, sign in ((120, 50, "×"), (320, 50, "+"), (320, 112, "×"), (600, 173, "×")):
        p.rect(x - 12, y - 12, 24, 24, "sheet ink", 1, 12)
        p.text(x, y + 5, sign, "h", "middle")
    p.line([(260, 150), (260, 112), (304, 112)], "quiet")
    p.line([(380, 150), (380, 112), (336, 112)], "quiet")
    p.arrow(320, 100, 320, 64)
    p.arrow(580, 173, 588, 173)
    p.line([(600, 50), (600, 84)], "quiet")
    p.box(568, 84, 64, 34, "tanh", "fc")
    p.arrow(600, 118, 600, 161)
    p.line([(612, 173), (650, 173), (650, 230)], "quiet")
    p.arrow(650, 230, 700, 230)
    p.text(712, 234, "h", "h")
    return p.svg()


def memory() -> str:
    """The example with a memory of one number."""
    space = names("lstm")
    signal, kept = space["signal"], space["kept"]
    picture = Picture(700, 290, "A sine goes in; the cell keeps two of its values")
    axes = Axes(picture, (50, 34, 620, 200), (0, 39), (-1.2, 1.2))
    axes.frame(range(0, 40, 5), (-1, -0.5, 0, 0.5, 1), "step")
    for step in range(40):
        if signal[step, 0]:
            x, _ = axes.at(step, 0)
            picture.line([(x, 34), (x, 234)], "sd w2")
            picture.text(x + 4, 46, "write", "s")
    axes.curve(range(40), signal[:, 1], "sa w2")
    axes.curve(range(40), kept, "sb w2")
    for n, (title, kind) in enumerate((("value that comes in", "fa"), ("c: what is kept", "fb"))):
        picture.rect(60 + 180 * n, 268, 12, 12, kind)
        picture.text(78 + 180 * n, 279, title, "s")
    return picture.svg()
