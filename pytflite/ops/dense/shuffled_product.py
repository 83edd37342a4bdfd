"""FULLY_CONNECTED with weights shuffled for a kernel of old: UINT8 in, INT16 out.

The file holds the weights in blocks of 4 units by 16 inputs, with their sign bits flipped, so
that as int8 they are w - 128; x - 128 is what they are multiplied with, whatever the zero points
say. The second output is the kernel's working memory: x, with flipped sign bits, in the order in
which it reads it. Source: ShuffledFullyConnected in kernels/internal/reference/fully_connected.h,
which computes batches of 1 and 4 only; here any is right.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.dense.rescale import Rescale, settle, to_outputs
from pytflite.ops.integer_gemm import IntegerWeights, accumulate, pack
from pytflite.ops.operator import Inputs, Outputs, Run

UNITS, DEPTH = 4, 16  # of a block


class P(NamedTuple):
    """What eval needs: weights made ready, bias int64 [units]; None where computed at run time."""

    kernel: Any
    units: int
    depth: int
    weights: IntegerWeights | None
    bias: Array | None
    rescale: Rescale

    @property
    def scratch(self) -> int:
        """No working memory."""
        return 0


def plan(shape: tuple[int, int], weights: Array | None, bias: Array | None, rescale: Rescale) -> P:
    """Makes a layer [units, depth] ready."""
    ready = None if weights is None else _pack(weights)
    return P(evaluate, *shape, ready, None if bias is None else _bias(bias), rescale)


def unshuffle(weights: Array) -> Array:
    """The weights less 128, int8 [units, depth], in their natural order."""
    units, depth = weights.shape
    blocks = weights.view(np.int8).reshape(units // UNITS, depth // DEPTH, UNITS, DEPTH)
    return blocks.transpose(0, 2, 1, 3).reshape(units, depth)


def _pack(weights: Array) -> IntegerWeights:
    return pack(unshuffle(weights).T, -128, 127)


def _bias(bias: Array) -> Array:
    return bias.reshape(-1).astype(np.int64)


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """The product, and the shuffled x."""
    x = inputs[0].reshape(-1, p.depth) ^ np.uint8(0x80)
    out = outputs[0].reshape(len(x), p.units)
    weights = _pack(inputs[1]) if p.weights is None else p.weights
    bias = _bias(inputs[2]) if p.bias is None else p.bias
    acc = accumulate(
        x.view(np.int8).astype(weights.dtype), weights, np.empty(out.shape, weights.dtype)
    )
    rescale, bias = settle(p.rescale, bias, weights.bound)
    to_outputs(rescale, acc, bias, out)
    shuffled = x if len(x) != UNITS else x.reshape(UNITS, -1, DEPTH).transpose(1, 0, 2)
    outputs[1][...] = shuffled.reshape(outputs[1].shape)
