"""RNN, UNIDIRECTIONAL_SEQUENCE_RNN and BIDIRECTIONAL_SEQUENCE_RNN."""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.recurrent import (
    CONSTANT,
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
from pytflite.jit.work import At, Work
from pytflite.ops.recurrent.bidirectional_sequence_rnn import (
    BACKWARD,
    FORWARD,
    inputs_taken,
    passes_of,
)
from pytflite.ops.recurrent.rnn_cell import SINGLE, Layout, cell_scales
from pytflite.plan.plan import Step


@lowering("RNN", "UNIDIRECTIONAL_SEQUENCE_RNN", stateful=True)
def rnn(step: Step, to: Lowering) -> Lowered:
    """One cell."""
    along = sequences_of(step)
    y = along.way(to.output(step), 4 * step.output_specs[0].static[-1])
    return _cell(step, to, SINGLE, (0,), along, y, 1)


@lowering("BIDIRECTIONAL_SEQUENCE_RNN", stateful=True)
def bidirectional(step: Step, to: Lowering) -> Lowered:
    """Two cells, one after the other."""
    node, inputs = step.node, step.input_specs
    taken, passes = inputs_taken(node, inputs), passes_of(node, inputs)
    units = [s.static[1] for n in (FORWARD, BACKWARD) if (s := inputs[n.state]) is not None]
    works: list[Work] = []
    cells = (FORWARD, taken.forward), (BACKWARD, taken.backward)
    for (layout, numbers), (along, y) in zip(cells, two_ways(step, to, units), strict=True):
        lowered = _cell(step, to, layout, numbers, along, y, passes)
        if isinstance(lowered, str):
            return lowered
        works += lowered
    return works


def _cell(
    step: Step, to: Lowering, layout: Layout, numbers: Sequence[int], along: Sequences, y: Way,
    passes: int,
) -> Lowered:  # fmt: skip
    """One direction, of one input or of two."""
    if no := refused(step, along.batch * along.time * passes, layout.constants):
        return no
    inputs, state = [step.input_specs[n] for n in numbers], step.input_specs[layout.state]
    if any(s is None or s.value is not None for s in inputs):
        return CONSTANT
    assert state is not None
    units = state.static[1]
    if not units:
        return "it has no units"
    scales = cell_scales(step.node, step.input_specs, layout)
    asymmetric = bool(step.node.options.asymmetric_quantize_inputs)
    packs = Packer(step, to, product_kind(scales, asymmetric=asymmetric))
    columns = columns_of(to.target, 1, units)
    matrices = [layout.weights, layout.recurrent]
    second: tuple[At | None, int, int, int] = None, 0, 0, 0
    depths = [s.static[-1] for s in inputs if s is not None]
    ways = [along.way(At(step.inputs[n]), 4 * d) for n, d in zip(numbers, depths, strict=True)]
    if len(numbers) > 1 and layout.auxiliary is not None:
        matrices.append(layout.auxiliary)
        second = *ways[1], depths[1]
    packed = [packs.matrix([n], columns, (scales[n],) if scales else None) for n in matrices]
    *ahead, room = ahead_pieces(to.target, columns, (*depths, units))
    _, *places, end = scratch_places((4 * columns.total, 4 * columns.wide, *ahead))
    slots = (
        *ways[0], *y, along.time, *second, passes, depths[0], units, columns.panels,
        packed[0], packed[2] if second[0] else None, packed[1],
        packs.rows([layout.bias], columns), state_of(step, layout.state), *places, room,
    )  # fmt: skip
    code = kernel(
        "rnn.float32", product=packs.kind, vectors=columns.vectors, second=len(numbers) > 1,
        activation=activation_name(step.node),
    )  # fmt: skip
    return [Work(code, slots, along.batch, end)]
