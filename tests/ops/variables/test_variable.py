"""VAR_HANDLE, ASSIGN_VARIABLE and READ_VARIABLE, and the CALL_ONCE that begins with them."""

from __future__ import annotations

import numpy as np
import pytest

from pytflite import DataError, Interpreter, ModelError, ShapeError
from pytflite.model.model import Model
from pytflite.ops.variables import variable
from pytflite.ops.variables.variable import handle_of
from tests.graphs import Graph, build
from tests.harness import check, needs_litert


def counter_model() -> Model:
    """count += x; the count begins at 100 (CALL_ONCE)."""
    main = Graph()
    main.op("CALL_ONCE", [], None, init_subgraph_index=1)
    x = main.input("x", (2,))
    handle = main.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="count")
    old = main.op("READ_VARIABLE", [handle], (2,))
    new = main.op("ADD", [old, x], (2,))
    main.op("ASSIGN_VARIABLE", [handle, new], None)
    main.output(new)
    init = Graph()
    inner = init.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="count")
    init.op("ASSIGN_VARIABLE", [inner, init.constant(np.float32([100, 100]))], None)
    return build(main, init)


@needs_litert
def test_call_once_and_variables() -> None:
    check(counter_model(), np.float32([1, 2]), times=4)


def test_variables_belong_to_the_interpreter() -> None:
    model = counter_model()
    one, two = Interpreter(model), Interpreter(model)
    x = np.float32([1, 1])
    assert [one.run(x)[0], one.run(x)[0], two.run(x)[0]] == [101, 102, 101]
    one.reset_all_variables()  # resets tensors, as in LiteRT
    assert one.run(x)[0] == 103 and one.clone().run(x)[0] == 101


def test_a_failed_run_changes_no_variable() -> None:
    main = Graph()
    x = main.input("x", (2,))
    shape = main.input("shape", (1,), "INT32")
    handle = main.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="v")
    main.op("ASSIGN_VARIABLE", [handle, x], None)
    main.output(main.op("READ_VARIABLE", [handle], (2,)))
    main.output(main.op("RESHAPE", [x, shape], ()))
    interpreter = Interpreter(build(main))
    interpreter.run(np.float32([1, 1]), np.int32([2]))
    before = dict(interpreter._engine.state.resources)
    with pytest.raises(ModelError):
        interpreter.run(np.float32([7, 7]), np.int32([3]))
    after = interpreter._engine.state.resources
    assert all(np.array_equal(before[k], after[k]) for k in before)


def test_reading_a_variable_that_nobody_assigned() -> None:
    main = Graph()
    handle = main.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="v")
    main.output(main.op("READ_VARIABLE", [handle], (2,)))
    with pytest.raises(DataError) as caught:
        Interpreter(build(main)).run()
    assert caught.value.code == "data.unassigned"


def test_a_model_with_state_cannot_run_sample_by_sample() -> None:
    interpreter = Interpreter(counter_model())
    with pytest.raises(Exception, match=r"shape|batch"):
        interpreter.run(np.ones((3, 2), np.float32))


def keeper(read: tuple[int, ...], dtype: str = "FLOAT32", handle: int | None = None) -> Model:
    """Assigns x [2] and reads it with this declared shape and type; `handle`: of an INT32."""
    g = Graph()
    x = g.input("x", (2,))
    if handle is None:
        name = g.op("VAR_HANDLE", [], (), dtype="RESOURCE", shared_name="v")
    else:
        name = g.constant(np.full((handle,), 7, np.int32))
    g.op("ASSIGN_VARIABLE", [name, x], None)
    g.output(g.op("READ_VARIABLE", [name], read, dtype))
    return build(g)


@pytest.mark.parametrize("handle", [None, 1])
def test_what_is_read_is_what_was_assigned(handle: int | None) -> None:
    """A scalar as declared shape leaves it open."""
    for shape in ((2,), ()):
        got = Interpreter(keeper(shape, handle=handle)).run(np.float32([3, 4]))
        np.testing.assert_array_equal(got, [3, 4])


def test_another_shape_or_type_than_was_assigned() -> None:
    for model, says in ((keeper((3,)), "another shape"), (keeper((2,), "INT32"), "another type")):
        with pytest.raises(DataError, match=says):
            Interpreter(model).run(np.float32([3, 4]))


def test_a_handle_is_one() -> None:
    for count in (0, 2):
        with pytest.raises(ShapeError, match="one handle"):
            Interpreter(keeper((2,), handle=count)).allocate_tensors()


def test_handles_are_known_when_a_model_is_planned() -> None:
    steps = Interpreter(keeper((2,)), backend="numpy").plan().steps
    assert [step.node.name for step in steps] == ["ASSIGN_VARIABLE", "READ_VARIABLE"]
    handle = steps[0].input_specs[0]
    assert handle is not None and handle_of(handle.value) == ("variable", "", "v")
    with pytest.raises(AssertionError, match="folded"):
        variable.eval_handle(None, [], [None], None)  # type: ignore[arg-type]  it asks nothing
