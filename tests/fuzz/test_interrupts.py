"""KeyboardInterrupt at any moment of a run, and memory that runs out: nothing stays locked."""

from __future__ import annotations

import signal
import sys
import threading
import time
import traceback
from random import Random
from typing import Any

import numpy as np
import pytest

from pytflite import Interpreter, TFLiteError
from pytflite.runtime.blas import BLAS
from pytflite.tools.doodle import model_path
from tests.fuzz.test_bounds import counting
from tests.graphs import Graph, build

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="no timer that interrupts here"
)


def in_another_thread(act: Any) -> Any:
    """What a thread gives that would wait for any lock that is still held."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(act()), daemon=True)
    thread.start()
    thread.join(20)
    if not found:
        frame = sys._current_frames().get(thread.ident or 0)
        pytest.fail(f"a lock is held:\n{''.join(traceback.format_stack(frame))}")
    return found[0]


@pytest.fixture
def interrupted() -> Any:
    """A function that repeats an act, each time until an interrupt comes at a moment of its own."""

    def raise_it(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, raise_it)
    rng = Random(0)

    def until_interrupted(act: Any, times: int, longest: float) -> int:
        count = 0
        for _ in range(times):
            over = time.monotonic() + 2 * longest + 0.2
            try:
                signal.setitimer(signal.ITIMER_REAL, rng.uniform(20e-6, longest))
                try:
                    while time.monotonic() < over:  # finalizers drop what is raised in them
                        act()
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                count += 1
        return count

    yield until_interrupted
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, old)


def test_interrupts_of_a_run_with_state(interrupted: Any) -> None:
    interpreter = Interpreter(counting())
    assert interrupted(lambda: interpreter.run(np.int32(5)), 400, 1e-3) > 300
    assert not BLAS.busy
    first = int(in_another_thread(lambda: interpreter.run(np.int32(5)))[1])
    again = int(in_another_thread(lambda: interpreter.run(np.int32(5)))[1])
    assert again == first + 1  # what was interrupted counted wholly or not at all


@pytest.mark.parametrize("backend", ["numpy", "auto"])
def test_interrupts_of_a_network(interrupted: Any, backend: str) -> None:
    interpreter = Interpreter(model_path("int8"), backend=backend)
    picture = np.random.default_rng(0).random((1, 28, 28, 1), np.float32)
    expected = interpreter.run(picture)
    interrupted(lambda: interpreter.run(picture), 150, 4e-3)
    assert not BLAS.busy
    assert np.array_equal(in_another_thread(lambda: interpreter.run(picture)), expected)


def test_interrupts_of_planning_and_of_tf_lites_calls(interrupted: Any) -> None:
    graph = Graph()
    x = index = graph.input("x", (1, 16))
    for _ in range(6):
        x = graph.op("TANH", [x], (1, 16))
    graph.output(x)
    model = build(graph)
    data = np.ones((1, 16), np.float32)
    interpreter = Interpreter(model)
    shapes = [(n, 16) for n in range(1, 12)]  # more than are kept

    def resize_and_invoke() -> None:
        for shape in shapes:
            interpreter.resize_tensor_input(index, shape)
            interpreter.allocate_tensors()
            interpreter.set_tensor(index, np.broadcast_to(data, shape))
            interpreter.invoke()

    interrupted(resize_and_invoke, 60, 30e-3)
    assert not BLAS.busy
    in_another_thread(resize_and_invoke)
    expected = Interpreter(model).run(data)
    assert np.array_equal(in_another_thread(lambda: interpreter.run(data)), expected)


def test_memory_that_runs_out_in_each_call_in_turn() -> None:
    """An operator that cannot get memory at its first, second, ... evaluation."""
    left = [0]

    def greedy(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        left[0] -= 1
        if left[0] == 0:
            raise MemoryError
        return x + 1

    graph = Graph()
    x = graph.input("x", (2,))
    for _ in range(3):
        x = graph.op("Greedy", [x], (2,))
    graph.output(x)
    interpreter = Interpreter(build(graph), custom_ops={"Greedy": greedy})
    for nth in range(1, 4):
        left[0] = nth
        with pytest.raises(TFLiteError, match="MemoryError"):
            interpreter.run(np.zeros(2))
        assert not BLAS.busy
        assert in_another_thread(lambda: interpreter.run(np.zeros(2))).tolist() == [3, 3]
