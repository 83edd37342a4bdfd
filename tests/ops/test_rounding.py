"""C's round() against its definition, in Python's fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytflite.ops.rounding import round_away, round_half_away


def rounded(x: Fraction) -> int:
    """To the nearest integer, halves away from zero."""
    whole = abs(x).__floor__()
    whole += abs(x) - whole >= Fraction(1, 2)
    return whole if x >= 0 else -whole


AWAY = [
    (0.0, 0), (-0.0, 0), (0.4, 0), (-0.4, 0), (0.5, 1), (-0.5, -1), (1.5, 2), (-1.5, -2),
    (2.5, 3), (-2.5, -3), (2.4999999999999996, 2), (-2.4999999999999996, -2),
    (0.49999999999999994, 0), (-0.49999999999999994, 0), (2.0**52 + 1, 2**52 + 1),
    (-(2.0**52) - 1, -(2**52) - 1), (2.0**51 + 0.5, 2**51 + 1), (1e300, int(1e300)),
]  # fmt: skip


@pytest.mark.parametrize(("x", "want"), AWAY)
def test_round_half_away(x: float, want: int) -> None:
    assert round_half_away(x) == want and isinstance(round_half_away(x), int)
    assert round_away(np.array([x, x]))[1] == want


@given(st.floats(-1e18, 1e18) | st.integers(-(1 << 54), 1 << 54).map(lambda n: n / 2))
def test_rounding_of_anything(x: float) -> None:
    assert round_half_away(x) == rounded(Fraction(x))
    assert round_away(np.array(x)) == rounded(Fraction(x))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False)
       | st.integers(-(1 << 24), 1 << 24).map(lambda n: n / 2))  # fmt: skip
def test_round_away_of_float32(x: float) -> None:
    got = round_away(np.array([x], np.float32))
    assert got.dtype == np.float32 and int(got[0]) == rounded(Fraction(float(np.float32(x))))


def test_round_away_leaves_its_argument() -> None:
    x = np.array([0.5, -1.5])
    round_away(x)
    assert x.tolist() == [0.5, -1.5]
