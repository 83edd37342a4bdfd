"""`pytflite benchmark`: how long a model takes, whole and operator by operator."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import mean, median, stdev
from time import perf_counter
from typing import Any

from rich.progress import track

from pytflite.runtime.interpreter import Interpreter
from pytflite.tools.sampling import random_inputs
from pytflite.tools.terminal import (
    console,
    duration,
    heading,
    print_json,
    quantity,
    short,
    size,
    table,
)


def measure(
    path: Path, *, runs: int, warmup: int, seconds: float, threads: int | None, profile: bool,
    progress: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Times, in seconds: opening, the first run (planning included), later runs; and the rows of
    the profile."""
    start = perf_counter()
    interpreter = Interpreter(path, num_threads=threads)
    opened = perf_counter() - start
    given = random_inputs(interpreter.model, 0)
    start = perf_counter()
    interpreter.run(*given)
    first = perf_counter() - start
    for _ in range(warmup):
        interpreter.run(*given)
    times: list[float] = []
    deadline = perf_counter() + seconds
    for _ in track(range(runs), "running", disable=not progress, transient=True):
        start = perf_counter()
        interpreter.run(*given)
        times.append(perf_counter() - start)
        if perf_counter() > deadline:
            break
    plan = interpreter.plan()
    return {
        "file": str(path),
        "size": interpreter.model.size,
        "open_seconds": opened,
        "first_seconds": first,
        "runs": len(times),
        "median_seconds": median(times),
        "mean_seconds": mean(times),
        "min_seconds": min(times),
        "max_seconds": max(times),
        "stdev_seconds": stdev(times) if len(times) > 1 else 0.0,
        "macs": plan.cost.macs,
        "arena": plan.arena_bytes,
        "scratch": plan.scratch_bytes,
        "threads": threads,
        "operators": [row._asdict() for row in interpreter.profile(*given, runs=min(runs, 10))]
        if profile
        else [],
    }


def show(
    path: Path, *, runs: int, warmup: int, seconds: float, threads: int | None, profile: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Measures and prints."""
    found = measure(
        path, runs=runs, warmup=warmup, seconds=seconds, threads=threads, profile=profile,
        progress=not as_json and console.is_terminal,
    )  # fmt: skip
    if as_json:
        print_json(found)
        return
    heading(found["file"], f"  {size(found['size'])}")
    console.print(
        f"open {duration(found['open_seconds'])}, first run {duration(found['first_seconds'])}, "
        f"then {found['runs']} runs: median {duration(found['median_seconds'])}, "
        f"from {duration(found['min_seconds'])} to {duration(found['max_seconds'])}"
    )
    rate = found["macs"] / found["median_seconds"] if found["median_seconds"] else 0.0
    console.print(
        f"{quantity(found['macs'])} multiply-accumulates, {quantity(rate)}/s; memory for tensors "
        f"{size(found['arena'])} and {size(found['scratch'])} to work in"
    )
    if profile:
        _show_operators(found["operators"])
        _show_kinds(found["operators"])


def _show_operators(operators: list[dict[str, Any]]) -> None:
    numbers = ("#", "time", "share", "sum", "MACs", "bytes")
    rows = table("Operators in order", "#", "operator", "time", "share", "sum", "MACs", "bytes",
                 "backend", "output", right=numbers)  # fmt: skip
    total = sum(o["seconds"] for o in operators) or 1.0
    passed = 0.0
    for o in operators:
        passed += o["seconds"]
        rows.add_row(
            str(o["position"]), o["operator"], duration(o["seconds"]),
            f"{100 * o['seconds'] / total:.1f} %", f"{100 * passed / total:.1f} %",
            quantity(o["macs"]) if o["macs"] else "", size(o["bytes"]), o["backend"],
            short(o["output"]),
        )  # fmt: skip
    console.print(rows)


def _show_kinds(operators: list[dict[str, Any]]) -> None:
    rows = table("By kind", "operator", "count", "time", "share",
                 right=("count", "time", "share"))  # fmt: skip
    total = sum(o["seconds"] for o in operators) or 1.0
    kinds: dict[str, list[float]] = defaultdict(list)
    for o in operators:
        kinds[o["operator"]].append(o["seconds"])
    for name, times in sorted(kinds.items(), key=lambda item: -sum(item[1])):
        share = 100 * sum(times) / total
        rows.add_row(name, str(len(times)), duration(sum(times)), f"{share:.1f} %")
    console.print(rows)
