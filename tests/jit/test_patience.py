"""The first runs of a process are let alone; then it compiles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pytflite.jit import patience
from pytflite.jit.patience import RUNS, SECONDS, Patience

PROGRAM = """
import sys, time
import numpy as np
import pytflite
from pytflite.tools.doodle import model_path

interpreter = pytflite.Interpreter(model_path("int8"))
x = np.zeros((28, 28, 1), np.float32)
first = interpreter.run(x)
for _ in range({runs} - 2):
    interpreter.run(x)
assert "pytflite.jit.asked" not in sys.modules and "pytflite.jit.builder" not in sys.modules
(reason,) = {{row.reason for row in interpreter.backend_report()}}
assert reason == "its kernel is not compiled yet"
interpreter.run(x)
assert "pytflite.jit.builder" in sys.modules
end = time.monotonic() + 300
while {{row.backend for row in interpreter.backend_report()}} != {{"jit"}}:
    assert time.monotonic() < end
    interpreter.run(x)
    time.sleep(0.05)
assert np.array_equal(interpreter.run(x), first)
print("compiled")
"""


def test_runs_and_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(patience.time, "monotonic", lambda: now)
    counted = Patience()
    assert [counted.is_over() for _ in range(RUNS + 2)] == [False] * (RUNS - 1) + [True] * 3
    timed = Patience()
    assert not timed.is_over()
    now += SECONDS / 2
    assert not timed.is_over()
    now += SECONDS / 2
    assert timed.is_over()


def test_a_process_with_an_empty_cache(tmp_path: Path) -> None:
    """NumPy answers, nothing is lowered, and no compiler runs, until the first runs are over."""
    environment = {"PYTFLITE_CACHE_DIR": str(tmp_path), "PATH": "", "PYTFLITE_BACKEND": "auto"}
    program = PROGRAM.format(runs=RUNS)
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=root, capture_output=True, text=True,
        check=False, timeout=600,
    )  # fmt: skip
    assert done.stdout == "compiled\n", done.stderr
