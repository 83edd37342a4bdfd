"""Times the runtimes on one model, interleaved, in a process of its own.

    python -m benchmarks.speed MODEL.tflite THREADS SECONDS

prints JSON: median milliseconds of each runtime, and how far results are from LiteRT's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import numpy as np

from benchmarks.runtimes import RELAXED, RUNTIMES, Ready, reference
from pytflite import load_model
from pytflite.jit.backend import working_target
from pytflite.tools.sampling import random_inputs

_BLOCK = 0.01  # seconds for which a runtime runs before the next one does
_REST = 0.002  # between blocks, for threads that wait busily to fall asleep
_SLOW = 0.1  # of the time, for NumPy's kernels, which nobody waits for


def measure(path: Path, threads: int, seconds: float) -> dict[str, Any]:
    """Medians in milliseconds, and differences, of one model."""
    target, _ = working_target()
    wanted = RUNTIMES | (RELAXED if target is not None and target.name == "amx" else {})
    arrays = random_inputs(load_model(path), 0)
    ready, failures = {}, {}
    for name, runtime in wanted.items():
        try:
            ready[name] = runtime(path, arrays, threads)
            ready[name].invoke()
        except Exception as error:
            failures[name] = str(error).strip().split("\n")[0][:100]
    times = interleaved(ready, threads, seconds)
    return {
        "milliseconds": {name: 1e3 * median(taken) for name, taken in times.items()},
        "best": {name: 1e3 * min(taken) for name, taken in times.items()},
        "failures": failures,
        "against_litert": difference(ready, "LiteRT"),
        "against_reference": _against_reference(path, ready),
    }


def interleaved(ready: dict[str, Ready], threads: int, seconds: float) -> dict[str, list[float]]:
    """Seconds of single invocations, runtime after runtime, block after block."""
    times: dict[str, list[float]] = {name: [] for name in ready}
    spent = dict.fromkeys(ready, 0.0)
    deadline = perf_counter() + seconds * len(ready)
    while perf_counter() < deadline or any(len(taken) < 3 for taken in times.values()):
        for name, model in ready.items():
            if "numpy" in name and len(times[name]) >= 3 and spent[name] > _SLOW * seconds:
                continue
            if threads > 1:
                sleep(_REST)
            model.invoke()  # brings the caches back, and the threads
            begun = perf_counter()
            while True:
                start = perf_counter()
                model.invoke()
                end = perf_counter()
                times[name].append(end - start)
                if end - begun > _BLOCK:
                    break
            spent[name] += end - begun
    return times


def difference(ready: dict[str, Ready], other: str) -> float | None:
    """Greatest difference of our outputs from another's: of floats relative to the greatest."""
    if "pytflite" not in ready or other not in ready:
        return None
    return _greatest(ready["pytflite"].outputs(), ready[other].outputs())


def _greatest(ours: Sequence[Any], theirs: Sequence[Any]) -> float:
    worst = 0.0
    for a, b in zip(ours, theirs, strict=True):
        scale = max(float(np.abs(b).max()), 1e-30) if b.dtype.kind == "f" else 1.0
        worst = max(worst, float(np.abs(a.astype(np.float64) - b).max()) / scale)
    return worst


def _against_reference(path: Path, ready: dict[str, Ready]) -> float | None:
    """The same against LiteRT's reference kernels, some of which end their process."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "outputs.npz")
        command = [sys.executable, "-m", "benchmarks.speed", "--reference", str(path), str(file)]
        done = subprocess.run(command, capture_output=True)
        if done.returncode or "pytflite" not in ready:
            return None
        with np.load(file) as outputs:
            return _greatest(ready["pytflite"].outputs(), list(outputs.values()))


def _write_reference(path: Path, file: Path) -> None:
    right = reference(path, random_inputs(load_model(path), 0), 1)
    right.invoke()
    np.savez(file, *right.outputs())


def main() -> None:
    """Measures and prints."""
    warnings.simplefilter("ignore")
    if sys.argv[1] == "--reference":
        _write_reference(*map(Path, sys.argv[2:]))
        return
    path, threads, seconds = sys.argv[1:]
    print(json.dumps(measure(Path(path), int(threads), float(seconds))))


if __name__ == "__main__":
    main()
