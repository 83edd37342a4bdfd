"""Time from the start of a process to its first answers, and its peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

_CHILD = Path(__file__).with_name("first_answer.py")
_ROOT = Path(__file__).resolve().parent.parent


class Start(NamedTuple):
    """Of the best of several processes.

    Attributes:
        first: seconds from the start of the process to its first answer.
        tenth: to its tenth.
        peak: bytes of resident memory at most.
    """

    first: float
    tenth: float
    peak: int


def _once(runtime: str, path: Path, cold: bool) -> Start:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
        environment = dict(os.environ, PYTHONPATH=str(_ROOT))
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # installed packages are compiled
        if cold:
            environment["PYTFLITE_CACHE_DIR"] = empty
        command = [sys.executable, str(_CHILD), runtime, str(path), "10"]
        begun = time.monotonic()
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, cwd=empty
        )
    first, last, peak = done.stdout.split()
    return Start(float(first) - begun, float(last) - begun, int(peak))


def starts(path: Path, times: int) -> dict[str, Start]:
    """LiteRT, and pytflite with a full cache, with an empty one, and on NumPy. Interleaved."""
    warm = [sys.executable, "-m", "pytflite", "cache", "warm", str(path)]
    subprocess.run(warm, check=True, capture_output=True, cwd=_ROOT)
    path.read_bytes()  # into the page cache
    _once("pytflite", path, cold=False)
    best: dict[str, Start] = {}
    for _ in range(times):
        for name, runtime, cold in (
            ("LiteRT", "litert", False),
            ("pytflite", "pytflite", False),
            ("pytflite cold", "pytflite", True),
            ("pytflite numpy", "numpy", False),
        ):
            found = _once(runtime, path, cold)
            known = best.get(name, found)
            best[name] = Start(*map(min, found, known))
    return best
