"""Operators, subgraphs, signatures and state, asked of pytflite and of LiteRT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite.model.graph import Signature
from pytflite.model.model import Model
from tests.compat.models import counting, opened, reversing
from tests.graphs import Graph, build


def test_operator_details(runtime: Any) -> None:
    (details,) = opened(
        runtime, reversing(), experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_REF
    )._get_ops_details()
    assert list(details) == [
        "index", "op_name", "inputs", "outputs", "operand_types", "result_types",
    ]  # fmt: skip
    assert details["index"] == 0 and details["op_name"] == "FULLY_CONNECTED"
    assert details["inputs"].tolist() == [0, 1, -1] and details["outputs"].tolist() == [2]
    assert details["operand_types"] == [np.float32, np.float32]
    assert details["result_types"] == [np.float32]


def test_subgraphs(runtime: Any) -> None:
    one, two = opened(runtime, reversing()), opened(runtime, counting())
    assert one.num_subgraphs() == 1 and two.num_subgraphs() == 2
    assert [d["name"] for d in one.get_tensor_details()] == ["input", "weights", "output"]
    assert two.get_tensor_details(subgraph_index=0)[0]["name"] == "add_x"
    assert two.get_tensor_details(subgraph_index=1)[0]["name"] == "mul_x"
    for interpreter, index in ((one, 1), (one, -1), (two, 3)):
        with pytest.raises(ValueError, match=r"^subgraph_index is out of range"):
            interpreter.get_tensor_details(subgraph_index=index)


def test_signatures(runtime: Any) -> None:
    interpreter = opened(runtime, counting())
    assert interpreter.get_signature_list() == {
        "add": {"inputs": ["x", "y"], "outputs": ["sum"]},
        "multiply": {"inputs": ["x", "y"], "outputs": ["product"]},
    }
    assert interpreter._get_full_signature_list()["multiply"] == {
        "inputs": {"x": 0, "y": 1}, "outputs": {"product": 2},
    }  # fmt: skip
    add, multiply = map(interpreter.get_signature_runner, ("add", "multiply"))
    three, four = np.float32([3]), np.float32([4])
    assert {k: v.tolist() for k, v in add(x=three, y=four).items()} == {"sum": [7]}
    assert {k: v.tolist() for k, v in multiply(y=four, x=three).items()} == {"product": [12]}
    assert interpreter.get_tensor(2, 1).tolist() == [12]
    assert interpreter.get_tensor(2).tolist() == [7]  # the signature's tensors are ours
    longer = add(x=np.float32([1, 2]), y=np.float32([3, 4]))
    assert longer["sum"].tolist() == [4, 6]
    assert add.get_input_details()["x"]["shape"].tolist() == [2]
    assert list(multiply.get_output_details()) == ["product"]
    assert multiply.get_input_details()["y"]["name"] == "mul_y"


def test_signature_errors(runtime: Any) -> None:
    interpreter = opened(runtime, counting())
    with pytest.raises(
        ValueError, match=r"^SignatureDef signature_key is None and model has 2 Sig"
    ):
        interpreter.get_signature_runner()
    with pytest.raises(ValueError, match=r'^Invalid signature_key provided: "divide"'):
        interpreter.get_signature_runner("divide")
    add, x = interpreter.get_signature_runner("add"), np.float32([3])
    with pytest.raises(ValueError, match=r"^Invalid number of inputs provided .* 2 vs provided 1"):
        add(x=x)
    with pytest.raises(ValueError, match=r"^Invalid Input name \(z\) for SignatureDef"):
        add(x=x, z=x)
    with pytest.raises(ValueError, match=r"^Cannot set tensor: Got value of type INT32"):
        add(x=x, y=np.int32([3]))


def remembering() -> Model:
    """A signature that adds to a variable, and one that reads it."""
    handle = {"container": "", "shared_name": "total"}
    add, read = Graph("add"), Graph("read")
    x = add.input("x", (2,))
    r = add.op("VAR_HANDLE", [], (), "RESOURCE", **handle)
    old = add.op("READ_VARIABLE", [r], (2,))
    new = add.op("ADD", [old, x], (2,))
    add.op("ASSIGN_VARIABLE", [r, new], None)
    add.output(new)
    r2 = read.op("VAR_HANDLE", [], (), "RESOURCE", **handle)
    read.output(read.op("READ_VARIABLE", [r2], (2,)))
    start = Graph("start")
    zero = start.constant(np.zeros(2, np.float32))
    r3 = start.op("VAR_HANDLE", [], (), "RESOURCE", **handle)
    start.op("ASSIGN_VARIABLE", [r3, zero], None)
    start.output(zero)
    return build(
        add, read, start,
        signatures=[
            Signature("add", {"x": x}, {"total": new}), Signature("read", {}, {"total": 1}, 1),
            Signature("start", {}, {"zero": zero}, 2),
        ],
    )  # fmt: skip


def test_signatures_share_state(runtime: Any) -> None:
    interpreter = opened(runtime, remembering(), allocate=False)
    start, add, read = map(interpreter.get_signature_runner, ("start", "add", "read"))
    assert len({runner._subgraph_index for runner in (start, add, read)}) == 3
    start()
    for _ in range(3):
        add(x=np.float32([1, 2]))
    assert read()["total"].tolist() == [3, 6]


def test_tensors_of_called_subgraphs_are_preserved(runtime: Any) -> None:
    g, body = Graph(), Graph("body")
    x, always = g.input("x", (2,)), g.input("always", (), "BOOL")
    g.output(g.op("IF", [always, x], (2,), then_subgraph_index=1, else_subgraph_index=1))
    y = body.input("y", (2,))
    twice = body.op("ADD", [y, y], (2,))
    body.output(body.op("MUL", [twice, y], (2,)))
    interpreter = opened(runtime, build(g, body), experimental_preserve_all_tensors=True)
    for value in ([1, 2], [3, 4]):
        interpreter.set_tensor(x, np.float32(value))
        interpreter.set_tensor(always, np.bool_(True))
        interpreter.invoke()
        doubled = [2 * v for v in value]
        assert interpreter.get_tensor(twice, subgraph_index=1).tolist() == doubled


def test_resource_variables_are_not_reset(runtime: Any) -> None:
    interpreter = opened(runtime, remembering(), allocate=False)
    start, add, read = map(interpreter.get_signature_runner, ("start", "add", "read"))
    start()
    add(x=np.float32([1, 2]))
    interpreter.reset_all_variables()
    assert read()["total"].tolist() == [1, 2]


@pytest.mark.parametrize("shape", [(1, 4)])
def test_state_of_variable_tensors(runtime: Any, shape: tuple[int, ...]) -> None:
    g = Graph()
    x = g.input("x", shape)
    state = g.tensor(shape, variable=True, name="state")
    weights = g.constant(np.ones((4, 4), np.float32))
    recurrent = g.constant(np.eye(4, dtype=np.float32))
    bias = g.constant(np.zeros(4, np.float32))
    g.output(g.op("RNN", [x, weights, recurrent, bias, state], shape))
    interpreter = opened(runtime, build(g))
    output = interpreter.get_output_details()[0]["index"]
    totals = []
    for call in range(4):
        if call == 3:
            interpreter.reset_all_variables()
        interpreter.set_tensor(0, np.ones(shape, np.float32))
        interpreter.invoke()
        totals.append(interpreter.get_tensor(output)[0, 0])
    assert totals == [4, 8, 12, 4]
