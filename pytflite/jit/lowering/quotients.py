"""A multiplication in the place of a division by a scale: found, and proven.

    q = round(x / scale)        round(fma(x, factor, x * rest)), factor + rest = 1 / scale

Both only rise with x. So, clamped to 8 bits, they agree for every x if they agree on both sides of
each step of q, of which there are at most 255: of each the floats next to its tie are looked at.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pytflite.jit.emit.typed import HALF
from pytflite.jit.lowering.proof import multiply_add

_MOST = 255  # steps that are worth looking at
_REACH = 2.0**60  # of scales whose quotients neither vanish nor pass what float32 has
_NEAR = np.arange(-2, 3, dtype=np.int32)  # units in the last place, in which quotients err


class Factors(NamedTuple):
    """float32 numbers: 1 / scale in two parts; the least x that has to be told from lower ones, and
    the greatest."""

    factor: float
    rest: float
    least: float
    greatest: float


def factors(scale: float, least: int, greatest: int) -> Factors | None:
    """What multiplies x to the same integers as the division, within least and greatest; None if
    that cannot be proven. For targets that round once as they multiply and add."""
    if not 1 / _REACH < scale < _REACH or not 0 < greatest - least <= _MOST:
        return None
    divisor = np.float32(scale)
    factor = np.float32(1 / scale)
    rest = np.float32(1 / scale - float(factor))
    levels = np.arange(least + 1, greatest + 1, dtype=np.float64)[:, None]
    ties = ((levels - 0.5) * scale).astype(np.float32)
    x = (ties.view(np.int32) + _NEAR).view(np.float32)
    ends = (np.array([[least], [greatest]]) * scale).astype(np.float32)

    def multiplied(x: Any) -> Any:
        return _rounded(multiply_add(x, np.asarray(factor), x * rest))

    divided = _rounded(x / divisor)
    agrees = (
        (divided == multiplied(x)).all()
        and (divided.min(axis=1, keepdims=True) < levels).all()
        and (divided.max(axis=1, keepdims=True) >= levels).all()
        and (multiplied(ends) == [[least], [greatest]]).all()
    )
    return Factors(*map(float, (factor, rest, *ends[:, 0]))) if agrees else None


def _rounded(t: Any) -> Any:
    """Half away from zero."""
    return np.trunc(t + np.copysign(np.float32(HALF), t))
