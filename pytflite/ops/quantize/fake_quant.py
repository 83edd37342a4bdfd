"""FAKE_QUANT: FLOAT32 rounded to the levels that an integer of few bits would have; same shape.

    levels n = first ... 2^num_bits - 1, with first = 1 if narrow_range else 0
    scale = (max - min) / (last - first)
    zero  = round(first - min / scale), within the levels: so that 0 is one of them
    low, high = (first - zero) * scale, (last - zero) * scale
    output = round((clamp(x, low, high) - low) / scale) * scale + low

All in float32, the division as a product with 1 / scale; round() is half away from zero, NaN gives
low. LiteRT refuses narrow_range, which is for training; here it has TensorFlow's meaning.
Source: FAKE_QUANT (kernels/fake_quant.cc, internal/quantization_util.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import OptionError
from pytflite.model.graph import Array
from pytflite.ops.elementwise.pointwise import in_blocks, infer
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.rounding import round_half_away
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_HALF = np.nextafter(np.float32(0.5), np.float32(0))
_MOST_BITS = 16  # TensorFlow's limit


class Levels(NamedTuple):
    """The levels: low, low + scale, ... high."""

    low: np.floating[Any]
    high: np.floating[Any]
    scale: np.floating[Any]
    inverse: np.floating[Any]

    def step(self, x: Array, out: Array, work: Array) -> None:
        """Rounds a piece."""
        np.fmax(x, self.low, out=out)
        np.minimum(out, self.high, out=out)
        np.subtract(out, self.low, out=out)
        np.multiply(out, self.inverse, out=out)
        np.add(out, _HALF, out=out)  # never negative: this and trunc are C's round()
        np.trunc(out, out=out)
        np.multiply(out, self.scale, out=out)
        np.add(out, self.low, out=out)


def infer_fake_quant(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape of the input."""
    options = node.options
    low, high, bits = float(options.min), float(options.max), int(options.num_bits)
    least = 1 + bool(options.narrow_range)
    if not least <= bits <= _MOST_BITS:
        raise node.error(
            OptionError, "num_bits is out of range", expected=f"{least} to {_MOST_BITS}", found=bits
        )
    levels = _levels(node) if low < high else None
    if levels is None or not all(map(math.isfinite, levels)):
        raise node.error(
            OptionError, "min and max make no range", expected="min < max", found=(low, high)
        )
    return infer(node, inputs)


def _levels(node: Node) -> Levels:
    options = node.options
    low, high = np.float32(options.min), np.float32(options.max)
    first = int(bool(options.narrow_range))
    last = (1 << int(options.num_bits)) - 1
    with np.errstate(all="ignore"):
        scale = (high - low) / np.float32(last - first)
        zero = float(np.float32(first) - low / scale)
        inverse = np.float32(1) / scale
    level = min(max(round_half_away(zero), first), last) if math.isfinite(zero) else first
    return Levels(
        np.float32(first - level) * scale, np.float32(last - level) * scale, scale, inverse
    )


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Levels:
    """The levels."""
    return _levels(node)


def evaluate(p: Levels, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Rounds every element to a level."""
    in_blocks(p.step, inputs[0], outputs[0])


define(
    "FAKE_QUANT",
    module=__name__,
    options="FakeQuantOptions",
    signature=Signature("FLOAT32 -> FLOAT32"),
    versions=(1, 2),
    infer=infer_fake_quant,
    prepare=prepare,
    eval=evaluate,
    in_place=((0, 0),),
    rows_apart=True,
    examples=(
        Example([[-1, 0.1, 0.6, 9]], [[0, 0, 0.5, 1.5]], {"min": 0.0, "max": 1.5, "num_bits": 2}),
    ),
)
