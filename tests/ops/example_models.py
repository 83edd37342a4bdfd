"""The examples that operators give, as arrays and models."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from pytflite.format.flexbuffer import encode
from pytflite.format.schema import BuiltinOperator
from pytflite.model.model import Model
from pytflite.ops.operator import Definition, Example
from pytflite.ops.registry import BUILTINS, CUSTOM, load_all
from tests.harness import TensorOf, single_op, tensor

load_all()
DEFINITIONS = (*BUILTINS.values(), *CUSTOM.values())


def array_of(value: Any) -> np.ndarray:
    """An array of an example; nested lists of Python's floats are float32."""
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def inputs_of(example: Example) -> list[Any]:
    """Its inputs as arrays, None where left out."""
    return [None if x is None else array_of(x) for x in example.inputs]


def model_of(
    definition: Definition,
    example: Example,
    inputs: Sequence[Any],
    constants: Collection[int] = (),
) -> Model:
    """The operator with the example's options and scales, on inputs such as these.

    Args:
        constants: numbers of the inputs that are constants of the model.
    """
    count = len(inputs)
    scales = list(example.quantization) or [None] * (count + len(example.outputs))

    def described(x: Any, number: int) -> TensorOf:
        scale, zero_point = scales[number] or (None, 0)
        return tensor(
            x.shape,
            tensor(value=x).dtype.name,
            value=x if number in constants else None,
            scale=scale,
            zero_point=zero_point,
            variable=number in example.variables,
        )

    builtin = definition.name in BuiltinOperator.names()
    return single_op(
        definition.name,
        [None if x is None else described(x, n) for n, x in enumerate(inputs)],
        [described(array_of(y), count + n) for n, y in enumerate(example.outputs)],
        **(example.options if builtin else {}),
        custom_options=None if builtin or not example.options else encode(example.options),
    )
