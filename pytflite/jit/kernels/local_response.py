"""LOCAL_RESPONSE_NORMALIZATION of float32 (ops/normalization/local_response_normalization.py)."""

from __future__ import annotations

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.intrinsics import sqrt
from pytflite.jit.kernels.powers import power
from pytflite.model.graph import Array

DIVIDES, ROOT, POWER = 0, 1, 2  # how: beta is 1, 1/2, or any number


@declare(x="float32[:, :]", y="float32[:, :]", radius="int64", bias="float32", alpha="float32",
         beta="float32", how="constant", block="int64", squares="scratch float32[:]",
         total="scratch float32[:]")  # fmt: skip
def rows(
    begin: int, end: int, x: Array, y: Array, radius: int, bias: np.float32, alpha: np.float32,
    beta: np.float32, how: int, block: int, squares: Array, total: Array,
) -> int:  # fmt: skip
    """y[c] = x[c] (bias + alpha sum of x[j]^2, |j - c| <= radius)^-beta. A tile is `block` rows.

    `squares` are those of a row with `radius` zeros on either side.
    """
    columns = x.shape[1]
    for c in range(squares.shape[0]):
        squares[c] = np.float32(0)
    for row in range(begin * block, min(end * block, x.shape[0])):
        for c in range(columns):
            square = x[row, c] * x[row, c]
            squares[radius + c] = square
            total[c] = square
        for distance in range(1, radius + 1):
            for c in range(columns):
                near = total[c] + squares[radius + c - distance]
                total[c] = near + squares[radius + c + distance]
        for c in range(columns):
            scale = total[c] * alpha + bias
            if how == DIVIDES:
                y[row, c] = x[row, c] / scale
            elif how == ROOT:
                y[row, c] = x[row, c] / sqrt(scale)
            else:
                y[row, c] = x[row, c] * power(scale, -beta)
    return 0
