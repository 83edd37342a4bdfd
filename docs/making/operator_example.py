"""An operator's example as a program that can be copied, and what it prints."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from pprint import pformat
from typing import Any, NamedTuple

import numpy as np

from docs.making.inputs import INPUTS
from docs.making.operator_picture import outputs_of
from pytflite.errors import TFLiteError
from pytflite.model.dtypes import from_numpy
from pytflite.ops.operator import Definition, Example
from pytflite.ops.registry import BUILTINS
from pytflite.runtime.interpreter import Interpreter
from pytflite.tools.building import array_of, call, model_of_one

# Programs for operators whose meaning needs more than one operator: subgraphs, state.
PROGRAMS = Path(__file__).parent / "programs"
_SHARED = {
    "variables": ("VAR_HANDLE", "ASSIGN_VARIABLE", "READ_VARIABLE", "CALL_ONCE"),
    "hashtable": ("HASHTABLE", "HASHTABLE_IMPORT", "HASHTABLE_FIND", "HASHTABLE_SIZE"),
    "tensor_list": (
        "TensorListReserve", "EmptyTensorList", "TensorListResize", "TensorListFromTensor",
        "TensorListSetItem", "TensorListPushBack", "TensorListGetItem", "TensorListPopBack",
        "TensorListStack", "TensorListLength", "TensorListElementShape", "VariantAddN",
        "VariantZerosLike",
    ),
}  # fmt: skip
_TRIES: tuple[tuple[Any, ...], ...] = (
    ([[0.25, 0.5], [-0.5, 2.0]],),
    ([[0.25, 0.5], [-0.5, 2.0]], [[1.0, 2.0], [3.0, 4.0]]),
    (np.array([[1, 2], [3, 4]], np.int32),),
    (np.array([[6, 7], [8, 9]], np.int32), np.array([[1, 2], [3, 2]], np.int32)),
    (np.array([1 + 2j, 3 - 1j], np.complex64),),
)


class Shown(NamedTuple):
    """An example that runs: how it is called, the call as text, what it gives."""

    inputs: Sequence[Any]
    run: Callable[..., Any]
    text: str
    outputs: list[np.ndarray]


def examples_of(definition: Definition) -> list[Shown]:
    """The operator's own examples; without any, those of its builtin twin, or given inputs."""
    if definition.examples:
        return [_shown(definition, e, *_keywords(definition, e)) for e in definition.examples]
    if definition.name in INPUTS:
        inputs, keywords = INPUTS[definition.name]
        told = {key: value for key, value in keywords.items() if key == "outputs"}
        options = {key: value for key, value in keywords.items() if key != "outputs"}
        return [_shown(definition, Example(inputs, (), options), told)]
    for inputs, told in (*_of_twin(definition.name), *((i, {}) for i in _TRIES)):
        try:
            outputs = outputs_of(call(definition.name, *inputs, **told))
        except TFLiteError:
            continue
        if all(y.dtype.kind not in "fc" or np.isfinite(y).all() for y in outputs):
            return [_shown(definition, Example(inputs, outputs), told)]
    return []


def _of_twin(name: str) -> Iterator[tuple[Sequence[Any], dict[str, Any]]]:
    """Inputs of the builtin operator that computes what a FlexX does, where both agree on them."""
    if not name.startswith("Flex"):
        return
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name[4:]).upper()
    names = (words, words.removesuffix("_V2"), f"REDUCE_{words}")
    twin = next((BUILTINS[n] for n in names if n in BUILTINS), None)
    for example in twin.examples if twin is not None else ():
        if any(example.quantization):
            continue
        wanted = [array_of(y) for y in example.outputs]
        told = {"outputs": tuple(from_numpy(y.dtype).name for y in wanted)}
        try:
            got = outputs_of(call(name, *example.inputs, **told))
        except TFLiteError:
            continue
        if all(np.array_equal(x, y) for x, y in zip(got, wanted, strict=True)):
            yield example.inputs, told


def program_of(name: str) -> str | None:
    """A program written for an operator, if there is one."""
    shared = (program for program, names in _SHARED.items() if name in names)
    path = PROGRAMS / f"{next(shared, name.lower())}.py"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def _keywords(definition: Definition, example: Example) -> tuple[dict[str, Any]]:
    """What `call` has to be told beside the options: as little as will do."""
    told: dict[str, Any] = {}
    if any(example.quantization):
        told["quantization"] = tuple(example.quantization)
    if example.variables:
        told["variables"] = tuple(example.variables)
    wanted = [array_of(y) for y in example.outputs]
    types = tuple(from_numpy(y.dtype).name for y in wanted)
    for more in ({}, {"outputs": types}):
        try:
            got = outputs_of(call(definition.name, *example.inputs, **told, **more,
                                  **example.options))  # fmt: skip
        except TFLiteError:
            continue
        if [y.dtype for y in got] == [y.dtype for y in wanted]:
            return ({**told, **more},)
    return ({**told, "outputs": types, "shapes": tuple(y.shape for y in wanted)},)


def _shown(definition: Definition, example: Example, told: dict[str, Any]) -> Shown:
    name, options = definition.name, {**told, **example.options}

    kept: dict[Any, Interpreter] = {}

    def run(*inputs: Any) -> Any:
        """`call`, but that the model is made once for inputs of the same kind."""
        arrays = [None if x is None else array_of(x) for x in inputs]
        kind = tuple(None if x is None else (x.shape, x.dtype) for x in arrays)
        if kind not in kept or told.get("variables") or not definition.pure:
            kept[kind] = Interpreter(
                model_of_one(
                    name, inputs, told.get("outputs", ()), told.get("shapes", ()),
                    told.get("quantization", ()), told.get("variables", ()), example.options,
                ),
                backend="numpy",
            )  # fmt: skip
        variables = told.get("variables", ())
        given = [x for n, x in enumerate(arrays) if x is not None and n not in variables]
        return kept[kind].run(*given, dequantize=False)

    arguments = [_source(x) for x in example.inputs]
    arguments += [f"{key}={value!r}" for key, value in options.items()]
    line = f'call("{name}", {", ".join(arguments)})'
    if len(line) > 88 or "\n" in line:
        inner = "".join(f"    {a.replace(chr(10), chr(10) + '    ')},\n" for a in arguments)
        line = f'call(\n    "{name}",\n{inner})'
    return Shown(example.inputs, run, line, outputs_of(run(*example.inputs)))


def _source(value: Any) -> str:
    """An input as an expression."""
    if value is None:
        return "None"
    array = array_of(value)
    plain = array.dtype == np.float32
    numbers = [float(str(v)) for v in array.reshape(-1)] if plain else array.reshape(-1).tolist()
    nested = np.empty(len(numbers), object)
    nested[:] = numbers
    listed = nested.reshape(array.shape).tolist()
    text = pformat(listed, width=76, compact=True)
    if plain and all(np.isfinite(numbers)):
        return text
    text = text.replace("nan", "np.nan").replace("inf", "np.inf")
    return f"np.array({text}, {'object' if array.dtype == object else f'np.{array.dtype.name}'})"
