"""Bytes under another scale and zero point."""

from __future__ import annotations

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.intrinsics import copysign
from pytflite.model.graph import Array

# The largest float32 below one half: trunc(t + copysign(this, t)) is round(t).
_HALF = np.float32(0.49999997)
_FAR, _ZERO, _GREATEST = np.float32(1024), np.float32(0), np.float32(255)


@declare(x="uint8[:, :]", y="uint8[:]", stride="int64", block="int64", scale="float32",
         bias="float32", zero="float32")  # fmt: skip
def rows(
    begin: int, end: int, x: Array, y: Array, stride: int, block: int, scale: np.float32,
    bias: np.float32, zero: np.float32,
) -> int:  # fmt: skip
    """y = clamp(round(x scale + bias) + zero), rows of y so many elements apart.

    Each operation is rounded to float32. A tile is `block` rows.
    """
    for row in range(begin * block, min(end * block, x.shape[0])):
        for i in range(x.shape[1]):
            t = np.float32(x[row, i]) * scale + bias
            t = -_FAR if t < -_FAR else (_FAR if t > _FAR else t)
            whole = np.float32(np.int32(t + copysign(_HALF, t))) + zero
            whole = _ZERO if whole < _ZERO else (_GREATEST if whole > _GREATEST else whole)
            y[row * stride + i] = np.uint8(np.int32(whole))
    return 0
