"""TransformTensorBilinear: an image read through an affine transform, bilinearly.

    x = m[0,0]*j + m[0,1]*i + m[0,3]
    y = m[1,0]*j + m[1,1]*i + m[1,3]
    output[0, i, j] = the four pixels around (x, y), weighted by 1 - distance along each axis;
                      0 where not 0 <= x <= w-1 and 0 <= y <= h-1

Version 2 takes pixels by their centres: j + 1/2 and i + 1/2 are transformed, and 1/2 is taken off
the results. data FLOAT32 [1, h, w, channels], matrix FLOAT32 of 16 elements (rows of a 4 x 4 one,
of which the first two count), output [1, output_height, output_width, channels].
Options: `output_size` [height, width] and perhaps mode "bilinear" in version 1, `output_height` and
`output_width` in version 2. The first version was named TransformTensor, too.
Source: MediaPipe (util/tflite/operations/transform_tensor_bilinear.cc; the options as LiteRT's GPU
delegate reads them).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import OptionError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.custom.options import integer, integers
from pytflite.ops.custom.sampling import neighbours, points_at_once
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The size that the options give."""
    data, matrix = inputs
    assert data is not None and matrix is not None
    height, width = _size(node)
    if data.rank not in (4, None) or (data.shape is not None and data.shape[0] not in (1, None)):
        raise node.error(
            ShapeError, "the input is no single image", tensor=0, expected="[1, h, w, c]",
            found=list(data.shape or ()),
        )  # fmt: skip
    check_matrix(node, matrix)
    channels = None if data.shape is None else data.shape[3]
    return (node.output(0, [1, height, width, channels]),)


def _size(node: Node) -> tuple[int, int]:
    most = 1 << 20
    if "output_size" in node.custom:
        height, width = integers(node, "output_size", 2, least=1, most=most)
        mode = node.custom.get("mode", "bilinear")
        if mode != "bilinear":
            raise node.error(
                OptionError, "the tensor can only be transformed bilinearly",
                expected="mode bilinear", found=mode,
            )  # fmt: skip
        return height, width
    return (
        integer(node, "output_height", least=1, most=most),
        integer(node, "output_width", least=1, most=most),
    )


def check_matrix(node: Node, matrix: Spec) -> None:
    """Refuses a transform that has not 16 elements.

    Raises:
        ShapeError: it has not.
    """
    if matrix.is_static and matrix.size != 16:
        raise node.error(
            ShapeError, "the transform is no 4 x 4 matrix", tensor=1, expected="16 elements",
            found=list(matrix.static),
        )  # fmt: skip


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> bool:
    """Whether pixels are taken by their centres."""
    return node.version >= 2


def evaluate(p: bool, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Some rows at a time."""
    image, out = inputs[0][0], outputs[0][0]
    if not out.size:
        return
    rows = inputs[1].reshape(-1)[:8].reshape(2, 4)
    x_of, y_of = (_centred(row) if p else row for row in rows)
    height, width, channels = out.shape
    step = max(1, points_at_once(channels) // width)
    j = np.arange(width, dtype=np.float32)
    for start in range(0, height, step):
        i = np.arange(start, min(height, start + step), dtype=np.float32)[:, None]
        x, y = ((row[0] * j + row[1] * i) + row[3] for row in (x_of, y_of))
        _sample(image, x.reshape(-1), y.reshape(-1), out[start : start + step])


def _centred(row: Array) -> Array:
    """A row of the transform that first adds half a pixel and then takes it off."""
    moved = row.copy()
    wide = row.astype(np.float64)
    moved[3] += wide[0] * 0.5 + wide[1] * 0.5 - 0.5
    return moved


def _sample(image: Array, x: Array, y: Array, out: Array) -> None:
    height, width, channels = image.shape
    inside = (x >= 0) & (x <= np.float32(width - 1)) & (y >= 0) & (y <= np.float32(height - 1))
    x, y = np.where(inside, x, np.float32(-1)), np.where(inside, y, np.float32(-1))
    left, top = np.floor(x), np.floor(y)
    a, b, c, d = neighbours(image, top.astype(np.int64), left.astype(np.int64))
    right, below = (x - left)[:, None], (y - top)[:, None]
    for near, far in ((a, b), (c, d)):  # upper and lower pair
        near *= 1 - right
        far *= right
        near += far
    c *= below
    a *= 1 - below
    flat = out.reshape(-1, channels)
    np.add(c, a, out=flat)
    flat[~inside] = 0


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """Six products for each element."""
    return Cost.of(6 * outputs[0].size, inputs, outputs)


_IDENTITY: Any = np.eye(4, dtype=np.float32)
_SQUARE = [[[[1.0], [2.0]], [[3.0], [4.0]]]]

for _name in ("TransformTensorBilinear", "TransformTensor"):
    define(
        _name,
        module=__name__,
        custom=True,
        signature=Signature("FLOAT32, FLOAT32 -> FLOAT32"),
        versions=(1, 2),
        infer=infer,
        prepare=prepare,
        eval=evaluate,
        cost=cost,
        tolerance=4,
        examples=(
            Example(
                [_SQUARE, _IDENTITY * 0.5],
                [[[[[1.0], [1.5], [2.0]], [[2.0], [2.5], [3.0]], [[3.0], [3.5], [4.0]]]]],
                {"mode": "bilinear", "output_size": [3, 3]},
            ),
        ),
    )
