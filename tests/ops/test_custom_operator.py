"""Custom operators from functions of arrays."""

from __future__ import annotations

import inspect
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite import (
    DataError,
    Interpreter,
    OptionError,
    ShapeError,
    TFLiteError,
    UnsupportedOperatorError,
)
from pytflite.format.flexbuffer import encode
from pytflite.ops.operator import define
from pytflite.ops.registry import BUILTINS, CUSTOM, find
from tests.harness import single_op, tensor


@pytest.fixture(autouse=True)
def _registries_as_they_were() -> Iterator[None]:
    find("RESHAPE")
    before = dict(CUSTOM), dict(BUILTINS)
    yield
    for registry, old in zip((CUSTOM, BUILTINS), before, strict=True):
        registry.clear()
        registry.update(old)


def model(**options: Any) -> pytflite.Model:
    return single_op("Test>Scale", [tensor((3,))], [tensor((3,))], custom_options=encode(options))


X = np.float32([1, 2, 3])


def test_an_unknown_one_says_how_to_register_it() -> None:
    with pytest.raises(UnsupportedOperatorError) as caught:
        Interpreter(model(factor=3)).run(X)
    text = str(caught.value)
    assert "Test>Scale" in text and "factor" in text and "@pytflite.operator('Test>Scale')" in text


def test_options_are_keywords() -> None:
    @pytflite.operator("Test>Scale")
    def scale(x: Any, factor: float = 1, **others: Any) -> Any:
        assert others == {"bias": 10}
        return x * factor + others["bias"]

    got = Interpreter(model(factor=3, bias=10)).run(X)
    np.testing.assert_array_equal(got, [13, 16, 19])
    assert got.dtype == np.float32


def test_options_that_a_function_does_not_name_are_left_out() -> None:
    got = Interpreter(model(factor=3), custom_ops={"Test>Scale": np.negative}).run(X)
    np.testing.assert_array_equal(got, -X)


def test_options_do_not_take_the_place_of_inputs() -> None:
    got = Interpreter(
        model(x=7, factor=3), custom_ops={"Test>Scale": lambda x, factor: x * factor}
    ).run(X)
    np.testing.assert_array_equal(got, X * 3)


def test_functions_that_numba_compiles() -> None:
    numba = pytest.importorskip("numba")

    @pytflite.operator("Test>Scale")
    @numba.njit
    def scale(x: Any, factor: float = 1.0, axes: Any = (0, 0), mode: str = "plain") -> Any:
        return x * factor + axes[0] + axes[1] + (100 if mode == "lifted" else 0)

    for options, want in (
        ({"factor": 3}, X * 3),
        ({"factor": 2.5, "axes": [1, 2], "unknown": {"a": 1}}, X * 2.5 + 3),
        ({"mode": "lifted", "x": 4}, X + 100),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            got = Interpreter(model(**options)).run(X)
        np.testing.assert_array_equal(got, want)
        assert got.dtype == np.float32
    copy = pickle.loads(pickle.dumps(Interpreter(model(factor=3), custom_ops={"A": scale})))
    np.testing.assert_array_equal(copy.run(X), X * 3)
    with pytest.raises(DataError, match="TypingError"):
        Interpreter(model(axes={"a": 1})).run(X)


def test_numba_sees_inputs_that_are_left_out_and_its_ufuncs_serve() -> None:
    numba = pytest.importorskip("numba")

    @numba.njit
    def bias_add(x: Any, bias: Any) -> Any:
        return x if bias is None else x + bias

    @numba.vectorize
    def doubled(x: Any) -> Any:
        return x * 2

    custom = {"Test>Scale": bias_add}
    for bias, want in ((None, X), (tensor((3,)), X + X)):
        graph = single_op("Test>Scale", [tensor((3,)), bias], [tensor((3,))])
        inputs = [X] if bias is None else [X, X]
        np.testing.assert_array_equal(Interpreter(graph, custom_ops=custom).run(*inputs), want)
    got = Interpreter(model(factor=3), custom_ops={"Test>Scale": doubled}).run(X)
    np.testing.assert_array_equal(got, X * 2)


def test_infer_gives_shapes_beforehand() -> None:
    @pytflite.operator("Test>Scale", infer=lambda x, times: (x.shape[0] * times,))
    def repeat(x: Any, times: int) -> Any:
        return np.tile(x, times)

    interpreter = Interpreter(model(times=2))
    assert interpreter.plan().steps[0].output_specs[0].static == (6,)
    np.testing.assert_array_equal(interpreter.run(X), [1, 2, 3, 1, 2, 3])


def test_a_view_of_the_input_is_copied() -> None:
    interpreter = Interpreter(model(), custom_ops={"Test>Scale": lambda x: x[::-1]})
    np.testing.assert_array_equal(interpreter.run(X), X[::-1])


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 1 / 0,
        lambda x: (x, x),
        lambda x: x.astype(complex),
        lambda: 1,
    ],
)
def test_faults_are_named_and_the_interpreter_goes_on(function: Any) -> None:
    answers = {"now": function}
    interpreter = Interpreter(model(), custom_ops={"Test>Scale": lambda *x: answers["now"](*x)})
    with pytest.raises(DataError) as caught:
        interpreter.run(X)
    assert caught.value.code == "op.custom" and "Test>Scale" in str(caught.value)
    answers["now"] = lambda x: x
    np.testing.assert_array_equal(interpreter.run(X), X)


def test_an_infer_that_fails_is_named() -> None:
    def fails(x: Any) -> Any:
        raise KeyError("size")

    def refuses(x: Any) -> Any:
        raise ShapeError("too many")

    for infer, error, code in (
        (fails, OptionError, "op.custom"),
        (refuses, ShapeError, "op.shape"),
    ):
        pytflite.operator("Test>Scale", infer=infer)(np.negative)
        with pytest.raises(error) as caught:
            Interpreter(model()).allocate_tensors()
        assert caught.value.code == code


@pytest.mark.parametrize(
    "shapes", [7, None, [(3,), (3,)], "abc", [(3.5,)], [(-1,)], [3, None, "x"]]
)
def test_an_infer_that_gives_no_shapes_is_named(shapes: Any) -> None:
    pytflite.operator("Test>Scale", infer=lambda x: shapes)(np.negative)
    with pytest.raises(TFLiteError) as caught:
        Interpreter(model()).run(X)
    assert caught.value.code == ("model.shape" if shapes == [(-1,)] else "op.custom")


def test_results_have_the_shape_that_infer_said() -> None:
    pytflite.operator("Test>Scale", infer=lambda x: (2,))(lambda x: x)
    with pytest.raises(DataError, match="another shape"):
        Interpreter(model()).run(X)


def test_errors_of_ours_pass_through() -> None:
    def refuse(x: Any) -> Any:
        raise ShapeError("not this one")

    with pytest.raises(ShapeError, match="not this one"):
        Interpreter(model(), custom_ops={"Test>Scale": refuse}).run(X)


def test_functions_that_tell_nothing_of_their_parameters() -> None:
    """`dict` has no signature: it gets arrays alone, and what it gives is no array."""
    with pytest.raises(ValueError, match="signature"):
        inspect.signature(dict)
    with pytest.raises(DataError) as caught:
        Interpreter(model(factor=2), custom_ops={"Test>Scale": dict}).run(X)
    assert "not iterable" in str(caught.value) or "sequence" in str(caught.value)


def test_overriding_a_builtin() -> None:
    reshape = single_op("RESHAPE", [tensor((3,))], [tensor((3, 1))], new_shape=[3, 1])
    got = Interpreter(reshape, custom_ops={"RESHAPE": lambda x: x.reshape(3, 1) * 2}).run(X)
    np.testing.assert_array_equal(got, 2 * X[:, None])
    np.testing.assert_array_equal(Interpreter(reshape).run(X), X[:, None])
    pytflite.operator("RESHAPE", override=True)(lambda x: x.reshape(3, 1) * 5)
    np.testing.assert_array_equal(Interpreter(reshape).run(X), 5 * X[:, None])


def test_what_a_user_registered_stays_when_a_module_defines_the_name() -> None:
    @pytflite.operator("Test>Scale")
    def scale(x: Any) -> Any:
        return x * 2

    module = CUSTOM["Test>Scale"]._replace(doc="of a module")
    define(
        "Test>Scale", module=__name__, custom=True, signature=module.signature,
        infer=module.infer, eval=module.eval, doc="of a module",
    )  # fmt: skip
    np.testing.assert_array_equal(Interpreter(model()).run(X), X * 2)
    assert CUSTOM["Test>Scale"].doc != "of a module"
