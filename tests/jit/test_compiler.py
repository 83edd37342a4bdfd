"""The compiler's process, who has it work, and what is done where it cannot."""

from __future__ import annotations

import ctypes
import inspect
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from pytflite.jit import child as children
from pytflite.jit import image as images
from pytflite.jit.builder import Builder
from pytflite.jit.cache import Cache
from pytflite.jit.compiler import Order, Worker
from pytflite.jit.kernel import Kernel, kernel
from pytflite.jit.library import Library
from pytflite.jit.native import NativeWorker
from pytflite.jit.trial import self_test
from tests.jit.native import RUNNABLE

TARGET = RUNNABLE[-1]
ADDS, RUNNER = kernel("selftest.adds"), kernel("runner.single")
CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


def adds(address: int) -> bool:
    """Whether the kernel there is ADDS."""
    x, y = np.zeros(16, np.float32), np.zeros(16, np.float32)
    slots = np.array([0, x.ctypes.data, y.ctypes.data], np.int64)
    CALL(address)(slots.ctypes.data, 0, 1, None)
    return bool((y[:4] == [1, 2, 3, 4]).all())


def until(condition: Callable[[], bool], seconds: float = 60) -> bool:
    """Waits for something that happens elsewhere."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def compiler_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "pytflite-compiler"]


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "cache"))


@pytest.fixture
def library(cache: Cache) -> Iterator[Library]:
    """A library of its own, with a real compiler."""
    before = compiler_threads()  # of other tests
    made = Library(cache)
    yield made
    if made._builder is not None:
        made._builder.close()
    assert not set(compiler_threads()).difference(before)


# --- for real -----------------------------------------------------------------------------------


def test_kernels_come_from_a_child(library: Library, cache: Cache) -> None:
    unknown, broken = kernel("nothing.here"), kernel("runner.single", colour="red")
    wanted = [ADDS, RUNNER, unknown, broken]
    assert library.find(wanted, TARGET) == {}
    library.request(wanted, TARGET)
    assert library._builder is not None
    child = library._builder._child
    assert until(lambda: os.getpriority(os.PRIO_PROCESS, child.pid) == 19)
    library.wait(wanted, TARGET)
    found = library.find(wanted, TARGET)
    assert list(found) == [ADDS, RUNNER] and adds(found[ADDS])
    assert "No module named" in library.failures[unknown, TARGET]
    assert "TypeError" in library.failures[broken, TARGET]

    other = Library(cache)  # as another process finds them
    assert list(other.find(wanted, TARGET)) == [ADDS, RUNNER]
    assert other._builder is None


def test_who_waits_has_no_patient_child(library: Library) -> None:
    seen = []

    def look() -> None:
        until(lambda: library._builder is not None and library._builder._child is not None)
        seen.append(os.getpriority(os.PRIO_PROCESS, library._builder._child.pid))

    looker = threading.Thread(target=look)
    looker.start()
    library.wait([ADDS], TARGET)
    looker.join()
    assert seen == [os.getpriority(os.PRIO_PROCESS, 0)]


def test_a_warm_start_loads_no_compiler(cache: Cache) -> None:
    Worker(cache, lambda **event: None).do(Order(False, 1, ADDS, TARGET))
    program = f"""
import sys
from pytflite.jit.library import Library
from pytflite.jit.cache import Cache
from pytflite.jit.kernel import kernel
from pytflite.jit.target import BY_NAME
assert Library(Cache({cache.directory!r})).find([kernel("selftest.adds")], BY_NAME[{TARGET.name!r}])
heavy = {{"llvmlite", "numba", "json", "subprocess", "tempfile", "pytflite.jit.compiling"}}
print(heavy & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_child_ends_with_its_parent(cache: Cache) -> None:
    """Killed without warning; also while there is work left."""
    program = f"""
import os, signal
from pytflite.jit.library import Library
from pytflite.jit.cache import Cache
from pytflite.jit.kernel import kernel
from pytflite.jit.target import BY_NAME
library = Library(Cache({cache.directory!r}))
library.request([kernel("nothing.at_all", n=n) for n in range(100)], BY_NAME[{TARGET.name!r}])
print(library._builder._child.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    child = Path("/proc", done.stdout.strip(), "cmdline")

    def gone() -> bool:
        try:
            return not child.read_bytes()  # nothing: a zombie that its new parent will bury
        except OSError:
            return True

    assert until(gone)


def test_an_early_end_is_quick_and_quiet(cache: Cache) -> None:
    program = f"""
from pytflite.jit.library import Library
from pytflite.jit.cache import Cache
from pytflite.jit.kernel import kernel
from pytflite.jit.target import BY_NAME
import time, atexit
library = Library(Cache({cache.directory!r}))
library.request([kernel("selftest.adds", n=n) for n in range(9)], BY_NAME[{TARGET.name!r}])
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_after_a_fork_there_is_another_child(library: Library) -> None:
    library.request([RUNNER], TARGET)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # fork with threads, from 3.12
        pid = os.fork()
    if not pid:
        library.wait([ADDS, RUNNER], TARGET)
        os._exit(0 if len(library.find([ADDS, RUNNER], TARGET)) == 2 else 1)
    library.wait([ADDS], TARGET)
    assert len(library.find([ADDS, RUNNER], TARGET)) == 2
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


# --- with a child of the tests ------------------------------------------------------------------

CHILD = """
import json, os, signal, sys
log = open(os.path.join(sys.argv[1], "log"), "a")
log.write("start\\n")
def say(**event):
    print(json.dumps(event), flush=True)
for line in sys.stdin:
    order = json.loads(line)
    name = order["emitter"]
    log.write(name + "\\n"); log.flush()
    if name == "is.useless":
        say(event="useless", target=order["target"], reason="no leave")
        continue
    if name == "test.dies":
        say(event="tests", target=order["target"])
        os.kill(os.getpid(), signal.SIGILL)
    print("noise", flush=True)
    say(id=order["id"], event="begins")
    if name.startswith("crash"):
        os.kill(os.getpid(), signal.SIGSEGV)
    say(id=order["id"], event="done")
    if name == "ends.now":
        break
"""


@pytest.fixture
def build(cache: Cache, tmp_path: Path) -> Iterator[Builder]:
    """A builder with a child that only pretends."""
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    before = compiler_threads()  # of other tests
    made = Builder(cache, [sys.executable, str(script)])
    yield made
    made.close()
    assert not set(compiler_threads()).difference(before)


def log(builder: Builder) -> list[str]:
    return Path(builder.cache.directory, "log").read_text().split()


def names(*emitters: str) -> list[tuple[Kernel, object]]:
    return [(kernel(name), TARGET) for name in emitters]


def test_each_kernel_is_ordered_once(build: Builder) -> None:
    keys = names("a.a", "b.b", "c.c")
    together = threading.Barrier(8)  # what is done by then would be ordered again

    def ask() -> None:
        together.wait()
        build.ask(keys)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    build.wait(keys)
    assert build.done == set(keys) and not any(map(build.busy, keys))
    assert log(build) == ["start", "a.a", "b.b", "c.c"]


def test_a_crash_costs_one_kernel(build: Builder) -> None:
    good, bad = names("a.a", "b.b", "c.c"), names("crash.one", "crash.two")
    keys = [good[0], bad[0], good[1], bad[1], good[2]]
    build.ask(keys)
    build.wait(keys)
    assert build.done == set(good)
    assert {k: "signal 11" in v for k, v in build.failures.items()} == dict.fromkeys(bad, True)
    assert len(build.crashed) == 2
    build.ask(bad)  # not again
    build.wait(bad)
    assert log(build).count("crash.one") == 1


def test_a_crash_is_reported_once(build: Builder, cache: Cache) -> None:
    library = Library(cache, build.command)
    with pytest.warns(RuntimeWarning, match=r"crashed \(signal 11\) at crash\.one"):
        library.wait([kernel("crash.one")], TARGET)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        library.wait([kernel("crash.one")], TARGET)
    assert "crashed" in library.failures[kernel("crash.one"), TARGET]
    assert library._builder is not None
    library._builder.close()


def test_a_child_that_ends_is_followed_by_another(build: Builder) -> None:
    keys = names("ends.now", "a.a", "ends.now", "b.b")
    keys[2] = kernel("ends.now", again=True), TARGET
    build.ask(keys)
    build.wait(keys)
    assert build.done == set(keys) and not build.failures
    assert log(build).count("start") >= 2


@pytest.mark.parametrize(
    ("name", "reason"), [("is.useless", "no leave"), ("test.dies", "signal 4")]
)
def test_a_target_that_does_not_work(build: Builder, name: str, reason: str) -> None:
    keys = names(name, "is.useless")
    build.ask(keys)
    build.wait(keys)
    later = names("a.a")
    build.ask(later)
    build.wait(later)
    assert all(reason in build.failures[key] for key in keys + later)
    assert "a.a" not in log(build)


@pytest.mark.parametrize(
    "command",
    [None, ["/no/such"], [sys.executable, "-c", "exit(3)"], [sys.executable, "-c", "exit(0)"]],
)
def test_without_a_child_a_thread_compiles(cache: Cache, command: list[str] | None) -> None:
    made = Builder(cache, command)
    good, bad = (ADDS, TARGET), (kernel("nothing.here"), TARGET)
    made.ask([good, bad])
    made.wait([good, bad])
    assert made.done == {good} and "No module named" in made.failures[bad]
    assert not made.crashed
    loaded = cache.load(*good)
    assert loaded is not None and adds(loaded.address)
    assert until(lambda: not compiler_threads())
    made.ask([(RUNNER, TARGET)])
    made.wait([(RUNNER, TARGET)])
    assert cache.load(RUNNER, TARGET)
    made.close()


def test_which_pythons_have_children(monkeypatch: pytest.MonkeyPatch) -> None:
    assert children.python()
    monkeypatch.setattr(sys, "executable", "/opt/application")
    assert children.python() is None
    monkeypatch.setattr(sys, "executable", "")
    assert children.python() is None


# --- what refuses -------------------------------------------------------------------------------


def test_code_that_may_not_run(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[dict[str, object]] = []
    worker = Worker(cache, lambda **event: events.append(event))
    worker.do(Order(False, 1, RUNNER, TARGET))
    assert [e["event"] for e in events] == ["tests", "begins", "done"]

    class Refusing:
        """A C library that gives no leave to execute."""

        def mmap(self, *arguments: object) -> int:
            return images._FAILED or 0

    monkeypatch.setattr(images, "_system", Refusing)
    library = Library(cache)
    assert library.find([RUNNER], TARGET) == {}
    assert "refuses to map machine code" in library.failures[RUNNER, TARGET]
    events.clear()
    worker = Worker(cache, lambda **event: events.append(event))
    worker.do(Order(False, 2, RUNNER, TARGET))
    assert [e["event"] for e in events] == ["tests", "useless"]
    assert "refuses to map machine code" in str(events[1]["reason"])


def test_sources_that_changed(cache: Cache) -> None:
    events: list[dict[str, object]] = []
    worker = Worker(cache, lambda **event: events.append(event), "another version")
    worker.do(Order(False, 1, RUNNER, TARGET))
    assert "has changed since" in str(events[-1]["reason"])
    assert cache.load(RUNNER, TARGET) is None


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda t: t.name)
def test_the_self_test(cache: Cache, target) -> None:
    assert self_test(target, cache) == ""
    assert self_test(target, cache) == ""  # from the cache


def test_without_numba(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytflite.jit import library as module

    asked = inspect.unwrap(module.missing)
    assert asked() == ""
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "numba" else object()
    )
    monkeypatch.setattr(module, "missing", asked)
    library.request([ADDS], TARGET)
    library.wait([ADDS], TARGET)
    assert "numba is not installed" in library.failures[ADDS, TARGET]
    assert library._builder is None


def test_where_images_cannot_be_mapped(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    from pytflite.jit import library as module

    monkeypatch.setattr(module, "mappable", lambda: False)
    unknown = kernel("nothing.here")
    library.wait([ADDS, unknown], TARGET)
    assert adds(library.find([ADDS], TARGET)[ADDS])
    assert "No module named" in library.failures[unknown, TARGET]
    assert isinstance(library._native, NativeWorker)
    assert not os.listdir(library.cache.directory)


def test_orders_are_lines_of_json() -> None:
    (line,) = children.as_lines({7: (kernel("a.b", rows=14, name="x\ny"), TARGET)}).splitlines()
    assert json.loads(line) == {
        "id": 7, "emitter": "a.b", "settings": [["name", "x\ny"], ["rows", 14]],
        "target": TARGET.name,
    }  # fmt: skip
