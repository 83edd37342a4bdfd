"""SignalFilterBankLog: logarithms of whole numbers.

    x = input << input_correction_bits                               32 bits of it
    output = min(output_scale * ln(x), 32767) if x > 1, else 0

in fixed point of 16 bits, where log2 between powers of two is a straight line, and what bulges
above it is read from a table of 128. input UINT32 [n]; output INT16 [n].
Source: custom operator of TensorFlow Lite Micro (signal/src/filter_bank_log.cc, log.cc), whose
interpolation between two values of the table is too small by 2^7, and so is this one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.arguments import vector_length
from pytflite.ops.custom.options import integer
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_MASK = 0xFFFFFFFF
_LN2 = 45426  # in 16 bits
_BLOCK = 1 << 14  # elements at a time: their 64 bits are many
_HALF = 1 << 15
# log2(1 + i/128) - i/128 in 16 bits, for i from 0 to 128.
BULGE = np.round(65536 * np.log2(1 + np.arange(129) / 128)).astype(np.int64) - 512 * np.arange(129)


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The input's shape."""
    prepare(node, inputs, ())
    return (node.output(0, (vector_length(node, inputs, 0),)),)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> tuple[int, int]:
    """Shift and scale."""
    return (
        integer(node, "input_correction_bits", 0, least=0, most=31),
        integer(node, "output_scale", least=1),
    )


def evaluate(p: tuple[int, int], inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """In 64 bits, cut to 32 where the reference has no more."""
    shift, scale = p
    given, out = inputs[0].reshape(-1), outputs[0].reshape(-1)
    for start in range(0, given.size, _BLOCK):
        x = (given[start : start + _BLOCK].astype(np.int64) << shift) & _MASK
        scaled = (scale * natural_log(np.maximum(x, 1)) + _HALF & _MASK) >> 16
        out[start : start + _BLOCK] = np.where(x > 1, np.minimum(scaled, 32767), 0)


def natural_log(x: Array) -> Array:
    """ln(x) in 16 bits of fraction, for numbers from 1 to 2^32 - 1."""
    whole = np.frexp(x.astype(np.float64))[1].astype(np.int64) - 1
    # x / 2^whole - 1 in 16 bits of fraction.
    fraction = ((x - (np.int64(1) << whole)) << 16) >> whole
    place = fraction >> 9
    low, high = BULGE[place], BULGE[place + 1]
    bulge = low + (((high - low) * (fraction & 511)) >> 16)
    log2 = (whole << 16) + fraction + bulge
    result: Array = (_LN2 * log2 + _HALF) >> 16
    return result


define(
    "SignalFilterBankLog",
    module=__name__,
    custom=True,
    signature=Signature("UINT32 -> INT16"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    examples=(
        Example(
            [np.array([0, 1, 2, 1000], np.uint32)],
            [np.array([0, 0, 69, 691], np.int16)],
            {"input_correction_bits": 0, "output_scale": 100},
        ),
    ),
)
