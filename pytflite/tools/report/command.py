"""`pytflite report`: writes the page and what else is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytflite.errors import InputError
from pytflite.model.model import Model
from pytflite.tools.report import report
from pytflite.tools.running import read_inputs
from pytflite.tools.terminal import console, size


def write(
    path: Path, output: Path, inputs: Sequence[str], *, seed: int, run: bool,
    compare: Path | None, dot: Path | None, model_explorer: Path | None,
) -> None:  # fmt: skip
    """Makes the report and says where it is."""
    if compare is not None and not run:
        raise InputError("models are compared by running them", code="input.count",
                         hint="leave out --no-run, or --compare")  # fmt: skip
    with Model.open(path) as model:
        values = read_inputs(model, inputs, None, None) if inputs else None
        made = report(model, values, name=path.name, run=run, seed=seed, compare=compare)
    for problem in made.facts["problems"]:
        console.print(problem, style="yellow")
    for line in made.facts.get("compare", {}).get("lines", ()):
        console.print(line, soft_wrap=True)
    for file, text in ((output, made.html), (dot, made.dot), (model_explorer, made.model_explorer)):
        if file is None:
            continue
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"could not write '{file}'", code="input.file", found=error.strerror
            ) from error
        console.print(f"{file}  {size(len(text))}", soft_wrap=True)
