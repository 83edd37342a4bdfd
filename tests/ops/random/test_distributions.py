"""RANDOM_UNIFORM, RANDOM_STANDARD_NORMAL and MULTINOMIAL: LiteRT's streams."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytflite import DataError, DTypeError, Interpreter, LimitError, Limits, Model, ShapeError
from tests.graphs import Graph, build
from tests.harness import check, needs_litert, run_pytflite, single_op, tensor

SHAPED = ["RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"]
SEEDS = [(1, 0), (0, 1), (1234, 5678), (-1, -1), ((1 << 63) - 1, -(1 << 63)), (1 << 33, 3)]


def shaped(name: str, shape: Any, seed: int = 1, seed2: int = 2, *, constant: bool = True) -> Model:
    sizes = np.array(shape, np.int32)
    given = tensor(value=sizes) if constant else tensor(sizes.shape, "INT32")
    return single_op(name, [given], [tensor((1,) * sizes.size)], seed=seed, seed2=seed2)


def same_bits(model: Model, *inputs: Any, times: int = 3, ulps: int = 0) -> None:
    check(model, *inputs, times=times, ulps=ulps)


@needs_litert
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("shape", [[1], [3], [4], [5], [2, 3, 4], [100]])
def test_uniform(seeds: tuple[int, int], shape: list[int]) -> None:
    """To the bit, and each invocation goes on where the last one ended."""
    same_bits(shaped("RANDOM_UNIFORM", shape, *seeds), times=4)


@needs_litert
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("shape", [[1], [3], [4], [2, 3], [101]])
def test_normal(seeds: tuple[int, int], shape: list[int]) -> None:
    """Logarithms and sines of other libraries differ in their last bits."""
    same_bits(shaped("RANDOM_STANDARD_NORMAL", shape, *seeds), times=4, ulps=4)


@needs_litert
@pytest.mark.parametrize("name", SHAPED)
@given(
    st.lists(st.integers(1, 6), min_size=0, max_size=4), st.integers(-(1 << 63), (1 << 63) - 1),
    st.integers(1, (1 << 63) - 1),
)  # fmt: skip
def test_shapes_from_data(name: str, shape: list[int], seed: int, seed2: int) -> None:
    model = shaped(name, shape, seed, seed2, constant=False)
    same_bits(model, np.array(shape, np.int32), times=2, ulps=0 if "UNIFORM" in name else 4)


@needs_litert
def test_a_scalar() -> None:
    same_bits(shaped("RANDOM_UNIFORM", []))


@pytest.mark.parametrize("name", SHAPED)
def test_nothing(name: str) -> None:
    (got,) = run_pytflite(shaped(name, [2, 0]))[0]
    assert got.shape == (2, 0)


@pytest.mark.parametrize("name", SHAPED)
def test_without_seeds_each_interpreter_draws_its_own(name: str) -> None:
    model = shaped(name, [16], 0, 0)
    one, two = Interpreter(model), Interpreter(model)
    draws = [one.run(), one.run(), two.run()]
    assert len({d.tobytes() for d in draws}) == 3


@pytest.mark.parametrize("name", SHAPED)
def test_the_stream_is_state(name: str) -> None:
    interpreter = Interpreter(shaped(name, [6]))
    first, second = interpreter.run(), interpreter.run()
    assert (first != second).any()
    copied = pickle.loads(pickle.dumps(interpreter))
    np.testing.assert_array_equal(copied.run(), interpreter.run())
    interpreter.reset_all_variables()  # resets tensors, as in LiteRT
    np.testing.assert_array_equal(interpreter.run(), copied.run())
    np.testing.assert_array_equal(interpreter.clone().run(), first)


@needs_litert
def test_operators_have_streams_of_their_own() -> None:
    """Equal seeds give equal numbers; other operators do not move them on."""
    graph = Graph()
    sizes = graph.constant(np.int32([5]))
    for name in ("RANDOM_UNIFORM", "RANDOM_UNIFORM", "RANDOM_STANDARD_NORMAL"):
        graph.output(graph.op(name, [sizes], (5,), seed=3, seed2=4))
    model = build(graph)
    same_bits(model, ulps=4)
    for a, b, c in run_pytflite(model, times=3):
        np.testing.assert_array_equal(a, b)
        assert (a != c).any()


def test_a_failed_run_does_not_move_the_stream() -> None:
    graph = Graph()
    shape = graph.input("shape", (1,), "INT32")
    numbers = graph.op("RANDOM_UNIFORM", [graph.constant(np.int32([4]))], (4,), seed=1, seed2=1)
    graph.output(graph.op("RESHAPE", [numbers, shape], (4,)))
    model = build(graph)
    interpreter, fresh = Interpreter(model), Interpreter(model)
    with pytest.raises(ShapeError):
        interpreter.run(np.int32([5]))
    np.testing.assert_array_equal(interpreter.run(np.int32([4])), fresh.run(np.int32([4])))


@pytest.mark.parametrize("name", SHAPED)
def test_refusals(name: str) -> None:
    for bad in ([-1], [2, -3]):
        with pytest.raises(ShapeError, match=name):
            Interpreter(shaped(name, bad)).allocate_tensors()
        with pytest.raises(DataError, match=name):
            run_pytflite(shaped(name, bad, constant=False), np.array(bad, np.int32))
    with pytest.raises(ShapeError, match=name):
        Interpreter(shaped(name, [[2, 2]])).allocate_tensors()
    big = [1 << 30, 1 << 30]
    with pytest.raises(LimitError):
        Interpreter(shaped(name, big)).allocate_tensors()
    with pytest.raises(LimitError):
        run_pytflite(shaped(name, big, constant=False), np.array(big, np.int32))
    with pytest.raises(DTypeError):
        model = single_op(name, [tensor(value=np.int64([2]))], [tensor((1,))], seed=1)
        Interpreter(model).allocate_tensors()


# --- MULTINOMIAL ---


def multinomial(shape: Any, count: int | None, dtype: str = "INT64", seed: int = 1,
                seed2: int = 2) -> Model:  # fmt: skip
    samples = tensor((), "INT32") if count is None else tensor(value=np.int32(count))
    return single_op(
        "MULTINOMIAL", [tensor(shape), samples], [tensor((1, 1), dtype)], seed=seed, seed2=seed2
    )


def logits(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32) * 3


@needs_litert
@pytest.mark.parametrize("dtype", ["INT32", "INT64"])
@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize(
    ("batch", "classes", "count"), [(1, 1, 1), (1, 5, 3), (3, 10, 7), (2, 3, 64)]
)
def test_multinomial(
    dtype: str, seeds: tuple[int, int], batch: int, classes: int, count: int
) -> None:
    same_bits(multinomial((batch, classes), count, dtype, *seeds), logits(batch, classes))


@needs_litert
def test_multinomial_with_a_count_from_data() -> None:
    same_bits(multinomial((2, 4), None), logits(2, 4), np.int32(9))
    same_bits(multinomial((2, 4), None), logits(2, 4), np.int32(1), times=5)


@needs_litert
@pytest.mark.parametrize(
    "row",
    [
        [0, -np.inf, 0, -np.inf], [-np.inf, 5, np.inf, 3], [np.nan, 1, 2, np.nan],
        [1e30, -1e30, 1e30, 0], [-1e30] * 4, [80, 0, -80, 79],
    ],
)  # fmt: skip
def test_multinomial_of_extreme_logits(row: list[float]) -> None:
    x = np.array([row, [0, 0, 0, 0]], np.float32)
    same_bits(multinomial((2, 4), 50), x)


def test_multinomial_follows_its_probabilities() -> None:
    odds = np.log(np.float32([[1, 2, 3, 4]]))
    (got,) = run_pytflite(multinomial((1, 4), 20_000), odds, times=1)[0]
    np.testing.assert_allclose(np.bincount(got[0]) / 20_000, [0.1, 0.2, 0.3, 0.4], atol=0.02)


def test_multinomial_of_nothing() -> None:
    assert run_pytflite(multinomial((2, 3), 0), logits(2, 3))[0][0].shape == (2, 0)
    assert run_pytflite(multinomial((0, 3), 4), logits(0, 3))[0][0].shape == (0, 4)


def test_multinomial_refusals() -> None:
    for shape in ((3,), (1, 2, 3), (2, 0)):
        with pytest.raises(ShapeError, match="MULTINOMIAL"):
            Interpreter(multinomial(shape, 2)).allocate_tensors()
    with pytest.raises(ShapeError, match="negative"):
        Interpreter(multinomial((2, 3), -1)).allocate_tensors()
    with pytest.raises(DataError, match="MULTINOMIAL"):
        run_pytflite(multinomial((2, 3), None), logits(2, 3), np.int32(-1))
    several = single_op(
        "MULTINOMIAL", [tensor((2, 3)), tensor(value=np.int32([1, 2]))], [tensor((1, 1), "INT32")],
        seed=1,
    )  # fmt: skip
    with pytest.raises(ShapeError, match="scalar"):
        Interpreter(several).allocate_tensors()
    with pytest.raises(LimitError):
        Interpreter(multinomial((2, 3), None), limits=Limits(tensor_bytes=1000)).run(
            logits(2, 3), np.int32(1000)
        )
    with pytest.raises(DTypeError):
        Interpreter(multinomial((2, 3), 1, "INT8")).allocate_tensors()
