"""The subgraphs of the chapter's first model."""

from __future__ import annotations

from docs.making.pictures.chapter import names
from docs.making.svg import Picture


def subgraphs() -> str:
    """A frame for each subgraph with its operators; arrows from WHILE to those that it runs."""
    model = names("control")["interpreter"].model
    picture = Picture(760, 250, "main runs WHILE, which runs condition and body in turns")
    places = ((20, 60), (290, 14), (290, 132))
    for graph, (x, y) in zip(model.subgraphs, places, strict=True):
        wide = 234 if graph is model.subgraphs[0] else 440
        picture.rect(x, y, wide, 100, "fa quiet", 0.05, 8)
        picture.text(x + 12, y + 20, graph.name, "h")
        inputs = ", ".join(graph.tensors[i].name for i in graph.inputs)
        outputs = ", ".join(graph.tensors[i].name for i in graph.outputs)
        operator = graph.operators[0].name
        middle = x + (wide / 2 if wide > 300 else 124) - 60
        picture.text(x + 14, y + 66, inputs, "m")
        picture.arrow(x + 44, y + 62, middle - 2, y + 62)
        picture.box(middle, y + 40, 120, 44, operator, "fb")
        picture.arrow(middle + 122, y + 62, x + wide - 66 if wide > 300 else x + wide - 12, y + 62)
        if wide > 300:
            picture.text(x + wide - 60, y + 66, outputs, "m")
    for y, word in ((64, "condition"), (182, "body")):
        picture.arrow(206, 122, 288, y, "sb w2")
        picture.text(268, (122 + y) / 2 + (14 if y < 100 else -6), word, "dim s", "middle")
    return picture.svg()
