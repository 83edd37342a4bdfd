"""The constants of requantisation: chosen so that float32 does, where that can be proven.

    y = clamp(zero_point + round(real[n] * sum[m, n]), low, high)

emit/requantize.py says how kernels compute it. Both `round` and its stand-in

    rint(fma(float(sum), scale, sum < 0 ? minus : plus))

only rise with the sum. So they agree for every sum if they agree on both sides of each step of the
output, of which there are at most 255. They are tried at these, with the nearest constants and
some that are a few units off; the first that pass are taken.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pytflite.jit.emit.requantize import EDGE_EXACT, EDGE_NEAR, EDGE_PROVEN, rows
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import quantize_multipliers, wrap32

_Any = npt.NDArray[Any]

# How far scale (in units of its last place) and plus and minus (in 2^-20) are varied.
_VARIATIONS = [(ulps, part) for part in (0, 1, -1, 2, -2, 4, -4, 8, -8) for ulps in (0, 1, -1)]
_LIKELY = 2.0**-12  # scales below this have hardly a chance
_HALF = np.nextafter(0.5, 0.0)


class Range(NamedTuple):
    """What sums and outputs can be.

    Attributes:
        reach: no sum, bias included, passes this in magnitude; at most 2^31.
        zero_point, low, high: of the output, as int8 (128 less if it is uint8).
        fused: the target multiplies and adds with one rounding.
    """

    reach: int
    zero_point: int
    low: int
    high: int
    fused: bool

    @property
    def signed(self) -> bool:
        """Whether the sign of a sum matters."""
        return self.low < self.zero_point


def make_constants(rounding: str, reals: Array, bias: Array, r: Range) -> dict[str, Array]:
    """The rows that emit/requantize.py names, one number for each channel.

    Args:
        rounding: "fixed", "real" or "litert".
        reals: multipliers, none negative: one, or one a channel.
        bias: int64 [channels], what is added to the sums of products.
        r: what can be.
    """
    reals = np.broadcast_to(np.asarray(reals, np.float64).reshape(-1), bias.shape)
    found: dict[str, Array] = {"bias": wrap32(bias).astype(np.int32)}
    if rounding == "litert":
        return {**found, "scale": reals.astype(np.float32)}
    steps: Steps
    if rounding == "fixed":
        steps = fixed_steps(reals, r)
        found.update(_fixed_rows(reals))
    else:
        steps = real_steps(reals, r)
        found.update(_halves("real", np.ascontiguousarray(reals)))
    found.update(_floats(steps, r))
    found["flag"] = (found["edge"] != EDGE_PROVEN).astype(np.int32)
    return found


def pack_constants(rounding: str, values: dict[str, Array], columns: int) -> Array:
    """[panels, rows, columns] of 32 bits; what is missing of the last panel is zero.

    The flag of a panel is its first number.
    """
    names = rows(rounding)
    count = values["bias"].size
    panels = -(-count // columns)
    packed = np.zeros((panels, len(names), columns), np.int32)
    for place, name in enumerate(names):
        if name.endswith("_high"):
            continue
        row = values[name]
        padded = np.zeros((panels * columns, row.itemsize // 4), np.int32)
        padded[:count] = np.ascontiguousarray(row).view(np.int32).reshape(count, -1)
        of_panel = packed[:, place : place + row.itemsize // 4]
        of_panel[...] = padded.reshape(of_panel.shape)
    if "flag" in names:
        packed[:, 0, 0] = packed[:, 0].any(axis=1)
    return packed


class Steps(NamedTuple):
    """Where outputs step, and what float32 starts from.

    Attributes:
        first: int64 [steps, channels]: the least sum that gives low + 1 + step, or more.
        scale: float64 [channels], of y in real numbers.
        nudge: float64 [channels], added to y > 0 before rounding to nearest, taken from y < 0.
        known: bool [channels]: `first` is right, and the function only rises.
    """

    first: Array
    scale: Array
    nudge: Array
    known: Array


def fixed_steps(reals: Array, r: Range) -> Steps:
    """Those of gemmlowp's roundings: (x * m + nudge) >> (31 + s), solved for x in integers."""
    m, shift = quantize_multipliers(reals)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    known = (right <= 20) & (m > 0) & (r.reach << left < 1 << 31)
    safe, few = np.where(known, m, 1), np.where(known, right, 0)
    k = np.arange(r.low + 1 - r.zero_point, r.high + 1 - r.zero_point)[:, None]
    nudge = (1 << 30) + np.where(few > 0, np.int64(1) << (30 + few), 0)
    below = np.where(few > 0, np.int64(1) << 31, 0)
    limit = (k << (31 + few)) - nudge + np.where(k > 0, 0, below)
    first = -(-limit // safe)
    first = -(-first >> np.where(known, left, 0))
    first = np.where(k > 0, first, np.minimum(first, 0))
    real = np.ldexp(m * 1.0, shift - 31)
    return Steps(first, real, np.where(right > 0, np.ldexp(0.5, -right), 0.0), known)


def real_steps(reals: Array, r: Range) -> Steps:
    """Those of half away from zero in float64: guessed, and then looked at."""
    k = np.arange(r.low + 1 - r.zero_point, r.high + 1 - r.zero_point)[:, None]
    with np.errstate(all="ignore"):
        guess = np.ceil((k - 0.5) / reals)
    known = (reals > 0) & (np.abs(guess) < 1 << 40).all(axis=0)
    first = np.where(known, guess, 0.0)
    for _ in range(2):
        first += np.where(_real(first, reals) < k, 1.0, 0.0)
        first -= np.where(_real(first - 1, reals) >= k, 1.0, 0.0)
    known &= ((_real(first, reals) >= k) & (_real(first - 1, reals) < k)).all(axis=0)
    return Steps(first.astype(np.int64), reals, np.full(reals.shape, 2.0**-24), known)


def _real(x: Array, reals: Array) -> Array:
    y = x * reals
    y += np.copysign(_HALF, y)
    rounded: Array = np.trunc(y, out=y)
    return rounded


def _floats(steps: Steps, r: Range) -> dict[str, Array]:
    """scale, plus, minus and edge: the nearest, or proven ones."""
    nearest = steps.scale.astype(np.float32)
    scale, nudge = nearest.copy(), steps.nudge.copy()
    with np.errstate(over="ignore"):
        within = r.reach * scale.astype(np.float64) < 1 << 30
    edge = np.where(within, EDGE_NEAR, EDGE_EXACT).astype(np.float32)
    left = np.flatnonzero(steps.known & within & (steps.scale >= _LIKELY))
    for ulps, part in _VARIATIONS:
        if not left.size:
            break
        tried = nearest[left] + np.float32(ulps) * np.spacing(nearest[left])
        near = steps.nudge[left] + part * 2.0**-20
        passed = _agree(steps.first[:, left], tried, near, r)
        done = left[passed]
        scale[done], nudge[done], edge[done] = tried[passed], near[passed], EDGE_PROVEN
        left = left[~passed]
    plus, minus = _offsets(nudge, r)
    return {"scale": scale, "plus": plus, "minus": minus, "edge": edge}


def _offsets(nudge: Array, r: Range) -> tuple[Array, Array]:
    plus = (r.zero_point + nudge).astype(np.float32)
    return plus, (r.zero_point - nudge).astype(np.float32) if r.signed else plus


def _agree(first: Array, scale: Array, nudge: Array, r: Range) -> Array:
    """Whether float32 steps where it should, for each channel."""
    k = np.arange(r.low + 1, r.high + 1)[:, None]
    plus, minus = _offsets(nudge, r)

    def rises(total: Array) -> Array:
        total = np.clip(total, -r.reach, min(r.reach, 2**31 - 1))
        x = total.astype(np.float32)
        offset = np.where(total < 0, minus, plus)
        t = multiply_add(x, scale, offset) if r.fused else x * scale + offset
        risen: Array = np.rint(t) >= k
        return risen

    # A step beyond what sums reach must not be taken, one before them must have been.
    taken, waits = rises(first) | (first > r.reach), ~rises(first - 1) | (first <= -r.reach)
    agree: Array = (taken & waits).all(axis=0)
    return agree


def multiply_add(x: _Any, y: _Any, z: _Any) -> _Any:
    """x * y + z of float32, rounded once.

    The product is exact in float64; its sum with z, if it is not, is rounded to the odd of two
    neighbours, which the second rounding, to float32, cannot mistake for a tie.
    """
    product = x.astype(np.float64) * y
    total = product + z
    high = total - product
    rest = (product - (total - high)) + (z - high)
    if rest.any():
        bits = total.view(np.int64)
        inexact = (rest != 0) & (bits & 1 == 0)
        bits += np.where(inexact, np.where((rest > 0) == (total > 0), 1, -1), 0)
    return total.astype(np.float32)


def _fixed_rows(reals: Array) -> dict[str, Array]:
    m, shift = quantize_multipliers(reals)
    right = 31 + np.maximum(-shift, 0)
    nudge = (1 << 30) + np.where(right > 31, np.int64(1) << (right - 1), 0)
    return {
        "left": np.maximum(shift, 0).astype(np.int32),
        "multiplier": m.astype(np.int32),
        "right": right.astype(np.int32),
        **_halves("nudge", nudge),
    }


def _halves(name: str, values: Array) -> dict[str, Array]:
    """Numbers of 64 bits, and a name for the second row that they take."""
    return {name: values, f"{name}_high": values}
