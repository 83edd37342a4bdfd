"""Elementwise operators, alone and in chains, on the compiled backend against NumPy's."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import pytflite
from pytflite.jit.lowering.elementwise import _BINARY, _CLAMPED, _FUSED, _UNARY
from pytflite.model.model import Model
from tests.graphs import Graph, build
from tests.harness import single_op, tensor

pytest.importorskip("numba")

SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3e38, -3e38], np.float32)


def both(model: Model, *inputs: Any) -> tuple[Any, Any]:
    """What the compiled backend and NumPy's answer; each operator must be compiled."""
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert {row.backend for row in compiled.backend_report()} == {"jit"}
    want = pytflite.Interpreter(model, backend="numpy").run(*inputs)
    return compiled.run(*inputs), want


def numbers(*shape: int, seed: int = 0, spread: float = 3.0) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=shape).astype(np.float32) * np.float32(spread)
    x.reshape(-1)[: SPECIAL.size] = SPECIAL[: x.size]
    return x


@pytest.mark.parametrize("name", [*_UNARY, *_CLAMPED, "LEAKY_RELU"])
@pytest.mark.parametrize("size", [1, 7, 16, 4100, 40000])
def test_unary(name: str, size: int) -> None:
    options = {"alpha": 0.3} if name == "LEAKY_RELU" else {}
    model = single_op(name, [tensor((size,))], [tensor((size,))], **options)
    got, want = both(model, numbers(size))
    np.testing.assert_allclose(got, want, rtol=6e-7, atol=1e-38)


@pytest.mark.parametrize("exponent", [1, 2, 5, 0.5, -0.5, -1, 0, 2.5, np.inf, np.nan])
@pytest.mark.parametrize("shape", [(), (1,)])
def test_powers_of_one_exponent(exponent: float, shape: tuple[int, ...]) -> None:
    constant = tensor(value=np.full(shape, exponent, np.float32))
    model = single_op("POW", [tensor((4100,)), constant], [tensor((4100,))])
    got, want = both(model, numbers(4100))
    np.testing.assert_allclose(got, want, rtol=3e-7, atol=1e-44)


def test_powers() -> None:
    model = single_op("POW", [tensor((40, 9)), tensor((9,))], [tensor((40, 9))])
    got, want = both(model, numbers(40, 9), numbers(9, seed=1))
    np.testing.assert_allclose(got, want, rtol=3e-7, atol=1e-44)


def test_a_single_exponent_of_run_time_stays_on_numpy() -> None:
    """Whether it is whole, and how often one multiplies, is known only then."""
    model = single_op("POW", [tensor((40,)), tensor((1,))], [tensor((40,))])
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert compiled.backend == "numpy"
    x = np.arange(40, dtype=np.float32)
    np.testing.assert_array_equal(compiled.run(x, np.float32([3])), x * (x * x))


@pytest.mark.parametrize("approximate", [False, True])
def test_gelu(approximate: bool) -> None:
    model = single_op("GELU", [tensor((9999,))], [tensor((9999,))], approximate=approximate)
    got, want = both(model, numbers(9999))
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-7)


@pytest.mark.parametrize(
    ("name", "activation"), [(n, a) for n in _BINARY for a in (range(4) if n in _FUSED else [None])]
)
def test_binary(name: str, activation: int | None) -> None:
    options = {} if activation is None else {"fused_activation_function": activation}
    both_inputs = [tensor((5, 33)), tensor((5, 33))]
    model = single_op(name, both_inputs, [tensor((5, 33))], **options)
    got, want = both(model, numbers(5, 33), numbers(33, 5, seed=1).reshape(5, 33))
    np.testing.assert_allclose(got, want, rtol=4e-7 if name == "ATAN2" else 0, strict=True)


@settings(max_examples=60)
@given(data=st.data())
def test_broadcasting(data: st.DataObject) -> None:
    shape = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=8))
    shapes = []
    for _ in range(2):
        kept = [d if data.draw(st.booleans()) else 1 for d in shape]
        shapes.append(kept[data.draw(st.integers(0, len(kept) - 1)) :])
    out = np.broadcast_shapes(*map(tuple, shapes))
    model = single_op("SUB", [tensor(s) for s in shapes], [tensor(out)])
    arrays = [numbers(*s, seed=n) for n, s in enumerate(shapes)]
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert compiled.backend == "jit"
    with np.errstate(all="ignore"):
        want = arrays[0] - arrays[1]
        np.testing.assert_array_equal(compiled.run(*arrays), want)


def chain(*, show: bool) -> Model:
    """z = tanh(min(max(x * scale, 0), 6) * (x + 3)); with `show`, x + 3 is an output, too."""
    g = Graph()
    x = g.input("x", (4, 5, 16))
    scaled = g.op("MUL", [x, g.constant(numbers(16))], (4, 5, 16), fused_activation_function=3)
    moved = g.op("ADD", [x, g.constant(np.float32(3))], (4, 5, 16))
    z = g.op("TANH", [g.op("MUL", [scaled, moved], (4, 5, 16))], (4, 5, 16))
    g.output(z)
    if show:
        g.output(moved)
    return build(g)


@pytest.mark.parametrize("show", [False, True])
def test_chains(show: bool) -> None:
    """One step for what nobody else reads; the same bits as operator by operator."""
    model, x = chain(show=show), numbers(4, 5, 16, seed=3)
    fused = pytflite.Interpreter(model, backend="jit", wait=True)
    assert len(fused.plan().steps) == 1 + show
    got, trace = fused.run(x), fused.trace(x)
    z, *others = got if show else [got]
    np.testing.assert_array_equal(z, trace[model.outputs[0].name])
    np.testing.assert_array_equal(trace["x"], x)
    if show:
        np.testing.assert_array_equal(others[0], x + np.float32(3))
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    np.testing.assert_allclose(z, want[0] if show else want, rtol=1e-6)


def test_a_chain_in_place_of_its_input() -> None:
    """The arena gives an output the place of an input that is read for the last time."""
    g = Graph()
    x = g.input("x", (64, 64))
    y = g.op("SOFTMAX", [x], (64, 64), beta=1.0)
    g.output(g.op("MUL", [y, g.op("RELU", [y], (64, 64))], (64, 64)))
    model, array = build(g), numbers(64, 64, seed=4)
    array[0] = 0
    got, want = both_of(model, array)
    np.testing.assert_allclose(got, want, rtol=1e-6)


def both_of(model: Model, x: Any) -> tuple[Any, Any]:
    """As `both`, whatever is compiled."""
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    return compiled.run(x), pytflite.Interpreter(model, backend="numpy").run(x)


@pytest.mark.parametrize("channels", [1, 3, 20, 63])
@pytest.mark.parametrize("pixels", [1, 7, 24, 1000])
def test_short_rows_with_a_constant(channels: int, pixels: int) -> None:
    """Several rows are taken as one, the constant repeated."""
    x, constant = numbers(2, pixels, channels), numbers(channels, seed=1)
    model = single_op("MUL", [tensor(x.shape), tensor(value=constant)], [tensor(x.shape)])
    got, want = both(model, x)
    np.testing.assert_array_equal(got, want)
