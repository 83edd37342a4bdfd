"""docs/performance.md and its picture, from what was measured."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pytflite.jit.backend import working_target

_PEERS = ("LiteRT", "OpenVINO f32", "OpenVINO")
_RELAXED = (("pytflite high", "LiteRT"), ("pytflite medium", "OpenVINO"))
_PACKAGES = ("pytflite", "numpy", "llvmlite", "ai-edge-litert", "openvino")

_HEAD = """# Performance

pytflite beside LiteRT (with XNNPACK, as shipped) and OpenVINO, on models with random weights.
Written by `make benchmark` (benchmarks/), on {date}.

{machine}

A ratio is the other runtime's time divided by pytflite's: above 1, pytflite is faster. Times are
medians of single invocations with the inputs set and kernels compiled; the runtimes take turns in
one process. "OpenVINO f32" computes in float32 (`INFERENCE_PRECISION_HINT=f32`); "OpenVINO" is its
default, which may be bfloat16 where the CPU has it.
"""


def write(results: dict[str, dict[str, Any]], folder: Path) -> None:
    """Writes performance.md, and the picture if Matplotlib is there."""
    speed = {k: v for k, v in results.get("speed", {}).items() if "milliseconds" in v}
    threads = sorted({label.split()[2] for label in speed})
    parts = [_HEAD.format(date=time.strftime("%Y-%m-%d"), machine=_machine())]
    if speed:
        parts.append("![Ratios](pictures/performance.png)\n")
        picture(speed, folder / "pictures" / "performance.png")
    for count in threads:
        chosen = {k: v for k, v in speed.items() if k.split()[2] == count}
        parts.append(f"## Time of one run, {'one thread' if count == '1' else f'{count} threads'}")
        parts += [_speed_table(chosen), _means(chosen)]
    if "start" in results:
        parts += [_START, _start_table(results["start"])]
    if "calls" in results:
        parts += [_CALLS, _calls_table(results["calls"])]
    failures = _failures(results.get("speed", {}))
    if failures:
        parts.append("## What did not run\n\n" + failures)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "performance.md").write_text("\n".join(parts))


_START = """## Start and memory

From the start of a process to its first answer and to its tenth, model in the page cache, one
thread; best of several processes. "Cold" has an empty cache of compiled kernels. Memory is the peak
of what is resident, libraries included.
"""
_CALLS = """## Calls of small models

Microseconds of `set_tensor` + `invoke` + `get_tensor`, of `invoke` alone, and of `run()`; best of
many, one thread.
"""


def _machine() -> str:
    target, _ = working_target()
    instructions = target.name if target is not None else "none"
    packages = ", ".join(f"{name} {_version(name)}" for name in _PACKAGES)
    return (
        f"{_cpu()}; kernels for {instructions}; {platform.system()}, "
        f"Python {platform.python_version()}; {packages}.{_load()}"
    )


def _load() -> str:
    """What else the machine was doing, if it was much."""
    try:
        load = os.getloadavg()[2]
    except (AttributeError, OSError):
        return ""
    if load < 1.5:
        return ""
    return (
        f" The machine was busy with other work: its load was {load:.1f}, on {os.cpu_count()} CPUs."
    )


def _cpu() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(in place)" if package == "pytflite" else "(none)"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def ratio(found: dict[str, Any], other: str, ours: str = "pytflite") -> float | None:
    """Another's time by ours, where both ran."""
    times = found["milliseconds"]
    return times[other] / times[ours] if other in times and ours in times else None


def _speed_table(speed: dict[str, Any]) -> str:
    relaxed = [
        pair for pair in _RELAXED if any(pair[0] in v["milliseconds"] for v in speed.values())
    ]
    head = ["model", "ms", *_PEERS, "NumPy", *(f"{a[9:]} / {b}" for a, b in relaxed),
            "difference from LiteRT", "from its reference"]  # fmt: skip
    rows = []
    for label, found in speed.items():
        name, precision, _ = label.split()
        ratios = [_times(ratio(found, peer)) for peer in (*_PEERS, "pytflite numpy")]
        more = [_times(ratio(found, other, ours)) for ours, other in relaxed]
        own = found["milliseconds"].get("pytflite")
        rows.append([
            f"{name} {precision}", "" if own is None else f"{own:.3g}", *ratios, *more,
            _small(found["against_litert"]), _small(found["against_reference"]),
        ])  # fmt: skip
    return _table(head, rows)


def _means(speed: dict[str, Any]) -> str:
    rows = []
    for precision in dict.fromkeys(label.split()[1] for label in speed):
        row = [precision]
        for peer in _PEERS:
            found = [ratio(v, peer) for k, v in speed.items() if k.split()[1] == precision]
            known = [r for r in found if r is not None]
            mean = math.exp(sum(map(math.log, known)) / len(known)) if known else None
            row.append("" if mean is None else f"{mean:.2f} (least {min(known):.2f})")
        rows.append(row)
    return _table(["geometric mean", *_PEERS], rows)


def _start_table(start: dict[str, Any]) -> str:
    head = ["model", "runtime", "first answer, ms", "tenth, ms", "memory, MB"]
    rows = [
        [
            label,
            name,
            f"{1e3 * f['first']:.0f}",
            f"{1e3 * f['tenth']:.0f}",
            f"{f['peak'] / 1e6:.0f}",
        ]
        for label, found in start.items()
        for name, f in found.items()
    ]
    return _table(head, rows)


def _calls_table(calls: dict[str, Any]) -> str:
    known = {label: found for label, found in calls.items() if "error" not in found}
    head = ["model", *next(iter(known.values()), {})]
    return _table(head, [[k, *(f"{us:.1f}" for us in v.values())] for k, v in known.items()])


def _failures(speed: dict[str, Any]) -> str:
    lines = [f"* {k}: {v['error']}" for k, v in speed.items() if "error" in v]
    lines += [
        f"* {label}, {name}: {why}"
        for label, found in speed.items()
        for name, why in found.get("failures", {}).items()
    ]
    return "\n".join(lines) + "\n" if lines else ""


def _times(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def _small(value: float | None) -> str:
    return "" if value is None else "0" if value == 0 else f"{value:.1g}"


def picture(speed: dict[str, Any], path: Path) -> None:
    """Bars: how many times as fast as LiteRT and OpenVINO, one thread."""
    try:
        import matplotlib
    except ImportError:
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = {k: v for k, v in speed.items() if k.endswith(" 1")} or speed
    labels = [k.rsplit(" ", 1)[0].replace("_", " ") for k in shown]
    figure, axes = pyplot.subplots(figsize=(8, 0.8 + 0.2 * len(shown)))
    for n, (peer, colour) in enumerate(zip(_PEERS[:2], ("#4c78a8", "#f58518"), strict=True)):
        places = [y + 0.4 * n - 0.2 for y in range(len(shown))]
        axes.barh(
            places, [ratio(v, peer) or 0 for v in shown.values()], 0.38, color=colour, label=peer
        )
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_yticks(range(len(shown)), labels, fontsize=7)
    axes.invert_yaxis()
    axes.set_xlabel("time of the other / time of pytflite, one thread")
    axes.legend(fontsize=7)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
