"""AVERAGE_POOL_2D, MAX_POOL_2D, L2_POOL_2D: one value for each window of an image.

    S(y, x) = input positions (y*stride_h - top + i, x*stride_w - left + j) inside the image,
              i < filter_height, j < filter_width
    average  output[n,y,x,c] = sum(input[n,S,c]) / |S|
    max      output[n,y,x,c] = max(input[n,S,c])
    l2       output[n,y,x,c] = sqrt(sum(input[n,S,c]^2) / |S|)

input [n,h,w,c], output [n,oh,ow,c] of the same type; then the fused activation. Padding is left
out, not counted as zeros (windows.py says how much there is). Integers are pooled as they are,
scales and zero points do not matter; averages round half away from zero. NaN never wins a
maximum. FLOAT16 is summed in float32.

A window is combined in two passes, its rows and then the columns of what results: that takes
filter_height + filter_width operations and not their product.
Source: AVERAGE_POOL_2D, MAX_POOL_2D, L2_POOL_2D (kernels/pooling.cc,
internal/reference/pooling.h, internal/reference/integer_ops/pooling.h).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops import xnnpack
from pytflite.ops.activation import Bounds, bounds, clamp, quantized_range
from pytflite.ops.images import image_sizes
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.pooling.sliding import Tap, combine, kept_taps, taps_of
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec
from pytflite.ops.windows import Window, slide

# Elements of a block of combined rows: it stays in the L2 cache while columns are combined.
_BLOCK = 1 << 16
# Quotients of integers below this and their roundings are exact in float32.
_EXACT_FLOAT32 = 1 << 22


class Pool(NamedTuple):
    """How one of the family combines: a row of the table."""

    combine: np.ufunc
    squares: bool = False  # of the elements
    mean: bool = False  # over the window


class Block(NamedTuple):
    """Some rows of the output, and the taps through which they see rows of the input."""

    start: int
    stop: int
    rows: Window
    taps: tuple[Tap, ...] | None


class P(NamedTuple):
    """Constants of one pooling.

    Attributes:
        images, blocks: so many images are pooled at once, so many rows of them.
        columns, column_taps: the windows along a row.
        counts: what sums are divided by, if they are: [oh, ow, 1], or a number.
        limits: bounds of the fused activation.
        work: shapes and types of the working arrays: combined rows, then as `evaluate` names them.
    """

    pool: Pool
    images: int
    blocks: tuple[Block, ...]
    columns: Window
    column_taps: tuple[Tap, ...] | None
    counts: Any
    limits: Bounds
    work: tuple[tuple[Shape, Any], ...]


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[n, oh, ow, c] by the windows' arithmetic."""
    bounds(node)
    batch, height, width, channels = image_sizes(node, inputs)
    rows, columns = _windows(node, height, width)
    high = None if rows is None else rows.output
    wide = None if columns is None else columns.output
    return (node.output(0, [batch, high, wide, channels]),)


def _windows(
    node: Node, height: int | None, width: int | None
) -> tuple[Window | None, Window | None]:
    o = node.options
    return (
        slide(node, "height", o.padding, height, o.filter_height, o.stride_h),
        slide(node, "width", o.padding, width, o.filter_width, o.stride_w),
    )


def static_windows(node: Node, source: Spec) -> tuple[Window, Window]:
    """Windows down and across, of an input whose shape is known."""
    rows, columns = _windows(node, source.static[1], source.static[2])
    assert rows is not None and columns is not None
    return rows, columns


def limits_of(node: Node, source: Spec, output: Spec) -> tuple[int, int]:
    """What the fused activation lets pass of integers; XNNPACK knows maxima only."""
    even = node.name == "MAX_POOL_2D" and xnnpack.takes(node, source, output)
    return quantized_range(node, output, even=even)


def prepare(pool: Pool, node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Windows cut into blocks of rows; types, counts and bounds."""
    source = inputs[0]
    assert source is not None
    rows, columns = static_windows(node, source)
    limits = bounds(node)
    if source.dtype.is_integer and limits != (None, None):
        limits = limits_of(node, source, outputs[0])
    batch, _, width, channels = source.static
    per_row = max(1, max(width, columns.output) * channels)
    step = max(1, min(_BLOCK // per_row, rows.output))
    images = max(1, min(batch, _BLOCK // (per_row * max(1, rows.output))))
    sums, quotients = _types(pool, source, rows, columns)
    combined, result = (images, step, width, channels), (images, step, columns.output, channels)
    work: list[tuple[Shape, Any]] = [(combined, sums)]
    if pool.squares:
        work.append((combined, sums))
    if sums != source.dtype.storage:
        work.append((result, sums))
    if quotients is not None:
        work += [(result, quotients), (result, quotients)]
    counts = None
    if pool.mean and outputs[0].size:
        counts = _counts(rows, columns, sums if quotients is None else quotients)
    blocks = tuple(_blocks(rows, step))
    return P(pool, images, blocks, columns, kept_taps(columns), counts, limits, tuple(work))


def _types(pool: Pool, source: Spec, rows: Window, columns: Window) -> tuple[Any, Any]:
    """Types of sums and (for integers) of quotients: the smallest in which they are exact."""
    storage = source.dtype.storage
    if not pool.mean:
        return storage, None
    if not source.dtype.is_integer:
        return np.dtype(np.float32), None
    info = np.iinfo(storage)
    most = max(-int(info.min), int(info.max)) * _inside(rows) * _inside(columns)
    sums = next(t for t in (np.int16, np.int32, np.int64) if most <= np.iinfo(t).max)
    return np.dtype(sums), np.dtype(np.float32 if most < _EXACT_FLOAT32 else np.float64)


def _inside(window: Window) -> int:
    """The most taps of a window that are inside the input."""
    return min(window.filter, window.input)


def _blocks(rows: Window, step: int) -> Iterator[Block]:
    """The output's rows in blocks, each with a window of its own onto the whole input."""
    for start in range(0, rows.output, step):
        stop = min(rows.output, start + step)
        part = rows._replace(output=stop - start, before=rows.before - start * rows.stride)
        yield Block(start, stop, part, kept_taps(part))


def _counts(rows: Window, columns: Window, dtype: Any) -> Any:
    """|S| of each window: [oh, ow, 1], or one number where all windows are whole."""
    down, across = rows.counts(), columns.counts()
    if (down == rows.filter).all() and (across == columns.filter).all():
        return dtype.type(rows.filter * columns.filter)
    return np.multiply.outer(down, across)[..., None].astype(dtype)


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Block by block: rows, columns, then what becomes of the sums."""
    source, target = inputs[0], outputs[0]
    if not target.size:
        return
    operation, squares = p.pool.combine, p.pool.squares
    work = _carve(p, run)
    for at in range(0, len(source), p.images):
        images, results = source[at : at + p.images], target[at : at + p.images]
        for block in p.blocks:
            rows, *rest = [a[: len(images), : block.stop - block.start] for a in work]
            taps = block.taps or taps_of(block.rows)
            if squares:
                _add_squares(images, taps, rows, rest.pop(0))
            else:
                combine(operation, images.swapaxes(0, 1), taps, rows.swapaxes(0, 1))
            place = results[:, block.start : block.stop]
            sums = rest.pop(0) if p.pool.mean and rest else place
            taps = p.column_taps or taps_of(p.columns)
            combine(operation, rows.swapaxes(0, 2), taps, sums.swapaxes(0, 2))
            if p.pool.mean:
                sums = _divide(p, block, sums, rest)
                if squares:
                    np.sqrt(sums, out=sums)
            clamp(sums, p.limits)
            if sums is not place:
                np.copyto(place, sums, casting="unsafe")


def _carve(p: P, run: Run) -> list[Array]:
    """The working arrays, one after the other in scratch."""
    memory = run.scratch((scratch(p),), np.uint8)
    arrays, at = [], 0
    for shape, dtype in p.work:
        size = math.prod(shape) * dtype.itemsize
        arrays.append(memory[at : at + size].view(dtype).reshape(shape))
        at += _aligned(size)
    return arrays


def scratch(p: P) -> int:
    """Bytes of the working arrays."""
    return sum(_aligned(math.prod(shape) * dtype.itemsize) for shape, dtype in p.work)


def _aligned(size: int) -> int:
    return -(-size // 64) * 64


def _add_squares(images: Array, taps: Iterable[Tap], rows: Array, term: Array) -> None:
    """`rows` = the sums of squares of the rows seen through all taps."""
    whole = True
    for outputs, seen in taps:
        part, square = rows[:, outputs], term[:, outputs]
        square = rows if whole else square
        np.multiply(images[:, seen], images[:, seen], out=square, dtype=square.dtype)
        if not whole:
            np.add(part, square, out=part)
        whole = False


def _divide(p: P, block: Block, sums: Array, quotients: Sequence[Array]) -> Array:
    """Sums by counts; those of integers in floats, so that truncation rounds half away from 0."""
    counts = p.counts if p.counts.ndim == 0 else p.counts[block.start : block.stop]
    if not quotients:
        np.true_divide(sums, counts, out=sums)
        return sums
    quotient, half = quotients
    np.true_divide(sums, counts, out=quotient, dtype=quotient.dtype)
    np.copysign(quotient.dtype.type(0.5), quotient, out=half)
    np.add(quotient, half, out=quotient)
    return quotient


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """An operation for every tap of a row and of a column."""
    source = inputs[0]
    assert source is not None
    rows, columns = static_windows(node, source)
    batch, _, width, channels = source.static
    combined = batch * rows.output * width * channels
    macs = combined * _inside(rows) + outputs[0].size * _inside(columns)
    return Cost(macs, source.nbytes + outputs[0].nbytes)


_IMAGE = [[[[1.0], [2.0], [5.0]], [[3.0], [6.0], [7.0]]]]
_SAME = {"padding": 0, "stride_w": 2, "stride_h": 2, "filter_width": 2, "filter_height": 2}
_VALID = _SAME | {"padding": 1}

_FLOATS = "FLOAT32|FLOAT16"
_TABLE: tuple[tuple[str, Pool, str, tuple[int, int], tuple[Example, ...]], ...] = (
    (
        "AVERAGE_POOL_2D", Pool(np.add, mean=True), _FLOATS + "|INT8|UINT8|INT16", (1, 3),
        (Example([_IMAGE], [[[[[3.0], [6.0]]]]], _SAME), Example([_IMAGE], [[[[[3.0]]]]], _VALID)),
    ),
    (
        "MAX_POOL_2D", Pool(np.fmax), _FLOATS + "|INT8|UINT8|INT16", (1, 3),
        (Example([_IMAGE], [[[[[6.0], [7.0]]]]], _SAME),),
    ),
    (
        "L2_POOL_2D", Pool(np.add, squares=True, mean=True), _FLOATS, (1, 1),
        (Example([[[[[3.0], [3.0]], [[4.0], [4.0]]]]], [[[[[12.5**0.5]]]]], _VALID),),
    ),
)  # fmt: skip

for _name, _pool, _dtypes, _versions, _examples in _TABLE:
    define(
        _name,
        module=__name__,
        options="Pool2DOptions",
        signature=Signature("T -> T", T=_dtypes),
        versions=_versions,
        infer=infer,
        prepare=partial(prepare, _pool),
        eval=evaluate,
        cost=cost,
        scratch=scratch,
        rows_apart=True,
        tolerance=4,
        examples=_examples,
    )
