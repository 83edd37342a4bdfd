"""Several threads on one run, several runs at once."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest

import pytflite
from pytflite.jit import program
from pytflite.jit.threads import team
from pytflite.model.model import Model
from tests.graphs import Graph, build

pytest.importorskip("numba")


def long_chain() -> Model:
    """Steps of many tiles, each with an output that the next one does not fuse with."""
    g = Graph()
    x = g.input("x", (300, 700))
    for n in range(6):
        x = g.op("TANH", [g.op("ADD", [x, g.constant(np.float32(n / 8))], (300, 700))], (300, 700))
        g.output(x)
    return build(g)


@pytest.fixture
def always_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program.Pace, "shares", lambda self: True)


@pytest.mark.usefixtures("always_shared")
@pytest.mark.parametrize("threads", [2, 3, 8])
def test_results_do_not_depend_on_threads(threads: int) -> None:
    model, x = long_chain(), np.random.default_rng(0).normal(size=(300, 700)).astype(np.float32)
    want = pytflite.Interpreter(model, backend="jit", wait=True, num_threads=1).run(x)
    several = pytflite.Interpreter(model, backend="jit", wait=True, num_threads=threads)
    for _ in range(60):
        for got, expected in zip(several.run(x), want, strict=True):
            np.testing.assert_array_equal(got, expected)


@pytest.mark.usefixtures("always_shared")
def test_runs_at_once() -> None:
    """One run has the team; the others do without."""
    interpreter = pytflite.Interpreter(long_chain(), backend="jit", wait=True, num_threads=3)
    inputs = [np.full((300, 700), i / 4, np.float32) for i in range(4)]
    want = [interpreter.run(x) for x in inputs]
    wrong = []

    def work(number: int) -> None:
        for _ in range(40):
            got = interpreter.run(inputs[number])
            if not all(np.array_equal(a, b) for a, b in zip(got, want[number], strict=True)):
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.usefixtures("always_shared")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_after_a_fork() -> None:
    interpreter = pytflite.Interpreter(long_chain(), backend="jit", wait=True, num_threads=2)
    x = np.ones((300, 700), np.float32)
    want = interpreter.run(x)
    child = os.fork()
    if child == 0:
        same = all(np.array_equal(a, b) for a, b in zip(interpreter.run(x), want, strict=True))
        os._exit(0 if same and team()._helpers else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_faster_way_is_taken() -> None:
    pace = program.Pace()
    for _ in range(program.Pace.SHARED):
        shared = pace.shares()
        pace.took(shared, 0.001 if shared else 0.002)
    assert pace.shares()
    slow = program.Pace()
    for _ in range(program.Pace.SHARED):
        shared = slow.shares()
        slow.took(shared, 0.003 if shared else 0.002)
    assert not slow.shares()
    for _ in range(program.Pace.PERIOD):
        slow.took(slow.shares(), 0.002)
    assert slow._runs < program.Pace.SHARED  # and tried anew
