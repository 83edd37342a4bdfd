"""The quantised forms of FULLY_CONNECTED: integer activations and integer weights.

    acc[b, u] = sum over k of (x[b, k] - zero_x) * (w[u, k] - zero_w)  + bias[u]
    output    = clamp(zero + round(acc * scale_x * scale_w[u] / scale_out))

The product is exact (integer_gemm.py) and takes x as it is: the bias makes up for its zero point.
x passes in blocks of rows, so that what is computed on stays in the cache. Weights that are
computed at run time are made ready in blocks of units.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.dense.rescale import Rescale, settle, to_outputs
from pytflite.ops.integer_gemm import IntegerWeights, accumulate, pack
from pytflite.ops.operator import Inputs, Outputs, Run
from pytflite.ops.spec import Shape

_BLOCK = 1 << 16  # elements of a block of x, or of its accumulators
_UNITS = 1 << 18  # weights that are made ready at a time, where they are not constant


class Factor(NamedTuple):
    """Weights made ready.

    Attributes:
        weights: [depth, units], their zero point taken off.
        offset: int64 [units]: what the zero point of x adds, -zero_x * sum over k of w.
    """

    weights: IntegerWeights
    offset: Array


class P(NamedTuple):
    """What eval needs.

    Attributes:
        kernel: `evaluate`.
        x_shape, out_shape: [rows, depth] and [rows, units].
        factor: None where the weights are computed at run time.
        bias: int64 [units]; None where it is computed at run time. If it and the weights are
            constant: as `rescale.settle` made it of both.
        low, high: range of x's type. zeros: zero points of x and of the weights.
        block: rows of x at a time.
    """

    kernel: Any
    x_shape: Shape
    out_shape: Shape
    factor: Factor | None
    bias: Array | None
    low: int
    high: int
    zeros: tuple[int, int]
    rescale: Rescale
    block: int

    @property
    def scratch(self) -> int:
        """Bytes of working memory."""
        return 8 * self.block * (self.x_shape[1] + 2 * self.out_shape[1])


def plan(
    shape: tuple[int, int, int],
    weights: Array | None,
    bias: Array | None,
    rescale: Rescale,
    input_type: np.dtype[Any],
    zeros: tuple[int, int],
) -> P:
    """Makes a layer ready.

    Args:
        shape: rows, units, depth.
        weights: integers [units, depth], or None if they are computed at run time.
        bias: [units], or None if it is computed at run time.
        rescale: from rescale.py.
        input_type: of x.
        zeros: zero points of x and of the weights.
    """
    rows, units, depth = shape
    info = np.iinfo(input_type)
    low, high = int(info.min), int(info.max)
    factor = None if weights is None else make_factor(weights, low, high, zeros)
    if bias is not None:
        bias = bias.reshape(-1).astype(np.int64)
        if factor is not None:
            rescale, bias = settle(rescale, bias + factor.offset, factor.weights.bound)
    block = max(1, min(rows, _BLOCK // max(units, depth, 1)))
    return P(evaluate, (rows, depth), (rows, units), factor, bias, low, high, zeros, rescale, block)


def make_factor(weights: Array, low: int, high: int, zeros: tuple[int, int]) -> Factor:
    """Weights [units, depth] made ready for x in [low, high]."""
    input_zero, weight_zero = zeros
    if weight_zero:
        weights = weights.astype(np.int16 if weights.itemsize == 1 else np.int32) - weight_zero
    return Factor(pack(weights.T, low, high), weights.sum(axis=1, dtype=np.int64) * -input_zero)


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """The product of a block of rows, and at once the outputs that belong to it."""
    x, out = inputs[0].reshape(p.x_shape), outputs[0].reshape(p.out_shape)
    work = run.scratch((p.scratch,), np.uint8)
    if p.factor is not None and p.bias is not None:
        _layer(p.block, x, p.factor.weights, p.bias, p.rescale, out, work)
        return
    bias = inputs[2].reshape(-1) if p.bias is None else p.bias
    for units, factor in _factors(p, inputs[1]):
        rescale, part = p.rescale.of_units(units), bias[units] + factor.offset
        rescale, part = settle(rescale, part, factor.weights.bound)
        _layer(p.block, x, factor.weights, part, rescale, out[:, units], work)


def _factors(p: P, weights: Array | None) -> Iterator[tuple[slice, Factor]]:
    """The constant factor, or weights [units, depth] made ready in blocks of units."""
    if p.factor is not None or weights is None:
        assert p.factor is not None
        yield slice(None), p.factor
        return
    units, depth = weights.shape
    step = max(1, _UNITS // max(depth, 1))
    for start in range(0, units, step):
        block = slice(start, start + step)
        yield block, make_factor(weights[block], p.low, p.high, p.zeros)


def _layer(
    block: int,
    x: Array,
    weights: IntegerWeights,
    bias: Array,
    rescale: Rescale,
    out: Array,
    work: Array,
) -> None:
    """All rows of x with these weights, `block` at a time."""
    floats = work.view(weights.dtype)
    units = out.shape[1]
    for start in range(0, len(x), block):
        rows = x[start : start + block]
        size, count = rows.size, len(rows) * units
        a = floats[:size].reshape(rows.shape)
        acc = floats[size : size + count].reshape(len(rows), units)
        more = floats[size + count : size + 2 * count].reshape(len(rows), units)
        np.copyto(a, rows)
        total = accumulate(a, weights, acc, more)
        to_outputs(rescale, total, bias, out[start : start + block])
