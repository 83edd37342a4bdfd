"""LSTM operators of float input, by weights of floats or of 8 bits; those of integers are in
lstm_int8.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytflite.format.schema import LSTMKernelType
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering import lstm_basic, lstm_int8
from pytflite.jit.lowering.recurrent import (
    CONSTANT,
    Columns,
    Packer,
    Sequences,
    Way,
    activation_name,
    ahead_pieces,
    columns_of,
    product_kind,
    refused,
    scratch_places,
    sequences_of,
    state_of,
    two_ways,
)
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import At, Packed, Work
from pytflite.model.dtypes import INT8
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
        return lstm_basic.lower(step, to)
    if x.value is not None:
        return CONSTANT
    along = sequences_of(step)
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
    twofold = step.input_specs[FORWARD.auxiliary[FORGET]] is not None
    depth = second.static[2] if second is not None and twofold else 0
    batch = sequences_of(step).batch
    cells = [
        sizes(step.node, step.input_specs, layout, batch, x.static[2], depth)
        for layout in (FORWARD, BACKWARD)
    ]
    ways = two_ways(step, to, [c.outputs for c in cells])
    works: list[Work] = []
    for layout, found, (along, y) in zip((FORWARD, BACKWARD), cells, ways, strict=True):
        replaced = layout is BACKWARD and second is not None and not twofold
        places = Places(
            along.way(At(step.inputs[_AUXILIARY if replaced else 0]), 4 * found.depth),
            along.way(At(step.inputs[_AUXILIARY]), 4 * depth) if twofold else None,
            y,
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
    if no := refused(step, along.batch * along.time, layout.constants):
        return no
    if found.diagonal:
        return "compiled for whole recurrent matrices"
    made = recipe(step.node, step.input_specs, layout, found)
    gates = columns_of(to.target, len(found.gates), found.units)
    last = columns_of(to.target, 1, found.outputs, gates.vectors)
    cell = _Constants(step, to, made)
    wide = gates.wide
    depths = found.depth, found.auxiliary, wide, found.outputs
    *ahead, room = ahead_pieces(to.target, gates, depths)
    pieces = 4 * gates.total, 4 * wide, 4 * wide, 4 * max(wide, last.total), *ahead
    _, *rest, end = scratch_places(pieces)
    slots = (
        *places.x, *places.y, along.time, found.depth, found.units, found.outputs, wide,
        gates.panels, cell.gates(layout.x, gates), cell.gates(layout.h, gates), cell.bias(gates),
        state_of(step, layout.state), state_of(step, layout.cell_state),
        *(places.second or (None, 0, 0)), found.auxiliary, cell.gates(layout.auxiliary, gates),
        cell.peephole(gates), cell.norm(gates), *cell.projection(last), last.panels,
        made.cell_clip, made.projection_clip, *rest, room,
    )  # fmt: skip
    clipped = "clipped" if made.projection_clip > 0 else "plain"
    code = kernel(
        "lstm.float32", product=cell.kind, vectors=gates.vectors,
        activation=activation_name(step.node), coupled=found.coupled, clips=made.cell_clip > 0,
        second=bool(found.auxiliary), peephole=found.peephole, norm=found.norm,
        projection=clipped if found.projection else "",
    )  # fmt: skip
    return [Work(code, slots, along.batch, end)]


class _Constants:
    """A cell's constants, packed; None where it has none."""

    def __init__(self, step: Step, to: Lowering, made: FloatRecipe) -> None:
        self.packs = Packer(step, to, product_kind(made.scales, asymmetric=made.asymmetric))
        self.kind = self.packs.kind
        self.made = made
        self.layout = made.layout

    def gates(self, numbers: Sequence[int], columns: Columns) -> Packed | None:
        """Matrices of those gates that have any."""
        if not numbers or (numbers == self.layout.auxiliary and not self.made.sizes.auxiliary):
            return None
        own = [numbers[g] for g in self.made.sizes.gates]
        return self.packs.matrix(own, columns, self._scales(own))

    def projection(self, columns: Columns) -> tuple[Packed | None, Packed | None]:
        """The matrix, and its bias: zeros if it has none."""
        if not self.made.sizes.projection:
            return None, None
        number, bias = self.layout.projection, self.layout.projection_bias
        given = [bias] if self.packs.step.input_specs[bias] is not None else []
        return (
            self.packs.matrix([number], columns, self._scales([number])),
            self.packs.rows(given, columns),
        )

    def bias(self, columns: Columns) -> Packed:
        """What the gates begin with: zeros if they are normalised."""
        biases = [self.layout.bias[g] for g in self.made.sizes.gates]
        return self.packs.rows([] if self.made.sizes.norm else biases, columns)

    def norm(self, columns: Columns) -> Packed | None:
        """Coefficients of all gates, then biases."""
        if not self.made.sizes.norm:
            return None
        kinds = self.layout.norm, self.layout.bias
        return self.packs.rows([k[g] for k in kinds for g in self.made.sizes.gates], columns)

    def peephole(self, columns: Columns) -> Packed | None:
        """Of all gates that look."""
        if not self.made.sizes.peephole:
            return None
        numbers = [number for _, number in self.layout.looks(self.made.sizes.gates)]
        return self.packs.rows(numbers, columns, self._scales(numbers))

    def _scales(self, numbers: Sequence[int]) -> tuple[float, ...] | None:
        return tuple(self.made.scales[n] for n in numbers) if self.made.scales else None
