"""DEPTHWISE_CONV_2D in float32: tiles of outputs where windows are plain, else pixel by pixel."""

from __future__ import annotations

import numpy as np

from pytflite.jit.emit.depthwise_float32 import Shape
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.packing import zeros
from pytflite.jit.lowering.products import epilogue
from pytflite.jit.lowering.registry import Lowering
from pytflite.jit.target import Target
from pytflite.jit.work import Slot, Work
from pytflite.model.graph import Array
from pytflite.ops.activation import Bounds
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.windows import Window
from pytflite.plan.plan import Step

_ITEM = 4
_WORK = 1 << 16  # products of a tile
_MOST_TAPS = 25  # that are unrolled
_MOST_COLUMNS = 7  # of outputs in registers; fewer than so many are not worth it:
_FEWEST = 3


def depthwise_works(
    step: Step, to: Lowering, windows: Windows, batch: int, channels: int,
    weights: Array, bias: Array | None, positions: tuple[int, ...], limits: Bounds,
) -> list[Work]:  # fmt: skip
    """Work for filters [taps_h, taps_w, filters] of taps that see something."""
    filters = weights.shape[-1]
    windows, weights = lying(to.target, windows, weights, (1,))
    shape = tile_of(to.target, windows, (1,)) if filters == channels else None
    if shape is None:
        return [_general(step, to, windows, batch, channels, weights, bias, positions, limits)]
    _, h, w = windows
    lanes = to.target.lanes
    packed = to.packed(
        step, positions, ("depthwise", lanes, weights.shape), lambda: _pack(weights, bias, lanes)
    )
    bands = -(-h.output // shape.rows)
    total = batch * bands
    each = shape.rows * w.output * channels * h.filter * w.filter
    block = max(1, min(total, _WORK // max(1, each)))
    row, pixel = phases_of(w)[0], channels * _ITEM
    made = kernel(
        "depthwise_float32.tiled", **shape._asdict(), left=row.before,
        right=lacking(row, row.output - 1), single=w.output == shape.columns * w.dilation,
        masked=channels < lanes, clamp=epilogue(limits),
    )  # fmt: skip
    nothing = zeros((shape.seen_w * max(channels, lanes) * w.dilation,))
    slots: tuple[Slot, ...] = (
        to.input(step, 0), packed, to.output(step), nothing, h.input, h.output, w.output, channels,
        w.input * pixel, h.before, h.dilation, w.dilation, bands, total, block,
        *(float(b or 0) for b in limits),
    )  # fmt: skip
    return [Work(made, slots, -(-total // block))]


def tile_of(target: Target, windows: Windows, rows: tuple[int, ...]) -> Shape | None:
    """Outputs in registers, as wide as they and the row allow; None where windows are not plain.

    Args:
        rows: of outputs, numbers that may be chosen, best first.
    """
    _, h, w = windows
    if not 0 < h.filter * w.filter <= _MOST_TAPS or not h.output or w.before < 0:
        return None
    phases = phases_of(w)
    sizes = {phase.output for phase in phases}
    for high in rows if h.output > 1 and h.dilation == 1 else (1,):
        for most in range(min(_MOST_COLUMNS, *sizes), 0, -1):
            columns = -(-min(sizes) // -(-min(sizes) // most))
            shape = Shape(h.filter, w.filter, h.stride, w.stride, high, columns)
            if high * columns + shape.seen_w + 1 > target.registers:
                continue
            single = sizes == {columns}
            if high * columns >= min(_FEWEST, *sizes) and all(
                _covers(phase, columns, single=single) for phase in phases
            ):
                return shape
    return None


def lying(
    target: Target, windows: Windows, weights: Array, rows: tuple[int, ...]
) -> tuple[Windows, Array]:
    """Windows and filters [taps_h, taps_w, filters] as they are; of a column, as of a row.

    They lie in memory alike, but outputs of a row share a tile of registers.
    """
    d, h, w = windows
    column = w.input == w.output == w.filter == 1 and not w.before
    if not column or tile_of(target, (d, w, h), rows) is None:
        return windows, weights
    return (d, w, h), weights.swapaxes(0, 1)


def phases_of(w: Window) -> list[Window]:
    """A dilated row as rows of outputs that see the same columns; an empty one if it is none."""
    d = w.dilation
    if d == 1:
        return [w]
    if w.stride > 1 or w.before % d or w.input != w.output or d > w.output:
        return [w._replace(output=0)]
    sizes = sorted({-(-(w.output - phase) // d) for phase in (0, d - 1)})
    return [Window(size, size, w.filter, before=w.before // d) for size in sizes]


def lacking(w: Window, output: int) -> int:
    """Columns right of the input that an output sees."""
    return max(0, output * w.stride + w.span - w.before - w.input)


def _covers(w: Window, columns: int, *, single: bool) -> bool:
    """Whether only the first tile of so many outputs lacks columns on the left, the last right."""
    if single:
        return w.before < w.filter + (columns - 1) * w.stride
    final = w.output - columns
    ends = [columns - 1, *(start + columns - 1 for start in range(columns, final, columns))]
    before = min(final, columns) * w.stride >= w.before and w.before < w.filter
    return final > 0 and before and not any(lacking(w, end) for end in ends)


def _pack(weights: Array, bias: Array | None, lanes: int) -> Array:
    """[vectors][bias, taps ...][lanes]; the last vector is the last channels."""
    filters = weights.shape[-1]
    taps = weights.reshape(-1, filters)
    rows = np.zeros((1 + taps.shape[0], max(filters, lanes)), np.float32)
    rows[1:, :filters] = taps
    if bias is not None:
        rows[0, :filters] = bias
    starts = [min(n, rows.shape[1] - lanes) for n in range(0, filters, lanes)]
    packed = zeros((len(starts), rows.shape[0], lanes))
    np.stack([rows[:, start : start + lanes] for start in starts], out=packed)
    return packed


def _general(
    step: Step, to: Lowering, windows: Windows, batch: int, channels: int,
    weights: Array, bias: Array | None, positions: tuple[int, ...], limits: Bounds,
) -> Work:  # fmt: skip
    filters = weights.shape[-1]

    def make() -> Array:
        rows = np.zeros((1 + weights.shape[0] * weights.shape[1], filters), np.float32)
        rows[1:] = weights.reshape(-1, filters)
        if bias is not None:
            rows[0] = bias
        return rows

    packed = to.packed(step, positions, ("taps", weights.shape), make)
    return general_work(step, to, windows, (batch, channels, filters), packed, limits)


def general_work(
    step: Step, to: Lowering, windows: Windows, sizes: tuple[int, int, int], taps: Slot,
    limits: Bounds,
) -> Work:  # fmt: skip
    """That of any windows.

    Args:
        sizes: images, channels, filters.
        taps: the bias and the filters of each tap: [1 + taps_h * taps_w, filters].
    """
    _, h, w = windows
    batch, channels, filters = sizes
    clamp = epilogue(limits)
    if filters == channels:
        masked = channels < to.target.lanes
        made = kernel("depthwise_general_float32.general", masked=masked, clamp=clamp)
    else:
        made = kernel("depthwise_general_float32.multiplied", clamp=clamp)
    total = batch * h.output
    each = w.output * filters * h.filter * w.filter
    block = max(1, min(total, _WORK // max(1, each)))
    slots: tuple[Slot, ...] = (
        to.input(step, 0), taps, to.output(step), _taps_inside(h), _taps_inside(w),
        h.input, w.input, channels, filters, h.output, w.output, w.filter, h.stride, w.stride,
        h.dilation, w.dilation, h.before, w.before, total, block, *(float(b or 0) for b in limits),
    )  # fmt: skip
    return Work(made, slots, -(-total // block))


def _taps_inside(window: Window) -> Array:
    """For each output, the first tap inside the input and the one after the last: int64 [., 2]."""
    start = np.arange(window.output, dtype=np.int64) * window.stride - window.before
    first = np.maximum(0, -(start // window.dilation))
    counts = window.counts()
    return np.stack([first, first + counts], 1)
