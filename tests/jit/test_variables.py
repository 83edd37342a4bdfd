"""Variable tensors of native steps: the state of runs is what it is on NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite import Interpreter
from pytflite.format.schema import ActivationFunctionType as Activation
from pytflite.model.model import Model
from tests.graphs import Graph, build

pytest.importorskip("llvmlite")


def stacked(between: str) -> Model:
    """Two RNN cells whose states are whole numbers: the sums of all that came; and the second's."""
    g = Graph()
    y = g.input("x", (1, 3))
    one = g.constant(np.eye(3, dtype=np.float32))
    zeros = g.constant(np.zeros(3, np.float32))
    states = [g.tensor((1, 3), variable=True) for n in range(2)]
    for number, h in enumerate(states):
        y = g.op("RNN", [y, one, one, zeros, h], (1, 3), fused_activation_function=Activation.NONE)
        if number == 0:
            y = g.op(between, [y, *[g.constant(np.int32(1))] * (between == "CUMSUM")], (1, 3))
    g.output(y)
    return build(g)


def both(model: Model) -> tuple[Interpreter, Interpreter]:
    return Interpreter(model, backend="jit", wait=True), Interpreter(model, backend="numpy")


X = np.float32([[1, 2, 3]])


@pytest.mark.parametrize("between", ["NEG", "CUMSUM"])
def test_state_goes_on_as_on_numpy(between: str) -> None:
    compiled, plain = both(stacked(between))
    assert {s.node.name for s in compiled.plan().steps if s.work is not None} >= {"RNN"}
    for number in range(4):
        np.testing.assert_array_equal(compiled.run(X * number), plain.run(X * number))


@pytest.mark.parametrize("between", ["NEG", "CUMSUM"])
def test_what_others_do_to_the_state_counts(between: str) -> None:
    """Resets, values that are set, and runs that look on."""
    changes: list[Any] = [
        lambda i: i.reset_all_variables(),
        lambda i: i.set_tensor(state(i), X * 7),
        lambda i: i.run(X),
        lambda i: i.trace(X),
        lambda i: i.allocate_tensors(),
    ]

    def state(interpreter: Interpreter) -> int:
        return next(iter(interpreter.plan().variables))

    interpreters = both(stacked(between))
    for change in changes:
        found = []
        for interpreter in interpreters:
            interpreter.allocate_tensors()
            for _ in range(2):
                interpreter.set_tensor(0, X)
                interpreter.invoke()
            change(interpreter)
            interpreter.set_tensor(0, X)
            interpreter.invoke()
            found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
            found.append(interpreter.get_tensor(state(interpreter)))
        np.testing.assert_array_equal(found[0], found[2])
        np.testing.assert_array_equal(found[1], found[3])


def test_a_run_that_fails_changes_nothing() -> None:
    """Also where the cells in memory have advanced already."""

    def stop(moment: Any) -> None:
        raise ValueError("enough")

    compiled, plain = both(stacked("CUMSUM"))
    for interpreter in (compiled, plain):
        interpreter.run(X)
        for pattern in ("RNN", "CUMSUM"):
            with interpreter.add_hook(pattern, after=stop), pytest.raises(ValueError, match="eno"):
                interpreter.run(X)
    np.testing.assert_array_equal(compiled.run(X), plain.run(X))


def test_a_clone_has_a_state_of_its_own() -> None:
    compiled, plain = both(stacked("NEG"))
    first = compiled.run(X)
    other = compiled.clone()
    np.testing.assert_array_equal(compiled.run(X), [plain.run(X), plain.run(X)][1])
    np.testing.assert_array_equal(other.run(X), first)
