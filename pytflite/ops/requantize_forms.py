"""Requantisation: its constants in several forms of numbers, and the passes over the arrays.

What they compute, and which form is exact, is told in ops/requantize.py.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.fixed_point import multiply, multiply_wide, wrap32

# NumPy's inner loops copy operands that are much shorter than its buffer of 8192 elements.
_ROW = 8192
_REPEAT_FROM = 1 << 15  # outputs for which longer rows are worth the memory
_FEW = 2048  # elements for which the number of calls counts

_SIGN = np.uint64(1 << 63)
_SIGN32 = np.uint32(1 << 31)

# Added to a float32 below 2^22, this leaves the number's nearest integer in the last bits.
MAGIC = float(3 << 22)
_MAGIC_BITS = 0x4B400000


def repeats(channels: int, elements: int, rows: int) -> int:
    """How often constants of the channels are repeated, so that NumPy takes many at once.

    Args:
        elements: of the output: few are not worth the memory.
        rows: that are computed at a time. So many, or a part of them, leave no rest.
    """
    if elements < _REPEAT_FROM:
        return 1
    enough = -(-_ROW * 3 // (4 * max(1, channels)))
    for count in range(enough, min(rows, 2 * enough) + 1):
        if rows % count == 0:
            return count
    return max(1, min(rows or enough, _ROW // max(1, channels)))


class Integers(NamedTuple):
    """The constants in fixed point: m, shift and bias are int64 [channels]."""

    m: Array
    shift: Array
    bias: Array
    wide: bool


class Floats(NamedTuple):
    """The constants in float64 or float32, a row each, or one number where all are the same.

    Attributes:
        bias: None if zero.
        scale: y = scale * (acc + bias). Its type is that of all.
        nudge: d; None if it is zero, or in the offset.
        signed: whether d takes the sign of y.
        offset: what is added last: before the floor in float64, to be rounded in float32.
        period: elements of a row: a multiple of the channels.
    """

    bias: Array | None
    scale: Array
    nudge: Array | None
    signed: bool
    offset: Array
    period: int

    @property
    def narrow(self) -> bool:
        """Whether this is float32."""
        return self.scale.dtype == np.float32

    def first(self, count: int) -> Floats:
        """The constants of the first elements of a row."""

        def few(row: Array) -> Array:
            return row[:count] if row.ndim else row

        return Floats(
            None if self.bias is None else few(self.bias),
            few(self.scale),
            None if self.nudge is None else few(self.nudge),
            self.signed,
            few(self.offset),
            count,
        )


class Nearest(NamedTuple):
    """The constants of XNNPACK's rounding: bias int64, scale float32, both [channels].

    `exact`: no sum, bias included, is too long for float32.
    """

    bias: Array
    scale: Array
    exact: bool


class Requantizer(NamedTuple):
    """The constants, ready.

    Attributes:
        floats: None where the integers have to do.
        nearest: None where LiteRT's reference is followed; else these are all that count.
        lift: makes outputs positive, so that truncation is the floor; the output's type wraps it.
    """

    integers: Integers
    floats: Floats | None
    low: int
    high: int
    zero_point: int
    lift: int
    nearest: Nearest | None = None


def work_bytes(elements: int) -> int:
    """Working memory that `requantize` needs for so many accumulators."""
    return 16 * elements


def requantize(q: Requantizer, acc: Array, out: Array, work: Array) -> None:
    """Fills out from acc, both contiguous and [..., channels].

    Args:
        acc: integers, in any type; [..., channels] of one channel may have any last size.
        out: of the output's type.
        work: uint8, flat, at least `work_bytes(acc.size)`.
    """
    if q.nearest is not None:
        by_nearest(q, q.nearest, acc, out, work)
        return
    if q.floats is None:
        by_integers(q, acc, out)
        return
    period = q.floats.period
    if period == acc.shape[-1]:
        by_floats(q, q.floats, acc, out, work)
        return
    acc, out = acc.reshape(-1), out.reshape(-1)
    rest = acc.size % period
    whole = acc.size - rest
    if whole:
        rows = (whole // period, period)
        by_floats(q, q.floats, acc[:whole].reshape(rows), out[:whole].reshape(rows), work)
    if rest:
        by_floats(q, q.floats.first(rest), acc[whole:], out[whole:], work)


def by_floats(q: Requantizer, floats: Floats, acc: Array, out: Array, work: Array) -> None:
    """The passes in floating point."""
    shape, narrow = acc.shape, floats.narrow
    kind = np.float32 if narrow else np.float64
    y: Array = np.ndarray(shape, kind, work)
    more: Array = np.ndarray(shape, kind, work, y.nbytes)
    if floats.bias is None or acc.dtype != y.dtype:  # NumPy is slow at sums of mixed types
        np.copyto(y, acc)
        acc = y
    if floats.bias is not None:
        np.add(acc, floats.bias, out=y)
    np.multiply(y, floats.scale, out=y)
    if floats.nudge is not None:
        if floats.signed:
            _copysign(floats.nudge, y, more)
        np.add(y, more if floats.signed else floats.nudge, out=y)
    np.add(y, floats.offset, out=y)
    if narrow:
        whole, lift = y.view(np.int32), _MAGIC_BITS
    else:
        whole, lift = np.ndarray(shape, np.int32, more), q.lift
        np.copyto(whole, y, casting="unsafe")
    clamp(whole, q.low + lift, q.high + lift)
    np.copyto(out, whole, casting="unsafe")


def _copysign(magnitude: Array, y: Array, out: Array) -> None:
    """np.copysign, which is not vectorised: bit by bit where that is worth the calls."""
    if y.size < _FEW:
        np.copysign(magnitude, y, out=out)
        return
    sign = _SIGN32 if y.dtype == np.float32 else _SIGN
    bits = out.view(sign.dtype)
    np.bitwise_and(y.view(sign.dtype), sign, out=bits)
    np.bitwise_or(bits, magnitude.view(sign.dtype), out=bits)


def clamp(x: Array, low: int, high: int) -> None:
    """np.clip in place; for few elements, what takes less time to begin."""
    if x.size >= _ROW:
        np.clip(x, low, high, out=x)
    else:
        np.maximum(x, low, out=x)
        np.minimum(x, high, out=x)


def by_nearest(q: Requantizer, nearest: Nearest, acc: Array, out: Array, work: Array) -> None:
    """XNNPACK's: one rounding in float32, half to even."""
    y: Array = np.ndarray(acc.shape, np.float32, work)
    if nearest.exact:
        np.copyto(y, acc, casting="unsafe")
        np.add(y, nearest.bias.astype(np.float32), out=y)
    else:
        np.copyto(y, wrap32(acc.astype(np.int64) + nearest.bias), casting="unsafe")
    round_nearest(y, nearest.scale, q.zero_point, q.low, q.high)
    np.copyto(out, y, casting="unsafe")


def round_nearest(y: Array, scale: Array | float, zero_point: int, low: int, high: int) -> None:
    """y = clamp(zero_point + rint(y * scale)), float32 in place: whole numbers."""
    np.multiply(y, np.asarray(scale, np.float32), out=y)
    np.rint(y, out=y)
    # Clamped before the zero point is added, which float32 may not hold beside a large y.
    np.maximum(y, np.float32(low - zero_point), out=y)
    np.minimum(y, np.float32(high - zero_point), out=y)
    np.add(y, np.float32(zero_point), out=y)


def by_integers(q: Requantizer, acc: Array, out: Array) -> None:
    """The definition."""
    m, shift, bias, wide = q.integers
    x = acc.astype(np.int64)
    x += bias
    x = multiply_wide(x, m, shift) if wide else multiply(wrap32(x), m, shift)
    x += q.zero_point
    clamp(x, q.low, q.high)
    np.copyto(out, x, casting="unsafe")
