"""Constant weights as kernels of products want them: panels of float32.

    packed[part, panel, 0, n] = bias        packed[part, panel, 1 + k, n] = weights[k, n]

n counts the columns of a panel; where there are no more, zeros stand.
"""

from __future__ import annotations

import numpy as np

from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.spec import Spec


def panels(weights: Array, bias: Array | None, columns: int) -> Array:
    """Packs weights [parts, k, n] of floats, and bias [parts * n]."""
    parts, k, n = weights.shape
    count = -(-n // columns)
    packed = np.zeros((parts, count, 1 + k, columns), np.float32)
    whole = n // columns
    split = weights[:, :, : whole * columns].reshape(parts, k, whole, columns)
    packed[:, :whole, 1:] = split.transpose(0, 2, 1, 3)
    if whole < count:
        packed[:, whole, 1:, : n - whole * columns] = weights[:, :, whole * columns :]
    if bias is not None:
        padded = np.zeros((parts, count * columns), np.float32)
        padded[:, :n] = bias.reshape(parts, n)
        packed[:, :, 0] = padded.reshape(parts, count, columns)
    return packed


def as_float32(spec: Spec | None) -> Array | None:
    """A constant of floats, if there is one."""
    if spec is None or spec.value is None:
        return None
    return spec.value if spec.dtype is FLOAT32 else spec.value.astype(np.float32)
