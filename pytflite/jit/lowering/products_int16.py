"""Sizes, settings and packed weights of products of int16 (emit/gemm_int16.py)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pytflite.jit.emit import gather
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.gemm import ENTRY
from pytflite.jit.emit.gemm_int16 import in_words
from pytflite.jit.emit.requantize import rows
from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.lowering.products import scratch_row
from pytflite.jit.lowering.products_int8 import tile_of, words_of
from pytflite.jit.lowering.requantizing import pack_constants
from pytflite.jit.lowering.requantizing_wide import make_wide_constants
from pytflite.jit.lowering.tiles import Product, Tile, columns_of
from pytflite.jit.target import Target
from pytflite.jit.work import Slot, Work
from pytflite.model.graph import Array
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.windows import Window

ITEM = 2
_SHORT = 4  # vectors that are copied without a loop
_MADE_ROWS = 512  # for which a panel is worth making
_POINT = Window(1, 1, 1)


class Ending(NamedTuple):
    """How sums are made, and become outputs: as requantize_wide.py rounds, within bounds.

    Attributes:
        halves: weights are halved, as gemm_int16.py tells.
    """

    rounding: str
    low: int
    high: int
    halves: bool = False


class Source(NamedTuple):
    """Weights of which panels are made in the run.

    Attributes:
        constants: of a panel.
        row: bytes from line to line.
        turned: lines are those of n.
    """

    constants: Slot
    row: int
    turned: bool


class Factor(NamedTuple):
    """Weights, and what goes with them.

    Attributes:
        weights: [parts, n, k] of int8 or int16, less their zero point.
        bias: int64 [parts * n], or None.
        reals: multipliers, [1] or [parts * n].
    """

    weights: Array
    bias: Array | None
    reals: Array


def pack(target: Target, factor: Factor, ending: Ending) -> Array:
    """Panels: bytes [parts * panels, panel]."""
    target = in_words(target)
    parts, n, _ = factor.weights.shape
    columns = columns_of(target, n)
    count = -(-n // columns)
    bias = np.zeros(parts * n, np.int64) if factor.bias is None else factor.bias.astype(np.int64)
    made = make_wide_constants(ending.rounding, factor.reals, bias)
    places = np.arange(n)
    constants = np.concatenate([
        pack_constants(
            ending.rounding, {k: v[part * n : (part + 1) * n] for k, v in made.items()}, columns,
            places,
        )
        for part in range(parts)
    ]).reshape(parts * count, -1).view(np.uint8)  # fmt: skip
    shown = halved(factor.weights) if ending.halves else (factor.weights,)
    words = [words_of(target, w, places).reshape(parts * count, -1) for w in shown]
    return np.concatenate([constants, *words], axis=1)


def halved(weights: Array) -> tuple[Array, Array]:
    """(high, low), of which 256 * high + low is made."""
    whole = weights.astype(np.int32)
    high = (whole + 128) >> 8
    return high, whole - (high << 8)


def panel_size(target: Target, n: int, k: int, ending: Ending) -> int:
    """Bytes of a panel."""
    dot = dot_of(in_words(target))
    words = dot.groups(k) * dot.word * (1 + ending.halves)
    return (4 * len(rows(ending.rounding)) + words) * columns_of(target, n)


def safe_words(target: Target, largest: int) -> int:
    """Words of k whose products, by weights of at most this magnitude, an int32 can sum."""
    return ((1 << 31) - 1) // (largest << 15) // dot_of(in_words(target)).group


def product_work(
    target: Target, p: Product, tensors: tuple[Slot, Slot, Slot], ending: Ending, largest: int,
    source: Source | None = None,
) -> Work:  # fmt: skip
    """Rows of a matrix times packed weights: windows of a point if they are no whole words.

    Args:
        tensors: x, weights, output.
        largest: magnitude of the weights, or of their halves.
        source: of weights that are not packed.
    """
    if p.k % dot_of(in_words(target)).group:
        point = _POINT, _POINT, Window(p.m, p.m, 1)
        places = p.m * p.output_row, p.m * p.output_row, p.output_row
        return convolution_work(target, p, point, p.x_row, places, tensors, ending, largest, source)
    tile = _tile(target, p, source)
    return _work(target, "product", tile, p, tensors, ending, largest, source, (), {}, 0)


def convolution_work(
    target: Target, p: Product, windows: Windows, pixel: int, places: tuple[int, int, int],
    tensors: tuple[Slot, Slot, Slot], ending: Ending, largest: int, source: Source | None = None,
) -> Work:  # fmt: skip
    """Gathered windows times packed weights.

    Args:
        windows: along depth (a point), height and width.
        pixel: bytes of a pixel of the input.
        places: bytes from image to image of the output, from line to line, from pixel to pixel.
        tensors, largest, source: as in `product_work`.
    """
    dot = dot_of(in_words(target))
    _, h, w = windows
    taps = h.filter * w.filter
    tap = p.k // taps * ITEM if taps else 0
    p = p._replace(x_row=scratch_row(dot.groups(p.k) * dot.word))
    tile = _tile(target, p, source)
    slots = (
        h.input, w.input, h.output, w.output, h.filter, w.filter, h.stride, w.stride,
        h.dilation, w.dilation, h.before, w.before, pixel, tap, *places, 0,
    )  # fmt: skip
    runs = (w.dilation == 1 and tap == pixel) or w.filter == 1
    short = -(-tap * w.filter // target.vector) if runs and target.vector == 64 else 0
    settings: dict[str, Setting] = {"runs": runs, "short": short if short <= _SHORT else 0}
    scratch = tile.row_block * p.x_row + gather.PAST
    return _work(
        target, "convolution", tile, p, tensors, ending, largest, source, slots, settings, scratch
    )  # fmt: skip


def _tile(target: Target, p: Product, source: Source | None) -> Tile:
    """As tile_of; of panels that are made in the run, for more rows."""
    tile = tile_of(in_words(target), p)
    if source is None:
        return tile
    rows_at_once = min(p.m, max(tile.row_block, _MADE_ROWS))
    return tile._replace(row_block=-(-rows_at_once // tile.rows) * tile.rows, panel_block=1)


def _work(
    target: Target, name: str, tile: Tile, p: Product, tensors: tuple[Slot, Slot, Slot],
    ending: Ending, largest: int, source: Source | None, gathering: tuple[int, ...],
    settings: dict[str, Setting], scratch: int,
) -> Work:  # fmt: skip
    panels = -(-p.n // tile.columns)
    size = panel_size(target, p.n, p.k, ending)
    row_blocks, panel_blocks = -(-p.m // tile.row_block), -(-panels // tile.panel_block)
    parts = p.offsets
    if parts is None:
        steps = np.array([p.x_part, panels * size, p.output_part], np.int64)
        parts = np.arange(p.parts, dtype=np.int64)[:, None] * steps
    made = kernel(
        "gemm_int16." + name, rows=tile.rows, vectors=tile.vectors, tail=tile.tail,
        masked=tile.masked, chains=tile.chains, rounding=ending.rounding, halves=ending.halves,
        makes="" if source is None else "turned" if source.turned else "plain", **settings,
    )  # fmt: skip
    scratch += tile.row_block * ENTRY
    making: tuple[Slot, ...] = ()
    if source is not None:
        making = source.constants, p.k, source.row, scratch
        scratch += size
    slots: tuple[Slot, ...] = (
        *tensors, parts, p.m, p.n, dot_of(in_words(target)).groups(p.k), p.x_row,
        p.output_row, size, tile.row_block, row_blocks, tile.panel_block, panel_blocks,
        *gathering, 0, ending.low, ending.high, safe_words(target, largest), *making,
    )  # fmt: skip
    tiles = math.prod((p.parts, row_blocks, panel_blocks))
    return Work(made, slots, tiles, scratch)
