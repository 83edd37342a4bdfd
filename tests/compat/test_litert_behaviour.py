"""What programs rely on, asked of pytflite and, where it is installed, of LiteRT itself.

Covers the behaviours that LiteRT's own interpreter tests cover (but for delegates, which are C),
with models of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pytflite.interpreter as ours
from pytflite.format.schema import DimensionType
from pytflite.model.graph import Buffer, Quantization, Signature
from pytflite.model.model import Model
from pytflite.model.options import Options
from pytflite.model.writing import write
from tests.graphs import Graph, build
from tests.harness import litert, needs_litert

RUNTIMES = [
    pytest.param(ours, id="pytflite"),
    pytest.param(litert, id="litert", marks=needs_litert),
]


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> Any:
    return request.param


def opened(runtime: Any, model: Model, *, allocate: bool = True, **more: Any) -> Any:
    interpreter = runtime.Interpreter(model_content=write(model), **more)
    if allocate:
        interpreter.allocate_tensors()
    return interpreter


def reversing() -> Model:
    """A fully connected layer without bias that reverses four numbers."""
    g = Graph()
    x = g.input("input", (1, 4))
    weights = g.constant(np.eye(4, dtype=np.float32)[::-1], name="weights")
    g.output(g.op("FULLY_CONNECTED", [x, weights, -1], (1, 4), output={"name": "output"}))
    return build(g)


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


def counting() -> Model:
    """Two signatures on two subgraphs: x + y, and x * y."""
    graphs = []
    for operator in ("ADD", "MUL"):
        g = Graph(operator.lower())
        x, y = g.input(f"{operator.lower()}_x", (1,)), g.input(f"{operator.lower()}_y", (1,))
        g.output(g.op(operator, [x, y], (1,)))
        graphs.append(g)
    return build(
        *graphs,
        signatures=[
            Signature("add", {"y": 1, "x": 0}, {"sum": 2}),
            Signature("multiply", {"y": 1, "x": 0}, {"product": 2}, 1),
        ],
    )


def no_quantization(details: dict[str, Any]) -> None:
    assert details["quantization"] == (0.0, 0)
    parameters = details["quantization_parameters"]
    assert parameters["scales"].dtype == np.float32 and parameters["scales"].size == 0
    assert parameters["zero_points"].dtype == np.int32 and parameters["zero_points"].size == 0
    assert parameters["quantized_dimension"] == 0 and parameters["block_size"] == 0


# --- construction ----------------------------------------------------------------------------


def test_path_like_models(runtime: Any, tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(write(reversing()))
    runtime.Interpreter(model_path=path).allocate_tensors()
    runtime.Interpreter(str(path)).allocate_tensors()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_threads": -1}, "num_threads should >= 1"),
        ({"num_threads": 0}, "num_threads should >= 1"),
        ({"num_threads": 4.2}, "type of num_threads should be int"),
        (
            {"experimental_op_resolver_type": "test"},
            "Unrecognized passed in op resolver type: test",
        ),
    ],
)
def test_wrong_arguments(runtime: Any, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        opened(runtime, reversing(), **arguments)


@pytest.mark.parametrize("content", [b"short", b"wrong_identifier"])
def test_content_that_is_no_model(runtime: Any, content: bytes) -> None:
    with pytest.raises(ValueError, match=r"^The model is not a valid Flatbuffer buffer"):
        runtime.Interpreter(model_content=content)


def test_missing_models(runtime: Any) -> None:
    with pytest.raises(ValueError, match=r"^Could not open 'no_such_file'"):
        runtime.Interpreter(model_path="no_such_file")
    with pytest.raises(ValueError, match=r"^`model_path` or `model_content` must be specified."):
        runtime.Interpreter(model_path=None, model_content=None)
    with pytest.raises(ValueError, match=r"^Can't both provide `model_path` and `model_content`"):
        runtime.Interpreter(model_path="a", model_content=b"b")


@pytest.mark.parametrize(
    "name", ["AUTO", "BUILTIN", "BUILTIN_REF", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"]
)
def test_float_with_each_resolver(runtime: Any, name: str) -> None:
    interpreter = opened(
        runtime, reversing(), experimental_op_resolver_type=runtime.OpResolverType[name]
    )
    (given,), (made,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert (given["name"], made["name"]) == ("input", "output")
    for details in (given, made):
        assert details["dtype"] is np.float32
        assert details["shape"].dtype == np.int32 and details["shape"].tolist() == [1, 4]
        no_quantization(details)
    interpreter.set_tensor(given["index"], np.float32([[1, 2, 3, 4]]))
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(made["index"]), [[4, 3, 2, 1]])


def test_all_arguments_are_accepted(runtime: Any) -> None:
    interpreter = opened(
        runtime, reversing(), num_threads=2, experimental_delegates=[],
        experimental_disable_delegate_clustering=True,
        experimental_default_delegate_latest_features=True,
        experimental_compress_quantization_zero_points=False,
        experimental_disable_delegate_node_fusion=True,
        experimental_force_delegate_node_profiling=False,
    )  # fmt: skip
    interpreter.set_tensor(0, np.float32([[1, 2, 3, 4]]))
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(2), [[4, 3, 2, 1]])
    assert interpreter.experimental_compress_quantization_zero_points is False


def test_custom_operators_by_name_and_by_function(runtime: Any) -> None:
    content = write(reversing())
    with pytest.raises(ValueError, match=r"^Looking up symbol 'NoSuchName' failed"):
        runtime.InterpreterWithCustomOps(
            model_content=content, custom_op_registerers=["NoSuchName"]
        )
    for more in ({}, {"custom_op_registerers": [lambda resolver: None]}):
        assert runtime.InterpreterWithCustomOps(model_content=content, **more)._safe_to_run()


def test_delegates_that_are_not_there(runtime: Any) -> None:
    with pytest.raises((ValueError, OSError)):
        runtime.load_delegate("no_such_delegate.so.1")


def test_what_get_tensor_gives_is_the_callers(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    value = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert value.flags.owndata and value.flags.writeable
    value.resize((2, 2), refcheck=False)


def test_constants_can_be_read_before_anything_is_allocated(runtime: Any) -> None:
    g = Graph()
    g.output(g.op("ADD", [g.input("x", (3,)), g.constant(np.float32([1, 2, 3]))], (3,)))
    interpreter = opened(runtime, build(g), allocate=False)
    names = [d["name"] for d in interpreter.get_tensor_details()]
    found = {}
    for index, name in enumerate(names):
        try:
            found[name] = interpreter.get_tensor(index).tolist()
        except ValueError as error:
            assert str(error).startswith("Tensor data is null.")
    assert list(found.values()) == [[1, 2, 3]]


def test_arguments_that_do_not_fit_until_they_are_resized(runtime: Any) -> None:
    """Sizes that a file leaves open are 1 until then, also those of begin and size."""
    g = Graph()
    x = g.input("x", (1, 1))
    begin, size = (g.input(n, (1,), "INT32") for n in ("begin", "size"))
    g.output(g.op("SLICE", [x, begin, size], (2, 3)))
    interpreter = opened(runtime, build(g))  # which allocates
    values = np.arange(12, dtype=np.float32).reshape(3, 4), np.int32([1, 0]), np.int32([2, 3])
    for details, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.resize_tensor_input(details["index"], value.shape)
    interpreter.allocate_tensors()
    for details, value in zip(interpreter.get_input_details(), values, strict=True):
        interpreter.set_tensor(details["index"], value)
    interpreter.invoke()
    output = interpreter.get_output_details()[0]["index"]
    assert interpreter.get_tensor(output).tolist() == [[4, 5, 6], [8, 9, 10]]


# --- types -----------------------------------------------------------------------------------


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


# --- order of calls, and errors ----------------------------------------------------------------


def test_before_allocation(runtime: Any) -> None:
    interpreter = opened(runtime, reversing(), allocate=False)
    with pytest.raises(RuntimeError, match=r"^Invoke called on model that is not ready"):
        interpreter.invoke()
    with pytest.raises(ValueError, match=r"^Tensor data is null. Run allocate_tensors"):
        interpreter.get_tensor(0)
    with pytest.raises(ValueError, match=r"^Cannot set tensor: Tensor is unallocated"):
        interpreter.set_tensor(0, np.zeros((1, 4), np.float32))
    with pytest.raises(ValueError, match=r"^Tensor data is null. Run allocate_tensors"):
        interpreter.tensor(0)()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.ones((1, 4)), "Cannot set tensor: Got value of type FLOAT64 but expected type FLOAT32 "
                          "for input 0, name: input"),
        ([[1, 2, 3, 4]], "Cannot set tensor: Got value of type INT64 but expected type FLOAT32"),
        (np.ones(4, np.float32), "Cannot set tensor: Dimension mismatch. Got 1 but expected 2 "
                                 "for input 0."),
        (np.ones((1, 5), np.float32), "Cannot set tensor: Dimension mismatch. Got 5 but expected 4 "
                                      "for dimension 1 of input 0."),
    ],
)  # fmt: skip
def test_values_that_do_not_fit(runtime: Any, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        opened(runtime, reversing()).set_tensor(0, value)


def test_invalid_indices(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    for call in (
        lambda: interpreter._get_tensor_details(4, 0),
        lambda: interpreter.get_tensor(4),
        lambda: interpreter.set_tensor(4, np.zeros(1)),
    ):
        with pytest.raises(ValueError, match=r"^Invalid tensor index 4 exceeds max tensor index 3"):
            call()
    with pytest.raises(ValueError, match=r"^Invalid subgraph index 5 exceeds max subgraph index 1"):
        interpreter.get_tensor(0, 5)
    with pytest.raises(ValueError, match=r"^Invalid node index"):
        interpreter._get_op_details(4)


def test_resizing(runtime: Any) -> None:
    g = Graph()
    x = g.input("x", (1, 4), signature=(-1, 4))
    g.output(g.op("ADD", [x, x], (1, 4)))
    interpreter = opened(runtime, build(g))
    with pytest.raises(RuntimeError, match="ResizeInputTensorStrict only allows mutating unknown"):
        interpreter.resize_tensor_input(0, [2, 5], strict=True)
    for index, shape in ((0, [-1, 4]), (99, [1, 4])):
        with pytest.raises((RuntimeError, ValueError)):
            interpreter.resize_tensor_input(index, shape)
    with pytest.raises(ValueError, match=r"^Shape should be 1D instead of 2"):
        interpreter.resize_tensor_input(0, [[2, 4]])
    interpreter = opened(runtime, build(g))
    interpreter.resize_tensor_input(0, np.array([3, 4]), strict=True)
    interpreter.allocate_tensors()
    assert interpreter.get_input_details()[0]["shape"].tolist() == [3, 4]
    assert interpreter.get_input_details()[0]["shape_signature"].tolist() == [-1, 4]
    interpreter.set_tensor(0, np.ones((3, 4), np.float32))
    interpreter.invoke()
    np.testing.assert_array_equal(interpreter.get_tensor(1), np.full((3, 4), 2))


def test_empty_inputs(runtime: Any) -> None:
    g = Graph()
    x = g.input("x", (1,), signature=(-1,))
    g.output(g.op("SUM", [x, g.constant(np.int32([0]))], ()))
    model = build(g, signatures=[Signature("serving_default", {"x": 0}, {"sum": 2})])
    got = opened(runtime, model).get_signature_runner()(x=np.zeros(0, np.float32))
    assert got["sum"] == 0 and got["sum"].shape == ()


# --- tensor() ----------------------------------------------------------------------------------

FIRST = np.float32([[-1, -2, -3, -4]])


def test_tensor_gives_a_live_view(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    given, made = interpreter.tensor(0), interpreter.tensor(2)
    np.copyto(given(), FIRST)
    np.testing.assert_array_equal(given(), FIRST)
    np.testing.assert_array_equal(interpreter.get_tensor(0), FIRST)
    interpreter.invoke()
    np.testing.assert_array_equal(made(), FIRST[:, ::-1])


def test_get_tensor_gives_copies(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    interpreter.set_tensor(0, FIRST)
    copy = interpreter.get_tensor(0)
    interpreter.set_tensor(0, copy + 1)
    np.testing.assert_array_equal(copy, FIRST)
    np.testing.assert_array_equal(interpreter.get_tensor(0), FIRST + 1)


def test_views_are_counted(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    function = interpreter.tensor(0)
    assert interpreter._safe_to_run()
    first = function()
    assert not interpreter._safe_to_run()
    second = function()[0, 1:]  # a slice holds on to it, too
    del first
    assert not interpreter._safe_to_run()
    del second
    assert interpreter._safe_to_run()


def test_views_protect_their_memory(runtime: Any) -> None:
    interpreter = opened(runtime, reversing())
    view = interpreter.tensor(0)()
    for call in (
        interpreter.allocate_tensors,
        interpreter.invoke,
        lambda: interpreter.resize_tensor_input(0, [2, 4]),
    ):
        with pytest.raises(RuntimeError, match=r"^There is at least 1 reference"):
            call()
    interpreter.set_tensor(0, FIRST)  # this one is no danger
    np.testing.assert_array_equal(view, FIRST)
    del view
    interpreter.allocate_tensors()
    interpreter.invoke()


# --- operators, subgraphs, signatures ------------------------------------------------------------


def test_operator_details(runtime: Any) -> None:
    (details,) = opened(
        runtime, reversing(), experimental_op_resolver_type=runtime.OpResolverType.BUILTIN_REF
    )._get_ops_details()
    assert list(details) == [
        "index", "op_name", "inputs", "outputs", "operand_types", "result_types",
    ]  # fmt: skip
    assert details["index"] == 0 and details["op_name"] == "FULLY_CONNECTED"
    assert details["inputs"].tolist() == [0, 1, -1] and details["outputs"].tolist() == [2]
    assert details["operand_types"] == [np.float32, np.float32]
    assert details["result_types"] == [np.float32]


def test_subgraphs(runtime: Any) -> None:
    one, two = opened(runtime, reversing()), opened(runtime, counting())
    assert one.num_subgraphs() == 1 and two.num_subgraphs() == 2
    assert [d["name"] for d in one.get_tensor_details()] == ["input", "weights", "output"]
    assert two.get_tensor_details(subgraph_index=0)[0]["name"] == "add_x"
    assert two.get_tensor_details(subgraph_index=1)[0]["name"] == "mul_x"
    for interpreter, index in ((one, 1), (one, -1), (two, 3)):
        with pytest.raises(ValueError, match=r"^subgraph_index is out of range"):
            interpreter.get_tensor_details(subgraph_index=index)


def test_signatures(runtime: Any) -> None:
    interpreter = opened(runtime, counting())
    assert interpreter.get_signature_list() == {
        "add": {"inputs": ["x", "y"], "outputs": ["sum"]},
        "multiply": {"inputs": ["x", "y"], "outputs": ["product"]},
    }
    assert interpreter._get_full_signature_list()["multiply"] == {
        "inputs": {"x": 0, "y": 1}, "outputs": {"product": 2},
    }  # fmt: skip
    add, multiply = map(interpreter.get_signature_runner, ("add", "multiply"))
    three, four = np.float32([3]), np.float32([4])
    assert {k: v.tolist() for k, v in add(x=three, y=four).items()} == {"sum": [7]}
    assert {k: v.tolist() for k, v in multiply(y=four, x=three).items()} == {"product": [12]}
    assert interpreter.get_tensor(2, 1).tolist() == [12]
    assert interpreter.get_tensor(2).tolist() == [7]  # the signature's tensors are ours
    longer = add(x=np.float32([1, 2]), y=np.float32([3, 4]))
    assert longer["sum"].tolist() == [4, 6]
    assert add.get_input_details()["x"]["shape"].tolist() == [2]
    assert list(multiply.get_output_details()) == ["product"]
    assert multiply.get_input_details()["y"]["name"] == "mul_y"


def test_signature_errors(runtime: Any) -> None:
    interpreter = opened(runtime, counting())
    with pytest.raises(
        ValueError, match=r"^SignatureDef signature_key is None and model has 2 Sig"
    ):
        interpreter.get_signature_runner()
    with pytest.raises(ValueError, match=r'^Invalid signature_key provided: "divide"'):
        interpreter.get_signature_runner("divide")
    add, x = interpreter.get_signature_runner("add"), np.float32([3])
    with pytest.raises(ValueError, match=r"^Invalid number of inputs provided .* 2 vs provided 1"):
        add(x=x)
    with pytest.raises(ValueError, match=r"^Invalid Input name \(z\) for SignatureDef"):
        add(x=x, z=x)
    with pytest.raises(ValueError, match=r"^Cannot set tensor: Got value of type INT32"):
        add(x=x, y=np.int32([3]))


def remembering() -> Model:
    """A signature that adds to a variable, and one that reads it."""
    handle = {"container": "", "shared_name": "total"}
    add, read = Graph("add"), Graph("read")
    x = add.input("x", (2,))
    r = add.op("VAR_HANDLE", [], (), "RESOURCE", **handle)
    old = add.op("READ_VARIABLE", [r], (2,))
    new = add.op("ADD", [old, x], (2,))
    add.op("ASSIGN_VARIABLE", [r, new], None)
    add.output(new)
    r2 = read.op("VAR_HANDLE", [], (), "RESOURCE", **handle)
    read.output(read.op("READ_VARIABLE", [r2], (2,)))
    start = Graph("start")
    zero = start.constant(np.zeros(2, np.float32))
    r3 = start.op("VAR_HANDLE", [], (), "RESOURCE", **handle)
    start.op("ASSIGN_VARIABLE", [r3, zero], None)
    start.output(zero)
    return build(
        add, read, start,
        signatures=[
            Signature("add", {"x": x}, {"total": new}), Signature("read", {}, {"total": 1}, 1),
            Signature("start", {}, {"zero": zero}, 2),
        ],
    )  # fmt: skip


def test_signatures_share_state(runtime: Any) -> None:
    interpreter = opened(runtime, remembering(), allocate=False)
    start, add, read = map(interpreter.get_signature_runner, ("start", "add", "read"))
    assert len({runner._subgraph_index for runner in (start, add, read)}) == 3
    start()
    for _ in range(3):
        add(x=np.float32([1, 2]))
    assert read()["total"].tolist() == [3, 6]


def test_tensors_of_called_subgraphs_are_preserved(runtime: Any) -> None:
    g, body = Graph(), Graph("body")
    x, always = g.input("x", (2,)), g.input("always", (), "BOOL")
    g.output(g.op("IF", [always, x], (2,), then_subgraph_index=1, else_subgraph_index=1))
    y = body.input("y", (2,))
    twice = body.op("ADD", [y, y], (2,))
    body.output(body.op("MUL", [twice, y], (2,)))
    interpreter = opened(runtime, build(g, body), experimental_preserve_all_tensors=True)
    for value in ([1, 2], [3, 4]):
        interpreter.set_tensor(x, np.float32(value))
        interpreter.set_tensor(always, np.bool_(True))
        interpreter.invoke()
        doubled = [2 * v for v in value]
        assert interpreter.get_tensor(twice, subgraph_index=1).tolist() == doubled


def test_resource_variables_are_not_reset(runtime: Any) -> None:
    interpreter = opened(runtime, remembering(), allocate=False)
    start, add, read = map(interpreter.get_signature_runner, ("start", "add", "read"))
    start()
    add(x=np.float32([1, 2]))
    interpreter.reset_all_variables()
    assert read()["total"].tolist() == [1, 2]


@pytest.mark.parametrize("shape", [(1, 4)])
def test_state_of_variable_tensors(runtime: Any, shape: tuple[int, ...]) -> None:
    g = Graph()
    x = g.input("x", shape)
    state = g.tensor(shape, variable=True, name="state")
    weights = g.constant(np.ones((4, 4), np.float32))
    recurrent = g.constant(np.eye(4, dtype=np.float32))
    bias = g.constant(np.zeros(4, np.float32))
    g.output(g.op("RNN", [x, weights, recurrent, bias, state], shape))
    interpreter = opened(runtime, build(g))
    output = interpreter.get_output_details()[0]["index"]
    totals = []
    for call in range(4):
        if call == 3:
            interpreter.reset_all_variables()
        interpreter.set_tensor(0, np.ones(shape, np.float32))
        interpreter.invoke()
        totals.append(interpreter.get_tensor(output)[0, 0])
    assert totals == [4, 8, 12, 4]
