"""Sizes, settings and packed weights of products of 8-bit integers (emit/gemm_int8.py)."""

from __future__ import annotations

import math
from functools import cache
from typing import NamedTuple

import numpy as np

from pytflite.jit.emit import gather, gemm_amx
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.gemm import ENTRY
from pytflite.jit.emit.requantize import column, is_fused, rows
from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.lowering.ahead import ahead
from pytflite.jit.lowering.products import scratch_row
from pytflite.jit.lowering.proof import Range
from pytflite.jit.lowering.requantizing import make_constants, pack_constants
from pytflite.jit.lowering.sums_int8 import Sum
from pytflite.jit.lowering.tiles import (
    Product,
    Tile,
    chains_of,
    columns_of,
    shared_panels,
    shared_rows,
    vectors_of,
)
from pytflite.jit.target import Target
from pytflite.jit.work import Slot, Work
from pytflite.model.graph import Array
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.windows import Window

# Registers and bytes of each -> vectors of a panel's row, and rows with as many sums; and rows of
# one vector each. A product that is not summed at once (madd) takes a register more.
_TILES = {(32, 64): (2, 14, 24), (16, 32): (2, 6, 12), (32, 16): (4, 6, 24), (16, 16): (2, 4, 8)}
_CHAINS = 10  # sums that have to be under way at once
_NEAR = 1 << 15  # bytes of rows beside which a panel stays in the first-level cache ...
_WIDE = 1 << 18  # ... and of rows that wait in the second-level cache while a panel is fetched:
_LARGE = 1 << 18  # so many weights are better read slowly, once, than all for a few rows
_WORK = 1 << 22  # products of a tile
_READ = 1 << 19  # weights of a tile
_SHORT = 4  # vectors that are copied without a loop
_POINT = Window(1, 1, 1)
_STEEP = 0.5  # a multiplier
TOO_STEEP = "its outputs might pass an int32 before they are clamped"


class Ending(NamedTuple):
    """How sums become outputs.

    Attributes:
        rounding: "fixed", "real" or "litert".
        zero_point, low, high: of the output, in its own type.
        output: "int8" or "uint8".
        sum: what is added to the outputs, if anything.
    """

    rounding: str
    zero_point: int
    low: int
    high: int
    output: str
    sum: Sum | None = None

    @property
    def alone(self) -> Ending:
        """Without the sum: what constants depend on."""
        return self._replace(sum=None)

    def stands(self, reals: Array) -> bool:
        """Whether sums times multipliers are int32; but for "litert", the proof looks at that."""
        return self.rounding != "litert" or bool((reals < _STEEP).all())

    @property
    def settings(self) -> dict[str, Setting]:
        """Of the kernel."""
        made: dict[str, Setting] = {
            "rounding": self.rounding, "signed": self.low < self.zero_point, "output": self.output
        }  # fmt: skip
        return made if self.sum is None else made | {"adds": True}

    @property
    def slots(self) -> tuple[int, int, int]:
        """Of the kernel."""
        centre = 128 if self.output == "uint8" else 0
        return self.zero_point - centre, self.low - centre, self.high - centre

    def range(self, target: Target, reach: int) -> Range:
        """For the proof."""
        zero_point, low, high = self.slots
        return Range(reach, zero_point, low, high, is_fused(target))


class Factor(NamedTuple):
    """Weights as the model has them, and what goes with them.

    Attributes:
        weights: [parts, n, k] of int8 or uint8.
        zero: their zero point.
        bias: int64 [parts * n], or None.
        reals: multipliers, [1] or [parts * n].
        x: "int8" or "uint8". x_zero: its zero point.
    """

    weights: Array
    zero: int
    bias: Array | None
    reals: Array
    x: str
    x_zero: int


def in_tiles(target: Target, p: Product) -> bool:
    """Whether a product is worth AMX's tiles, half of whose rows at least it must fill."""
    return target.dot == "amx" and p.m >= gemm_amx.LINES


def tile_of(target: Target, p: Product, *, tiles: bool = False) -> Tile:
    """What suits the sizes; x_row is that of rows in scratch. tiles: they are AMX's."""
    wide, most, few = _TILES[target.registers, target.vector]
    vectors = vectors_of(target, p.n)
    most = few if vectors == 1 else most * wide // vectors
    tall = most if p.m >= 8 * most else _even(p.m, most)
    tall = gemm_amx.ROWS if tiles else tall
    in_pairs = dot_of(target).pairs
    tall += tall % 2 if in_pairs and tall > 1 else 0
    columns = vectors * target.lanes
    chains = chains_of(target, max(tall, 1 + in_pairs), vectors, 2 if in_pairs else 4, _CHAINS)
    budget, work = (_WIDE, 2 * _WORK) if p.n * p.k > _LARGE else (_NEAR, _WORK)
    block = max(tall, min(budget // max(p.x_row, 1), work // max(1, p.k * min(columns, p.n))))
    block = -(-_even(p.m, min(block, shared_rows(p, tall, 1))) // tall) * tall
    panel, count = max(1, p.k * columns), -(-p.n // columns)
    panels = min(_WORK // (block * panel), _READ // panel)
    if p.m > block:  # so that rows are made ready once
        panels = max(panels, 4 * _WORK // (block * panel))
    panels = max(1, min(panels, shared_panels(p, block, count)))
    left = p.n - (count - 1) * columns
    return Tile(
        tall, vectors, columns, -(-left // target.lanes), bool(p.n % target.lanes), chains,
        block, _even(count, panels),
    )  # fmt: skip


def _even(size: int, most: int) -> int:
    """Size of the fewest parts of about equal size, none above `most`."""
    parts = -(-size // max(1, most))
    return -(-size // parts) if parts else 1


def pack(target: Target, factor: Factor, ending: Ending) -> Array:
    """Panels: bytes [parts * panels, panel]."""
    parts, n, _ = factor.weights.shape
    columns = columns_of(target, n)
    count = -(-n // columns)
    constants = _constants(target, factor, ending).reshape(parts * count, -1).view(np.uint8)
    words = words_of(target, _signed(factor.weights), _places(target, n))
    return np.concatenate([constants, words.reshape(parts * count, -1)], axis=1)


@cache
def _places(target: Target, n: int) -> Array:
    """Where the columns stand in their panels."""
    vectors = vectors_of(target, n)
    columns = vectors * target.lanes
    tail = -(-((n - 1) % columns + 1) // target.lanes)
    places = np.arange(-(-n // columns) * columns)
    for first in range(0, places.size, columns):
        used = vectors if first + columns < places.size else tail
        for place in range(columns):
            places[first + column(target, used, place)] = first + place
    return places[:n]


def _signed(weights: Array) -> Array:
    """uint8 as int8, 128 less."""
    return weights if weights.dtype == np.int8 else (weights ^ 128).view(np.int8)


def words_of(target: Target, weights: Array, places: Array) -> Array:
    """[parts, panels, k / group, columns] words of int8 weights [parts, n, k], as bytes.

    Args:
        places: of the n among the columns of all panels.
    """
    parts, n, k = weights.shape
    dot, columns = dot_of(target), columns_of(target, n)
    groups, count = dot.groups(k), -(-n // columns)
    padded = np.zeros((parts, count * columns, groups * dot.group), f"i{dot.width}")
    padded[:, places, :k] = weights
    words = padded.view(f"u{dot.word}").reshape(parts, count, columns, groups)
    return np.ascontiguousarray(words.transpose(0, 1, 3, 2)).view(np.uint8)


def _constants(target: Target, factor: Factor, ending: Ending) -> Array:
    """[parts * panels, rows, columns] of 32 bits."""
    parts, n, _ = factor.weights.shape
    columns = columns_of(target, n)
    x_zero = factor.x_zero + dot_of(target).offset(unsigned=factor.x == "uint8")
    weights = factor.weights.astype(np.float32) - np.float32(factor.zero)
    sums = _totals(weights)
    given = np.zeros(parts * n, np.int64) if factor.bias is None else factor.bias
    low = -128 if factor.x == "int8" else 0
    largest = max(factor.x_zero - low, low + 255 - factor.x_zero)
    bound = _totals(np.abs(weights, out=weights)) * largest + np.abs(given)
    reach = min(int(bound.max(initial=0)), 1 << 31)
    made = make_constants(
        ending.rounding, factor.reals, given - x_zero * sums, ending.range(target, reach)
    )
    places = _places(target, n)

    def of_part(part: int) -> Array:
        own = {name: v[part * n : (part + 1) * n] for name, v in made.items()}
        return pack_constants(ending.rounding, own, columns, places)

    return np.concatenate([of_part(part) for part in range(parts)])


def _totals(weights: Array) -> Array:
    """Sums of whole numbers of 9 bits over the last axis, int64 [parts * n].

    Floats are summed fastest, and exactly: below 2^24 float32 has all whole numbers.
    """
    kind = np.float32 if weights.shape[-1] < 1 << 15 else np.float64
    totals: Array = weights.sum(axis=2, dtype=kind).reshape(-1).astype(np.int64)
    return totals


class Layer(NamedTuple):
    """One product for a Work, but for its rows.

    Attributes:
        x, weights, output: slots.
        kind: "int8" or "uint8", of x. zero: what padding is, the zero point of x.
        weight_zero: zero point of the weights, in their own type; unsigned: that is uint8.
    """

    x: Slot
    weights: Slot
    output: Slot
    kind: str
    zero: int
    weight_zero: int
    unsigned: bool

    @property
    def row_zero(self) -> int:
        """Zero point of the packed weights."""
        return self.weight_zero - 128 * self.unsigned


def product_work(target: Target, p: Product, layer: Layer, ending: Ending) -> Work:
    """Rows of a matrix times packed weights: windows of a point if they have to be gathered."""
    dot = dot_of(target)
    if layer.row_zero or p.k * dot.width != dot.row(p.k) or p.x_row != p.k:
        point = _POINT, _POINT, Window(p.m, p.m, 1)
        places = p.m * p.output_row, p.m * p.output_row, p.output_row
        return convolution_work(target, p, point, p.x_row, places, layer, ending)
    tiles = in_tiles(target, p)
    tile = tile_of(target, p._replace(x_row=p.k * dot.width), tiles=tiles)
    copied = tiles or dot.pairs or bool(dot.change(unsigned=layer.kind == "uint8"))
    row = dot.row(p.k)
    scratch = tile.row_block * row + gather.PAST if copied else 0
    return _work(target, "product", tile, p._replace(x_row=row), layer, ending, (), {}, scratch)


def convolution_work(
    target: Target, p: Product, windows: Windows, pixel: int, places: tuple[int, int, int],
    layer: Layer, ending: Ending,
) -> Work:  # fmt: skip
    """Gathered windows times packed weights.

    Args:
        windows: along depth (a point), height and width.
        pixel: bytes of a pixel of the input.
        places: bytes from image to image of the output, from line to line, from pixel to pixel.
    """
    dot = dot_of(target)
    _, h, w = windows
    taps = h.filter * w.filter
    tap = p.k // taps if taps else 0
    p = p._replace(x_row=scratch_row(dot.row(p.k) + 4 * bool(layer.row_zero)))
    tile = tile_of(target, p, tiles=in_tiles(target, p))
    fill = layer.zero + dot.offset(unsigned=layer.kind == "uint8")
    slots = (
        h.input, w.input, h.output, w.output, h.filter, w.filter, h.stride, w.stride,
        h.dilation, w.dilation, h.before, w.before, pixel, tap, *places, fill,
    )  # fmt: skip
    runs = (w.dilation == 1 and tap == pixel) or w.filter == 1
    read = target.vector // dot.width
    short = -(-tap * w.filter // read) if runs and target.vector == 64 else 0
    settings: dict[str, Setting] = {
        "runs": runs, "sums": bool(layer.row_zero), "short": short if short <= _SHORT else 0
    }  # fmt: skip
    scratch = tile.row_block * p.x_row + gather.PAST
    return _work(target, "convolution", tile, p, layer, ending, slots, settings, scratch)


def _work(
    target: Target, name: str, tile: Tile, p: Product, layer: Layer, ending: Ending,
    gathering: tuple[int, ...], settings: dict[str, Setting], scratch: int,
) -> Work:  # fmt: skip
    dot = dot_of(target)
    groups = -(-p.k // dot.group)
    panels = -(-p.n // tile.columns)
    panel_bytes = (4 * len(rows(ending.rounding)) + dot.groups(p.k) * dot.word) * tile.columns
    row_blocks = -(-p.m // tile.row_block)
    panel_blocks = -(-panels // tile.panel_block)
    parts = p.offsets
    if parts is None:
        steps = np.array([p.x_part, panels * panel_bytes, p.output_part], np.int64)
        parts = np.arange(p.parts, dtype=np.int64)[:, None] * steps
    emitter, fetched = "gemm_amx.", tuple[Slot, ...]()
    if not in_tiles(target, p):
        emitter, settings = "gemm_int8.", settings | {"rows": tile.rows, "chains": tile.chains}
        fetched = ahead(p.m, tile, panel_bytes, groups, dot.word * tile.columns)
    made = kernel(
        emitter + name, vectors=tile.vectors, tail=tile.tail, masked=tile.masked, x=layer.kind,
        **ending.settings, **settings,
    )  # fmt: skip
    slots = (
        layer.x, layer.weights, layer.output, parts, p.m, p.n, groups, p.x_row, p.output_row,
        panel_bytes, tile.row_block, row_blocks, tile.panel_block, panel_blocks, *gathering,
        *fetched, *ending.slots, dot.row(p.k), p.k * dot.width, -layer.row_zero,
        *(ending.sum or ()),
    )  # fmt: skip
    tiles = math.prod((p.parts, row_blocks, panel_blocks))
    return Work(made, slots, tiles, tile.row_block * ENTRY + scratch)
