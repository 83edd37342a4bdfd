"""Float32 in the place of a rounding defined in integers or float64: found, and proven.

    y = round(real * sum)
    y = rint(fma(float(sum + origin), scale, sum < 0 ? minus : plus))

Both only rise with the sum. So, clamped to 8 bits, they agree for every sum if they agree on both
sides of each step of the output, of which there are at most 255. Steps whose tie lies far from any
sum, as float32 errs, need no look. At the others the constants are tried: the nearest ones, and
some that are a few units off.

`origin` is added to sums so that the middle of the outputs comes to zero, where float32 is best.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pytflite.jit.emit.requantize import EDGE_EXACT, EDGE_PROVEN
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import quantize_multipliers

_Any = npt.NDArray[Any]

# How far scale (in units of its last place) and plus and minus (in 2^-20) are varied; those first
# that help most often.
_VARIATIONS = (
    (0, 0.0), (1, 0.25), (-1, -0.25), (0, 0.5), (0, -4.0), (0, 2.0),
    (1, 1.0), (-1, 1.0), (1, -2.0), (-1, 2.0), (0, 4.0),
)  # fmt: skip
_RISKY = 2.0**-15  # no error of float32, and no variation, moves an output so far
_LIKELY = 2.0**-10  # scales below this have hardly a chance
_UNSURE = 2.0**-20  # float64 errs less when it looks for steps
_AT_ONCE = 48  # channels: what is made of them for all steps fits a small block of memory
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


class Ideal(NamedTuple):
    """The rounding in real numbers: floor(1/2 + y + copysign(nudge, y)), y = scale * sum.

    Attributes:
        scale, nudge: float64 [channels].
        rises: bool [channels]: the function only rises, and can be looked at.
    """

    scale: Array
    nudge: Array
    rises: Array


class Floats(NamedTuple):
    """Constants of float32 [channels], but for origin: int64.

    `edge` is as in emit/requantize.py.
    """

    scale: Array
    plus: Array
    minus: Array
    edge: Array
    origin: Array


def ideal(rounding: str, reals: Array, r: Range) -> Ideal:
    """That of gemmlowp's two roundings ("fixed"), or of half away from zero in float64 ("real")."""
    if rounding == "real":
        # Ties are as rare as sums in proportion to 2^24; what is added sends them away from zero.
        return Ideal(reals, np.full(reals.shape, 2.0**-26), reals > 0)
    m, shift = quantize_multipliers(reals)
    left, right = np.maximum(shift, 0), np.maximum(-shift, 0)
    rises = (m > 0) & (r.reach << left < 1 << 31) & (right > 0) & (right <= 20)
    return Ideal(np.ldexp(m * 1.0, shift - 31), np.where(right, np.ldexp(0.5, -right), 0), rises)


def find_floats(rounding: str, reals: Array, r: Range) -> Floats:
    """The nearest constants, or some that are proven.

    Args:
        rounding: "fixed" or "real".
        reals: float64 [channels], none negative.
    """
    goal = ideal(rounding, reals, r)
    with np.errstate(all="ignore"):
        origin = np.rint(r.zero_point / goal.scale)
        near = (np.abs(origin) + r.reach < 1 << 31) & (r.reach < 1 << 31)
        origin = np.where(near, origin, 0.0)
        scale = goal.scale.astype(np.float32)
        within = (np.abs(origin) + r.reach) * goal.scale < 1 << 30
    found = Floats(
        scale, *_offsets(goal.scale, goal.nudge, origin, r),
        np.where(within, 0.5 - _window(goal, origin, r), EDGE_EXACT).astype(np.float32),
        origin.astype(np.int64),
    )  # fmt: skip
    likely = np.flatnonzero(goal.rises & within & (goal.scale >= _LIKELY))
    if likely.size:
        _improve(rounding, goal, found, likely, r)
    return found


def _offsets(scale: Array, nudge: Array, origin: Array, r: Range) -> tuple[Array, Array]:
    """plus and minus."""
    middle = r.zero_point - origin * scale
    plus = (middle + nudge).astype(np.float32)
    return plus, (middle - nudge).astype(np.float32) if r.signed else plus


def _window(goal: Ideal, origin: Array, r: Range) -> Array:
    """By how much the float32 result may be wrong, next to a tie within the outputs."""
    middle = np.abs(r.zero_point - origin * goal.scale) + 1
    roundings = 1 + (np.abs(origin) + r.reach > 1 << 24) + (not r.fused)  # of numbers up to ...
    window: Array = 1.5 * 2.0**-25 * ((128 + middle) * roundings + middle + 128)
    return window


def _improve(rounding: str, goal: Ideal, found: Floats, channels: Array, r: Range) -> None:
    """Puts proven constants in the place of nearest ones, where there are some."""
    parts = range(0, channels.size, _AT_ONCE)
    found_steps = [_risky_steps(rounding, goal, channels[p : p + _AT_ONCE], r) for p in parts]
    steps = Steps(*(np.concatenate(rows) for rows in zip(*found_steps, strict=True)))
    left = channels
    for ulps, part in _VARIATIONS:
        if not left.size:
            return
        nearest = found.scale[left]
        scale = nearest + np.float32(ulps) * np.spacing(nearest)
        nudge = goal.nudge[left] + part * 2.0**-20
        plus, minus = _offsets(goal.scale[left], nudge, found.origin[left], r)
        trial = Floats(scale, plus, minus, found.edge[left], found.origin[left])
        place = np.zeros(found.scale.size, np.intp)
        place[left] = np.arange(left.size)
        at = place[steps.channel]
        failed = np.zeros(left.size, bool)
        failed[at[~_agrees(steps, trial, at, r)]] = True
        done = ~failed
        for row, value in zip(found[:3], trial[:3], strict=True):
            row[left[done]] = value[done]
        found.edge[left[done]] = EDGE_PROVEN
        left = left[failed]
        steps = steps.of(failed[at])


class Steps(NamedTuple):
    """Steps of the output that have to be looked at, one after another.

    Attributes:
        channel: whose.
        output: what the output rises to, or beyond.
        first: the least sum that gives that.
    """

    channel: Array
    output: Array
    first: Array

    def of(self, some: Array) -> Steps:
        """Some of them."""
        return Steps(*(row[some] for row in self))


def _risky_steps(rounding: str, goal: Ideal, channels: Array, r: Range) -> Steps:
    """Those with a sum near the tie."""
    scale, nudge = goal.scale[channels], goal.nudge[channels]
    output = np.arange(r.low + 1, r.high + 1, dtype=np.float64)[:, None]
    level = output - r.zero_point
    tie = np.where(level > 0, -1.0, 1.0) * nudge
    tie += level - 0.5
    tie *= 1 / scale
    first = np.ceil(tie)
    above = np.subtract(first, tie, out=tie)
    risk = np.minimum(_RISKY / scale, 1.0)
    k, c = np.nonzero((above < risk) | (above > 1 - risk))
    steps = Steps(channels[c], output[k, 0], first[k, c])
    unsure = np.flatnonzero((above[k, c] < _UNSURE) | (above[k, c] > 1 - _UNSURE))
    level = steps.output[unsure] - r.zero_point
    steps.first[unsure] = _exactly(rounding, goal, steps.of(unsure), level)
    return steps


def _exactly(rounding: str, goal: Ideal, steps: Steps, level: Array) -> Array:
    """The least sums that give a level, found from guesses that are off by one at most."""
    reals = goal.scale[steps.channel]
    first = steps.first
    for _ in range(2):
        first = first + np.where(_rounded(rounding, reals, first) < level, 1.0, 0.0)
        first = first - np.where(_rounded(rounding, reals, first - 1) >= level, 1.0, 0.0)
    return first


def _rounded(rounding: str, reals: Array, total: Array) -> Array:
    """The definition."""
    if rounding == "fixed":
        m, shift = quantize_multipliers(reals)
        product = total.astype(np.int64) * m
        nudge = (1 << 30) + (np.int64(1) << (30 - shift)) - np.where(product < 0, 1 << 31, 0)
        shifted: Array = (product + nudge) >> (31 - shift)
        return shifted
    y = total * reals
    rounded: Array = np.trunc(y + np.copysign(_HALF, y))
    return rounded


def _agrees(steps: Steps, trial: Floats, at: Array, r: Range) -> Array:
    """Whether float32 takes steps where it should; `at`: where their channels are in trial."""

    def rises(total: Array) -> Array:
        offset = np.where(total < 0, trial.minus[at], trial.plus[at])
        x = (total + trial.origin[at]).astype(np.float32)
        scale = trial.scale[at]
        t = multiply_add(x, scale, offset) if r.fused else x * scale + offset
        risen: Array = np.rint(t) >= steps.output
        return risen

    taken = rises(steps.first) | (steps.first > r.reach)
    waits = ~rises(steps.first - 1) | (steps.first <= -r.reach)
    return np.asarray(taken & waits)


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
