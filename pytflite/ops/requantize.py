"""From integer accumulators to a quantised output, channel by channel, to the reference's bit.

    output[m, n] = clamp(zero_point + round(real[n] * (acc[m, n] + bias[n])), low, high)

`real` is held in fixed point, m * 2^(shift - 31), and `round` is that of ops/fixed_point.py. With
s = max(-shift, 0), its two roundings are one floor:

    y = real * (acc + bias)
    round(y) = floor(y + 1/2 + copysign(d, y))      d = 2^-(s+1) for s >= 1, else 0

The sign of y does not matter where what is below the zero point is clamped, as by a fused RELU.
int64 accumulators (int16 activations) are rounded once, floor(y + 1/2), with a multiplier of 16
bits. NumPy computes that in one of three forms:

float64   All terms are multiples of 2^-(31+s). So nothing is rounded where the range of outputs,
          in such steps, is less than 2^53 (s <= 13 for int8); beyond the range the result is
          clamped, and every operation is monotone. It takes a quarter of the time of int64.
          Channels with smaller multipliers are tried: both forms are monotone in acc, so they
          agree everywhere if they agree on both sides of each step of the output.
float32   rint(scale * (acc + bias) + copysign(d, .)), in half that time. It is tried likewise,
          with scale and d varied a little, for outputs of 8 bits whose channels share a multiplier
          (one in ten multipliers fails, so that many channels hardly ever pass together).
integers  where nothing else is exact, or something might overflow.

XNNPACK, in LiteRT as shipped, rounds once, in float32 and half to even (`nearest`):

    output[m, n] = clamp(zero_point + rint(float32(acc[m, n] + bias[n]) * float32(real[n])))
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.fixed_point import quantize_multipliers
from pytflite.ops.requantize_forms import (
    MAGIC,
    Floats,
    Integers,
    Nearest,
    Requantizer,
    by_floats,
    by_integers,
    repeats,
    requantize,
    work_bytes,
)

__all__ = ["Requantizer", "requantize", "requantizer", "work_bytes"]

_TRIED = 1 << 18  # steps of all channels that are worth trying
_MULTIPLIERS = 4  # that channels may share, for float32 to be tried
_VARIED_FROM = 1 << 13  # outputs that make it worth the time
# By how many units in the last place scale, and by how many hundredths d, may be off.
_VARIATIONS = [(ulps, part) for part in (0, 2, -2, 4, -4, 6, -6) for ulps in (0, 1, -1, 2, -2)]


def requantizer(
    reals: Sequence[float] | Array,
    bias: Array,
    bound: int,
    zero_point: int,
    low: int,
    high: int,
    *,
    bits: int,
    wide: bool = False,
    nearest: bool = False,
    elements: int = 0,
    rows: int = 0,
) -> Requantizer:
    """Makes the constants.

    Args:
        reals: the real multipliers, none negative: one, or one a channel.
        bias: what is added to the accumulators, integers [channels].
        bound: no accumulator passes this in magnitude.
        zero_point, low, high: of the output.
        bits: of the output's type, 8 or 16.
        wide: round as the reference does with int64 accumulators.
        nearest: round as XNNPACK does.
        elements: of the output: decides what is worth preparing.
        rows: of accumulators that come at a time, mostly.
    """
    bias = np.asarray(bias, np.int64).reshape(-1)
    m, shift = (np.broadcast_to(v, bias.shape) for v in quantize_multipliers(reals))
    q = Requantizer(Integers(m, shift, bias, wide), None, low, high, zero_point, 1 << bits)
    reach = bound + int(np.abs(bias).max(initial=0))
    if nearest:
        scale = np.broadcast_to(np.asarray(reals, np.float32).reshape(-1), bias.shape)
        return q._replace(nearest=Nearest(bias, scale, reach <= 1 << 24))
    floats = _float64(q)
    if not bias.size or not _exact(q, floats, reach):
        return q
    if bits == 8 and not wide and elements >= _VARIED_FROM:
        floats = _float32(q, floats, reach) or floats
    return q._replace(floats=_rows(floats, repeats(bias.size, elements, rows)))


def _rows(floats: Floats, repeat: int) -> Floats:
    """Repeats what differs between channels, and keeps one number of what does not."""

    def row(values: Array) -> Array:
        same: Array = values[0]
        return same if (values == same).all() else np.tile(values, repeat)

    return Floats(
        None if floats.bias is None else np.tile(floats.bias, repeat),
        row(floats.scale),
        None if floats.nudge is None else row(floats.nudge),
        floats.signed,
        row(floats.offset),
        floats.period * repeat,
    )


def _nudges(q: Requantizer) -> Array:
    """d of each channel."""
    _, shift, _, wide = q.integers
    return np.where((shift < 0) & (not wide), np.ldexp(0.5, shift), 0.0)


def _float64(q: Requantizer) -> Floats:
    """The constants of each channel in float64."""
    m, shift, bias, wide = q.integers
    if wide:
        scale = np.ldexp(np.where(m < 0x7FFF0000, (m + (1 << 15)) >> 16, 0x7FFF) * 1.0, shift - 15)
    else:
        scale = np.ldexp(m * 1.0, shift - 31)
    nudge = _nudges(q)
    signed = q.low < q.zero_point and bool(nudge.any())
    # Positive, so that truncation is the floor.
    offset = np.full(bias.shape, 0.5 + q.zero_point + q.lift)
    return Floats(
        bias.astype(np.float64) if bias.any() else None,
        scale,
        nudge if signed else None,
        signed,
        offset if signed else offset + nudge,
        bias.size,
    )


def _exact(q: Requantizer, floats: Floats, reach: int) -> bool:
    """Whether float64 gives the integers' result for all sums within reach."""
    _, shift, _, wide = q.integers
    if reach << max(int(shift.max()), 0) >= 1 << (53 if wide else 31):
        return False  # might wrap
    if reach * float(floats.scale.max()) >= 1 << 30:
        return False  # would not be an int32
    steps = (15 if wide else 31) + np.maximum(-shift, 0)  # of 2^-steps
    span = q.lift + q.high + abs(q.zero_point) + 2 + floats.scale
    doubtful = np.flatnonzero(np.log2(span) + steps > 53)
    return not doubtful.size or _agree(q, floats, doubtful, reach)


def _float32(q: Requantizer, floats: Floats, reach: int) -> Floats | None:
    """The constants in float32, if that gives the integers' result."""
    m, shift, bias, _ = q.integers
    if reach > 1 << 24 or reach * float(floats.scale.max()) >= 1 << 21:
        return None
    _, first, inverse = np.unique((shift << 32) + m, return_index=True, return_inverse=True)
    if first.size > _MULTIPLIERS:
        return None
    scale, nudge = floats.scale.astype(np.float32), _nudges(q).astype(np.float32)
    signed = q.low < q.zero_point
    narrow = Floats(
        None if floats.bias is None else bias.astype(np.float32),
        scale, nudge, signed, np.full(bias.shape, MAGIC + q.zero_point, np.float32), bias.size,
    )  # fmt: skip
    for number, channel in enumerate(first):
        shared = inverse == number
        exact, d = scale[channel], nudge[channel]
        for ulps, part in _VARIATIONS:
            scale[shared] = exact + ulps * np.spacing(exact)
            nudge[shared] = d * np.float32(1 + part / 100)
            if _agree(q, narrow, np.array([channel]), reach):
                break
        else:
            return None
    return narrow


def _agree(q: Requantizer, floats: Floats, channels: Array, reach: int) -> bool:
    """Whether floats and integers agree on both sides of each step of the output."""
    steps = np.arange(q.low + 1, q.high + 1) - (q.zero_point + 0.5)
    if channels.size * steps.size > _TRIED:
        return False  # as many as an int16 has
    m, shift, _, wide = q.integers
    some = Integers(m[channels], shift[channels], np.zeros(channels.size, np.int64), wide)
    trial = Floats(
        None, floats.scale[channels],
        None if floats.nudge is None else floats.nudge[channels],
        floats.signed, floats.offset[channels], channels.size,
    )  # fmt: skip
    # The sums at which the output should step, give or take 2.
    acc = np.rint(steps[:, None, None] / _float64(q).scale[channels]) + np.arange(-2, 3)[:, None]
    acc = np.clip(acc, -reach, reach).reshape(-1, channels.size)
    got, want = (np.empty(acc.shape, np.int32) for _ in range(2))
    by_floats(q, trial, acc, got, np.empty(work_bytes(acc.size), np.uint8))
    by_integers(q._replace(integers=some), acc, want)
    return bool(((got - want) % q.lift == 0).all())
