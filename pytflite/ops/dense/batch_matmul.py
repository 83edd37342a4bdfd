"""BATCH_MATMUL: products of two stacks of matrices.

    output[..., m, n] = sum over k of x[..., m, k] * y[..., k, n]

x: [..., m, k], or [..., k, m] with adj_x; y: [..., k, n], or [..., n, k] with adj_y. Dimensions
before the last two are broadcast; output: [..., m, n].

FLOAT32. FLOAT32 with INT8 y: each row of x is quantised at run time (ops/hybrid.py), with one
scale of y or one for each n. INT8 with INT8 to INT8: (x - zero_x) * (y - zero_y) is summed in
int32 and multiplied by scale_x * scale_y / scale in fixed point (in float32 where XNNPACK is
followed: ops/xnnpack.py); to INT32: x * y is summed as it
is. INT16 with INT16 or INT8 to INT16: zero points 0, int64 accumulators, 16-bit multiplier. An
integer y with several scales counts as one of scale 0, so that the output is its zero point: LiteRT
knows only the scale of a whole tensor here.
Source: BATCH_MATMUL (kernels/batch_matmul.cc, kernels/internal/reference/batch_matmul.h), whose
hybrid form mixes up the rows' scales where more than one dimension is stacked, and keeps the sums
of a y that has changed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import QuantizationError, ShapeError
from pytflite.model.dtypes import FLOAT32, INT16, INT32
from pytflite.model.graph import Array
from pytflite.ops import xnnpack
from pytflite.ops.broadcasting import broadcast_sizes
from pytflite.ops.dense.stacked_products import (
    FloatP,
    Form,
    HybridP,
    IntegerP,
    multiply_floats,
    multiply_hybrid,
    multiply_integers,
)
from pytflite.ops.integer_gemm import EXACT32, EXACT64, IntegerWeights, pack
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.quantized import PerTensor, multiplier, per_tensor, symmetric
from pytflite.ops.requantize import Requantizer, requantizer
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_MAX_RANK = 32


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The stacks broadcast to each other, then rows of x and columns of y."""
    x, y = inputs
    assert x is not None and y is not None
    for number, spec in enumerate((x, y)):
        if spec.shape is not None and not 2 <= len(spec.shape) <= _MAX_RANK:
            raise _misfit(node, number, f"rank 2 to {_MAX_RANK}", spec.shape)
    if x.shape is None or y.shape is None:
        return (node.output(0, None),)
    m, k = _turned(x.shape, node.options.adj_x)
    depth, n = _turned(y.shape, node.options.adj_y)
    if None not in (k, depth) and k != depth:
        raise _misfit(node, 1, f"sums of {k} terms, as x has", y.shape)
    stack = broadcast_sizes(node, [x.shape[:-2], y.shape[:-2]], [0, 1])
    assert stack is not None
    return (node.output(0, (*stack, m, n)),)


def _turned(shape: Sequence[Any], adjoint: bool) -> tuple[Any, Any]:
    """The last two sizes, after the transposition that the option asks for."""
    return (shape[-1], shape[-2]) if adjoint else (shape[-2], shape[-1])


def _misfit(node: Node, tensor: int, expected: str, shape: Sequence[int | None]) -> Exception:
    return node.error(
        ShapeError,
        "these cannot be multiplied as matrices",
        tensor=tensor,
        expected=expected,
        found=f"shape {list(shape)}",
    )


def _form(node: Node, x: Spec, y: Spec, output: Spec) -> Form:
    adj_x, adj_y = bool(node.options.adj_x), bool(node.options.adj_y)
    shapes = x.static, y.static, output.static
    if math.prod(y.static[:-2]) == 1 and not adj_x:  # one large product instead of many small
        rows, depth = math.prod(x.static[:-1]), x.static[-1]
        shapes = (rows, depth), y.static[-2:], (rows, output.static[-1])
    return Form(*shapes, adj_x, adj_y)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Any:
    """The P of the form that the types ask for."""
    x, y = inputs
    assert x is not None and y is not None
    form = _form(node, x, y, outputs[0])
    if y.dtype is FLOAT32:
        return FloatP(multiply_floats, form, y.value)
    if x.dtype is FLOAT32:
        scale = _unit_scales(node, y)
        value = None if y.value is None else form.factor_y(y.value).astype(np.float32)
        asymmetric = bool(node.options.asymmetric_quantize_inputs)
        return HybridP(multiply_hybrid, form, value, scale, asymmetric)
    zeros, requantizing = (0, 0), None
    if outputs[0].dtype is not INT32:
        zeros, requantizing = _quantization(node, x, y, outputs[0])
    return IntegerP(
        multiply_integers,
        form,
        _integer_y(form, x, y, zeros),
        y.value is not None,
        zeros,
        requantizing,
    )


def _unit_scales(node: Node, y: Spec) -> Array:
    """The scale of y in a hybrid product, or one for each column: float32, [] or [n]."""
    q, rank = y.quantization, len(y.static)
    axis = rank - 2 if node.options.adj_y else rank - 1
    if (
        q is None
        or q.zero_point.any()
        or not (np.isfinite(q.scale) & (q.scale > 0)).all()
        or q.scale.size not in (1, y.static[axis])
        or (q.scale.size > 1 and q.quantized_dimension != axis)
    ):
        raise node.error(
            QuantizationError,
            "scales are missing or do not fit",
            tensor=1,
            expected=f"one positive scale, or {y.static[axis]} along {axis}; zero points 0",
            found=q,
        )
    return q.scale.reshape(()) if q.scale.size == 1 else q.scale


def _quantization(
    node: Node, x: Spec, y: Spec, output: Spec
) -> tuple[tuple[int, int], Requantizer]:
    """Zero points of x and y, and how sums become outputs."""
    check = symmetric if x.dtype is INT16 else per_tensor
    of_x, of_y = (
        # Several scales count as none, as in LiteRT: the product is the output's zero point.
        PerTensor(0.0, 0)
        if spec.quantization is not None and spec.quantization.is_per_channel
        else check(node, spec, number)
        for number, spec in enumerate((x, y))
    )
    of_output = check(node, output, node.outputs[0])
    real = float(np.float32(of_x.scale) * np.float32(of_y.scale)) / of_output.scale
    multiplier(node, real)
    nearest = xnnpack.takes_products(node, x, y, output)
    if nearest:
        real = xnnpack.product_scale(of_x.scale, of_y.scale, of_output.scale)
    info = np.iinfo(output.dtype.storage)
    bound = x.static[-2 if node.options.adj_x else -1] << (16 if x.dtype is not INT16 else 31)
    return (of_x.zero_point, of_y.zero_point), requantizer(
        [real],
        np.zeros(1, np.int64),
        bound,
        of_output.zero_point,
        int(info.min),
        int(info.max),
        bits=info.bits,
        wide=x.dtype is INT16,
        nearest=nearest,
        elements=output.size,
    )


def _integer_y(form: Form, x: Spec, y: Spec, zeros: tuple[int, int]) -> IntegerWeights:
    """y made ready if it is constant; else how sums are formed whatever it holds."""
    info = np.iinfo(x.dtype.storage)
    low, high = int(info.min) - zeros[0], int(info.max) - zeros[0]
    if y.value is not None:
        return pack(form.factor_y(y.value).astype(np.int16) - np.int16(zeros[1]), low, high)
    of_y = np.iinfo(y.dtype.storage)
    each = max(-low, high) * max(zeros[1] - int(of_y.min), int(of_y.max) - zeros[1])
    depth = form.x[-2 if form.adj_x else -1]
    wide = x.dtype is INT16
    step = max((EXACT64 if wide else EXACT32) // each, 1)
    cuts = (*range(0, depth, step), depth) if depth else (0, 0)
    dtype = np.float64 if wide else np.float32
    return IntegerWeights(np.empty(0, dtype), dtype, cuts, depth * each)


def evaluate(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """The form that prepare chose."""
    p.kernel(p, inputs, outputs, run)


def scratch(p: Any) -> int:
    """Bytes of working memory of the form that prepare chose."""
    return int(p.scratch)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A multiply-accumulate for each output and term of its sum."""
    x, y = inputs
    assert x is not None and y is not None
    depth = x.static[-2 if node.options.adj_x else -1]
    return Cost(outputs[0].size * depth, x.nbytes + y.nbytes + outputs[0].nbytes)


def _rows_apart(node: Node, inputs: Sequence[Spec | None]) -> bool:
    """Where axis 0 is one of the stack, of x alone, and y is constant; or it is x's rows."""
    x, y = inputs
    if x is None or y is None or y.value is None or x.shape is None or y.shape is None:
        return False
    if len(x.shape) == 2:
        return len(y.shape) == 2 and not node.options.adj_x
    return len(y.shape) < len(x.shape) or (len(y.shape) == len(x.shape) and y.shape[0] == 1)


define(
    "BATCH_MATMUL",
    module=__name__,
    options="BatchMatMulOptions",
    signature=Signature(
        "FLOAT32, FLOAT32|INT8 -> FLOAT32",
        "INT8, INT8 -> INT8|INT32",
        "INT16, INT16|INT8 -> INT16",
    ),
    versions=(1, 4),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    packs=(1,),
    rows_apart=_rows_apart,
    tolerance=8,
    scratch=scratch,
    examples=(
        Example(
            [[[[1.0, 2.0], [3.0, 4.0]]], [[[1.0, 0.0], [1.0, -1.0]]]],
            [[[[3.0, -2.0], [7.0, -4.0]]]],
        ),
        Example(
            [[[[1.0], [3.0]]], [[[2.0], [5.0]]]],
            [[[[2.0 + 15.0]]]],
            {"adj_x": True},
        ),
        Example(
            [np.array([[1, 2]], np.int8), np.array([[3], [4]], np.int8)],
            [np.array([[11]], np.int32)],
        ),
    ),
)
