"""DenseImageWarp: an image whose pixels have moved along a flow, read bilinearly.

    y, x = i - flow[n, i, j, 0], j - flow[n, i, j, 1]
    fy, fx = floor(y), floor(x), brought within 0 .. h-2 and 0 .. w-2
    ay, ax = y - fy, x - fx, brought within 0 .. 1
    output[n, i, j] = interpolation of the pixels (fy, fx), (fy, fx+1), (fy+1, fx), (fy+1, fx+1)

image FLOAT32 [n, h, w, c] with h, w >= 2, flow FLOAT32 [n, h, w, 2], output like image. Points
outside take the nearest pixel of the border.
Source: LiteRT (kernels/perception/dense_image_warp.cc), after TensorFlow Addons.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import ShapeError
from pytflite.model.graph import Array
from pytflite.ops.custom.sampling import points_at_once
from pytflite.ops.images import image_sizes
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape of the image."""
    image, flow = inputs
    assert image is not None and flow is not None
    for number in range(2):
        image_sizes(node, inputs, number)
    if image.is_static and min(image.static[1:3]) < 2:
        raise node.error(
            ShapeError, "the image is too small", tensor=0, expected="at least 2 x 2",
            found=list(image.static),
        )  # fmt: skip
    if image.is_static and flow.is_static and flow.static != (*image.static[:3], 2):
        raise node.error(
            ShapeError, "each pixel needs a flow", tensor=1, expected=[*image.static[:3], 2],
            found=list(flow.static),
        )  # fmt: skip
    return (node.output(0, image.shape),)


def evaluate(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Image by image, some rows at a time."""
    images, flows, out = inputs[0], inputs[1], outputs[0]
    if not out.size:
        return
    _, height, width, channels = images.shape
    step = max(1, points_at_once(channels) // width)
    for image, flow, place in zip(images, flows, out, strict=True):
        for start in range(0, height, step):
            rows = np.arange(start, min(height, start + step))
            _warp(image, rows, flow[rows], place[start : start + step])


def _warp(image: Array, rows: Array, flow: Array, out: Array) -> None:
    height, width, channels = image.shape
    y, ay = _between(rows.astype(np.float32)[:, None] - flow[..., 0], height)
    x, ax = _between(np.arange(width, dtype=np.float32) - flow[..., 1], width)
    pixels = image.reshape(-1, channels)
    corner = y * width + x
    top, bottom = pixels.take(corner, axis=0), pixels.take(corner + width, axis=0)
    for line, first in ((top, corner), (bottom, corner + width)):
        line += ax * (pixels.take(first + 1, axis=0) - line)
    np.subtract(bottom, top, out=bottom)
    np.multiply(bottom, ay, out=bottom)
    np.add(bottom, top, out=out)


def _between(points: Array, size: int) -> tuple[Array, Array]:
    """The pixel before each point, and the point's way to the next one: 0 to 1, [.., .., 1]."""
    points = np.where(np.isnan(points), np.float32(0), points)
    near = np.clip(np.floor(points), -1, 2.0**31)
    before = np.clip(near.astype(np.int64), 0, size - 2)
    way = np.clip(points - before.astype(np.float32), 0, 1)
    return before, way[..., None]


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Three products for each element."""
    return Cost.of(3 * outputs[0].size, inputs, outputs)


define(
    "DenseImageWarp",
    module=__name__,
    custom=True,
    signature=Signature("FLOAT32, FLOAT32 -> FLOAT32"),
    infer=infer,
    eval=evaluate,
    cost=cost,
    rows_apart=True,
    tolerance=4,
    examples=(
        Example(
            [
                [[[[1.0], [2.0]], [[3.0], [4.0]]]],
                [[[[0.0, 0.0], [0.0, 0.5]], [[0.5, 0.0], [9.0, 9.0]]]],
            ],
            [[[[[1.0], [1.5]], [[2.0], [1.0]]]]],
        ),
    ),
)
