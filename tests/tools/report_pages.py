"""Models whose reports are looked at, and a page taken apart."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np

from pytflite.model.model import Model
from tests.graphs import Graph, build

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&{{script}}"


def loop() -> Model:
    """x = 0; while x < 3: x += 1."""
    main, condition, body = Graph("main"), Graph("condition"), Graph("body")
    for graph in (main, condition, body):
        graph.input("x", (1,), "INT32")
    main.output(main.op("WHILE", [0], (1,), "INT32", cond_subgraph_index=1, body_subgraph_index=2))
    condition.output(condition.op("LESS", [0, condition.constant(np.int32(3))], (1,), "BOOL"))
    body.output(body.op("ADD", [0, body.constant(np.int32(1))], (1,), "INT32"))
    return build(main, condition, body)


def evil_model() -> Model:
    """Every name, and an option, is an attack."""
    graph = Graph(EVIL)
    x = graph.input(EVIL, (1, 4))
    y = graph.op(EVIL, [x], (1, 4), output={"name": EVIL})
    graph.output(graph.op("NEG", [y], (1, 4), output={"name": "\udcff\u2028" + EVIL}))
    return build(graph).replace(description=EVIL)


class Reader(HTMLParser):
    """Checks that elements close in order; keeps attributes and the text of scripts."""

    VOID = frozenset({"meta", "input", "img", "br", "link"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            (self.scripts if self.open[-1] == "script" else self.styles).append(data)


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open == []
    return reader
