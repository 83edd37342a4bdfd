"""LSTM operators of float input, by weights of floats or of 8 bits; those of integers are in
lstm_int8.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.format.schema import LSTMKernelType
from pytflite.jit.emit.matvec import room_bytes
from pytflite.jit.kernel import At, Packed, Work, kernel
from pytflite.jit.lowering import lstm_int8
from pytflite.jit.lowering.recurrent import (
    COMPUTED,
    CONSTANT,
    Columns,
    Sequences,
    Way,
    activation_name,
    columns_of,
    pack,
    refused,
    scratch_places,
    state_of,
    values_of,
)
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.model.dtypes import INT8
from pytflite.model.graph import Array
from pytflite.ops.recurrent.lstm_assembly import FloatRecipe, recipe
from pytflite.ops.recurrent.lstm_weights import (
    BACKWARD,
    FORGET,
    FORWARD,
    SINGLE,
    Layout,
    Sizes,
    sizes,
)
from pytflite.plan.plan import Step

_AUXILIARY = 39  # of BIDIRECTIONAL_SEQUENCE_LSTM


@lowering("UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", stateful=True)
def lstm(step: Step, to: Lowering) -> Lowered:
    """One cell."""
    options, x = step.node.options, step.input_specs[0]
    assert x is not None
    if step.node.name == "LSTM" and int(options.kernel_type) != LSTMKernelType.FULL:
        return "compiled for the full cell"
    if x.value is not None:
        return CONSTANT
    if x.rank == 3:
        batch, time = x.static[:2] if not options.time_major else x.static[1::-1]
        along = Sequences(batch, time, bool(options.time_major))
    else:
        along = Sequences(x.static[0], 1, time_major=True)
    found = sizes(step.node, step.input_specs, SINGLE, along.batch, x.static[-1])
    if x.dtype is INT8:
        return lstm_int8.lower(step, to, found, along)
    places = Places(
        along.way(At(step.inputs[0]), 4 * found.depth), None,
        along.way(to.output(step), 4 * found.outputs),
    )  # fmt: skip
    return _cell(step, to, SINGLE, found, along, places)


@lowering("BIDIRECTIONAL_SEQUENCE_LSTM", stateful=True)
def bidirectional(step: Step, to: Lowering) -> Lowered:
    """Two cells, one after the other."""
    x, second = step.input_specs[0], step.input_specs[_AUXILIARY]
    assert x is not None
    if x.value is not None or (second is not None and second.value is not None):
        return CONSTANT
    options, shape = step.node.options, x.static
    batch, time = shape[1::-1] if options.time_major else shape[:2]
    twofold = step.input_specs[FORWARD.auxiliary[FORGET]] is not None
    depth = second.static[2] if second is not None and twofold else 0
    cells = [
        sizes(step.node, step.input_specs, layout, batch, shape[2], depth)
        for layout in (FORWARD, BACKWARD)
    ]
    whole = 4 * sum(c.outputs for c in cells) if options.merge_outputs else 0
    works: list[Work] = []
    for number, (layout, found) in enumerate(zip((FORWARD, BACKWARD), cells, strict=True)):
        along = Sequences(batch, time, bool(options.time_major), backwards=bool(number))
        replaced = bool(number) and second is not None and not twofold
        out = to.output(step, 0 if whole else number)
        if whole and number:
            out = At(out.tensor, out.offset + 4 * cells[0].outputs)
        places = Places(
            along.way(At(step.inputs[_AUXILIARY if replaced else 0]), 4 * found.depth),
            along.way(At(step.inputs[_AUXILIARY]), 4 * depth) if twofold else None,
            along.way(out, 4 * found.outputs, whole),
        )
        lowered = _cell(step, to, layout, found, along, places)
        if isinstance(lowered, str):
            return lowered
        works += lowered
    return works


class Places(NamedTuple):
    """Where the input, the second one if there is any, and the output are."""

    x: Way
    second: Way | None
    y: Way


def _cell(
    step: Step, to: Lowering, layout: Layout, found: Sizes, along: Sequences, places: Places
) -> Lowered:
    """One direction."""
    if no := refused(step, along.batch * along.time):
        return no
    if found.diagonal:
        return "compiled for whole recurrent matrices"
    made = recipe(step.node, step.input_specs, layout, found)
    hybrid = bool(made.scales)
    kind = ("asymmetric" if made.asymmetric else "symmetric") if hybrid else "float32"
    weights = _Weights(step, to, made, kind)
    matrices = [layout.x, layout.h, *([layout.auxiliary] if found.auxiliary else [])]
    gates = columns_of(to.target, len(found.gates), found.units)
    last = columns_of(to.target, 1, found.outputs, gates.vectors)
    packed = [weights.matrix([m[g] for g in found.gates], gates) for m in matrices]
    of_biases = [layout.bias[g] for g in found.gates]
    of_norm = [layout.norm[g] for g in found.gates] if found.norm else []
    looks = [number for _, number in layout.looks(found.gates)] if found.peephole else []
    rows = {"bias": [] if found.norm else of_biases, "norm": of_norm + of_biases * found.norm}
    projection, offset = None, None
    if found.projection:
        projection = weights.matrix([layout.projection], last)
        given = step.input_specs[layout.projection_bias] is not None
        offset = weights.rows([layout.projection_bias] * given, last)
    vectors = {name: weights.rows(numbers, gates) for name, numbers in rows.items()}
    peephole = weights.rows(looks, gates)
    if None in (*packed, *vectors.values(), peephole, offset if projection else peephole):
        return COMPUTED
    wide = gates.wide
    pieces = (
        4 * gates.total, 4 * wide, 4 * wide, 4 * max(wide, last.total),
        max(room_bytes(to.target, n) for n in (found.depth, found.auxiliary, wide, found.outputs)),
    )  # fmt: skip
    _, c, shown, h, room, end = scratch_places(pieces)
    second = places.second or Way(places.x.tensor, 0, 0)
    slots = (
        *places.x, *places.y, along.time, found.depth, found.units, found.outputs, wide,
        gates.panels, packed[0], packed[1], vectors["bias"],
        state_of(step, layout.state), state_of(step, layout.cell_state),
        *second, found.auxiliary, packed[2] if found.auxiliary else None,
        peephole, vectors["norm"], projection, offset, last.panels,
        made.cell_clip, made.projection_clip, c, shown, h, room,
    )  # fmt: skip
    clipped = "clipped" if made.projection_clip > 0 else "plain"
    code = kernel(
        "lstm.float32", product=kind, vectors=gates.vectors, activation=activation_name(step.node),
        coupled=found.coupled, clips=made.cell_clip > 0, second=bool(found.auxiliary),
        peephole=found.peephole, norm=found.norm, projection=clipped if found.projection else "",
    )  # fmt: skip
    return [Work(code, slots, along.batch, end)]


class _Weights:
    """Packs a cell's constants."""

    def __init__(self, step: Step, to: Lowering, made: FloatRecipe, kind: str) -> None:
        self.step = step
        self.to = to
        self.scales = made.scales
        self.kind = kind

    def matrix(self, numbers: Sequence[int], columns: Columns) -> Packed | None:
        """Matrices of gates; None if they are computed."""
        values = values_of(self.step, numbers)
        if values is None:
            return None
        parts = [v.view(np.int8) if v.itemsize == 1 else v for v in values]
        scales = tuple(self.scales[n] for n in numbers) if self.scales else None
        kind = "matvec", self.kind, columns, scales

        def make() -> Array:
            return pack(self.to.target, self.kind, parts, columns, scales)

        return self.to.packed(self.step, numbers, kind, make)

    def rows(self, numbers: Sequence[int], columns: Columns) -> Packed | None:
        """A number for each unit of each gate; zeros if there are no inputs."""
        values = values_of(self.step, numbers)
        if values is None:
            return None
        scales = tuple(self.scales.get(n) for n in numbers)

        def make() -> Array:
            reals = [_real(v, s) for v, s in zip(values, scales, strict=True)]
            return columns.spread(reals, np.float32)

        return self.to.packed(self.step, numbers, ("rows", columns, scales), make)


def _real(value: Array, scale: float | None) -> Array:
    """A vector as float32, as FloatRecipe makes it."""
    if scale is None:
        return value
    real: Array = np.float32(scale) * value.view(np.int8).astype(np.float32)
    return real
