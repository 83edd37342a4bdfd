"""The roofline, with layers from plans."""

from __future__ import annotations

import math

from docs.making.svg import Axes, Picture
from pytflite.runtime.interpreter import Interpreter
from pytflite.tools.building import Graph, build
from pytflite.tools.doodle import model_path

_PEAK, _BAND = 100.0, 20.0  # 10^9 multiply-accumulates, and bytes, in a second
# MobileNet v1 0.25: size and channels before each pair of depthwise and 1 x 1 layers.
_LAYERS = ((112, 8, 16), (56, 32, 32), (28, 64, 64), (14, 128, 128), (7, 256, 256))
_KINDS = {"CONV_2D": "fa", "DEPTHWISE_CONV_2D": "fb", "FULLY_CONNECTED": "fc"}


def roofline() -> str:
    """Performance that can be had at most, against intensity, in logarithms."""
    picture = Picture(640, 380, "Roofline: what memory allows, then what arithmetic allows")
    axes = Axes(picture, (60, 40, 540, 270), (-2, 2.4), (-1, 2.3))
    axes.frame(
        range(-2, 3), range(-1, 3), "multiply-accumulates for each byte", "10^9 a second",
        lambda v: f"{10.0**v:g}",
    )  # fmt: skip
    ridge = math.log10(_PEAK / _BAND)
    top = math.log10(_PEAK)
    axes.curve((-2, ridge, 2.4), (math.log10(_BAND) - 2, top, top), "ink w2")
    picture.text(*axes.at(ridge + 0.1, top + 0.1), "100: all multipliers busy", "dim s")
    picture.text(*axes.at(-1.9, 0.45), "20 GB a second", "dim s")
    for operator, macs, size in _layers():
        x = math.log10(macs / size)
        y = min(top, math.log10(_BAND) + x)
        left, above = axes.at(x, y)
        picture.parts.append(
            f'<circle class="{_KINDS[operator]}" cx="{left:.1f}" cy="{above:.1f}" r="5" '
            'fill-opacity="0.75"/>'
        )
    for n, (operator, kind) in enumerate(_KINDS.items()):
        picture.rect(70 + 160 * n, 352, 12, 12, kind, 0.75, 6)
        picture.text(88 + 160 * n, 363, operator, "s")
    return picture.svg()


def _layers() -> list[tuple[str, int, int]]:
    steps = list(Interpreter(model_path("float32"), backend="numpy").plan().steps)
    for size, channels, filters in _LAYERS:
        graph = Graph()
        x = graph.input("x", (1, size, size, channels))
        w, one = (graph.tensor(s) for s in ((1, 3, 3, channels), (filters, 1, 1, channels)))
        graph.inputs += [w, one]
        y = graph.op("DEPTHWISE_CONV_2D", [x, w], (1, size, size, channels), stride_w=1, stride_h=1)
        z = graph.op("CONV_2D", [y, one], (1, size, size, filters), stride_w=1, stride_h=1)
        graph.output(z)
        steps += Interpreter(build(graph), backend="numpy").plan().steps
    return [(s.node.name, *s.cost) for s in steps if s.node.name in _KINDS]
