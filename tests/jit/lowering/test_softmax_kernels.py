"""SOFTMAX on the compiled backend, against float64."""

from __future__ import annotations

import numpy as np
import pytest

import pytflite
from tests.harness import single_op, tensor

pytest.importorskip("numba")


@pytest.mark.parametrize("columns", [1, 2, 15, 16, 17, 40, 1000])
@pytest.mark.parametrize("rows", [1, 3, 70])
@pytest.mark.parametrize("beta", [1.0, 0.25])
def test_softmax(columns: int, rows: int, beta: float) -> None:
    x = np.random.default_rng(columns).normal(size=(rows, columns)).astype(np.float32) * 10
    x[0, 0] = -1e30
    model = single_op("SOFTMAX", [tensor(x.shape)], [tensor(x.shape)], beta=beta)
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    assert interpreter.backend == "jit"
    exact = np.exp(beta * (x.astype(np.float64) - x.max(1, keepdims=True)))
    exact /= exact.sum(1, keepdims=True)
    # x - max x is off by 2e-6 where it is 30, and so are its powers.
    np.testing.assert_allclose(interpreter.run(x), exact, rtol=5e-6, atol=1e-38)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number(value: float) -> None:
    x = np.arange(40, dtype=np.float32).reshape(2, 20)
    x[0, 3] = value
    model = single_op("SOFTMAX", [tensor(x.shape)], [tensor(x.shape)], beta=1.0)
    got = pytflite.Interpreter(model, backend="jit", wait=True).run(x)
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    np.testing.assert_allclose(got, want, rtol=2e-6)


@pytest.mark.parametrize("beta", [0.0, -1.0])
def test_powers_that_grow(beta: float) -> None:
    """NumPy computes them."""
    x = np.float32([[1, 2, 90, -3, 200]])
    model = single_op("SOFTMAX", [tensor(x.shape)], [tensor(x.shape)], beta=beta)
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    assert [row.reason for row in interpreter.backend_report()] == ["its beta is not positive"]
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    np.testing.assert_array_equal(interpreter.run(x), want)


def test_powers_that_vanish() -> None:
    """Without denormal numbers, in which a CPU is slow."""
    x = np.float32([[0, -80, -87.3, -88, -100, -1000]])
    model = single_op("SOFTMAX", [tensor(x.shape)], [tensor(x.shape)], beta=1.0)
    got = pytflite.Interpreter(model, backend="jit", wait=True).run(x)
    np.testing.assert_allclose(got[:, :3], np.exp(x[:, :3].astype(np.float64)), rtol=1e-6)
    assert not got[:, 3:].any()
