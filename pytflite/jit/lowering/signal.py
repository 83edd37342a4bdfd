"""Operators on signals in integers."""

from __future__ import annotations

from math import prod

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.work import Slot, Work
from pytflite.ops.signal.filter_bank_log import BULGE
from pytflite.plan.plan import Step


def _size(step: Step, number: int = 0) -> int:
    spec = step.input_specs[number]
    assert spec is not None
    return spec.size


@lowering("SignalWindow")
def window(step: Step, to: Lowering) -> Lowered:
    """A window is a tile."""
    shift = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    size, weights = _size(step), _size(step, 1)
    slots = (to.input(step, 0), size, to.input(step, 1), weights, to.output(step), size, shift)
    return [Work(kernel("signal.window"), slots, tiles=size // weights)]


@lowering("SignalFftAutoScale")
def auto_scale(step: Step, to: Lowering) -> Lowered:
    """Finds the greatest, then shifts."""
    size = _size(step)
    slots = to.input(step, 0), size, to.output(step), size, to.output(step, 1), 1
    return [Work(kernel("signal.auto_scale"), slots)]


@lowering("SignalEnergy")
def energy(step: Step, to: Lowering) -> Lowered:
    """Squares in a range."""
    first, last = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    size = step.output_specs[0].size
    slots = to.input(step, 0), _size(step), to.output(step), size, first, last
    return [Work(kernel("signal.energy"), slots)]


@lowering("SignalFilterBank")
def filter_bank(step: Step, to: Lowering) -> Lowered:
    """Channels whose tables are known, and so checked."""
    bank = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    if bank is None:
        return RUN_TIME
    factors = bank.factors.view(np.int64)
    tables = bank.bins.astype(np.int32), factors[0], factors[1], bank.ends.astype(np.int64)
    slots: list[Slot] = [to.input(step, 0), _size(step)]
    for table in tables:
        slots += [table, table.size]
    slots += [to.output(step), step.output_specs[0].size]
    return [Work(kernel("signal.filter_bank"), tuple(slots))]


@lowering("SignalFilterBankSquareRoot")
def square_root(step: Step, to: Lowering) -> Lowered:
    """Roots, shifted."""
    size = _size(step)
    slots = to.input(step, 0), size, to.input(step, 1), 1, to.output(step), size
    return [Work(kernel("signal.square_root"), slots)]


@lowering("SignalPCAN")
def pcan(step: Step, to: Lowering) -> Lowered:
    """Channels by their noise."""
    shift = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    slots: list[Slot] = []
    for number in range(3):
        slots += [to.input(step, number), _size(step, number)]
    slots += [to.output(step), step.output_specs[0].size, int(shift)]
    return [Work(kernel("signal.pcan"), tuple(slots))]


@lowering("SignalFilterBankLog")
def log(step: Step, to: Lowering) -> Lowered:
    """By the table of what bulges."""
    shift, scale = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    size = _size(step)
    if scale >= 1 << 31:
        return "compiled for scales of 31 bits"
    slots = to.input(step, 0), size, BULGE, BULGE.size, to.output(step), size, shift, scale
    return [Work(kernel("signal.log"), slots)]


@lowering("SignalRfft")
def rfft(step: Step, to: Lowering) -> Lowered:
    """Rows whose lengths are powers of two."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    if source.dtype.is_float:
        return "compiled for integers"
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs).transform
    if any(stage.radix not in (2, 4) for stage in p.stages):
        return "compiled for lengths that are powers of two"
    rows, wide = prod(target.static[:-1]), str(np.dtype(p.arithmetic.wide))
    radices = np.array([stage.radix for stage in p.stages], np.int64)
    sizes = np.array([stage.size for stage in p.stages], np.int64)
    # For each k: of each part but the first, real and imaginary.
    twiddles = np.concatenate(
        [stage.twiddles[:, 0, 0].transpose(2, 1, 0).reshape(-1) for stage in p.stages]
    )
    twists = np.ascontiguousarray(p.twists[:, 0].T).reshape(-1)
    slots: list[Slot] = [
        to.input(step, 0), rows, source.static[-1], to.output(step), rows, target.static[-1],
    ]  # fmt: skip
    for table in (p.order, radices, sizes, twiddles, twists):
        slots += [table, table.size]
    slots += [p.n // 2, p.n // 2]
    code = kernel("kiss_fft.forward", dtype=str(source.dtype.storage), wide=wide,
                  bits=p.arithmetic.bits)  # fmt: skip
    scratch = 2 * (p.n // 2 * twiddles.itemsize + 64)
    return [Work(code, tuple(slots), tiles=rows, scratch=scratch)]


@lowering("SignalFilterBankSpectralSubtraction")
def spectral_subtraction(step: Step, to: Lowering) -> Lowered:
    """The noise is kept in a cell."""
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    size = _size(step)
    if p.least >= 1 << 63:
        return "compiled for options of 63 bits"
    noise = to.stream(step, p.key, step.output_specs[1])
    slots: list[Slot] = []
    arrays = (to.input(step, 0), noise, p.smoothing, p.rest, to.output(step), to.output(step, 1))
    for array in arrays:
        slots += [array, size]
    slots += [int(p.least), int(p.up), int(p.bits), int(p.clamping)]
    return [Work(kernel("signal.spectral_subtraction"), tuple(slots))]
