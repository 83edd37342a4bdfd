"""SignalStacker: frames put together with those before and after them.

    output = frames[k - left] ++ ... ++ frames[k] ++ ... ++ frames[k + right]

where k grows by stacker_step from one output to the next, left and right are the options
stacker_left_context and stacker_right_context, and the first frame stands for those before it.
input INT16 [num_channels], a frame; outputs INT16 [(left + 1 + right) * num_channels] and BOOL []:
whether enough frames were there. If not, the first is 0 (TFLM leaves it as it finds it). Frames
wait in the state.
Source: custom operator of TensorFlow Lite Micro (signal/micro/kernels/stacker.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import ShapeError
from pytflite.ops.arguments import vector_length
from pytflite.ops.custom.options import integer, wrong
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signal.streams import Key, keep, key_of, recall
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


class P(NamedTuple):
    """Where frames wait; options."""

    key: Key
    channels: int
    left: int
    frames: int
    step: int


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """So many frames, and a scalar."""
    p, length = _read(node), vector_length(node, inputs, 0)
    if length is not None and length != p.channels:
        raise node.error(
            ShapeError, "the frame has the wrong size", tensor=0,
            expected=f"num_channels, {p.channels}", found=length,
        )  # fmt: skip
    return (node.output(0, (p.frames * p.channels,)), node.output(1, ()))


def _read(node: Node) -> P:
    left = integer(node, "stacker_left_context", least=0)
    frames = left + 1 + integer(node, "stacker_right_context", least=0)
    step = integer(node, "stacker_step", least=1)
    if step > frames:
        raise wrong(node, "stacker_step", f"at most the frames of an output, {frames}", step)
    return P(key_of(node), integer(node, "num_channels", least=1), left, frames, step)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """The options."""
    return _read(node)


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Adds a frame to those that wait; gives out and forgets if there are enough."""
    waiting = recall(run, p.key)
    before = p.left if waiting is None else len(waiting)
    frames = run.empty((before + 1, p.channels), np.int16)
    frames[:before] = inputs[0] if waiting is None else waiting
    frames[before] = inputs[0]
    complete = len(frames) >= p.frames
    outputs[0][...] = frames.reshape(-1) if complete else 0
    outputs[1][...] = complete
    keep(run, p.key, frames[p.step :].copy() if complete else frames)


define(
    "SignalStacker",
    module=__name__,
    custom=True,
    signature=Signature("INT16 -> INT16, BOOL"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    pure=False,
    examples=(
        Example(
            [np.array([1, 2], np.int16)],
            [np.array([1, 2, 1, 2], np.int16), np.array(True)],
            {
                "num_channels": 2,
                "stacker_left_context": 1,
                "stacker_right_context": 0,
                "stacker_step": 1,
            },
        ),
    ),
)
