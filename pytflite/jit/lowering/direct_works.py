"""Convolutions whose windows lie in lines (direct.py), as Work: of floats, of integers, of both."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pytflite.jit.emit.dot import by_rows, dot_of
from pytflite.jit.emit.requantize import rows
from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.lowering import products, products_int8
from pytflite.jit.lowering.direct import Element, Layer, Lines, lines_of
from pytflite.jit.lowering.products import Tensors, epilogue
from pytflite.jit.lowering.tiles import columns_of, vectors_of
from pytflite.jit.target import Target
from pytflite.jit.work import At, Slot, Work
from pytflite.model.graph import Array
from pytflite.ops.activation import Bounds
from pytflite.ops.windows import Window

_SMALL = 64  # products of an output that are not worth tiles, or pairs of rows


class Place(NamedTuple):
    """What all these have in common.

    Attributes:
        lines: how windows lie.
        k, n: products of an output, outputs of a window.
        images: of the batch. image: bytes from one to the next, of x.
        steps: bytes from image to image of the output, from line to line, from pixel to pixel.
        tensors: slots of x, weights, output.
    """

    lines: Lines
    k: int
    n: int
    images: int
    image: int
    steps: tuple[int, int, int]
    tensors: Tensors

    def work(
        self, target: Target, emitter: str, panel_bytes: int, settings: dict[str, Setting],
        after: tuple[Slot, ...],
    ) -> Work:  # fmt: skip
        """Work of a kernel; after: slots after those that all have."""
        lines, columns = self.lines, columns_of(target, self.n)
        left = self.n - (-(-self.n // columns) - 1) * columns
        made = kernel(
            emitter, vectors=vectors_of(target, self.n), tail=-(-left // target.lanes),
            masked=bool(self.n % target.lanes), **lines.settings, **settings,
        )  # fmt: skip
        slots = (
            *self.tensors, self.n, panel_bytes, self.image, *lines.slots, *self.steps,
            lines.block, lines.blocks, *after,
        )  # fmt: skip
        return Work(made, slots, self.images * lines.blocks, lines.scratch)


def float32_work(target: Target, place: Place, ending: products.Ending) -> Work:
    """Of floats."""
    size = 4 * (1 + place.k) * columns_of(target, place.n)
    after = (0, *ending.slots)
    return place.work(target, "direct_float32.convolution", size, ending.settings, after)


def lines_of_words(
    target: Target, along: tuple[Window, Window], sizes: tuple[int, ...]
) -> Lines | None:  # fmt: skip
    """How windows of bytes lie in lines, or None if they are gathered; sizes: groups, n, k."""
    groups, n, k = sizes
    if groups > 1 or (target.dot in ("amx", "smmla") and k > _SMALL):
        return None
    dot = dot_of(by_rows(target))
    element = Element(1, dot.width, dot.group, dot.fused)
    return lines_of(target, along, Layer(k, n, vectors_of(target, n), 1), element)


def whole_words(target: Target, weights: Array, taps_h: int, zero: int = 0) -> Array:
    """Filters [1, n, k] of which each row of taps fills whole words; `zero` stands for nothing."""
    group = dot_of(by_rows(target)).group
    n = weights.shape[1]
    split = weights.reshape(n, taps_h, -1)
    missing = -split.shape[2] % group
    padded = np.pad(split, ((0, 0), (0, 0), (0, missing)), constant_values=zero)
    return padded.reshape(1, n, -1)


def _panel_bytes(target: Target, place: Place, rounding: str) -> int:
    """Of a panel of whole words."""
    words = place.lines.taps_h * place.lines.run
    return (4 * len(rows(rounding)) + words * dot_of(target).word) * columns_of(target, place.n)


def int8_work(
    target: Target, place: Place, layer: products_int8.Layer, ending: products_int8.Ending
) -> Work:  # fmt: skip
    """Of integers."""
    target = by_rows(target)
    size = _panel_bytes(target, place, ending.rounding)
    fill = layer.zero + dot_of(target).offset(unsigned=layer.kind == "uint8")
    settings = {**ending.settings, "x": layer.kind}
    return place.work(
        target, "direct_int8.convolution", size, settings,
        (fill, *ending.slots, *(ending.sum or ())),
    )  # fmt: skip


def hybrid_work(
    target: Target, place: Place, numbers: At, limits: Bounds, *, asymmetric: bool
) -> Work:
    """Of quantised pictures, whose numbers are at hand, and of integers."""
    target = by_rows(target)
    size = _panel_bytes(target, place, "hybrid")
    settings: dict[str, Setting] = {"asymmetric": asymmetric, "clamp": epilogue(limits)}
    after: tuple[Slot, ...] = (numbers, *(float(b or 0) for b in limits))
    return place.work(target, "direct_hybrid.convolution", size, settings, after)
