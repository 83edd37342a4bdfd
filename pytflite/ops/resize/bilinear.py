"""RESIZE_BILINEAR: images of another size, each pixel a mean of the four around it.

    s(i) = i * scale, or (i + 0.5) * scale - 0.5 with half_pixel_centers
    lower = max(floor(s), 0), upper = min(ceil(s), size - 1), w = s - lower
    along each axis  output[i] = (1 - w) * input[lower] + w * input[upper]

input [n, h, w, c], output [n, high, wide, c] of the same type. sizes.py has the scale; s may lie
outside the image by half a pixel, where lower and upper are the same one. align_corners and
half_pixel_centers exclude each other. The new size may come at run time.

    FLOAT32, FLOAT16  in float32
    UINT8             in float32, term by term as the reference does; + 0.5, truncated
    INT8, INT16       scale, s and weights have 10 fractional bits (the scale is rounded); the
                      mean's 20 bits are rounded half away from zero

Where XNNPACK is followed (ops/xnnpack.py), INT8 and UINT8 have weights of 11 fractional bits, and
the mean's 22 bits are rounded half up.

Rows are blended first, then columns, or the other way round if that is less work.
Source: RESIZE_BILINEAR (kernels/resize_bilinear.cc, internal/reference/resize_bilinear.h).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import OptionError
from pytflite.model.dtypes import FLOAT16, FLOAT32, INT8, INT16, UINT8, DType
from pytflite.model.graph import Array
from pytflite.ops import xnnpack
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.resize.positions import (
    FRACTION,
    NEAREST_FRACTION,
    Axis,
    float_axis,
    integer_axis,
    nearest_axis,
)
from pytflite.ops.resize.sizes import infer as infer_size
from pytflite.ops.resize.sizes import wanted_size
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec

# Elements of a block of blended rows: it stays in the L2 cache while columns are blended.
_BLOCK = 1 << 16


class Work(NamedTuple):
    """Working arrays of a block: pixels as taken, and sums of weighted ones.

    `a` and `b` are after the axis that is blended first, `left` and `right` after both.
    """

    taken: Array
    a: Array
    b: Array
    left: Array
    right: Array


class Kind(NamedTuple):
    """How images of one type are blended: a row of the table."""

    finish: Callable[[Array, Array, Array], None] | None  # None: term by term
    sums: Any
    axis: Callable[[Node, int, int], Axis]


class P(NamedTuple):
    """The type's row; the axes, if the size is known; bytes of the working arrays."""

    kind: Kind
    axes: tuple[Axis, Axis] | None
    scratch: int


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The wanted size."""
    if node.options.align_corners and node.options.half_pixel_centers:
        raise node.error(
            OptionError,
            "align_corners and half_pixel_centers exclude each other",
            expected="at most one",
            found="both",
        )
    return infer_size(node, inputs)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """The tables, if the size is known."""
    source = inputs[0]
    assert source is not None
    kind = _KINDS[source.dtype]
    if xnnpack.takes_resize(node, source, inputs[1], outputs[0]):
        kind = _NEAREST
    if not outputs[0].is_static or not outputs[0].size:
        return P(kind, None, 0)
    axes = _axes(node, kind, source.static, outputs[0].static)
    arrays = _work(kind, axes[0], source.static, outputs[0].static, source.dtype.storage)
    return P(kind, axes, sum(_bytes(shape, dtype) for shape, dtype in arrays))


def _axes(node: Node, kind: Kind, source: Shape, target: Shape) -> tuple[Axis, Axis]:
    """The tables of rows and of columns, their weights as they are multiplied with pixels."""
    rows, columns = kind.axis(node, source[1], target[1]), kind.axis(node, source[2], target[2])
    down = (w.astype(kind.sums)[:, None, None] for w in rows[2:])
    # One weight for each channel: NumPy is slow where it repeats a number a few times.
    across = (np.repeat(w.astype(kind.sums)[:, None], source[3], 1) for w in columns[2:])
    return Axis(*rows[:2], *down), Axis(*columns[:2], *across)


def _is_columns_first(kind: Kind, source: Shape, target: Shape) -> bool:
    """Whether it takes less to blend the columns of the input's rows than those of the output."""
    return kind.finish is not None and target[1] > source[1]


def _work(
    kind: Kind, rows: Axis, source: Shape, target: Shape, storage: Any
) -> tuple[tuple[Shape, Any], ...]:
    """Shapes and types of the working arrays."""
    _, high, wide, channels = target
    width, sums = source[2], kind.sums
    step = max(1, min(high, _BLOCK // max(1, max(width, wide) * channels)))
    result = (step, wide, channels), sums
    if not _is_columns_first(kind, source, target):
        blended = (step, width, channels)
        return (blended, storage), (blended, sums), (blended, sums), result, result
    last = np.minimum(np.arange(step - 1, high + step - 1, step), high - 1)
    most = int((rows.upper[last] - rows.lower[::step]).max()) + 1
    halfway = (most, wide, channels), sums
    return ((most, width, channels), sums), halfway, halfway, result, result


def _bytes(shape: Shape, dtype: Any) -> int:
    return -(-math.prod(shape) * int(dtype.itemsize) // 64) * 64


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Blends block by block of rows."""
    source, target = inputs[0], outputs[0]
    if target is None:
        shape = (len(source), *wanted_size(inputs, run), source.shape[3])
        target = run.empty(shape, source.dtype)
    if target.size:
        kind = p.kind
        rows, columns = p.axes or _axes(run.node, kind, source.shape, target.shape)
        arrays = _work(kind, rows, source.shape, target.shape, source.dtype)
        work = _carve(arrays, run)
        blend = _rows_first
        if _is_columns_first(kind, source.shape, target.shape):
            blend = _columns_first
        for image, result in zip(source, target, strict=True):
            blend(kind, image, rows, columns, result, work)
    return None if outputs[0] is not None else [target]


def _carve(arrays: tuple[tuple[Shape, Any], ...], run: Run) -> Work:
    """The working arrays, one after the other in scratch."""
    memory = run.scratch((sum(_bytes(shape, dtype) for shape, dtype in arrays),), np.uint8)
    carved, at = [], 0
    for shape, dtype in arrays:
        size = math.prod(shape) * dtype.itemsize
        carved.append(memory[at : at + size].view(dtype).reshape(shape))
        at += _bytes(shape, dtype)
    return Work(*carved)


def _take(source: Array, which: Array, axis: int, weight: Array, into: Array) -> None:
    """`into` = these rows or columns by their weights."""
    # With `clip` NumPy writes into `out` at once; all positions are in range.
    source.take(which, axis=axis, out=into, mode="clip")
    np.multiply(into, weight, out=into)


def _blocks(rows: Axis, out: Array, work: Work) -> Iterator[tuple[Axis, Array, Array, Array]]:
    """Blocks of rows of the output, with what `left` and `right` have for them."""
    step = len(work.left)
    for start in range(0, len(out), step):
        block = out[start : start + step]
        count = len(block)
        yield rows.part(start, start + step), block, work.left[:count], work.right[:count]


def _rows_first(
    kind: Kind, image: Array, rows: Axis, columns: Axis, out: Array, work: Work
) -> None:
    """Rows of the input become rows of the output, then columns."""
    for part, block, left, right in _blocks(rows, out, work):
        taken, a, b = (array[: len(block)] for array in work[:3])
        for into, which, weight in (
            (a, part.lower, part.lower_weight),
            (b, part.upper, part.upper_weight),
        ):
            image.take(which, axis=0, out=taken, mode="clip")
            np.multiply(taken, weight, out=into, dtype=into.dtype)
        if kind.finish is None:
            _terms(a, b, columns, block, left, right)
            continue
        np.add(a, b, out=a)
        _take(a, columns.lower, 1, columns.lower_weight, left)
        _take(a, columns.upper, 1, columns.upper_weight, right)
        kind.finish(left, right, block)


def _columns_first(
    kind: Kind, image: Array, rows: Axis, columns: Axis, out: Array, work: Work
) -> None:
    """The columns of those rows of the input that a block sees, each once; then rows."""
    assert kind.finish is not None
    begin = end = 0  # `a` has these rows of the input
    for part, block, left, right in _blocks(rows, out, work):
        first, last = int(part.lower[0]), int(part.upper[-1])
        kept = max(0, end - first)
        if kept and first > begin:
            work.a[:kept] = work.a[first - begin : end - begin]
        begin, end = first, max(end, last + 1)
        if kept < end - begin:
            new = end - begin - kept
            taken, a, b = work.taken[:new], work.a[kept : kept + new], work.b[:new]
            np.copyto(taken, image[begin + kept : end])
            _take(taken, columns.lower, 1, columns.lower_weight, a)
            _take(taken, columns.upper, 1, columns.upper_weight, b)
            np.add(a, b, out=a)
        _take(work.a, part.lower - first, 0, part.lower_weight, left)
        _take(work.a, part.upper - first, 0, part.upper_weight, right)
        kind.finish(left, right, block)


def _terms(a: Array, b: Array, columns: Axis, out: Array, left: Array, right: Array) -> None:
    """UINT8: four terms in the reference's order, since float32 rounds each."""
    _take(a, columns.lower, 1, columns.lower_weight, left)
    for source, which, weight in (
        (b, columns.lower, columns.lower_weight),
        (a, columns.upper, columns.upper_weight),
        (b, columns.upper, columns.upper_weight),
    ):
        _take(source, which, 1, weight, right)
        np.add(left, right, out=left)
    left += np.float32(0.5)
    np.copyto(out, left, casting="unsafe")


def finish_floats(left: Array, right: Array, out: Array) -> None:
    """FLOAT32 and FLOAT16: the sum."""
    np.add(left, right, out=out, casting="same_kind")


def finish_integers(left: Array, right: Array, out: Array) -> None:
    """INT8 and INT16: the sum, exact until here, rounded half away from zero."""
    np.add(left, right, out=left)
    np.right_shift(left, 8 * left.itemsize - 1, out=right)  # -1 where negative
    right += 1 << (2 * FRACTION - 1)
    left += right
    left >>= 2 * FRACTION
    np.copyto(out, left, casting="unsafe")


def finish_nearest(left: Array, right: Array, out: Array) -> None:
    """XNNPACK's INT8 and UINT8: the sum, exact until here, rounded half up."""
    np.add(left, right, out=left)
    left += 1 << (2 * NEAREST_FRACTION - 1)
    left >>= 2 * NEAREST_FRACTION
    np.copyto(out, left, casting="unsafe")


_F32, _I32, _I64 = np.dtype(np.float32), np.dtype(np.int32), np.dtype(np.int64)
_KINDS: dict[DType, Kind] = {
    FLOAT32: Kind(finish_floats, _F32, float_axis),
    FLOAT16: Kind(finish_floats, _F32, float_axis),
    UINT8: Kind(None, _F32, float_axis),
    INT8: Kind(finish_integers, _I32, integer_axis),
    INT16: Kind(finish_integers, _I64, integer_axis),
}
_NEAREST = Kind(finish_nearest, _I32, nearest_axis)


def scratch(p: P) -> int:
    """Bytes of the working arrays."""
    return p.scratch


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Two multiplications along each axis."""
    source = inputs[0]
    assert source is not None
    return Cost(4 * outputs[0].size, source.nbytes + outputs[0].nbytes)


_X = [[[[0.0], [4.0]], [[8.0], [12.0]]]]

define(
    "RESIZE_BILINEAR",
    module=__name__,
    options="ResizeBilinearOptions",
    signature=Signature("T, INT32 -> T", T="|".join(str(dtype) for dtype in _KINDS)),
    versions=(1, 4),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    scratch=scratch,
    rows_apart=True,
    tolerance=4,
    examples=(
        Example(
            [_X, np.array([1, 4], np.int32)],
            [[[[[0.0], [2.0], [4.0], [4.0]]]]],
        ),
        Example(
            [_X, np.array([3, 3], np.int32)],
            [[[[[0.0], [2.0], [4.0]], [[4.0], [6.0], [8.0]], [[8.0], [10.0], [12.0]]]]],
            {"align_corners": True},
        ),
    ),
)
