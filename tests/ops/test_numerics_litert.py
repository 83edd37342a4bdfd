"""numerics="litert": LiteRT as shipped, which leaves 8-bit operators to XNNPACK, to the bit."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.model.model import Model
from pytflite.ops.activation import quantized_range
from pytflite.ops.requantize import requantize, requantizer, work_bytes
from pytflite.ops.spec import Node, Spec
from tests.harness import TensorOf, needs_litert, run_litert, single_op, tensor
from tests.ops.quantised_models import (
    CASES,
    MAKERS,
    convolution,
    dense,
    depthwise,
    integers,
    leaky_relu,
)

_MODELS = 16  # of each operator and type

_cases = pytest.mark.parametrize(("name", "dtype"), CASES)


def run(model: Model, *inputs: np.ndarray, numerics: str = "litert") -> np.ndarray:
    """On NumPy."""
    interpreter = pytflite.Interpreter(model, backend="numpy", numerics=numerics)
    return np.asarray(interpreter.run(*inputs))


def as_shipped(model: Model, *inputs: np.ndarray) -> np.ndarray:
    """On LiteRT with all that it does by default."""
    return run_litert(model, *inputs, times=1, resolver="AUTO")[0][0]


@needs_litert
@_cases
def test_same_as_shipped(name: str, dtype: str) -> None:
    for seed in range(_MODELS):
        model, inputs = MAKERS[name](np.random.default_rng(seed), dtype)
        np.testing.assert_array_equal(run(model, *inputs), as_shipped(model, *inputs), str(seed))


@_cases
def test_the_models_tell_them_apart(name: str, dtype: str) -> None:
    """Or the test above would say nothing: only averages are the same."""
    found = False
    for seed in range(100):
        model, inputs = MAKERS[name](np.random.default_rng(seed), dtype)
        found = bool((run(model, *inputs) != run(model, *inputs, numerics="reference")).any())
        if found:
            break
    assert found == (name != "AVERAGE_POOL_2D")


@needs_litert
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@pytest.mark.parametrize("make", [convolution, depthwise, dense])
@pytest.mark.parametrize("steps", [1e4, 1e5, 4e5])
def test_steep_multipliers(make: Any, dtype: str, steps: float) -> None:
    """Products of sums and multipliers pass an int32; from 256 on LiteRT refuses the model."""
    for seed in range(4):
        model, inputs = make(np.random.default_rng(seed), dtype, steps=steps)
        np.testing.assert_array_equal(run(model, *inputs), as_shipped(model, *inputs), str(seed))


@needs_litert
@pytest.mark.parametrize(("dtype", "depth"), [("INT4", 6), ("INT4", 16), ("INT2", 4), ("INT2", 32)])
def test_narrow_weights(dtype: str, depth: int) -> None:
    model, x = _narrow(dtype, depth)
    np.testing.assert_array_equal(run(model, x), as_shipped(model, x))


def _narrow(dtype: str, depth: int, units: int = 19) -> tuple[Model, np.ndarray]:
    rng = np.random.default_rng(depth)
    most = 1 << (3 if dtype == "INT4" else 1)
    scales = 2.0 ** rng.integers(-6, -3, units)
    model = single_op(
        "FULLY_CONNECTED",
        [
            tensor((90, depth), "INT8", scale=0.125, zero_point=3),
            tensor(value=rng.integers(-most, most, (units, depth)).astype(np.int8), dtype=dtype,
                   scale=scales, zero_point=np.zeros(units, int)),
            None,
        ],
        [tensor((90, units), "INT8", scale=0.25, zero_point=-7)],
    )  # fmt: skip
    return model, integers(rng, "INT8", (90, depth))


def _pointwise(bias: TensorOf | None) -> tuple[Model, list[np.ndarray]]:
    rng = np.random.default_rng(1)
    weights = tensor(value=integers(rng, "INT8", (8, 1, 1, 40)) // 2 * 2 + 1, scale=2.0**-7)
    model = single_op(
        "CONV_2D",
        [tensor((1, 20, 20, 40), "INT8", scale=2.0**-5), weights, bias],
        [tensor((1, 20, 20, 8), "INT8", scale=0.25)],
        stride_w=1, stride_h=1, dilation_w_factor=1, dilation_h_factor=1,
    )  # fmt: skip
    return model, [integers(rng, "INT8", (1, 20, 20, 40))]


def _far_apart() -> tuple[Model, list[np.ndarray]]:
    scales = 2.0**-12, 1.0, 1.0
    shapes = (256, 1), (1, 256), (256, 256)
    tensors = [tensor(s, "INT8", scale=v) for s, v in zip(shapes, scales, strict=True)]
    values = np.arange(-128, 128).astype(np.int8)
    return single_op("ADD", tensors[:2], tensors[2:]), [values[:, None], values[None]]


def _run_time_axes() -> tuple[Model, list[np.ndarray]]:
    rng = np.random.default_rng(2)
    model = single_op(
        "MEAN",
        [tensor((50, 8), "INT8", scale=0.5), tensor((1,), "INT32")],
        [tensor((50,), "INT8", scale=0.5)],
    )
    return model, [integers(rng, "INT8", (50, 8)), np.array([1], np.int32)]


@pytest.mark.parametrize(
    "made",
    [
        _pointwise(None),
        _pointwise(tensor(value=np.zeros(8, np.int32))),
        _pointwise(tensor(value=np.zeros(8, np.int32), scale=1e-40)),
        _far_apart(),
        _run_time_axes(),
        leaky_relu(np.random.default_rng(3), "INT8", alpha=1e-4),
        (lambda model, x: (model, [x]))(*_narrow("INT4", 7)),
        (lambda model, x: (model, [x]))(*_narrow("INT2", 6)),
    ],
    ids=["no bias", "no scale", "denormal", "ratio", "axes", "alpha", "int4", "int2"],
)
def test_what_xnnpack_is_not_given(made: tuple[Model, list[np.ndarray]]) -> None:
    """Follows the reference."""
    model, inputs = made
    want = run(model, *inputs, numerics="reference")
    np.testing.assert_array_equal(run(model, *inputs), want)


def test_only_that_keeps_it_from_xnnpack() -> None:
    """The model of the test above, with a bias as it should be."""
    model, inputs = _pointwise(tensor(value=np.zeros(8, np.int32), scale=2.0**-12))
    assert (run(model, *inputs) != run(model, *inputs, numerics="reference")).any()


def test_long_sums_are_rounded_once() -> None:
    """Float32 takes sums as they are, bias included, and wrapped to 32 bits."""
    rng = np.random.default_rng(4)
    acc = rng.integers(-(2**29), 2**29, (300, 3))
    bias = np.array([2**30, -5, 2**31 - 1])
    real = np.float32(3e-8)
    q = requantizer([real], bias, 2**29, 7, -128, 127, bits=8, nearest=True)
    out = np.empty(acc.shape, np.int8)
    requantize(q, acc.astype(np.float64), out, np.empty(work_bytes(acc.size), np.uint8))
    sums = (acc + bias).astype(np.int32).astype(np.float32)
    want = np.clip(np.rint(sums * real).astype(int) + 7, -128, 127)
    np.testing.assert_array_equal(out, want)


def test_bounds_round_to_even_with_the_zero_point() -> None:
    """6 / 0.48 = 12.5 steps: to 12 or 13, whichever is even with the zero point."""
    node = Node("MAX_POOL_2D", 1, (), ())
    for zero, even in ((0, 12), (1, 14), (-128, -116), (-127, -114)):
        made = tensor((1,), "INT8", scale=0.48, zero_point=zero)
        spec = Spec((1,), made.dtype, made.quantization)
        assert quantized_range(node, spec, 3, even=True) == (zero, even)
        assert quantized_range(node, spec, 3) == (zero, zero + 13)


# --- the option ---------------------------------------------------------------------------------


def _telling() -> tuple[Model, list[np.ndarray], np.ndarray]:
    """A model on which the two differ, and what LiteRT as shipped answers."""
    for seed in range(100):
        model, inputs = MAKERS["MUL"](np.random.default_rng(seed), "INT8")
        want = run(model, *inputs)
        if (want != run(model, *inputs, numerics="reference")).any():
            return model, inputs, want
    raise AssertionError("there should be one")


def test_copies_keep_it() -> None:
    model, inputs, want = _telling()
    interpreter = pytflite.Interpreter(model, backend="numpy", numerics="litert")
    unpickled = pickle.loads(pickle.dumps(interpreter))
    for other in (interpreter, interpreter.clone(), copy.deepcopy(interpreter), unpickled):
        np.testing.assert_array_equal(other.run(*inputs), want)


def test_those_who_look_on_see_it() -> None:
    model, inputs, want = _telling()
    interpreter = pytflite.Interpreter(model, backend="numpy", numerics="litert")
    trace = interpreter.trace(*inputs)
    np.testing.assert_array_equal(trace[model.outputs[0].name], want)
    preserving = pytflite.Interpreter(
        model, backend="numpy", numerics="litert", experimental_preserve_all_tensors=True
    )
    np.testing.assert_array_equal(preserving.run(*inputs), want)


def test_other_shapes_and_batches_have_it() -> None:
    model, (a, b), want = _telling()
    interpreter = pytflite.Interpreter(model, backend="numpy", numerics="litert")
    interpreter.resize_tensor_input(0, [2, 256, 1])
    stacked = interpreter.run(np.stack([a, a]), b)
    np.testing.assert_array_equal(stacked, np.stack([want, want]))


def test_two_interpreters_of_one_model_do_not_share_it() -> None:
    model, inputs, want = _telling()
    reference = run(model, *inputs, numerics="reference")
    for numerics, wanted in (("litert", want), ("reference", reference), ("litert", want)):
        np.testing.assert_array_equal(run(model, *inputs, numerics=numerics), wanted)


def test_unknown_values() -> None:
    model, _, _ = _telling()
    with pytest.raises(pytflite.TFLiteError, match="numerics"):
        pytflite.Interpreter(model, numerics="xnnpack")
