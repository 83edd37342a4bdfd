"""Where a pooling found its elements: MaxPoolingWithArgmax2D, MaxUnpooling2D and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.model.graph import Array

OUT_OF_RANGE = 1
_FAR = np.float32(2.0**31)
_ZERO, _LEAST = np.float32(0), np.float32(-np.inf)


@declare(x="float32[:, :, :, :]", first="int64[:, :]", origin="int64[:, :]", shift="float32",
         best="float32[:, :]", argmax="index[:, :]", numbers="int64[:]", limits="float32[:]",
         within="constant")  # fmt: skip
def pool(
    begin: int, end: int, x: Array, first: Array, origin: Array, shift: np.float32, best: Array,
    argmax: Array, numbers: Array, limits: Array, within: bool,
) -> int:  # fmt: skip
    """The greatest element of each window, and the first place where it is; NaN never is it.

    A tile is a window, (image, row, column), of all channels: [windows, channels] in the outputs.

    Args:
        first: argmax of each window's first tap inside.
        origin, shift: what is added at last: for positions in the picture, and, where argmax is a
            tap `within` the window.
        numbers: filter height and width, strides, how much lies before the picture, what a tap
            further down, one further right, and an image add to the argmax.
        limits: of the elements.
    """
    high, wide = first.shape
    for tile in range(begin, end):
        n, row, column = tile // (high * wide), tile // wide % high, tile % wide
        for c in range(x.shape[3]):
            best[tile, c] = _LEAST
            argmax[tile, c] = first[row, column]
        for i in range(numbers[0]):
            y = row * numbers[2] - numbers[4] + i
            for j in range(numbers[1]):
                z = column * numbers[3] - numbers[5] + j
                if y < 0 or y >= x.shape[1] or z < 0 or z >= x.shape[2]:
                    continue
                place = i * numbers[6] + j * numbers[7]
                for c in range(x.shape[3]):
                    if x[n, y, z, c] > best[tile, c]:
                        best[tile, c] = x[n, y, z, c]
                        argmax[tile, c] = place
        for c in range(x.shape[3]):
            best[tile, c] = min(max(best[tile, c], limits[0]), limits[1])
            if within:
                argmax[tile, c] += shift
            else:
                argmax[tile, c] += origin[row, column] + c + n * numbers[8]
    return 0


@declare(x="float32[:, :, :, :]", indices="index[:, :, :, :]", y="float32[:, :]", rows="int64[:]",
         columns="int64[:]", filter="int64[:]", shape="int64[:]")  # fmt: skip
def unpool(
    begin: int, end: int, x: Array, indices: Array, y: Array, rows: Array, columns: Array,
    filter: Array, shape: Array,
) -> int:  # fmt: skip
    """Each element back to its place, among zeros; the last of several stays. A tile is an image.

    Indices are positions in an image; if rows (and columns) are not empty, taps of windows that
    begin there, which `filter` has rows and columns of. `shape`: of an image of y.
    """
    for n in range(begin, end):
        for place in range(y.shape[1]):
            y[n, place] = _ZERO
        for i in range(x.shape[1]):
            for j in range(x.shape[2]):
                for c in range(x.shape[3]):
                    place = int(_whole(indices[n, i, j, c]))
                    if rows.size:
                        if place < 0 or place >= filter[0] * filter[1]:
                            return OUT_OF_RANGE
                        row = place // filter[1] + rows[i]
                        column = place % filter[1] + columns[j]
                        if row < 0 or row >= shape[0] or column < 0 or column >= shape[1]:
                            return OUT_OF_RANGE
                        place = (row * shape[1] + column) * shape[2] + c
                    if place < 0 or place >= y.shape[1]:
                        return OUT_OF_RANGE
                    y[n, place] = x[n, i, j, c]
    return 0


def _whole(index: Any) -> Any:
    """An index without its fraction; -1 if it is no number, or beyond all."""
    return index if index < _FAR and index > -_FAR else -1
