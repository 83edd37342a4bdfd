"""SignalFilterBankSpectralSubtraction: channels less an estimate of their noise.

    up = input << smoothing_bits
    noise = (up * s + noise * t) >> bits                      s, t: smoothing, one_minus_smoothing
    output = max((up - min(noise, up)) >> smoothing_bits, (input * min_signal_remaining) >> bits)

where odd channels take alternate_smoothing and alternate_one_minus_smoothing, `bits` is the
option spectral_subtraction_bits, and with `clamping` noise above `up` becomes `up`. The noise is
state, at first 0. input UINT32 [num_channels]; outputs UINT32, of that shape: output, noise.
All is kept in 32 bits, what passes them is lost; products have 64.
Source: custom operator of TensorFlow Lite Micro (signal/src/filter_bank_spectral_subtraction.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import ShapeError
from pytflite.model.graph import Array
from pytflite.ops.arguments import vector_length
from pytflite.ops.custom.options import flag, integer
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signal.streams import Key, keep, key_of, recall
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_MASK = np.uint64(0xFFFFFFFF)
_SMOOTHING = ("smoothing", "alternate_smoothing")
_REST = ("one_minus_smoothing", "alternate_one_minus_smoothing")


class P(NamedTuple):
    """Options; `smoothing` and `rest` for each channel. UINT64 throughout."""

    key: Key
    smoothing: Array
    rest: Array
    least: np.uint64
    up: np.uint64
    bits: np.uint64
    clamping: bool


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """Two of the input's shape."""
    length, channels = vector_length(node, inputs, 0), integer(node, "num_channels", least=0)
    if length is not None and length != channels:
        raise node.error(
            ShapeError, "the input does not have as many channels as the options say", tensor=0,
            expected=f"num_channels, {channels}", found=length,
        )  # fmt: skip
    _read(node)
    return (node.output(0, (channels,)), node.output(1, (channels,)))


def _read(node: Node) -> tuple[list[int], list[int], int, int, int, bool]:
    return (
        [integer(node, name, least=0) for name in _SMOOTHING],
        [integer(node, name, least=0) for name in _REST],
        integer(node, "min_signal_remaining", least=0),
        integer(node, "smoothing_bits", least=0, most=31),
        integer(node, "spectral_subtraction_bits", least=0, most=63),
        flag(node, "clamping", False),
    )


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Coefficients of each channel."""
    smoothing, rest, least, up, bits, clamping = _read(node)
    odd = np.arange(outputs[0].size) & 1
    return P(
        key_of(node),
        np.array(smoothing, np.uint64)[odd],
        np.array(rest, np.uint64)[odd],
        np.uint64(least),
        np.uint64(up),
        np.uint64(bits),
        clamping,
    )


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Moves the estimate, then subtracts it."""
    source = inputs[0].astype(np.uint64)
    raised = (source << p.up) & _MASK
    noise = recall(run, p.key, source.size)
    smoothed = raised * p.smoothing
    if noise is not None:
        smoothed += noise.astype(np.uint64) * p.rest
    estimate = (smoothed >> p.bits) & _MASK
    lowered = np.minimum(estimate, raised)
    noise = lowered if p.clamping else estimate
    least = ((source * p.least) >> p.bits) & _MASK
    np.copyto(outputs[0], np.maximum((raised - lowered) >> p.up, least), casting="same_kind")
    np.copyto(outputs[1], noise, casting="same_kind")
    keep(run, p.key, noise.astype(np.uint32), source.size)


define(
    "SignalFilterBankSpectralSubtraction",
    module=__name__,
    custom=True,
    signature=Signature("UINT32 -> UINT32, UINT32"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    pure=False,
    examples=(
        Example(
            [np.array([1000, 1000], np.uint32)],
            [np.array([750, 500], np.uint32), np.array([250, 500], np.uint32)],
            {
                "num_channels": 2,
                "smoothing": 64,
                "one_minus_smoothing": 192,
                "alternate_smoothing": 128,
                "alternate_one_minus_smoothing": 128,
                "smoothing_bits": 0,
                "min_signal_remaining": 16,
                "clamping": False,
                "spectral_subtraction_bits": 8,
            },
        ),
    ),
)
