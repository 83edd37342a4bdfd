"""FULLY_CONNECTED: a matrix of weights times each row of the input.

    output[b, u] = activation(sum over k of x[b, k] * w[u, k]  + bias[u])

x: any shape of batch * depth elements; w: [units, depth]; bias: [units], may be left out;
output: [batch, units], or with keep_num_dims the shape of x with `units` for its last size.
depth 0 gives zeros, whatever the bias.

FLOAT32; FLOAT32 with INT8, INT4 or INT2 weights ("hybrid"): each row of x is quantised to 8 bits
at run time, symmetrically or (asymmetric_quantize_inputs; always where weights have scales of
blocks) asymmetrically, see ops/hybrid.py. UINT8 weights of a hybrid layer hold int8 values, as
old converters wrote them.
Quantised: INT8 with INT8, INT4 or INT2 weights, INT16 with those or INT16, UINT8 (to UINT8 or
INT16); one scale, or one a unit. acc = sum (x - zero_x) * (w - zero_w) + bias is an int32, or an
int64 with INT16 weights or a quantized_bias_type of INT64 (if that is not said: as the bias is,
INT64 if there is none); output = clamp(zero + round(acc * scale_x * scale_w / scale)), computed in
float64 (in float32 where XNNPACK is followed: ops/xnnpack.py). Sparse INT8 and shuffled UINT8
weights take fixed point, INT16 weights the 16-bit multiplier of int64 accumulators (rescale.py).
Scales of blocks are rounded to bfloat16, as LiteRT as shipped (XNNPACK) does; its reference
kernel gives the bias alone, and its optimised one leaves out the activation.
Source: FULLY_CONNECTED (kernels/fully_connected.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import OptionError, QuantizationError, ShapeError
from pytflite.format.schema import ActivationFunctionType as Activation
from pytflite.format.schema import FullyConnectedOptionsWeightsFormat as WeightsFormat
from pytflite.model.dtypes import FLOAT32, UINT8
from pytflite.model.graph import Array
from pytflite.ops import hybrid
from pytflite.ops.activation import bounds, quantized_range
from pytflite.ops.blockwise import is_blockwise, scales_as_shipped
from pytflite.ops.dense import integer_product, shuffled_product
from pytflite.ops.dense.float_product import (
    FloatP,
    HybridP,
    ZeroP,
    evaluate_float,
    evaluate_hybrid,
    evaluate_zeros,
    rows_at_a_time,
    signed,
)
from pytflite.ops.dense.layer_scales import (
    real_multipliers,
    way_of,
    weight_scales,
    weight_zero,
    wraps,
    zero_points,
)
from pytflite.ops.dense.rescale import FIXED, NEAREST, rescale
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_CLIPPING = (Activation.NONE, Activation.RELU, Activation.RELU_N1_TO_1, Activation.RELU6)


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[batch, units], or the input's shape with another last size."""
    x, weights = inputs[0], inputs[1]
    assert x is not None and weights is not None
    _check_options(node, x, weights)
    if weights.shape is not None and len(weights.shape) != 2:
        raise _misfit(node, 1, "[units, depth]", weights.shape)
    units, depth = weights.shape or (None, None)
    bias = inputs[2] if len(inputs) > 2 else None
    if bias is not None and bias.is_static and units is not None and bias.size != units:
        raise _misfit(node, 2, f"{units} elements, one for each unit", bias.static)
    output = node.output(0, _output_shape(node, x, units, depth))
    if not _is_shuffled(node):
        return (output,)
    return output, node.output(1, _workspace_shape(node, x, weights))


def _output_shape(
    node: Node, x: Spec, units: int | None, depth: int | None
) -> Sequence[int | None] | None:
    shape = x.shape
    if node.options.keep_num_dims:
        if shape is None:
            return None
        if not shape or (None not in (shape[-1], depth) and shape[-1] != depth):
            raise _misfit(node, 0, f"a last dimension of {depth}", shape)
        return (*shape[:-1], units)
    if shape is None or depth is None:
        return (None, units)
    counted = shape[:-1] if depth == 0 else shape
    if None in counted:
        return (None, units)
    size = math.prod(d for d in counted if d is not None)
    if depth and size % depth:
        raise _misfit(node, 0, f"rows of {depth} elements", shape)
    return (size // max(depth, 1), units)


def _misfit(node: Node, tensor: int, expected: str, shape: Sequence[int | None]) -> ShapeError:
    error = node.error(
        ShapeError,
        "input, weights and bias do not fit each other",
        tensor=tensor,
        expected=expected,
        found=f"shape {list(shape)}",
    )
    assert isinstance(error, ShapeError)
    return error


def _is_shuffled(node: Node) -> bool:
    return bool(node.options.weights_format == WeightsFormat.SHUFFLED4x16INT8)


def _check_options(node: Node, x: Spec, weights: Spec) -> None:
    """Refuses activations and weight formats that the types do not go with."""
    activation = int(node.options.fused_activation_function)
    bounds(node, activation)
    if activation not in _CLIPPING and not _is_hybrid(x, weights):
        raise node.error(
            OptionError,
            "this activation goes only with float input and integer weights",
            expected="NONE, RELU, RELU_N1_TO_1 or RELU6",
            found=Activation.name_of(activation),
        )
    shuffled = (x.dtype, weights.dtype, len(node.outputs)) == (UINT8, UINT8, 2)
    if node.options.weights_format != (1 if shuffled else 0):
        raise node.error(
            OptionError,
            "weights format, types and number of outputs do not go together",
            expected="SHUFFLED4x16INT8 with UINT8 input and weights and two outputs, or DEFAULT",
            found=node.options.weights_format,
        )


def _is_hybrid(x: Spec, weights: Spec) -> bool:
    return x.dtype is FLOAT32 and weights.dtype is not FLOAT32


def _workspace_shape(node: Node, x: Spec, weights: Spec) -> Sequence[int | None] | None:
    """The declared shape, as far as it has room for x and no more; else that of x."""
    units, depth = weights.shape or (None, None)
    for size, of in ((units, shuffled_product.UNITS), (depth, shuffled_product.DEPTH)):
        if size is not None and size % of:
            raise _misfit(node, 1, "shuffled weights of multiples of 4 and 16", [units, depth])
    tensor = node.outputs[1]
    declared = tensor.shape if tensor is not None else ()
    return declared if x.is_static and math.prod(declared) == x.size else x.shape


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Any:
    """The P of the form that the types ask for."""
    x, weights = inputs[0], inputs[1]
    bias = inputs[2] if len(inputs) > 2 else None
    assert x is not None and weights is not None
    units, depth = weights.static
    if depth == 0:
        return ZeroP(evaluate_zeros)
    rows = x.size // depth
    if not x.dtype.is_float:
        return _prepare_integer(node, x, weights, bias, outputs[0], rows)
    shapes = (rows, depth), (rows, units)
    constant = bias.value.reshape(-1) if bias is not None and bias.value is not None else None
    if not _is_hybrid(x, weights):
        limits = bounds(node)
        return FloatP(evaluate_float, *shapes, weights.value, constant, bias is not None, limits)
    return HybridP(
        evaluate_hybrid,
        *shapes,
        *_hybrid_weights(node, x, weights),
        constant,
        bias is not None,
        int(node.options.fused_activation_function),
        bool(node.options.asymmetric_quantize_inputs) or is_blockwise(weights),
        rows_at_a_time(rows, depth),
    )


def _hybrid_weights(node: Node, x: Spec, weights: Spec) -> tuple[hybrid.Weights | None, Array]:
    """Constant weights made ready, and the scales of others."""
    if is_blockwise(weights):
        if weights.value is None:
            raise node.error(
                QuantizationError, "weights with scales of blocks must be constant", tensor=1
            )
        # LiteRT's reference kernel computes nothing here.
        scales = scales_as_shipped(node, weights, 1)
        packed = hybrid.pack_blockwise(signed(weights.value), scales)
        return packed, packed.scale
    scale = weight_scales(node, x, weights)
    weight_zero(node, x, weights)
    if weights.value is None:
        return None, scale[0] if scale.size == 1 else scale
    packed = hybrid.pack(signed(weights.value), scale)
    return packed, packed.scale


def _prepare_integer(
    node: Node, x: Spec, weights: Spec, bias: Spec | None, output: Spec, rows: int
) -> Any:
    """Quantised layers: how accumulators become outputs, and weights made ready."""
    units, depth = weights.static
    zero_x, zero_w, zero = zero_points(node, x, weights, output)
    shuffled = _is_shuffled(node)
    way = FIXED if shuffled else way_of(node, x, weights, bias, output)
    real = real_multipliers(node, x, weight_scales(node, x, weights), output, way)
    rescaling = rescale(
        way,
        real[0] if real.size == 1 else real,
        0 if shuffled else zero,
        quantized_range(node, output, even=way == NEAREST),
        wraps=wraps(node, x, weights, bias),
    )
    constant = np.zeros(units, np.int64) if bias is None else bias.value
    if shuffled:
        return shuffled_product.plan((units, depth), weights.value, constant, rescaling)
    return integer_product.plan(
        (rows, units, depth), weights.value, constant, rescaling, x.dtype.storage, (zero_x, zero_w)
    )


def evaluate(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """The form that prepare chose."""
    p.kernel(p, inputs, outputs, run)


def scratch(p: Any) -> int:
    """Bytes of working memory of the form that prepare chose."""
    return int(p.scratch)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A multiply-accumulate for each weight and row."""
    x, weights = inputs[0], inputs[1]
    assert x is not None and weights is not None
    bits = weights.size * weights.dtype.bits
    return Cost(
        outputs[0].size * weights.static[1],
        x.nbytes + bits // 8 + outputs[0].nbytes,
    )


def _rows_apart(node: Node, inputs: Sequence[Spec | None]) -> bool:
    """Where the weights are constant, and each entry along axis 0 is one or more whole rows."""
    x, weights = inputs[0], inputs[1]
    if x is None or weights is None or not x.is_static or not x.static:
        return False
    if any(s is not None and s.value is None for s in inputs[1:]) or _is_shuffled(node):
        return False
    whole = math.prod(x.static[1:]) == weights.static[1]
    return whole or bool(node.options.keep_num_dims and x.rank != 1)


define(
    "FULLY_CONNECTED",
    module=__name__,
    options="FullyConnectedOptions",
    signature=Signature(
        "FLOAT32, FLOAT32|INT8|INT4|INT2|UINT8, FLOAT32? -> FLOAT32",
        "INT8, INT8|INT4|INT2, INT32? -> INT8",
        "INT16, INT8|INT4|INT2|INT16, INT32|INT64? -> INT16",
        "UINT8, UINT8, INT32? -> UINT8|INT16",
        "UINT8, UINT8, INT32? -> INT16, UINT8",
    ),
    versions=(1, 14),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    packs=(1, 2),
    rows_apart=_rows_apart,
    tolerance=8,
    scratch=scratch,
    examples=(
        Example(
            [[[1.0, 2.0]], [[3.0, 4.0], [5.0, -6.0]], [0.5, 0.25]],
            [[[11.5, 0.0]]],
            {"fused_activation_function": Activation.RELU},
        ),
        Example(
            [[[[1.0], [2.0]], [[3.0], [4.0]]], [[10.0], [1.0]], None],
            [[[[10.0, 1.0], [20.0, 2.0]], [[30.0, 3.0], [40.0, 4.0]]]],
            {"keep_num_dims": True},
        ),
        Example(
            [
                np.array([[3, 5]], np.int8),
                np.array([[10, 20]], np.int8),
                np.array([4], np.int32),
            ],
            [np.array([[8]], np.int8)],
            quantization=((0.5, 1), (0.5, 0), (0.25, 0), (2.5, -2)),
        ),
    ),
)
