"""C's round(): half away from zero."""

from __future__ import annotations

import math

import numpy as np

from pytflite.model.graph import Array


def round_half_away(x: float) -> int:
    """Of one number.

    floor(|x| + 0.5) would be wrong for the largest number below one half, and for odd ones of 53
    bits, so the fraction decides.
    """
    whole = math.trunc(x)
    if abs(x - whole) < 0.5:
        return whole
    return whole + 1 if x > 0 else whole - 1


def round_away(x: Array) -> Array:
    """Of arrays of floats."""
    whole: Array = np.trunc(x)
    whole += np.where(np.abs(x - whole) >= 0.5, np.copysign(1.0, x), 0.0).astype(x.dtype)
    return whole
