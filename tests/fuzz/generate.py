"""Models of one operator out of nothing but its signature: types that fit, shapes at a guess."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from pytflite.format.flexbuffer import encode
from pytflite.format.schema import TABLES, UNIONS, BuiltinOperator
from pytflite.model.dtypes import BY_NAME, DType
from pytflite.ops.operator import Definition
from pytflite.ops.signature import Row, Slot
from tests.fuzz.data import constant, dims, integer, number
from tests.fuzz.tree import Draft, Values, defaults, put

_NUMBERS = BuiltinOperator.names()
_ALL = sorted(BY_NAME.values(), key=lambda t: t.number)


def generate(definition: Definition, rng: Random) -> Values:
    """The tree of a model with one operator of this kind."""
    draft = Draft(defaults("Model"))
    graph = defaults("SubGraph")
    put("Model", draft.values, version=3, subgraphs=[graph], buffers=[defaults("Buffer")])
    row: Row = rng.choice(definition.signature.rows)
    bound: dict[str, DType] = {}
    tensors: list[Values] = []
    inputs: list[int] = []
    given: list[int] = []
    base = dims(rng, rng.choice((1, 2, 3, 4, 4)))
    for slot in _slots(row.inputs, rng):
        if slot.optional and not slot.repeated and rng.random() < 0.4:
            inputs.append(-1)
            continue
        tensor = _tensor(_type(slot, bound, rng), _shape(base, rng), rng)
        inputs.append(len(tensors))
        if rng.random() < 0.5:
            given.append(len(tensors))
        else:
            kind, shape = tensor[1], tensor[0]
            draft.set_data(tensor, constant(rng, kind, shape))
        tensors.append(tensor)
    outputs = []
    for slot in _slots(row.outputs, rng):
        outputs.append(len(tensors))
        tensors.append(_tensor(_type(slot, bound, rng), _shape(base, rng), rng))
    operator = defaults("Operator")
    put("Operator", operator, inputs=inputs, outputs=outputs)
    put("Model", draft.values, operator_codes=[_code(definition, rng)])
    _options(definition, operator, rng)
    put("SubGraph", graph, tensors=tensors, inputs=given, outputs=outputs, operators=[operator])
    return draft.values


def _slots(slots: tuple[Slot, ...], rng: Random) -> list[Slot]:
    out = list(slots)
    if out and out[-1].repeated:
        out += [out[-1]] * rng.randrange(4)
    return out


def _type(slot: Slot, bound: dict[str, DType], rng: Random) -> DType:
    if slot.variable is not None and slot.variable in bound:
        return bound[slot.variable]
    types = sorted(slot.types, key=lambda t: t.number) if slot.types is not None else _ALL
    chosen = rng.choice(types)
    if slot.variable is not None:
        bound[slot.variable] = chosen
    return chosen


def _shape(base: list[int], rng: Random) -> list[int]:
    """The common shape, a part of it, its rank or a size of it as a vector, or any."""
    how = rng.randrange(8)
    if how < 3:
        return base
    if how == 3:
        return base[rng.randrange(len(base)) :]
    if how == 4:
        return [len(base)]
    if how == 5:
        return []
    if how == 6:
        return [rng.choice(base), *base[: rng.randrange(3)]]
    return dims(rng)


def _tensor(dtype: DType, shape: list[int], rng: Random) -> Values:
    tensor = defaults("Tensor")
    put("Tensor", tensor, shape=list(shape), type=dtype.number, name=f"t{rng.randrange(99)}")
    if dtype.is_integer and rng.random() < 0.7:
        quantization = defaults("QuantizationParameters")
        axis = rng.randrange(len(shape)) if shape else 0
        count = 1
        if shape and rng.random() < 0.3 and 0 < shape[axis] < 1000:
            count = shape[axis]
        zero = 0 if rng.random() < 0.6 else rng.randint(-128, 255)
        put("QuantizationParameters", quantization, scale=[rng.uniform(0.001, 0.5)] * count,
            zero_point=[zero] * count, quantized_dimension=axis)  # fmt: skip
        put("Tensor", tensor, quantization=quantization)
    if rng.random() < 0.05:
        put("Tensor", tensor, is_variable=True)
    return tensor


def _code(definition: Definition, rng: Random) -> Values:
    code = defaults("OperatorCode")
    number = _NUMBERS.get(definition.name)
    if number is not None:
        put("OperatorCode", code, deprecated_builtin_code=min(number, 127), builtin_code=number,
            version=rng.randint(*definition.versions))  # fmt: skip
    else:
        custom = BuiltinOperator.CUSTOM
        put("OperatorCode", code, deprecated_builtin_code=custom, builtin_code=custom,
            custom_code=definition.name)  # fmt: skip
    return code


def _options(definition: Definition, operator: Values, rng: Random) -> None:
    table = definition.options
    if table is None:
        if rng.random() < 0.5:
            keys = ("axis", "size", "stride_w", "stride_h", "padding", "x", "num", "filter_width")
            made = {k: integer(rng, -(1 << 31), 1 << 31) for k in keys if rng.random() < 0.5}
            data = np.frombuffer(encode(made), np.uint8)
            put("Operator", operator, custom_options=data)
        return
    for union, field in (
        ("BuiltinOptions", "builtin_options"),
        ("BuiltinOptions2", "builtin_options_2"),
    ):
        if table in UNIONS[union]:
            values = [_option(kind, default, rng) for _, kind, default, _ in TABLES[table]]
            put("Operator", operator,
                **{field + "_type": UNIONS[union].index(table), field: values})  # fmt: skip
            return


_WIDTHS = {"i8": 7, "u8": 8, "i16": 15, "u16": 16, "i32": 31, "u32": 32, "i64": 63, "u64": 64}


def _option(kind: str, default: Any, rng: Random) -> Any:
    if rng.random() < 0.2:
        return default
    item = kind.strip("[]")
    if item not in _WIDTHS and item not in ("bool", "f32", "f64"):
        return default
    if kind != item:
        return [_option(item, 0, rng) for _ in range(rng.randrange(5))]
    if kind == "bool":
        return rng.random() < 0.5
    if kind[0] == "f":
        return number(rng)
    if rng.random() < 0.7:
        return rng.choice((0, 1, 1, 2, 3))
    high = (1 << _WIDTHS[kind]) - 1
    return integer(rng, 0 if kind[0] == "u" else -high - 1, high)
