"""`pytflite cache`: compiled kernels on disk."""

from __future__ import annotations

import time
from pathlib import Path

from pytflite.interpreter import Interpreter
from pytflite.jit import housekeeping
from pytflite.jit.cache import LIMIT, Cache
from pytflite.tools.terminal import console, duration, print_json, size


def info(*, as_json: bool) -> None:
    """Prints where they are, how many, and how large."""
    cache = Cache()
    content = housekeeping.content(cache.directory)
    if as_json:
        print_json({**content._asdict(), "limit": LIMIT, "temporary": cache.temporary})
        return
    if cache.temporary:
        console.print("no directory can be used: kernels are compiled anew by each process")
        return
    console.print(f"{content.directory}", soft_wrap=True)
    console.print(
        f"{content.files} kernels, {content.current} of them of this version, and "
        f"{content.plans} plans of models: {size(content.size)} of at most {size(LIMIT)}"
    )


def clear() -> None:
    """Removes all of them."""
    console.print(f"{housekeeping.clear(Cache().directory)} kernels removed")


def warm(model: Path, *, precision: str, numerics: str) -> None:
    """Compiles what a model needs; prints how much of it is compiled, and why the rest is not."""
    before, start = _count(), time.perf_counter()
    interpreter = Interpreter(
        model, backend="jit", precision=precision, numerics=numerics, wait=True
    )
    report = interpreter.backend_report()
    took, made = time.perf_counter() - start, _count() - before
    compiled = sum(step.backend == "jit" for step in report)
    console.print(f"{made} kernels compiled in {duration(took)}")
    console.print(f"{compiled} of {len(report)} operators are compiled")
    for reason in dict.fromkeys(s.reason for s in report if s.backend == "jit" and s.reason):
        console.print(f"  {reason}")
    reasons = dict.fromkeys((s.operator, s.reason) for s in report if s.backend != "jit")
    for operator, reason in reasons:
        console.print(f"  {operator}: {reason}")


def _count() -> int:
    """How many kernels there are."""
    return housekeeping.content(Cache().directory).files
