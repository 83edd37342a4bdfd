"""What is proven of rounding in float32 holds for every sum that is tried."""

from __future__ import annotations

from fractions import Fraction

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from pytflite.jit.emit.requantize import EDGE_EXACT, EDGE_PROVEN
from pytflite.jit.lowering.proof import Range, find_floats, multiply_add
from pytflite.ops.dense.rescale import REAL, rescale, to_outputs
from pytflite.ops.fixed_point import multiply, quantize_multipliers


def defined(rounding: str, reals: np.ndarray, sums: np.ndarray, r: Range) -> np.ndarray:
    """Outputs [sums, channels] by the operators' own functions."""
    if rounding == "fixed":
        return np.clip(multiply(sums, *quantize_multipliers(reals)) + r.zero_point, r.low, r.high)
    out = np.empty(sums.shape, np.int8)
    way = rescale(REAL, reals, r.zero_point, (r.low, r.high), wraps=False)
    to_outputs(way, sums, np.zeros(reals.size), out)
    return out.astype(np.int64)


@pytest.mark.parametrize("rounding", ["fixed", "real"])
@pytest.mark.parametrize("zero_point", [-128, 5, 127])
@pytest.mark.parametrize("fused", [True, False])
def test_every_sum(rounding: str, zero_point: int, fused: bool) -> None:
    """All sums whose outputs are within bounds, and far ones; ties where the scale is 2^-s."""
    rng = np.random.default_rng(zero_point + 200)
    proven = 0
    for shift in (1, 3, 5, 7, 8, 9):
        reals = rng.uniform(0.5, 1, 6) * 2.0**-shift
        reals[0] = 2.0**-shift
        r = Range(1 << 22, zero_point, -128, 127, fused)
        found = find_floats(rounding, reals, r)
        most = int(300 / reals.min())
        far = rng.integers(-(1 << 22), 1 << 22, 1000)
        sums = np.concatenate([np.arange(-most, most), far, [1 << 22, -(1 << 22)]])[:, None]
        sums = np.broadcast_to(sums, (sums.size, reals.size))
        x = (sums + found.origin).astype(np.float32)
        offset = np.where(sums < 0, found.minus, found.plus)
        t = multiply_add(x, found.scale, offset) if fused else x * found.scale + offset
        got = np.clip(np.rint(t), r.low, r.high)
        wrong = got != defined(rounding, reals, sums, r)
        near = np.abs(t - np.rint(t)) >= found.edge
        assert not (wrong & ~near).any()
        sure = found.edge == EDGE_PROVEN
        assert not wrong[:, sure].any()
        proven += int(sure.sum())
    assert proven > 18  # of 36


def test_extremes_are_left_to_the_definition() -> None:
    r = Range(1 << 31, 0, -128, 127, True)
    found = find_floats("fixed", np.array([0.0, 1e-12, 0.7, 3.0, 1e9]), r)
    assert (found.edge != EDGE_PROVEN).all()
    assert (found.edge[2:] == EDGE_EXACT).all()
    assert (found.origin == 0).all()


_floats = st.floats(-(2.0**30), 2.0**30, width=32)


@given(_floats, _floats, _floats)
def test_multiply_add(x: float, y: float, z: float) -> None:
    """Rounded once: the exact number's nearest float32, ties to even."""
    got = multiply_add(*(np.array([v], np.float32) for v in (x, y, z)))[0]
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    neighbours = [np.nextafter(got, np.float32(d)) for d in (-np.inf, np.inf)]
    for other in neighbours:
        distance, own = abs(Fraction(float(other)) - exact), abs(Fraction(float(got)) - exact)
        assert own <= distance
        assert own < distance or got.view(np.uint32) % 2 == 0
