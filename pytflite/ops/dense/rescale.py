"""From accumulators to quantised outputs, in the ways that LiteRT's kernels have.

    q = clamp(zero_point + round(acc * scale), least, greatest)

    REAL    acc * scale in float64, rounded half away from zero: FULLY_CONNECTED
    FIXED   32-bit fixed point with two roundings: BATCH_MATMUL, sparse FULLY_CONNECTED
    WIDE    the 16-bit multiplier of int64 accumulators: BATCH_MATMUL and FULLY_CONNECTED of INT16
    NEAREST float32(acc) * scale in float32, rounded half to even: where XNNPACK is followed

Source: kernels/internal/reference/integer_ops/fully_connected.h, reference/batch_matmul.h,
kernels/internal/common.cc.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.fixed_point import (
    multiply,
    multiply_in_place,
    multiply_wide,
    quantize_multipliers,
    wrap32,
)

REAL, FIXED, WIDE, NEAREST = range(4)

# The largest float64 below one half: see hybrid.py.
_HALF = np.nextafter(0.5, 0.0)


class Rescale(NamedTuple):
    """How accumulators become outputs.

    Attributes:
        way: REAL, FIXED, WIDE or NEAREST.
        scale: float64, [] or [units] (REAL, NEAREST: numbers of float32).
        multiplier, shift: int64, [] or [units] (FIXED and WIDE).
        zero: zero point of the output.
        least, greatest: what the activation lets pass, less the zero point.
        wraps: whether a C program would hold the accumulators in int32, and they may pass it.
    """

    way: int
    scale: Array
    multiplier: Array
    shift: Array
    zero: int
    least: int
    greatest: int
    wraps: bool

    def of_units(self, units: slice) -> Rescale:
        """That of some of the units."""
        if not self.scale.ndim:
            return self
        return self._replace(
            scale=self.scale[units], multiplier=self.multiplier[units], shift=self.shift[units]
        )


def rescale(
    way: int, scale: Array | float, zero: int, bounds: tuple[int, int], *, wraps: bool
) -> Rescale:
    """Makes one ready; `scale` is real: one, or one a unit."""
    real = np.asarray(scale, np.float64)
    multiplier, shift = quantize_multipliers(real)
    return Rescale(
        way,
        real,
        multiplier.reshape(real.shape),
        shift.reshape(real.shape),
        zero,
        bounds[0] - zero,
        bounds[1] - zero,
        wraps,
    )


def settle(r: Rescale, bias: Array, bound: int) -> tuple[Rescale, Array]:
    """For accumulators of at most `bound`: what can be simpler, and the bias as it is added.

    Args:
        bias: int64, [] or [units].

    Returns:
        As `to_outputs` takes them; the bias is float64 where that loses nothing.
    """
    bound += max(int(bias.max(initial=0)), -int(bias.min(initial=0)))
    r = r._replace(wraps=r.wraps and bound >= 1 << 31)
    if r.way == REAL and not r.wraps and bound <= 1 << 53:
        bias = bias.astype(np.float64)
    return r, bias


def to_outputs(r: Rescale, acc: Array, bias: Array, out: Array) -> None:
    """out = the outputs that belong to acc + bias.

    Args:
        acc: exact integers [rows, units] in any type.
        r, bias: from `settle`.
        out: [rows, units], of the output's type.
    """
    if bias.dtype == np.float64:
        total = acc + bias
    else:
        total = acc.astype(np.int64)
        total += bias
        if r.wraps:
            total = wrap32(total)
    total = _scaled(r, total)
    # Clamped before the zero point is added, so that nothing can pass the type on the way.
    np.maximum(total, r.least, out=total)
    np.minimum(total, r.greatest, out=total)
    if r.zero:
        total += r.zero
    np.copyto(out, total, casting="unsafe")


def _scaled(r: Rescale, total: Array) -> Array:
    """total * scale, rounded; may overwrite its argument."""
    if r.way == REAL:
        real = total.astype(np.float64, copy=False)
        real *= r.scale
        real += np.copysign(_HALF, real)
        return np.trunc(real, out=real)
    if r.way == NEAREST:
        narrow: Array = total.astype(np.float32)
        narrow *= r.scale.astype(np.float32)
        return np.rint(narrow, out=narrow)
    if r.way == WIDE:
        return multiply_wide(total, r.multiplier, r.shift)
    if r.scale.ndim:
        return multiply(total, r.multiplier, r.shift)
    return multiply_in_place(total, int(r.multiplier), int(r.shift))
