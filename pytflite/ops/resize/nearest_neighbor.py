"""RESIZE_NEAREST_NEIGHBOR: images of another size, each pixel that of the nearest one.

    output[n, y, x] = input[n, nearest(y), nearest(x)]
    nearest(i) = min(r((i + offset) * scale), size - 1)

offset is 0.5 with half_pixel_centers, else 0; r rounds half away from zero with align_corners,
else down; all in float32 (sizes.py has the scale). Any numbers, also quantised; they are moved as
they are. The new size may come at run time.
Source: RESIZE_NEAREST_NEIGHBOR (kernels/resize_nearest_neighbor.cc,
internal/reference/resize_nearest_neighbor.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.moving import NUMBERS
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.resize.sizes import infer, scale_of, wanted_size
from pytflite.ops.rounding import round_away
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec

# Pixels that are taken at once: their positions stay in the L1 cache.
_BLOCK = 1 << 12


class P(NamedTuple):
    """The options; where the rows that are taken begin, and which columns, if they are known."""

    align_corners: bool
    half_pixel_centers: bool
    tables: tuple[Array, Array] | None
    scratch: int


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """The positions, if the size is known."""
    source = inputs[0]
    assert source is not None
    p = P(bool(node.options.align_corners), bool(node.options.half_pixel_centers), None, 0)
    if not outputs[0].is_static or not outputs[0].size:
        return p
    _, high, wide, _ = outputs[0].static
    return p._replace(tables=_tables(p, source.static, high, wide), scratch=8 * _pixels(high, wide))


def _tables(p: P, source: Shape, high: int, wide: int) -> tuple[Array, Array]:
    rows = nearest(p, source[1], high)[:, None] * source[2]
    return rows, nearest(p, source[2], wide)


def _pixels(high: int, wide: int) -> int:
    """How many pixels are taken at once: of some whole rows."""
    return max(1, min(high, _BLOCK // wide)) * wide


def nearest(p: P, size: int, wanted: int) -> Array:
    """Which of `size` pixels each of the wanted ones is: int64 [wanted]."""
    scale = scale_of(size, wanted, p.align_corners)
    position = np.arange(wanted, dtype=np.float32)
    if p.half_pixel_centers:
        position += np.float32(0.5)
    position *= scale
    whole = round_away(position) if p.align_corners else np.floor(position)
    return np.minimum(whole.astype(np.int64), size - 1)


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Takes the pixels of some rows of each image at once."""
    source, target = inputs[0], outputs[0]
    batch, height, width, channels = source.shape
    if target is None:
        high, wide = wanted_size(inputs, run)
        target = run.empty((batch, high, wide, channels), source.dtype)
    if target.size:
        _, high, wide, _ = target.shape
        rows, columns = p.tables or _tables(p, source.shape, high, wide)
        positions = run.scratch((_pixels(high, wide),), np.int64).reshape(-1, wide)
        images = source.reshape(batch, height * width, channels)
        step = len(positions)
        for start in range(0, high, step):
            block = target[:, start : start + step]
            taken = positions[: block.shape[1]]
            np.add(rows[start : start + step], columns, out=taken)
            for image, result in zip(images, block, strict=True):
                # With `clip` NumPy writes into `out` at once; all positions are in range.
                image.take(taken, axis=0, out=result, mode="clip")
    return None if outputs[0] is not None else [target]


def scratch(p: P) -> int:
    """Bytes of the positions."""
    return p.scratch


_X = [[[[1.0], [2.0]], [[3.0], [4.0]]]]

define(
    "RESIZE_NEAREST_NEIGHBOR",
    module=__name__,
    options="ResizeNearestNeighborOptions",
    signature=Signature("T, INT32 -> T", T=NUMBERS),
    versions=(1, 4),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    scratch=scratch,
    rows_apart=True,
    examples=(
        Example(
            [_X, np.array([2, 3], np.int32)],
            [[[[[1.0], [1.0], [2.0]], [[3.0], [3.0], [4.0]]]]],
        ),
        Example(
            [_X, np.array([2, 3], np.int32)],
            [[[[[1.0], [2.0], [2.0]], [[3.0], [4.0], [4.0]]]]],
            {"half_pixel_centers": True},
        ),
    ),
)
