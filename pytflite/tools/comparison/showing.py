"""`pytflite compare` on a terminal, as JSON, as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytflite.errors import InputError
from pytflite.model.model import Model
from pytflite.tools.comparison import plot
from pytflite.tools.comparison.comparing import compare
from pytflite.tools.comparison.measures import Comparison, LayerError
from pytflite.tools.comparison.runtimes import ONE_MODEL
from pytflite.tools.running import read_inputs
from pytflite.tools.terminal import console, print_json, shape, table

_NAMES = {"numpy": "pytflite (NumPy)", "jit": "pytflite (compiled)", "litert": "LiteRT"}


def show(
    reference: Path, tested: Path | None, inputs: Sequence[str], *, seed: int | None,
    samples: int | None, runtime: str | None, as_json: bool, picture: Path | None,
) -> None:  # fmt: skip
    """Compares and prints."""
    if inputs and seed is not None:
        raise InputError("inputs are given or random, not both", code="input.count",
                         hint="leave out --random, or --input")  # fmt: skip
    with Model.open(reference) as left:
        found = compare(
            left, tested, inputs=read_inputs(left, inputs, None, None) if inputs else None,
            seed=seed or 0, samples=samples, runtime=runtime or "numpy",
        )  # fmt: skip
    title = _title(reference, tested, runtime)
    if picture is not None:
        plot.save(found, picture, title)
    if as_json:
        print_json(_facts(found, reference, tested, runtime))
        return
    console.print(title, style="bold")
    _show_layers(found)
    for line in plot.summary(found):
        style = "bold red" if line.startswith("Goes wrong") else None
        console.print(line, style=style, soft_wrap=True)
    if picture is not None:
        console.print(f"picture written to {picture}", style="dim")


def _title(reference: Path, tested: Path | None, runtime: str | None) -> str:
    if tested is None:
        held_to, on = ONE_MODEL.get(runtime or "", ("numpy", "numpy"))
        return f"{reference.name} on {_NAMES[on]}, held to {_NAMES[held_to]}"
    on = "" if runtime in (None, "numpy") else f", both on {_NAMES[runtime]}"
    return f"{tested.name} held to {reference.name}{on}"


def _facts(
    found: Comparison, reference: Path, tested: Path | None, runtime: str | None
) -> dict[str, Any]:
    """Plain values; null stands for an infinite number of decibels (equal values)."""
    keys = ("greatest_error", "worst_drop", "first_wrong")
    return {
        "reference": str(reference),
        "tested": None if tested is None else str(tested),
        "runtime": runtime or "numpy",
        **{key: _plain(getattr(found, key)) for key in keys},
        "layers": [_plain(row) for row in found],
        "unmatched": found.unmatched,
        "missing": found.missing,
    }


def _plain(row: LayerError | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row._asdict().items()
    }


def _show_layers(found: Comparison) -> None:
    numbers = ("#", "SQNR dB", "input", "drop", "cosine", "greatest error", "saturated")
    rows = table("", "#", "operator", "output", "type", "shape", *numbers[1:], right=numbers)
    wrong, greatest = found.first_wrong, found.greatest_error
    for row in found:
        style = "bold red" if row == wrong else "yellow" if row == greatest else None
        rows.add_row(
            "" if row.position < 0 else str(row.position), row.operator, plot.tail(row.output),
            row.dtype, shape(row.shape), _number(row.sqnr), _number(row.input_sqnr),
            f"{row.drop:.1f}", f"{row.cosine:.5f}", f"{row.max_error:.3g}",
            plot.percent(row.saturated), style=style,
        )  # fmt: skip
    console.print(rows)


def _number(value: float) -> str:
    return plot.decibels(value).removesuffix(" dB")
