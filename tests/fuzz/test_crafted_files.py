"""Files that break one rule of the format each, and the code that they get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pytflite import Interpreter, Model, TFLiteError
from pytflite.model.writing import write
from tests.fuzz.tree import Draft, build, defaults, get, parse, put
from tests.graphs import Graph
from tests.graphs import build as model_of
from tests.harness import single_op, tensor


def added() -> bytes:
    """x + [1, 1, 1]: tensors 0 (input), 1 (constant), 2 (output)."""
    graph = Graph()
    x = graph.input("x", (2, 3))
    graph.output(graph.op("ADD", [x, graph.constant(np.ones(3, np.float32))], (2, 3)))
    return bytes(write(model_of(graph)))


def densified() -> bytes:
    """A dense constant, to be made sparse."""
    one = tensor(value=np.ones((2, 3), np.float32))
    return bytes(write(single_op("DENSIFY", [one], [tensor((2, 3))])))


def dequantized() -> bytes:
    """Of rank 2, with one scale."""
    return bytes(write(single_op("DEQUANTIZE", [tensor((2, 3), "INT8", scale=0.5)],
                                 [tensor((2, 3))])))  # fmt: skip


def field(number: int, **fields: Any) -> Callable[[Draft], None]:
    """Fields of a tensor."""
    return lambda draft: put("Tensor", draft.tensors[number], **fields)


def quantized(**fields: Any) -> Callable[[Draft], None]:
    """Fields of the first tensor's quantisation."""

    def change(draft: Draft) -> None:
        found = get("Tensor", draft.tensors[0], "quantization")
        put("QuantizationParameters", found, **fields)

    return change


def sparse(segments: list[int], indices: list[int], rows: int = 2) -> Callable[[Draft], None]:
    """Rows of a first, dense dimension, compressed."""

    def vector(values: list[int]) -> list[Any]:
        made = defaults("Int32Vector")
        put("Int32Vector", made, values=values)
        return made

    def change(draft: Draft) -> None:
        outer, inner = defaults("DimensionMetadata"), defaults("DimensionMetadata")
        put("DimensionMetadata", outer, dense_size=rows)
        put("DimensionMetadata", inner, format=1, array_segments_type=1, array_indices_type=1,
            array_segments=vector(segments), array_indices=vector(indices))  # fmt: skip
        made = defaults("SparsityParameters")
        put("SparsityParameters", made, traversal_order=[0, 1], dim_metadata=[outer, inner])
        put("Tensor", draft.tensors[0], sparsity=made)

    return change


def signed(name: str | None, index: int, graph: int = 0) -> Callable[[Draft], None]:
    """A signature whose input this is."""

    def change(draft: Draft) -> None:
        given, made = defaults("TensorMap"), defaults("SignatureDef")
        put("TensorMap", given, name=name, tensor_index=index)
        put("SignatureDef", made, signature_key="s", subgraph_index=graph, inputs=[given])
        put("Model", draft.values, signature_defs=[made])

    return change


def outside(offset: int, size: int) -> Callable[[Draft], None]:
    """The constant's bytes lie behind the FlatBuffer."""

    def change(draft: Draft) -> None:
        buffer = get("Model", draft.values, "buffers")[1]
        put("Buffer", buffer, data=None, offset=offset, size=size)

    return change


Case = tuple[Callable[[], bytes], Callable[[Draft], None], str]
CASES: dict[str, Case] = {
    "size of -2": (added, field(0, shape=[-2, 3]), "model.shape"),
    "open size of -2": (added, field(0, shape_signature=[-2, 3]), "model.shape"),
    "sizes beyond any": (added, field(0, shape=[2**31 - 1] * 4), "limit.tensor"),
    "rank 33": (added, field(0, shape=[1] * 33), "model.rank"),
    "shape and signature": (added, field(0, shape_signature=[-1]), "model.rank"),
    "type of an input": (added, field(0, type=99), "op.dtype"),
    "type of an output": (added, field(2, type=99), "op.dtype"),
    "buffer": (added, field(0, buffer=9), "model.buffer-index"),
    "constant cut": (added, lambda d: d.set_data(d.tensors[1], bytes(11)), "model.constant-size"),
    "constant written": (added, field(2, buffer=1), "model.producer"),
    "variable string": (added, field(0, is_variable=True, type=5), "model.variable"),
    "written by itself": (
        added, lambda d: put("Operator", d.operators[0], inputs=[2, 1]), "model.no-data",
    ),
    "never written": (
        added, lambda d: put("SubGraph", d.subgraphs[0], operators=[]), "model.no-data",
    ),
    "left out": (added, lambda d: put("Operator", d.operators[0], inputs=[-1, 1]), "op.dtype"),
    "intermediate": (
        added, lambda d: put("Operator", d.operators[0], intermediates=[9]), "model.tensor-index",
    ),
    "bytes beyond the file": (added, outside(10**9, 12), "model.buffer"),
    "bytes around the end of numbers": (added, outside(2**64 - 8, 16), "model.buffer"),
    "signature's tensor": (added, signed("x", 9), "model.signature"),
    "signature's output as input": (added, signed("x", 2), "model.signature"),
    "signature's constant as input": (added, signed("x", 1), "model.signature"),
    "signature without a name": (added, signed(None, 0), "model.signature"),
    "signature's subgraph": (added, signed("x", 0, graph=1), "model.signature"),
    "scale of NaN": (dequantized, quantized(scale=[float("nan")]), "op.quantization"),
    "scale below 0": (dequantized, quantized(scale=[-1.0]), "op.quantization"),
    "scales of no dimension": (
        dequantized, quantized(scale=[1.0] * 3, zero_point=[0] * 3, quantized_dimension=2),
        "op.quantization",
    ),
    "scales before a dimension": (
        dequantized, quantized(scale=[1.0] * 3, zero_point=[0] * 3, quantized_dimension=-1),
        "op.quantization",
    ),
    "zero points": (dequantized, quantized(zero_point=[0, 0]), "model.quantization"),
    "zero point beyond its type": (dequantized, quantized(zero_point=[128]), "op.quantization"),
    "sparse, twice": (densified, sparse([0, 3, 6], [0, 1, 1, 0, 1, 2]), "model.sparsity"),
    "sparse, outside": (densified, sparse([0, 3, 6], [0, 1, 3, 0, 1, 2]), "model.sparsity"),
    "sparse, falling": (densified, sparse([0, 5, 3], [0, 1, 2, 0, 1, 2]), "model.sparsity"),
    "sparse, rows": (densified, sparse([0, 3, 6], [0, 1, 2, 0, 1, 2], rows=3), "model.sparsity"),
}  # fmt: skip


@pytest.mark.parametrize(("start", "change", "code"), CASES.values(), ids=CASES)
def test_refused_with_its_code(
    start: Callable[[], bytes], change: Callable[[Draft], None], code: str
) -> None:
    values = parse(start())
    Interpreter(model_content=build(values)).allocate_tensors()  # as it is, it is a model
    change(Draft(values))
    with pytest.raises(TFLiteError) as caught:
        interpreter = Interpreter(Model.open(build(values)))
        interpreter.allocate_tensors()
        interpreter.invoke()
    assert caught.value.code == code, caught.value
