"""STABLEHLO_CUSTOM_CALL: targets whose names say what they are, and those that users register."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite import Interpreter, OptionError, ShapeError, UnsupportedOperatorError
from pytflite.format.flexbuffer import encode
from pytflite.model.model import Model
from pytflite.ops.registry import CUSTOM
from tests.harness import TensorOf, single_op, tensor
from tests.ops.shape.samples import deferred, run_once

X = np.linspace(-0.9, 0.9, 12, dtype=np.float32).reshape(3, 4)


def call(name: str, inputs: list[TensorOf], outputs: list[TensorOf], **attributes: Any) -> Model:
    more: dict[str, Any] = {"custom_attributes": list(encode(attributes))} if attributes else {}
    return single_op("STABLEHLO_CUSTOM_CALL", inputs, outputs, call_target_name=name, **more)


@pytest.mark.parametrize("name", ["Sharding", "mark_tensor", "LayoutConstraint"])
@pytest.mark.parametrize("dtype", ["FLOAT32", "INT4", "STRING"])
def test_notes_for_compilers(name: str, dtype: str) -> None:
    x = np.array([b"a", b"bc"], object) if dtype == "STRING" else np.array([1, 2]).astype(
        np.float32 if dtype == "FLOAT32" else np.int8
    )  # fmt: skip
    model = call(name, [tensor((2,), dtype)], [tensor((2,), dtype)])
    np.testing.assert_array_equal(run_once(model, x)[0], x)


@pytest.mark.parametrize(
    ("name", "function"),
    [("mhlo.erf", math.erf), ("mhlo.tan", math.tan), ("mhlo.asin", math.asin),
     ("mhlo.acos", math.acos), ("mhlo.atan", math.atan), ("mhlo.sinh", math.sinh),
     ("mhlo.cosh", math.cosh), ("mhlo.asinh", math.asinh), ("mhlo.atanh", math.atanh)],
)  # fmt: skip
def test_functions(name: str, function: Any) -> None:
    model = call(name, [tensor((3, 4))], [tensor((3, 4))], has_side_effect=False)
    want = np.vectorize(function)(X.astype(np.float64))
    np.testing.assert_allclose(run_once(model, X)[0], want, rtol=1e-6)
    later, inputs = deferred(model, X)
    np.testing.assert_allclose(run_once(later, *inputs)[0], want, rtol=1e-6)


@pytest.mark.parametrize("centers", [False, True])
def test_resize_bilinear(centers: bool) -> None:
    x, size = X.reshape(1, 3, 4, 1), np.array([6, 5], np.int32)
    inputs, outputs = [tensor(x.shape), tensor(value=size)], [tensor((1, 6, 5, 1))]
    theirs = single_op("RESIZE_BILINEAR", inputs, outputs, half_pixel_centers=centers)
    model = call("tf.ResizeBilinear", inputs, outputs, align_corners=False, device="",
                 half_pixel_centers=centers)  # fmt: skip
    np.testing.assert_allclose(run_once(model, x)[0], run_once(theirs, x)[0], rtol=1e-6, atol=1e-6)


def test_registered_by_the_user() -> None:
    name = "tests.scale_and_shift"
    model = call(name, [tensor((3, 4))], [tensor((3, 4))], factor=3)
    with pytest.raises(UnsupportedOperatorError, match="scale_and_shift"):
        Interpreter(model).allocate_tensors()
    try:
        pytflite.operator(name)(lambda x, factor: x * np.float32(factor))
        np.testing.assert_array_equal(run_once(model, X)[0], X * 3)
    finally:
        CUSTOM.pop(name, None)


@pytest.mark.parametrize("name", ["tests.negated", "Resampler"])
def test_of_one_interpreter(name: str) -> None:
    """Its own custom operators come first, whatever their names are; no other one has them."""
    model = call(name, [tensor((3, 4))], [tensor((3, 4))])
    mine = Interpreter(model, custom_ops={name: lambda x: -x})
    np.testing.assert_array_equal(mine.run(X), -X)
    with pytest.raises(UnsupportedOperatorError, match=name):
        Interpreter(model).allocate_tensors()


def test_refuses() -> None:
    x = tensor((4,))
    for model, error in (
        (call("", [x], [x]), UnsupportedOperatorError),
        (call("Resampler", [x], [x]), UnsupportedOperatorError),  # ours, but not by this way
        (call("Sharding", [x], [tensor((2,))]), ShapeError),
        (call("Sharding", [x, x], [x]), pytflite.TFLiteError),
        (call("mhlo.erf", [tensor((4,), "INT32")], [tensor((4,), "INT32")]), pytflite.DTypeError),
        (single_op("STABLEHLO_CUSTOM_CALL", [x], [x], call_target_name="mhlo.erf",
                   custom_attributes=[1, 2, 3]), OptionError),
    ):  # fmt: skip
        with pytest.raises(error):
            Interpreter(model).allocate_tensors()
