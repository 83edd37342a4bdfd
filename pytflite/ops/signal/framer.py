"""SignalFramer: a stream cut into overlapping frames.

    output[..., f, i] = stream[..., f * frame_step + i],  i < frame_size

input INT16 [..., m], m a multiple of frame_step, at least one; outputs INT16 [..., m / frame_step,
frame_size] and BOOL []: whether all frames are complete. Samples wait in the state until a frame
is; the frames that cannot be yet are 0 (TFLM leaves them as it finds them), and do not count.
With `prefill` the stream begins with frame_size - frame_step zeros.
Source: custom operator of TensorFlow Lite Micro (signal/micro/kernels/framer.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import ShapeError
from pytflite.ops.custom.options import flag, integer, wrong
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signal.streams import Key, continued, keep, key_of, last_axis
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


class P(NamedTuple):
    """Where samples wait; rows and samples of the input; options."""

    key: Key
    rows: int
    given: int
    size: int
    step: int
    first: int


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[..., frames, frame_size], and a scalar."""
    source = inputs[0]
    assert source is not None
    size, step, _ = _options(node)
    last = last_axis(node, source)
    if last is not None and (last % step or not last):
        raise node.error(
            ShapeError, "the input is cut where no frame begins", tensor=0,
            expected=f"a multiple of frame_step, {step}", found=last,
        )  # fmt: skip
    frames = None if last is None else last // step
    shape = None if source.shape is None else (*source.shape[:-1], frames, size)
    return (node.output(0, shape), node.output(1, ()))


def _options(node: Node) -> tuple[int, int, int]:
    """Size, step, and zeros that the stream begins with."""
    size, step = integer(node, "frame_size", least=1), integer(node, "frame_step", least=1)
    if step > size:
        raise wrong(node, "frame_step", f"at most frame_size, {size}", step)
    return size, step, (size - step) * flag(node, "prefill", False)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Sizes."""
    source = inputs[0]
    assert source is not None
    *rows, given = source.static
    return P(key_of(node), math.prod(rows), given, *_options(node))


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """The stream that is there, as frames; the rest of it waits."""
    stream = continued(run, p.key, inputs[0].reshape(p.rows, p.given), p.first)
    before = stream.shape[1] - p.given
    count = p.given // p.step
    # The first frame is complete with the sample that fills it; each after it with one more step.
    missing = min(count, max(0, -(-(p.size - before) // p.step) - 1))
    out = outputs[0].reshape(p.rows, count, p.size)
    out[:, :missing] = 0
    if missing < count and p.rows:
        frames = np.lib.stride_tricks.sliding_window_view(stream, p.size, 1)[:, :: p.step]
        out[:, missing:] = frames[:, : count - missing]
    outputs[1][...] = missing == 0
    keep(run, p.key, stream[:, (count - missing) * p.step :].copy(), p.rows, p.given)


define(
    "SignalFramer",
    module=__name__,
    custom=True,
    signature=Signature("INT16 -> INT16, BOOL"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    pure=False,
    examples=(
        Example(
            [np.array([1, 2, 3, 4], np.int16)],
            [np.array([[0, 1, 2], [2, 3, 4]], np.int16), np.array(True)],
            {"frame_size": 3, "frame_step": 2, "prefill": True},
        ),
    ),
)
