"""Values at the edges: numbers, and arrays of every tensor type."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np

from pytflite.model.dtypes import DType, dtype_of
from pytflite.tools.building import pack

DIMS = (0, 1, 1, 2, 2, 3, 4, 5, 7, 8, 9, 16, 31, 64, 255, 1000, 65536, 1 << 20, 1 << 24, 1 << 28,
        (1 << 31) - 1, -1, -2, -(1 << 31))  # fmt: skip
INTEGERS = (0, 1, -1, 2, -2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 100, -100, 127, -128,
            255, 256, 1000, 32767, -32768, 65535, 65536, (1 << 24) + 1, (1 << 31) - 1, -(1 << 31),
            1 << 30, (1 << 32) - 1, 1 << 33, (1 << 63) - 1, -(1 << 63))  # fmt: skip
FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, 1e-3, 1e-30, 1e-45, 1e10, 1e30, 3.4e38, -3.4e38,
          math.inf, -math.inf, math.nan)  # fmt: skip
STRINGS = (b"", b"a", b"ab cd", b"\xff\xfe", b"\x00", "naïve ß 語".encode(), b"x" * 300)
LARGEST = 1 << 20  # elements that are made up; larger tensors are left as they are
MANY_STRINGS = 4096
SMALL_TYPES = {"INT4": (-8, 7), "INT2": (-2, 1), "UINT4": (0, 15)}


def integer(rng: Random, low: int, high: int) -> int:
    """A number within the range: small, at an edge, or any."""
    choice = rng.random()
    if choice < 0.3:
        value = rng.randint(-4, 8)
    elif choice < 0.9:
        value = rng.choice(INTEGERS)
    else:
        value = rng.randint(low, high)
    return min(max(value, low), high)


def number(rng: Random) -> float:
    """A float32 at an edge, or a tame one."""
    return rng.choice(FLOATS) if rng.random() < 0.7 else rng.uniform(-4, 4)


def dims(rng: Random, rank: int | None = None) -> list[int]:
    """A shape, mostly small."""
    rank = rng.choice((0, 1, 1, 2, 2, 3, 4, 4, 5, 6, 8)) if rank is None else rank
    wild = rng.random() < 0.2
    return [rng.choice(DIMS) if wild else rng.choice((1, 1, 2, 3, 4, 5)) for _ in range(rank)]


def array(rng: Random, dtype: DType, shape: Sequence[int]) -> np.ndarray[Any, Any]:
    """An array of a type. Few distinct values, or many; tame, extreme or mixed."""
    shape = tuple(shape)
    count = math.prod(shape)
    if dtype.is_handle and dtype.name != "STRING":
        return np.full(shape, None, object)
    some = np.array(STRINGS, object) if dtype.is_handle else _some(rng, dtype)
    generator = np.random.default_rng(rng.getrandbits(32))
    return some[generator.integers(0, len(some), count)].reshape(shape)


def _some(rng: Random, dtype: DType) -> np.ndarray[Any, Any]:
    """A handful of values that an array is then made of."""
    kind = rng.randrange(5)
    storage = dtype.storage
    if dtype.name == "BOOL":
        return np.array([False, True][rng.randrange(2) :], bool)
    if kind == 0:
        return np.zeros(1, storage)
    if kind == 1:  # ones, twos: valid as sizes, axes, indices
        return np.array([rng.randint(0, 3) for _ in range(3)]).astype(storage)
    if storage.kind in "iu":
        info = np.iinfo(storage)
        low, high = SMALL_TYPES.get(dtype.name, (int(info.min), int(info.max)))
        if kind == 2:
            return np.array([rng.choice((low, high, 0, 1))], storage)
        return np.array([integer(rng, low, high) for _ in range(8)], storage)
    with np.errstate(all="ignore"):
        if kind == 2:
            return np.array([rng.choice(FLOATS)]).astype(storage)
        if kind == 3:
            return np.array([rng.uniform(-3, 3) for _ in range(8)]).astype(storage)
        return np.array([number(rng) for _ in range(8)]).astype(storage)


def constant(rng: Random, number: int, shape: Sequence[int]) -> bytes | None:
    """The bytes of a constant of a type, as the file holds them."""
    dtype = dtype_of(number)
    if dtype.is_handle and dtype.name != "STRING":
        return None
    largest = MANY_STRINGS if dtype.is_handle else LARGEST // 4
    # NumPy cannot even describe some arrays without elements.
    if min(shape, default=0) < 0 or math.prod(d or 1 for d in shape) > largest:
        return None
    return pack(array(rng, dtype, shape), dtype)
