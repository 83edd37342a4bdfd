"""What a model may take: memory before it is taken, work as a whole, and what an error leaves."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from pytflite import Interpreter, LimitError, Limits, TFLiteError
from pytflite.errors import DataError
from pytflite.model.model import Model
from pytflite.plan.arena import Block, place
from tests.graphs import Graph, build
from tests.harness import single_op, tensor


def refused(model: Model, code: str, *inputs: Any, **limits: int) -> LimitError:
    with pytest.raises(LimitError) as caught:
        interpreter = Interpreter(model, limits=Limits(**limits))
        interpreter.allocate_tensors()
        interpreter.run(*inputs)
    assert caught.value.code == code, caught.value
    return caught.value


def call_tree(depth: int) -> Model:
    """Each subgraph calls the next one twice: 2 ** depth calls in a few bytes."""
    graphs = []
    for level in range(depth):
        graph = Graph()
        x = graph.input("x", (2,))
        for _ in range(2):
            last = level == depth - 1
            x = graph.op("NEG", [x], (2,)) if last else graph.op("CALL", [x], (2,),
                                                                 subgraph=level + 1)  # fmt: skip
        graph.output(x)
        graphs.append(graph)
    return build(*graphs)


def loop_in_loop() -> Model:
    """Two WHILEs, neither of which ends."""
    main, condition, body, inner_condition, inner = (Graph() for _ in range(5))
    x = main.input("x", ())
    main.output(main.op("WHILE", [x], (), cond_subgraph_index=1, body_subgraph_index=2))
    for graph in (condition, inner_condition):
        x = graph.input("x", ())
        graph.output(graph.op("EQUAL", [x, x], (), "BOOL"))
    x = body.input("x", ())
    body.output(body.op("WHILE", [x], (), cond_subgraph_index=3, body_subgraph_index=4))
    x = inner.input("x", ())
    inner.output(inner.op("NEG", [x], ()))
    return build(main, condition, body, inner_condition, inner)


def test_calls_that_double_on_each_level_are_planned_once_and_their_steps_counted() -> None:
    start = time.monotonic()
    plan = Interpreter(call_tree(30)).plan()
    assert len(plan.steps) == 2 and time.monotonic() - start < 10
    assert np.array_equal(Interpreter(call_tree(4)).run(np.ones(2)), np.ones(2))
    error = refused(call_tree(30), "limit.work", np.ones(2), steps=1000)
    assert "Limits.steps" in str(error)


def test_planning_is_bounded() -> None:
    main, negate = Graph(), Graph()
    for size in range(1, 9):
        x = main.input(f"x{size}", (size,))
        main.output(main.op("CALL", [x], (size,), subgraph=1))
    negate.output(negate.op("NEG", [negate.input("x", (1,))], (1,)))
    model = build(main, negate)
    Interpreter(model).allocate_tensors()
    refused(model, "limit.planning", planned_operators=5)
    with pytest.raises(TFLiteError, match=r"model\.recursion"):
        Interpreter(call_tree(20), limits=Limits(call_depth=5)).allocate_tensors()


def test_loops_are_bounded_as_a_whole() -> None:
    refused(loop_in_loop(), "limit.work", 1.0, steps=2000)
    refused(loop_in_loop(), "limit.loop", 1.0, loop_iterations=50)
    refused(loop_in_loop(), "limit.work", 1.0, macs=5000)


def test_steps_that_are_sized_at_run_time_count() -> None:
    graph = Graph()
    size = graph.input("size", (2,), "INT32")
    value = graph.constant(np.float32(1))
    x = graph.op("FILL", [size, value], (None or ()))
    y = graph.op("BATCH_MATMUL", [x, x], ())
    graph.output(y)
    model = build(graph)
    assert np.array_equal(Interpreter(model).run(np.array([2, 2], np.int32)), np.full((2, 2), 2))
    refused(model, "limit.work", np.array([50, 50], np.int32), macs=1000)


def test_folding_leaves_long_work_to_the_run() -> None:
    graph = Graph()
    side, channels = 48, 512
    x = graph.constant(np.zeros((1, side, side, channels), np.float32))
    weights = graph.constant(np.zeros((channels, 3, 3, channels), np.float32))
    bias = graph.constant(np.zeros(channels, np.float32))
    for _ in range(3):
        x = graph.op("CONV_2D", [x, weights, bias], (1, side, side, channels), stride_w=1,
                     stride_h=1)  # fmt: skip
    graph.output(x)
    plan = Interpreter(build(graph)).plan()
    assert plan.folded == 0 and len(plan.steps) == 3


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("FILL", [tensor(value=np.array([1 << 20, 1 << 20], np.int32)),
                  tensor(value=np.float32(0))], [tensor()]),
        ("FILL", [tensor((2,), "INT32"), tensor(value=np.float32(0))], [tensor()]),
        ("BROADCAST_TO", [tensor((1,)), tensor((2,), "INT32")], [tensor()]),
        ("TILE", [tensor((1, 1)), tensor((2,), "INT32")], [tensor()]),
        ("RANGE", [tensor(value=np.int32(0)), tensor((), "INT32"), tensor(value=np.int32(1))],
         [tensor(dtype="INT32")]),
    ],
)  # fmt: skip
def test_memory_is_refused_before_it_is_taken(name: str, inputs: Any, outputs: Any) -> None:
    model = single_op(name, inputs, outputs)
    sizes = [np.ones(t.shape, t.dtype.storage) for t in model.inputs]
    for number, array in enumerate(sizes):
        if array.dtype == np.int32:
            sizes[number] = np.full(array.shape, 1 << 30, np.int32)
    refused(model, "limit.tensor", *sizes, tensor_bytes=1 << 20)


def test_no_limits() -> None:
    limits = Limits.none()
    assert all(getattr(limits, name) >= 1 << 60 for name in Limits.__slots__)
    assert np.array_equal(Interpreter(call_tree(4), limits=limits).run(np.ones(2)), np.ones(2))


def test_a_stack_that_is_used_up_is_a_limit() -> None:
    with pytest.raises(LimitError, match=r"limit\.depth"):
        Interpreter(call_tree(600), limits=Limits.none()).allocate_tensors()


def test_very_many_tensors_are_placed_soon_and_apart() -> None:
    rng = np.random.default_rng(0)
    blocks = [
        Block(i, int(size), first, first + int(life))
        for i, (first, size, life) in enumerate(
            zip(range(5000), rng.integers(0, 500, 5000), rng.integers(0, 30, 5000), strict=True)
        )
    ]
    offsets, total = place(blocks)
    alive: list[Block] = []
    for block in blocks:
        alive = [b for b in alive if b.last >= block.first]
        for other in alive:
            apart = (
                offsets[other.tensor] + other.size <= offsets[block.tensor]
                or offsets[block.tensor] + block.size <= offsets[other.tensor]
            )
            assert apart or not block.size or not other.size
        alive.append(block)
    assert total >= max(offsets[b.tensor] + b.size for b in blocks)


def counting() -> Model:
    """A variable that counts runs, before a division that its input may make fail."""
    graph = Graph()
    x = graph.input("x", (), "INT32")
    resource = graph.tensor((), "RESOURCE")
    graph.add("VAR_HANDLE", (), (resource,), container="", shared_name="count")
    one = graph.constant(np.int32(1))
    old = graph.op("READ_VARIABLE", [resource], (), "INT32")
    new = graph.op("ADD", [old, one], (), "INT32")
    graph.op("ASSIGN_VARIABLE", [resource, new], None)
    ten = graph.constant(np.int32(10))
    graph.output(graph.op("FLOOR_DIV", [ten, x], (), "INT32", version=2))
    graph.output(new)
    init = Graph("init")
    resource = init.tensor((), "RESOURCE")
    init.add("VAR_HANDLE", (), (resource,), container="", shared_name="count")
    init.op("ASSIGN_VARIABLE", [resource, init.constant(np.int32(0))], None)
    graph.add("CALL_ONCE", (), (), init_subgraph_index=1)
    graph.operators.insert(0, graph.operators.pop())
    return build(graph, init)


def test_a_failed_run_changes_nothing_and_the_interpreter_stays_usable() -> None:
    interpreter = Interpreter(counting())
    assert [int(v) for v in interpreter.run(np.int32(5))] == [2, 1]
    for _ in range(3):
        with pytest.raises(DataError):
            interpreter.run(np.int32(0))
    assert [int(v) for v in interpreter.run(np.int32(5))] == [2, 2]


@pytest.mark.parametrize("raised", [KeyboardInterrupt, MemoryError, RecursionError, SystemExit])
def test_nothing_stays_locked(raised: type[BaseException]) -> None:
    """Whatever comes in the middle of a run, another thread can run the model afterwards."""
    import threading

    fail = [True]

    def shaky(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if fail[0]:
            raise raised
        return x

    graph = Graph()
    x = graph.input("x", (2,))
    graph.output(graph.op("Shaky", [x], (2,)))
    interpreter = Interpreter(build(graph), custom_ops={"Shaky": shaky})
    with pytest.raises((raised, TFLiteError)):
        interpreter.run(np.ones(2))
    with pytest.raises((raised, TFLiteError)):
        interpreter.allocate_tensors()
        interpreter.invoke()
    fail[0] = False
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(interpreter.run(np.ones(2))), daemon=True)
    thread.start()
    thread.join(20)
    assert found and np.array_equal(found[0], np.ones(2))
    interpreter.invoke()
