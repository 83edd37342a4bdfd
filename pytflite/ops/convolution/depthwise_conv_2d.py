"""DEPTHWISE_CONV_2D: every channel is convolved with filters of its own.

    output[b, y, x, i*m + j] = act(bias[i*m + j] + sum over ky, kx of
        input[b, y*stride_h + ky*dilation_h - top, x*stride_w + kx*dilation_w - left, i]
        * filter[0, ky, kx, i*m + j])

input: [batch, height, width, channels]; filter: [1, filter_height, filter_width, channels * m];
bias: [channels * m], zero if left out; output: [batch, ., ., channels * m]. m follows from
the shapes: the option `depth_multiplier` of old models may be wrong. Padding is as in CONV_2D.

Types as CONV_2D's; a float input is always quantised with a zero point where the filter is of
integers, and INT16 is summed in INT64. A scale for each filter goes along dimension 3.
Source: DEPTHWISE_CONV_2D (kernels/depthwise_conv.cc, internal/reference/depthwiseconv_float.h,
depthwiseconv_uint8.h, integer_ops/depthwise_conv.h).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.errors import ShapeError
from pytflite.model.graph import Array
from pytflite.ops.activation import bounds
from pytflite.ops.convolution.checks import (
    check_bias,
    check_channels,
    known,
    outputs_of,
    sizes_of,
    slide_all,
)
from pytflite.ops.convolution.layer import Layer, Taps, cut, evaluate_layer, make_form, make_layer
from pytflite.ops.convolution.numbers import read_numbers
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_AXES = ("height", "width")


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """Sizes from the windows; the channels are those of the filter."""
    batch, *sizes, channels = sizes_of(node, inputs, 0, 4)
    one, *taps, filters = sizes_of(node, inputs, 1, 4)
    bounds(node)
    check_channels(node, 0, channels, None)
    check_channels(node, 1, filters, None)
    if one not in (1, None) or (
        channels is not None and filters is not None and filters % channels
    ):
        raise node.error(
            ShapeError,
            "the filter does not fit the input's channels",
            tensor=1,
            expected=f"[1, height, width, a multiple of {channels}]",
            found=[one, *taps, filters],
        )
    check_bias(node, inputs, 2, filters)
    windows = slide_all(node, _AXES, tuple(sizes), tuple(taps))
    return (node.output(0, (batch, *outputs_of(windows), filters)),)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Layer:
    """Arranges constant filters; for an input of one channel, as those of CONV_2D."""
    x, weights = inputs[0], inputs[1]
    bias = inputs[2] if len(inputs) > 2 else None
    assert x is not None and weights is not None
    batch, *sizes, channels = x.static
    _, *taps, filters = weights.static
    numbers = read_numbers(node, x, weights, bias, outputs[0], filters)
    windows = known(slide_all(node, _AXES, tuple(sizes), tuple(taps)))
    depthwise = channels > 1
    form = make_form(
        numbers, batch, windows, channels, filters,
        _by_taps if depthwise else _one_channel, depthwise=depthwise,
    )  # fmt: skip
    return make_layer(form, weights, bias)


def _by_taps(weights: Array, taps: Taps, groups: int) -> Array:
    """[height, width, filters]."""
    return weights[0, cut(taps[1]), cut(taps[2])]


def _one_channel(weights: Array, taps: Taps, groups: int) -> Array:
    """[1, taps, filters], for a product of matrices."""
    return weights[:, cut(taps[1]), cut(taps[2])].reshape(1, -1, weights.shape[-1])


def evaluate(p: Layer, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Convolves block by block."""
    bias = inputs[2] if len(inputs) > 2 else None
    evaluate_layer(p, inputs[0], inputs[1], bias, outputs[0], run)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A product for each tap of an output, padding included."""
    weights = inputs[1]
    assert weights is not None
    _, height, width, _ = weights.static
    return Cost.of(outputs[0].size * height * width, inputs, outputs)


define(
    "DEPTHWISE_CONV_2D",
    module=__name__,
    options="DepthwiseConv2DOptions",
    signature=Signature(
        "FLOAT32, FLOAT32, FLOAT32? -> FLOAT32",
        "FLOAT32, INT8|INT4|INT2, FLOAT32? -> FLOAT32",
        "UINT8, UINT8, INT32? -> UINT8",
        "INT8, INT8|INT4|INT2, INT32? -> INT8",
        "INT16, INT8|INT4|INT2, INT64? -> INT16",
    ),
    versions=(1, 7),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    packs=(1, 2),
    rows_apart=True,
    tolerance=16,
    scratch=lambda p: p.scratch,
    examples=(
        Example(
            [[[[[1.0, 10.0], [2.0, 20.0]]]], [[[[1.0, -1.0], [2.0, 0.5]]]], [0.5, 0.0]],
            [[[[[5.5, 0.0]]]]],
            {"padding": 1, "stride_w": 1, "stride_h": 1},
        ),
        Example(
            [
                np.array([[[[2, 4]]]], np.uint8),
                np.array([[[[3, 4, 5, 6]]]], np.uint8),
                np.array([0, 0, 0, -4], np.int32),
            ],
            [np.array([[[[10, 12, 22, 22]]]], np.uint8)],
            {"stride_w": 1, "stride_h": 1, "depth_multiplier": 2},
            quantization=((0.5, 0), (1.0, 1), (0.5, 0), (0.5, 6)),
        ),
    ),
)
