"""SignalWindow: a signal times a window.

    output[..., i] = saturated((input[..., i] * weights[i mod n]) >> shift)

input INT16 [..., m], weights INT16 [n], m a multiple of n; output as input. shift is an option,
from 0 to 31. Source: custom operator of TensorFlow Lite Micro (signal/micro/kernels/window.cc).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.errors import ShapeError
from pytflite.ops.arguments import vector_length
from pytflite.ops.custom.options import integer
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signal.streams import last_axis
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_BLOCK = 1 << 15  # elements at once: their products stay in L2


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape of the signal."""
    source = inputs[0]
    assert source is not None
    integer(node, "shift", least=0, most=31)
    last, size = last_axis(node, source), vector_length(node, inputs, 1)
    if size == 0 or (last is not None and size is not None and last % size):
        raise node.error(
            ShapeError, "the window does not fit the signal", tensor=1,
            expected="a size that divides the signal's last axis", found=f"{size} for {last}",
        )  # fmt: skip
    return (node.output(0, source.shape),)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> int:
    """The shift."""
    return integer(node, "shift", least=0, most=31)


def evaluate(p: int, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Some windows at a time."""
    weights = inputs[1].astype(np.int32)
    given, results = (array.reshape(-1, weights.size) for array in (inputs[0], outputs[0]))
    step = max(1, _BLOCK // weights.size)
    for start in range(0, len(given), step):
        products = given[start : start + step] * weights
        products >>= p
        np.clip(products, -(1 << 15), (1 << 15) - 1, out=products)
        results[start : start + step] = products


def rows_apart(node: Node, inputs: Sequence[Spec | None]) -> bool:
    """Whether axis 0 only numbers signals."""
    source = inputs[0]
    return source is not None and (source.rank or 0) > 1


define(
    "SignalWindow",
    module=__name__,
    custom=True,
    signature=Signature("INT16, INT16 -> INT16"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    in_place=((0, 0),),
    rows_apart=rows_apart,
    examples=(
        Example(
            [np.array([[100, -200, 30000]], np.int16), np.array([2048, 4096, 8192], np.int16)],
            [np.array([[50, -200, 32767]], np.int16)],
            {"shift": 12},
        ),
    ),
)
