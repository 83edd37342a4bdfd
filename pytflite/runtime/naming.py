"""Which value belongs to which input: by order, by name, or by name in the signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytflite.errors import InputError
from pytflite.model.graph import Array
from pytflite.model.model import Model
from pytflite.runtime.feeding import fit_shape, to_tensor
from pytflite.runtime.values import takes_plainly

Kinds = list[tuple[np.dtype[Any], int]]  # of each input: type, rank


def plain_kinds(model: Model) -> Kinds | None:
    """The kinds of arrays that the inputs take as they are; None if one is of a special type."""
    if not all(takes_plainly(tensor) for tensor in model.inputs):
        return None
    return [(t.dtype.storage, len(t.shape_signature or t.shape)) for t in model.inputs]


def are_plain(inputs: Sequence[Any], kinds: Kinds | None) -> bool:
    """Whether these are arrays of such kinds: there is nothing to be done then."""
    if kinds is None or len(inputs) != len(kinds):
        return False
    for value, (dtype, rank) in zip(inputs, kinds, strict=True):
        if type(value) is not np.ndarray or value.dtype != dtype or value.ndim != rank:
            return False
    return True


def input_arrays(
    model: Model, inputs: Sequence[Any], named: Mapping[str, Any]
) -> tuple[Sequence[Array], bool]:
    """Arrays of the inputs' types, in order, and whether floats were quantised for them."""
    tensors = model.inputs
    plain = len(inputs) == len(tensors) and not named
    if not plain or (len(inputs) == 1 and type(inputs[0]) is not np.ndarray):
        inputs = _ordered(model, inputs, named)
    arrays, quantized = [], False
    for value, tensor in zip(inputs, tensors, strict=True):
        array, was_float = to_tensor(value, tensor)
        quantized |= was_float
        arrays.append(fit_shape(array, tensor.shape_signature or tensor.shape))
    return arrays, quantized


def place_of(model: Model, name: int | str, role: str) -> int:
    """The place of an input or output ("inputs", "outputs") that is named or numbered.

    Raises:
        InputError: there is none such.
    """
    count = len(getattr(model.main, role))
    places = _places(model, role)
    place = name if isinstance(name, int) else places.get(name, -1)
    if not 0 <= place < count:
        raise InputError(
            f"the model has no {role[:-1]} {name!r}",
            code="input.name",
            expected=", ".join(places),
        )
    return place


def _places(model: Model, role: str) -> dict[str, int]:
    """Places of inputs or outputs by their names, those of signatures included."""
    indices: tuple[int, ...] = getattr(model.main, role)
    places: dict[str, int] = {}
    for place, tensor in enumerate(getattr(model, role)):
        places[tensor.name] = place
    for signature in model.signatures:
        if signature.subgraph == 0:
            for name, index in getattr(signature, role).items():
                if index in indices:
                    places.setdefault(name, indices.index(index))
    return places


def _ordered(model: Model, inputs: Sequence[Any], named: Mapping[str, Any]) -> list[Any]:
    """One value per input of the model, in order."""
    names = [t.name for t in model.inputs]
    if not named:
        if len(inputs) == 1 and isinstance(inputs[0], Mapping):
            return _ordered(model, (), inputs[0])
        if len(inputs) != len(names):
            raise InputError(
                "wrong number of inputs",
                code="input.count",
                expected=f"{len(names)}: {', '.join(names)}",
                found=len(inputs),
            )
        return list(inputs)
    places = _places(model, "inputs")
    values: dict[int, Any] = dict(enumerate(inputs))
    for name, value in named.items():
        if name not in places:
            raise InputError(
                f"the model has no input {name!r}",
                code="input.name",
                expected=", ".join(places),
            )
        if places[name] in values:
            raise InputError(f"two values for input {name!r}", code="input.name")
        values[places[name]] = value
    missing = [name for place, name in enumerate(names) if place not in values]
    if missing:
        raise InputError("an input is missing", code="input.count", expected=", ".join(missing))
    return [values[place] for place in range(len(names))]
