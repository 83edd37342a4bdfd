"""Products of 8-bit integers on the compiled backend: equal to NumPy's to the bit."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import pytflite
from pytflite.jit.target import Target
from tests.harness import TensorOf, needs_litert, run_litert, single_op, tensor
from tests.jit.guarded import run_guarded
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled

_TYPES = {"INT8": (-128, 128), "UINT8": (0, 256)}


cpus = pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda target: target.name)


def same(model: Any, cpu: Target, *xs: np.ndarray) -> None:
    """Runs both backends, holds one against the other; arrays lie between forbidden pages."""
    want = pytflite.Interpreter(model, backend="numpy").run(*xs)
    for at_end in (True, False):
        np.testing.assert_array_equal(run_guarded(model, cpu, *xs, at_end=at_end), want)


def integers(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Any values of a type."""
    low, high = _TYPES[dtype]
    return rng.integers(low, high, shape).astype(dtype.lower())


def multipliers(rng: np.random.Generator, count: int, shift: float) -> np.ndarray:
    """Scales of channels about 2^-shift, some of them powers of two: then sums hit ties."""
    scales = rng.uniform(0.5, 1, count) * 2.0**-shift
    scales[::3] = 2.0 ** -np.ceil(shift)
    return scales.astype(np.float32)


def weights_of(
    rng: np.random.Generator, dtype: str, shape: tuple[int, ...], shift: float
) -> TensorOf:
    """Weights with a scale a channel, or with one scale and a zero point."""
    values = integers(rng, dtype, shape)
    if dtype == "INT8":
        values[values == -128] = 127
        scales = multipliers(rng, shape[0], shift)
        return tensor(value=values, scale=scales, zero_point=np.zeros(shape[0], int))
    zero = int(rng.choice([0, 100, 128, 255]))
    return tensor(value=values, scale=np.float32(2.0**-shift), zero_point=zero)


SIZES = st.sampled_from([1, 2, 3, 4, 5, 8, 13, 16, 17, 31, 33, 48, 64, 65])


@cpus
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@pytest.mark.parametrize("activation", [0, 1, 3])
@settings(max_examples=5)
@given(data=st.data())
def test_convolution(cpu: Target, dtype: str, activation: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, groups = data.draw(SIZES), data.draw(st.sampled_from([1, 1, 2]))
    filters = data.draw(SIZES) * groups
    taps = data.draw(st.sampled_from([(1, 1), (1, 1), (3, 3), (2, 4), (1, 3), (5, 1)]))
    padding = data.draw(st.integers(0, 1))
    sizes = [data.draw(st.integers(t, 9)) for t in taps]
    dilation = data.draw(st.sampled_from([1, 1, 2])) if padding == 0 else 1
    stride = data.draw(st.integers(1, 2)) if dilation == 1 else 1
    shape = (data.draw(st.integers(1, 2)), *sizes, channels * groups)
    shift = data.draw(st.floats(3, 18))
    weights = weights_of(rng, dtype, (filters, *taps, channels), shift)
    bias = rng.integers(-1000, 1000, filters).astype(np.int32)
    zeros = [int(v) for v in integers(rng, dtype, (2,))]
    model = single_op(
        "CONV_2D",
        [tensor(shape, dtype, scale=1.0, zero_point=zeros[0]), weights, tensor(value=bias)],
        [tensor(dtype=dtype, scale=1.0, zero_point=zeros[1])],
        padding=padding, stride_w=stride, stride_h=stride, dilation_w_factor=dilation,
        dilation_h_factor=dilation, fused_activation_function=activation,
    )  # fmt: skip
    same(model, cpu, integers(rng, dtype, shape))


@cpus
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@settings(max_examples=10)
@given(data=st.data())
def test_depthwise(cpu: Target, dtype: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, each = data.draw(SIZES), data.draw(st.sampled_from([1, 1, 1, 2, 4, 17]))
    taps = data.draw(st.sampled_from([(3, 3), (3, 3), (1, 1), (5, 5), (2, 4), (7, 7), (9, 1)]))
    padding = data.draw(st.integers(0, 1))
    sizes = [data.draw(st.integers(t, t if t == 1 else 17)) for t in taps]
    dilation = data.draw(st.sampled_from([1, 1, 2])) if padding == 0 else 1
    stride = data.draw(st.integers(1, 2)) if dilation == 1 else 1
    shape = (data.draw(st.integers(1, 2)), *sizes, channels)
    filters = channels * each
    given_weights = weights_of(rng, dtype, (filters, *taps), data.draw(st.floats(3, 14)))
    values = np.ascontiguousarray(np.moveaxis(given_weights.value, 0, -1)[None])
    q = given_weights.quantization
    assert q is not None
    weights = tensor(value=values, scale=q.scale, zero_point=q.zero_point, dimension=3)
    bias = rng.integers(-1000, 1000, filters).astype(np.int32)
    zeros = [int(v) for v in integers(rng, dtype, (2,))]
    model = single_op(
        "DEPTHWISE_CONV_2D",
        [tensor(shape, dtype, scale=1.0, zero_point=zeros[0]), weights, tensor(value=bias)],
        [tensor(dtype=dtype, scale=1.0, zero_point=zeros[1])],
        padding=padding, stride_w=stride, stride_h=stride, dilation_w_factor=dilation,
        dilation_h_factor=dilation, depth_multiplier=each,
        fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
    )  # fmt: skip
    same(model, cpu, integers(rng, dtype, shape))


@cpus
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@settings(max_examples=6)
@given(data=st.data())
def test_fully_connected(cpu: Target, dtype: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    rows, depth, units = (
        data.draw(st.sampled_from([1, 2, 3, 30])),
        data.draw(SIZES),
        data.draw(SIZES),
    )
    weights = weights_of(rng, dtype, (units, depth), data.draw(st.floats(3, 18)))
    bias = rng.integers(-1000, 1000, units).astype(np.int32)
    zeros = [int(v) for v in integers(rng, dtype, (2,))]
    model = single_op(
        "FULLY_CONNECTED",
        [tensor((rows, depth), dtype, scale=1.0, zero_point=zeros[0]), weights, tensor(value=bias)],
        [tensor(dtype=dtype, scale=1.0, zero_point=zeros[1])],
        fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
    )  # fmt: skip
    same(model, cpu, integers(rng, dtype, (rows, depth)))


@cpus
@pytest.mark.parametrize("name", ["CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("shift", range(-3, 21))
def test_rounding(cpu: Target, name: str, shift: int) -> None:
    """Sums around every step of the output, and at ties: each comes as a bias."""
    rng = np.random.default_rng(shift + 3)
    zero, low = int(rng.integers(-128, 128)), -128
    real = float(np.float32(rng.uniform(0.5, 1) * 2.0**-shift)) if shift % 2 else 2.0**-shift
    steps = np.arange(low, 129) - (zero + 0.5)
    sums = np.rint(steps[:, None] / real) + np.arange(-2, 3)
    sums = np.concatenate([sums.reshape(-1), [-(2**31), 2**31 - 1, 0, 2**24 + 1]])
    bias = np.clip(sums, -(2**31), 2**31 - 1).astype(np.int32)
    shape = (bias.size, 1) if name == "FULLY_CONNECTED" else (bias.size, 1, 1, 1)
    weights = np.zeros(shape, np.int8)
    weights[::2] = 1
    x = np.array([[0], [1], [-1]], np.int8).reshape(3, *shape[1:])
    options = {} if name == "FULLY_CONNECTED" else {"stride_w": 1, "stride_h": 1}
    for activation in (0, 1):
        model = single_op(
            name,
            [tensor(x.shape, "INT8", scale=1.0), tensor(value=weights, scale=real),
             tensor(value=bias)],
            [tensor(dtype="INT8", scale=1.0, zero_point=zero)],
            fused_activation_function=activation, **options,
        )  # fmt: skip
        same(model, cpu, x)


@cpus
@pytest.mark.parametrize("asymmetric", [False, True])
@settings(max_examples=8)
@given(data=st.data())
def test_hybrid(cpu: Target, asymmetric: bool, data: st.DataObject) -> None:
    """Float rows by integer weights: rows are quantised alike, so that sums are the same."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    rows, depth, units = (
        data.draw(st.sampled_from([1, 3, 30])),
        data.draw(SIZES),
        data.draw(SIZES),
    )
    scale = rng.uniform(0.01, 0.02, units).astype(np.float32)
    x = rng.normal(size=(rows, depth)).astype(np.float32)
    x[rng.random(x.shape) < 0.2] = 0.0
    special = data.draw(st.sampled_from([0.0, np.nan, np.inf, 1e-38, -1e30, 0.5]))
    x[0] = np.where(rng.random(depth) < 0.5, special, 0)
    model = single_op(
        "FULLY_CONNECTED",
        [tensor(x.shape, "FLOAT32"),
         tensor(value=integers(rng, "INT8", (units, depth)), scale=scale,
                zero_point=np.zeros(units, int)),
         tensor(value=rng.normal(size=units).astype(np.float32))],
        [tensor(dtype="FLOAT32")],
        fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
        asymmetric_quantize_inputs=asymmetric,
    )  # fmt: skip
    same(model, cpu, x)


@cpus
@settings(max_examples=12)
@given(data=st.data())
def test_hybrid_convolution(cpu: Target, data: st.DataObject) -> None:
    """Float pictures by integer filters: each picture has its scale."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    groups = data.draw(st.sampled_from([1, 1, 2, 3]))
    channels, filters = data.draw(SIZES), data.draw(SIZES) * groups
    taps = data.draw(st.sampled_from([(1, 1), (3, 3), (2, 4)]))
    padding = data.draw(st.integers(0, 1))
    sizes = [data.draw(st.integers(t, 9)) for t in taps]
    stride, dilation = data.draw(st.sampled_from([(1, 1), (2, 1), (1, 2)]))
    if padding:
        dilation = 1
    same_scales = data.draw(st.booleans())
    scale = rng.uniform(0.01, 0.02, 1 if same_scales else filters).astype(np.float32)
    shape = (data.draw(st.integers(1, 2)), *sizes, channels * groups)
    x = rng.normal(size=shape).astype(np.float32)
    x[0] += data.draw(st.sampled_from([0, 1, -1, np.nan]))
    model = single_op(
        "CONV_2D",
        [
            tensor(x.shape, "FLOAT32"),
            tensor(value=integers(rng, "INT8", (filters, *taps, channels)), scale=scale,
                   zero_point=np.zeros(scale.size, int)),
            tensor(value=rng.normal(size=filters).astype(np.float32)),
        ],
        [tensor(dtype="FLOAT32")],
        padding=padding, stride_w=stride, stride_h=stride, dilation_w_factor=dilation,
        dilation_h_factor=dilation, fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
    )  # fmt: skip
    same(model, cpu, x)


@cpus
@settings(max_examples=12)
@given(data=st.data())
def test_hybrid_depthwise(cpu: Target, data: st.DataObject) -> None:
    """Float pictures by integer filters, channel by channel."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels = data.draw(st.sampled_from([2, 3, 8, 16, 24, 33]))
    each = data.draw(st.sampled_from([1, 1, 2, 17]))
    taps = data.draw(st.sampled_from([(3, 3), (3, 3), (5, 5), (2, 4), (7, 9), (9, 1)]))
    padding = data.draw(st.integers(0, 1))
    sizes = [data.draw(st.integers(t, t if t == 1 else 17)) for t in taps]
    stride = data.draw(st.integers(1, 2))
    dilation = data.draw(st.integers(1, 2)) if stride == 1 and padding == 0 else 1
    filters = channels * each
    scale = rng.uniform(0.01, 0.02, filters).astype(np.float32)
    x = rng.normal(size=(data.draw(st.integers(1, 3)), *sizes, channels)).astype(np.float32)
    x[0] += data.draw(st.sampled_from([0, 1, -1, np.nan]))
    weights = tensor(
        value=integers(rng, "INT8", (1, *taps, filters)), scale=scale,
        zero_point=np.zeros(filters, int), dimension=3,
    )  # fmt: skip
    model = single_op(
        "DEPTHWISE_CONV_2D",
        [tensor(x.shape, "FLOAT32"), weights,
         tensor(value=rng.normal(size=filters).astype(np.float32))],
        [tensor(dtype="FLOAT32")],
        padding=padding, stride_w=stride, stride_h=stride, dilation_w_factor=dilation,
        dilation_h_factor=dilation, depth_multiplier=each,
        fused_activation_function=data.draw(st.sampled_from([0, 1, 3])),
    )  # fmt: skip
    same(model, cpu, x)


@needs_litert
@cpus
@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize("activation", [0, 1])
def test_litert(cpu: Target, name: str, activation: int) -> None:
    """numerics="litert" is what LiteRT as shipped does."""
    rng = np.random.default_rng(7)
    channels = filters = 24
    shape = (40, channels) if name == "FULLY_CONNECTED" else (1, 16, 16, channels)
    sizes = {
        "CONV_2D": (filters, 3, 3, channels),
        "DEPTHWISE_CONV_2D": (1, 3, 3, filters),
        "FULLY_CONNECTED": (filters, channels),
    }[name]
    depthwise = name == "DEPTHWISE_CONV_2D"
    products = 9 if depthwise else int(np.prod(sizes[1:]))
    weights = rng.integers(-127, 128, sizes).astype(np.int8)
    scales = rng.uniform(0.005, 0.01, filters).astype(np.float32)
    bias_scales = (np.float32(0.02) * scales).astype(np.float32)
    zeros = np.zeros(filters, int)
    made = np.float32(0.02 * 0.0075 * 73 * 74 * np.sqrt(products) / 50)
    options = {} if name == "FULLY_CONNECTED" else {
        "stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1
    }  # fmt: skip
    if depthwise:
        options["depth_multiplier"] = 1
    model = single_op(
        name,
        [tensor(shape, "INT8", scale=0.02, zero_point=-5),
         tensor(value=weights, scale=scales, zero_point=zeros, dimension=3 * depthwise),
         tensor(value=rng.integers(-3000, 3000, filters).astype(np.int32), scale=bias_scales,
                zero_point=zeros)],
        [tensor((*shape[:-1], filters), "INT8", scale=made, zero_point=3)],
        fused_activation_function=activation, **options,
    )  # fmt: skip
    x = rng.integers(-128, 128, shape).astype(np.int8)
    want = run_litert(model, x, times=1, resolver="AUTO")[0][0]
    np.testing.assert_array_equal(compiled(model, cpu, numerics="litert").run(x), want)
