"""The order of calls, their errors, and tensor(), asked of pytflite and of LiteRT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite.model.graph import Signature
from tests.compat.models import opened, reversing
from tests.graphs import Graph, build


def test_before_allocation(runtime: Any) -> None:
    interpreter = opened(runtime, reversing(), allocate=False)
    with pytest.raises(RuntimeError, match=r"^Invoke called on model that is not ready"):
        interpreter.invoke()
    with pytest.raises(ValueError, match=r"^Tensor data is null. Run allocate_tensors"):
        interpreter.get_tensor(0)
    with pytest.raises(ValueError, match=r"^Cannot set tensor: Tensor is unallocated"):
        interpreter.set_tensor(0, np.zeros((1, 4), np.float32))
    with pytest.raises(ValueError, match=r"^Tensor data is null. Run allocate_tensors"):
        interpreter.tensor(0)()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((1, 4)), "Cannot set tensor: Got value of type FLOAT64 but expected type FLOAT32 "
                          "for input 0, name: input"),
        ([[1, 2, 3, 4]], "Cannot set tensor: Got value of type INT64 but expected type FLOAT32"),
        (np.ones(4, np.float32), "Cannot set tensor: Dimension mismatch. Got 1 but expected 2 "
                                 "for input 0."),
        (np.ones((1, 5), np.float32), "Cannot set tensor: Dimension mismatch. Got 5 but expected 4 "
                                      "for dimension 1 of input 0."),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(runtime: Any, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        opened(runtime, reversing()).set_tensor(0, value)


def test_invalid_indices(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    for call in (
        lambda: interpreter._get_tensor_details(4, 0),
        lambda: interpreter.get_tensor(4),
        lambda: interpreter.set_tensor(4, np.zeros(1)),
    ):
        with pytest.raises(ValueError, match=r"^Invalid tensor index 4 exceeds max tensor index 3"):
            call()
    with pytest.raises(ValueError, match=r"^Invalid subgraph index 5 exceeds max subgraph index 1"):
        interpreter.get_tensor(0, 5)
    with pytest.raises(ValueError, match=r"^Invalid node index"):
        interpreter._get_op_details(4)


def test_resizing(runtime: Any) -> None:
    g = Graph()
    x = g.input("x", (1, 4), signature=(-1, 4))
    g.output(g.op("ADD", [x, x], (1, 4)))
    interpreter = opened(runtime, build(g))
    with pytest.raises(RuntimeError, match="ResizeInputTensorStrict only allows mutating unknown"):
        interpreter.resize_tensor_input(0, [2, 5], strict=True)
    for index, shape in ((0, [-1, 4]), (99, [1, 4])):
        with pytest.raises((RuntimeError, ValueError)):
            interpreter.resize_tensor_input(index, shape)
    with pytest.raises(ValueError, match=r"^Shape should be 1D instead of 2"):
        interpreter.resize_tensor_input(0, [[2, 4]])
    interpreter = opened(runtime, build(g))
    interpreter.resize_tensor_input(0, np.array([3, 4]), strict=True)
    interpreter.allocate_tensors()
    assert interpreter.get_input_details()[0]["shape"].tolist() == [3, 4]
    assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [-1, 4]
    interpreter.set_tensor(0, np.ones((3, 4), np.float32))
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(1), np.full((3, 4), 2))


def test_empty_inputs(runtime: Any) -> None:
    g = Graph()
    x = g.input("x", (1,), signature=(-1,))
    g.output(g.op("SUM", [x, g.constant(np.int32([0]))], ()))
    model = build(g, signatures=[Signature("serving_default", {"x": 0}, {"sum": 2})])
    got = opened(runtime, model).get_signature_runner()(x=np.zeros(0, np.float32))
    assert got["sum"] == 0 and got["sum"].shape == ()


FIRST = np.float32([[-1, -2, -3, -4]])


def test_tensor_gives_a_live_view(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    given, made = interpreter.tensor(0), interpreter.tensor(2)
    np.copyto(given(), FIRST)
    np.testing.assert_array_equal(given(), FIRST)
    np.testing.assert_array_equal(interpreter.get_tensor(0), FIRST)
    interpreter.invoke()
    np.testing.assert_array_equal(made(), FIRST[:, ::-1])


def test_get_tensor_gives_copies(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    interpreter.set_tensor(0, FIRST)
    copy = interpreter.get_tensor(0)
    interpreter.set_tensor(0, copy + 1)
    np.testing.assert_array_equal(copy, FIRST)
    np.testing.assert_array_equal(interpreter.get_tensor(0), FIRST + 1)


def test_views_are_counted(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    function = interpreter.tensor(0)
    assert interpreter._safe_to_run()
    first = function()
    assert not interpreter._safe_to_run()
    second = function()[0, 1:]  # a slice holds on to it, too
    del first
    assert not interpreter._safe_to_run()
    del second
    assert interpreter._safe_to_run()


def test_views_protect_their_memory(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    view = interpreter.tensor(0)()
    for call in (
        interpreter.allocate_tensors,
        interpreter.invoke,
        lambda: interpreter.resize_tensor_input(0, [2, 4]),
    ):
        with pytest.raises(RuntimeError, match=r"^There is at least 1 reference"):
            call()
    interpreter.set_tensor(0, FIRST)  # this one is no danger
    np.testing.assert_array_equal(view, FIRST)
    del view
    interpreter.allocate_tensors()
    interpreter.invoke()
