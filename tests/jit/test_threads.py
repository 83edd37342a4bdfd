"""Several threads on one run, several runs at once."""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.jit.pace import Pace
from pytflite.jit.records import ENTRY, JOB, QUIT
from pytflite.jit.threads import _Helper, team
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
    monkeypatch.setattr(Pace, "threads", property(lambda self: self._ways[-1]))
    monkeypatch.setattr(Pace, "settled_alone", lambda self: False)


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


def run(pace: Pace, runs: int, seconds: dict[int, float]) -> list[int]:
    """With how many threads so many runs were, if they take so long with each number."""
    ways = []
    for _ in range(runs):
        if pace.settled_alone():
            ways.append(1)
        else:
            ways.append(pace.threads)
            pace.took(ways[-1], seconds[ways[-1]])
    return ways


@pytest.mark.parametrize("long", [1, 100])
@pytest.mark.parametrize("best", [1, 2, 4, 6])
def test_the_fastest_way_is_taken(best: int, long: int) -> None:
    """Long runs are tried less often."""
    seconds = {n: long * (0.002 + abs(n - best) / 1e4) for n in (1, 2, 4, 6)}
    trial = 4 * Pace.RUNS[long == 1]
    ways = run(Pace(6), trial + 7, seconds)
    assert set(ways[:trial]) == {1, 2, 4, 6} and set(ways[trial:]) == {best}


def trials(ways: list[int]) -> np.ndarray[Any, Any]:
    """Runs from trial to trial."""
    return np.diff(np.flatnonzero(np.diff(ways) == 1))


def test_ways_are_tried_again_less_and_less_often() -> None:
    ways = run(Pace(2), 20_000, {1: 0.002, 2: 0.003})
    apart = trials(ways)
    first, most = (seconds / 0.002 for seconds in Pace.PERIODS)
    assert first <= apart[0] < 2 * first and (np.diff(apart) >= 0).all()
    assert apart[-1] >= min(most, Pace.MOST)
    assert ways.count(2) <= len(apart) * Pace.RUNS[1] + Pace.RUNS[1]


def test_what_is_not_clear_is_tried_soon() -> None:
    apart = trials(run(Pace(2), 5000, {1: 0.002, 2: 0.00205}))
    assert apart.max() <= Pace.PERIODS[0] / 0.002 + 2 * Pace.RUNS[1]


def test_shared_runs_that_are_late_are_noticed() -> None:
    """Another process takes the second core."""
    pace = Pace(2)
    assert set(run(pace, 30, {1: 0.002, 2: 0.001})[2 * Pace.RUNS[1] :]) == {2}
    assert run(pace, 40, {1: 0.002, 2: 0.009}).count(2) <= Pace.LATE + Pace.RUNS[1]
    assert set(run(pace, 20, {1: 0.002, 2: 0.009})) == {1}


def test_brief_runs_are_never_shared() -> None:
    assert set(run(Pace(2), 6000, {1: 20e-6})) == {1}


def test_a_helper_that_is_about_to_sleep_is_woken() -> None:
    """Its native wait ends just as a run begins: it goes back in."""
    calls = []

    def wait(*_: object) -> None:
        begun.wait(5)
        calls.append(len(calls))
        if len(calls) == 1:
            helper.wake()
        else:
            job[QUIT // 8] = 1
            again.set()

    job = np.zeros(JOB // 8, np.int64)
    begun, again = threading.Event(), threading.Event()
    helper = _Helper(job, 0, ENTRY(wait))
    begun.set()
    assert again.wait(5)
    helper.wake()
    helper.join()
