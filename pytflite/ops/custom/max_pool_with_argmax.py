"""MaxPoolingWithArgmax2D, MaxPoolWithArgmax: the largest element of each window, and where it is.

    S(y, x) = taps (i, j) of the window whose position (y*stride_h - top + i, x*stride_w - left + j)
              is inside the image
    output[n,y,x,c] = max over S(y, x) of the input at those positions
    argmax[n,y,x,c] tells the first tap, in row-major order, where it is

input FLOAT32 [n,h,w,c]; both outputs [n,oh,ow,c]. NaN never wins. The two differ in the argmax:

    MaxPoolingWithArgmax2D   FLOAT32: the tap, i * filter_w + j + 0.1
    MaxPoolWithArgmax        INT32 or INT64: the position, (iy*w + ix)*channels + c; if
                             include_batch_in_index, n*h*w*channels more

MaxPoolingWithArgmax2D has the options of a C struct (pool_options.py), with a fused activation;
MaxPoolWithArgmax has TensorFlow's attributes ksize, strides, padding and include_batch_in_index.
Source: MediaPipe (util/tflite/operations/max_pool_argmax.cc), LiteRT
(kernels/perception/max_pool_with_argmax.cc), whose argmax is 0 where all of a window is -inf.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import LimitError, OptionError
from pytflite.format.schema import ActivationFunctionType
from pytflite.model.dtypes import INT32
from pytflite.model.graph import Array
from pytflite.ops.activation import Bounds, bounds, clamp
from pytflite.ops.custom.options import flag, integers, padding
from pytflite.ops.custom.pool_options import PoolOptions, pool_options
from pytflite.ops.custom.tensorflow import attributes
from pytflite.ops.images import image_sizes
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec
from pytflite.ops.windows import Window, slide


class P(NamedTuple):
    """Constants of one pooling.

    Attributes:
        rows, columns: the windows, without taps that see nothing.
        limits: bounds of the fused activation.
        steps: what a tap further down, and one further right, adds to the argmax.
        first: the argmax of each output's first tap inside: [oh, ow, 1].
        origin: what is added to the argmax in the end: [oh, ow, channels], or a number.
        per_image: what is added for each image before.
    """

    rows: Window
    columns: Window
    limits: Bounds
    steps: tuple[int, int]
    first: Array
    origin: Array | float
    per_image: int


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[n, oh, ow, c] for both outputs."""
    options = _options(node)
    bounds(node, options.activation)
    batch, height, width, channels = image_sizes(node, inputs)
    rows, columns = _windows(node, options, height, width)
    shape = [
        batch, None if rows is None else rows.output,
        None if columns is None else columns.output, channels,
    ]  # fmt: skip
    return node.output(0, shape), node.output(1, shape)


def _options(node: Node) -> PoolOptions:
    if _in_window(node):
        return pool_options(node)
    given = attributes(node)
    sizes = integers(node, "ksize", 4, least=1, options=given)
    strides = integers(node, "strides", 4, least=1, options=given)
    for key, values in (("ksize", sizes), ("strides", strides)):
        if values[0] != 1 or values[3] != 1:
            raise node.error(
                OptionError, f"{key} goes across images or channels",
                expected="[1, height, width, 1]", found=list(values),
            )  # fmt: skip
    kind = padding(node, given.get("padding"))
    activation = ActivationFunctionType.NONE
    return PoolOptions(kind, strides[2], strides[1], sizes[2], sizes[1], activation)


def _in_window(node: Node) -> bool:
    """Whether the argmax counts within the window."""
    return node.name == "MaxPoolingWithArgmax2D"


def _windows(
    node: Node, o: PoolOptions, height: int | None, width: int | None
) -> tuple[Window | None, Window | None]:
    return (
        slide(node, "height", o.padding, height, o.filter_h, o.stride_h),
        slide(node, "width", o.padding, width, o.filter_w, o.stride_w),
    )


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Windows, and the argmax of taps."""
    source = inputs[0]
    assert source is not None
    options = _options(node)
    _, height, width, channels = source.static
    rows, columns = _windows(node, options, height, width)
    assert rows is not None and columns is not None
    limits = bounds(node, options.activation)
    (rows, above), (columns, left) = rows.trimmed(), columns.trimmed()
    y, x = (np.arange(w.output) * w.stride - w.before for w in (rows, columns))
    if _in_window(node):
        steps, per_image = (options.filter_w, 1), 0
        origin: Array | float = above * options.filter_w + left + 0.1
    else:
        steps = width * channels, channels
        with_batch = flag(node, "include_batch_in_index", False, options=attributes(node))
        per_image = height * width * channels if with_batch else 0
        _check_indices(node, source, outputs[1])
        positions = np.add.outer(y * steps[0], x * steps[1])
        origin = positions[..., None] + np.arange(channels)
    first = np.add.outer(np.maximum(-y, 0) * steps[0], np.maximum(-x, 0) * steps[1])[..., None]
    return P(rows, columns, limits, steps, first, origin, per_image)


def _check_indices(node: Node, source: Spec, indices: Spec) -> None:
    if indices.dtype is INT32 and source.size > 2**31:
        raise node.error(
            LimitError, "the positions do not fit INT32", code="limit.tensor",
            expected="at most 2^31 elements", found=source.size,
        )  # fmt: skip


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Image by image."""
    if not outputs[0].size:
        return
    for n, (image, best, argmax) in enumerate(zip(inputs[0], *outputs, strict=True)):
        winner = _pool(p, image, best)
        winner += np.asarray(p.origin, winner.dtype)
        winner += np.asarray(p.per_image * n, winner.dtype)
        np.copyto(argmax, winner, casting="unsafe")
        clamp(best, p.limits)


def _pool(p: P, image: Array, best: Array) -> Array:
    """Tap by tap, what is greater than all before it; returns the argmax, without its origin."""
    best.fill(-np.inf)
    winner = np.empty(best.shape, np.float32 if isinstance(p.origin, float) else np.int64)
    winner[...] = p.first
    for i in range(p.rows.filter):
        outer, seen_rows = p.rows.taps(i)
        for j in range(p.columns.filter):
            inner, seen_columns = p.columns.taps(j)
            seen = image[seen_rows, seen_columns]
            if not seen.size:
                continue
            part = best[outer, inner]
            greater = seen > part
            np.copyto(part, seen, where=greater)
            np.copyto(winner[outer, inner], i * p.steps[0] + j * p.steps[1], where=greater)
    return winner


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A comparison for each tap that sees anything."""
    source = inputs[0]
    assert source is not None
    rows, columns = _windows(node, _options(node), source.static[1], source.static[2])
    assert rows is not None and columns is not None
    taps = rows.trimmed()[0].filter * columns.trimmed()[0].filter
    return Cost(outputs[0].size * taps, source.nbytes + sum(s.nbytes for s in outputs))


_IMAGE = [[[[1.0], [9.0], [3.0], [4.0]], [[5.0], [6.0], [7.0], [8.0]]]]

define(
    "MaxPoolingWithArgmax2D",
    module=__name__,
    custom=True,
    signature=Signature("FLOAT32 -> FLOAT32, FLOAT32"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
)
for _name in ("MaxPoolWithArgmax", "FlexMaxPoolWithArgmax"):
    define(
        _name,
        module=__name__,
        custom=True,
        signature=Signature("FLOAT32 -> FLOAT32, INT32|INT64"),
        infer=infer,
        prepare=prepare,
        eval=evaluate,
        cost=cost,
        examples=()
        if _name.startswith("Flex")
        else (
            Example(
                [_IMAGE],
                [[[[[9.0], [8.0]]]], np.array([[[[1], [7]]]], np.int32)],
                {"ksize": [1, 2, 2, 1], "strides": [1, 2, 2, 1], "padding": "SAME"},
            ),
        ),
    )
