"""Numbers as integers in the same order, so that one kernel searches in all types.

A key function gives the greater integer for the greater number; for floats, both zeros are equal,
and NaN comes before everything else.
"""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernels.intrinsics import bits


def plain(x: int) -> int:
    """Integers are their own keys."""
    return x


# All bits but the sign, and those of infinity.
_SIZE16, _INFINITY16 = np.int16(0x7FFF), np.int16(0x7C00)
_SIZE32, _INFINITY32 = np.int32(0x7FFFFFFF), np.int32(0x7F800000)
_SIZE64, _INFINITY64 = np.int64(0x7FFFFFFFFFFFFFFF), np.int64(0x7FF0000000000000)
_LEAST32, _LEAST64 = np.int32(-(2**31)), np.int64(-(2**63))


def float16(x: np.int16) -> np.int32:
    """The key of a float16, of which these are the bits."""
    size = np.int32(x & _SIZE16)
    ordered = np.int32(-size) if x < 0 else size
    return _LEAST32 if size > _INFINITY16 else ordered


def float32(x: np.int32) -> np.int32:
    """The key of a float32."""
    size = np.int32(x & _SIZE32)
    ordered = np.int32(-size) if x < 0 else size
    return _LEAST32 if size > _INFINITY32 else ordered


def float64(x: np.int64) -> np.int64:
    """The key of a float64."""
    size = x & _SIZE64
    ordered = -size if x < 0 else size
    return _LEAST64 if size > _INFINITY64 else ordered


def float16_backwards(x: np.int16) -> np.int32:
    """The key of its negative."""
    return float16(np.int16(x ^ ~_SIZE16))


def float32_backwards(x: np.int32) -> np.int32:
    """The key of its negative."""
    return float32(np.int32(x ^ ~_SIZE32))


def float64_backwards(x: np.int64) -> np.int64:
    """The key of its negative."""
    return float64(x ^ ~_SIZE64)


def backwards(x: int) -> int:
    """An integer that is the greater the less x is."""
    return ~x


def number(x: np.float32) -> np.int32:
    """The key of a float32 itself."""
    return float32(bits(x))
