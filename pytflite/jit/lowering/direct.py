"""Convolutions of few channels, without gathering: sizes and settings of emit/direct.py."""

from __future__ import annotations

import math
from typing import NamedTuple

from pytflite.jit.emit import gather
from pytflite.jit.emit.direct import Shape
from pytflite.jit.kernel import Setting
from pytflite.jit.target import Target
from pytflite.ops.windows import Window

_LINE = 64
_NEAR = 1 << 14  # bytes of lines that are at hand at once, beside weights and outputs ...
_FAR = 1 << 17  # ... and of those that one line of outputs may see
_WORK = 1 << 21  # products of a tile
_AT_ONCE = 16  # words of a row of taps without a loop
_BUSY = 8  # sums that are under way at once, at least
_BRIEF = 64  # products for each of fewer sums, which wait for each other less than gathering takes
_THIN = 16  # channels, at most, where vectors are so short that gathering does not matter
_FEW = 1 << 16  # bytes of weights that stay near whatever is done with them


class Lines(NamedTuple):
    """How windows lie in lines, for a Work.

    Attributes:
        shape: of micro.
        taps_h: rows of taps. run: words of each.
        slots: emit/direct.SLOTS from `height` to `row`.
        block, blocks: lines of outputs of a tile, tiles of an image.
        scratch: bytes.
    """

    shape: Shape
    taps_h: int
    run: int
    slots: tuple[int, ...]
    block: int
    blocks: int
    scratch: int

    @property
    def settings(self) -> dict[str, Setting]:
        """Of the kernel."""
        return self.shape._asdict()


class Element(NamedTuple):
    """What a line is made of.

    Attributes:
        size: bytes of an element of the picture. wide: what becomes of a byte in scratch.
        group: elements of a word.
        fused: products of a word are added to sums in one instruction.
    """

    size: int
    wide: int
    group: int
    fused: bool

    @property
    def scratch(self) -> int:
        """Bytes of an element in scratch."""
        return self.size * self.wide


class Layer(NamedTuple):
    """What is multiplied.

    Attributes:
        k, n: products of an output, outputs of a window.
        vectors: of outputs that are computed at a time.
        item: bytes of a weight.
    """

    k: int
    n: int
    vectors: int
    item: int


def lines_of(
    target: Target, along: tuple[Window, Window], layer: Layer, element: Element
) -> Lines | None:  # fmt: skip
    """How to have windows in lines, or None if they are better gathered.

    Args:
        along: the windows along height and width.
        layer: all of whose inputs each output sees.
        element: of x.
    """
    h, w = along
    taps, vectors = h.filter * w.filter, layer.vectors
    if taps < 1 or (w.dilation != 1 and w.filter != 1):
        return None
    channels = layer.k // taps
    wide = target.vector == 64
    if taps == 1:
        pixels = h.is_pointwise and w.is_pointwise
        copied = element.size == 1 and vectors == 1 and wide  # as rows of a matrix would be
        if not (copied if pixels else channels <= _THIN):
            return None
    run = -(-w.filter * channels // element.group)
    most, rows = _rows(target, w.output, vectors, element.fused)
    weights = layer.k * layer.n * layer.item
    full = weights <= _FEW or (wide and element.size == 4 and 5 * rows >= 4 * most)
    sums = rows * vectors
    idle = sums < _BUSY and layer.k > _BRIEF * sums
    if not full or idle or not (wide or channels <= _THIN):
        return None
    pixel = channels * element.scratch
    step = w.stride * pixel
    unroll = _unrolled(run, step, element.group * element.scratch)
    row = -(-w.padded * pixel // _LINE) * _LINE
    span = h.span * row
    if span > _FAR:
        return None
    near = max(1, (_NEAR - span) // (h.stride * row) + 1)
    work = max(1, _WORK // max(1, w.output * layer.n * layer.k))
    block = max(1, min(near, work, h.output))
    blocks = -(-h.output // block)
    block = -(-h.output // blocks) if blocks else 1
    slots = (
        h.input, w.input * channels * element.size, h.output, w.output, h.filter, run, h.stride,
        h.dilation, h.before, *_padding(w, channels, element), row,
    )  # fmt: skip
    shape = Shape(rows, step, unroll, unroll == run)
    lines = (block - 1) * h.stride + h.span
    return Lines(shape, h.filter, run, slots, block, blocks, lines * row + gather.PAST)


def _padding(w: Window, channels: int, element: Element) -> tuple[int, int, int, int]:
    """Bytes left of a line in scratch, skipped and seen of the picture's, and right."""
    first, stop = max(0, -w.before), min(w.input, w.padded - w.before)
    seen = max(0, stop - first)
    left = min(first + w.before, w.padded)
    right = w.padded - left - seen
    size, pixel = channels * element.size, channels * element.scratch
    return left * pixel, first * size, seen * size, right * pixel


def _rows(target: Target, outputs: int, vectors: int, fused: bool) -> tuple[int, int]:
    """Outputs side by side whose sums registers hold, beside weights, a word and a product.

    Returns:
        How many could be at most, and how many suit a line of outputs.
    """
    beside = vectors + 1 + (not fused)
    most = (target.registers - 1 - beside) // vectors
    parts = -(-outputs // most)
    return most, -(-outputs // parts) if parts else 0


def _unrolled(run: int, step: int, word: int) -> int:
    """Words of a row of taps that the code takes without a loop: a divisor of all.

    Two windows side by side see some words both. If the code named these twice, LLVM would keep
    them, and has no registers for that.
    """
    most = min(_AT_ONCE, step // math.gcd(step, word))
    return next((n for n in range(min(run, most), 0, -1) if run % n == 0), 0)
