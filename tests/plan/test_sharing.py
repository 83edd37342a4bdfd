"""Constants that P of several plans and interpreters have in common."""

from __future__ import annotations

import gc
from typing import Any, NamedTuple

import numpy as np
import pytest

from pytflite import Interpreter
from pytflite.model.model import Model
from pytflite.plan import sharing
from pytflite.plan.sharing import shared
from tests.harness import single_op, tensor
from tests.ops.shape.samples import deferred


class P(NamedTuple):
    number: int
    weights: Any
    more: tuple[Any, ...] = ()


def numbers(*shape: int, dtype: Any = np.float32) -> np.ndarray:
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def test_equal_arrays_are_one() -> None:
    first = P(1, numbers(50, 50), (numbers(2000), "name"))
    second = P(2, numbers(50, 50), (numbers(2000), "name"))
    assert shared(first) is first  # nothing is copied where nothing is known
    got = shared(second)
    assert type(got) is P and got.number == 2 and got.more[1] == "name"
    assert got.weights is first.weights and got.more[0] is first.more[0]
    assert not got.weights.flags.writeable


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_in_any_order_of_memory(order: tuple[int, int, int]) -> None:
    one, other = (numbers(10, 20, 30).transpose(order) for _ in range(2))
    assert shared(one) is one and shared(other) is one
    copy = np.ascontiguousarray(other)  # equal, but of another form unless nothing was turned
    assert (shared(copy) is one) == (order == (0, 1, 2))


def test_what_is_not_equal_to_the_bit_stays() -> None:
    zeros = np.zeros(5000, np.float32)
    assert shared(zeros) is zeros
    for place in (0, 2501, 4999):
        other = np.zeros(5000, np.float32)
        other[place] = -0.0
        assert shared(other) is other
    integers = np.zeros(5000, np.int32)
    assert shared(integers) is integers


def test_what_is_left_alone() -> None:
    for array in (
        numbers(10),  # small
        np.frombuffer(bytes(8000), np.float32),  # a file's memory
        np.frombuffer(bytearray(8000), np.float32)[4:1996].reshape(2, -1),
        np.array(["text"] * 2000, object),
        np.broadcast_to(np.float32(1), (100, 100)),
        numbers(100, 100)[:, ::2],
        [numbers(2000)],
        (numbers(2000),) * 9,
        None,
    ):
        assert shared((array, array))[0] is array
    assert not any(a is None or a.dtype.hasobject for a in sharing._KNOWN.values())
    file = np.frombuffer(bytearray(8000), np.float32)
    assert shared(file).flags.writeable


def test_forgotten_with_the_last_user() -> None:
    gc.collect()
    before = len(sharing._KNOWN)
    p = shared(P(1, numbers(77, 77)))
    assert len(sharing._KNOWN) == before + 1
    del p
    assert len(sharing._KNOWN) == before


def product() -> tuple[Model, np.ndarray]:
    weights = np.random.default_rng(0).integers(-127, 128, (128, 64), np.int8)
    model = single_op(
        "FULLY_CONNECTED",
        [tensor((3, 64), "INT8", scale=0.1), tensor(value=weights, scale=0.02)],
        [tensor((3, 128), "INT8", scale=0.3)],
    )
    return model, numbers(3, 64, dtype=np.int8)


def packed(p: Any) -> list[np.ndarray]:
    if isinstance(p, np.ndarray):
        return [p] if p.nbytes >= 4 * 64 * 128 else []
    return [a for part in p for a in packed(part)] if isinstance(p, tuple) else []


def test_plans_and_interpreters_share_their_weights() -> None:
    model, _ = product()
    one, two = Interpreter(model, backend="numpy"), Interpreter(model, backend="numpy")
    arrays = []
    for interpreter, rows in ((one, 1), (one, 3), (two, 2)):
        interpreter.resize_tensor_input(0, (rows, 64))
        (step,) = interpreter.plan().steps
        arrays += packed(step.p)
    assert len(arrays) == 3 and all(a is arrays[0] for a in arrays)


def test_steps_of_unknown_shapes_share_theirs() -> None:
    model, x = product()
    later, inputs = deferred(model, x)
    interpreter = Interpreter(later, backend="numpy")
    interpreter.run(*inputs)
    known = Interpreter(model, backend="numpy")
    known.run(x)
    (step,) = known.plan().steps
    before = len(sharing._KNOWN)
    interpreter.run(*inputs)
    assert packed(step.p) and len(sharing._KNOWN) == before
