"""Model, Subgraph, Operator, Tensor, Quantization, Signature: what a .tflite file says.

All are immutable and compare by value; `replace()` makes changed copies, and
`pytflite.model.writing` turns a Model into bytes again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.format.flatbuffer import vector_at
from pytflite.format.schema import BuiltinOperator
from pytflite.model.dtypes import DType
from pytflite.model.options import Options
from pytflite.model.record import Record

Array = np.ndarray[tuple[Any, ...], np.dtype[Any]]  # numpy.typing takes a while to load

NO_FLOATS: Array = np.empty(0, np.float32)
NO_INTS: Array = np.empty(0, np.int64)
NO_FLOATS.flags.writeable = NO_INTS.flags.writeable = False


class Quantization(Record):
    """How the integers q of a tensor stand for real numbers: `scale * (q - zero_point)`.

    One scale holds for the whole tensor, several are those of the slices along
    `quantized_dimension`. `details` holds blockwise and other schemes.
    """

    __slots__ = ("details", "max", "min", "quantized_dimension", "scale", "zero_point")
    scale: Array  # float32 [channels]
    zero_point: Array  # int64 [channels]
    quantized_dimension: int
    min: Array | None  # float32, information of the converter only
    max: Array | None
    details: Options | None

    def __init__(
        self,
        scale: Any = NO_FLOATS,
        zero_point: Any = NO_INTS,
        quantized_dimension: int = 0,
        min: Any = None,
        max: Any = None,
        details: Options | None = None,
    ) -> None:
        self._fill(
            scale=np.atleast_1d(np.asarray(scale, np.float32)),
            zero_point=np.atleast_1d(np.asarray(zero_point, np.int64)),
            quantized_dimension=quantized_dimension,
            min=None if min is None else np.atleast_1d(np.asarray(min, np.float32)),
            max=None if max is None else np.atleast_1d(np.asarray(max, np.float32)),
            details=details,
        )

    @property
    def is_per_channel(self) -> bool:
        """Whether there are several scales."""
        return self.scale.size > 1

    def __repr__(self) -> str:
        if self.details is not None:
            return f"Quantization({self.details!r})"
        if self.is_per_channel:
            return f"Quantization({self.scale.size} scales along {self.quantized_dimension})"
        scale = float(self.scale[0]) if self.scale.size else None
        zero = int(self.zero_point[0]) if self.zero_point.size else 0
        return f"Quantization({scale:.6g}, {zero})" if scale is not None else "Quantization()"


class Tensor(Record):
    """A tensor's description. Constant data are `Model.constant(subgraph, index)`.

    `shape` is as written in the file; where `shape_signature` has -1, the size may change.
    """

    __slots__ = (
        "buffer",
        "dtype",
        "external_buffer",
        "has_rank",
        "is_variable",
        "name",
        "quantization",
        "shape",
        "shape_signature",
        "sparsity",
        "variant_tensors",
    )
    name: str
    shape: tuple[int, ...]
    dtype: DType
    buffer: int
    quantization: Quantization | None
    is_variable: bool
    sparsity: Options | None
    shape_signature: tuple[int, ...] | None
    has_rank: bool
    variant_tensors: tuple[Options, ...] | None
    external_buffer: int

    def __init__(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: DType,
        buffer: int = 0,
        quantization: Quantization | None = None,
        is_variable: bool = False,
        sparsity: Options | None = None,
        shape_signature: tuple[int, ...] | None = None,
        has_rank: bool = False,
        variant_tensors: tuple[Options, ...] | None = None,
        external_buffer: int = 0,
    ) -> None:
        self._fill(
            name=name,
            shape=tuple(shape),
            dtype=dtype,
            buffer=buffer,
            quantization=quantization,
            is_variable=is_variable,
            sparsity=sparsity,
            shape_signature=shape_signature,
            has_rank=has_rank,
            variant_tensors=variant_tensors,
            external_buffer=external_buffer,
        )

    @property
    def is_quantized(self) -> bool:
        """Whether a scale belongs to it."""
        return self.quantization is not None and self.quantization.scale.size > 0

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.shape)) or "scalar"
        more = f" {self.quantization!r}" if self.is_quantized else ""
        return f"<Tensor {self.name!r} {self.dtype} {shape}{more}>"


class OperatorCode(Record):
    """Which operator a number stands for in this model."""

    __slots__ = ("builtin_code", "custom_code", "version")
    builtin_code: int
    custom_code: str | None
    version: int

    def __init__(self, builtin_code: int, custom_code: str | None = None, version: int = 1) -> None:
        self._fill(builtin_code=builtin_code, custom_code=custom_code, version=version)

    @property
    def is_custom(self) -> bool:
        """Whether the operator is known by a name of its author's."""
        return self.builtin_code == BuiltinOperator.CUSTOM

    @property
    def name(self) -> str:
        """'CONV_2D', or the name of a custom operator."""
        if self.is_custom:
            return self.custom_code or ""
        return BuiltinOperator.name_of(self.builtin_code)


class Operator(Record):
    """One node of the graph. -1 among inputs and outputs: left out."""

    __slots__ = (
        "code",
        "custom_options",
        "debug_metadata_index",
        "inputs",
        "intermediates",
        "mutating_variable_inputs",
        "options",
        "outputs",
    )
    code: OperatorCode
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Options | None
    custom_options: Array | None  # uint8 view, usually a FlexBuffer
    intermediates: tuple[int, ...] | None
    mutating_variable_inputs: tuple[bool, ...] | None
    debug_metadata_index: int

    def __init__(
        self,
        code: OperatorCode,
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        options: Options | None = None,
        custom_options: Any = None,
        intermediates: tuple[int, ...] | None = None,
        mutating_variable_inputs: tuple[bool, ...] | None = None,
        debug_metadata_index: int = -1,
    ) -> None:
        if isinstance(custom_options, (bytes, bytearray, memoryview)):
            custom_options = np.frombuffer(bytes(custom_options), np.uint8)
        self._fill(
            code=code,
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            options=options,
            custom_options=custom_options,
            intermediates=intermediates,
            mutating_variable_inputs=mutating_variable_inputs,
            debug_metadata_index=debug_metadata_index,
        )

    @property
    def name(self) -> str:
        """'CONV_2D', or the name of a custom operator."""
        return self.code.name

    def __repr__(self) -> str:
        more = f" {self.options!r}" if self.options is not None else ""
        return f"<{self.name} v{self.code.version} {self.inputs} -> {self.outputs}{more}>"


class Subgraph(Record):
    """Tensors, and the operators between them in the order of execution."""

    __slots__ = ("debug_metadata_index", "inputs", "name", "operators", "outputs", "tensors")
    name: str | None
    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    operators: tuple[Operator, ...]
    debug_metadata_index: int

    def __init__(
        self,
        name: str | None,
        tensors: tuple[Tensor, ...],
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        operators: tuple[Operator, ...],
        debug_metadata_index: int = -1,
    ) -> None:
        self._fill(
            name=name,
            tensors=tuple(tensors),
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            operators=tuple(operators),
            debug_metadata_index=debug_metadata_index,
        )

    def __repr__(self) -> str:
        inputs = ", ".join(self.tensors[i].name for i in self.inputs[:10])
        outputs = ", ".join(self.tensors[i].name for i in self.outputs[:10])
        return (
            f"<Subgraph {self.name or 'main'!r}: {inputs or 'no inputs'} -> "
            f"{outputs or 'no outputs'}; {len(self.operators)} operators, "
            f"{len(self.tensors)} tensors>"
        )

    def _repr_html_(self) -> str:
        from pytflite.model.html import subgraph_html

        return subgraph_html(self)


class Signature(Record):
    """A named way of calling a subgraph: argument names to tensor indices."""

    __slots__ = ("inputs", "key", "outputs", "subgraph")
    key: str
    inputs: dict[str, int]
    outputs: dict[str, int]
    subgraph: int

    def __init__(
        self, key: str, inputs: dict[str, int], outputs: dict[str, int], subgraph: int = 0
    ) -> None:
        self._fill(key=key, inputs=dict(inputs), outputs=dict(outputs), subgraph=subgraph)


class Buffer(Record):
    """Bytes that tensors or metadata refer to.

    `data`: uint8, None if there are none. In an opened file a view, made when it is asked for.
    `outside`: they lie behind the FlatBuffer (Buffer.offset and size), as in files over 2 GB.
    """

    __slots__ = ("_data", "_file", "_position", "outside")
    outside: bool
    _data: Array | None
    _file: memoryview | None  # where the data are, if they were not given
    _position: int

    def __init__(self, data: Any = None, outside: bool = False) -> None:
        if isinstance(data, (bytes, bytearray, memoryview)):
            data = np.frombuffer(bytes(data), np.uint8)
        self._fill(_data=data, _file=None, _position=0, outside=outside)

    @classmethod
    def inside(cls, file: memoryview, position: int | None) -> Buffer:
        """The vector at this position of a FlatBuffer; its end is checked when it is read."""
        self = cls.draft()
        self._data = None
        self._file = None if position is None else file
        self._position = position or 0
        self.outside = False
        self.__class__ = cls
        return self

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        return ("data", "outside")

    @property
    def data(self) -> Array | None:
        """The bytes, read-only; None if there are none.

        Raises:
            FormatError: they do not end within the file.
        """
        return self._data if self._file is None else vector_at(self._file, self._position)

    def __repr__(self) -> str:
        return f"<Buffer of {0 if self.data is None else self.data.size} bytes>"


class ExternalBuffer(Record):
    """Bytes in another file."""

    __slots__ = ("group", "id", "length", "offset", "packing")
    id: int
    group: int
    offset: int
    length: int
    packing: str | None

    def __init__(
        self, id: int = 0, group: int = 0, offset: int = 0, length: int = 0,
        packing: str | None = None,
    ) -> None:  # fmt: skip
        self._fill(id=id, group=group, offset=offset, length=length, packing=packing)


__all__ = [
    "Array",
    "Buffer",
    "ExternalBuffer",
    "Operator",
    "OperatorCode",
    "Quantization",
    "Signature",
    "Subgraph",
    "Tensor",
]
