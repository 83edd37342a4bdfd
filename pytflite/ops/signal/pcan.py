"""SignalPCAN: channels divided by a power of their noise (per-channel amplitude normalisation).

    gain = f(noise)                        f: parabolas between powers of two, from gain_lut
    snr = (input * gain) >> snr_shift      12 bits of it are a fraction
    output = snr^2 / 4 if snr < 2, else snr - 1      6 bits of it are a fraction

input and noise UINT32 [n], gain_lut INT16, of which f(0), f(1) and f(2) are the first three, and
four for each further power of two follow from 6 on; output UINT32 [n]. What passes 32 bits is lost.
Source: custom operator of TensorFlow Lite Micro (signal/src/pcan_argc_fixed.cc).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.errors import DataError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.arguments import vector_length
from pytflite.ops.custom.options import integer
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_MASK = np.uint64(0xFFFFFFFF)


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The input's shape."""
    length, noise = vector_length(node, inputs, 0), vector_length(node, inputs, 1)
    vector_length(node, inputs, 2)
    integer(node, "snr_shift", least=0, most=63)
    if length is not None and noise is not None and length != noise:
        raise node.error(
            ShapeError, "there has to be an estimate of noise for each channel", tensor=1,
            expected=length, found=noise,
        )  # fmt: skip
    return (node.output(0, (length,)),)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> np.uint64:
    """The shift."""
    return np.uint64(integer(node, "snr_shift", least=0, most=63))


def evaluate(p: np.uint64, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Gain, ratio, shrunken ratio."""
    noise, table = inputs[1], inputs[2]
    first = _first(noise)
    if first.size and int(first.max()) + 2 * (int(noise.max()) > 2) >= table.size:
        raise run.node.error(
            DataError, "the table of gains is too short for the noise", code="data.index",
            tensor=2, expected=f"more than {int(first.max()) + 2} values", found=table.size,
        )  # fmt: skip
    gain = gains(noise, table.astype(np.int32), first)
    ratio = ((inputs[0].astype(np.uint64) * gain) >> p) & _MASK
    outputs[0][...] = np.where(
        ratio < 2 << 12, (ratio * ratio) >> np.uint64(20), (ratio >> np.uint64(6)) - np.uint64(64)
    )


def _first(noise: Array) -> Array:
    """Where in the table the parabola of each begins, or what stands for it."""
    bits = np.frexp(noise.astype(np.float64))[1].astype(np.int64)
    return np.where(noise <= 2, noise, 4 * bits - 6)


def gains(noise: Array, table: Array, first: Array) -> Array:
    """f(noise), as the uint32 that its 16 bits become, in uint64."""
    small = noise <= 2
    first = np.where(small, 0, first)
    bits = (first + 6) >> 2
    wide = noise.astype(np.int64)
    # The ten bits below the first.
    fraction = (((wide << 11) >> bits) & 0x3FF).astype(np.int32)
    last = max(table.size - 1, 0)
    value = (table[np.minimum(first + 2, last)] * fraction) >> 5
    value += table[np.minimum(first + 1, last)] << 5
    value *= fraction
    value = ((value + (1 << 14)) >> 15) + table[first]
    value = np.where(small, table[np.minimum(noise, last)], value)
    return value.astype(np.int16).astype(np.int64).view(np.uint64) & _MASK


define(
    "SignalPCAN",
    module=__name__,
    custom=True,
    signature=Signature("UINT32, UINT32, INT16 -> UINT32"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    examples=(
        Example(
            [
                np.array([4096, 40960], np.uint32),
                np.array([0, 1], np.uint32),
                np.array([64, 32, 16], np.int16),
            ],
            [np.array([16, 256], np.uint32)],
            {"snr_shift": 6},
        ),
    ),
)
