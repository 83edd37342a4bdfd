"""SignalDelay: a stream, some samples late.

    output[..., t] = stream[..., t - delay_length], and 0 before its beginning

INT16 [..., m], same shape; the last delay_length samples wait in the state.
Source: custom operator of TensorFlow Lite Micro (signal/micro/kernels/delay.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.ops.custom.options import integer
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signal.streams import Key, continued, keep, key_of, last_axis
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


class P(NamedTuple):
    """Where samples wait; rows and samples of the input; how many wait."""

    key: Key
    rows: int
    given: int
    delay: int


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape of the input."""
    source = inputs[0]
    assert source is not None
    integer(node, "delay_length", least=0)
    last_axis(node, source)
    return (node.output(0, source.shape),)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Sizes."""
    source = inputs[0]
    assert source is not None
    *rows, given = source.static
    return P(key_of(node), math.prod(rows), given, integer(node, "delay_length"))


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Those that waited, then those that came; the rest of them wait."""
    stream = continued(run, p.key, inputs[0].reshape(p.rows, p.given), p.delay)
    outputs[0].reshape(p.rows, p.given)[...] = stream[:, : p.given]
    keep(run, p.key, stream[:, p.given :].copy(), p.rows, p.given)


define(
    "SignalDelay",
    module=__name__,
    custom=True,
    signature=Signature("INT16 -> INT16"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    pure=False,
    examples=(
        Example(
            [np.array([1, 2, 3, 4], np.int16)],
            [np.array([0, 0, 0, 1], np.int16)],
            {"delay_length": 3},
        ),
    ),
)
