"""SignalFilterBankSquareRoot: square roots of whole numbers, shifted right.

    output = round(sqrt(input)) >> scale_bits

input UINT64 [n], scale_bits INT32 [], from 0 to 31; output UINT32 [n]. Roots are rounded up
unless they would pass 2^32 - 1, or 2^16 - 1 for inputs below 2^32.
Source: custom operator of TensorFlow Lite Micro (signal/src/square_root_64.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import DataError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.arguments import vector_length
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_LARGEST = np.uint64(0xFFFFFFFF)
_LARGEST_SMALL = np.uint64(0xFFFF)


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The input's shape."""
    bits = inputs[1]
    assert bits is not None
    if bits.is_static and bits.size != 1:
        raise node.error(ShapeError, "the shift is one number", tensor=1, found=bits.shape)
    return (node.output(0, (vector_length(node, inputs, 0),)),)


def evaluate(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Roots, shifted."""
    bits = int(inputs[1].reshape(-1)[0])
    if not 0 <= bits <= 31:
        raise run.node.error(
            DataError, "the shift is out of range", tensor=1, expected="0 to 31", found=bits
        )
    outputs[0][...] = rounded_root(inputs[0]) >> np.uint64(bits)


def rounded_root(x: Array) -> Array:
    """The square roots of uint64 numbers, rounded."""
    # A double is off by at most one for such large numbers; its square tells by which.
    root = np.minimum(np.sqrt(x.astype(np.float64)), 4294967295.0).astype(np.uint64)
    root -= root * root > x
    root += (root < _LARGEST) & ((root + np.uint64(1)) * (root + np.uint64(1)) <= x)
    largest = np.where(x > _LARGEST, _LARGEST, _LARGEST_SMALL)
    root += (x - root * root > root) & (root != largest)
    return root


define(
    "SignalFilterBankSquareRoot",
    module=__name__,
    custom=True,
    signature=Signature("UINT64, INT32 -> UINT32"),
    infer=infer,
    eval=evaluate,
    examples=(
        Example(
            [np.array([0, 6, 7, 10000], np.uint64), np.array(0, np.int32)],
            [np.array([0, 2, 3, 100], np.uint32)],
        ),
    ),
)
