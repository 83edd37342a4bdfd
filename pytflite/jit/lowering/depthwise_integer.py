"""DEPTHWISE_CONV_2D in integers alone (emit/depthwise_integer.py): of int16, or with long sums."""

from __future__ import annotations

import numpy as np

from pytflite.jit.emit.requantize import rows
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.lowering.requantizing import pack_constants
from pytflite.jit.lowering.requantizing_wide import TOO_LARGE, fits, make_wide_constants
from pytflite.jit.work import Slot, Work
from pytflite.model.graph import Array
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.numbers import Numbers
from pytflite.plan.plan import Step

_WORK = 1 << 16  # products of a tile
_MOST_TAPS = ((1 << 31) - 1) >> 22  # products of 16 and 8 bits that an int32 can sum


def depthwise(
    step: Step, to: Lowering, windows: Windows, seen: object, weights: Array,
    bias: Array | None, numbers: Numbers, rounding: str,
) -> Lowered:  # fmt: skip
    """Filters [taps_h, taps_w, filters], of the taps that are seen (`seen` names them)."""
    spec, output = step.input_specs[0], step.output_specs[0]
    assert spec is not None and numbers.reals is not None
    if not fits(rounding, numbers.reals):
        return TOO_LARGE
    batch, _, _, channels = spec.static
    taps_h, taps_w, filters = weights.shape
    lanes, reals, zero_x = to.target.lanes, numbers.reals, numbers.input_zero
    order = packed_order(channels, filters, lanes)

    def make() -> Array:
        values = weights.astype(np.int32).reshape(-1, filters) - numbers.filter_zero
        given = np.zeros(filters, np.int64) if bias is None else bias.reshape(-1).astype(np.int64)
        given = given - zero_x * values.sum(axis=0, dtype=np.int64)
        made = {
            k: v[order.reshape(-1)] for k, v in make_wide_constants(rounding, reals, given).items()
        }  # fmt: skip
        head = pack_constants(rounding, made, lanes, np.arange(order.size))
        packed = np.empty((len(order), len(rows(rounding)) + len(values), lanes), np.int32)
        packed[:, : head.shape[1]] = head
        packed[:, head.shape[1] :] = values[:, order].transpose(1, 0, 2)
        return packed

    kind = "depthwise integer", seen, weights.shape, rounding, zero_x, reals.tobytes()
    packed = to.packed(step, (1,) if bias is None else (1, 2), kind, make)
    _, h, w = windows
    total = batch * h.output
    block = max(1, min(total, _WORK // max(1, w.output * filters * taps_h * taps_w)))
    zeros = np.full(max(channels, lanes), zero_x, numbers.storage)
    slots: tuple[Slot, ...] = (
        to.input(step, 0), packed, to.output(step), zeros, h.input, w.input, channels, h.output,
        w.output, taps_h, taps_w, h.stride, w.stride, h.dilation, w.dilation, h.before, w.before,
        filters // channels, total, block, numbers.output_zero, numbers.least, numbers.greatest,
    )  # fmt: skip
    multiplied = filters > channels
    made = kernel(
        "depthwise_integer.general", masked=channels < lanes and not multiplied,
        multiplied=multiplied, x=numbers.storage.name, rounding=rounding,
        output=output.dtype.storage.name,
        long=rounding == "wide" and taps_h * taps_w > _MOST_TAPS,
    )  # fmt: skip
    return [Work(made, slots, -(-total // block))]


def packed_order(channels: int, filters: int, lanes: int) -> Array:
    """Filters of each packed vector: int64 [vectors, lanes]; a last one repeats others."""
    each = filters // channels
    if each == 1:
        starts = np.minimum(np.arange(0, filters, lanes), max(filters - lanes, 0))
        return np.minimum(starts[:, None] + np.arange(lanes), filters - 1)
    starts = np.arange(0, each, lanes)[:, None] + np.arange(lanes)
    of_channel = np.minimum(starts, each - 1)
    every: Array = np.arange(channels)[:, None, None] * each + of_channel
    return every.reshape(-1, lanes)
