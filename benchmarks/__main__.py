"""`make benchmark`: makes the models, measures, and writes docs/performance.md with its picture.

Every model is measured in a process of its own, in which the runtimes take turns. Figures are kept
in the folder of the models (results.json), so that a part can be measured again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.models import NAMES, PRECISIONS, file_of
from benchmarks.report import write
from benchmarks.starting import starts

ROOT = Path(__file__).resolve().parent.parent
_STARTS = ("mobilenet_v1", "mobilenet_v2", "resnet_50")
_CALLS = (("keyword_spotting", "int8"), ("keyword_spotting", "float32"),
          ("doodle", "int8"), ("doodle", "float32"))  # fmt: skip

Results = dict[str, dict[str, Any]]  # of a kind: by "model precision" and whatever varies


@click.command(help=__doc__)
@click.option("--models", default=",".join(("doodle", *NAMES)), help="Which, by commas.")
@click.option("--precision", default=",".join(PRECISIONS), help="Which, by commas.")
@click.option("--threads", default="1,2", help="How many, by commas.")
@click.option("--target", help="Instructions to do with, as PYTFLITE_CPU has it: avx512vnni, avx2")
@click.option("--seconds", default=2.0, help="For each runtime on each model.")
@click.option("--quick", is_flag=True, help="A tenth of that, for a first look.")
@click.option("--only", default="speed,start,calls", help="Which measurements, by commas.")
@click.option("--folder", default=ROOT / "build" / "benchmarks", type=Path, help="Of the models.")
@click.option("--output", default=ROOT / "docs", type=Path, help="Where performance.md goes.")
@click.option("--tensorflow", default=sys.executable, help="A Python that has TensorFlow.")
def main(
    models: str, precision: str, threads: str, target: str | None, seconds: float, quick: bool,
    only: str, folder: Path, output: Path, tensorflow: str,
) -> None:  # fmt: skip
    """Measures what was asked for, and writes the report of all that is known."""
    folder = folder.resolve()
    if target:
        os.environ["PYTFLITE_CPU"] = target
    names, kinds = models.split(","), precision.split(",")
    make_models(tensorflow, folder, [name for name in names if name != "doodle"])
    stored = folder / f"results{'.' + target if target else ''}.json"
    results: Results = json.loads(stored.read_text()) if stored.exists() else {}
    jobs = list(_jobs(names, kinds, threads.split(","), only.split(",")))
    seconds *= 0.1 if quick else 1
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns) as progress:
        task = progress.add_task("", total=len(jobs))
        for kind, name, precision_, threads_ in jobs:
            path = file_of(folder, name, precision_)
            label = f"{name} {precision_} {threads_}".strip()
            progress.update(task, description=f"{kind}: {label}")
            found = _MEASURES[kind](path, threads_, seconds)
            results.setdefault(kind, {})[label] = found
            stored.write_text(json.dumps(results, indent=1))
            progress.advance(task)
    write(results, output)
    click.echo(output / "performance.md")


def _jobs(names: list[str], kinds: list[str], threads: list[str], only: list[str]) -> Any:
    """(measurement, model, precision, threads)"""
    if "calls" in only:
        for name, kind in _CALLS:
            if name in names and kind in kinds:
                yield "calls", name, kind, ""
    if "start" in only:
        for name in _STARTS:
            for kind in ("float32", "int8"):
                if name in names and kind in kinds:
                    yield "start", name, kind, ""
    if "speed" in only:
        for name in names:
            for kind in kinds:
                for count in threads:
                    yield "speed", name, kind, count


def make_models(python: str, folder: Path, names: list[str]) -> None:
    """Has what is missing made by TensorFlow, in a process of its own."""
    missing = [n for n in names if not all(file_of(folder, n, p).exists() for p in PRECISIONS)]
    if missing:
        command = [python, "-m", "benchmarks.models", str(folder), *missing]
        subprocess.run(command, check=True, cwd=ROOT, stderr=subprocess.DEVNULL)


def _child(*arguments: str) -> Any:
    """What a measurement in another process prints."""
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        return {"error": done.stderr.strip().split("\n")[-1][:200]}
    return json.loads(done.stdout.strip().split("\n")[-1])


def _speed(path: Path, threads: str, seconds: float) -> Any:
    return _child("benchmarks.speed", str(path), threads, str(seconds))


def _start(path: Path, threads: str, seconds: float) -> Any:
    times = 5 if seconds > 0.2 else 2
    return {name: found._asdict() for name, found in starts(path, times).items()}


def _calls(path: Path, threads: str, seconds: float) -> Any:
    return _child("benchmarks.overhead", "--json", str(path))


_MEASURES = {"speed": _speed, "start": _start, "calls": _calls}


if __name__ == "__main__":
    main()
