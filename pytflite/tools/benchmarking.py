"""`pytflite benchmark`: how long a model takes, whole and operator by operator."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from statistics import mean, median, stdev
from time import perf_counter
from typing import Any

from rich.progress import track

from pytflite.plan.plan import Plan
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
    roofline: bool = False, progress: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Times, in seconds: opening, the first run (planning included), later runs; and the rows of
    the profile. `roofline`: of compiled kernels, with the share of the machine's peak."""
    start = perf_counter()
    interpreter = Interpreter(path, num_threads=threads, wait=True if roofline else None)
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
    operators = []
    if profile:
        operators = [row._asdict() for row in interpreter.profile(*given, runs=min(runs, 10))]
    return {
        **(_held_to_the_roof(plan, operators) if roofline else {}),
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
        "operators": operators,
    }


def _held_to_the_roof(plan: Plan, operators: list[dict[str, Any]]) -> dict[str, Any]:
    """Gives each operator its share of the peak ("peak"); the machine's roof, or none."""
    from pytflite.tools.roofline import kind_of, measure_roof

    roof = measure_roof()
    if roof is None:
        return {"roof": None}
    kinds = {step.node.index: kind_of(step) for step in plan.steps}
    for o in operators:
        least = roof.least_time(kinds.get(o["position"], "float32"), o["macs"], o["bytes"])
        o["peak"] = least / o["seconds"] if o["seconds"] else 0.0
    return {"roof": {"macs": roof.macs, "bandwidth": dict(roof.bandwidth)}}


def show(
    path: Path, *, runs: int, warmup: int, seconds: float, threads: int | None, profile: bool,
    roofline: bool, as_json: bool,
) -> None:  # fmt: skip
    """Measures and prints."""
    found = measure(
        path, runs=runs, warmup=warmup, seconds=seconds, threads=threads, profile=profile,
        roofline=roofline, progress=not as_json and console.is_terminal,
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
    if roofline:
        _show_roof(found["roof"])
    if profile:
        _show_operators(found["operators"])
        _show_kinds(found["operators"])


def _show_roof(roof: dict[str, Any] | None) -> None:
    if roof is None:
        console.print("no compiled kernels here, so nothing is known of the machine's peak")
        return
    speeds = ", ".join(f"{quantity(v)}/s of {kind}" for kind, v in roof["macs"].items())
    copies = ", ".join(f"{size(int(v))}/s in {size(n)}" for n, v in roof["bandwidth"].items())
    console.print(f"at most {speeds} multiply-accumulates; copies: {copies}")


def _show_operators(operators: list[dict[str, Any]]) -> None:
    peak = ["peak"] if any("peak" in o for o in operators) else []
    numbers = ("#", "time", "share", "sum", "MACs", "bytes", *peak)
    rows = table("Operators in order", "#", "operator", "time", "share", "sum", "MACs", "bytes",
                 *peak, "backend", "output", right=numbers)  # fmt: skip
    total = sum(o["seconds"] for o in operators) or 1.0
    passed = 0.0
    for o in operators:
        passed += o["seconds"]
        rows.add_row(
            str(o["position"]), o["operator"], duration(o["seconds"]),
            f"{100 * o['seconds'] / total:.1f} %", f"{100 * passed / total:.1f} %",
            quantity(o["macs"]) if o["macs"] else "", size(o["bytes"]),
            *([f"{100 * o['peak']:.0f} %"] if peak else []), o["backend"], short(o["output"]),
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
