"""Convolutions of float32 with filters that no constant holds."""

from __future__ import annotations

from math import prod

import numpy as np

from pytflite.jit.lowering.copying import Copy, plain_copy, strides_of
from pytflite.jit.lowering.products import Ending, windows_work
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.lowering.tiles import Product
from pytflite.jit.lowering.transposed import Phase
from pytflite.jit.work import At, Slot, Work
from pytflite.model.dtypes import FLOAT32
from pytflite.ops.activation import bounds
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.layer import Taps
from pytflite.plan.plan import Step

_ITEM = 4


def windows_of_run_time(
    step: Step, to: Lowering, windows: Windows, ending: Ending | None
) -> Lowered:
    """Windows times filters that no constant holds."""
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    batch, *_, channels = x.static
    filters, *_, depth = weights.static
    _, h, w = windows
    if depth != channels or ending is not None:
        return "the filter or the bias is computed at run time"
    there = len(step.inputs) > 2 and step.input_specs[2] is not None
    k = weights.size // max(filters, 1)
    p = Product(batch * h.output * w.output, filters, k, channels * _ITEM, filters * _ITEM)
    tensors = to.input(step, 0), to.input(step, 1), to.output(step)
    bias = to.input(step, 2) if there else None
    line = w.output * filters * _ITEM
    places = h.output * line, line, filters * _ITEM
    limits = Ending(bounds(step.node))
    return [windows_work(to.target, p, (h, w), channels * _ITEM, places, tensors, bias, limits)]


def taps_of_run_time(step: Step, to: Lowering, seen: Taps) -> tuple[list[Work], At]:
    """A bias and the filters of taps that are seen, in rows of a room: one of them is computed."""
    weights = step.input_specs[1]
    bias = step.input_specs[2] if len(step.inputs) > 2 else None
    assert weights is not None
    width, filters = weights.static[2:]
    _, rows, columns = seen
    sizes = len(rows), len(columns), filters
    place = to.room(step, (1 + sizes[0] * sizes[1]) * filters * _ITEM)
    start = np.zeros(filters, np.float32) if bias is None else to.input(step, 2)
    begins = Copy((filters,), (1,), (1,))
    taps = Copy(
        sizes, (width * filters, filters, 1), (sizes[1] * filters, filters, 1),
        (rows.start * width + columns.start) * filters, filters,
    )  # fmt: skip
    return [
        *plain_copy(start, place, begins, FLOAT32),
        *plain_copy(to.input(step, 1), place, taps, FLOAT32),
    ], place


def phases_of_run_time(step: Step, to: Lowering, phases: list[Phase]) -> Lowered:
    """For each phase of TRANSPOSE_CONV, the taps that its pixels see are taken from the filter."""
    weights, x = step.input_specs[1], step.input_specs[2]
    assert weights is not None and x is not None
    filters, height, width, channels = weights.static
    biased = len(step.inputs) > 3 and step.input_specs[3] is not None
    pixel, output = filters * _ITEM, to.output(step)
    works: list[Work] = []
    for phase in phases:
        pixels = len(phase.taps)
        k = channels * prod(map(len, phase.taps[0]))
        n = pixels * filters
        room = to.room(step, n * k * _ITEM)
        for number, (down, across) in enumerate(phase.taps):
            sizes = filters, len(down), len(across), channels
            line = width * channels
            taken = Copy(
                sizes, (height * line, down.step * line, across.step * channels, 1),
                strides_of(sizes), down.start * line + across.start * channels,
                number * filters * k,
            )  # fmt: skip
            works += plain_copy(to.input(step, 1), room, taken, FLOAT32)
        bias: Slot = None
        if biased:
            bias = to.room(step, n * _ITEM)
            copy = Copy((pixels, filters), (0, 1), (filters, 1))
            works += plain_copy(to.input(step, 3), bias, copy, FLOAT32)
        p = Product(x.static[0] * phase.outputs, n, k, 0, pixel)
        place = At(output.tensor, output.offset + phase.first * pixel)
        image, line, each = (n * pixel for n in phase.steps)
        work = windows_work(
            to.target, p, phase.windows[1:], channels * _ITEM, (image, line, each),
            (to.input(step, 2), room, place), bias, Ending(bounds(step.node)),
        )  # fmt: skip
        works.append(work)
    return works
