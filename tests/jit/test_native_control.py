"""Subgraphs whose works are part of their caller's: the same values, errors and sights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from pytflite import Interpreter, LimitError, Limits, TFLiteError
from pytflite.model.model import Model
from tests.fuzz.test_bounds import call_tree, loop_in_loop
from tests.graphs import Graph, build
from tests.ops.control.test_control import adder, below, if_model, while_model

pytest.importorskip("llvmlite")


def agree(model: Model, *inputs: Any, native: str = "", threads: int = 1) -> Any:
    """What both backends give; `native` is an operator that has to be compiled."""
    jit = Interpreter(model, backend="jit", wait=True, num_threads=threads)
    want = Interpreter(model, backend="numpy").run(*inputs)
    for _ in range(2):
        got = jit.run(*inputs)
        pairs = zip(got, want, strict=True) if isinstance(got, list) else [(got, want)]
        for g, w in pairs:
            np.testing.assert_array_equal(g, w)
    steps = {s.node.name: s for s in jit.plan().steps}
    assert not native or steps[native].work is not None, steps[native].reason
    return got


def called(
    inner: Graph, *shapes: tuple[int, ...], outputs: int = 1, others: Sequence[Graph] = ()
) -> Model:  # fmt: skip
    """CALL between two other operators."""
    main = Graph()
    xs = [main.op("NEG", [main.input(f"x{n}", s)], s) for n, s in enumerate(shapes)]
    made = [main.tensor(()) for _ in range(outputs)]
    main.add("CALL", xs, made, subgraph=1)
    for tensor in made:
        main.output(main.op("ABS", [tensor], ()))
    return build(main, inner, *others)


def test_a_call_is_its_works() -> None:
    inner = Graph()
    x, y = inner.input("x", (2, 3)), inner.input("y", (3,))
    z = inner.op("SQUARE", [inner.op("MUL", [x, y], (2, 3))], (2, 3))
    inner.output(inner.op("RESHAPE", [z, inner.constant(np.int32([6]))], (6,)))
    inner.output(z)  # the same memory
    inner.output(x)  # an input
    inner.output(inner.constant(np.float32([5, -6])))
    inner.output(inner.op("RESHAPE", [y, inner.constant(np.int32([3, 1]))], (3, 1)))
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3)).astype(np.float32), rng.normal(size=3).astype(np.float32)
    agree(called(inner, (2, 3), (3,), outputs=5), x, y, native="CALL")


def test_calls_within_calls() -> None:
    inner = Graph()
    x = inner.input("x", (2,))
    y = inner.op("CALL", [x], (2,), subgraph=2)
    inner.output(inner.op("MUL", [y, inner.op("CALL", [y], (2,), subgraph=2)], (2,)))
    agree(called(inner, (2,), others=[adder(3)]), np.float32([1, 2]), native="CALL")
    tree = call_tree(30)  # would be as many works as there are calls
    assert Interpreter(tree, backend="jit", wait=True).plan().steps[0].work is None
    agree(call_tree(5), np.float32([1, 2]), native="CALL")


def fibonacci() -> Model:
    """(n, a, b, c) -> while n > 0: (n - 1, b, a + b, c)."""
    main, condition, body = Graph(), Graph(), Graph()
    kinds = ("INT32", "FLOAT32", "FLOAT32", "FLOAT32")
    given = [main.input(f"x{n}", (1,), kind) for n, kind in enumerate(kinds)]
    made = [main.tensor((1,), kind) for kind in kinds]
    main.add("WHILE", given, made, cond_subgraph_index=1, body_subgraph_index=2)
    for tensor in made:
        main.output(tensor)
    n, *_ = [condition.input(f"x{n}", (1,), kind) for n, kind in enumerate(kinds)]
    condition.output(condition.op("GREATER", [n, condition.constant(np.int32([0]))], (1,), "BOOL"))
    n, a, b, c = [body.input(f"x{n}", (1,), kind) for n, kind in enumerate(kinds)]
    body.output(body.op("SUB", [n, body.constant(np.int32([1]))], (1,), "INT32"))
    body.output(b)
    body.output(body.op("ADD", [a, b], (1,)))
    body.output(c)
    return build(main, condition, body)


@pytest.mark.parametrize("count", [0, 1, 2, 10])
def test_values_of_a_loop_change_places(count: int) -> None:
    one = np.float32([1])
    got = agree(fibonacci(), np.int32([count]), one, one, one * 7, native="WHILE")
    assert got[1][0] == [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89][count] and got[3][0] == 7


@pytest.mark.parametrize("start", [[0.0, 1.0], [9.0, 9.0], [np.nan, 1.0]])
@pytest.mark.parametrize("threads", [1, 2])
def test_loops(start: list[float], threads: int) -> None:
    agree(while_model(), np.float32(start), native="WHILE", threads=threads)


@pytest.mark.parametrize("condition", [True, False])
def test_choices(condition: bool) -> None:
    agree(if_model(), np.array([condition]), np.float32([1, 2]), native="IF")
    main = Graph()
    x = main.input("x", (2,))
    known = main.constant(np.array([condition]))
    main.output(main.op("IF", [known, x], (2,), then_subgraph_index=1, else_subgraph_index=2))
    agree(build(main, adder(1), adder(-1)), np.float32([1, 2]), native="IF")


@pytest.mark.parametrize("index", [-(2**31), -1, 0, 1, 2, 3, 2**31 - 1])
def test_an_index_out_of_range_takes_the_last_branch(index: int) -> None:
    main = Graph()
    chosen, x = main.input("index", (1,), "INT32"), main.input("x", (2,))
    main.output(main.op("STABLEHLO_CASE", [chosen, x], (2,), branch_subgraph_indices=[1, 2, 3]))
    model = build(main, adder(1), adder(10), adder(100))
    agree(model, np.int32([index]), np.float32([1, 2]), native="STABLEHLO_CASE")


def refusing() -> Model:
    """while x < 10: x += table[place]; the place may be out of range."""
    main, body = Graph(), Graph()
    x, place = main.input("x", (2,)), main.input("place", (1,), "INT32")
    made = [main.tensor((2,)), main.tensor((1,), "INT32")]
    main.add("WHILE", [x, place], made, cond_subgraph_index=1, body_subgraph_index=2)
    main.output(made[0])
    condition = below(10)
    condition.input("place", (1,), "INT32")
    x, place = body.input("x", (2,)), body.input("place", (1,), "INT32")
    found = body.op("GATHER", [body.constant(np.float32([1, 2, 3])), place], (1,))
    body.output(body.op("ADD", [x, found], (2,)))
    body.output(place)
    return build(main, condition, body)


def test_refusals_within_a_loop_are_told_by_numpy() -> None:
    model, x = refusing(), np.float32([0, 1])
    jit = Interpreter(model, backend="jit", wait=True)
    assert jit.plan().steps[0].work is not None, jit.plan().steps[0].reason
    for place in (2, 5, 0, -1, 1):
        if 0 <= place < 3:
            agree(model, x, np.int32([place]))
            jit.run(x, np.int32([place]))
        else:
            with pytest.raises(TFLiteError, match="GATHER"):
                jit.run(x, np.int32([place]))


def test_limits_hold_for_native_loops_and_calls() -> None:
    """What NumPy may do the kernels may, and no more."""
    for limits, says in (
        (Limits(loop_iterations=20), "limit.loop"), (Limits(steps=100), "limit.work"),
        (Limits(macs=3000), "limit.work"),
    ):  # fmt: skip
        jit = Interpreter(while_model(step=0.0), limits=limits, backend="jit", wait=True)
        assert jit.plan().steps[0].work is not None
        for _ in range(2):
            with pytest.raises(LimitError) as caught:
                jit.run(np.float32([0, 0]))
            assert caught.value.code == says
            np.testing.assert_array_equal(jit.run(np.float32([9, 9])), [9, 9])
    for steps in range(4, 40):
        found = []
        for backend in ("numpy", "jit"):
            each = Interpreter(
                while_model(), limits=Limits(steps=steps), backend=backend, wait=True
            )
            try:
                found.append(each.run(np.float32([0, 1])).tolist())
            except LimitError as error:
                found.append(error.code)
        # Fused operators are fewer: kernels may get further.
        assert found[0] == found[1] or found[0] == "limit.work", steps
    nested = Interpreter(loop_in_loop(), limits=Limits(steps=2000), backend="jit", wait=True)
    with pytest.raises(LimitError):
        nested.run(np.float32(1))


def test_who_looks_on_sees_the_operators_of_subgraphs() -> None:
    x = np.float32([0, 1])
    found = []
    for backend in ("numpy", "jit"):
        interpreter = Interpreter(while_model(), backend=backend, wait=True)
        seen: list[str] = []
        with interpreter.add_hook(after=lambda m, to=seen: to.append(m.label)):
            y = interpreter.run(x)
        trace = interpreter.trace(x)
        profile = interpreter.profile(x, runs=2, subgraphs=True)
        rows = [(row.operator, row.subgraph, row.calls) for row in profile]
        found.append((seen, y.tolist(), {n: trace[n].tolist() for n in trace}, rows))
        assert [row.operator for row in interpreter.profile(x, runs=1)] == ["WHILE"]
    assert found[0] == found[1]
