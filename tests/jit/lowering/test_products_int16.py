"""Products of int16 on the compiled backend, and those of 8 bits in integers alone: to the bit."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import pytflite
from pytflite.jit.target import Target
from tests.harness import TensorOf, single_op, tensor
from tests.jit.guarded import run_guarded
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled

cpus = pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda target: target.name)
_SIZES = st.sampled_from([1, 2, 3, 4, 5, 8, 13, 16, 17, 31, 33, 48, 64, 65])
_LOW, _HIGH = -(2**15), 2**15 - 1
_INT32, _INT64 = 2, 4  # of TensorType


def same(model: Any, cpu: Target, *xs: np.ndarray) -> None:
    """Runs both backends, holds one against the other; arrays lie between forbidden pages."""
    want = pytflite.Interpreter(model, backend="numpy").run(*xs)
    for at_end in (True, False):
        np.testing.assert_array_equal(run_guarded(model, cpu, *xs, at_end=at_end), want)


def samples(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Any values, those at the ends often."""
    x = rng.integers(_LOW, _HIGH + 1, shape)
    at_end = rng.random(shape)
    return np.where(at_end < 0.1, _LOW, np.where(at_end < 0.2, _HIGH, x)).astype(np.int16)


def weights_of(
    rng: np.random.Generator, shape: tuple[int, ...], shift: float, axis: int = 0
) -> TensorOf:
    """Weights with scales of their own about 2^-shift, some powers of two: sums hit ties."""
    values = rng.integers(-128, 128, shape).astype(np.int8)
    count = shape[axis]
    scales = rng.uniform(0.5, 1, count) * 2.0**-shift
    scales[::3] = 2.0 ** -np.ceil(shift)
    return tensor(value=values, scale=scales.astype(np.float32),
                  zero_point=np.zeros(count, int), dimension=axis)  # fmt: skip


def bias_of(rng: np.random.Generator, count: int, *, long: bool) -> TensorOf:
    """Of int64 far beyond an int32, or of int32 near its ends."""
    if long:
        return tensor(value=rng.integers(-(2**40), 2**40, count))
    bias = rng.integers(-(2**31), 2**31, count)
    return tensor(value=np.where(rng.random(count) < 0.5, bias, bias >> 12).astype(np.int32))


@cpus
@pytest.mark.parametrize("long", [True, False])
@settings(max_examples=6)
@given(data=st.data())
def test_convolution(cpu: Target, long: bool, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, groups = data.draw(_SIZES), data.draw(st.sampled_from([1, 1, 2]))
    filters = data.draw(_SIZES) * groups
    taps = data.draw(st.sampled_from([(1, 1), (1, 1), (3, 3), (2, 4), (1, 3), (5, 1)]))
    padding = data.draw(st.integers(0, 1))
    sizes = [data.draw(st.integers(t, 9)) for t in taps]
    dilation = data.draw(st.sampled_from([1, 1, 2])) if padding == 0 else 1
    stride = data.draw(st.integers(1, 2)) if dilation == 1 else 1
    shape = (data.draw(st.integers(1, 2)), *sizes, channels * groups)
    model = single_op(
        "CONV_2D",
        [tensor(shape, "INT16", scale=1.0), weights_of(
            rng, (filters, *taps, channels), data.draw(st.floats(-3, 20))
        ), bias_of(rng, filters, long=long)],
        [tensor(dtype="INT16", scale=1.0)],
        padding=padding, stride_w=stride, stride_h=stride, dilation_w_factor=dilation,
        dilation_h_factor=dilation, fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
        quantized_bias_type=_INT64 if long else _INT32,
    )  # fmt: skip
    same(model, cpu, samples(rng, shape))


@cpus
@settings(max_examples=3)
@given(data=st.data())
def test_many_products(cpu: Target, data: st.DataObject) -> None:
    """More than int32 can sum: all of one sign, at the ends."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    depth, filters = data.draw(st.integers(509, 1100)), data.draw(_SIZES)
    sign = data.draw(st.sampled_from([-128, 127]))
    x = np.full((3, 1, 1, depth), _LOW, np.int16)
    x[1:] = samples(rng, (2, 1, 1, depth))
    values = np.full((filters, 1, 1, depth), sign, np.int8)
    model = single_op(
        "CONV_2D",
        [tensor(x.shape, "INT16", scale=1.0), tensor(value=values, scale=2.0**-17),
         bias_of(rng, filters, long=True)],
        [tensor(dtype="INT16", scale=1.0)], stride_w=1, stride_h=1,
    )  # fmt: skip
    same(model, cpu, x)


@cpus
@settings(max_examples=6)
@given(data=st.data())
def test_depthwise(cpu: Target, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, each = data.draw(_SIZES), data.draw(st.sampled_from([1, 1, 1, 2, 17]))
    taps = data.draw(st.sampled_from([(3, 3), (1, 1), (5, 5), (2, 4), (23, 23)]))
    padding = data.draw(st.integers(0, 1))
    sizes = [data.draw(st.integers(t, max(t, 12))) for t in taps]
    dilation = data.draw(st.sampled_from([1, 1, 2])) if padding == 0 else 1
    stride = data.draw(st.integers(1, 2)) if dilation == 1 else 1
    shape = (data.draw(st.integers(1, 2)), *sizes, channels)
    filters = channels * each
    model = single_op(
        "DEPTHWISE_CONV_2D",
        [tensor(shape, "INT16", scale=1.0), weights_of(
            rng, (1, *taps, filters), data.draw(st.floats(-3, 18)), 3
        ), bias_of(rng, filters, long=True)],
        [tensor(dtype="INT16", scale=1.0)],
        padding=padding, stride_w=stride, stride_h=stride, dilation_w_factor=dilation,
        dilation_h_factor=dilation, depth_multiplier=each,
        fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
    )  # fmt: skip
    same(model, cpu, samples(rng, shape))


@cpus
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@settings(max_examples=8)
@given(data=st.data())
def test_long_sums(cpu: Target, dtype: str, data: st.DataObject) -> None:
    """Depthwise of 8 bits, whose sums pass 2^24: with the bias, or those of products."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, each = data.draw(_SIZES.filter(lambda n: n > 1)), data.draw(st.sampled_from([1, 2]))
    taps = data.draw(st.sampled_from([(17, 17), (3, 3), (2, 4)]))
    filters = channels * each
    shape = (1, taps[0] + 2, taps[1] + 3, channels)
    if dtype == "INT8":
        weights = weights_of(rng, (1, *taps, filters), data.draw(st.floats(3, 18)), 3)
    else:
        values = rng.integers(0, 256, (1, *taps, filters)).astype(np.uint8)
        weights = tensor(value=values, scale=2.0**-12, zero_point=37)
    bias = rng.integers(-(2**31), 2**31, filters).astype(np.int32)
    bias[::2] >>= 9
    low = -128 if dtype == "INT8" else 0
    model = single_op(
        "DEPTHWISE_CONV_2D",
        [tensor(shape, dtype, scale=1.0, zero_point=low + 3), weights,
         tensor(value=bias, scale=1.0, zero_point=0)],
        [tensor(dtype=dtype, scale=1.0, zero_point=low + data.draw(st.integers(0, 255)))],
        padding=data.draw(st.integers(0, 1)), stride_w=1, stride_h=1, dilation_w_factor=1,
        dilation_h_factor=1, depth_multiplier=each,
        fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
    )  # fmt: skip
    x = rng.integers(low, low + 256, shape).astype(dtype.lower())
    same(model, cpu, x)
    want = pytflite.Interpreter(model, backend="numpy", numerics="litert").run(x)
    np.testing.assert_array_equal(compiled(model, cpu, numerics="litert").run(x), want)


@cpus
@pytest.mark.parametrize("overlap", [True, False])
@pytest.mark.parametrize("dtype", ["INT8", "UINT8", "INT16"])
@settings(max_examples=5)
@given(data=st.data())
def test_transposed(cpu: Target, dtype: str, overlap: bool, data: st.DataObject) -> None:
    """Where filters do not overlap, lines are products as they lie if they are long enough."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, filters, batch = data.draw(_SIZES), data.draw(_SIZES), data.draw(st.integers(1, 2))
    stride, padding = data.draw(st.integers(1, 3)), data.draw(st.integers(0, 1))
    taps = [data.draw(st.integers(stride, 5)) if overlap else stride for _ in range(2)]
    sizes = [data.draw(st.integers(2, 7)) for _ in range(2)]
    sizes[1] = sizes[1] if overlap else data.draw(st.sampled_from([1, 6, 32, 35]))
    made = [
        n * stride if padding == 0 else (n - 1) * stride + t
        for n, t in zip(sizes, taps, strict=True)
    ]
    shape = (batch, *sizes, channels)
    low = {"INT8": -128, "UINT8": 0, "INT16": 0}[dtype]
    if dtype == "UINT8":
        values = rng.integers(0, 256, (filters, *taps, channels)).astype(np.uint8)
        weights = tensor(value=values, scale=2.0**-9, zero_point=137)
    else:
        weights = weights_of(rng, (filters, *taps, channels), data.draw(st.floats(3, 18)))
    wide = dtype == "INT16"
    bias = rng.integers(-1000, 1000, filters).astype(np.int64 if wide else np.int32)
    zeros = [0, 0] if wide else [low + int(n) for n in rng.integers(0, 256, 2)]
    model = single_op(
        "TRANSPOSE_CONV",
        [tensor(value=np.array([batch, *made, filters], np.int32)), weights,
         tensor(shape, dtype, scale=1.0, zero_point=zeros[0]), tensor(value=bias)],
        [tensor(dtype=dtype, scale=1.0, zero_point=zeros[1])],
        padding=padding, stride_w=stride, stride_h=stride,
    )  # fmt: skip
    x = samples(rng, shape) if wide else rng.integers(low, low + 256, shape).astype(dtype.lower())
    same(model, cpu, x)


@cpus
@pytest.mark.parametrize("kind", ["narrow", "long", "zero", "INT16"])
@settings(max_examples=3)
@given(data=st.data())
def test_fully_connected(cpu: Target, kind: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    rows, depth, units = (
        data.draw(st.sampled_from([1, 2, 3, 30])),
        data.draw(st.sampled_from([1, 2, 7, 64, 129, 700])),
        data.draw(_SIZES),
    )
    weights = weights_of(rng, (units, depth), data.draw(st.floats(3, 20)))
    if kind == "zero":
        weights = tensor(value=weights.value, scale=2.0**-9, zero_point=-11)
    elif kind == "INT16":
        values = samples(rng, (units, depth))
        weights = tensor(value=values, scale=2.0**-20)
    model = single_op(
        "FULLY_CONNECTED",
        [tensor((rows, depth), "INT16", scale=1.0), weights,
         bias_of(rng, units, long=kind != "narrow")],
        [tensor(dtype="INT16", scale=1.0)],
        fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
    )  # fmt: skip
    same(model, cpu, samples(rng, (rows, depth)))


@cpus
@pytest.mark.parametrize(
    ("dtype", "constant"),
    [(np.int8, True), (np.int8, False), (np.int16, True), (np.int16, False)],
)
@settings(max_examples=5)
@given(data=st.data())
def test_batch_matmul(cpu: Target, dtype: Any, constant: bool, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    stack = data.draw(st.sampled_from([((), ()), ((3,), ()), ((2, 3), (3,)), ((2, 1), (2, 3))]))
    m, k, n = data.draw(_SIZES), data.draw(_SIZES), data.draw(_SIZES)
    adj_x, adj_y = data.draw(st.booleans()), data.draw(st.booleans())
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    y = rng.integers(least, most + 1, (*stack[1], *((n, k) if adj_y else (k, n)))).astype(dtype)
    y[rng.random(y.shape) < 0.2] = least
    x = samples(rng, (*stack[0], *((k, m) if adj_x else (m, k))))
    kind = y.dtype.name.upper()
    second = tensor(value=y, scale=0.5) if constant else tensor(y.shape, kind, scale=0.5)
    model = single_op(
        "BATCH_MATMUL",
        [tensor(x.shape, "INT16", scale=0.5), second],
        [tensor(dtype="INT16", scale=2.0 ** data.draw(st.integers(2, 20)))],
        adj_x=adj_x, adj_y=adj_y,
    )  # fmt: skip
    same(model, cpu, *([x] if constant else [x, y]))


@pytest.mark.parametrize("dtype", ["FLOAT32", "INT8", "INT16"])
@pytest.mark.parametrize(("units", "depth"), [(0, 4), (4, 0)])
def test_empty_weights(dtype: str, units: int, depth: int) -> None:
    """Layers of nothing are lowered, or refused, but do not fail."""
    x = np.zeros((3, depth), dtype.lower())
    scale = {} if dtype == "FLOAT32" else {"scale": 1.0}
    made = [tensor(dtype=dtype, **scale)]
    first = tensor(x.shape, dtype, **scale)
    hybrid = tensor(value=np.zeros((units, depth), np.int8), scale=1.0)
    plain = tensor(value=np.zeros((units, depth), x.dtype), **scale)
    turned = tensor(value=np.zeros((depth, units), x.dtype), **scale)
    for model in (
        single_op("FULLY_CONNECTED", [first, hybrid], made),
        single_op("FULLY_CONNECTED", [first, plain], made),
        single_op("BATCH_MATMUL", [first, turned], made),
    ):
        want = np.zeros((3, units), x.dtype)
        np.testing.assert_array_equal(compiled(model, RUNNABLE[0]).run(x), want)
