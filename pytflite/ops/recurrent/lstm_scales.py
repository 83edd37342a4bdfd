"""From an integer LSTM's tensors to its cell: multipliers, effective biases, clips.

Scales are multiplied and divided in float32, as in the reference; where a power of two takes part,
in double, and the result becomes a float32. Weights must be constant, since zero points are folded
into the biases: `bias - zero point * sum of the row`.
Source: kernels/unidirectional_sequence_lstm.cc, kernels/lstm.cc
(PopulateQuantizedLstmParams8x8_16, PopulatePrecomputedZPTimesWeightsWithBias).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pytflite.errors import ModelError, QuantizationError
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import Scaling, scaling, wrap32
from pytflite.ops.integer_gemm import IntegerWeights, pack
from pytflite.ops.quantized import Multiplier, PerTensor, multiplier, per_tensor
from pytflite.ops.recurrent.lstm_integer import HAS_TANH, IntegerCell, Norm, Peephole, Product
from pytflite.ops.recurrent.lstm_weights import SINGLE, Sizes
from pytflite.ops.spec import Node, Spec

Packs = Callable[[Array, int, int], IntegerWeights]

_Q3_12 = np.float32(2.0**-12)


class Reader:
    """Values and scales of an operator's tensors, refused where they make no sense."""

    def __init__(self, node: Node, inputs: Sequence[Spec | None], packs: Packs = pack) -> None:
        self.node = node
        self.inputs = inputs
        self.packs = packs

    def value(self, number: int) -> Array:
        """The value of an input that must be constant."""
        spec = self.inputs[number]
        assert spec is not None
        if spec.value is None:
            raise self.node.error(
                ModelError,
                "the weights of an integer LSTM must be constant",
                code="op.constant",
                tensor=number,
            )
        return spec.value

    def quantization(self, number: int) -> PerTensor:
        """Scale and zero point of an input."""
        spec = self.inputs[number]
        assert spec is not None
        return per_tensor(self.node, spec, number)

    def scale(self, number: int) -> np.float32:
        """Scale of an input."""
        return np.float32(self.quantization(number).scale)

    def intermediate(self, number: int) -> PerTensor:
        """Scale and zero point of an intermediate tensor."""
        tensors = self.node.intermediates
        tensor = tensors[number] if number < len(tensors) else None
        if tensor is None:
            raise self.node.error(
                QuantizationError,
                f"an integer LSTM needs the scale of its intermediate tensor {number}",
                expected="a quantized intermediate tensor",
                found="none",
            )
        return per_tensor(self.node, Spec(None, tensor.dtype, tensor.quantization), tensor)

    def multiplier(self, real: float | np.floating[Any]) -> Multiplier:
        """A real multiplier in fixed point."""
        return multiplier(self.node, real)

    def scaling(self, reals: Sequence[np.float32], more: int = 0) -> Scaling:
        """A real multiplier for each gate, times 2^more."""
        pairs = [self.multiplier(real) for real in reals]
        return scaling(
            np.array([[m] for m, _ in pairs]), np.array([[shift + more] for _, shift in pairs])
        )

    def product(
        self, numbers: Sequence[int], reals: Sequence[np.float32], zero: int,
        biases: Sequence[int] = (),
    ) -> Product:  # fmt: skip
        """Several gates' weights as one.

        Args:
            numbers: inputs with the weights. reals: what brings the sums to the gates' scales.
            zero: what multiplies the rows' sums in the effective bias.
            biases: inputs with the biases, if any.
        """
        weights = np.concatenate([self.value(n) for n in numbers])
        bias = weights.sum(axis=1, dtype=np.int64) * zero
        if biases:
            bias += np.concatenate([self.value(n) for n in biases])
        return Product(
            self.packs(weights.T, -128, 127), wrap32(bias).astype(np.int32), self.scaling(reals)
        )


def integer_cell(
    node: Node, inputs: Sequence[Spec | None], found: Sizes, *, whole: bool, packs: Packs = pack
) -> IntegerCell:
    """The cell of an operator whose shapes are checked.

    Args:
        packs: makes weights ready.
        whole: whether the reference takes all rows of a batch through a step at once (see
            `_peephole_weights`).

    Raises:
        ModelError: weights that are not constant, or another number of intermediate tensors.
        QuantizationError: scales that are missing or make no sense.
    """
    read, layout, gates = Reader(node, inputs, packs), SINGLE, found.gates
    if len(node.intermediates) != 5:
        raise node.error(
            ModelError,
            "an integer LSTM has five intermediate tensors here",
            code="op.arity",
            expected=5,
            found=len(node.intermediates),
        )
    x, h = read.quantization(0), read.quantization(layout.state)
    x_scale, h_scale = np.float32(x.scale), np.float32(h.scale)
    # Shifts by 30 + exponent have to be of 0 to 31 bits. A coupled input gate leaves nothing in
    # memory that could stand in for a tanh.
    allowed = HAS_TANH if found.coupled else range(-30, 2)
    exponent = power_of_two(node, inputs, layout.cell_state, allowed)
    within = {g: np.float32(read.intermediate(g).scale) if found.norm else _Q3_12 for g in gates}
    hidden = read.intermediate(4)
    biases = () if found.norm else tuple(layout.bias[g] for g in gates)
    return IntegerCell(
        found,
        x=read.product(
            [layout.x[g] for g in gates],
            [read.scale(layout.x[g]) * x_scale / within[g] for g in gates],
            -x.zero_point, biases,
        ),
        h=read.product(
            [layout.h[g] for g in gates],
            [read.scale(layout.h[g]) * h_scale / within[g] for g in gates],
            -h.zero_point,
        ),
        peephole=(
            _peephole(read, found, gates[:-1], exponent, within, whole),
            _peephole(read, found, gates[-1:], exponent, within, whole),
        )
        if found.peephole
        else None,
        norm=(_norm(read, gates[:-1]), _norm(read, gates[-1:])) if found.norm else None,
        exponent=exponent,
        cell_clip=quantized_clip(node.options.cell_clip, read.scale(layout.cell_state), np.int16),
        hidden=read.multiplier(np.float32(2.0**-15 / hidden.scale * 2.0**-15)),
        hidden_zero=hidden.zero_point,
        projection=_projection(read, hidden, h_scale) if found.projection else None,
        projection_clip=projection_clip(node),
        zero_point=h.zero_point,
    )  # fmt: skip


def _projection(read: Reader, hidden: PerTensor, h_scale: np.float32) -> Product:
    real = read.scale(SINGLE.projection) * np.float32(hidden.scale) / h_scale
    bias = SINGLE.projection_bias
    there = read.inputs[bias] is not None
    return read.product([SINGLE.projection], [real], hidden.zero_point, (bias,) if there else ())


def _norm(read: Reader, gates: Sequence[int]) -> Norm:
    numbers = [SINGLE.norm[g] for g in gates]
    scales = [read.scale(n) for n in numbers]
    return Norm(
        np.stack([read.value(n) for n in numbers]).astype(np.int64),
        np.stack([read.value(SINGLE.bias[g]) for g in gates]).astype(np.int64),
        read.scaling(scales, more=12),
        np.array([[_variance_limit(scale)] for scale in scales]),
    )


def _variance_limit(scale: np.float32) -> int:
    """10000 steps of the coefficients, at least 1; also where it is no int32, as x86 converts."""
    limit = float(np.float32(10000) * scale)
    return int(limit) if 1 <= limit < 2**31 else 1


def _peephole(
    read: Reader, found: Sizes, gates: Sequence[int], exponent: int,
    within: dict[int, np.float32], whole: bool,
) -> Peephole:  # fmt: skip
    looks = SINGLE.looks(gates)
    reals = [
        np.float32(2.0**exponent * float(read.scale(number)) / float(within[gate]))
        for gate, number in looks
    ]
    weights = [
        _peephole_weights(read.value(number).astype(np.int64), found, whole) for _, number in looks
    ]
    return Peephole(np.stack(weights, axis=1), read.scaling(reals))


def _peephole_weights(weights: Array, found: Sizes, whole: bool) -> Array:
    """The weights [1 or batch, units] as the reference applies them.

    It gives its routine the number of outputs where that of units is meant. If a projection makes
    the outputs fewer, only the first batch * outputs elements of the gates get their share, and
    from the second row on of weights that belong to other units. We do the same.
    """
    rows = found.batch if whole else 1
    if found.outputs >= found.units or rows == 0:
        return weights[None]
    flat = np.zeros(rows * found.units, np.int64)
    flat[: rows * found.outputs] = np.tile(weights[: found.outputs], rows)
    return flat.reshape(rows, found.units)


def power_of_two(node: Node, inputs: Sequence[Spec | None], number: int, allowed: range) -> int:
    """The exponent of a scale that must be a power of two.

    Raises:
        QuantizationError: it is none, or out of the allowed range.
    """
    spec = inputs[number]
    assert spec is not None
    scale = per_tensor(node, spec, number).scale
    exponent = round(math.log2(scale))
    if abs(math.log2(scale) - exponent) >= 1e-3 or exponent not in allowed:
        raise node.error(
            QuantizationError,
            "the scale of an LSTM's cell state must be a power of two",
            tensor=number,
            expected=f"2^{allowed.start} to 2^{allowed.stop - 1}",
            found=scale,
        )
    return exponent


def quantized_clip(clip: float, scale: np.float32, dtype: type[np.signedinteger[Any]]) -> int:
    """A clip in steps of a scale, cut to the type and then to an integer; 0 for none."""
    info = np.iinfo(dtype)
    return int(min(np.float32(clip) / scale, np.float32(info.max))) if clip > 0 else 0


def projection_clip(node: Node) -> int:
    """The clip of an int8 output."""
    clip, out = float(node.options.proj_clip), node.outputs[0]
    assert out is not None
    if not clip > 0:
        return 0
    found = per_tensor(node, Spec(None, out.dtype, out.quantization), out)
    return quantized_clip(clip, np.float32(found.scale), np.int8)
