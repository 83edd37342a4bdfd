"""exp of float64, within a unit in the last place: rounded to float32 it is nearly always the
number that NumPy has, rounded.
"""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernels.intrinsics import from_bits64

_LOG2_E = 1.4426950408889634
# ln 2 in two parts, the first with so few bits that its product with an exponent is exact.
_LN2_HIGH, _LN2_LOW = float.fromhex("0x1.62e42feep-1"), float.fromhex("0x1.a39ef35793c76p-33")
_LOW, _HIGH = -746.0, 710.0  # beyond, the result is 0 or infinite
# 1 / n!
_C2, _C3, _C4, _C5, _C6 = 1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720
_C7, _C8, _C9, _C10 = 1 / 5040, 1 / 40320, 1 / 362880, 1 / 3628800
_C11, _C12, _C13 = 1 / 39916800, 1 / 479001600, 1 / 6227020800


def exp(x: float) -> float:
    """e to the power of x: 2**n * e**r with x = n ln 2 + r, |r| <= ln 2 / 2.

    2**n is multiplied in two steps, so that results which are infinite or denormal come out right.
    """
    x = _LOW if x < _LOW else (_HIGH if x > _HIGH else x)
    exponent = np.int64(x * _LOG2_E + (0.5 if x > 0 else -0.5) if x == x else 0.0)
    n = np.float64(exponent)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = ((((_C13 * r + _C12) * r + _C11) * r + _C10) * r + _C9) * r + _C8
    p = (((((p * r + _C7) * r + _C6) * r + _C5) * r + _C4) * r + _C3) * r + _C2
    p = (p * (r * r) + r) + 1.0
    half = exponent >> 1
    return p * from_bits64((half + 1023) << 52) * from_bits64((exponent - half + 1023) << 52)
