"""LSTM operators on the compiled backend, run after run, against NumPy's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pytflite
from pytflite.model.model import Model
from tests.harness import assert_same
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled, reasons
from tests.ops.recurrent.lstm_models import Cell, sequence
from tests.ops.recurrent.test_bidirectional_sequence_lstm import bidirectional
from tests.ops.recurrent.test_lstm import basic
from tests.ops.recurrent.test_unidirectional_sequence_lstm import OPTIONS, cells

pytest.importorskip("llvmlite")

ULPS = 32  # of sums about 1, which h may be far below
ATOL = 8 * 2.0**-23
Check = Callable[[Any, Any], None]


def same(got: Any, want: Any) -> None:
    np.testing.assert_array_equal(got, want, strict=True)


def near(got: Any, want: Any) -> None:
    assert_same(got, want, ulps=ULPS, atol=ATOL)


def quantised(got: Any, want: Any) -> None:
    """Where an ulp may decide for one step of 127 or its neighbour."""
    np.testing.assert_allclose(got, want, rtol=0, atol=max(np.abs(want).max(initial=0) / 32, ATOL))


def check(model: Model, *inputs: np.ndarray, how: Check, times: int = 3) -> None:
    """The runs of a model on all CPUs, state and all."""
    want = runs(pytflite.Interpreter(model, backend="numpy"), inputs, times)
    for cpu in RUNNABLE:
        interpreter = compiled(model, cpu)
        assert not reasons(interpreter, *(x.shape for x in inputs)), cpu.name
        for g, w in zip(runs(interpreter, inputs, times), want, strict=True):
            how(g, w)


def runs(
    interpreter: pytflite.Interpreter, inputs: tuple[np.ndarray, ...], times: int
) -> list[np.ndarray]:
    """All outputs, and last the state."""
    found = []
    for _ in range(times):
        result = interpreter.run(*inputs)
        found += result if isinstance(result, list) else [result]
    return found + [v for _, v in sorted(interpreter._engine.state.variables.items())]


@settings(max_examples=12)
@given(cells("FLOAT32"), st.integers(0, 99), OPTIONS, st.integers(0, 5))
def test_float(cell: Cell, seed: int, options: dict, activation: int) -> None:
    model, x = sequence(cell, seed, fused_activation_function=activation, **options)
    check(model, x, how=near)


@settings(max_examples=12)
@given(
    st.sampled_from(["INT8", "UINT8"]).flatmap(cells), st.integers(0, 99), OPTIONS, st.booleans()
)
def test_hybrid(cell: Cell, seed: int, options: dict, asymmetric: bool) -> None:
    model, x = sequence(cell, seed, asymmetric_quantize_inputs=asymmetric, **options)
    check(model, x, how=quantised)


@settings(max_examples=20)
@given(
    cells("INTEGER").filter(lambda c: not (c.peephole and c.outputs < c.units)),
    st.integers(0, 99),
    OPTIONS,
)
def test_integers(cell: Cell, seed: int, options: dict) -> None:
    model, x = sequence(cell, seed, **options)
    check(model, x, how=same)


@pytest.mark.parametrize("exponent", [-30, -20, -15, -9, -8, -5, 0])
def test_scales_of_an_integer_cell_state(exponent: int) -> None:
    model, x = sequence(Cell("INTEGER", 2, 6, 8, 8, exponent=exponent), 3, time=4)
    check(model, x, how=same)


def close(got: Any, want: Any) -> None:
    """Where sums are of hundreds of products, and steps enlarge what they lose."""
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)


KINDS = {"FLOAT32": near, "INT8": quantised, "INTEGER": same}


@pytest.mark.parametrize("weights", KINDS)
@pytest.mark.parametrize("units", [16, 17, 100, 161])
def test_sizes(weights: str, units: int) -> None:
    """More than a panel, and gates that end within a vector."""
    model, x = sequence(Cell(weights, 3, units // 2 + 3, units, units), units, time=4)
    how = close if weights == "FLOAT32" else KINDS[weights]
    check(model, x, how=how)
    model, x = sequence(
        Cell(weights, 2, 70, units, units // 3, projection=True), units, name="LSTM"
    )
    check(model, x, how=how)


@pytest.mark.parametrize("weights", KINDS)
@pytest.mark.parametrize(("batch", "time"), [(0, 3), (2, 0)])
def test_nothing_to_do(weights: str, batch: int, time: int) -> None:
    model, x = sequence(Cell(weights, batch, 5, 4, 4), 0, time=time)
    check(model, x, how=same)


@pytest.mark.parametrize("weights", ["FLOAT32", "INT8"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e-40, 3e38])
def test_strange_numbers(weights: str, value: float) -> None:
    model, x = sequence(Cell(weights, 2, 20, 18, 18), 0)
    x[1, 1, 3] = value
    check(model, x, how=KINDS[weights] if np.isfinite(value) else near)


@pytest.mark.parametrize("units", [1, 3, 40, 300])
@pytest.mark.parametrize("x", [0, -128, 127, None])
def test_normalised_integers(units: int, x: int | None) -> None:
    model, given = sequence(Cell("INTEGER", 2, 9, units, units, norm=True, peephole=True), units)
    check(model, given if x is None else np.full_like(given, x), how=same)


@pytest.mark.parametrize("value", [-128, 127])
def test_deep_integer_products(value: int) -> None:
    model, x = sequence(Cell("INTEGER", 1, 5000, 3, 3), 0, time=2)
    check(model, np.full_like(x, value), how=same)


@pytest.mark.parametrize("weights", ["FLOAT32", "INT8"])
@pytest.mark.parametrize("second", [{}, {"auxiliary": 3}, {"replaced": True}])
@pytest.mark.parametrize(("time_major", "merge"), [(True, False), (False, True)])
def test_bidirectional(weights: str, second: dict[str, Any], time_major: bool, merge: bool) -> None:
    forward = Cell(weights, 2, 5, 8, 8, peephole=True)
    backward = Cell(weights, 2, 5, 20, 7, coupled=True, projection=True)
    model, given = bidirectional(forward, backward, time_major=time_major, merge=merge, **second)
    check(model, *given, how=KINDS[weights])


@pytest.mark.parametrize("variable", [False, True])
@pytest.mark.parametrize("sizes", [(3, 5, 4), (1, 1, 1), (2, 70, 33), (16, 24, 40)])
def test_basic_cells(sizes: tuple[int, int, int], variable: bool) -> None:
    model, given = basic("FLOAT32", *sizes, variable=variable)
    check(model, *given, how=near)
    for scale, zero_point in ((0.01, 120), (0.004, 100), (0.02, 0), (0.0013, 255)):
        model, given = basic(
            "UINT8", *sizes, variable=variable, scale=scale, zero_point=zero_point
        )  # fmt: skip
        check(model, *given, how=same)


def test_what_is_not_compiled() -> None:
    for cell, reason in (
        (Cell("FLOAT32", 2, 5, 4, 4, diagonal=(1,)), "whole recurrent matrices"),
        (Cell("INTEGER", 2, 5, 4, 3, peephole=True, projection=True), "from row to row"),
    ):
        model, x = sequence(cell, 0, time_major=True)
        (told,) = reasons(compiled(model, RUNNABLE[0]), x.shape)
        assert reason in told
