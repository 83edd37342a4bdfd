"""Products of float32 on every kind of CPU, AArch64 under emulation: how exact, and how small."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from pytflite.jit.target import Target
from pytflite.model.model import Model
from pytflite.tools.building import Graph, build
from tests.harness import single_op, tensor
from tests.jit.native import EMULATED, RUNNABLE
from tests.jit.targets import compiled, reasons

CPUS = [*RUNNABLE, *(t for t in EMULATED if t.name == "neon" and t not in RUNNABLE)]
cpus = pytest.mark.parametrize("cpu", CPUS, ids=lambda target: target.name)
F32 = np.float32


def dense(weights: np.ndarray, bias: np.ndarray) -> Model:
    inputs = [tensor((4, weights.shape[1])), tensor(value=weights), tensor(value=bias)]
    return single_op("FULLY_CONNECTED", inputs, [tensor()])


def run(model: Model, cpu: Target, *inputs: np.ndarray) -> Any:
    """What kernels answer, which there must be."""
    interpreter = compiled(model, cpu)
    assert not reasons(interpreter, *(x.shape for x in inputs))
    return interpreter.run(*inputs)


# --- how exact ----------------------------------------------------------------------------------


def one_by_one(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """x times weights, each product added with one rounding."""
    total = np.zeros((len(x), len(weights)), F32)
    for k in range(x.shape[1]):
        product = x[:, k, None].astype(np.float64) * weights[:, k]
        total = (total + product).astype(F32)
    return total


@cpus
@pytest.mark.parametrize("depth", [33, 300])
def test_errors_are_those_of_fma(cpu: Target, depth: int) -> None:
    """At most twice as large, in the middle and at worst."""
    ours, plain = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        x, weights = (rng.standard_normal(s).astype(F32) for s in ((4, depth), (37, depth)))
        exact = x.astype(np.float64) @ weights.T.astype(np.float64)
        got = run(dense(weights, np.zeros(37, F32)), cpu, x)
        ours.append(np.abs(got - exact))
        plain.append(np.abs(one_by_one(x, weights) - exact))
    factor = 2 if "fma" in cpu.needs or cpu.architecture == "aarch64" else 4
    for measure in (np.median, np.max):
        assert measure(ours) <= factor * measure(plain)


# --- how small ----------------------------------------------------------------------------------

TINY = 1e-40


def window(name: str, shape: tuple[int, ...], value: float, **options: int) -> Model:
    weights = np.full(shape, value, F32)
    inputs = [tensor((1, 3, 3, 8)), tensor(value=weights), tensor(value=np.zeros(8, F32))]
    return single_op(name, inputs, [tensor()], stride_w=1, stride_h=1, **options)


@cpus
@pytest.mark.parametrize(("x", "w"), [(TINY, 3.0), (3.0, TINY), (2.0**-70, 2.0**-70)])
def test_products_take_denormal_numbers_for_zero(cpu: Target, x: float, w: float) -> None:
    """What goes in, and what comes out."""
    dense_x, picture = np.full((4, 8), x, F32), np.full((1, 3, 3, 8), x, F32)
    models = [
        (dense(np.full((20, 8), w, F32), np.zeros(20, F32)), dense_x),
        (window("CONV_2D", (8, 3, 3, 8), w), picture),
        (window("DEPTHWISE_CONV_2D", (1, 3, 3, 8), w, depth_multiplier=1), picture),
    ]
    for model, given in models:
        assert (run(model, cpu, given) == 0).all()
    larger = run(dense(np.full((20, 8), 2.0**-60, F32), np.zeros(20, F32)), cpu, dense_x * 0 + 1)
    assert (larger == 2.0**-57).all()


@cpus
def test_all_else_keeps_them(cpu: Target) -> None:
    """Also what comes after a product, in the same call; and this process."""
    g = Graph()
    x, z = g.input("x", (4, 8)), g.input("z", (4, 8))
    weights = g.constant(np.eye(8, dtype=F32))
    product = g.op("FULLY_CONNECTED", [x, weights, g.constant(np.zeros(8, F32))], (4, 8))
    g.output(product)
    g.output(g.op("MUL", [z, g.constant(np.full(8, 0.5, F32))], (4, 8)))
    tiny = np.full((4, 8), TINY, F32)
    product, half = run(build(g), cpu, tiny, tiny)
    assert (product == 0).all()
    np.testing.assert_array_equal(half, tiny * F32(0.5))
    assert half.all() and (tiny * F32(0.5)).all()
