"""Convolutions and matrix products of float32 on the compiled backend.

Held against the product in float64: within the bound of sums of products rounded one by one.
Every array lies between forbidden pages.
"""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import pytflite
from pytflite.jit.target import Target
from tests.harness import single_op, tensor
from tests.jit.guarded import run_guarded
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled, reasons

_EPSILON = 2.0**-24
cpus = pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda target: target.name)
_SIZES = st.sampled_from([1, 2, 3, 4, 5, 8, 13, 16, 17, 24, 31, 33, 48, 64, 65])


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Normal numbers."""
    return rng.standard_normal(shape).astype(np.float32)


def held(got: np.ndarray, model: Any, magnitudes: Any, products: int, *inputs: np.ndarray) -> None:
    """Against NumPy's backend; each may be off by as much as its sums of magnitudes allow.

    Args:
        magnitudes: the same model of absolute values, without an activation.
        products: of an output.
    """
    want = pytflite.Interpreter(model, backend="numpy").run(*inputs)
    bound = pytflite.Interpreter(magnitudes, backend="numpy").run(*(np.abs(x) for x in inputs))
    off = np.abs(got.astype(np.float64) - want)
    assert (off <= 2 * (products + 2) * _EPSILON * bound).all()


def check(
    name: str, cpu: Target, inputs: list[Any], xs: list[np.ndarray], products: int, *,
    at_end: bool, **options: Any,
) -> None:  # fmt: skip
    """One operator. Inputs are arrays: constants, or Nones for what xs has."""
    activation = {k: v for k, v in options.items() if k != "fused_activation_function"}

    def model(constants: list[Any], **chosen: Any) -> Any:
        given = iter(xs)
        described = [tensor(next(given).shape) if c is None else tensor(value=c) for c in constants]
        return single_op(name, described, [tensor()], **chosen)

    own = model(inputs, **options)
    plain = model([c if c is None or c.dtype != np.float32 else np.abs(c) for c in inputs],
                  **activation)  # fmt: skip
    held(run_guarded(own, cpu, *xs, at_end=at_end), own, plain, products, *xs)


_TAPS = st.sampled_from([(1, 1), (1, 1), (3, 3), (2, 4), (1, 3), (5, 1), (7, 7)])


@cpus
@pytest.mark.parametrize("activation", [0, 1, 3])
@settings(max_examples=8)
@given(data=st.data())
def test_convolution(cpu: Target, activation: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, groups = data.draw(_SIZES), data.draw(st.sampled_from([1, 1, 2, 3]))
    filters, taps = data.draw(_SIZES) * groups, data.draw(_TAPS)
    padding = data.draw(st.integers(0, 1))
    sizes = [data.draw(st.integers(taps[0], 10)), data.draw(st.sampled_from([taps[1], 9, 24]))]
    dilation = data.draw(st.sampled_from([1, 1, 2, 5])) if padding == 0 else 1
    stride = data.draw(st.integers(1, 3)) if dilation == 1 else 1
    x = floats(rng, data.draw(st.integers(1, 2)), *sizes, channels * groups)
    bias = floats(rng, filters)
    check(
        "CONV_2D", cpu, [None, floats(rng, filters, *taps, channels), bias], [x],
        channels * taps[0] * taps[1], at_end=data.draw(st.booleans()), padding=padding,
        stride_h=stride, stride_w=stride, dilation_h_factor=dilation, dilation_w_factor=dilation,
        fused_activation_function=activation,
    )  # fmt: skip


@cpus
@pytest.mark.parametrize("bias", ["", "constant", "computed"])
@settings(max_examples=10)
@given(data=st.data())
def test_convolution_with_filters_of_run_time(cpu: Target, bias: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, filters, taps = data.draw(_SIZES), data.draw(_SIZES), data.draw(_TAPS)
    padding = data.draw(st.integers(0, 1))
    sizes = [data.draw(st.integers(taps[0], 10)), data.draw(st.sampled_from([taps[1], 9, 24]))]
    dilation = data.draw(st.sampled_from([1, 1, 2, 5])) if padding == 0 else 1
    stride = data.draw(st.integers(1, 3)) if dilation == 1 else 1
    x = floats(rng, data.draw(st.integers(1, 2)), *sizes, channels)
    w, b = floats(rng, filters, *taps, channels), floats(rng, filters)
    inputs: list[Any] = [None, None, *([] if not bias else [b if bias == "constant" else None])]
    check(
        "CONV_2D", cpu, inputs, [x, w, *[b] * (bias == "computed")], channels * taps[0] * taps[1],
        at_end=data.draw(st.booleans()), padding=padding, stride_h=stride, stride_w=stride,
        dilation_h_factor=dilation, dilation_w_factor=dilation,
        fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
    )  # fmt: skip


@cpus
@pytest.mark.parametrize("activation", [0, 2])
@settings(max_examples=15)
@given(data=st.data())
def test_depthwise(cpu: Target, activation: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, multiplier = data.draw(_SIZES), data.draw(st.sampled_from([1, 1, 1, 1, 2, 17]))
    taps = data.draw(st.sampled_from([(3, 3), (3, 3), (5, 5), (1, 1), (3, 1), (9, 1), (2, 4)]))
    padding = data.draw(st.integers(0, 1))
    narrow = data.draw(st.booleans())  # a column, if the filter is one
    sizes = [data.draw(st.integers(t, t if t == 1 and narrow else 31)) for t in taps]
    dilation = data.draw(st.sampled_from([1, 1, 1, 2, 6])) if padding == 0 else 1
    stride = data.draw(st.integers(1, 3)) if dilation == 1 else 1
    x = floats(rng, data.draw(st.integers(1, 2)), *sizes, channels)
    filters = channels * multiplier
    constants = [floats(rng, 1, *taps, filters), floats(rng, filters)]
    computed = data.draw(st.sampled_from([0, 0, 0, 1, 2]))  # the bias, or both
    given_too = constants[2 - computed :]
    check(
        "DEPTHWISE_CONV_2D", cpu, [None, *constants[: 2 - computed], *[None] * computed],
        [x, *given_too], taps[0] * taps[1], at_end=data.draw(st.booleans()), padding=padding,
        depth_multiplier=multiplier, stride_h=stride, stride_w=stride, dilation_h_factor=dilation,
        dilation_w_factor=dilation, fused_activation_function=activation,
    )  # fmt: skip


@cpus
@pytest.mark.parametrize("overlap", [True, False])
@settings(max_examples=10)
@given(data=st.data())
def test_transposed(cpu: Target, overlap: bool, data: st.DataObject) -> None:
    """Where filters do not overlap, lines are products as they lie if they are long enough."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, filters = data.draw(_SIZES), data.draw(_SIZES)
    stride = data.draw(st.integers(1, 3))
    taps = data.draw(st.integers(stride, 5)) if overlap else stride
    height = data.draw(st.integers(1, 7))
    width = data.draw(st.integers(1, 7) if overlap else st.sampled_from([1, 6, 32, 35]))
    shape = np.array([2, height * stride, width * stride, filters], np.int32)
    x, w = floats(rng, 2, height, width, channels), floats(rng, filters, taps, taps, channels)
    bias = floats(rng, filters)
    inputs, xs = {
        "": ([shape, w, None, bias], [x]),
        "filter": ([shape, None, None, bias], [w, x]),
        "both": ([shape, None, None, None], [w, x, bias]),
        "no bias": ([shape, None, None], [w, x]),
    }[data.draw(st.sampled_from(["", "", "filter", "both", "no bias"]))]
    check(
        "TRANSPOSE_CONV", cpu, inputs, xs, channels * taps * taps, padding=0,
        at_end=data.draw(st.booleans()), stride_h=stride, stride_w=stride,
    )  # fmt: skip


@cpus
@pytest.mark.parametrize("constant", [True, False])
@settings(max_examples=10)
@given(data=st.data())
def test_fully_connected(cpu: Target, constant: bool, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    rows, depth, units = data.draw(_SIZES), data.draw(_SIZES), data.draw(_SIZES)
    given_too = [floats(rng, units, depth), floats(rng, units)]
    inputs, xs = [None, *given_too], [floats(rng, rows, depth)]
    if not constant:
        inputs, xs = [None, None, None], xs + given_too
    at_end = data.draw(st.booleans())
    check("FULLY_CONNECTED", cpu, inputs, xs, depth, at_end=at_end, fused_activation_function=1)


@cpus
@settings(max_examples=20)
@given(data=st.data())
def test_batch_matmul(cpu: Target, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    m, k, n = data.draw(_SIZES), data.draw(_SIZES), data.draw(_SIZES)
    of_x, of_y = data.draw(
        st.sampled_from([((), ()), ((3,), (3,)), ((2, 1), (1, 3)), ((4,), ()), ((), (2,))])
    )
    adj_x, adj_y = data.draw(st.booleans()), data.draw(st.booleans())
    x = floats(rng, *of_x, *((k, m) if adj_x else (m, k)))
    y = floats(rng, *of_y, *((n, k) if adj_y else (k, n)))
    inputs, xs = ([None, y], [x]) if data.draw(st.booleans()) else ([None, None], [x, y])
    check(
        "BATCH_MATMUL", cpu, inputs, xs, k, at_end=data.draw(st.booleans()), adj_x=adj_x,
        adj_y=adj_y,
    )  # fmt: skip


@cpus
@pytest.mark.parametrize("activation", [0, 1, 3])
def test_what_is_no_number_passes(cpu: Target, activation: int) -> None:
    x = np.array([np.nan, np.inf, -np.inf, 1e38, -0.0, 1e-37], np.float32)
    x = np.tile(x[:, None], (1, 3)).reshape(1, 6, 1, 3)
    x[..., 1:] = 0
    filters = np.zeros((20, 1, 1, 3), np.float32)
    filters[:, 0, 0, 0] = 1
    model = single_op(
        "CONV_2D", [tensor(x.shape), tensor(value=filters), None], [tensor()],
        stride_h=1, stride_w=1, fused_activation_function=activation,
    )  # fmt: skip
    interpreter = compiled(model, cpu)
    assert not reasons(interpreter, x.shape)
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    np.testing.assert_array_equal(interpreter.run(x), want)


@cpus
def test_rows_of_nothing(cpu: Target) -> None:
    model = single_op(
        "FULLY_CONNECTED", [tensor((0, 4)), tensor(value=np.ones((3, 4))), None], [tensor()]
    )
    assert compiled(model, cpu).run(np.zeros((0, 4), np.float32)).shape == (0, 3)


@cpus
@pytest.mark.parametrize("shapes", [((3, 0), (0, 4)), ((0, 3), (3, 4)), ((2, 0, 3), (2, 3, 4))])
def test_products_of_nothing(cpu: Target, shapes: Any) -> None:
    model = single_op("BATCH_MATMUL", [tensor(s) for s in shapes], [tensor()])
    x, y = (np.zeros(s, np.float32) for s in shapes)
    np.testing.assert_array_equal(compiled(model, cpu).run(x, y), x @ y)


@cpus
@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_windows_that_see_padding_alone(cpu: Target, name: str) -> None:
    shape = (9, 2, 2, 4) if name == "CONV_2D" else (1, 2, 2, 4)
    bias = np.arange(shape[0] if name == "CONV_2D" else 4, dtype=np.float32)
    model = single_op(
        name, [tensor((1, 1, 3, 4)), tensor(value=np.ones(shape)), tensor(value=bias)], [tensor()],
        stride_h=1, stride_w=1, dilation_h_factor=5, dilation_w_factor=5,
    )  # fmt: skip
    got = run_guarded(model, cpu, np.ones((1, 1, 3, 4), np.float32))
    np.testing.assert_array_equal(got, np.broadcast_to(bias, got.shape))
