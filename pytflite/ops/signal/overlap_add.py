"""SignalOverlapAdd: a stream from overlapping frames, the inverse of cutting it.

    output[..., t] = sum over f of input[..., f, t - f * frame_step]

input [..., frames, size], output [..., frames * frame_step], INT16 or FLOAT32 (option T: the
number of the type); frame_step is at most the size. What later frames may add to waits in the
state. INT16 saturates after each frame.
Source: custom operator of TensorFlow Lite Micro (signal/src/overlap_add.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import ShapeError
from pytflite.ops.custom.options import integer, wrong
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signal.streams import Key, check_type, keep, key_of, recall
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


class P(NamedTuple):
    """Where sums wait; rows, frames and size of the input; the step."""

    key: Key
    rows: int
    frames: int
    size: int
    step: int


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[..., frames * frame_step]."""
    source = inputs[0]
    assert source is not None
    check_type(node, source)
    step = integer(node, "frame_step", least=1)
    if source.shape is None:
        return (node.output(0, None),)
    if len(source.shape) < 2:
        raise node.error(
            ShapeError, "there are no frames", tensor=0, expected="[..., frames, size]",
            found=f"shape {list(source.shape)}",
        )  # fmt: skip
    *rest, frames, size = source.shape
    if size is not None and step > size:
        raise wrong(node, "frame_step", f"at most the size of a frame, {size}", step)
    return (node.output(0, (*rest, None if frames is None else frames * step)),)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Sizes."""
    source = inputs[0]
    assert source is not None
    *rest, frames, size = source.static
    return P(key_of(node), math.prod(rest), frames, size, integer(node, "frame_step"))


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Frame by frame, all rows at once."""
    frames = inputs[0].reshape(p.rows, p.frames, p.size)
    out = outputs[0].reshape(p.rows, p.frames, p.step)
    sums = run.empty((p.rows, p.size), out.dtype)  # where there are no frames, more than the input
    waiting = recall(run, p.key, p.rows, p.size)
    sums[...] = 0 if waiting is None else waiting
    for number in range(p.frames):
        if out.dtype == np.int16:
            total = sums.astype(np.int32) + frames[:, number]
            np.clip(total, -(1 << 15), (1 << 15) - 1, out=total)
            np.copyto(sums, total, casting="same_kind")
        else:
            sums += frames[:, number]
        out[:, number] = sums[:, : p.step]
        sums[:, : p.size - p.step] = sums[:, p.step :].copy()
        sums[:, p.size - p.step :] = 0
    keep(run, p.key, sums, p.rows, p.size)


define(
    "SignalOverlapAdd",
    module=__name__,
    custom=True,
    signature=Signature("T -> T", T="INT16|FLOAT32"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    pure=False,
    examples=(
        Example(
            [np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.int16)],
            [np.array([1, 2, 7, 5, 13, 8], np.int16)],
            {"T": 7, "frame_step": 2},
        ),
    ),
)
