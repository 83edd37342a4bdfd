"""Rows of a table of integers as floats: EMBEDDING_LOOKUP."""

from __future__ import annotations

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.model.graph import Array

OUT_OF_RANGE = 1


@declare(ids="int32[:]", table="int8[:, :, :]", scales="float32[:, :]",
         y="float32[:, :, :]")  # fmt: skip
def rows(begin: int, end: int, ids: Array, table: Array, scales: Array, y: Array) -> int:
    """y[i, b, k] = table[r, b, k] scales[r, b], r = ids[i]. A tile is a row.

    Rows are in blocks; there is one row of scales for all, or one each.
    """
    for i in range(begin, end):
        row = ids[i]
        if row < 0 or row >= table.shape[0]:
            return OUT_OF_RANGE
        of_scales = row if scales.shape[0] > 1 else 0
        for b in range(table.shape[1]):
            scale = scales[of_scales, b]
            for k in range(table.shape[2]):
                y[i, b, k] = np.float32(table[row, b, k]) * scale
    return 0
