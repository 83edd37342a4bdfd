"""Quantisation at run time, against the definition written out for one row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytflite.ops import hybrid
from pytflite.ops.hybrid import pack, product, quantize, work_floats
from pytflite.ops.rounding import round_away, round_half_away

F32 = np.float32


def by_definition(row: np.ndarray, asymmetric: bool) -> tuple[float, np.ndarray]:
    """Scale, and q - zero point, of one row."""
    if not asymmetric:
        largest = np.abs(row).max(initial=0)
        if not largest:
            return 1.0, row * 0
        return largest / F32(127), round_away(row * (F32(127) / largest))
    low, high = min(0.0, float(row.min())), max(0.0, float(row.max()))
    if low == high:
        return 1.0, row * 0
    scale = (high - low) / 255.0
    zero = -128 - low / scale if 128 - low / scale < 127 + high / scale else 127 - high / scale
    zero = F32(round_half_away(min(max(zero, -128.0), 127.0)))
    q = round_away(zero + row * (F32(1) / F32(scale)))
    return F32(scale), np.clip(q, -128, 127) - zero


@settings(max_examples=200)
@given(
    row=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=8),
    power=st.integers(-30, 30),
    asymmetric=st.booleans(),
)
def test_rows(row: list[float], power: int, asymmetric: bool) -> None:
    x = np.ldexp(np.array([row], F32), power)
    x[np.abs(x) < 1e-30] = 0
    out = np.empty_like(x)
    scale = quantize(x, out, asymmetric=asymmetric)
    want_scale, want = by_definition(x[0], asymmetric)
    assert scale.tolist() == [[want_scale]]
    np.testing.assert_array_equal(out[0], want)


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_each_row_for_itself(asymmetric: bool) -> None:
    """Zeros, tiny numbers, NaN and infinity in one row change no other."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(6, 16)).astype(F32)
    x[1], x[2], x[3, 4], x[4, 5] = 0, 1e-40, np.nan, np.inf
    weights = pack(rng.integers(-127, 128, (3, 16)).astype(np.int8), np.array([0.5, 2, 1], F32))
    out = np.empty((6, 3), F32)
    work = np.empty(work_floats(6, weights), F32)
    product(x, weights, out, work, asymmetric=asymmetric)
    assert not out[1:3].any()
    assert np.isnan(out[3:5]).all()
    want = (x @ weights.values.T * weights.scale)[[0, 5]]
    np.testing.assert_allclose(out[[0, 5]], want, atol=np.abs(want).max() * 0.02)


@pytest.mark.parametrize("asymmetric", [False, True])
def test_large_weights_are_converted_by_blocks(
    asymmetric: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(3, 50)).astype(F32)
    values, scale = rng.integers(-8, 8, (250, 50)).astype(np.int8), np.array([0.5], F32)
    results = []
    for limit in (hybrid.CONVERT_ONCE, 100):
        monkeypatch.setattr(hybrid, "CONVERT_ONCE", limit)
        monkeypatch.setattr(hybrid, "_BLOCK", 5000)
        weights = pack(values, scale)
        out = np.empty((3, 250), F32)
        product(x, weights, out, np.empty(work_floats(3, weights), F32), asymmetric=asymmetric)
        results.append(out)
    assert weights.values is values
    np.testing.assert_array_equal(*results)
