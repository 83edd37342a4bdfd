"""A target that does not work on this machine: the next lower one does what it should have done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba")

import pytflite
from pytflite.jit import backend, target, trial
from pytflite.jit.cache import Cache
from pytflite.jit.kernel import Kernel
from pytflite.jit.library import Library
from pytflite.jit.target import BY_NAME, host_targets
from pytflite.jit.trial import self_test, trials
from pytflite.tools import health, roofline
from pytflite.tools.doodle import model_path
from tests.jit.aarch64 import needs_emulator
from tests.jit.amx import emulate
from tests.jit.native import NATIVE, call

AMX, VBMI = BY_NAME["amx"], BY_NAME["avx512vbmi"]
HOST = [t.name for t in host_targets()]
several = pytest.mark.skipif(len(HOST) < 3, reason="this CPU has too few targets")

# A compiler whose self-test fails for some targets.
COMPILER = """
import os, signal, sys
from pytflite.jit import compiler
real = compiler.self_test
def self_test(target, cache):
    if target.name in {wrong!r}:
        return "a compiled kernel multiplied wrongly"
    if target.name in {deadly!r}:
        os.kill(os.getpid(), signal.SIGILL)
    return real(target, cache)
compiler.self_test = self_test
compiler.main(sys.argv[1], sys.argv[2], "urgent" in sys.argv[3:])
"""

Use = Callable[..., Library]


@pytest.fixture
def use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Use]:
    """Has the compiled backend use a compiler with such self-tests."""
    made: list[Library] = []

    def with_tests(wrong: list[str], deadly: list[str] | None = None) -> Library:
        script = tmp_path / "compiler.py"
        script.write_text(COMPILER.format(wrong=wrong, deadly=deadly or []))
        made.append(Library(Cache(str(tmp_path / "cache")), [sys.executable, str(script)]))
        monkeypatch.setattr(backend, "LIBRARY", made[-1])
        return made[-1]

    yield with_tests
    for library in made:
        if library._builder is not None:
            library._builder.close()


def rows(interpreter: pytflite.Interpreter) -> set[tuple[str, str]]:
    return {(row.backend, row.reason) for row in interpreter.backend_report()}


def right(interpreter: pytflite.Interpreter) -> bool:
    """Whether a doodle is seen as NumPy sees it."""
    x = np.random.default_rng(0).random((28, 28, 1), np.float32)
    want = pytflite.Interpreter(model_path("int8"), backend="numpy").run(x)
    return np.array_equal(interpreter.run(x), want)


@several
@pytest.mark.parametrize("wait", [True, False])
def test_the_next_target_is_taken(use: Use, wait: bool) -> None:
    use(HOST[:1])
    interpreter = pytflite.Interpreter(model_path("int8"), backend="jit", wait=wait)
    if not wait:
        assert right(interpreter)
        assert rows(interpreter) == {("numpy", "its kernel is not compiled yet")}
        interpreter.compile()
    reason = f"{HOST[0]} does not work here: a compiled kernel multiplied wrongly"
    assert rows(interpreter) == {("jit", reason)}
    used = interpreter._engine.backend
    assert isinstance(used, backend.Compiled) and used.target.name == HOST[1]
    assert right(interpreter)
    assert interpreter.trace(np.zeros((28, 28, 1), np.float32))  # has a backend of its own


@several
def test_one_after_the_other(use: Use) -> None:
    use(HOST[1:2], deadly=HOST[:1])
    with pytest.warns(RuntimeWarning, match=r"ended by signal 4; NumPy answers"):
        interpreter = pytflite.Interpreter(model_path("int8"), backend="jit", wait=True)
        ((kind, reason),) = rows(interpreter)
    assert kind == "jit"
    assert f"{HOST[0]} does not work here: the process that tried out" in reason
    assert f"; {HOST[1]} does not work here: a compiled kernel" in reason
    assert right(interpreter)
    other = pytflite.Interpreter(model_path("float32"), backend="jit", wait=True)
    assert rows(other) == {(kind, reason)}


@pytest.mark.skipif(HOST[0] not in ("amx", "avx512vbmi"), reason="AMX's registers are 512 bits")
def test_without_permission(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system is asked before anything is tried out; a lesser target by name is no news."""
    monkeypatch.delenv("PYTFLITE_CPU", raising=False)
    monkeypatch.setattr(target, "cpu_features", lambda: AMX.needs)
    monkeypatch.setattr(target, "is_permitted", lambda of: of is not AMX)
    library = use([])
    interpreter = pytflite.Interpreter(model_path("int8"), backend="jit", wait=True)
    reason = "amx does not work here: the system does not let this process use the registers"
    assert rows(interpreter) == {("jit", reason)}
    assert right(interpreter)
    monkeypatch.setattr("pytflite.jit.library.LIBRARY", library)
    assert health.examine()["why"].startswith(f"{reason}; kernels for avx512vbmi, kept in")
    monkeypatch.setenv("PYTFLITE_CPU", "avx512")
    other = pytflite.Interpreter(model_path("int8"), backend="jit", wait=True)
    assert rows(other) == {("jit", "")}


def test_none_is_left(use: Use) -> None:
    use(HOST)
    interpreter = pytflite.Interpreter(model_path("int8"), backend="jit", wait=True)
    assert rows(interpreter) == {("numpy", "a compiled kernel multiplied wrongly")}
    assert right(interpreter)


def test_what_is_wrong_with_all(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    """One reason, which has nothing to do with targets: none is tried after another."""
    monkeypatch.setattr("pytflite.jit.child.code_version", lambda: "another")
    library = use([])
    interpreter = pytflite.Interpreter(model_path("int8"), backend="jit", wait=True)
    assert rows(interpreter) == {("numpy", "pytflite has changed since this process began")}
    used = interpreter._engine.backend
    assert isinstance(used, backend.Compiled) and used.target.name == HOST[0]
    assert all(map(library.useless, BY_NAME.values()))


@several
def test_the_doctor_says_so(use: Use, monkeypatch: pytest.MonkeyPatch) -> None:
    library = use(HOST[:1])
    monkeypatch.setattr("pytflite.jit.library.LIBRARY", library)
    facts = health.examine()
    assert facts["backend"] == "jit"
    assert f"{HOST[0]} does not work here: a compiled kernel" in facts["why"]
    assert f"; kernels for {HOST[1]}, kept in" in facts["why"]
    monkeypatch.setattr(roofline, "LIBRARY", library)
    monkeypatch.setattr(roofline, "_ROUNDS", 10)
    monkeypatch.setattr(roofline, "_COPIES", (1 << 12,))
    monkeypatch.setattr(roofline, "_TRIES", 1)
    assert roofline.measure_roof()


# --- the self-test itself -----------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(str(tmp_path / "cache"))


@pytest.mark.skipif(VBMI not in NATIVE, reason="tiles in software need AVX-512")
def test_tiles_are_tried_out(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    if AMX not in NATIVE:
        emulate(monkeypatch)
        monkeypatch.setattr(trial, "is_permitted", lambda target: True)
    assert self_test(AMX, cache) == ""


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.skipif(VBMI not in NATIVE, reason="tiles in software need AVX-512")
def test_wrong_results_are_seen(cache: Cache, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    if AMX not in NATIVE:
        emulate(monkeypatch)
        monkeypatch.setattr(trial, "is_permitted", lambda target: True)
    made = trials(AMX)
    made[number].wanted[-1] += 1
    monkeypatch.setattr(trial, "trials", lambda target: made)
    wrong = ("added", "multiplied", "multiplied tiles")[number]
    assert self_test(AMX, cache) == f"a compiled kernel {wrong} wrongly"


def test_no_permission(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any instruction is tried out."""
    monkeypatch.setattr(trial, "is_permitted", lambda target: False)
    assert "does not let this process use the registers" in self_test(AMX, cache)
    monkeypatch.undo()
    assert target.is_permitted(VBMI)


@needs_emulator
@pytest.mark.parametrize("name", ["neon", "dotprod", "i8mm"])
def test_trials_on_aarch64(name: str) -> None:
    for each in trials(BY_NAME[name]):
        assert isinstance(each.kernel, Kernel)
        call(each.kernel, *each.arrays, target=BY_NAME[name])
        np.testing.assert_array_equal(each.arrays[-1], each.wanted)
