"""Constant weights as kernels of products want them: panels of float32.

    packed[part, panel, 0, n] = bias        packed[part, panel, 1 + k, n] = weights[k, n]

n counts the columns of a panel; where there are no more, zeros stand. For AMX's tiles weights are
split into parts of bfloat16, or, in panels of weights that cannot be, lie behind the head as above:

    packed[part, panel] = [head][bias][k / 32, split, vector: 16 x 16 pairs of k]
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from pytflite.jit.emit.bfloat16 import HEAD, LEAST, LIMIT, NORMAL, ROWS, STEP
from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.narrow_floats import float32_to_bfloat16
from pytflite.ops.spec import Spec

_LINE = 64
_HEARD = 2.0**-60
_HIGH = np.uint32(0xFFFF0000)  # the half of a float that is a bfloat16


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
    padded = np.zeros((steps * STEP, columns), np.float32)
    padded[:k] = weights
    to[HEAD : HEAD + bias.nbytes] = bias.view(np.uint8)
    tiles = to[HEAD + bias.nbytes :].view(np.uint32)
    tiles = tiles.reshape(steps, splits, columns // ROWS, ROWS, ROWS)
    split = _pairs(padded) if splits == 1 else _distant_pairs(padded, splits)
    for number, words in enumerate(split):
        tiles[:, number] = words.reshape(steps, ROWS, -1, ROWS).swapaxes(1, 2)


def _pairs(weights: Array) -> Iterator[Array]:
    """Words of the nearest bfloat16, of k = 2 j and 2 j + 1: [k / 32, 16, columns]."""
    nearest = float32_to_bfloat16(weights).astype(np.uint32).reshape(-1, 2, weights.shape[1])
    yield nearest[:, 0] | nearest[:, 1] << 16


def _distant_pairs(rest: Array, splits: int) -> Iterator[Array]:
    """Words of each part, of k = j and j + 16 of each 32. rest: is written over."""
    bits = rest.view(np.uint32).reshape(-1, 2, ROWS, rest.shape[1])
    kept = np.empty_like(bits)
    for _ in range(splits):
        np.add(bits, 1 << 15, out=kept)
        kept &= _HIGH
        yield kept[:, 0] >> 16 | kept[:, 1]
        rest -= kept.view(np.float32).reshape(rest.shape)


def _is_splittable(plain: Array) -> bool:
    """Whether parts hold all weights, or lose of tiny ones what their output does not show.

    Training leaves channels whose weights are 1e-33 and whose bias is not. Parts of such a weight
    lose at most 2^-126: beside a bias or weight of _HEARD, that is far below a rounding.
    """
    magnitudes = plain.view(np.uint32) & 0x7FFFFFFF
    if magnitudes[1:].max(initial=0) >= _bits(LIMIT):
        return False
    least = _bits(LEAST) - _bits(NORMAL)
    above = magnitudes[1:] - _bits(NORMAL)  # zero and denormal numbers are above all others
    if above.min(initial=_HIGH) >= least:
        return True
    heard = magnitudes.max(axis=0) >= _bits(_HEARD)
    return bool((heard | (above.min(axis=0) >= least)).all())


def _bits(x: float) -> np.uint32:
    return np.float32(x).view(np.uint32)


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
