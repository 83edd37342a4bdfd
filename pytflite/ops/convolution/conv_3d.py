"""CONV_3D: each output is a window of the input times a filter, summed, along three axes.

    output[b, z, y, x, o] = act(bias[o] + sum over kz, ky, kx, i of
        input[b, z*stride_d + kz*dilation_d - front, y*stride_h + ky*dilation_h - top,
              x*stride_w + kx*dilation_w - left, i] * filter[kz, ky, kx, i, o])

input: [batch, depth, height, width, channels]; filter: [filter_depth, filter_height, filter_width,
channels, filters]; bias: [filters], zero if left out; output: [batch, ., ., ., filters]; all
floats. Padding is as in CONV_2D. Source: CONV_3D (kernels/conv3d.cc, internal/reference/conv3d.h).
"""

from __future__ import annotations

from collections.abc import Sequence

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

_AXES = ("depth", "height", "width")


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """Sizes from the windows; the channels are the filters."""
    batch, *sizes, channels = sizes_of(node, inputs, 0, 5)
    *taps, depth, filters = sizes_of(node, inputs, 1, 5)
    bounds(node)
    check_channels(node, 0, channels, None)
    check_channels(node, 1, depth, channels)
    check_channels(node, 1, filters, None)
    check_bias(node, inputs, 2, filters)
    windows = slide_all(node, _AXES, tuple(sizes), tuple(taps))
    return (node.output(0, (batch, *outputs_of(windows), filters)),)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Layer:
    """Arranges a constant filter."""
    x, weights = inputs[0], inputs[1]
    bias = inputs[2] if len(inputs) > 2 else None
    assert x is not None and weights is not None
    batch, *sizes, channels = x.static
    *taps, _, filters = weights.static
    numbers = read_numbers(node, x, weights, bias, outputs[0], filters)
    windows = known(slide_all(node, _AXES, tuple(sizes), tuple(taps)))
    form = make_form(numbers, batch, windows, channels, filters, _arrange)
    return make_layer(form, weights, bias)


def _arrange(weights: Array, taps: Taps, groups: int) -> Array:
    """[1, taps * channels, filters]: as the file has them, where all taps count."""
    seen = weights[cut(taps[0]), cut(taps[1]), cut(taps[2])]
    return seen.reshape(1, -1, weights.shape[-1])


def evaluate(p: Layer, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Convolves block by block."""
    bias = inputs[2] if len(inputs) > 2 else None
    evaluate_layer(p, inputs[0], inputs[1], bias, outputs[0], run)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A product for each tap and channel that an output sees, padding included."""
    weights = inputs[1]
    assert weights is not None
    each = weights.size // max(1, weights.static[-1])
    return Cost.of(outputs[0].size * each, inputs, outputs)


define(
    "CONV_3D",
    module=__name__,
    options="Conv3DOptions",
    signature=Signature("FLOAT32, FLOAT32, FLOAT32? -> FLOAT32"),
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
            [[[[[[1.0], [2.0]]], [[[3.0], [4.0]]]]], [[[[[1.0]]]], [[[[-1.0]]]]]],
            [[[[[[-2.0], [-2.0]]]]]],
            {"padding": 1, "stride_d": 1, "stride_h": 1, "stride_w": 1},
        ),
    ),
)
