"""Resampler: an image read at given points, bilinearly.

    x, y = warp[n, i, j]
    output[n, i, j] = sum of the four pixels p around (x, y): (1 - |x - p_x|) (1 - |y - p_y|) *
                      data[n, p_y, p_x]

where pixels outside the image are zero, and so are points at -1 or less, or at the width or height
or more (or NaN). data FLOAT32 [n, h, w, channels], warp FLOAT32 [n, oh, ow, 2], output
[n, oh, ow, channels].
Source: MediaPipe (util/tflite/operations/resampler.cc, where warp has the size of the image) and
LiteRT's GPU delegate (any size), after TensorFlow Addons' resampler.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import ShapeError
from pytflite.model.graph import Array
from pytflite.ops.custom.sampling import neighbours, points_at_once
from pytflite.ops.images import image_sizes
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The points of warp, the channels of data."""
    batch, _, _, channels = image_sizes(node, inputs)
    others, height, width, pair = image_sizes(node, inputs, 1)
    if pair not in (2, None) or (None not in (batch, others) and batch != others):
        raise node.error(
            ShapeError, "each point needs x and y", tensor=1,
            expected=f"[{'n' if batch is None else batch}, h, w, 2]",
            found=[others, height, width, pair],
        )  # fmt: skip
    return (node.output(0, [others if batch is None else batch, height, width, channels]),)


def evaluate(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Image by image, some points at a time."""
    data, warp, out = inputs[0], inputs[1], outputs[0]
    if not out.size:
        return
    step = points_at_once(data.shape[3])
    for image, points, place in zip(data, warp, out, strict=True):
        points, flat = points.reshape(-1, 2), place.reshape(-1, place.shape[-1])
        for start in range(0, len(points), step):
            _sample(image, points[start : start + step], flat[start : start + step])


def _sample(image: Array, points: Array, out: Array) -> None:
    height, width, _ = image.shape
    x, y = points[:, 0], points[:, 1]
    inside = (x > -1) & (y > -1) & (x < np.float32(width)) & (y < np.float32(height))
    x, y = np.where(inside, x, -1), np.where(inside, y, -1)
    left, top = np.floor(x), np.floor(y)
    near_x, near_y = ((left + 1) - x)[:, None], ((top + 1) - y)[:, None]
    far_x, far_y = 1 - near_x, 1 - near_y
    a, b, c, d = neighbours(image, top.astype(np.int64), left.astype(np.int64))
    np.multiply(a, near_x * near_y, out=out)
    out += d * (far_x * far_y)
    out += c * (near_x * far_y)
    out += b * (far_x * near_y)
    out[~inside] = 0


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Four products for each element."""
    return Cost.of(4 * outputs[0].size, inputs, outputs)


_SQUARE = [[[[1.0], [2.0]], [[3.0], [4.0]]]]

define(
    "Resampler",
    module=__name__,
    custom=True,
    signature=Signature("FLOAT32, FLOAT32 -> FLOAT32"),
    infer=infer,
    eval=evaluate,
    cost=cost,
    rows_apart=True,
    tolerance=4,
    examples=(
        Example([_SQUARE, [[[[0.5, 0.5], [1.0, 0.0], [1.5, 0.0]]]]], [[[[[2.5], [2.0], [1.0]]]]]),
    ),
)
