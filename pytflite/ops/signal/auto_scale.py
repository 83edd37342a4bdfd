"""SignalFftAutoScale: a signal shifted left as far as it goes without overflow.

    scale_bits = the greatest b from 0 to 14 with max |input| << b < 2^15; 0 where all is 0
    output = input << scale_bits

input INT16 [n]; outputs INT16 [n] and INT32 []. TFLM forgets what came before a -32768 and may
overflow then; here nothing is shifted, as documented.
Source: custom operator of TensorFlow Lite Micro (signal/src/fft_auto_scale.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.ops.arguments import vector_length
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The signal's shape, and a scalar."""
    return (node.output(0, (vector_length(node, inputs, 0),)), node.output(1, ()))


def evaluate(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Finds the greatest, then shifts."""
    source = inputs[0]
    largest = max(int(source.max()), -int(source.min())) if source.size else 0
    bits = max(0, 15 - largest.bit_length()) if largest else 0
    np.left_shift(source, bits, out=outputs[0])
    outputs[1][...] = bits


define(
    "SignalFftAutoScale",
    module=__name__,
    custom=True,
    signature=Signature("INT16 -> INT16, INT32"),
    infer=infer,
    eval=evaluate,
    examples=(
        Example(
            [np.array([100, -2000, 30], np.int16)],
            [np.array([1600, -32000, 480], np.int16), np.array(4, np.int32)],
        ),
    ),
)
