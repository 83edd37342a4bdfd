"""Constant weights as kernels of products want them: panels of float32.

    packed[part, panel, 0, n] = bias        packed[part, panel, 1 + k, n] = weights[k, n]

n counts the columns of a panel; where there are no more, zeros stand. For AMX's tiles weights are
split into parts of bfloat16, or, in panels of weights that cannot be, lie behind the head as above:

    packed[part, panel] = [head][bias][k / 32, split, vector: 16 x 16 pairs of k]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pytflite.jit.emit.bfloat16 import HEAD, LEAST, LIMIT, ROWS, STEP
from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.narrow_floats import bfloat16_to_float32, float32_to_bfloat16
from pytflite.ops.spec import Spec

_LINE = 64


def pack(weights: Array, bias: Array | None, columns: int, splits: int) -> Array:
    """Packs weights [parts, k, n] of floats, and bias [parts * n], for products of such splits."""
    if not splits:
        return panels(weights, bias, columns)
    parts, k, n = weights.shape
    count, steps = -(-n // columns), -(-k // STEP)
    size = HEAD + 4 * columns + steps * splits * 4 * ROWS * columns
    packed = zeros((parts, count, size), np.uint8)
    offsets = None if bias is None else bias.reshape(parts, n)
    for part, panel in np.ndindex(parts, count):
        own = slice(panel * columns, min((panel + 1) * columns, n))
        offset = None if offsets is None else offsets[part, own]
        plain = panels(weights[part : part + 1, :, own], offset, columns)[0, 0]
        _pack_split(packed[part, panel], plain, splits)
    return packed


def _pack_split(to: Array, plain: Array, splits: int) -> None:
    """One panel, of a plain one [1 + k, columns]; to: its bytes."""
    if splits > 1 and not _is_splittable(plain):
        to[0] = 1
        to[HEAD : HEAD + plain.nbytes] = plain.reshape(-1).view(np.uint8)
        return
    bias, weights = plain[0], plain[1:]
    k, columns = weights.shape
    steps = -(-k // STEP)
    rest = np.zeros((steps * STEP, columns), np.float32)
    rest[:k] = weights
    to[HEAD : HEAD + bias.nbytes] = bias.view(np.uint8)
    tiles = to[HEAD + bias.nbytes :].view(np.uint16)
    tiles = tiles.reshape(steps, splits, columns // ROWS, ROWS, ROWS, 2)
    for split in range(splits):
        nearest = float32_to_bfloat16(rest)
        if splits == 1:  # pairs of k side by side: [step, line, half, vector, column]
            pairs = nearest.reshape(steps, ROWS, 2, -1, ROWS).transpose(0, 3, 1, 4, 2)
        else:  # of k and k + 16: [step, half, line, vector, column]
            pairs = nearest.reshape(steps, 2, ROWS, -1, ROWS).transpose(0, 3, 2, 4, 1)
            rest = rest - bfloat16_to_float32(nearest)
        tiles[:, split] = pairs


def _is_splittable(plain: Array) -> bool:
    """Whether parts hold all weights, and tiles the bias, which may not be denormal."""
    weights, bias = np.abs(plain[1:]), np.abs(plain[0])
    least = np.min(weights, where=weights > 0, initial=1)
    normal = np.min(bias, where=bias > 0, initial=1) >= np.finfo(np.float32).tiny
    return bool(normal and least >= LEAST and np.max(weights, initial=0) < LIMIT)


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
