"""What tensors' types and quantisation look like, asked of pytflite and of LiteRT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite.format.schema import DimensionType
from pytflite.model.graph import Buffer, Quantization
from pytflite.model.model import Model
from pytflite.model.options import Options
from tests.compat.models import no_quantization, opened
from tests.graphs import Graph, build


def reversing_uint8() -> Model:
    g = Graph()
    x = g.input("input", (1, 4), "UINT8", scale=1.0)
    start, stop, step = (g.constant(np.int32(v)) for v in ([0, 3], [1, -5], [1, -1]))
    g.output(
        g.op(
            "STRIDED_SLICE", [x, start, stop, step], (1, 4), "UINT8",
            output={"name": "output", "scale": 1.0}, version=1,
        )
    )  # fmt: skip
    return build(g)


def test_uint8(runtime: Any) -> None:
    interpreter = opened(runtime, reversing_uint8())
    for details in (*interpreter.get_input_details(), *interpreter.get_output_details()):
        assert details["dtype"] is np.uint8 and details["quantization"] == (1.0, 0)
        parameters = details["quantization_parameters"]
        assert parameters["scales"].tolist() == [1.0] and parameters["zero_points"].tolist() == [0]
        assert parameters["quantized_dimension"] == 0
    values = np.array([[1, 2, 3, 4]], np.uint8)
    interpreter.resize_tensor_input(0, values.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(0, values)
    interpreter.invoke()
    output = interpreter.get_output_details()[0]["index"]
    np.testing.assert_array_equal(interpreter.get_tensor(output), [[4, 3, 2, 1]])


def gathering() -> Model:
    g = Graph()
    words, which = g.input("input", (10,), "STRING"), g.input("indices", (3,), "INT64")
    g.output(g.op("GATHER", [words, which], (3,), "STRING", output={"name": "output"}))
    return build(g)


@pytest.mark.parametrize("kind", [str, bytes, object])
def test_strings(runtime: Any, kind: Any) -> None:
    interpreter = opened(runtime, gathering())
    words, which = interpreter.get_input_details()
    (chosen,) = interpreter.get_output_details()
    assert words["dtype"] is chosen["dtype"] is np.bytes_ and which["dtype"] is np.int64
    for details in (words, which, chosen):
        no_quantization(details)
    text = ["a", "b", "c", "\N{GREEK SMALL LETTER PI}", "e", "f", "g", "h", "i", "j"]
    values = np.array([t.encode() for t in text] if kind is bytes else text, dtype=kind)
    interpreter.set_tensor(which["index"], np.array([1, 2, 3], np.int64))
    interpreter.set_tensor(words["index"], values)
    interpreter.invoke()
    got = interpreter.get_tensor(chosen["index"])
    assert got.dtype == object and got.tolist() == [b"b", b"c", text[3].encode()]


def test_a_scalar_string_keeps_its_zeros(runtime: Any) -> None:
    g = Graph()
    x = g.input("input", (), "STRING")
    g.output(g.op("RESHAPE", [x, g.constant(np.int32([1]))], (1,), "STRING"))
    interpreter = opened(runtime, build(g))
    data = b"abcd" + bytes(16)
    interpreter.set_tensor(0, np.array(data))
    assert interpreter.get_tensor(0).item(0) == data


def test_bfloat16(runtime: Any) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="bfloat16 arrays need ml_dtypes")
    g = Graph()
    g.output(g.op("CAST", [g.input("x", (1, 3), "BFLOAT16")], (1, 3)))
    reference = runtime.OpResolverType.BUILTIN_REF
    interpreter = opened(runtime, build(g), experimental_op_resolver_type=reference)
    interpreter.set_tensor(0, np.array([[1.5, -2, 0]], ml_dtypes.bfloat16))
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(1), [[1.5, -2, 0]])


@pytest.mark.parametrize(
    ("dtype", "reported"),
    [
        ("INT4", np.int8), ("UINT4", np.uint8), ("INT2", np.int8), ("FLOAT8_E4M3FN", np.int8),
        ("FLOAT8_E5M2", np.int8), ("BOOL", np.bool_), ("FLOAT16", np.float16),
        ("UINT16", np.uint16), ("UINT64", np.uint64), ("COMPLEX64", np.complex64),
        ("STRING", np.bytes_), ("RESOURCE", np.object_),
    ],
)  # fmt: skip
def test_reported_types(runtime: Any, dtype: str, reported: Any) -> None:
    g = Graph()
    x = g.input("x", (1, 4), dtype)
    g.output(g.op("RESHAPE", [x, g.constant(np.int32([4]))], (4,), dtype))
    interpreter = opened(runtime, build(g), allocate=False)
    assert interpreter.get_input_details()[0]["dtype"] is reported


@pytest.mark.parametrize(("dtype", "low", "high"), [("INT4", -8, 7), ("UINT4", 0, 15)])
def test_small_integers_are_bytes(runtime: Any, dtype: str, low: int, high: int) -> None:
    g = Graph()
    x = g.input("x", (1, 4), dtype)
    g.output(g.op("RESHAPE", [x, g.constant(np.int32([2, 2]))], (2, 2), dtype))
    interpreter = opened(runtime, build(g))
    values = np.array([[low, 0, 1, high]], interpreter.get_input_details()[0]["dtype"])
    interpreter.set_tensor(0, values)
    got = interpreter.get_tensor(0)
    assert got.dtype == values.dtype
    np.testing.assert_array_equal(got, values)


def test_scales_per_channel(runtime: Any) -> None:
    g = Graph()
    x = g.input("x", (1, 2, 2, 2), "INT8", scale=0.5)
    weights = g.constant(np.ones((3, 1, 1, 2), np.int8), scale=[0.5, 0.25, 0.125],
                         zero_point=[0, 0, 0])  # fmt: skip
    bias = g.constant(np.zeros(3, np.int32))
    g.output(
        g.op("CONV_2D", [x, weights, bias], (1, 2, 2, 3), "INT8", output={"scale": 1.0},
             version=3, stride_h=1, stride_w=1)
    )  # fmt: skip
    interpreter = opened(runtime, build(g))
    parameters = interpreter.get_tensor_details()[1]["quantization_parameters"]
    assert parameters["scales"].tolist() == [0.5, 0.25, 0.125]
    assert parameters["zero_points"].tolist() == [0, 0, 0]
    assert interpreter.get_tensor_details()[1]["sparsity_parameters"] == {}


def test_scales_by_blocks(runtime: Any) -> None:
    g = Graph()
    x = g.input("x", (1, 64))
    weights = g.constant(np.ones((2, 64), np.int8), dtype="INT4")
    scales = g.constant(np.float16([[0.5, 1], [2, 4]]))
    details = Options("BlockwiseQuantization", scales=scales, zero_points=-1, block_size=32)
    g.tensors[weights]["quantization"] = Quantization(details=details)
    g.output(g.op("FULLY_CONNECTED", [x, weights, -1], (1, 2), version=13))
    interpreter = opened(runtime, build(g))
    parameters = interpreter.get_tensor_details()[1]["quantization_parameters"]
    assert parameters["scales"].dtype == np.float16
    assert parameters["scales"].tolist() == [0.5, 1, 2, 4]
    assert parameters["zero_points"].tolist() == [] and parameters["block_size"] == 32


def sparse() -> Model:
    """[[1, 0, 2, 3], [0, 4, 0, 0], [0, 0, 5, 0], [0, 0, 0, 6]] in blocks of 2 x 2."""
    dense = {"format": DimensionType.DENSE, "dense_size": 2}
    compressed = {
        "format": DimensionType.SPARSE_CSR,
        "array_segments": Options("Int32Vector", values=[0, 2, 3]),
        "array_indices": Options("Int32Vector", values=[0, 1, 1]),
    }
    sparsity = Options(
        "SparsityParameters", traversal_order=[0, 1, 2, 3], block_map=[0, 1],
        dim_metadata=[Options("DimensionMetadata", **fields)
                      for fields in (dense, compressed, dense, dense)],
    )  # fmt: skip
    g = Graph()
    stored = np.int32([1, 0, 0, 4, 2, 3, 0, 0, 5, 0, 0, 6])
    values = g.constant(stored, name="values")
    x = g.input("x", (4, 4), "INT32")
    g.tensors[values].update(shape=(4, 4), sparsity=sparsity)
    g.output(g.op("ADD", [x, x], (4, 4), "INT32", version=3))
    g.output(g.op("DENSIFY", [values], (4, 4), "INT32"))
    model = build(g)
    buffers = tuple(
        Buffer(stored.tobytes()) if b.data is not None and b.data.size == 48 else b
        for b in model.buffers
    )
    return model.replace(buffers=buffers)


def test_sparse_tensors(runtime: Any) -> None:
    interpreter = opened(runtime, sparse())
    assert interpreter.get_tensor(0).tolist() == [1, 0, 0, 4, 2, 3, 0, 0, 5, 0, 0, 6]
    parameters = interpreter.get_tensor_details()[0]["sparsity_parameters"]
    assert parameters["traversal_order"].tolist() == [0, 1, 2, 3]
    assert parameters["block_map"].tolist() == [0, 1]
    first, second, third, fourth = parameters["dim_metadata"]
    assert first == third == fourth == {"format": 0, "dense_size": 2}
    assert second["format"] == 1 and second["array_segments"].dtype == np.int32
    assert second["array_segments"].tolist() == [0, 2, 3]
    assert second["array_indices"].tolist() == [0, 1, 1]
