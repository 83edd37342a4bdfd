"""Quantising by multiplication, proven to be the division."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import pytflite
from pytflite.jit.lowering.quotients import factors
from pytflite.jit.target import Target
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.guarded import run_guarded
from tests.jit.native import RUNNABLE

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


@pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda target: target.name)
@pytest.mark.parametrize("size", [0, 1, 15, 63, 64, 65, 200, 8192, 8193, 20_001])
@pytest.mark.parametrize(("dtype", "zero"), [("INT8", -128), ("INT8", 127), ("UINT8", 0)])
def test_sizes(cpu: Target, size: int, dtype: str, zero: int) -> None:
    """Between forbidden pages."""
    x = np.random.default_rng(size).normal(size=size).astype(np.float32) * 9
    x[::7] = np.resize(_ODD, x[::7].size)
    target = tensor(x.shape, dtype, scale=0.05, zero_point=zero)
    model = single_op("QUANTIZE", [tensor(x.shape)], [target])
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    np.testing.assert_array_equal(run_guarded(model, cpu, x), want)


@pytest.mark.parametrize("scale", [1e-30, 1e30, 0.0, np.inf, np.nan, -1.0])
def test_scales_that_are_left_to_the_division(scale: float) -> None:
    assert factors(scale, -128, 127) is None


def test_usual_scales_are_proven() -> None:
    for scale in np.geomspace(1e-6, 1e3, 60).astype(np.float32):
        assert factors(float(scale), -128, 127) is not None
