"""Random models of one 8-bit operator, with scales that make ties common.

model, inputs = MAKERS["CONV_2D"](rng, "INT8")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytflite.model.model import Model
from tests.harness import TensorOf, single_op, tensor

Made = tuple[Model, list[np.ndarray]]
Maker = Callable[[np.random.Generator, str], Made]


def integers(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Any values of a type."""
    low = -128 if dtype == "INT8" else 0
    return rng.integers(low, low + 256, shape).astype(dtype.lower())


def scale_near(rng: np.random.Generator, middle: float) -> float:
    """A scale, as often as not a power of two: then there are ties."""
    if rng.random() < 0.5:
        return float(2.0 ** np.round(np.log2(middle)))
    return float(np.float32(middle * rng.uniform(0.6, 1.6)))


def zero_point(rng: np.random.Generator, dtype: str) -> int:
    """The least, the middle, the greatest, or any."""
    low = -128 if dtype == "INT8" else 0
    return int(rng.choice([low, low + 128, low + 255, low + int(rng.integers(256))]))


def quantised(
    rng: np.random.Generator, dtype: str, shape: tuple[int, ...], middle: float
) -> TensorOf:
    """A tensor with a scale about `middle`."""
    zero = zero_point(rng, dtype)
    return tensor(shape, dtype, scale=scale_near(rng, middle), zero_point=zero)


def scale_of(t: TensorOf) -> float:
    """The one scale of a tensor."""
    assert t.quantization is not None
    return float(t.quantization.scale[0])


def layer(
    rng: np.random.Generator, name: str, dtype: str, x: tuple[int, ...], weights: tuple[int, ...],
    out: tuple[int, ...], *, steps: float = 50, **options: Any,
) -> Made:  # fmt: skip
    """A layer of these shapes, whose typical outputs are about `steps` quantisation steps."""
    depthwise = name == "DEPTHWISE_CONV_2D"
    filters = weights[-1 if depthwise else 0]
    values = integers(rng, dtype, weights)
    signed = dtype == "INT8"
    if signed:
        values[values == -128] = -127
    count = filters if signed and rng.random() < 0.7 else 1
    scales = np.array([scale_near(rng, 0.01) for _ in range(count)], np.float32)
    zeros = np.zeros(count, int) if signed else np.array([zero_point(rng, dtype)])
    given = quantised(rng, dtype, x, 0.02)
    terms = np.prod(weights[1:-1] if depthwise else weights[1:])
    made = quantised(rng, dtype, out, scale_of(given) * 0.01 * 74 * 74 * np.sqrt(terms) / steps)
    bias = tensor(
        value=rng.integers(-3000, 3000, filters).astype(np.int32),
        scale=np.float32(scale_of(given)) * scales, zero_point=np.zeros(count, int),
    )  # fmt: skip
    dimension = 3 if depthwise and count > 1 else 0
    packed = tensor(value=values, scale=scales, zero_point=zeros, dimension=dimension)
    model = single_op(
        name, [given, packed, bias], [made],
        fused_activation_function=int(rng.integers(0, 4)), **options,
    )  # fmt: skip
    return model, [integers(rng, dtype, x)]


def convolution(rng: np.random.Generator, dtype: str, **changes: Any) -> Made:
    """CONV_2D."""
    size, taps, stride = int(rng.integers(3, 9)), int(rng.choice([1, 3])), int(rng.integers(1, 3))
    channels, filters = int(rng.choice([1, 3, 8, 17, 40])), int(rng.choice([1, 4, 8, 19, 33]))
    out = (1, -(-size // stride), -(-size // stride), filters)
    return layer(
        rng, "CONV_2D", dtype, (1, size, size, channels), (filters, taps, taps, channels), out,
        stride_w=stride, stride_h=stride, dilation_w_factor=1, dilation_h_factor=1, **changes,
    )  # fmt: skip


def depthwise(rng: np.random.Generator, dtype: str, **changes: Any) -> Made:
    """DEPTHWISE_CONV_2D."""
    size, taps, stride = int(rng.integers(3, 9)), int(rng.choice([1, 3])), int(rng.integers(1, 3))
    channels, each = int(rng.choice([1, 3, 8, 17, 40])), int(rng.choice([1, 1, 2]))
    out = (1, -(-size // stride), -(-size // stride), channels * each)
    return layer(
        rng, "DEPTHWISE_CONV_2D", dtype, (1, size, size, channels),
        (1, taps, taps, channels * each), out, stride_w=stride, stride_h=stride,
        dilation_w_factor=1, dilation_h_factor=1, depth_multiplier=each, **changes,
    )  # fmt: skip


def dense(rng: np.random.Generator, dtype: str, **changes: Any) -> Made:
    """FULLY_CONNECTED."""
    rows, depth = int(rng.integers(1, 60)), int(rng.choice([1, 3, 8, 17, 40]))
    units = int(rng.choice([1, 4, 8, 19, 33]))
    shapes = (rows, depth), (units, depth), (rows, units)
    return layer(rng, "FULLY_CONNECTED", dtype, *shapes, **changes)


def products(rng: np.random.Generator, dtype: str) -> Made:
    """BATCH_MATMUL."""
    m, k, n, stack = (int(v) for v in rng.integers(1, 30, 4))
    turned, constant = bool(rng.integers(2)), bool(rng.integers(2))
    value = integers(rng, dtype, (n, k) if turned else (k, n))
    x = quantised(rng, dtype, (stack % 3 + 1, m, k), 0.02)
    y = tensor(None if constant else value.shape, dtype, value=value if constant else None,
               scale=scale_near(rng, 0.02))  # fmt: skip
    middle = scale_of(x) * scale_of(y) * 74 * 74 * np.sqrt(k) / 50
    out = quantised(rng, dtype, (stack % 3 + 1, m, n), middle)
    model = single_op("BATCH_MATMUL", [x, y], [out], adj_y=turned)
    inputs = [integers(rng, dtype, x.shape), value]
    return model, inputs[: 2 - constant]


def pair(name: str) -> Maker:
    """ADD, SUB, MUL: 256 rows, so that all pairs of values are met."""

    def make(rng: np.random.Generator, dtype: str) -> Made:
        a = quantised(rng, dtype, (256, 1), 0.05)
        b = quantised(rng, dtype, (1, 256), 0.05 * 2.0 ** rng.integers(-4, 5))
        if name == "MUL":
            middle = scale_of(a) * scale_of(b) * 100
        else:
            middle = max(scale_of(a), scale_of(b)) * 2.0 ** rng.integers(-2, 4)
        out = quantised(rng, dtype, (256, 256), middle)
        model = single_op(name, [a, b], [out], fused_activation_function=int(rng.integers(0, 4)))
        values = np.arange(256, dtype=np.uint8).view(dtype.lower())
        return model, [values[:, None], values[None, :]]

    return make


def mean(rng: np.random.Generator, dtype: str) -> Made:
    """MEAN."""
    shape = tuple(int(v) for v in rng.integers(1, 20, rng.integers(1, 5)))
    axes = rng.permutation(len(shape))[: rng.integers(1, len(shape) + 1)].astype(np.int32)
    x = quantised(rng, dtype, shape, 0.05)
    terms = np.prod([shape[axis] for axis in axes])
    kept = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    out = quantised(rng, dtype, kept, scale_of(x) / np.sqrt(terms))
    model = single_op("MEAN", [x, tensor(value=axes)], [out], keep_dims=True)
    return model, [integers(rng, dtype, shape)]


def leaky_relu(rng: np.random.Generator, dtype: str, alpha: float | None = None) -> Made:
    """LEAKY_RELU."""
    x = quantised(rng, dtype, (256,), 0.05)
    out = quantised(rng, dtype, (256,), scale_of(x) * 2.0 ** rng.integers(-2, 3))
    if alpha is None:
        alpha = float(rng.choice([0.1, 0.25, -0.3, 0.5, 2.0, rng.uniform(-1, 1)]))
    model = single_op("LEAKY_RELU", [x], [out], alpha=alpha)
    return model, [np.arange(256, dtype=np.uint8).view(dtype.lower())]


def resize(rng: np.random.Generator, dtype: str) -> Made:
    """RESIZE_BILINEAR."""
    shape = (1, *(int(v) for v in rng.integers(1, 12, 2)), int(rng.choice([1, 3, 19])))
    wanted = rng.integers(1, 30, 2).astype(np.int32)
    x = quantised(rng, dtype, shape, 0.05)
    q = x.quantization
    out = tensor((1, *wanted.tolist(), shape[3]), dtype, quantization=q)
    mode = int(rng.integers(0, 3))
    model = single_op(
        "RESIZE_BILINEAR", [x, tensor(value=wanted)], [out],
        align_corners=mode == 1, half_pixel_centers=mode == 2,
    )  # fmt: skip
    return model, [integers(rng, dtype, shape)]


def pooling(name: str) -> Maker:
    """MAX_POOL_2D, AVERAGE_POOL_2D, with scales of which 6 may be a tie."""

    def make(rng: np.random.Generator, dtype: str) -> Made:
        shape = (1, *(int(v) for v in rng.integers(3, 12, 2)), int(rng.choice([1, 3, 19])))
        x = tensor(shape, dtype, scale=rng.choice([0.08, 0.16, 0.25]),
                   zero_point=zero_point(rng, dtype))  # fmt: skip
        out = tensor((1, shape[1] - 1, shape[2] - 1, shape[3]), dtype, quantization=x.quantization)
        model = single_op(
            name, [x], [out], padding=1, stride_w=1, stride_h=1, filter_width=2, filter_height=2,
            fused_activation_function=int(rng.integers(0, 4)),
        )  # fmt: skip
        return model, [integers(rng, dtype, shape)]

    return make


MAKERS: dict[str, Maker] = {
    "CONV_2D": convolution,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": dense,
    "BATCH_MATMUL": products,
    **{name: pair(name) for name in ("ADD", "SUB", "MUL")},
    "MEAN": mean,
    "LEAKY_RELU": leaky_relu,
    "RESIZE_BILINEAR": resize,
    **{name: pooling(name) for name in ("MAX_POOL_2D", "AVERAGE_POOL_2D")},
}
CASES = [
    (name, dtype)
    for name in MAKERS
    for dtype in ("INT8", "UINT8")
    if (name, dtype) != ("BATCH_MATMUL", "UINT8")  # there is none
]
