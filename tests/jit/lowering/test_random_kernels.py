"""Random numbers: the streams of NumPy's operators, and what is drawn from them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.format.flexbuffer import encode
from pytflite.jit.target import Target
from pytflite.model.model import Model
from tests.harness import assert_same, single_op, tensor
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled, reasons
from tests.ops.custom.node_defs import flex_options

SEEDS = [(1, 2), (-1, -1), (1 << 33, 3), ((1 << 63) - 1, -(1 << 63))]


def shaped(name: str, shape: list[int], seed: int = 1, seed2: int = 2) -> Model:
    sizes = tensor(value=np.array(shape, np.int32))
    return single_op(name, [sizes], [tensor(tuple(shape))], seed=seed, seed2=seed2)


def sampler(batch: int, classes: int, count: int, dtype: str, seed: int, seed2: int) -> Model:
    inputs = [tensor((batch, classes)), tensor(value=np.int32(count))]
    return single_op(
        "MULTINOMIAL", inputs, [tensor((batch, count), dtype)], seed=seed, seed2=seed2
    )  # fmt: skip


def alike(model: Model, *inputs: np.ndarray, cpu: Target, times: int = 3, ulps: int = 0) -> None:
    """Run after run."""
    plain, native = pytflite.Interpreter(model, backend="numpy"), compiled(model, cpu)
    assert not reasons(native, *(x.shape for x in inputs))
    for _ in range(times):
        assert_same(native.run(*inputs), plain.run(*inputs), ulps=ulps)


@pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda cpu: cpu.name)
@pytest.mark.parametrize("shape", [[1], [3], [4, 1], [5], [2, 3, 100], [2, 0], []])
@pytest.mark.parametrize(("name", "ulps"), [("RANDOM_UNIFORM", 0), ("RANDOM_STANDARD_NORMAL", 2)])
def test_numbers(name: str, ulps: int, shape: list[int], cpu: Target) -> None:
    alike(shaped(name, shape), cpu=cpu, ulps=ulps)


@pytest.mark.parametrize("seeds", SEEDS)
def test_seeds(seeds: tuple[int, int]) -> None:
    alike(shaped("RANDOM_UNIFORM", [7], *seeds), cpu=RUNNABLE[0])
    x = np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32)
    alike(sampler(3, 5, 7, "INT64", *seeds), x, cpu=RUNNABLE[0])


@pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda cpu: cpu.name)
@pytest.mark.parametrize("dtype", ["INT32", "INT64"])
@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 64, 1), (3, 7, 5), (2, 100, 33), (0, 4, 3),
                                   (2, 3, 0)])  # fmt: skip
def test_classes(sizes: tuple[int, int, int], dtype: str, cpu: Target) -> None:
    x = np.random.default_rng(0).normal(size=sizes[:2]).astype(np.float32) * 3
    alike(sampler(*sizes, dtype, 5, 6), x, cpu=cpu)


@pytest.mark.parametrize("logits", [
    [np.inf, 1, 2, np.nan], [-np.inf, 0, -np.inf, 0], [np.nan] * 4, [3e38, 3.1e38, -3e38, 0],
    [-np.inf] * 4, [88, 0, 1e-45, -745], [np.finfo(np.float32).min] * 4,
])  # fmt: skip
def test_logits_that_are_no_numbers(logits: list[float]) -> None:
    alike(sampler(1, 4, 50, "INT32", 1, 2), np.float32([logits]), cpu=RUNNABLE[0])


def test_a_stream_goes_on_where_the_other_backend_left_it() -> None:
    model = shaped("RANDOM_UNIFORM", [6])
    native = pytflite.Interpreter(model, backend="jit", wait=True)
    plain = pytflite.Interpreter(model, backend="numpy")
    for _ in range(3):
        np.testing.assert_array_equal(native.run(), plain.run())
    copy = pickle.loads(pickle.dumps(native))
    plain._engine.state = native._engine.state.successor()
    drawn = [i.run() for i in (native, copy, plain)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])


def test_a_counter_that_overflows_carries() -> None:
    model = shaped("RANDOM_UNIFORM", [40])
    interpreters = [compiled(model, RUNNABLE[0]), pytflite.Interpreter(model, backend="numpy")]
    step = interpreters[1].plan().steps[0]
    key: Any = step.p.key
    for interpreter in interpreters:
        state = interpreter._engine.state
        state.resources[key] = np.array([7, 2**64 - 4, 2**64 - 1], np.uint64)
    for _ in range(2):
        np.testing.assert_array_equal(*(i.run() for i in interpreters))


def test_without_seeds_each_interpreter_draws_its_own() -> None:
    model = shaped("RANDOM_UNIFORM", [16], 0, 0)
    one, two = (pytflite.Interpreter(model, backend="jit", wait=True) for _ in range(2))
    draws = [one.run(), one.run(), two.run()]
    assert len({d.tobytes() for d in draws}) == 3


@pytest.mark.parametrize("name", ["Multinomial", "FlexMultinomial"])
def test_custom_operators_have_a_stream_of_their_own(name: str) -> None:
    options = (
        flex_options("Multinomial", seed=3, seed2=5)
        if name.startswith("Flex")
        else encode({"seed": 3, "seed2": 5})
    )
    inputs = [tensor((2, 9)), tensor(value=np.int32(20))]
    model = single_op(name, inputs, [tensor((2, 20), "INT32")], custom_options=options)
    x = np.random.default_rng(0).normal(size=(2, 9)).astype(np.float32)
    alike(model, x, cpu=RUNNABLE[0])
    native = compiled(model, RUNNABLE[0])
    assert (native.run(x) != native.run(x)).any()
