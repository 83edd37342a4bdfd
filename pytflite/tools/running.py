"""`pytflite run`: one run on files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from pytflite.errors import InputError
from pytflite.model.graph import Array, Tensor
from pytflite.model.model import Model
from pytflite.runtime.feeding import dequantize
from pytflite.runtime.interpreter import Interpreter
from pytflite.runtime.pictures import SUFFIXES, normalization_for, read_picture
from pytflite.tools.sampling import random_inputs
from pytflite.tools.terminal import console, duration, shape, table


def read_inputs(
    model: Model, inputs: Sequence[str], mean: float | None, std: float | None
) -> dict[str, Any]:
    """Values by input name from the --input arguments.

    Raises:
        InputError: a file cannot be read, or there are more files than inputs.
    """
    names = [t.name for t in model.inputs]
    values: dict[str, Any] = {}
    for argument in inputs:
        name, found, file = argument.partition("=")
        if not found or name not in names:
            file = argument
            free = [n for n in names if n not in values]
            if not free:
                raise InputError(
                    "more files than inputs", code="input.count", expected=", ".join(names),
                    found=argument,
                )  # fmt: skip
            name = free[0]
        values |= _read(model, Path(file), name, mean, std)
    return values


def _read(
    model: Model, path: Path, name: str, mean: float | None, std: float | None
) -> dict[str, Any]:
    place = [t.name for t in model.inputs].index(name)
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays = {key: archive[key] for key in archive.files}
            if len(arrays) == 1 and not arrays.keys() & {t.name for t in model.inputs}:
                return {name: next(iter(arrays.values()))}
            return arrays
        if path.suffix == ".npy":
            return {name: np.load(path, allow_pickle=False)}
    except (OSError, ValueError) as error:
        raise InputError(f"could not read '{path}'", code="input.file", found=str(error)) from error
    if path.suffix.lower() in SUFFIXES:
        how = normalization_for(model, place, mean, std)
        if how is not None:
            console.print(
                f"{path}: (pixel - {_numbers(how.mean)}) / {_numbers(how.std)}, {how.source}",
                style="dim",
            )
        return {name: read_picture(path, model.inputs[place], how)}
    raise InputError(
        f"'{path}' is of an unknown kind", code="input.file",
        expected=f".npy, .npz, or a picture ({', '.join(sorted(SUFFIXES))})",
    )  # fmt: skip


def _numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{v:g}" for v in values)


def show(
    path: Path, inputs: Sequence[str], *, seed: int | None, labels: str | None, top: int,
    mean: float | None, std: float | None, output: Path | None,
) -> None:  # fmt: skip
    """Runs the model and prints its outputs."""
    with Interpreter(path) as interpreter:
        model = interpreter.model
        if inputs:
            values = read_inputs(model, inputs, mean, std)
            start = perf_counter()
            got = interpreter.run(**values, dequantize=False)
        elif seed is not None or not model.inputs:
            given = random_inputs(model, seed or 0)
            start = perf_counter()
            got = interpreter.run(*given, dequantize=False)
        else:
            raise InputError(
                "there is nothing to run the model on", code="input.count",
                expected=", ".join(f"{t.name} {t.dtype}[{shape(t.shape)}]" for t in model.inputs),
                hint="--input FILE for each input, or --random SEED",
            )  # fmt: skip
        seconds = perf_counter() - start
        outputs = got if isinstance(got, list) else [got]
        names = _labels(model, labels)
        for tensor, array in zip(model.outputs, outputs, strict=True):
            _show_output(tensor, array, names, top)
        console.print(f"{duration(seconds)}, planning included", style="dim")
        if output is not None:
            np.savez(
                output,
                **{t.name: a.astype("S") if a.dtype == object else a
                   for t, a in zip(model.outputs, outputs, strict=True)},
            )  # fmt: skip
            console.print(f"outputs written to {output}")


def _labels(model: Model, labels: str | None) -> list[str] | None:
    """Names of the classes: from a file, or from the metadata if there are any."""
    if labels:
        try:
            return Path(labels).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise InputError(
                f"could not read '{labels}'", code="input.file", found=error.strerror
            ) from error
    found = model.labels
    if labels == "" and not found:
        raise InputError(
            "the model's metadata have no labels", code="input.labels",
            hint="--labels FILE names a file with a label a line",
        )  # fmt: skip
    return found


def _show_output(tensor: Tensor, array: Array, labels: list[str] | None, top: int) -> None:
    console.print(f"{tensor.name}: {tensor.dtype} {shape(array.shape)}", style="bold")
    if array.dtype == object or not array.size:
        console.print(f"  {array.reshape(-1)[:8].tolist()}")
        return
    real = dequantize(array, tensor) if tensor.is_quantized else array
    if labels and real.size == len(labels):
        rows = table("", "class", "score", right=("score",))
        flat = real.reshape(-1)
        for index in np.argsort(-flat, kind="stable")[:top].tolist():
            rows.add_row(labels[index], f"{float(flat[index]):.4f}")
        console.print(rows)
        return
    if real.dtype.kind in "fiu":
        console.print(f"  from {real.min():.6g} to {real.max():.6g}, mean {real.mean():.6g}")
    first = ", ".join(f"{v:.6g}" if isinstance(v, float) else str(v)
                      for v in real.reshape(-1)[:8].tolist())  # fmt: skip
    console.print(f"  {first}{' ...' if real.size > 8 else ''}")
