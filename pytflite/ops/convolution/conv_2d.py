"""CONV_2D: each output is a window of the input times a filter, summed.

    output[b, y, x, o] = act(bias[o] + sum over ky, kx, i of
        input[b, y*stride_h + ky*dilation_h - top, x*stride_w + kx*dilation_w - left, first + i]
        * filter[o, ky, kx, i])

input: [batch, height, width, channels]; filter: [filters, filter_height, filter_width,
channels / groups], of which filter o of group o // (filters / groups) sees only that group's
channels, from `first` on; bias: [filters], zero if left out; output: [batch, ., ., filters].
Outside the input there is real zero. Padding SAME gives ceil(size / stride) outputs, with the odd
padded position at the end; VALID gives those whose windows lie inside.

Types: floats; floats with a filter of INT8, INT4 or INT2, for which the input is quantised at run
time, with a zero point if the filters' scales differ or there are groups; UINT8; INT8 with a scale
for each filter; INT16 with such filters, summed in INT64, or INT32 if `quantized_bias_type` is
that. numbers.py has their arithmetic, kernels.py the loops.
Source: CONV_2D (kernels/conv.cc, internal/reference/conv.h, integer_ops/conv.h).
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
    """Sizes from the windows; the channels are the filters."""
    batch, *sizes, channels = sizes_of(node, inputs, 0, 4)
    filters, *taps, depth = sizes_of(node, inputs, 1, 4)
    bounds(node)
    for number, size in ((0, channels), (1, filters), (1, depth)):
        check_channels(node, number, size, None)
    if channels is not None and depth is not None:
        _groups(node, channels, depth, filters)
    check_bias(node, inputs, 2, filters)
    windows = slide_all(node, _AXES, tuple(sizes), tuple(taps))
    return (node.output(0, (batch, *outputs_of(windows), filters)),)


def _groups(node: Node, channels: int, depth: int, filters: int | None) -> int:
    """How many groups the channels form.

    Raises:
        ShapeError: channels or filters cannot be divided so.
    """
    groups = channels // depth
    if channels % depth or (filters is not None and filters % groups):
        raise node.error(
            ShapeError,
            "channels and filters do not divide into groups",
            tensor=1,
            expected=f"filters that see a divisor of {channels} channels, "
            "and as many of them for each group",
            found=f"{filters} filters of {depth} channels",
        )
    return groups


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Layer:
    """Arranges constant filters; those of one channel each as a depthwise convolution."""
    x, weights = inputs[0], inputs[1]
    bias = inputs[2] if len(inputs) > 2 else None
    assert x is not None and weights is not None
    batch, *sizes, channels = x.static
    filters, *taps, depth = weights.static
    groups = _groups(node, channels, depth, filters)
    numbers = read_numbers(
        node, x, weights, bias, outputs[0], filters, groups=groups, always_asymmetric=False
    )
    windows = known(slide_all(node, _AXES, tuple(sizes), tuple(taps)))
    depthwise = depth == 1 and groups > 1
    form = make_form(
        numbers, batch, windows, channels, filters,
        _taps_first if depthwise else _channels_last, groups=groups, depthwise=depthwise,
    )  # fmt: skip
    return make_layer(form, weights, bias)


def _channels_last(weights: Array, taps: Taps, groups: int) -> Array:
    """[groups, taps * channels of a group, filters of a group], as a view where all taps count."""
    seen = weights[:, cut(taps[1]), cut(taps[2])]
    count, depth = seen.shape[0] // groups, int(np.prod(seen.shape[1:]))
    return seen.reshape(groups, count, depth).transpose(0, 2, 1)


def _taps_first(weights: Array, taps: Taps, groups: int) -> Array:
    """[height, width, filters] of filters that see one channel each."""
    return weights[:, cut(taps[1]), cut(taps[2]), 0].transpose(1, 2, 0)


def evaluate(p: Layer, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Convolves block by block."""
    bias = inputs[2] if len(inputs) > 2 else None
    evaluate_layer(p, inputs[0], inputs[1], bias, outputs[0], run)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A product for each tap and channel that an output sees, padding included."""
    weights = inputs[1]
    assert weights is not None
    _, height, width, depth = weights.static
    return Cost.of(outputs[0].size * height * width * depth, inputs, outputs)


_QUARTERS = [[[[1.0], [2.0]], [[3.0], [4.0]]]]

define(
    "CONV_2D",
    module=__name__,
    options="Conv2DOptions",
    signature=Signature(
        "FLOAT32, FLOAT32, FLOAT32? -> FLOAT32",
        "FLOAT32, INT8|INT4|INT2, FLOAT32? -> FLOAT32",
        "UINT8, UINT8, INT32? -> UINT8",
        "INT8, INT8|INT4|INT2, INT32? -> INT8",
        "INT16, INT8|INT4|INT2, INT32|INT64? -> INT16",
    ),
    versions=(1, 8),
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
            [[[[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]]], _QUARTERS, [0.5]],
            [[[[[37.5], [47.5]]]]],
            {"padding": 1, "stride_w": 1, "stride_h": 1},
        ),
        Example(
            [
                np.array([[[[3], [7]]]], np.int8),
                np.array([[[[2]]], [[[-4]]]], np.int8),
                np.array([2, 0], np.int32),
            ],
            [np.array([[[[5, -8], [9, -16]]]], np.int8)],
            {"stride_w": 1, "stride_h": 1},
            quantization=((0.5, -1), (0.5, 0), (0.25, 0), (0.5, 0)),
        ),
    ),
)
