"""A compiler that hangs: it is ended, and NumPy goes on; nobody waits for ever."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

import pytflite
from pytflite.jit import backend, child
from pytflite.jit.builder import Builder, Key
from pytflite.jit.cache import Cache
from pytflite.jit.kernel import kernel
from pytflite.jit.library import Library
from pytflite.jit.target import host_targets
from pytflite.tools.doodle import model_path

TARGET = host_targets()[0]

# What it does depends on the names of kernels.
CHILD = """
import json, os, signal, sys, time
def say(**event):
    print(json.dumps(event), flush=True)
def beat(seconds, used=0.0):
    for n in range(10 * seconds):
        say(event="beats", seconds=used * n)
        time.sleep(0.1)
if {deaf}:
    beat(60)
for line in sys.stdin:
    order = json.loads(line)
    name = order["emitter"]
    if name == "test.stops":
        say(event="tests", target=order["target"])
        os.kill(os.getpid(), signal.SIGSTOP)
    say(id=order["id"], event="begins")
    if name.startswith("stops"):
        os.kill(os.getpid(), signal.SIGSTOP)
    if name == "waits":
        beat(60)
    if name == "loops":
        beat(60, 50.0)
    if name == "works":
        beat(4, 0.05)
    say(id=order["id"], event="done")
"""

Make = Callable[..., Builder]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Builders whose child only pretends, of little patience."""
    made: list[Builder] = []

    def builder(deaf: bool = False) -> Builder:
        script = tmp_path / "child.py"
        script.write_text(CHILD.replace("{deaf}", str(deaf)))
        cache = Cache(str(tmp_path / "cache"))
        made.append(Builder(cache, [sys.executable, "-I", "-S", str(script)], patience=2))
        return made[-1]

    yield builder
    for each in made:
        each.close()


def keys(*names: str) -> list[Key]:
    return [(kernel(name), TARGET) for name in names]


def pid(builder: Builder) -> int:
    return int(builder._child.pid)


def gone(number: int) -> bool:
    """Whether there is no such process any more."""
    for _ in range(100):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_kernel_at_which_it_stops(make: Make) -> None:
    build = make()
    wanted = keys("a.a", "stops", "b.b")
    build.ask(wanted)
    number = pid(build)
    build.wait(wanted)
    assert build.done == {wanted[0], wanted[2]}  # another child does the rest
    assert build.failures == {wanted[1]: "the compiler hung at it: nothing was heard of it for 2 s"}
    assert "hung at stops()" in build.crashed[0]
    assert gone(number)
    build.ask(keys("c.c"))
    build.wait(keys("c.c"))
    assert keys("c.c")[0] in build.done


def test_it_hangs_twice(make: Make) -> None:
    """One after the other: it is not the kernel."""
    build = make()
    wanted = keys("stops.one", "stops.two", "a.a", "b.b")
    build.ask(wanted)
    build.wait(wanted)
    assert set(build.failures) == set(wanted) and len(build.crashed) == 2
    assert not build.useless


@pytest.mark.parametrize(
    ("name", "reason"), [("waits", "it did nothing for 5 s"), ("loops", "s of CPU time")]
)
def test_its_heart_beats_and_no_more(make: Make, name: str, reason: str) -> None:
    build = make()
    build.ask(keys(name))
    build.wait(keys(name))
    assert reason in build.failures[keys(name)[0]]


def test_long_work_is_no_hang(make: Make) -> None:
    build = make()
    build.ask(keys("works"))
    build.wait(keys("works"))
    assert build.done == set(keys("works")) and not build.crashed


@pytest.mark.parametrize("deaf", [False, True])
def test_before_any_kernel(make: Make, deaf: bool) -> None:
    """It stops at the self-test, or reads no orders: all is given up, and nothing begun again."""
    build = make(deaf)
    wanted = keys(*([f"a.{'a' * 1000}{n}" for n in range(200)] if deaf else ["test.stops", "a.a"]))
    start = time.monotonic()
    build.ask(wanted)  # more than a pipe takes
    assert time.monotonic() - start < 2
    build.wait(wanted)
    assert {build.failures[key] for key in wanted} == {build.crashed[0]}
    assert build.crashed[0].startswith("the compiler hung: ")
    build.ask(keys("b.b"))
    assert build.failures[keys("b.b")[0]] == build.crashed[0] and build._child is None


def test_an_idle_child_that_is_stopped(make: Make) -> None:
    build = make()
    build.ask(keys("a.a"))
    build.wait(keys("a.a"))
    number = pid(build)
    os.kill(number, signal.SIGSTOP)
    assert gone(number)
    assert not build.crashed and not build.useless
    build.ask(keys("b.b"))
    build.wait(keys("b.b"))
    assert not build.failures


def test_a_stopped_child_does_not_outlive_its_parent(make: Make) -> None:
    build = make()
    build._patience = 60
    build.ask(keys("stops"))
    number = pid(build)
    for _ in range(200):
        if build._child.wonders:
            break
        time.sleep(0.1)
    child_of_ours = build._child._process
    build._exit()
    child_of_ours.returncode = None
    assert child_of_ours.wait(10) == -signal.SIGKILL
    assert gone(number)


# --- with interpreters --------------------------------------------------------------------------

STOPS = """
import os, signal, sys
from pytflite.jit import compiler
def self_test(target, cache):
    os.kill(os.getpid(), signal.SIGSTOP)
    return ""
compiler.self_test = self_test
compiler.main(sys.argv[1], sys.argv[2], "urgent" in sys.argv[3:])
"""


@pytest.mark.parametrize("how", ["wait", "compile", "run"])
@pytest.mark.filterwarnings("ignore:the compiler hung:RuntimeWarning")
def test_interpreters_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    script = tmp_path / "compiler.py"
    script.write_text(STOPS)
    library = Library(Cache(str(tmp_path / "cache")), [sys.executable, str(script)], patience=2)
    monkeypatch.setattr(backend, "LIBRARY", library)
    x = np.random.default_rng(0).random((28, 28, 1), np.float32)
    want = pytflite.Interpreter(model_path("int8"), backend="numpy").run(x)
    interpreter = pytflite.Interpreter(model_path("int8"), backend="jit", wait=how == "wait")
    assert np.array_equal(interpreter.run(x), want)
    if how == "compile":
        interpreter.compile()
    for _ in range(100):
        if interpreter.backend_report()[0].reason != "its kernel is not compiled yet":
            break
        interpreter.run(x)  # the first runs are let alone
        time.sleep(0.1)
    reasons = {(row.backend, row.reason) for row in interpreter.backend_report()}
    assert reasons == {("numpy", "the compiler hung: nothing was heard of it for 2 s")}
    assert np.array_equal(interpreter.run(x), want)
    assert [t for t in threading.enumerate() if t.name == "pytflite-compiler"] == []


def test_the_compiler_s_heart_beats(tmp_path: Path) -> None:
    """Every second, with the CPU time that it has used; also while it has nothing to do."""
    command = child.python()
    assert command is not None
    process = child.Child(command, str(tmp_path), True, 60)
    told: list[float] = []
    process._beats = told.append  # type: ignore[method-assign]  # instead of judging
    assert list(process.events()) == []
    assert process.code() == 0 and not process.hung
    assert len(told) >= 2 and 0 < told[0] <= told[-1] < 30


def test_seconds_are_those_of_waiting() -> None:
    """Not of a clock: who was stopped himself has no reason to end another."""
    process = child.Child([sys.executable, "-c", "import time; time.sleep(30)"], ".", True, 3)
    heard: list[object] = []
    listener = threading.Thread(target=lambda: heard.extend(process.events()))
    start = time.monotonic()
    listener.start()
    listener.join(20)
    assert process.hung == "nothing was heard of it for 3 s" and not heard
    assert time.monotonic() - start > 3
    assert process.code() == -signal.SIGKILL
