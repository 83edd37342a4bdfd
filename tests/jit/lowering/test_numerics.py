"""numerics="litert" gives the same bits on both backends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.jit.lowering.products_int8 import TOO_STEEP
from pytflite.jit.target import Target
from pytflite.tools.building import Graph, build
from tests.harness import single_op, tensor
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled, reasons
from tests.ops.quantised_models import CASES, MAKERS, convolution, dense, depthwise

_MODELS = 6  # of each operator and type


@pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda target: target.name)
@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_same_on_both(name: str, dtype: str, cpu: Target) -> None:
    for seed in range(_MODELS):
        model, inputs = MAKERS[name](np.random.default_rng(seed), dtype)
        want = pytflite.Interpreter(model, backend="numpy", numerics="litert").run(*inputs)
        interpreter = compiled(model, cpu, numerics="litert")
        why = reasons(interpreter, *(x.shape for x in inputs))
        assert not why, why
        np.testing.assert_array_equal(interpreter.run(*inputs), want, str(seed))


@pytest.mark.parametrize("options", [{}, {"align_corners": True}, {"half_pixel_centers": True}])
@pytest.mark.parametrize("size", [(3, 5), (8, 7), (20, 17), (1, 40)])
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
def test_resize(dtype: str, size: tuple[int, int], options: Any) -> None:
    shape = (2, 8, 7, 19)
    model = single_op(
        "RESIZE_BILINEAR",
        [tensor(shape, dtype, scale=0.5), tensor(value=np.array(size, np.int32))],
        [tensor((2, *size, 19), dtype, scale=0.5)], **options,
    )  # fmt: skip
    x = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8).view(dtype.lower())
    want = pytflite.Interpreter(model, backend="numpy", numerics="litert").run(x)
    for cpu in RUNNABLE:
        interpreter = compiled(model, cpu, numerics="litert")
        assert not reasons(interpreter, shape)
        np.testing.assert_array_equal(interpreter.run(x), want)


@pytest.mark.parametrize("make", [convolution, depthwise, dense])
def test_steep_multipliers_stay_with_numpy(make: Any) -> None:
    """Their outputs might pass an int32 before they are clamped."""
    model, inputs = make(np.random.default_rng(0), "INT8", steps=1e5)
    want = pytflite.Interpreter(model, backend="numpy", numerics="litert").run(*inputs)
    interpreter = compiled(model, RUNNABLE[0], numerics="litert")
    assert reasons(interpreter, *(x.shape for x in inputs)) == [TOO_STEEP]
    np.testing.assert_array_equal(interpreter.run(*inputs), want)


def test_functions_in_one_table() -> None:
    """leaky_relu(x * logistic(x)): each of its operators rounds as it does alone."""
    g = Graph()
    x = g.input("x", (1, 256), "INT8", scale=2.0**-4, zero_point=3)
    y = g.op("LOGISTIC", [x], (1, 256), "INT8", output={"scale": 2.0**-8, "zero_point": -128})
    made = {"scale": 2.0**-5, "zero_point": -10}
    z = g.op("MUL", [x, y], (1, 256), "INT8", output=made)
    g.output(g.op("LEAKY_RELU", [z], (1, 256), "INT8", output=made, alpha=0.3))
    model, values = build(g), np.arange(-128, 128).astype(np.int8)[None]
    wanted = {
        numerics: pytflite.Interpreter(model, backend="numpy", numerics=numerics).run(values)
        for numerics in ("litert", "reference")
    }
    assert (wanted["litert"] != wanted["reference"]).any()
    for numerics, want in wanted.items():
        got = compiled(model, RUNNABLE[0], numerics=numerics).run(values)
        np.testing.assert_array_equal(got, want)


def test_packed_weights_are_not_shared_between_roundings() -> None:
    """One model, one process: each interpreter has its own constants."""
    model, inputs = convolution(np.random.default_rng(5), "INT8")
    for numerics in ("litert", "reference", "litert"):
        want = pytflite.Interpreter(model, backend="numpy", numerics=numerics).run(*inputs)
        got = pytflite.Interpreter(model, backend="jit", numerics=numerics, wait=True).run(*inputs)
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("name", ["CONV_2D", "FULLY_CONNECTED", "MUL", "MEAN"])
def test_first_run_and_later_ones(name: str) -> None:
    """NumPy answers first, kernels later: with the same bits."""
    model, inputs = MAKERS[name](np.random.default_rng(1), "INT8")
    interpreter = pytflite.Interpreter(model, backend="jit", numerics="litert", wait=False)
    first = interpreter.run(*inputs)
    interpreter.compile()
    np.testing.assert_array_equal(interpreter.run(*inputs), first)
