"""Fixed-point arithmetic against its definitions, number by number in Python's integers.

Every function is held against its docstring: exhaustively where its domain is small, else on edges
and on what hypothesis makes of them.

Of 446 mutants of fixed_point.py and rounding.py (operators, comparisons, constants, branches,
statements) these tests and test_rounding.py leave 33 alive, all of which compute the same:
conversions to int32 in place of int64 where the other operand is int64; shifts by 62 or 64 in place
of 63 that ask for a sign; comparisons that differ at a number for which both branches agree (0 and
0x7FFF0000); short cuts not taken (`shift_and_multiply`, `divide_by_pot`) or a shift by 0 made;
reshape(-2); the name of a type.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytflite.ops.fixed_point import (
    INT32_MAX,
    INT32_MIN,
    divide_by_pot,
    high_mul,
    multiply,
    multiply_in_place,
    multiply_wide,
    quantize_multiplier,
    quantize_multipliers,
    saturate,
    scaling,
    shift_and_multiply,
    wrap32,
)
from tests.ops.test_rounding import rounded

INT32 = st.integers(INT32_MIN, INT32_MAX)
REAL = st.floats(2.0**-31, 2.0**8) | st.floats(-(2.0**8), -(2.0**-31))
EDGES = np.array([INT32_MIN, INT32_MIN + 1, -3, -2, -1, 0, 1, 2, 3, INT32_MAX - 1, INT32_MAX])


def test_the_range_of_int32() -> None:
    assert (INT32_MIN, INT32_MAX) == (-2147483648, 2147483647)


def doubled_high(a: int, b: int) -> int:
    """SaturatingRoundingDoublingHighMul: the quotient is truncated."""
    product = a * b
    nudge = 1 << 30 if product >= 0 else 1 - (1 << 30)
    total = product + nudge
    return min(abs(total) // (1 << 31) * (1 if total >= 0 else -1), INT32_MAX)


def pot(x: int, exponent: int) -> int:
    """RoundingDivideByPOT."""
    return rounded(Fraction(x, 1 << exponent))


def wrap(x: int) -> int:
    return (x - INT32_MIN) % (1 << 32) + INT32_MIN


def by_definition(x: int, m: int, shift: int) -> int:
    return pot(doubled_high(wrap(x << max(shift, 0)), m), max(-shift, 0))


# --- multipliers ---


def multiplier(real: float) -> tuple[int, int]:
    """(m, shift) such that m * 2^(shift - 31) is nearest, |m| in [2^30, 2^31)."""
    exponent = math.frexp(real)[1]
    m = rounded(Fraction(real) * Fraction(2) ** (31 - exponent))
    return (1 << 30, exponent + 1) if m == 1 << 31 else (m, exponent)


@given(REAL | st.floats(2.0**-32, 2.0**29))
def test_quantize_multiplier_of_anything(real: float) -> None:
    m, shift = quantize_multiplier(real)
    assert (m, shift) == multiplier(real)
    assert abs(Fraction(m) * Fraction(2) ** (shift - 31) - Fraction(real)) <= Fraction(2) ** (
        shift - 32
    )


@pytest.mark.parametrize(
    ("real", "want"),
    [
        (0.0, (0, 0)),
        (-0.0, (0, 0)),
        (1.0, (1 << 30, 1)),
        (0.5, (1 << 30, 0)),
        (-0.5, (-(1 << 30), 0)),
        (0.75, (3 << 29, 0)),
        (1 - 2.0**-40, (1 << 30, 1)),  # rounds up to 2^31
        (1 - 2.0**-32, (1 << 30, 1)),  # exactly between: away from zero
        (1 - 2.0**-31, ((1 << 31) - 1, 0)),
        (-(1 - 2.0**-40), (-(1 << 31), 0)),
        (2.0**-32, (1 << 30, -31)),
        (math.nextafter(2.0**-32, 0), (1 << 30, -31)),  # rounds up to it
        (2.0**-32 * (1 - 2.0**-30), (0, 0)),
        (2.0**-33, (0, 0)),
        (1e-300, (0, 0)),
        (2.0**29, (1 << 30, 30)),
        (2.0**30 * (1 - 2.0**-31), (INT32_MAX, 30)),
        (2.0**30, (INT32_MAX, 30)),
        (2.0**40, (INT32_MAX, 30)),
        (1e300, (INT32_MAX, 30)),
        (math.inf, (0, 0)),
        (-math.inf, (0, 0)),
        (math.nan, (0, 0)),
    ],
)
def test_quantize_multiplier(real: float, want: tuple[int, int]) -> None:
    assert quantize_multiplier(real) == want
    m, shift = quantize_multipliers([real, 0.3])
    assert (m[0], shift[0]) == want and (m[1], shift[1]) == quantize_multiplier(0.3)


@given(st.lists(st.floats() | REAL, max_size=20))
def test_quantize_multipliers(reals: list[float]) -> None:
    """Channel by channel the same; any shape of them."""
    m, shift = quantize_multipliers(np.array([reals]))
    assert m.dtype == shift.dtype == np.int64 and m.shape == shift.shape == (len(reals),)
    assert list(zip(m.tolist(), shift.tolist(), strict=True)) == [
        quantize_multiplier(real) for real in reals
    ]


def test_quantize_multipliers_of_floats() -> None:
    """float32 counts as the double that it is."""
    m, shift = quantize_multipliers(np.float32([0.1]))
    assert (int(m[0]), int(shift[0])) == quantize_multiplier(float(np.float32(0.1)))


# --- division by powers of two ---


@pytest.mark.parametrize("exponent", range(9))
def test_divide_by_pot_of_all_small_numbers(exponent: int) -> None:
    x = np.arange(-700, 701)
    want = [pot(int(v), exponent) for v in x]
    for kind in (exponent, np.array(exponent), np.full(x.shape, exponent), np.int64(exponent)):
        got = divide_by_pot(x, kind)
        np.testing.assert_array_equal(got, want)
        assert got.dtype == np.int64


@given(st.lists(INT32, min_size=1, max_size=20), st.integers(0, 31))
def test_divide_by_pot(xs: list[int], exponent: int) -> None:
    ties = [wrap(k * (1 << exponent) // 2) for k in range(-5, 6)]
    x = np.array([*xs, *ties, *EDGES])
    want = [pot(int(v), exponent) for v in x]
    np.testing.assert_array_equal(divide_by_pot(x, exponent), want)
    np.testing.assert_array_equal(divide_by_pot(x, np.array(exponent)), want)
    np.testing.assert_array_equal(divide_by_pot(x.astype(np.int32), exponent), want)


def test_divide_by_pot_channel_by_channel() -> None:
    x = np.arange(-24, 24).reshape(4, 12)
    exponents = np.array([[0], [1], [2], [5]])
    want = [[pot(int(v), int(e)) for v in row] for row, (e,) in zip(x, exponents, strict=True)]
    np.testing.assert_array_equal(divide_by_pot(x, exponents), want)


# --- products ---


@given(st.lists(INT32, min_size=1, max_size=20), INT32)
def test_high_mul(xs: list[int], b: int) -> None:
    a = np.concatenate([xs, EDGES])
    np.testing.assert_array_equal(high_mul(a, b), [doubled_high(int(v), b) for v in a])
    np.testing.assert_array_equal(high_mul(a.astype(np.int32), np.int32(b)), high_mul(a, b))


def test_high_mul_at_its_edges() -> None:
    pairs = [(int(a), int(b)) for a in EDGES for b in [*EDGES, 1 << 30, -(1 << 30), 1 << 15]]
    a, b = np.array(pairs).T
    want = [doubled_high(*pair) for pair in pairs]
    np.testing.assert_array_equal(high_mul(a, b), want)
    assert max(want) == INT32_MAX and high_mul(INT32_MIN, INT32_MIN) == INT32_MAX
    for k in range(-9, 10):  # exactly between
        assert high_mul(k, 1 << 30) == doubled_high(k, 1 << 30)


def forms(x: np.ndarray, m: Any, shift: Any) -> list[np.ndarray]:
    """A product in each of the ways to compute it that take arrays of (m, shift)."""
    before = x.copy()
    results = [multiply(x, m, shift), scaling(m, shift).apply(x)]
    np.testing.assert_array_equal(x, before)
    assert all(result.dtype == np.int64 for result in results)
    return results


def in_place(x: np.ndarray, m: int, shift: int) -> np.ndarray:
    copy = x.astype(np.int64)
    result = multiply_in_place(copy, m, shift)
    assert result is copy
    return result


def check_product(x: np.ndarray, m: int, shift: int) -> None:
    want = [by_definition(int(v), m, shift) for v in x]
    precise, *hot = (*forms(x, m, shift), in_place(x, m, shift))
    np.testing.assert_array_equal(precise, want)
    for got in hot:
        if m == INT32_MIN:  # their callers clamp -2^31 * -2^31
            assert got.max() <= INT32_MAX + 1
            got = np.minimum(got, INT32_MAX)
        np.testing.assert_array_equal(got, want)


def test_saturation_channel_by_channel() -> None:
    x = np.full(3, INT32_MIN)
    m, shift = np.array([INT32_MIN] * 3), np.array([0, -1, -5])
    want = [by_definition(INT32_MIN, INT32_MIN, int(s)) for s in shift]
    assert want[0] == INT32_MAX and multiply(x, m, shift).tolist() == want


@given(st.lists(INT32, min_size=1, max_size=20), REAL)
def test_multiply_in_its_three_forms(xs: list[int], real: float) -> None:
    check_product(np.concatenate([xs, EDGES]), *quantize_multiplier(real))


@given(st.lists(INT32, min_size=1, max_size=9), INT32, st.integers(-31, 30))
def test_multiply_by_any_number(xs: list[int], m: int, shift: int) -> None:
    check_product(np.concatenate([xs, EDGES]), m, shift)


@pytest.mark.parametrize("shift", range(-31, 31))
def test_ties_of_every_shift(shift: int) -> None:
    """Halves of the first rounding and of the second one."""
    near = np.array([k * (1 << max(0, -shift)) + d for k in range(-4, 5) for d in (-1, 0, 1)])
    x = wrap32(np.concatenate([near, near << 1, near >> 1, EDGES]))
    for m in (1 << 30, -(1 << 30), (1 << 30) + 1, INT32_MAX, INT32_MIN, 3 << 29, 1, 0, -1):
        check_product(x, m, shift)


def test_multiply_takes_all_integers() -> None:
    m, shift = quantize_multiplier(0.37)
    for dtype in (np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64):
        x = np.arange(0, 100, dtype=dtype)
        for by in (shift, shift + 9):
            for got in forms(x, m, by):
                np.testing.assert_array_equal(got, [by_definition(int(v), m, by) for v in x])
        wider = multiply_wide(x, [m], [shift])
        assert wider.dtype == np.int64 and wider.tolist() == [wide(int(v), m, shift) for v in x]
    assert multiply(7, m, shift) == by_definition(7, m, shift)
    assert multiply([7, -9], m, shift).tolist() == [by_definition(v, m, shift) for v in (7, -9)]


def test_scaling_knows_whether_there_is_anything_to_shift() -> None:
    assert scaling(1 << 30, [0, -3]).left is None
    left = scaling(1 << 30, [0, -3, 2]).left
    assert left is not None and left.tolist() == [0, 0, 2]


@given(st.lists(REAL, min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_multiply_channel_by_channel(reals: list[float], seed: int) -> None:
    reals = [*reals, 0.5, 3.0, 0.001]  # no shift, to the left, to the right
    m, shift = (v.reshape(-1, 1) for v in quantize_multipliers(reals))
    x = np.random.default_rng(seed).integers(INT32_MIN, INT32_MAX, (len(reals), 7))
    x[:, 0] = -1
    want = [
        [by_definition(int(v), *quantize_multiplier(real)) for v in row]
        for real, row in zip(reals, x, strict=True)
    ]
    for got in forms(x, m, shift):
        np.testing.assert_array_equal(got, want)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=9), st.integers(0, 20),
       INT32, st.integers(-31, 10))  # fmt: skip
def test_shift_and_multiply(xs: list[int], left: int, m: int, shift: int) -> None:
    x = np.array([*xs, -1, 0, 1])
    for number in (m, 1 << 30, 1 << 29, 0):
        copy = x.copy()
        got = shift_and_multiply(copy, left, number, shift)
        assert got is copy
        want = [by_definition(int(v) << left, number, shift) for v in x]
        np.testing.assert_array_equal(got, want)


def test_shift_and_multiply_where_all_cancels() -> None:
    for left in range(12):
        for shift in range(-12, 2):
            x = np.arange(-9, 10)
            want = [by_definition(int(v) << left, 1 << 30, shift) for v in x]
            np.testing.assert_array_equal(shift_and_multiply(x, left, 1 << 30, shift), want)
    # But where a register of 32 bits is too short.
    assert shift_and_multiply(np.array([1 << 29]), 1, 1 << 30, 1) == -(1 << 30)
    for number in (0, 1 << 29):
        assert shift_and_multiply(np.array([5]), 8, number, -1) == by_definition(5 << 8, number, -1)


# --- wide products ---


def wide(x: int, m: int, shift: int) -> int:
    reduced = (m + (1 << 15)) >> 16 if m < 0x7FFF0000 else 0x7FFF
    return (x * reduced + (1 << (14 - shift))) >> (15 - shift)


@given(st.lists(st.integers(-(1 << 47), 1 << 47), min_size=1, max_size=20),
       st.integers(0, INT32_MAX), st.integers(-31, 14))  # fmt: skip
def test_multiply_wide(xs: list[int], m: int, shift: int) -> None:
    x = np.array([*xs, *EDGES])
    for number in (m, 0x7FFEFFFF, 0x7FFF0000, 0x7FFF8000, INT32_MAX, 0x7FFF, 0x8000):
        want = [wide(int(v), number, shift) for v in x]
        np.testing.assert_array_equal(multiply_wide(x, number, shift), want)
    assert multiply_wide(x.astype(np.int32), m, shift).dtype == np.int64


def test_multiply_wide_channel_by_channel() -> None:
    m, shift = quantize_multipliers([0.25, 0.3, 1.7])
    x = np.arange(-30, 30).reshape(20, 3) * (1 << 33)
    want = [
        [wide(int(v), int(a), int(s)) for v, a, s in zip(row, m, shift, strict=True)] for row in x
    ]
    np.testing.assert_array_equal(multiply_wide(x, m, shift), want)
    assert multiply_wide(3 << 20, 1 << 30, 0) == wide(3 << 20, 1 << 30, 0)


# --- ranges ---


@given(st.lists(st.integers(-(1 << 63), (1 << 63) - 1), min_size=1, max_size=20))
def test_wrap32(xs: list[int]) -> None:
    x = np.array([*xs, INT32_MIN - 1, INT32_MIN, INT32_MAX, INT32_MAX + 1, 1 << 32])
    got = wrap32(x)
    assert got.dtype == np.int64 and got.tolist() == [wrap(int(v)) for v in x]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16, np.int32])
def test_saturate(dtype: Any) -> None:
    info = np.iinfo(dtype)
    x = np.array([info.min - 9, info.min - 1, info.min, -1, 0, 1, info.max, info.max + 1, 1 << 40])
    got = saturate(x, dtype)
    assert got.dtype == dtype
    assert got.tolist() == [min(max(int(v), info.min), info.max) for v in x]
    assert saturate(x, np.dtype(dtype).name).tolist() == got.tolist()
    assert saturate(300.7, np.int8) == 127
