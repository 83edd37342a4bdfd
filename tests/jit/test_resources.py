"""Resource variables in native steps: the state of runs is what it is on NumPy."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from pytflite import DataError, Interpreter
from pytflite.errors import TFLiteError
from pytflite.model.model import Model
from tests.graphs import Graph, build
from tests.ops.variables.test_variable import counter_model, keeper

pytest.importorskip("llvmlite")


def native(model: Model) -> Interpreter:
    return Interpreter(model, backend="jit", wait=True)


def streaming(picks: bool = False, numpy_between: bool = False) -> Model:
    """Keeps the last 6 of the numbers given, two at a time; `picks`: gathers from them."""
    g = Graph()
    x = g.input("x", (2,))
    handle = g.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="last")
    start = g.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="count")
    g.op("CALL_ONCE", [], None, init_subgraph_index=1)
    old = g.op("READ_VARIABLE", [handle], (6,))
    both = g.op("CONCATENATION", [old, x], (8,), axis=0)
    begin, size = (g.constant(np.int32([n])) for n in (2, 6))
    new = g.op("SLICE", [both, begin, size], (6,))
    g.op("ASSIGN_VARIABLE", [handle, new], None)
    if numpy_between:
        new = g.op("CUMSUM", [new, g.constant(np.int32(0))], (6,))
    count = g.op("READ_VARIABLE", [start], (1,), "INT32")
    one = g.constant(np.int32([1]))
    g.op("ASSIGN_VARIABLE", [start, g.op("ADD", [count, one], (1,), "INT32")], None)
    g.output(new)
    g.output(count)
    if picks:
        g.output(g.op("GATHER", [new, g.input("at", (1,), "INT32")], (1,)))
    init = Graph()
    for name, value in (("last", np.zeros(6, np.float32)), ("count", np.int32([7]))):
        inner = init.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name=name)
        init.op("ASSIGN_VARIABLE", [inner, init.constant(value)], None)
    return build(g, init)


@pytest.mark.parametrize("numpy_between", [False, True])
def test_state_goes_on_as_on_numpy(numpy_between: bool) -> None:
    model = streaming(numpy_between=numpy_between)
    interpreters = native(model), Interpreter(model, backend="numpy")
    rng = np.random.default_rng(0)
    kinds = {s.node.name for s in interpreters[0].plan().steps if s.work is not None}
    assert {"READ_VARIABLE", "ASSIGN_VARIABLE"} <= kinds
    for number in range(6):
        x = rng.normal(size=2).astype(np.float32)
        if number == 3:  # an onlooker sees each step, and changes none
            traces = [i.trace(x) for i in interpreters]
            assert set(traces[0]) <= set(traces[1])  # which has the handles, too
            for name in traces[0]:
                if traces[0][name].dtype != object:
                    np.testing.assert_array_equal(traces[0][name], traces[1][name])
            continue
        (last, count), (want, wanted) = (i.run(x) for i in interpreters)
        np.testing.assert_array_equal(last, want)
        assert count == wanted == 7 + number
    resources = [i._engine.state.resources for i in interpreters]
    for handle in resources[1]:
        np.testing.assert_array_equal(resources[0][handle], resources[1][handle])


def test_a_refused_run_changes_no_variable() -> None:
    interpreter = native(streaming(picks=True))
    assert all(s.work is not None for s in interpreter.plan().steps if s.node.name != "CALL_ONCE")
    x, wrong = np.float32([1, 2]), np.int32([6])
    with pytest.raises(TFLiteError):
        interpreter.run(x, wrong)
    for _ in range(2):
        interpreter.run(x, np.int32([0]))
    with pytest.raises(TFLiteError):
        interpreter.run(x + 5, wrong)
    last, count, picked = interpreter.run(x + 2, np.int32([5]))
    np.testing.assert_array_equal(last, [1, 2, 1, 2, 3, 4])
    assert count == 9 and picked == 4


def test_copies_take_the_state_along() -> None:
    interpreter = native(counter_model())
    x = np.float32([1, 1])
    assert [interpreter.run(x)[0] for _ in range(3)] == [101, 102, 103]
    copy = pickle.loads(pickle.dumps(interpreter))
    assert copy.run(x)[0] == interpreter.run(x)[0] == 104
    assert interpreter.clone().run(x)[0] == 101
    interpreter.reset_all_variables()  # resource variables stay
    seen = []
    with interpreter.add_hook("READ*", after=lambda m: seen.extend(*m.outputs.values())):
        assert interpreter.run(x)[0] == 105
    assert seen == [104, 104] and interpreter.run(x)[0] == 106


def test_each_run_of_many_counts() -> None:
    interpreter = native(counter_model())
    x = np.float32([1, 0])
    with ThreadPoolExecutor(4) as pool:
        found = sorted(pool.map(lambda _: float(interpreter.run(x)[0]), range(200)))
    assert found == [101.0 + n for n in range(200)]


def test_what_nobody_assigned_or_in_another_form() -> None:
    g = Graph()
    handle = g.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="v")
    g.output(g.op("READ_VARIABLE", [handle], (2,)))
    with pytest.raises(DataError) as caught:
        native(build(g)).run()
    assert caught.value.code == "data.unassigned"
    for model, says in ((keeper((3,)), "another shape"), (keeper((2,), "INT32"), "another type")):
        with pytest.raises(DataError, match=says):
            native(model).run(np.float32([3, 4]))
    for handle in (None, 1):
        got = native(keeper((2,), handle=handle)).run(np.float32([3, 4]))
        np.testing.assert_array_equal(got, [3, 4])


def test_subgraphs_see_the_same_variable() -> None:
    """One subgraph assigns on behalf of a step between two native ones."""
    g = Graph()
    x = g.input("x", (2,))
    handle = g.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="v")
    g.op("ASSIGN_VARIABLE", [handle, x], None)
    before = g.op("READ_VARIABLE", [handle], (2,))
    g.op("CALL", [x], None, subgraph=1)
    g.output(g.op("SUB", [g.op("READ_VARIABLE", [handle], (2,)), before], (2,)))
    inner = Graph()
    y = inner.input("y", (2,))
    name = inner.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="v")
    old = inner.op("READ_VARIABLE", [name], (2,))
    inner.op("ASSIGN_VARIABLE", [name, inner.op("MUL", [old, y], (2,))], None)
    model = build(g, inner)
    x = np.float32([3, 5])
    for interpreter in (native(model), Interpreter(model, backend="numpy")):
        for _ in range(2):
            np.testing.assert_array_equal(interpreter.run(x), [6, 20])


def test_state_goes_on_when_kernels_arrive() -> None:
    interpreter = Interpreter(counter_model(), backend="auto")
    x = np.float32([1, 0])
    found = []
    for number in range(12):
        if number == 4:
            interpreter.compile()
        found.append(float(interpreter.run(x)[0]))
    assert interpreter.backend == "jit" and found == [101.0 + n for n in range(12)]
