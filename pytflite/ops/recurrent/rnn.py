"""RNN and UNIDIRECTIONAL_SEQUENCE_RNN: a simple recurrent cell, for one step or a sequence.

    h' = activation(W x + R h + b);   output = h', or in a sequence each h'

RNN: x [batch, depth], output [batch, units]. UNIDIRECTIONAL_SEQUENCE_RNN: x [batch, time, depth],
output [batch, time, units]; with `time_major` [time, batch, ...]. Inputs: x; W [units, depth];
R [units, units]; b [units]; h [batch, units], a variable tensor that keeps the last state.

FLOAT32, or FLOAT32 with INT8 (UINT8) weights of one scale, against which x and h are quantised row
by row: rnn_cell.py.
Source: RNN (kernels/basic_rnn.cc), UNIDIRECTIONAL_SEQUENCE_RNN
(kernels/unidirectional_sequence_rnn.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pytflite.errors import ShapeError
from pytflite.model.graph import Array
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.recurrent.rnn_cell import SINGLE, Pass, check_cell, macs, prepare_pass
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


class Axes(NamedTuple):
    """Where x and the output have time and batch; time: None where there is one step."""

    time: int | None
    batch: int


def axes_of(node: Node, inputs: Sequence[Spec | None], *, sequence: bool) -> Axes:
    """The axes of input 0.

    Raises:
        ShapeError: it has another rank.
    """
    x = inputs[0]
    assert x is not None
    rank = 3 if sequence else 2
    if x.shape is not None and len(x.shape) != rank:
        raise node.error(
            ShapeError,
            "the input has the wrong rank",
            tensor=0,
            expected="[batch, time, depth], or time first" if sequence else "[batch, depth]",
            found=f"shape {list(x.shape)}",
        )
    if not sequence:
        return Axes(None, 0)
    return Axes(0, 1) if node.options.time_major else Axes(1, 0)


def size_at(spec: Spec, axis: int) -> int | None:
    """A size, if it is known."""
    return None if spec.shape is None else spec.shape[axis]


def by_time(x: Array, axes: Axes) -> Array:
    """A view [time, batch, ...]."""
    if axes.time is None:
        return x[None]
    return x if axes.time == 0 else x.swapaxes(0, 1)


def _is_sequence(node: Node) -> bool:
    return node.name != "RNN"


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The input's shape, with units in place of the depth."""
    x = inputs[0]
    assert x is not None
    axes = axes_of(node, inputs, sequence=_is_sequence(node))
    units = check_cell(node, inputs, SINGLE, size_at(x, axes.batch), [size_at(x, -1)])
    return (node.output(0, None if x.shape is None else (*x.shape[:-1], units)),)


class P(NamedTuple):
    """The cell, and where time and batch are."""

    way: Pass
    axes: Axes


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """The cell, ready."""
    x = inputs[0]
    assert x is not None
    axes = axes_of(node, inputs, sequence=_is_sequence(node))
    time = 1 if axes.time is None else x.static[axes.time]
    return P(prepare_pass(node, inputs, SINGLE, time), axes)


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Through the sequence, or one step."""
    p.way.run(inputs, [by_time(inputs[0], p.axes)], by_time(outputs[0], p.axes), run)


def scratch(p: P) -> int:
    """Bytes of working memory."""
    return p.way.scratch


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Every step takes all weights."""
    x = inputs[0]
    assert x is not None
    axes = axes_of(node, inputs, sequence=_is_sequence(node))
    time = 1 if axes.time is None else x.static[axes.time]
    return Cost.of(macs(inputs, SINGLE, time), inputs, outputs)


_DECLARED: dict[str, Any] = {
    "signature": Signature("FLOAT32, W, W, FLOAT32, FLOAT32 -> FLOAT32", W="FLOAT32|INT8|UINT8"),
    "versions": (1, 3),
    "infer": infer,
    "prepare": prepare,
    "eval": evaluate,
    "cost": cost,
    "pure": False,
    "packs": SINGLE.constants,
    "scratch": scratch,
    "tolerance": 16,
}

_CELL = ([[2.0]], [[10.0]], [0.5], [[0.0]])  # W, R, b, h

define(
    "RNN",
    module=__name__,
    options="RNNOptions",
    examples=(Example([[[1.0]], *_CELL], [[[2.5]]], variables=(SINGLE.state,)),),
    **_DECLARED,
)
define(
    "UNIDIRECTIONAL_SEQUENCE_RNN",
    module=__name__,
    options="SequenceRNNOptions",
    # The second step: 2 * 3 + 10 * 2.5 + 0.5.
    examples=(Example([[[[1.0], [3.0]]], *_CELL], [[[[2.5], [31.5]]]], variables=(SINGLE.state,)),),
    **_DECLARED,
)
