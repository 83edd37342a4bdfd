"""SignalEnergy: the squared magnitudes of a spectrum.

    output[i] = real[i]^2 + imaginary[i]^2  for start_index <= i < end_index, 0 elsewhere

input INT16 [2 * n], real and imaginary parts in turn; output UINT32 [n]. TFLM leaves the rest of
the output as it finds it. Source: custom operator of TensorFlow Lite Micro
(signal/micro/kernels/energy.cc).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.ops.arguments import vector_length
from pytflite.ops.custom.options import integer, wrong
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """Half as many as there are parts."""
    length = vector_length(node, inputs, 0)
    start = integer(node, "start_index", 0, least=0)
    end = integer(node, "end_index", least=0)
    if length is None:
        return (node.output(0, (None,)),)
    if max(start, end) > length // 2:
        raise wrong(node, "end_index", f"at most {length // 2}, as is start_index", (start, end))
    return (node.output(0, (length // 2,)),)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> tuple[int, int]:
    """The range."""
    return integer(node, "start_index", 0), integer(node, "end_index")


def evaluate(p: tuple[int, int], inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Squares in 64 bits: twice -32768 squared is one more than an int32 holds."""
    chosen = slice(*p)
    size = outputs[0].size
    parts = inputs[0][: 2 * size].reshape(size, 2)[chosen].astype(np.int64)
    outputs[0][...] = 0
    outputs[0][chosen] = (parts * parts).sum(1)


define(
    "SignalEnergy",
    module=__name__,
    custom=True,
    signature=Signature("INT16 -> UINT32"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    examples=(
        Example(
            [np.array([1, 2, 3, 4, -5, 6], np.int16)],
            [np.array([0, 25, 61], np.uint32)],
            {"start_index": 1, "end_index": 3},
        ),
    ),
)
