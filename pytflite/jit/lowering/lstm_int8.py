"""LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM in integers, with gates and cell state of 16 bits."""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.recurrent import (
    Packer,
    Sequences,
    ahead_pieces,
    begin_of,
    columns_of,
    numbers_of,
    refused,
    scratch_places,
    state_of,
)
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.work import At, Work
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import scaling
from pytflite.ops.gemmlowp import logistic_table, tanh_table
from pytflite.ops.integer_gemm import IntegerWeights
from pytflite.ops.recurrent.lstm_integer import HAS_TANH, IntegerCell
from pytflite.ops.recurrent.lstm_scales import integer_cell
from pytflite.ops.recurrent.lstm_weights import SINGLE, Sizes
from pytflite.plan.plan import Step

_SHIFT = 30  # of i * g, at most: the nudge has to be a positive int32


def lower(step: Step, to: Lowering, found: Sizes, along: Sequences) -> Lowered:
    """One cell."""
    if no := refused(step, along.batch * along.time, SINGLE.constants):
        return no
    if len(step.node.intermediates) == 12:
        return "compiled for gates of 16 bits"
    whole = along.time_major
    cell = integer_cell(step.node, step.input_specs, found, whole=whole, packs=_unpacked)
    if cell.exponent + 30 > _SHIFT:
        return "its cell state has too large a scale"
    looks = [] if cell.peephole is None else [p.weights for p in cell.peephole]
    if any(len(rows) > 1 for rows in looks):
        return "its peephole weights differ from row to row"
    gates = columns_of(to.target, len(found.gates), found.units)
    last = columns_of(to.target, 1, found.outputs, gates.vectors)
    products = [
        (cell.x, [SINGLE.x[g] for g in found.gates], gates),
        (cell.h, [SINGLE.h[g] for g in found.gates], gates),
    ]
    if cell.projection is not None:
        products.append((cell.projection, [SINGLE.projection], last))
    packs, matrices, biases = Packer(step, to, "int8"), [], []
    for product, numbers, columns in products:
        matrices.append(packs.matrix(numbers, columns))
        sums = product.weights.matrix.sum(axis=0, dtype=np.int64)
        biases.append(begin_of(to.target, product.bias, sums, columns))
    norms = cell.norm or ()
    rows = [row for part in norms for row in part.weights]
    norm = gates.spread([*rows, *(row for part in norms for row in part.bias)], np.int32)
    limits = np.array([n for part in norms for n in part.limit.reshape(-1)], np.int64)
    peephole = gates.spread([row for rows in looks for row in rows[0]], np.int32)
    projection = (matrices[2], biases[2]) if found.projection else (None, None)
    *ahead, room = ahead_pieces(to.target, gates, (found.depth, gates.wide, found.outputs))
    pieces = (
        4 * gates.total, 4 * max(gates.total, last.total), 4 * gates.wide, gates.wide,
        max(gates.wide, last.total), *ahead,
    )  # fmt: skip
    _, *places, end = scratch_places(pieces)
    squashes = cell.exponent in HAS_TANH
    shift = cell.exponent + 30
    slots = (
        *along.way(At(step.inputs[0]), found.depth), *along.way(to.output(step), found.outputs),
        along.time, found.depth, found.units, found.outputs, gates.wide, gates.panels,
        matrices[0], matrices[1], biases[0],
        state_of(step, SINGLE.state), state_of(step, SINGLE.cell_state),
        biases[1], peephole, norm, limits, *projection, last.panels, _scalings(cell),
        logistic_table(3), tanh_table(3), tanh_table(15 + cell.exponent) if squashes else None,
        (1 << shift) >> 1, shift, cell.cell_clip, cell.projection_clip, cell.hidden_zero,
        cell.zero_point, *places, room,
    )  # fmt: skip
    clipped = "clipped" if cell.projection_clip > 0 else "plain"
    code = kernel(
        "lstm_int8.int8", vectors=gates.vectors, coupled=found.coupled, clips=cell.cell_clip > 0,
        peephole=found.peephole, norm=found.norm, projection=clipped if found.projection else "",
        squashes=squashes,
    )  # fmt: skip
    return [Work(code, slots, along.batch, end)]


def _unpacked(weights: Array, low: int, high: int) -> IntegerWeights:
    """Weights as they are: packing them is for later."""
    return IntegerWeights(weights, np.float32, (), 0)


def _scalings(cell: IntegerCell) -> Array:
    """All scalings, in the kernel's order."""
    found = [cell.x.scale, cell.h.scale, *(p.scale for p in cell.peephole or ())]
    hidden = scaling([cell.hidden.m], [cell.hidden.shift])
    found += [hidden, hidden if cell.projection is None else cell.projection.scale]
    found += [n.scale for n in cell.norm or ()]
    return numbers_of(found)
