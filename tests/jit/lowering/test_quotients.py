"""Quantising by multiplication, proven to be the division."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from pytflite.jit.lowering.quotients import factors
from tests.harness import single_op, tensor
from tests.jit.agreement import agree

_ODD = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 3.4e38, -3.4e38], np.float32)


@settings(max_examples=40, deadline=None)
@given(
    scale=st.floats(2.0**-40, 2.0**30, width=32) | st.sampled_from([1 / 128, 1 / 255, 0.1, 1.0]),
    zero=st.integers(-128, 127),
    seed=st.integers(0, 2**20),
)
def test_quantised_alike(scale: float, zero: int, seed: int) -> None:
    """On both sides of each step, near them, and far from all."""
    rng = np.random.default_rng(seed)
    ties = ((np.arange(-130, 129) - zero + 0.5) * scale).astype(np.float32)
    near = (ties.view(np.int32) + np.arange(-6, 7)[:, None].astype(np.int32)).view(np.float32)
    x = np.concatenate([_ODD, near.reshape(-1), rng.normal(size=999).astype(np.float32) * scale])
    x = x.astype(np.float32)
    model = single_op(
        "QUANTIZE", [tensor(x.shape)], [tensor(x.shape, "INT8", scale=scale, zero_point=zero)]
    )
    agree(model, x)


@pytest.mark.parametrize("scale", [1e-30, 1e30, 0.0, np.inf, np.nan, -1.0])
def test_scales_that_are_left_to_the_division(scale: float) -> None:
    assert factors(scale, -128, 127) is None


def test_usual_scales_are_proven() -> None:
    for scale in np.geomspace(1e-6, 1e3, 60).astype(np.float32):
        assert factors(float(scale), -128, 127) is not None
