"""Requantisation in float64 and in integers, against the definition in ops/fixed_point.py."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytflite.ops.fixed_point import multiply, multiply_wide, quantize_multipliers, wrap32
from pytflite.ops.requantize import Requantizer, requantize, requantizer, work_bytes
from pytflite.ops.requantize_forms import repeats

BITS = {"int8": 8, "uint8": 8, "int16": 16}
TYPES = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def run(q: Requantizer, acc: np.ndarray, dtype: str) -> np.ndarray:
    out = np.empty(acc.shape, dtype)
    requantize(q, acc, out, np.empty(work_bytes(acc.size), np.uint8))
    return out


def expected(
    reals: np.ndarray, bias: np.ndarray, zero_point: int, low: int, high: int,
    acc: np.ndarray, wide: bool,
) -> np.ndarray:  # fmt: skip
    m, shift = quantize_multipliers(reals)
    x = acc.astype(np.int64) + bias
    scaled = multiply_wide(x, m, shift) if wide else multiply(wrap32(x), m, shift)
    return np.clip(scaled + zero_point, low, high)


def around_steps(
    reals: np.ndarray, bias: np.ndarray, zero_point: int, low: int, high: int, bound: int, seed: int
) -> np.ndarray:
    """Accumulators at random, and at the places where the output steps."""
    rng = np.random.default_rng(seed)
    acc = rng.integers(-bound, bound + 1, (4000, reals.size))
    steps = rng.integers(low - zero_point, high - zero_point + 1, (2000, reals.size)) + 0.5
    at = np.rint(steps / np.where(reals == 0, 1, reals)) + rng.integers(-1, 2, steps.shape)
    acc[:2000] = np.clip(at - bias, -bound, bound)
    acc[0] = 0
    return acc


@given(
    dtype=st.sampled_from(["int8", "uint8", "int16"]),
    wide=st.booleans(),
    fused=st.sampled_from(["none", "relu", "narrow"]),
    powers=st.booleans(),
    exponents=st.lists(st.floats(-25, 2.9), min_size=1, max_size=9),
    bits=st.integers(4, 30),
    with_bias=st.booleans(),
    shared=st.booleans(),
    many=st.booleans(),
    seed=st.integers(0, 1 << 30),
)
def test_equals_the_definition(
    dtype: str, wide: bool, fused: str, powers: bool, exponents: list[float], bits: int,
    with_bias: bool, shared: bool, many: bool, seed: int,
) -> None:  # fmt: skip
    if wide:
        dtype = "int16"
    low, high = TYPES[dtype]
    rng = np.random.default_rng(seed)
    zero_point = 0 if dtype == "int16" else int(rng.integers(low, high + 1))
    low = max(low, zero_point) if fused == "relu" else low
    if fused == "narrow":
        low, high = max(low, zero_point - 20), min(high, zero_point + 20)
    reals = np.exp2(np.rint(exponents) if powers else exponents)
    reals = np.full(5, reals[0]) if shared else reals
    bias = rng.integers(-(10**5), 10**5, reals.size) * with_bias
    bound = 1 << bits
    q = requantizer(
        reals,
        bias,
        bound,
        zero_point,
        low,
        high,
        bits=BITS[dtype],
        wide=wide,
        elements=1 << 20 if many else 0,
    )
    acc = around_steps(reals, bias, zero_point, low, high, bound, seed)
    want = expected(reals, bias, zero_point, low, high, acc, wide)
    np.testing.assert_array_equal(run(q, acc, dtype), want)
    if bits < 24 and not wide:
        np.testing.assert_array_equal(run(q, acc.astype(np.float32), dtype), want)


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("exponent", np.arange(-11, 0.9, 0.37))
def test_float32(exponent: float, dtype: str, fused: bool) -> None:
    """Channels that share a multiplier, at every step of the output."""
    low, high = TYPES[dtype]
    zero_point = low + 28
    low = zero_point if fused else low
    real, bias = np.exp2(exponent), np.array([1234, -77, 0])
    q = requantizer([real], bias, 1 << 20, zero_point, low, high, bits=8, elements=1 << 14)
    assert q.floats is not None and (q.floats.narrow or exponent < -7)
    steps = (np.arange(low - 1, high + 3) - zero_point - 0.5) / real
    acc = np.rint(steps)[:, None, None] - bias + np.arange(-3, 4)[:, None]
    acc = np.clip(acc, -(1 << 20), 1 << 20).reshape(-1, 3).astype(np.float32)
    want = expected(np.array([real]), bias, zero_point, low, high, acc, False)
    np.testing.assert_array_equal(run(q, acc, dtype), want)


def test_which_form_serves() -> None:
    """float64 for what models hold; integers for what could overflow or cannot be shown exact."""
    usual = requantizer([0.003, 0.0007], np.array([5, -7]), 1 << 22, 3, -128, 127, bits=8)
    assert usual.floats is not None and usual.floats.signed
    fused = requantizer([0.003, 0.0007], np.array([5, -7]), 1 << 22, -128, -128, 127, bits=8)
    assert fused.floats is not None and not fused.floats.signed
    tiny = requantizer([0.003, 1e-7], np.array([5, -7]), 1 << 22, 3, -128, 127, bits=8)
    assert tiny.floats is not None  # tried, since it cannot be shown
    overflow = requantizer([0.003], np.array([5]), 1 << 31, 3, -128, 127, bits=8)
    assert overflow.floats is None
    int16 = requantizer([1e-5] * 9, np.arange(9), 1 << 29, 0, -32768, 32767, bits=16)
    assert int16.floats is None
    wide = requantizer([1e-5], np.array([5]), 1 << 36, 0, -32768, 32767, bits=16, wide=True)
    assert wide.floats is not None


@pytest.mark.parametrize("rows", [0, 1, 3, 200, 1000])
def test_rows_are_repeated(rows: int) -> None:
    """Whatever the number of rows is, with respect to that of repeated constants."""
    rng = np.random.default_rng(1)
    reals, bias = np.exp2(rng.uniform(-12, -5, 24)), rng.integers(-999, 999, 24)
    q = requantizer(reals, bias, 1 << 20, 5, -128, 127, bits=8, elements=1 << 20)
    assert q.floats is not None and q.floats.period % 24 == 0 and q.floats.period > 6000
    acc = rng.integers(-50000, 50000, (rows, 24)).astype(np.int32)
    want = expected(reals, bias, 5, -128, 127, acc, False)
    np.testing.assert_array_equal(run(q, acc, "int8"), want)


def test_accumulators_that_wrapped() -> None:
    """int32 sums as C leaves them, with a bias that makes them wrap again."""
    bias = np.array([2**31 - 1, -(2**31)])
    q = requantizer([1e-7], bias, 1 << 31, 0, -128, 127, bits=8)
    acc = np.array([[2**31 - 1, -(2**31)], [7, -7]], np.int32)
    want = expected(np.array([1e-7]), bias, 0, -128, 127, acc, False)
    np.testing.assert_array_equal(run(q, acc, "int8"), want)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_integers(dtype: str, wide: bool) -> None:
    """The form that always serves."""
    low, high = TYPES[dtype]
    reals, bias = np.array([0.003, 0.7, 1.9]), np.array([5, -70_000, 1 << 20])
    bound = 1 << (40 if wide else 20)
    q = requantizer(reals, bias, bound, 7, low, high, bits=BITS[dtype], wide=wide)
    q = q._replace(floats=None)
    acc = around_steps(reals, bias, 7, low, high, bound, 3)
    want = expected(reals, bias, 7, low, high, acc, wide)
    before = acc.copy()
    np.testing.assert_array_equal(run(q, acc, dtype), want)
    np.testing.assert_array_equal(acc, before)
    assert len(np.unique(want)) > 100


@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
def test_accumulators_of_all_types(kind: type, many: bool, with_bias: bool) -> None:
    """Those of the form's own type are read where they are; none is written."""
    bias = np.array([100, -3]) * with_bias
    reals = np.array([0.01, 0.01])
    elements = 1 << 14 if many else 0
    q = requantizer(reals, bias, 1 << 20, 3, -128, 127, bits=8, elements=elements)
    assert q.floats is not None and q.floats.narrow == many
    acc = around_steps(reals, bias, 3, -128, 127, 1 << 14, 5).astype(kind)
    before = acc.copy()
    work = np.full(work_bytes(acc.size), 0x7F, np.uint8)
    out = np.empty(acc.shape, np.int8)
    requantize(q, acc, out, work)
    np.testing.assert_array_equal(out, expected(reals, bias, 3, -128, 127, acc, False))
    np.testing.assert_array_equal(acc, before)


@pytest.mark.parametrize(
    ("channels", "elements", "rows", "want"),
    [
        (24, 32767, 600, 1),  # too few to be worth the memory
        (24, 32768, 600, 300),  # 256 are enough, 300 leave no rest
        (24, 32768, 257, 257),
        (24, 32768, 513, 341),  # nothing up to 512 fits: as many as NumPy's buffer takes
        (24, 32768, 521, 341),
        (24, 32768, 3, 3),
        (24, 32768, 0, 256),
        (1, 32768, 0, 6144),
        (0, 32768, 0, 6144),
        (5000, 1 << 20, 7, 1),
        (24, 32768, 509, 509),
        (4096, 1 << 20, 0, 2),
        (20000, 1 << 20, 5, 1),
        (20000, 1 << 20, 0, 1),
    ],
)
def test_how_often_constants_are_repeated(
    channels: int, elements: int, rows: int, want: int
) -> None:
    assert repeats(channels, elements, rows) == want
