"""Spec and Node: what an operator's infer and prepare are told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pytflite.errors import TFLiteError
from pytflite.model.dtypes import DType
from pytflite.model.graph import Array, Quantization, Tensor
from pytflite.model.options import Options

Shape = tuple[int, ...]
Key = tuple[int, int]  # (subgraph, tensor index): the name of a tensor throughout plan and trace


class Spec:
    """What is known of a tensor before the graph runs.

    Attributes:
        shape: sizes; None for one known only at run time, or None altogether if not even the
            rank is known.
        dtype: tensor type.
        quantization: scales and zero points, or None.
        value: the array, if it is constant.
        variable: whether it is state that lives from run to run.
    """

    __slots__ = ("dtype", "quantization", "shape", "value", "variable")

    def __init__(
        self,
        shape: Sequence[int | None] | None,
        dtype: DType,
        quantization: Quantization | None = None,
        value: Array | None = None,
        variable: bool = False,
    ) -> None:
        self.shape: tuple[int | None, ...] | None = None if shape is None else tuple(shape)
        self.dtype = dtype
        self.quantization = quantization
        self.value = value
        self.variable = variable

    @property
    def is_static(self) -> bool:
        """Whether every size is known."""
        return self.shape is not None and None not in self.shape

    @property
    def static(self) -> Shape:
        """The shape, where it is known to be known (prepare and cost only see such)."""
        assert self.shape is not None
        return tuple(d for d in self.shape if d is not None)

    @property
    def rank(self) -> int | None:
        """Number of dimensions, if known."""
        return None if self.shape is None else len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements of a static shape."""
        return math.prod(self.static)

    @property
    def nbytes(self) -> int:
        """Bytes of the array of a static shape."""
        return self.size * self.dtype.itemsize

    @property
    def is_quantized(self) -> bool:
        """Whether a scale belongs to it."""
        return self.quantization is not None and self.quantization.scale.size > 0

    @property
    def scale(self) -> float:
        """The one scale of the whole tensor (float32, widened); 0.0 if there is none."""
        q = self.quantization
        return float(q.scale[0]) if q is not None and q.scale.size else 0.0

    @property
    def zero_point(self) -> int:
        """The one zero point of the whole tensor; 0 if there is none."""
        q = self.quantization
        return int(q.zero_point[0]) if q is not None and q.zero_point.size else 0

    def replace(self, **changes: Any) -> Spec:
        """A copy with some attributes changed."""
        values = {name: getattr(self, name) for name in Spec.__slots__} | changes
        return Spec(**values)

    def __repr__(self) -> str:
        shape = "?" if self.shape is None else [("?" if d is None else d) for d in self.shape]
        return f"<Spec {self.dtype} {shape}{' constant' if self.value is not None else ''}>"


class Graph(Protocol):
    """What operators may ask of what is around them while they infer and prepare."""

    @property
    def numerics(self) -> str:
        """How integers are rounded: as LiteRT's "reference", or as "litert" is shipped."""
        ...

    @property
    def limits(self) -> Any:
        """The interpreter's Limits."""
        ...

    def infer(self, subgraph: int, inputs: Sequence[Spec]) -> tuple[Spec, ...]:
        """The outputs of a subgraph for inputs such as these."""
        ...

    def subgraph_arity(self, subgraph: int) -> tuple[int, int] | None:
        """Numbers of inputs and outputs, or None if there is no such subgraph."""
        ...

    def constant(self, subgraph: int, index: int) -> Array | None:
        """A constant that no input names (scales of blocks); None if there is none such."""
        ...

    def subgraph_operators(self, subgraph: int) -> tuple[str, ...]:
        """Names of its operators: bodies of reductions and scatters are known by them."""
        ...

    def custom_operator(self, name: str) -> Any:
        """The Definition of a custom operator in this interpreter, or None."""
        ...


class Node:
    """One operator of a graph, with its tensors' descriptions, as infer and prepare see it.

    Attributes:
        name: 'CONV_2D', or a custom operator's name. version: of the operator.
        options: its option table, with defaults where the file has none; for a custom operator
            `custom` is the decoded FlexBuffer (a dict) and `custom_bytes` its bytes.
        inputs, outputs, intermediates: declared tensors, None where left out.
        input_keys, output_keys, intermediate_keys: their names (subgraph, index).
        index, subgraph: where it stands.
    """

    __slots__ = (
        "custom",
        "custom_bytes",
        "graph",
        "index",
        "input_keys",
        "inputs",
        "intermediate_keys",
        "intermediates",
        "name",
        "options",
        "output_keys",
        "outputs",
        "subgraph",
        "version",
    )

    def __init__(
        self,
        name: str,
        version: int,
        inputs: Sequence[Tensor | None],
        outputs: Sequence[Tensor | None],
        options: Options | None = None,
        *,
        custom: Mapping[str, Any] | None = None,
        custom_bytes: bytes = b"",
        intermediates: Sequence[Tensor | None] = (),
        input_keys: Sequence[Key | None] = (),
        output_keys: Sequence[Key | None] = (),
        intermediate_keys: Sequence[Key | None] = (),
        index: int = 0,
        subgraph: int = 0,
        graph: Graph | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.options: Any = options
        self.custom = custom if custom is not None else {}
        self.custom_bytes = custom_bytes
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        self.intermediates = tuple(intermediates)
        self.input_keys = tuple(input_keys)
        self.output_keys = tuple(output_keys)
        self.intermediate_keys = tuple(intermediate_keys)
        self.index = index
        self.subgraph = subgraph
        self.graph = graph

    def output(self, index: int, shape: Sequence[int | None] | None) -> Spec:
        """The Spec of an output: this shape, with the declared type and quantisation."""
        tensor = self.outputs[index]
        assert tensor is not None
        return Spec(shape, tensor.dtype, tensor.quantization)

    @property
    def is_as_shipped(self) -> bool:
        """Whether integers are rounded as LiteRT as shipped does it, not its reference."""
        return self.graph is not None and self.graph.numerics == "litert"

    @property
    def label(self) -> str:
        """How errors name it: 'CONV_2D #12 -> "features/relu"'."""
        out = next((f' -> "{t.name}"' for t in self.outputs if t is not None), "")
        where = f" of subgraph {self.subgraph}" if self.subgraph else ""
        return f"{self.name} #{self.index}{where}{out}"

    def error(
        self,
        kind: type[TFLiteError],
        problem: str,
        *,
        tensor: Tensor | int | str | None = None,
        expected: object = None,
        found: object = None,
        hint: str | None = None,
        code: str | None = None,
    ) -> TFLiteError:
        """An error that names this operator; `tensor` may be an input's number."""
        if isinstance(tensor, int):
            tensor = self.inputs[tensor] if tensor < len(self.inputs) else None
        return kind(
            problem,
            code=code,
            operator=self.label,
            tensor=tensor.name if isinstance(tensor, Tensor) else tensor,
            expected=expected,
            found=found,
            hint=hint,
        )

    def __repr__(self) -> str:
        return f"<Node {self.label}>"
