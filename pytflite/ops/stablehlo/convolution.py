"""STABLEHLO_CONVOLUTION: convolutions of any rank, direction, dilation and grouping.

    output[b, o, f] = sum over taps k and features c of
        framed[b, o * stride + k * rhs_dilation, c] * kernel[k', c, f]
    framed = the input with lhs_dilation - 1 zeros between its elements, and padding (low, high) at
             either end of each spatial axis (negative: cropped);  k' = k, or counted from the end
             where window_reversal says so

b, c, f and the spatial axes stand where the options have them in input, kernel and output.
feature_group_count: features and filters are cut in so many groups, and each filter sees its own.
batch_group_count: the batch is cut in so many groups, each for its own group of filters, so the
output's batch is smaller. At most one of them is above 1.

Types are those of STABLEHLO_DOT_GENERAL. LiteRT does not run it. Source: STABLEHLO_CONVOLUTION;
StableHLO's specification.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import OptionError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec
from pytflite.ops.stablehlo import pad
from pytflite.ops.stablehlo.products import ROWS, TYPES, Sums, check_axes, numbers, sums_of


class Axes(NamedTuple):
    """Where batch, features and space are in a tensor; of kernels features in and out, and taps."""

    first: int
    second: int
    space: Shape

    @property
    def order(self) -> Shape:
        """[first, space, second]."""
        return (self.first, *self.space, self.second)


class Window(NamedTuple):
    """One spatial axis."""

    frame: pad.Axis
    filter: int
    stride: int
    dilation: int
    reversed: bool

    def framed(self, size: int) -> int:
        """Elements of the framed input."""
        return self.frame.size(size)

    def output(self, size: int) -> int:
        """How many windows there are."""
        span = (self.filter - 1) * self.dilation + 1
        room = self.framed(size) - span
        return 0 if room < 0 or not self.filter else room // self.stride + 1


class P(NamedTuple):
    """All sizes.

    Attributes:
        axes: of input, kernel and output.
        groups: of features or (by_batch) of the batch.
        batch, channels, filters: of one group; channels are those that a filter sees.
        frame: spatial sizes of the framed input; shown, placed: which part of the input is where
            in it. outputs: of the output.
    """

    axes: tuple[Axes, Axes, Axes]
    windows: tuple[Window, ...]
    groups: int
    by_batch: bool
    batch: int
    channels: int
    filters: int
    frame: Shape
    shown: tuple[slice, ...]
    placed: tuple[slice, ...]
    outputs: Shape
    sums: Sums

    @property
    def work(self) -> tuple[int, int, int, int]:
        """Elements of the framed input, of what one tap sees of it, and of the sums, twice."""
        rows = self.groups * self.batch * math.prod(self.outputs)
        framed = self.groups * self.batch * math.prod(self.frame) * self.channels
        return framed, rows * self.channels, rows * self.filters, rows * self.filters


def _axes(node: Node, rank: int) -> tuple[Axes, Axes, Axes]:
    o = node.options
    found = (
        Axes(o.input_batch_dimension, o.input_feature_dimension,
             numbers(node, "input_spatial_dimensions")),
        Axes(o.kernel_input_feature_dimension, o.kernel_output_feature_dimension,
             numbers(node, "kernel_spatial_dimensions")),
        Axes(o.output_batch_dimension, o.output_feature_dimension,
             numbers(node, "output_spatial_dimensions")),
    )  # fmt: skip
    for what, axes in zip(("input", "kernel", "output"), found, strict=True):
        check_axes(node, f"the {what}'s dimensions", axes.order, rank, all=True)
    return found


def _windows(node: Node, taps: Sequence[int]) -> tuple[Window, ...]:
    """What the options say of each spatial axis.

    Raises:
        OptionError: lists of another length; strides or dilations that are not positive.
    """
    count = len(taps)
    strides = numbers(node, "window_strides", count, 1)
    base = numbers(node, "lhs_dilation", count, 1)
    dilations = numbers(node, "rhs_dilation", count, 1)
    reversal = numbers(node, "window_reversal", count)
    padding = numbers(node, "padding", 2 * count)
    if min((*strides, *base, *dilations), default=1) < 1:
        raise node.error(
            OptionError, "strides and dilations have to be positive",
            expected="numbers of at least 1", found=(strides, base, dilations),
        )  # fmt: skip
    return tuple(
        Window(pad.Axis(low, high, between - 1), tap, stride, dilation, bool(turned))
        for low, high, between, tap, stride, dilation, turned in zip(
            padding[::2], padding[1::2], base, taps, strides, dilations, reversal, strict=True
        )
    )


def _groups(node: Node) -> tuple[int, bool]:
    """How many, and whether they are of the batch.

    Raises:
        OptionError: both, or numbers that are not positive.
    """
    features, batch = node.options.feature_group_count, node.options.batch_group_count
    if min(features, batch) < 1 or min(features, batch) > 1:
        raise node.error(
            OptionError, "the numbers of groups make no sense",
            expected="two positive numbers, one of them 1", found=(features, batch),
        )  # fmt: skip
    return max(features, batch), batch > 1


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """Windows along the spatial axes; batch and filters."""
    x, kernel = inputs
    assert x is not None and kernel is not None
    rank = x.rank if x.rank is not None else kernel.rank
    if rank is None:
        return (node.output(0, None),)
    if rank < 2 or kernel.rank not in (rank, None):
        raise node.error(
            ShapeError, "input and kernel have other ranks", tensor=1,
            expected=f"both the same, at least 2, as {rank} of the input", found=kernel.rank,
        )  # fmt: skip
    _axes(node, rank)
    _groups(node)
    if not x.is_static or not kernel.is_static:
        return (node.output(0, [None] * rank),)
    batch, filters, outputs = _sizes(node, x.static, kernel.static)
    shape = [0] * rank
    for axis, size in zip(_axes(node, rank)[2].order, (batch, *outputs, filters), strict=True):
        shape[axis] = size
    return (node.output(0, shape),)


def _sizes(node: Node, x: Shape, kernel: Shape) -> tuple[int, int, Shape]:
    """Batch, filters, and spatial sizes of the output.

    Raises:
        ShapeError: input, kernel and groups do not go together.
    """
    ours, weights, _ = _axes(node, len(x))
    groups, by_batch = _groups(node)
    filters, seen = kernel[weights.second], kernel[weights.first]
    channels, batch = x[ours.second], x[ours.first]
    if channels != seen * (1 if by_batch else groups):
        raise node.error(
            ShapeError, "the kernel's features are not the input's", tensor=1,
            expected=f"{channels} in {1 if by_batch else groups} groups", found=seen,
        )  # fmt: skip
    if filters % groups or (by_batch and batch % groups):
        raise node.error(
            ShapeError, "the groups are not of one size", tensor=1,
            expected=f"multiples of {groups}", found=f"batch {batch}, {filters} filters",
        )  # fmt: skip
    windows = _windows(node, [kernel[axis] for axis in weights.space])
    space = [x[axis] for axis in ours.space]
    for window, size in zip(windows, space, strict=True):
        if window.framed(size) < 0:
            raise node.error(
                ShapeError, "padding crops more than there is", tensor=0,
                expected="a size of at least 0", found=window.framed(size),
            )  # fmt: skip
    outputs = tuple(w.output(size) for w, size in zip(windows, space, strict=True))
    return batch // groups if by_batch else batch, filters, outputs


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """All sizes."""
    x, kernel = inputs
    assert x is not None and kernel is not None
    axes = _axes(node, len(x.static))
    groups, by_batch = _groups(node)
    batch, filters, made = _sizes(node, x.static, kernel.static)
    taps = [kernel.static[axis] for axis in axes[1].space]
    windows = _windows(node, taps)
    space = [x.static[axis] for axis in axes[0].space]
    frame = tuple(w.framed(size) for w, size in zip(windows, space, strict=True))
    parts = [w.frame.parts(n, f) for w, n, f in zip(windows, space, frame, strict=True)]
    channels = kernel.static[axes[1].first]
    return P(
        axes, windows, groups, by_batch, batch, channels, filters // groups, frame,
        tuple(shown for shown, _ in parts), tuple(placed for _, placed in parts), made,
        sums_of(x, kernel, outputs[0].dtype, channels * math.prod(taps)),
    )  # fmt: skip


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Tap by tap: what it sees of the input, times its weights."""
    out = outputs[0].transpose(p.axes[2].order)
    if not out.size or not p.channels:
        out[...] = 0
        return None
    kind = p.sums.kind
    memory = run.scratch((sum(p.work),), kind)
    framed, part, product, total = np.split(memory, np.cumsum(p.work)[:-1])
    x = _framed(p, p.sums.factor(p.sums.x, inputs[0]), framed)
    weights = _arranged(p, p.sums.factor(p.sums.y, inputs[1]))
    rows = p.batch * math.prod(p.outputs)
    shape = (p.groups, p.batch, *p.outputs, p.channels)
    seen, factors = part.reshape(shape), part.reshape(p.groups, rows, p.channels)
    each, sums = (a.reshape(p.groups, rows, p.filters) for a in (product, total))
    sums[...] = 0
    for tap in np.ndindex(*weights.shape[: len(p.windows)]):
        places = tuple(
            slice(k * w.dilation, k * w.dilation + (count - 1) * w.stride + 1, w.stride)
            for k, w, count in zip(tap, p.windows, p.outputs, strict=True)
        )
        np.copyto(seen, x[(slice(None), slice(None), *places)])
        np.matmul(factors, weights[tap], out=each)
        np.add(sums, each, out=sums)
    _give(p, sums.reshape(p.groups, p.batch, *p.outputs, p.filters), out)
    return None


def _framed(p: P, x: Array, memory: Array) -> Array:
    """The input as [groups, batch, ..., channels] of a group, dilated and padded."""
    x = x.transpose(p.axes[0].order)
    groups = (p.groups, p.batch) if p.by_batch else (p.batch, p.groups)
    framed = memory.reshape(p.groups, p.batch, *p.frame, p.channels)
    framed[...] = 0
    if p.by_batch:
        x = x.reshape(*groups, *x.shape[1:])
    else:
        x = np.moveaxis(x.reshape(*x.shape[:-1], p.groups, p.channels), -2, 0)
    both = (slice(None), slice(None))
    framed[(*both, *p.placed)] = x[(*both, *p.shown)]
    return framed


def _arranged(p: P, kernel: Array) -> Array:
    """The kernel as [taps ..., groups, channels, filters of a group]."""
    axes = p.axes[1]
    kernel = kernel.transpose((*axes.space, axes.first, axes.second))
    kernel = kernel[tuple(slice(None, None, -1 if w.reversed else 1) for w in p.windows)]
    kernel = kernel.reshape(*kernel.shape[:-1], p.groups, p.filters)
    return np.moveaxis(kernel, -2, -3)


def _give(p: P, sums: Array, out: Array) -> None:
    """The sums [groups, batch, ..., filters], to the output [batch, ..., all filters]."""
    whole = np.moveaxis(sums, 0, -2)
    p.sums.store(whole.reshape(out.shape), out)


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A product for each tap and channel that an output sees, padding included."""
    p = prepare(node, inputs, outputs)
    taps = math.prod(w.filter for w in p.windows)
    return Cost.of(outputs[0].size * taps * p.channels, inputs, outputs)


define(
    "STABLEHLO_CONVOLUTION",
    module=__name__,
    options="StablehloConvolutionOptions",
    signature=Signature(*ROWS, **TYPES),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    tolerance=16,
    scratch=lambda p: p.sums.kind.itemsize * sum(p.work),
    examples=(
        Example(
            [[[[1.0], [2.0], [3.0]]], [[[1.0]], [[10.0]]]],
            [[[[21.0], [32.0], [3.0]]]],
            {
                "padding": [0, 1],
                "input_spatial_dimensions": [1], "input_feature_dimension": 2,
                "kernel_spatial_dimensions": [0], "kernel_input_feature_dimension": 1,
                "kernel_output_feature_dimension": 2,
                "output_spatial_dimensions": [1], "output_feature_dimension": 2,
                "feature_group_count": 1, "batch_group_count": 1,
            },
        ),
    ),
)  # fmt: skip
