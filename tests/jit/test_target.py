"""Which target a CPU gets, and how a lower one is forced."""

from __future__ import annotations

import ctypes
import inspect
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.errors import InputError
from pytflite.jit import target
from pytflite.jit.compiling import assembly
from pytflite.jit.kernel import kernel
from pytflite.jit.target import BY_NAME, TARGETS, Target, host_target
from pytflite.tools.doodle import model_path
from tests.jit.native import NATIVE

AMX, VBMI = BY_NAME["amx"], BY_NAME["avx512vbmi"]


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("PYTFLITE_CPU", raising=False)
    target.is_permitted.cache_clear()
    yield
    target.is_permitted.cache_clear()


class System:
    """A C library whose system calls all give the same answer."""

    def __init__(self, answer: int | None) -> None:
        self.answer = answer
        self.asked: list[tuple[int, ...]] = []

    def __call__(self, name: Any) -> System:
        if self.answer is None:
            raise OSError("there is no C library")
        return self

    def syscall(self, *words: int) -> int:
        assert self.answer is not None
        self.asked.append(words)
        return self.answer


def on_cpu(monkeypatch: pytest.MonkeyPatch, of: Target, system: System) -> Target | None:
    """The target of a process on a CPU that has just what a row needs."""
    monkeypatch.setattr(target, "architecture", lambda: of.architecture)
    monkeypatch.setattr(target, "cpu_features", lambda: of.needs)
    monkeypatch.setattr(ctypes, "CDLL", system)
    return host_target()


@pytest.mark.parametrize(("answer", "best"), [(0, AMX), (-1, VBMI), (None, VBMI)])
def test_amx_is_used_with_permission_only(
    monkeypatch: pytest.MonkeyPatch, answer: int | None, best: Target
) -> None:
    system = System(answer)
    assert on_cpu(monkeypatch, AMX, system) is best
    assert system.asked == ([] if answer is None else [(158, 0x1023, 18)])
    monkeypatch.setenv("PYTFLITE_CPU", "amx")
    if best is AMX:
        assert host_target() is AMX
    else:
        with pytest.raises(InputError, match="PYTFLITE_CPU"):
            host_target()


@pytest.mark.parametrize("row", TARGETS, ids=lambda t: t.name)
def test_a_cpu_gets_the_best_row_and_may_be_forced_down(
    monkeypatch: pytest.MonkeyPatch, row: Target
) -> None:
    system = System(0)
    assert on_cpu(monkeypatch, row, system) is row
    assert bool(system.asked) == (row.dot == "amx")
    for other in TARGETS:
        monkeypatch.setenv("PYTFLITE_CPU", other.name)
        if other.architecture == row.architecture and other.needs <= row.needs:
            assert host_target() is other
        else:
            with pytest.raises(InputError):
                host_target()


class Apple:
    """A C library whose system tells of features; of those that it does not know, nothing."""

    def __init__(self, known: dict[str, int]) -> None:
        self.known = known

    def __call__(self, name: Any) -> Apple:
        return self

    def sysctlbyname(self, name: bytes, answer: Any, size: Any, new: Any, length: Any) -> int:
        assert size._obj.value == ctypes.sizeof(answer._obj)
        if name.decode() not in self.known:
            return -1
        answer._obj.value = self.known[name.decode()]
        return 0


@pytest.mark.parametrize(
    ("known", "best"),
    [({}, "neon"), ({"DotProd": 1}, "dotprod"), ({"DotProd": 1, "I8MM": 0}, "dotprod"),
     ({"DotProd": 1, "I8MM": 1}, "i8mm")],
)  # fmt: skip
def test_what_macos_tells(
    monkeypatch: pytest.MonkeyPatch, known: dict[str, int], best: str
) -> None:
    system = Apple({f"hw.optional.arm.FEAT_{name}": value for name, value in known.items()})
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(target, "architecture", lambda: "aarch64")
    monkeypatch.setattr(target, "cpu_features", inspect.unwrap(target.cpu_features))
    monkeypatch.setattr(ctypes, "CDLL", system)
    assert host_target() is BY_NAME[best]


_PROGRAM = """
import sys
import numpy as np
import pytflite
from pytflite.jit.target import host_target
interpreter = pytflite.Interpreter(sys.argv[1], backend="jit", wait=True)
x = np.zeros(interpreter.get_input_details()[0]["shape"], np.float32)
print(host_target().name, interpreter.backend, *interpreter.run(x)[0].argsort())
"""


@pytest.mark.parametrize("row", NATIVE, ids=lambda t: t.name)
def test_every_row_runs_models_in_a_process(row: Target, tmp_path: Path) -> None:
    model = str(model_path("float32"))
    known = {"PYTFLITE_CPU": row.name, "PYTFLITE_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, model],
        env=os.environ | known, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    interpreter = pytflite.Interpreter(model, backend="numpy")
    x = np.zeros(interpreter.get_input_details()[0]["shape"], np.float32)
    order = interpreter.run(x)[0].argsort()
    assert done.stdout.split() == [row.name, "jit", *map(str, order)]


def test_a_name_that_is_none_is_refused() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(model_path("float32"))],
        env=os.environ | {"PYTFLITE_CPU": "z80"}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode
    assert "InputError: PYTFLITE_CPU names no set of instructions" in done.stderr
    assert all(row.name in done.stderr for row in NATIVE if row is not AMX)


def test_code_for_any_x86() -> None:
    """sse2 is what each x86-64 has: no AVX, no FMA, no SSE4."""
    settings = {"rows": 4, "vectors": 2, "tail": 2, "masked": True, "chains": 1}
    text = assembly(
        kernel("gemm_float32.product", clamp="both", residual="", **settings), BY_NAME["sse2"]
    )
    mnemonics = {line.split()[0] for line in text.splitlines() if line.startswith("\t")}
    assert {"mulps", "addps"} <= mnemonics
    assert not [m for m in mnemonics if m.startswith(("v", "pmovsx", "pblend", "dpps", "round"))]


@pytest.mark.parametrize(
    ("rows", "vectors", "share"), [(6, 4, 0.65), (8, 3, 0.65), (12, 2, 0.65), (24, 1, 0.55)]
)
def test_the_loop_of_i8mm_multiplies(rows: int, vectors: int, share: float) -> None:
    """Most of its instructions are smmla, and all of its sums are in registers."""
    made = kernel(
        "gemm_int8.product", rows=rows, vectors=vectors, tail=vectors, masked=False, chains=1,
        x="int8", rounding="fixed", signed=True, output="int8",
    )  # fmt: skip
    text = assembly(made, BY_NAME["i8mm"])
    lines = [line for line in text.splitlines() if not line.startswith(("\t//", "\t."))]
    first = next(n for n, line in enumerate(lines) if "smmla" in line)
    end = next(n for n in range(first, len(lines)) if lines[n].startswith("\tb."))
    begin = max(n for n in range(first) if lines[n].startswith("."))
    loop = [line.split("\t")[1:] for line in lines[begin + 1 : end + 1]]
    assert loop[-1][1] == lines[begin].split(":")[0]
    multiplied = sum(code[0] == "smmla" for code in loop)
    assert multiplied == rows * vectors * 2 and multiplied >= share * len(loop)
    assert not [code for code in loop if "[sp" in code[-1]]
