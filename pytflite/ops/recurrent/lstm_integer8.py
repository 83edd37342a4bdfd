"""The LSTM cell in integers, products in 8 bits ("8x8_8"): int8 x, weights and h, int16 c, Q0.15.

    gate = R(Q(Wx)) + R(Q(Uh))              Q: to 8 bits; R: to the scale of the sum, int16
    gate = norm(gate)                       in float32, then rounded to Q3.12
    f, o = sigmoid(gate), g = tanh(gate)    in float32, then cut to Q0.15
    c' = clip(f c + (1 - f) g)
    h' = R(P (o tanh(c')) + bP)

Input and forget gate are coupled, there is layer normalisation and a projection with a bias; what
else the operator may have (weights of an input gate, peephole weights) the reference leaves aside.
Twelve intermediate tensors tell the scales: for each gate of its sum, of Q(Wx) and of Q(Uh).
Source: kernels/lstm_eval.cc (LstmStepInteger8x8_8), kernels/lstm.cc
(PopulateQuantizedLstmParams8x8_8), kernels/internal/reference/portable_tensor_utils.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from pytflite.errors import ModelError
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import Scaling, divide_by_pot, multiply_wide, saturate, scaling
from pytflite.ops.integer_gemm import pack
from pytflite.ops.lookup_table import via_double
from pytflite.ops.quantized import Multiplier
from pytflite.ops.recurrent.lstm_integer import (
    ONE,
    Product,
    clip,
    floats,
    to_int8,
    to_int16,
    update,
)
from pytflite.ops.recurrent.lstm_scales import (
    Reader,
    power_of_two,
    projection_clip,
    quantized_clip,
)
from pytflite.ops.recurrent.lstm_weights import CELL, FORGET, OUTPUT, SINGLE, Sizes
from pytflite.ops.rounding import round_away
from pytflite.ops.spec import Node, Spec

_GATES = (FORGET, CELL, OUTPUT)


class Narrow(NamedTuple):
    """A product that passes through 8 bits on its way to the scale of the gates' sums.

    Attributes:
        product: to the scale of the 8 bits.
        zero: int64 [gates, 1]: their zero points.
        scale: from there to the sums' scale.
    """

    product: Product
    zero: Array
    scale: Scaling

    def times(self, x: Array, work: Array) -> Array:
        """R(Q(x . weights)): int64 [rows, gates, units]."""
        q = to_int8(self.product.times(x, work) + self.zero)
        return self.scale.apply(q - self.zero)


class FloatNorm(NamedTuple):
    """Layer normalisation of int16 gates in float32.

    weights, bias: float32 [gates, units]; scale: float32 [gates, 1].
    """

    weights: Array
    bias: Array
    scale: Array

    def apply(self, gates: Array) -> Array:
        """Normalised, weighted, plus the bias, rounded to Q3.12: [batch, gates, units]."""
        v = gates.astype(np.float32)
        count = np.float32(v.shape[2])
        mean = _running_sum(v) / count
        variance = _running_sum(v * v) / count - mean * mean
        variance[variance == 0] = 1e-8
        normal = (v - mean) * (np.float32(1) / np.sqrt(variance))
        bias = self.bias * (np.float32(2.0**-10) * self.scale)
        rounded = round_away((normal * self.weights * self.scale + bias) * np.float32(4096))
        # As x86 converts: what no int32 holds, and NaN, becomes the least one.
        fits = np.abs(rounded) < 2.0**31
        return saturate(np.where(fits, rounded, -(2.0**31)), np.int16)


def _running_sum(v: Array) -> Array:
    """Sums over units, each partial sum rounded to float32, as a loop in C gives them."""
    return np.cumsum(v, axis=2, dtype=np.float32)[:, :, -1:]


class Integer8Cell(NamedTuple):
    """A cell ready to run. Clips are 0 for none; `projected` scales to h, with `zero_point`."""

    sizes: Sizes
    x: Narrow
    h: Narrow
    norm: FloatNorm
    cell_clip: int
    projection: Product
    projected: Multiplier
    projection_clip: int
    zero_point: int

    def for_rows(self, rows: slice) -> Integer8Cell:
        """The cell for some rows of the batch: it treats all alike."""
        return self

    def floats(self, steps: int, batch: int) -> int:
        """Float32 numbers of working memory for so many steps of so many rows at a time."""
        return floats(self.x.product, self.h.product, self.projection, steps, batch)

    def work(self, flat: Array, steps: int, batch: int) -> Array:
        """That memory: one product at a time uses it."""
        return flat

    def input_part(self, x: Array, auxiliary: Array | None, work: Array) -> Array:
        """R(Q(Wx)), int64 [steps, batch, gates, units]."""
        steps, batch, depth = x.shape
        part = self.x.times(x.reshape(steps * batch, depth), work)
        return part.reshape(steps, batch, *part.shape[1:])

    def step(self, part: Array, h: Array, c: Array, work: Array) -> None:
        """One step: h [batch, outputs] and c [batch, units] are replaced, in place."""
        gates = self.norm.apply(to_int16(self.h.times(h, work) + part))
        f, o = sigmoid_table()[gates[:, ::2].view(np.uint16)].swapaxes(0, 1)
        g = tanh_table(12)[gates[:, 1].view(np.uint16)]
        update(c, f, ONE - f, g, -15, self.cell_clip)
        shown = o.astype(np.int64) * tanh_table(15)[c.view(np.uint16)]
        hidden = divide_by_pot(shown, 15)
        sums = self.projection.sums(hidden, work)
        h[...] = to_int8(multiply_wide(sums, *self.projected) + self.zero_point)
        clip(h, self.projection_clip)


@cache
def sigmoid_table() -> Array:
    """1 / (1 + exp(-x)) of Q3.12 as Q0.15, cut, at the position of its bits read as uint16."""
    return _table(1 / (1 + via_double(np.exp, -_every_int16(12))))


@cache
def tanh_table(fraction_bits: int) -> Array:
    """tanh of int16 with so many fraction bits as Q0.15, likewise."""
    return _table(via_double(np.tanh, _every_int16(fraction_bits)))


def _every_int16(fraction_bits: int) -> Array:
    values = np.arange(1 << 16, dtype=np.uint16).view(np.int16).astype(np.float32)
    return values * np.float32(2.0**-fraction_bits)


def _table(values: Array) -> Array:
    table = saturate(np.trunc(values * np.float32(32768)), np.int16)
    table.flags.writeable = False
    return table


def integer8_cell(node: Node, inputs: Sequence[Spec | None], found: Sizes) -> Integer8Cell:
    """The cell of an operator whose shapes are checked and that has twelve intermediate tensors.

    Raises:
        ModelError: a part is missing, or weights are not constant.
        QuantizationError: scales that are missing or make no sense.
    """
    layout, read = SINGLE, Reader(node, inputs)
    for number in (layout.norm[FORGET], layout.projection, layout.projection_bias):
        if number >= len(inputs) or inputs[number] is None:
            raise node.error(
                ModelError,
                "an LSTM with products in 8 bits has layer normalisation and a projection",
                code="op.arity",
                expected=f"input {number} to be given",
                found="left out",
            )
    found = found._replace(gates=_GATES)
    power_of_two(node, inputs, layout.cell_state, range(-15, -14))
    x, h = read.quantization(0), read.quantization(layout.state)
    cell_clip = float(node.options.cell_clip)
    return Integer8Cell(
        found,
        x=_narrow(read, layout.x, np.float32(x.scale), -x.zero_point, 1),
        h=_unheard(_narrow(read, layout.h, np.float32(h.scale), -h.zero_point, 2)),
        norm=_norm(read),
        cell_clip=quantized_clip(cell_clip, np.float32(2.0**-15), np.int16) if cell_clip < 1 else 0,
        projection=_projection(read),
        projected=read.multiplier(
            np.float32(float(read.scale(layout.projection)) * 2.0**-15 / h.scale)
        ),
        projection_clip=projection_clip(node),
        zero_point=h.zero_point,
    )


def _narrow(
    read: Reader, numbers: Sequence[int], scale: np.float32, zero: int, which: int
) -> Narrow:
    """Products of one side: `which` is their place among a gate's three intermediate tensors."""
    narrow = [read.intermediate(3 * gate + which) for gate in _GATES]
    scales = [np.float32(q.scale) for q in narrow]
    sums = [np.float32(read.intermediate(3 * gate).scale) for gate in _GATES]
    gates = [numbers[gate] for gate in _GATES]
    reals = [read.scale(n) * scale / s for n, s in zip(gates, scales, strict=True)]
    return Narrow(
        read.product(gates, reals, zero),
        np.array([q.zero_point for q in narrow], np.int64).reshape(-1, 1),
        read.scaling([a / b for a, b in zip(scales, sums, strict=True)]),
    )


def _unheard(h: Narrow) -> Narrow:
    """Without what h contributes to the output gate.

    The reference takes the multiplier for that from beyond the end of a table: it finds a small
    shift where a number of 31 bits is meant, and every product becomes 0. So it does here.
    """
    heard = np.array([1, 1, 0]).reshape(-1, 1)
    return h._replace(scale=h.scale._replace(m=h.scale.m * heard))


def _norm(read: Reader) -> FloatNorm:
    numbers = [SINGLE.norm[gate] for gate in _GATES]
    pairs = [read.multiplier(read.scale(n)) for n in numbers]
    return FloatNorm(
        np.stack([read.value(n) for n in numbers]).astype(np.float32),
        np.stack([read.value(SINGLE.bias[gate]) for gate in _GATES]).astype(np.float32),
        np.array([[m * 2.0 ** (shift - 31)] for m, shift in pairs], np.float32),
    )


def _projection(read: Reader) -> Product:
    """Its sums are of 64 bits, and scaled otherwise than a Product's."""
    weights, bias = read.value(SINGLE.projection), read.value(SINGLE.projection_bias)
    return Product(pack(weights.T, -32768, 32767), bias.astype(np.int64), scaling(0, 0))
