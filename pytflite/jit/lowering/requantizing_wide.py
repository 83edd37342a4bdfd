"""The constants of requantisation of 64-bit sums, as emit/requantize_wide.py has them."""

from __future__ import annotations

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.fixed_point import quantize_multipliers

TOO_LARGE = "its multipliers are 2^14 or more"


def fits(rounding: str, reals: Array) -> bool:
    """Whether the shifts go to the right, as the kernels need."""
    return rounding != "wide" or bool((np.asarray(reals) < (1 << 14) - 1).all())


def make_wide_constants(rounding: str, reals: Array, bias: Array) -> dict[str, Array]:
    """The rows that emit/requantize.py names, one number for each channel.

    Args:
        rounding: "wide", "narrow", "double", "double_narrow" or "nearest".
        reals: multipliers, none negative: one, or one a channel.
        bias: int64 [channels].
    """
    if rounding == "nearest":
        scale = np.broadcast_to(np.asarray(reals, np.float32).reshape(-1), bias.shape)
        return {"bias": bias, "scale": np.ascontiguousarray(scale)}
    reals = np.broadcast_to(np.asarray(reals, np.float64).reshape(-1), bias.shape)
    if rounding.startswith("double"):
        return {"bias": bias, "real": np.ascontiguousarray(reals)}
    m, shift = quantize_multipliers(reals)
    if rounding == "wide":
        reduced = np.where(m < 0x7FFF0000, (m + (1 << 15)) >> 16, 0x7FFF)
        right = 15 - shift
        nudge = np.int64(1) << (right - 1)
        return {
            "bias": bias, "multiplier": reduced.astype(np.int32), "right": right, "nudge": nudge
        }  # fmt: skip
    right = 31 + np.maximum(-shift, 0)
    return {
        "bias": bias,
        "multiplier": m.astype(np.int32),
        "left": np.maximum(shift, 0).astype(np.int32),
        "right": right,
        "nudge": (1 << 30) + np.where(right > 31, np.int64(1) << (right - 1), 0),
    }
