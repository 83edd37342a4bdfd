"""Convolutions of few channels, whose windows lie in lines (emit/direct.py)."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import pytflite
from pytflite.jit.target import Target
from tests.harness import single_op, tensor
from tests.jit.lowering.test_products_float32 import check, floats
from tests.jit.lowering.test_products_int8 import integers, same, weights_of
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled

cpus = pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda target: target.name)
_FILTERS = st.sampled_from([1, 4, 7, 8, 16, 17, 24, 32, 33, 40, 65])


def shapes(data: st.DataObject) -> tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]:
    """Shapes of input and filter, and options."""
    taps = data.draw(
        st.sampled_from([(3, 3), (3, 3), (1, 1), (1, 3), (5, 1), (2, 4), (10, 4), (7, 7)])
    )
    padding = data.draw(st.integers(0, 1))
    height = data.draw(st.integers(taps[0], 24))
    width = data.draw(st.integers(max(taps[1], 16), 61))
    channels = data.draw(st.sampled_from([1, 1, 2, 3, 3, 4, 5, 16]))
    down = data.draw(st.sampled_from([1, 1, 2])) if padding == 0 else 1
    options = {
        "padding": padding, "stride_w": data.draw(st.integers(1, 3)), "dilation_w_factor": 1,
        "stride_h": data.draw(st.integers(1, 3)) if down == 1 else 1, "dilation_h_factor": down,
        "fused_activation_function": data.draw(st.sampled_from([0, 1, 3])),
    }  # fmt: skip
    x = data.draw(st.integers(1, 2)), height, width, channels
    return x, (data.draw(_FILTERS), *taps, channels), options


def emitter(model: Any, cpu: Target, shape: tuple[int, ...]) -> str:
    """Of the kernel that computes the only step, after what quantises."""
    (step,) = compiled(model, cpu)._engine.plan(0, (shape,)).steps
    assert step.work is not None, step.reason
    return step.work[-1].kernel.emitter


@cpus
@settings(max_examples=20)
@given(data=st.data())
def test_float32(cpu: Target, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    x, filters, options = shapes(data)
    check(
        "CONV_2D", cpu, [None, floats(rng, *filters), floats(rng, filters[0])],
        [floats(rng, *x)], int(np.prod(filters[1:])), at_end=data.draw(st.booleans()), **options,
    )  # fmt: skip


@cpus
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@settings(max_examples=20)
@given(data=st.data())
def test_integers(cpu: Target, dtype: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    x, filters, options = shapes(data)
    weights = weights_of(rng, dtype, filters, data.draw(st.floats(3, 18)))
    bias = rng.integers(-1000, 1000, filters[0]).astype(np.int32)
    zeros = [int(v) for v in integers(rng, dtype, (2,))]
    model = single_op(
        "CONV_2D",
        [tensor(x, dtype, scale=1.0, zero_point=zeros[0]), weights, tensor(value=bias)],
        [tensor(dtype=dtype, scale=1.0, zero_point=zeros[1])], **options,
    )  # fmt: skip
    same(model, cpu, integers(rng, dtype, x))


def hybrid(
    rng: np.random.Generator, x: tuple[int, ...], filters: tuple[int, ...], **options: Any
) -> Any:
    """Float pictures by integer filters."""
    weights = tensor(
        value=integers(rng, "INT8", filters), zero_point=np.zeros(filters[0], int),
        scale=rng.uniform(0.01, 0.02, filters[0]).astype(np.float32),
    )  # fmt: skip
    bias = tensor(value=floats(rng, filters[0]))
    return single_op("CONV_2D", [tensor(x), weights, bias], [tensor()], **options)


@cpus
@settings(max_examples=20)
@given(data=st.data())
def test_hybrid(cpu: Target, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    shape, filters, options = shapes(data)
    x = floats(rng, *shape)
    x[0] += data.draw(st.sampled_from([0, 1, -1, np.nan]))
    same(hybrid(rng, shape, filters, **options), cpu, x)


@cpus
@pytest.mark.parametrize("shape", [(1, 28, 28, 1), (1, 32, 48, 3), (2, 14, 14, 16)])
def test_first_layers_are_not_gathered(cpu: Target, shape: tuple[int, ...]) -> None:
    options = {"stride_w": 1, "stride_h": 1}
    filters = 16, 3, 3, shape[3]
    plain = single_op("CONV_2D", [tensor(shape), tensor(value=np.ones(filters)), None], [tensor()],
                      **options)  # fmt: skip
    assert emitter(plain, cpu, shape) == "direct_float32.convolution"
    if shape[3] > 4 and cpu.dot in ("amx", "smmla"):  # which multiply more at once
        return
    weights = tensor(value=np.ones(filters, np.int8), scale=np.float32(2.0**-9), zero_point=0)
    quantized = single_op("CONV_2D", [tensor(shape, "INT8", scale=1.0), weights, None],
                          [tensor(dtype="INT8", scale=1.0)], **options)  # fmt: skip
    assert emitter(quantized, cpu, shape) == "direct_int8.convolution"
    mixed = hybrid(np.random.default_rng(0), shape, filters, **options)
    assert emitter(mixed, cpu, shape) == "direct_hybrid.convolution"


@cpus
def test_what_is_no_number_passes(cpu: Target) -> None:
    x = np.zeros((1, 5, 16, 1), np.float32)
    x[0, 2, ::5, 0] = np.nan, np.inf, -np.inf, 1e38
    model = single_op("CONV_2D", [tensor(x.shape), tensor(value=np.ones((17, 3, 3, 1))), None],
                      [tensor()], stride_h=1, stride_w=1)  # fmt: skip
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    np.testing.assert_array_equal(compiled(model, cpu).run(x), want)
