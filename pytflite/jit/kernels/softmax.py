"""y = exp(beta (x - max x)) / sum exp(beta (x - max x)), row by row.

A tile is a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.intrinsics import accumulate, maximum
from pytflite.jit.kernels.maths import exp


@declare(x="float32[:, :]", y="float32[:, :]", beta="float32")
def float32(begin: int, end: int, x: Any, y: Any, beta: np.float32) -> int:
    """x and y may be one array."""
    columns = x.shape[1]
    for row in range(begin, end):
        largest = x[row, 0]
        for column in range(1, columns):
            largest = maximum(largest, x[row, column])
        total = np.float32(0)
        for column in range(columns):
            e = exp((x[row, column] - largest) * beta)
            y[row, column] = e
            total = accumulate(total, e)
        scale = np.float32(1) / total
        for column in range(columns):
            y[row, column] *= scale
    return 0
