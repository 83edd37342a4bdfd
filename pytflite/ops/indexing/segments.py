"""SEGMENT_SUM and UNSORTED_SEGMENT_*: rows combined with those of the same number.

    output[s] = the combination of all data[j] with ids[j] == s

    SEGMENT_SUM            sum; the ids start at 0 and grow by 0 or 1: output has max(ids) + 1 rows
    UNSORTED_SEGMENT_SUM   sum, 0 where there are none
    UNSORTED_SEGMENT_PROD  product, 1
    UNSORTED_SEGMENT_MAX   maximum, least finite value of the type
    UNSORTED_SEGMENT_MIN   minimum, greatest finite value of the type

The unsorted ones take the number of segments as third input; their ids may have the shape of any
first axes of the data, negative ones are left out, and those at or beyond the number are refused.
Integers wrap around; NaN never is greatest or least. ids INT32 (or INT64). Source: SEGMENT_SUM
(kernels/segment_sum.cc), UNSORTED_SEGMENT_* (kernels/unsorted_segment.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import DataError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.arguments import constant_integers, integers
from pytflite.ops.indexing.positions import check_range
from pytflite.ops.moving import destination, given
from pytflite.ops.operator import Eval, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


def infer_sorted(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The data's shape with an unknown number of rows."""
    data, ids = inputs[0], inputs[1]
    assert data is not None
    assert ids is not None
    if ids.rank not in (1, None) or data.rank == 0:
        raise node.error(
            ShapeError,
            "there is not one id for each row",
            tensor=1,
            expected="a vector of ids, and data with rows",
            found=f"{ids.shape} for {data.shape}",
        )
    _check_prefix(node, data, ids)
    return (node.output(0, None if data.shape is None else (None, *data.shape[1:])),)


def infer_unsorted(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[segments, the data's axes behind those of the ids]."""
    data, ids = inputs[0], inputs[1]
    assert data is not None
    assert ids is not None
    count = constant_integers(node, inputs, 2, count=1)
    if count is not None:
        _check_count(node, count[0])
    _check_prefix(node, data, ids)
    if data.shape is None or ids.shape is None:
        return (node.output(0, None),)
    rest = data.shape[len(ids.shape) :]
    return (node.output(0, (None if count is None else count[0], *rest)),)


def _check_count(node: Node, count: int) -> None:
    if count < 0:
        raise node.error(ShapeError, "the number of segments is negative", tensor=2, found=count)


def _check_prefix(node: Node, data: Spec, ids: Spec) -> None:
    """Refuses ids whose shape is not that of the data's first axes."""
    if data.shape is None or ids.shape is None:
        return
    pairs = zip(data.shape, ids.shape, strict=False)
    if len(ids.shape) > len(data.shape) or any(d != i and None not in (d, i) for d, i in pairs):
        raise node.error(
            ShapeError,
            "the ids do not fit the data",
            tensor=1,
            expected=f"the first sizes of {list(data.shape)}",
            found=list(ids.shape),
        )


def eval_sorted(p: None, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Sums between the places where the id grows."""
    data, ids = inputs[0], inputs[1]
    steps = np.diff(ids.astype(np.int64), prepend=np.int64(-1))
    if ids.size and not (steps[0] == 1 and ((steps == 0) | (steps == 1)).all()):
        raise run.node.error(
            DataError,
            "the ids are not in order",
            tensor=1,
            expected="0 first, and each as great as the one before or greater by 1",
            found=ids[:16].tolist(),
        )
    starts = np.flatnonzero(steps)
    out = destination(outputs, 0, (starts.size, *data.shape[1:]), data.dtype, run)
    if out.size:
        np.add.reduceat(data, starts, 0, data.dtype, out)
    return given(outputs, [out])


def _evaluating(combine: np.ufunc, initial: str) -> Eval:
    """eval of an unsorted operator."""

    def evaluate(p: None, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
        data, ids = inputs[0], inputs[1]
        count = integers(inputs[2])[0]
        _check_count(run.node, count)
        flat = ids.reshape(-1)
        kept = flat >= 0
        check_range(run, flat[kept], count, 1)
        rest = data.shape[ids.ndim :]
        out = destination(outputs, 0, (count, *rest), data.dtype, run)
        out[...] = start_of(initial, data.dtype)
        if out.size and flat.size:
            rows = data.reshape((flat.size, math.prod(rest)))
            _combine(combine, rows, flat, int(flat.size - kept.sum()), out.reshape((count, -1)))
        return given(outputs, [out])

    evaluate.__doc__ = f"Sorts by id, and combines with np.{combine.__name__}."
    return evaluate


def _combine(combine: np.ufunc, rows: Array, ids: Array, negative: int, out: Array) -> None:
    """Combines rows of the same id, and what `out` holds already."""
    order = np.argsort(ids, kind="stable")[negative:]
    if not order.size:
        return
    named = ids[order]
    starts = np.flatnonzero(np.diff(named, prepend=-1))
    combined = combine.reduceat(rows[order], starts, 0, rows.dtype)
    places = named[starts]
    out[places] = combine(out[places], combined)


def start_of(name: str, dtype: np.dtype[Any]) -> Any:
    """The number of a type by its name: 0, 1, its least or its greatest."""
    if name in ("0", "1"):
        return dtype.type(name)
    limits: Any = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
    return limits.min if name == "least" else limits.max


_TYPES = "FLOAT32|FLOAT16|FLOAT64|INT8|INT16|INT32|INT64|UINT8|UINT16|UINT32|UINT64"
_DATA = np.array([[1, 2], [3, 4], [5, 6]], np.int32)

define(
    "SEGMENT_SUM",
    module=__name__,
    options="SegmentSumOptions",
    signature=Signature("T, INT32|INT64 -> T", T=_TYPES),
    infer=infer_sorted,
    eval=eval_sorted,
    examples=(
        Example([_DATA, np.array([0, 0, 1], np.int32)], [np.array([[4, 6], [5, 6]], np.int32)]),
    ),
)
for _name, _options, _function, _start, _rows in (
    ("SUM", "Sum", np.add, "0", [[5, 6], [4, 6]]),
    ("PROD", "Prod", np.multiply, "1", [[5, 6], [3, 8]]),
    ("MAX", "Max", np.fmax, "least", [[5, 6], [3, 4]]),
    ("MIN", "Min", np.fmin, "greatest", [[5, 6], [1, 2]]),
):
    define(
        f"UNSORTED_SEGMENT_{_name}",
        module=__name__,
        options=f"UnsortedSegment{_options}Options",
        signature=Signature("T, INT32|INT64, INT32|INT64 -> T", T=_TYPES),
        infer=infer_unsorted,
        eval=_evaluating(_function, _start),
        examples=(
            Example(
                [_DATA, np.array([1, 1, 0], np.int32), np.int32(2)], [np.array(_rows, np.int32)]
            ),
        ),
    )
