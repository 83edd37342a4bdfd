"""SVDF: a fully connected layer over a window of time, factored into feature and time filters.

    state[b, f] = its last memory - 1 elements, then sum over i of x[b, i] * features[f, i]
    output[b, u] = activation(bias[u] + sum over m, and f of unit u, of state[b, f, m] * time[f, m])

x [batch, depth]; features [filters, depth]; time [filters, memory]; bias [units], may be left out;
state [batch, filters * memory], a variable tensor; output [batch, units]. `rank` filters in a row
belong to each unit: filters = units * rank.

FLOAT32. FLOAT32 with INT8 (UINT8) features and time: x is quantised row by row (ops/hybrid.py),
time is dequantised. Where only the features are integers, time counts as zeros: LiteRT takes its
floats for integers whose scale, which they do not have, is 0.
INT8 with INT8 features, INT16 time and state, INT32 bias; both sums are of int32:
    new  = clamp16(round(sum of (x - zero_x) * features * (scale_x * scale_features / scale_state)))
    output = clamp8(zero + round((bias + sum of state * time) * (scale_state * scale_time / scale)))
with quotients in float32 and fixed-point rounding. The activation must be RELU there, and is what
the output's own range makes of it. Source: SVDF (kernels/svdf.cc, internal/reference/svdf.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import OptionError, ShapeError
from pytflite.format.schema import ActivationFunctionType as Activation
from pytflite.model.graph import Array
from pytflite.ops.activation import activate, bounds
from pytflite.ops.dense.integer_product import Factor, make_factor
from pytflite.ops.fixed_point import multiply_in_place, wrap32
from pytflite.ops.integer_gemm import accumulate
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.quantized import Multiplier
from pytflite.ops.recurrent.lstm_matrix import Matrix, stack
from pytflite.ops.recurrent.rnn_cell import check_shape, check_state
from pytflite.ops.recurrent.svdf_scales import (
    BIAS,
    FEATURES,
    STATE,
    TIME,
    Scales,
    float_scales,
    float_time,
    integer_scales,
)
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Key, Node, Spec


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[batch, units]."""
    x, features, time = inputs[0], inputs[FEATURES], inputs[TIME]
    assert x is not None and features is not None and time is not None
    check_state(node, inputs, STATE)
    _check_activation(node, x)
    batch, depth = x.shape if x.shape is not None and len(x.shape) == 2 else (None, None)
    filters = features.shape[0] if features.shape else None
    memory = time.shape[1] if time.shape is not None and len(time.shape) == 2 else None
    rank = int(node.options.rank)
    if rank < 1 or (filters is not None and filters % rank):
        raise node.error(
            OptionError,
            "the rank must divide the number of filters",
            expected=f"a divisor of {filters}",
            found=rank,
        )
    if memory == 0:
        raise node.error(ShapeError, "there is no memory", tensor=TIME, found=f"{memory} steps")
    units = None if filters is None else filters // rank
    size = None if filters is None or memory is None else filters * memory
    check_shape(node, inputs, 0, (batch, depth))
    check_shape(node, inputs, FEATURES, (filters, depth))
    check_shape(node, inputs, TIME, (filters, memory))
    check_shape(node, inputs, BIAS, (units,))
    check_shape(node, inputs, STATE, (batch, size))
    return (node.output(0, (batch, units)),)


def _check_activation(node: Node, x: Spec) -> None:
    bounds(node)
    activation = int(node.options.fused_activation_function)
    if not x.dtype.is_float and activation != Activation.RELU:
        raise node.error(
            OptionError,
            "the quantised form has one activation",
            expected="RELU",
            found=Activation.name_of(activation),
        )


class FloatP(NamedTuple):
    """The float and the hybrid form. features, time: None where they are computed at run time.

    scales: of integer features and time; None of floats.
    """

    kernel: Any
    features: Matrix | None
    time: Array | None
    bias: Array | None
    scales: tuple[float, float] | None
    asymmetric: bool
    activation: int
    rank: int
    key: Key
    batch: int

    @property
    def scratch(self) -> int:
        """Bytes of working memory."""
        return 0 if self.features is None else 4 * self.features.floats(self.batch)


def _floats(p: FloatP, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    features, time = p.features, p.time
    if features is None:
        features = _feature_matrix(inputs[FEATURES], p.scales, p.asymmetric)
    if time is None:
        time = float_time(inputs[TIME], p.scales)
    x, out = inputs[0], outputs[0]
    new = np.empty((len(x), len(time)), np.float32)
    features.times(x, new, run.scratch((features.floats(len(x)),), np.float32))
    state = _shifted(inputs[STATE], new, time.shape)
    run.state.variables[p.key] = state
    sums = np.einsum("bfm,fm->bf", state.reshape(len(x), *time.shape), time)
    np.add.reduce(sums.reshape(*out.shape, p.rank), axis=2, out=out)
    bias = p.bias if p.bias is not None else inputs[BIAS]
    if bias is not None:
        out += bias
    activate(out, p.activation)


def _feature_matrix(values: Array, scales: tuple[float, float] | None, asymmetric: bool) -> Matrix:
    return stack([values], None if scales is None else [scales[0]], asymmetric=asymmetric)


def _shifted(state: Array, new: Array, shape: tuple[int, int]) -> Array:
    """The state [batch, filters * memory] one step later, as a new array."""
    later = np.empty_like(state)
    filters = later.reshape(len(new), *shape)
    filters[:, :, :-1] = state.reshape(len(new), *shape)[:, :, 1:]
    filters[:, :, -1] = new
    return later


class IntegerP(NamedTuple):
    """The quantised form.

    Attributes:
        features, time, bias: None where they are computed at run time, or there is no bias.
    """

    kernel: Any
    features: Factor | None
    time: Array | None
    bias: Array | None
    rank: int
    key: Key
    scales: Scales

    @property
    def scratch(self) -> int:
        """No working memory."""
        return 0


def _integers(p: IntegerP, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    x, out = inputs[0], outputs[0]
    time = inputs[TIME] if p.time is None else p.time
    features = p.features
    if features is None:
        features = _feature_factor(inputs[FEATURES], p.scales.input_zero)
    weights = features.weights
    acc = np.empty((len(x), len(time)), weights.dtype)
    sums = accumulate(x.astype(weights.dtype), weights, acc).astype(np.int64)
    sums += features.offset
    new = _scaled(sums, p.scales.inward, 0, -(1 << 15), (1 << 15) - 1)
    state = _shifted(inputs[STATE], new, time.shape)
    run.state.variables[p.key] = state
    sums = np.einsum("bfm,fm->bf", state.reshape(len(x), *time.shape), time, dtype=np.int64)
    total = sums.reshape(*out.shape, p.rank).sum(axis=2)
    bias = inputs[BIAS] if p.bias is None else p.bias
    if bias is not None:
        total += bias
    np.copyto(out, _scaled(total, p.scales.outward, p.scales.zero, -128, 127), casting="unsafe")


def _scaled(sums: Array, by: Multiplier, zero: int, low: int, high: int) -> Array:
    """int64 sums, which a C program would hold in int32, as outputs; still int64."""
    scaled = multiply_in_place(wrap32(sums), *by)
    scaled += zero
    np.maximum(scaled, low, out=scaled)
    return np.minimum(scaled, high, out=scaled)


def _feature_factor(values: Array, input_zero: int) -> Factor:
    return make_factor(values, -128, 127, (input_zero, 0))


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Any:
    """The form that the types ask for, with what is constant made ready."""
    x, features, time, bias, state = inputs
    assert x is not None and features is not None and time is not None and state is not None
    key = node.input_keys[STATE]
    assert key is not None
    rank, of_bias = int(node.options.rank), None if bias is None else bias.value
    if not x.dtype.is_float:
        return _prepare_integer(node, inputs, outputs[0])
    scales = float_scales(node, inputs)
    asymmetric = bool(node.options.asymmetric_quantize_inputs)
    return FloatP(
        _floats,
        None if features.value is None else _feature_matrix(features.value, scales, asymmetric),
        None if time.value is None else float_time(time.value, scales),
        of_bias,
        scales,
        asymmetric,
        int(node.options.fused_activation_function),
        rank,
        key,
        x.static[0],
    )


def _prepare_integer(node: Node, inputs: Sequence[Spec | None], output: Spec) -> IntegerP:
    _, features, time, bias, _ = inputs
    assert features is not None and time is not None
    key = node.input_keys[STATE]
    assert key is not None
    value, scales = features.value, integer_scales(node, inputs, output)
    return IntegerP(
        _integers,
        None if value is None else _feature_factor(value, scales.input_zero),
        time.value,
        None if bias is None else bias.value,
        int(node.options.rank),
        key,
        scales,
    )


def evaluate(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """The form that prepare chose."""
    p.kernel(p, inputs, outputs, run)


def scratch(p: Any) -> int:
    """Bytes of working memory of the form that prepare chose."""
    return int(p.scratch)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Features of x, and the window of each filter."""
    features, state = inputs[FEATURES], inputs[STATE]
    assert features is not None and state is not None
    return Cost.of(state.static[0] * features.size + state.size, inputs, outputs)


define(
    "SVDF",
    module=__name__,
    options="SVDFOptions",
    signature=Signature(
        "FLOAT32, FLOAT32, FLOAT32, FLOAT32?, FLOAT32 -> FLOAT32",
        "FLOAT32, INT8|UINT8, INT8|UINT8|FLOAT32, FLOAT32?, FLOAT32 -> FLOAT32",
        "INT8, INT8, INT16, INT32?, INT16 -> INT8",
    ),
    versions=(1, 4),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    pure=False,
    packs=(FEATURES, TIME, BIAS),
    scratch=scratch,
    tolerance=16,
    examples=(
        # The newest of the window is 1 * 1 + 2 * 3; beside it there is nothing yet.
        Example(
            [[[1.0, 2.0]], [[1.0, 3.0]], [[0.5, 2.0]], [10.0], [[0.0, 0.0]]],
            [[[24.0]]],
            {"rank": 1},
            variables=(STATE,),
        ),
    ),
)
