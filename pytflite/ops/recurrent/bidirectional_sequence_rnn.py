"""BIDIRECTIONAL_SEQUENCE_RNN: two recurrent cells, one from either end of a sequence.

    forward    h' = activation(W x[t] + V y[t] + R h + b)      t = 0, 1, ...
    backward   the same with weights and state of its own,     t = last, last - 1, ...

x [batch, time, depth], or [time, batch, depth] with `time_major`. Outputs: each cell's h' as
[batch, time, units] (time first likewise), or with `merge_outputs` one tensor of both behind each
other. Inputs: x; W, R, b, h of the forward cell; those of the backward cell; then, any of which may
be left out, y, and V of either cell. y without V is what the backward cell takes instead of x.
The states h [batch, units] are variable tensors.

FLOAT32, or FLOAT32 with INT8 (UINT8) weights: rnn_cell.py. With integer weights and time first,
LiteRT goes through the sequence as often as it has steps, each time with the state that the last
one left; so do we.
Source: BIDIRECTIONAL_SEQUENCE_RNN (kernels/bidirectional_sequence_rnn.cc). It finds y[t] only if y
is as deep as x, and if the batch comes first the backward cell always takes x.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytflite.errors import ModelError
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.recurrent.rnn import Axes, axes_of, by_time, size_at
from pytflite.ops.recurrent.rnn_cell import (
    Layout,
    Pass,
    check_cell,
    check_shape,
    macs,
    prepare_pass,
)
from pytflite.ops.recurrent.steps import check_steps
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

FORWARD, BACKWARD = Layout(1, 2, 3, 4, 10), Layout(5, 6, 7, 8, 11)
_AUXILIARY = 9


class Taken(NamedTuple):
    """Which inputs the cells take: numbers, two if there is a V."""

    forward: tuple[int, ...]
    backward: tuple[int, ...]


def inputs_taken(node: Node, inputs: Sequence[Spec | None]) -> Taken:
    """Which these are.

    Raises:
        ModelError: an auxiliary input does not go with its weights.
    """
    y, *both = (inputs[n] if n < len(inputs) else None for n in (_AUXILIARY, 10, 11))
    weights = [v is not None for v in both]
    if weights[0] != weights[1] or (weights[0] and y is None):
        raise node.error(
            ModelError,
            "auxiliary input and weights do not go together",
            code="op.arity",
            expected="weights of both cells with an auxiliary input, or of none",
            found=f"auxiliary input {y is not None}, weights {weights}",
        )
    if weights[0]:
        return Taken((0, _AUXILIARY), (0, _AUXILIARY))
    return Taken((0,), (0,) if y is None else (_AUXILIARY,))


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """One output of each cell, or both in one."""
    x = inputs[0]
    assert x is not None
    if len(node.outputs) != (1 if node.options.merge_outputs else 2):
        raise node.error(
            ModelError,
            "the number of outputs does not go with merge_outputs",
            code="op.arity",
            expected=1 if node.options.merge_outputs else 2,
            found=len(node.outputs),
        )
    axes = axes_of(node, inputs, sequence=True)
    taken = inputs_taken(node, inputs)
    if len(inputs) > _AUXILIARY and inputs[_AUXILIARY] is not None:
        check_shape(node, inputs, _AUXILIARY, (*(x.shape or (None,) * 3)[:2], None))
    batch = size_at(x, axes.batch)
    units = []
    for layout, numbers in ((FORWARD, taken.forward), (BACKWARD, taken.backward)):
        depths = [size_at(s, -1) for n in numbers if (s := inputs[n]) is not None]
        units.append(check_cell(node, inputs, layout, batch, depths))
    lead = (None, None) if x.shape is None else x.shape[:2]
    if not node.options.merge_outputs:
        return tuple(node.output(i, (*lead, n)) for i, n in enumerate(units))
    both = None if None in units else sum(n for n in units if n is not None)
    return (node.output(0, (*lead, both)),)


class P(NamedTuple):
    """The cells, the inputs that each takes, the axes of x, and how often it all runs."""

    forward: Pass
    backward: Pass
    taken: Taken
    axes: Axes
    merged: bool
    units: int
    passes: int


def passes_of(node: Node, inputs: Sequence[Spec | None]) -> int:
    """How often the sequence is run through: see above."""
    x, weights = inputs[0], inputs[FORWARD.weights]
    assert x is not None and weights is not None
    if weights.dtype.is_float or not node.options.time_major:
        return 1
    return x.static[0]


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Both cells, ready."""
    x, state = inputs[0], inputs[FORWARD.state]
    assert x is not None and state is not None
    axes = axes_of(node, inputs, sequence=True)
    time = x.static[0 if node.options.time_major else 1]
    return P(
        prepare_pass(node, inputs, FORWARD, time),
        prepare_pass(node, inputs, BACKWARD, time, backwards=True),
        inputs_taken(node, inputs),
        axes,
        bool(node.options.merge_outputs),
        state.static[1],
        passes_of(node, inputs),
    )


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """One cell after the other."""
    if p.passes > 1:
        # Of all passes: they grow with the square of the sequence.
        check_steps(p.passes * len(by_time(inputs[0], p.axes)), run)
    out = [by_time(o, p.axes) for o in outputs]
    if p.merged:
        out = [out[0][..., : p.units], out[0][..., p.units :]]
    cells = (p.forward, p.taken.forward, out[0]), (p.backward, p.taken.backward, out[1])
    for cell, numbers, place in cells:
        cell.run(inputs, [by_time(inputs[n], p.axes) for n in numbers], place, run, passes=p.passes)


def scratch(p: P) -> int:
    """Bytes of working memory."""
    return max(p.forward.scratch, p.backward.scratch)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Every step takes all weights."""
    x = inputs[0]
    assert x is not None
    steps = x.static[0 if node.options.time_major else 1] * passes_of(node, inputs)
    work = sum(macs(inputs, layout, steps) for layout in (FORWARD, BACKWARD))
    return Cost.of(work, inputs, outputs)


_CELL = "W, W, FLOAT32, FLOAT32"
_ROW = f"FLOAT32, {_CELL}, {_CELL}, FLOAT32?, W?, W?"

define(
    "BIDIRECTIONAL_SEQUENCE_RNN",
    module=__name__,
    options="BidirectionalSequenceRNNOptions",
    signature=Signature(
        f"{_ROW} -> FLOAT32", f"{_ROW} -> FLOAT32, FLOAT32", W="FLOAT32|INT8|UINT8"
    ),
    versions=(1, 3),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    pure=False,
    packs=(*FORWARD.constants, *BACKWARD.constants),
    scratch=scratch,
    tolerance=16,
    examples=(
        # Forward 1, then 3 + 10 * 1; backward 3, then 1 + 10 * 3.
        Example(
            [[[[1.0], [3.0]]], *([[1.0]], [[10.0]], [0.0], [[0.0]]) * 2, None, None, None],
            [[[[1.0, 31.0], [13.0, 3.0]]]],
            {"merge_outputs": True},
            variables=(FORWARD.state, BACKWARD.state),
        ),
    ),
)
