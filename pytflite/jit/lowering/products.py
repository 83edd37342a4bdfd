"""Sizes and settings of products in float32: how a layer becomes one Work of emit/gemm_float32."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pytflite.jit.emit import gather
from pytflite.jit.emit.bfloat16 import HEAD, LINE, STEP
from pytflite.jit.emit.gemm import DIRECT_ENTRY, ENTRY
from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.lowering.ahead import ahead
from pytflite.jit.lowering.tiles import Product, Tile, tile_of
from pytflite.jit.target import Target
from pytflite.jit.work import Slot, Work
from pytflite.ops.activation import Bounds
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.windows import Window

_ITEM = 4
_LINE = 64
_LEAST_TAP = 64  # bytes of a tap that is worth a segment of its own
_SHORT = 4  # vectors that are copied without a loop
_EPILOGUES: dict[Bounds, str] = {(None, None): "none", (0, None): "low"}
Tensors = tuple[Slot, Slot, Slot]  # x, weights, output


class Ending(NamedTuple):
    """What happens to the sums: bounds; a residual and the bounds after it."""

    limits: Bounds = (None, None)
    residual: Slot = None
    limits_after: Bounds = (None, None)

    @property
    def settings(self) -> dict[str, Setting]:
        """Of the kernel."""
        after = "" if self.residual is None else epilogue(self.limits_after)
        return {"clamp": epilogue(self.limits), "residual": after}

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Of the kernel."""
        bounds = (*self.limits, *self.limits_after)
        return (self.residual, *(0.0 if b is None else float(b) for b in bounds))


def epilogue(limits: Bounds) -> str:
    """Which of the bounds apply, as kernels have it."""
    return _EPILOGUES.get(limits, "both")


def product_work(target: Target, p: Product, tensors: Tensors, ending: Ending) -> Work:
    """Rows of a matrix, as they lie, times packed weights."""
    return _work("product", tile_of(target, p), p, tensors, (), ending, {}, 0)


def convolution_work(
    target: Target, p: Product, windows: Windows, pixel: int, places: tuple[int, int, int],
    tensors: Tensors, ending: Ending,
) -> Work:  # fmt: skip
    """Gathered windows times packed weights.

    Args:
        windows: along depth (a point), height and width.
        pixel: bytes of a pixel of the input.
        places: bytes from image to image of the output, from line to line, from pixel to pixel.
    """
    _, h, w = windows
    taps = h.filter * w.filter
    tap = p.k * _ITEM // taps if taps else 0
    runs = w.filter == 1 or (w.dilation == 1 and tap == pixel)
    by_taps = tap >= _LEAST_TAP and not (p.splits and tap % (_ITEM * STEP))
    near = pixel * h.stride * w.stride if by_taps else scratch_row(p.k * _ITEM)
    tile = tile_of(target, p._replace(x_row=near))
    p = p._replace(x_row=scratch_row(p.k * _ITEM))
    slots: tuple[Slot, ...] = (
        h.input, w.input, h.output, w.output, h.filter, w.filter, h.stride, w.stride,
        h.dilation, w.dilation, h.before, w.before, pixel, tap, *places, 0,
    )  # fmt: skip
    short = -(-w.filter * tap // target.vector)
    if by_taps or not runs or short > _SHORT or target.vector == 16:  # no loads under a mask
        short = 0
    lines = np.arange(h.filter, dtype=np.int64)[:, None] * (h.dilation * w.input * pixel)
    across = 1 if runs and not (by_taps and tile.chains > 1) else w.filter  # rounded alike
    lie = lines + np.arange(across, dtype=np.int64) * (w.dilation * pixel)
    run = p.k // lie.size if lie.size else 0
    follow = np.arange(lie.size, dtype=np.int64) * (run * _ITEM)
    most = taps if by_taps else lie.size
    zeros = np.zeros(tap // _ITEM if by_taps else 0, np.float32)
    slots = *slots, np.concatenate([lie.reshape(-1), follow]), lie.size, run, most, zeros
    settings: dict[str, Setting] = {"runs": runs, "short": short}
    settings["direct" if p.splits else "taps"] = by_taps
    scratch = tile.row_block * (DIRECT_ENTRY + 8 * most - ENTRY) + _LINE
    if not by_taps:
        scratch += tile.row_block * p.x_row + gather.PAST
    return _work("convolution", tile, p, tensors, slots, ending, settings, scratch)


def matrices_work(
    target: Target, p: Product, turned: tuple[bool, bool], rows: tuple[int, int],
    tensors: Tensors, bias: Slot, ending: Ending,
) -> Work:  # fmt: skip
    """A matrix times one that is packed in the run.

    Args:
        turned: whether x is [k, m], and weights [n, k].
        rows: bytes from line to line of x and weights, as they lie.
    """
    if turned[0]:
        p = p._replace(x_row=scratch_row(p.k * _ITEM))
    tile = tile_of(target, p)
    copied = (tile.row_block + target.lanes) * p.x_row if turned[0] else 0
    place = tile.row_block * ENTRY + copied
    place += -place % _LINE
    panel = (p.k + target.lanes) * tile.columns * _ITEM
    settings: dict[str, Setting] = {
        "x_turned": turned[0], "weights_turned": turned[1], "bias": bias is not None
    }  # fmt: skip
    return _work(
        "matrices", tile, p, tensors, (bias, *rows, place), ending,
        settings, place + panel,
    )  # fmt: skip


def windows_work(
    target: Target, p: Product, along: tuple[Window, Window], pixel: int,
    places: tuple[int, int, int], tensors: Tensors, bias: Slot, ending: Ending,
) -> Work:  # fmt: skip
    """Gathered windows times weights [n, k] that are packed in the run.

    Args:
        along: the windows along height and width.
        pixel: bytes of a pixel of the input.
        places: bytes from image to image of the output, from line to line, from pixel to pixel.
    """
    h, w = along
    tap = p.k * _ITEM // max(1, h.filter * w.filter)
    runs = w.filter == 1 or (w.dilation == 1 and tap == pixel)
    p = p._replace(x_row=scratch_row(p.k * _ITEM))
    tile = tile_of(target, p)
    slots: tuple[Slot, ...] = (
        h.input, w.input, h.output, w.output, h.filter, w.filter, h.stride, w.stride,
        h.dilation, w.dilation, h.before, w.before, pixel, tap, *places, 0,
    )  # fmt: skip
    place = tile.row_block * (p.x_row + ENTRY) + gather.PAST
    place += -place % _LINE
    panel = (p.k + target.lanes) * tile.columns * _ITEM
    settings: dict[str, Setting] = {"runs": runs, "short": 0, "bias": bias is not None}
    own = *slots, bias, 0, p.k * _ITEM, place
    scratch = place + panel - tile.row_block * ENTRY
    return _work("windows_of_matrices", tile, p, tensors, own, ending, settings, scratch)


def scratch_row(size: int) -> int:
    """Bytes of a row in scratch: an odd number of lines, so that rows share no cache set."""
    return (-(-size // _LINE) | 1) * _LINE


def _work(
    name: str, tile: Tile, p: Product, tensors: Tensors,
    own: tuple[Slot, ...], ending: Ending, settings: dict[str, Setting], scratch: int,
) -> Work:  # fmt: skip
    panels = -(-p.n // tile.columns)
    panel_bytes = p.panel_bytes(tile.columns)
    row_blocks = -(-p.m // tile.row_block)
    panel_blocks = -(-panels // tile.panel_block)
    parts = p.offsets
    if parts is None:
        steps = np.array([p.x_part, panels * panel_bytes, p.output_part], np.int64)
        parts = np.arange(p.parts, dtype=np.int64)[:, None] * steps
    scratch += tile.row_block * ENTRY
    if p.splits:
        emitter, settings = "gemm_bfloat16.", settings | {"parts": p.splits}
        places, scratch = _split_places(p, tile, scratch)
        own += places
    else:
        emitter, settings = "gemm_float32.", settings | {"rows": tile.rows, "chains": tile.chains}
        if "matrices" not in name:
            own = *own, *ahead(p.m, tile, panel_bytes, p.k)
    made = kernel(
        emitter + name, vectors=tile.vectors, tail=tile.tail, masked=tile.masked,
        **ending.settings, **settings,
    )  # fmt: skip
    slots = (
        *tensors, parts, p.m, p.n, p.k, p.x_row, p.output_row, panel_bytes,
        tile.row_block, row_blocks, tile.panel_block, panel_blocks, *own, *ending.slots,
    )  # fmt: skip
    tiles = math.prod((p.parts, row_blocks, panel_blocks))
    return Work(made, slots, tiles, scratch)


def _split_places(p: Product, tile: Tile, scratch: int) -> tuple[tuple[int, ...], int]:
    """Slots gemm_bfloat16.OWN, and all the scratch that is needed.

    Args:
        scratch: where there is room.
    """
    planes = -(-scratch // _LINE) * _LINE + LINE
    panel = planes + tile.row_block * p.steps * p.splits * LINE
    joined = HEAD + (1 + p.steps * STEP) * tile.columns * _ITEM
    return (p.steps, planes, panel), panel + (joined if p.splits > 1 else 0)
