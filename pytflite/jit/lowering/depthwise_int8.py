"""DEPTHWISE_CONV_2D of int8 and uint8: tiles of outputs where windows are plain."""

from __future__ import annotations

import numpy as np

from pytflite.jit.emit.requantize import rows
from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.lowering import depthwise_integer
from pytflite.jit.lowering.depthwise_float32 import lacking, lying, phases_of, tile_of
from pytflite.jit.lowering.depthwise_integer import packed_order
from pytflite.jit.lowering.products_int8 import Ending
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.lowering.requantizing import make_constants, pack_constants
from pytflite.jit.target import Target
from pytflite.jit.work import Slot, Work
from pytflite.model.graph import Array
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.numbers import Numbers
from pytflite.plan.plan import Step

_WORK = 1 << 17  # products of a tile
_EXACT = 1 << 24


def depthwise(
    step: Step, to: Lowering, windows: Windows, seen: object, weights: Array,
    bias: Array | None, numbers: Numbers, reals: Array, ending: Ending,
) -> Lowered:  # fmt: skip
    """Filters [taps_h, taps_w, filters], of the taps that are seen (`seen` names them)."""
    spec = step.input_specs[0]
    assert spec is not None
    batch, _, _, channels = spec.static
    windows, weights = lying(to.target, windows, weights, (2, 1))
    taps_h, taps_w, filters = weights.shape
    late = _reach(weights, bias, reals, ending) >= _EXACT
    if late and taps_h * taps_w * 255 * 255 >= _EXACT:
        rounding = "nearest" if ending.rounding == "litert" else "narrow"
        return depthwise_integer.depthwise(
            step, to, windows, seen, weights, bias, numbers, rounding
        )  # fmt: skip
    lanes = to.target.lanes
    repeated = _repeated(channels, filters, lanes)
    numbers_of = packed_order(channels * repeated, filters, lanes)

    def make() -> Array:
        return _pack(to.target, weights, bias, numbers, reals, ending, numbers_of, late=late)

    kind = ("depthwise int8", seen, weights.shape, ending, numbers.input_zero, reals.tobytes())
    positions = (1,) if bias is None else (1, 2)
    packed = to.packed(step, positions, kind, make)
    settings: dict[str, Setting] = {**ending.settings, "x": numbers.storage.name, "late": late}
    place = to.input(step, 0), packed, to.output(step)
    _, h, w = windows
    shape = tile_of(to.target, windows, (2, 1)) if filters == channels else None
    if shape is None:
        total = batch * h.output
        block = _block(total, w.output * filters * taps_h * taps_w)
        zeros = np.full(max(channels, lanes), numbers.input_zero, numbers.storage)
        slots: tuple[Slot, ...] = (
            *place, zeros, h.input, w.input, channels, h.output, w.output, taps_h, taps_w,
            h.stride, w.stride, h.dilation, w.dilation, h.before, w.before,
            filters // channels, total, block, *ending.slots,
        )  # fmt: skip
        multiplied = filters > channels
        settings.update(
            multiplied=multiplied, repeated=repeated, masked=channels < lanes and not multiplied
        )
        return [
            Work(kernel("depthwise_general_int8.general", **settings), slots, -(-total // block))
        ]
    bands = -(-h.output // shape.rows)
    total = batch * bands
    block = _block(total, shape.rows * w.output * channels * taps_h * taps_w)
    row = phases_of(w)[0]
    made = kernel(
        "depthwise_int8.tiled", **shape._asdict(), left=row.before,
        right=lacking(row, row.output - 1), single=w.output == shape.columns * w.dilation,
        masked=channels < lanes, **settings,
    )  # fmt: skip
    zeros = np.full(
        shape.seen_w * max(channels, lanes) * w.dilation, numbers.input_zero, numbers.storage
    )
    slots = (
        *place, zeros, h.input, h.output, w.output, channels, w.input * channels, h.before,
        h.dilation, w.dilation, bands, total, block, float(numbers.input_zero), *ending.slots,
    )  # fmt: skip
    return [Work(made, slots, -(-total // block))]


def _repeated(channels: int, filters: int, lanes: int) -> int:
    """Filters of a channel, if they are few and a vector holds those of several channels; or 1."""
    each = filters // max(channels, 1)
    fits = 1 < each < lanes and lanes % each == 0 and filters >= lanes
    return each if fits else 1


def _block(total: int, each: int) -> int:
    """Bands or rows of a tile."""
    return max(1, min(total, _WORK // max(1, each)))


def _reach(weights: Array, bias: Array | None, reals: Array, ending: Ending) -> int:
    """What no sum passes on its way: products of any 8 bits, bias, and the way to the middle."""
    zero_point = ending.slots[0]
    with np.errstate(all="ignore"):
        middle = float(np.abs(zero_point / reals).max(initial=0))
    if not middle < _EXACT:
        return _EXACT
    largest = 0 if bias is None else int(np.abs(bias.astype(np.int64)).max(initial=0))
    taps = int(weights.shape[0] * weights.shape[1])
    return 2 * taps * 255 * 255 + largest + int(middle)


def _pack(
    target: Target, weights: Array, bias: Array | None, numbers: Numbers, reals: Array,
    ending: Ending, order: Array, *, late: bool,
) -> Array:  # fmt: skip
    """[vectors][constants, taps ...][lanes] of 32 bits."""
    lanes = target.lanes
    values = weights.astype(np.int32).reshape(-1, weights.shape[-1]) - numbers.filter_zero
    given = np.zeros(weights.shape[-1], np.int64) if bias is None else bias.astype(np.int64)
    largest = max(numbers.input_zero - numbers.low, numbers.high - numbers.input_zero)
    reach = int((np.abs(values).sum(axis=0) * largest + np.abs(given)).max(initial=0))
    given = given - numbers.input_zero * values.sum(axis=0)
    made = make_constants(
        ending.rounding, reals, given, ending.range(target, min(reach, 1 << 31))
    )  # fmt: skip
    for name in ("bias", "origin"):
        if name in made and not late:
            made[name] = made[name].astype(np.float32)
    flat = order.reshape(-1)
    constants = pack_constants(
        ending.rounding, {name: row[flat] for name, row in made.items()}, lanes,
        np.arange(flat.size),
    )  # fmt: skip
    packed = np.empty((len(order), len(rows(ending.rounding)) + len(values), lanes), np.int32)
    packed[:, : constants.shape[1]] = constants
    taps = values.astype(np.float32)[:, order].transpose(1, 0, 2)
    packed[:, constants.shape[1] :] = np.ascontiguousarray(taps).view(np.int32)
    return packed
