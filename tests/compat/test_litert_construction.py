"""What programs rely on when they make an interpreter, asked of pytflite and of LiteRT.

With the other files of this name: the behaviours that LiteRT's own interpreter tests cover (but for
delegates, which are C), with models of ours.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytflite.model.writing import write
from tests.compat.models import no_quantization, opened, reversing
from tests.graphs import Graph, build


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
