"""SUM, MEAN, REDUCE_PROD, REDUCE_MAX, REDUCE_MIN, REDUCE_ANY, REDUCE_ALL.

    output[kept] = operation over all input[kept, combined]

The second input names the axes that are combined: any number of them, in any order, also twice,
-1 for the last, a scalar for a single one; if it is not constant, the output's shape is known at
run time. They vanish, or keep size 1 (option keep_dims). No axes: every element for itself. A
scalar has no axes, and those named are not looked at.

    SUM, REDUCE_PROD  integers wrap; FLOAT16 is computed in float32; BOOL is or, and
    MEAN              integers: sum in 64 bits, divided with truncation
    REDUCE_MAX, _MIN  NaN never wins; scale and zero point of the output are those of the input
    REDUCE_ANY, _ALL  BOOL only

INT8, UINT8 and INT16 with scales: SUM, MEAN, REDUCE_PROD as quantized.py says; INT16 has zero
point 0. Of nothing: 0, NaN (integers: 0), 1, the least and the greatest value, False, True.
Source: the TFLite operators of these names (kernels/reduce.cc, internal/reference/reduce.h).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import DataError, ShapeError, TFLiteError
from pytflite.model.dtypes import INT16, UINT64, DType
from pytflite.model.graph import Array
from pytflite.ops import xnnpack
from pytflite.ops.arguments import constant_integers, integers
from pytflite.ops.axes import normalize_axes
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.quantized import multiplier, per_tensor, same_quantization, symmetric
from pytflite.ops.reduction import quantized
from pytflite.ops.reduction.fold import Fold, fold, plan
from pytflite.ops.rounding import round_half_away
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        operation: what combines two elements.
        empty: what no elements give: a number, or the end of the type's range by name.
        mean: whether the sum is divided.
        rescales: whether scales of input and output may differ.
    """

    operation: np.ufunc
    empty: Any
    mean: bool = False
    rescales: bool = True


class P(NamedTuple):
    """Constants of one reduction. `axes` and `how` are None if they come at run time."""

    row: Row
    axes: tuple[int, ...] | None
    how: Fold | None
    keep_dims: bool
    scales: quantized.Scales | None
    empty: Any
    dtype: Any  # in which it is computed, but for quantised sums
    nearest: bool  # rounded as XNNPACK does


def infer(row: Row, node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape without the combined axes, as far as they are known."""
    source = inputs[0]
    assert source is not None
    _scales(row, node, source)
    given = constant_integers(node, inputs, 1)
    keep = node.options.keep_dims
    if source.shape is None:
        return (node.output(0, None),)
    rank = len(source.shape)
    if given is None:
        return (node.output(0, [None] * rank if keep else () if rank == 0 else None),)
    axes = _axes(node, given, rank, ShapeError)
    shape = [
        1 if axis in axes else size
        for axis, size in enumerate(source.shape)
        if keep or axis not in axes
    ]
    return (node.output(0, shape),)


def _axes(node: Node, given: Shape, rank: int, kind: type[TFLiteError]) -> tuple[int, ...]:
    return normalize_axes(node, given, rank, tensor=1, kind=kind) if rank else ()


def _scales(row: Row, node: Node, source: Spec) -> quantized.Scales | None:
    """Scales and zero points, if input or output are quantised and they matter.

    Raises:
        QuantizationError: they make no sense, or differ where they must not.
    """
    target = node.output(0, None)
    small = source.dtype.is_integer and source.dtype.bits <= 16
    if not small or not (source.is_quantized or target.is_quantized):
        return None
    if not row.rescales:
        same_quantization(node, source, target, node.outputs[0], of="the input")
        return None
    check = symmetric if source.dtype is INT16 else per_tensor
    given, wanted = check(node, source, 0), check(node, target, node.outputs[0])
    multiplier(node, np.float32(given.scale) / np.float32(wanted.scale))
    return quantized.Scales(*given, *wanted)


def prepare(row: Row, node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """The stages, if the axes are constant; scales, and what no elements give."""
    source = inputs[0]
    assert source is not None
    given = constant_integers(node, inputs, 1)
    axes = None if given is None else _axes(node, given, len(source.static), ShapeError)
    keep = bool(node.options.keep_dims)
    how = None if axes is None else plan(source.static, axes, keep)
    scales = _scales(row, node, source)
    empty = _empty(row, scales, source.dtype)
    if scales is not None and row.operation is np.multiply and how is not None:
        quantized.product_multiplier(node, scales, max(1, how.elements))
    nearest = xnnpack.takes_reduction(node, source, inputs[1], outputs[0])
    return P(row, axes, how, keep, scales, empty, _computed_in(row, source.dtype), nearest)


def _empty(row: Row, scales: quantized.Scales | None, dtype: DType) -> Any:
    """The element that no elements give."""
    storage = dtype.storage
    if isinstance(row.empty, str):
        if storage.kind == "f":
            return -np.inf if row.empty == "min" else np.inf
        return row.empty == "max" if storage.kind == "b" else getattr(np.iinfo(storage), row.empty)
    if row.mean:
        return np.nan if storage.kind == "f" else 0
    if scales is None:
        return row.empty
    info = np.iinfo(storage)
    value = scales.out_zero_point + round_half_away(row.empty / scales.out_scale)
    return min(max(value, int(info.min)), int(info.max))


def _computed_in(row: Row, dtype: DType) -> Any:
    if dtype.storage == np.float16:
        return np.dtype(np.float32)
    if row.mean and dtype.is_integer and dtype is not UINT64:
        return np.dtype(np.int64)
    return dtype.storage


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Folds; quantised sums and products are those of quantized.py."""
    source, axes, how = inputs[0], p.axes, p.how
    if axes is None or how is None:
        axes = _axes(run.node, integers(inputs[1]), source.ndim, DataError)
        how = plan(source.shape, axes, p.keep_dims)
    out = outputs[0] if outputs[0] is not None else run.empty(how.output, source.dtype)
    if not source.size:
        out[...] = p.empty
    elif p.scales is None:
        _plain(p, how, source, out, run)
    elif p.row.operation is np.multiply:
        quantized.product(run.node, p.scales, axes, how.elements, source, out)
    else:
        kind = quantized.sums_type(source.dtype, how.elements)
        work = run.scratch((how.work + out.size,), kind)
        combine = quantized.mean if p.row.mean else quantized.total
        if p.nearest:
            combine = quantized.nearest_mean
        combine(p.scales, how, source, out, work)
    return None if outputs[0] is not None else [out]


def _plain(p: P, how: Fold, source: Array, out: Array, run: Run) -> None:
    """Real numbers, integers, and quantised ones whose scales stay."""
    direct = p.dtype == out.dtype
    work = run.scratch((how.work + (0 if direct else out.size),), p.dtype)
    result = out if direct else work[how.work :].reshape(out.shape)
    fold(p.row.operation, how, source, result, work)
    if p.row.mean and p.dtype.kind == "f":
        np.true_divide(result, p.dtype.type(how.elements), out=result)
    elif p.row.mean:
        result -= np.fmod(result, how.elements)  # so that the division truncates
        np.floor_divide(result, how.elements, out=result)
    if not direct:
        np.copyto(out, result, casting="unsafe")


def scratch(p: P) -> int:
    """Bytes of the working arrays."""
    if p.how is None:
        return 0
    elements = p.how.work + math.prod(p.how.output)
    return elements * (p.dtype.itemsize if p.scales is None else 8)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """An operation an element."""
    source = inputs[0]
    assert source is not None
    return Cost(source.size, source.nbytes + outputs[0].nbytes)


def rows_apart(node: Node, inputs: Sequence[Spec | None]) -> bool:
    """Whether axis 0 is kept."""
    source = inputs[0]
    assert source is not None
    given = constant_integers(node, inputs, 1)
    if given is None or not source.rank:
        return False
    return 0 not in _axes(node, given, source.rank, ShapeError)


_NUMBERS = "FLOAT32|FLOAT16|FLOAT64|INT8|UINT8|INT16|UINT16|INT32|UINT32|INT64|UINT64"
_X = [[1.0, 2.0], [3.0, 6.0]]
_LAST = np.array([-1], np.int32)
_BITS = np.array([[True, False], [False, False]])

_TABLE: tuple[tuple[str, Row, str, tuple[int, int], Example], ...] = (
    ("SUM", Row(np.add, 0), _NUMBERS + "|BOOL", (1, 2), Example([_X, _LAST], [[3.0, 9.0]])),
    ("MEAN", Row(np.add, 0, mean=True), _NUMBERS, (1, 3), Example([_X, _LAST], [[1.5, 4.5]])),
    (
        "REDUCE_PROD", Row(np.multiply, 1), _NUMBERS + "|BOOL", (1, 2),
        Example([_X, _LAST], [[2.0, 18.0]]),
    ),
    (
        "REDUCE_MAX", Row(np.fmax, "min", rescales=False), _NUMBERS + "|BOOL", (1, 3),
        Example([_X, np.array([0], np.int32)], [[[3.0, 6.0]]], {"keep_dims": True}),
    ),
    (
        "REDUCE_MIN", Row(np.fmin, "max", rescales=False), _NUMBERS + "|BOOL", (1, 3),
        Example([_X, np.array([0, 1], np.int32)], [1.0]),
    ),
    (
        "REDUCE_ANY", Row(np.logical_or, False), "BOOL", (1, 1),
        Example([_BITS, _LAST], [np.array([True, False])]),
    ),
    (
        "REDUCE_ALL", Row(np.logical_and, True), "BOOL", (1, 1),
        Example([_BITS, _LAST], [np.array([False, False])]),
    ),
)  # fmt: skip

for _name, _row, _types, _versions, _example in _TABLE:
    define(
        _name,
        module=__name__,
        options="ReducerOptions",
        signature=Signature("T, INT32|INT64 -> T", T=_types),
        versions=_versions,
        infer=partial(infer, _row),
        prepare=partial(prepare, _row),
        eval=evaluate,
        cost=cost,
        scratch=scratch,
        rows_apart=rows_apart,
        tolerance=8,
        examples=(_example,),
    )
