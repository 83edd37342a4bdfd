"""MaxUnpooling2D: puts each element back where a pooling found it; everything else is zero.

Two authors have an operator of this name, told apart by the type of the indices:

    FLOAT32 (MediaPipe)   the tap of a window, t = trunc(index): i = t / filter_w, j = t % filter_w
        output[n, y*stride_h - top + i, x*stride_w - left + j, c] = input[n, y, x, c]
        output [n, h*filter_h, w*filter_w, c]; top and left are those of the pooling that makes
        [h, w] of the output
    INT32 (LiteRT)        the position in an image
        output[n].reshape(-1)[index] = input[n, y, x, c]
        output [n, h*stride_h, w*stride_w, c] for SAME,
        [n, (h-1)*stride_h + filter_h, (w-1)*stride_w + filter_w, c] for VALID

input FLOAT32 [n,h,w,c], indices of the same shape. Of several elements for one place the last
counts, in the order of the input. The options are a C struct (pool_options.py).
Source: MediaPipe (util/tflite/operations/max_unpooling.cc), LiteRT
(kernels/perception/max_unpooling_2d.cc); neither checks the indices, this does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import DataError, ShapeError
from pytflite.format.schema import Padding
from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.custom.pool_options import PoolOptions, pool_options
from pytflite.ops.images import image_sizes
from pytflite.ops.operator import Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


class P(NamedTuple):
    """Origins of the windows, where indices are taps; None where they are positions.

    rows: int64 [h, 1, 1]; columns: int64 [w, 1]; filter: height and width.
    """

    rows: Array | None
    columns: Array | None
    filter: tuple[int, int]


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The image that was pooled."""
    source, indices = inputs
    assert source is not None and indices is not None
    options = pool_options(node)
    batch, height, width, channels = image_sizes(node, inputs)
    image_sizes(node, inputs, 1)
    if source.is_static and indices.is_static and source.shape != indices.shape:
        raise node.error(
            ShapeError, "each element needs one index", tensor=1,
            expected=list(source.static), found=list(indices.static),
        )  # fmt: skip
    high = None if height is None else _size(indices, options, height, True)
    wide = None if width is None else _size(indices, options, width, False)
    return (node.output(0, [batch, high, wide, channels]),)


def _size(indices: Spec, o: PoolOptions, size: int, vertical: bool) -> int:
    """Height or width of the output."""
    filter, stride = (o.filter_h, o.stride_h) if vertical else (o.filter_w, o.stride_w)
    if indices.dtype is FLOAT32:
        return size * filter
    if o.padding == Padding.SAME:
        return size * stride
    return (size - 1) * stride + filter if size else 0


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Where windows begin."""
    source, indices = inputs
    assert source is not None and indices is not None
    options = pool_options(node)
    filter = options.filter_h, options.filter_w
    if indices.dtype is not FLOAT32:
        return P(None, None, filter)
    _, height, width, _ = source.static
    rows = _origins(height, options.filter_h, options.stride_h)
    columns = _origins(width, options.filter_w, options.stride_w)
    return P(rows.reshape(-1, 1, 1), columns.reshape(-1, 1), filter)


def _origins(size: int, filter: int, stride: int) -> Array:
    before = max(0, (size - 1) * stride + filter - size * filter) // 2
    return np.arange(size, dtype=np.int64) * stride - before


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Scatters image by image."""
    source, indices, out = inputs[0], inputs[1], outputs[0]
    out.fill(0)
    for image, where, place in zip(source, indices, out, strict=True):
        positions = where.astype(np.int64) if p.rows is None else _positions(p, where, place, run)
        _check(positions, place.size, run)
        place.reshape(-1)[positions.reshape(-1)] = image.reshape(-1)


def _positions(p: P, taps: Array, place: Array, run: Run) -> Array:
    """Positions in the image for taps of windows; -1 for those outside."""
    # NaN and infinities become a tap that no window has.
    taps = np.where(np.abs(taps) < 2**31, taps, -1).astype(np.int64)
    _check(taps, p.filter[0] * p.filter[1], run)
    height, width, channels = place.shape
    y = taps // p.filter[1] + p.rows
    x = taps % p.filter[1] + p.columns
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    positions: Array = (y * width + x) * channels + np.arange(channels)
    return np.where(inside, positions, -1)


def _check(indices: Array, count: int, run: Run) -> None:
    bad = (indices < 0) | (indices >= count)
    if bad.any():
        tensor = run.node.inputs[1]
        raise run.node.error(
            DataError, "an index is out of range", code="data.index", tensor=tensor,
            expected=f"0 to {count - 1}", found=int(indices[bad][0]),
        )  # fmt: skip


for _name in ("MaxUnpooling2D", "LiteRtMaxUnpooling2D"):
    define(
        _name,
        module=__name__,
        custom=True,
        signature=Signature("FLOAT32, FLOAT32|INT32 -> FLOAT32"),
        infer=infer,
        prepare=prepare,
        eval=evaluate,
    )
