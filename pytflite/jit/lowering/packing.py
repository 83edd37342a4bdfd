"""Constant weights as kernels of products want them: panels of float32.

    packed[part, panel, 0, n] = bias        packed[part, panel, 1 + k, n] = weights[k, n]

n counts the columns of a panel; where there are no more, zeros stand.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.spec import Spec

_LINE = 64


def panels(weights: Array, bias: Array | None, columns: int) -> Array:
    """Packs weights [parts, k, n] of floats, and bias [parts * n]."""
    parts, k, n = weights.shape
    count = -(-n // columns)
    packed = zeros((parts, count, 1 + k, columns))
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


def zeros(shape: tuple[int, ...], dtype: Any = np.float32) -> Array:
    """An array that begins on a cache line: a vector that crosses one takes twice the time."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    block = np.zeros(size + _LINE, np.uint8)
    start = -block.ctypes.data % _LINE
    made: Array = block[start : start + size].view(dtype).reshape(shape)
    return made


def as_float32(spec: Spec | None) -> Array | None:
    """A constant of floats, if there is one."""
    if spec is None or spec.value is None:
        return None
    return spec.value if spec.dtype is FLOAT32 else spec.value.astype(np.float32)
