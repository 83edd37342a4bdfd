"""Small models made by hand, and one operator tried out.

g = Graph()
x = g.input("x", (2, 3))
y = g.op("ADD", [x, g.constant(np.float32(1))], (2, 3))
g.output(y)
model = build(g)

call("ADD", [1.0, 2.0], [10.0, 20.0])
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from pytflite.errors import InputError
from pytflite.format.flexbuffer import encode
from pytflite.format.schema import BuiltinOperator
from pytflite.model.dtypes import BY_NAME, INT2, INT4, STRING, UINT4, DType, from_numpy
from pytflite.model.graph import (
    Array,
    Buffer,
    Operator,
    OperatorCode,
    Quantization,
    Signature,
    Subgraph,
    Tensor,
)
from pytflite.model.model import Model
from pytflite.model.options import Options
from pytflite.model.writing import write
from pytflite.ops.operator import Definition
from pytflite.ops.registry import find
from pytflite.ops.signature import Row
from pytflite.runtime.interpreter import Interpreter


class Graph:
    """A subgraph under construction. Tensors are known by their numbers."""

    def __init__(self, name: str = "main") -> None:
        self.name = name
        self.tensors: list[dict[str, Any]] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.operators: list[dict[str, Any]] = []

    def tensor(
        self, shape: Sequence[int] | None, dtype: str = "FLOAT32", *, name: str = "",
        value: Any = None, scale: Any = None, zero_point: Any = 0, variable: bool = False,
        signature: Sequence[int] | None = None,
    ) -> int:  # fmt: skip
        """Adds a tensor; its number."""
        number = len(self.tensors)
        quantization = None if scale is None else Quantization(scale, zero_point)
        self.tensors.append({
            "name": name or f"t{number}", "shape": tuple(shape or ()), "dtype": BY_NAME[dtype],
            "quantization": quantization, "is_variable": variable, "value": value,
            "shape_signature": None if signature is None else tuple(signature),
        })  # fmt: skip
        return number

    def input(self, name: str, shape: Sequence[int], dtype: str = "FLOAT32", **more: Any) -> int:
        """Adds an input."""
        self.inputs.append(self.tensor(shape, dtype, name=name, **more))
        return self.inputs[-1]

    def constant(self, value: Any, **more: Any) -> int:
        """Adds a constant."""
        value = np.asarray(value)
        dtype = more.pop("dtype", from_numpy(value.dtype).name)
        return self.tensor(value.shape, dtype, value=value, **more)

    def op(
        self, name: str, inputs: Sequence[int], shape: Sequence[int] | None, /,
        dtype: str = "FLOAT32", *, version: int = 1, output: dict[str, Any] | None = None,
        custom_options: bytes | None = None, **options: Any,
    ) -> int:  # fmt: skip
        """Adds an operator with one output of this shape (None: with no output); its number."""
        out = -1 if shape is None else self.tensor(shape, dtype, **(output or {}))
        self.add(
            name, inputs, () if shape is None else (out,), version=version,
            custom_options=custom_options, **options,
        )  # fmt: skip
        return out

    def add(
        self, name: str, inputs: Sequence[int], outputs: Sequence[int], /, *, version: int = 1,
        custom_options: bytes | None = None, **options: Any,
    ) -> None:  # fmt: skip
        """Adds an operator between tensors that are there; -1 is one left out."""
        self.operators.append({
            "name": name, "version": version, "inputs": tuple(inputs), "outputs": tuple(outputs),
            "options": options, "custom_options": custom_options,
        })  # fmt: skip

    def output(self, tensor: int) -> None:
        """Makes a tensor an output."""
        self.outputs.append(tensor)


def build(*graphs: Graph, signatures: Sequence[Signature] = ()) -> Model:
    """The model of these subgraphs, written and read again."""
    codes: list[OperatorCode] = []
    buffers = [Buffer()]
    subgraphs = tuple(
        Subgraph(
            graph.name,
            tuple(_tensor(fields, buffers) for fields in graph.tensors),
            tuple(graph.inputs),
            tuple(graph.outputs),
            tuple(_operator(o, codes) for o in graph.operators),
        )
        for graph in graphs
    )
    model = Model(subgraphs, tuple(codes), tuple(buffers), tuple(signatures))
    return Model.open(write(model))


def _tensor(fields: dict[str, Any], buffers: list[Buffer]) -> Tensor:
    value, buffer = fields["value"], 0
    if value is not None:
        buffer = len(buffers)
        buffers.append(Buffer(pack(value, fields["dtype"])))
    return Tensor(**{k: v for k, v in fields.items() if k != "value"}, buffer=buffer)


def _operator(fields: dict[str, Any], codes: list[OperatorCode]) -> Operator:
    name = fields["name"]
    number = BuiltinOperator.names().get(name)
    code = (
        OperatorCode(BuiltinOperator.CUSTOM, name)
        if number is None
        else OperatorCode(number, None, fields["version"])
    )
    if code not in codes:
        codes.append(code)
    definition = find(name, custom=number is None)
    table = definition.options if definition is not None else None
    options = None if table is None else Options(table, **fields["options"])
    return Operator(code, fields["inputs"], fields["outputs"], options, fields["custom_options"])


def pack(value: Array, dtype: DType) -> bytes:
    """The bytes of a constant as the file holds them."""
    if dtype is STRING:
        items = [v if isinstance(v, bytes) else str(v).encode() for v in value.reshape(-1)]
        offsets = np.cumsum([4 * (len(items) + 2), *(len(v) for v in items)])
        return np.array([len(items), *offsets], "<i4").tobytes() + b"".join(items)
    if dtype in (INT4, UINT4, INT2):
        per = 8 // dtype.bits
        flat = value.reshape(-1).astype(np.int64) & ((1 << dtype.bits) - 1)
        flat = np.concatenate([flat, np.zeros(-flat.size % per, np.int64)]).reshape(-1, per)
        packed: Array = (flat << (np.arange(per) * dtype.bits)).sum(1).astype(np.uint8)
        return packed.tobytes()
    return np.ascontiguousarray(value).astype(dtype.storage).tobytes()


def call(
    name: str,
    /,
    *inputs: Any,
    outputs: Sequence[str] = (),
    shapes: Sequence[Sequence[int]] = (),
    quantization: Sequence[tuple[float, int] | None] = (),
    variables: Collection[int] = (),
    **options: Any,
) -> Any:
    """Runs one operator, as the only one of a model that is made for it.

    Args:
        name: a builtin operator's ('CONV_2D') or a custom one's.
        inputs: arrays or nested lists (floats are float32), None for one that is left out.
        outputs: types of the outputs; needed where the inputs' do not settle them.
        shapes: of the outputs; needed by the few operators that read the model's.
        quantization: (scale, zero point) of each input and then of each output, None for those
            without.
        variables: numbers of the inputs that are variable tensors; they begin with zeros.
        options: fields of the operator's option table, or of a custom operator's FlexBuffer.

    Returns:
        The output, or a list of them.

    Raises:
        InputError: there is no such operator, or its outputs' types have to be told.
        TFLiteError: the operator refuses what it is given.
    """
    model = model_of_one(name, inputs, outputs, shapes, quantization, variables, options)
    given = [array_of(x) for n, x in enumerate(inputs) if x is not None and n not in variables]
    return Interpreter(model, backend="numpy").run(*given, dequantize=False)


def array_of(value: Any) -> Array:
    """An array; Python's floats are float32."""
    array = np.asarray(value)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def model_of_one(
    name: str,
    inputs: Sequence[Any],
    outputs: Sequence[str],
    shapes: Sequence[Sequence[int]],
    quantization: Sequence[tuple[float, int] | None],
    variables: Collection[int],
    options: dict[str, Any],
) -> Model:
    """The model that `call` runs."""
    builtin = name in BuiltinOperator.names()
    definition = find(name, custom=not builtin)
    if definition is None:
        raise InputError(f"there is no operator {name!r}", code="input.operator")
    graph = Graph()
    numbers: list[int] = []
    types: list[DType | None] = []
    for n, value in enumerate(inputs):
        if value is None:
            numbers.append(-1)
            types.append(None)
            continue
        array = array_of(value)
        dtype = from_numpy(array.dtype)
        types.append(dtype)
        scale, zero_point = _scale(quantization, n)
        place = graph.tensor(
            array.shape, dtype.name, name=f"input{n}", scale=scale, zero_point=zero_point,
            variable=n in variables,
        )  # fmt: skip
        numbers.append(place)
        if n not in variables:
            graph.inputs.append(place)
    for n, kind in enumerate(outputs or _types_of_outputs(definition, types)):
        scale, zero_point = _scale(quantization, len(inputs) + n)
        shape = shapes[n] if n < len(shapes) else None
        graph.output(
            graph.tensor(shape, kind, name=f"output{n}", scale=scale, zero_point=zero_point)
        )
    graph.add(
        name, numbers, graph.outputs, version=definition.versions[1] if builtin else 1,
        custom_options=None if builtin or not options else encode(options),
        **(options if builtin else {}),
    )  # fmt: skip
    return build(graph)


def _scale(
    quantization: Sequence[tuple[float, int] | None], number: int
) -> tuple[float | None, int]:
    found = quantization[number] if number < len(quantization) else None
    return found or (None, 0)


def _types_of_outputs(definition: Definition, inputs: Sequence[DType | None]) -> list[str]:
    """Those of the first row that the inputs fit, if it settles them."""
    for row in definition.signature.rows:
        bound: dict[str, DType] = {}
        if not row.takes(inputs, bound):
            continue
        found = [_settled(row, n, bound) for n in range(len(row.outputs))]
        if None not in found and not any(slot.repeated for slot in row.outputs):
            return [dtype.name for dtype in found if dtype is not None]
    raise InputError(
        f"the types of {definition.name}'s outputs have to be told", code="input.operator",
        expected=definition.signature.describe(), hint="outputs=('FLOAT32', ...)",
    )  # fmt: skip


def _settled(row: Row, number: int, bound: dict[str, DType]) -> DType | None:
    slot = row.outputs[number]
    if slot.variable in bound:
        return bound[slot.variable]
    if slot.types is None:
        # Any: the operator says that it is that of its inputs.
        kinds = set(bound.values())
        return kinds.pop() if len(kinds) == 1 else None
    return next(iter(slot.types)) if len(slot.types) == 1 else None
