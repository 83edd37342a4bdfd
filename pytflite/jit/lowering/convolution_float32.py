"""CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV in float32."""

from __future__ import annotations

from pytflite.jit.lowering.packing import as_float32, panels
from pytflite.jit.lowering.products import (
    Ending,
    Product,
    columns_of,
    convolution_work,
    product_work,
)
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.model.graph import Array
from pytflite.ops.activation import bounds
from pytflite.ops.convolution.checks import known, slide_all
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.layer import Taps, cut
from pytflite.plan.plan import Step

_AXES = ("height", "width")
_ITEM = 4


def conv_2d(step: Step, to: Lowering) -> Lowered:
    """A product of windows and filters; of pixels and filters where a window is a pixel."""
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    if not _constant(step, 1):
        return "the filter or the bias is computed at run time"
    batch, *sizes, channels = x.static
    filters, *taps, depth = weights.static
    windows = known(slide_all(step.node, _AXES, tuple(sizes), tuple(taps)))
    windows, seen = _trimmed(windows)
    groups = channels // depth

    values, bias = as_float32(weights), _bias(step, 2)
    assert values is not None

    def make() -> Array:
        kept = values[:, cut(seen[1]), cut(seen[2])].reshape(groups, filters // groups, -1)
        return panels(kept.transpose(0, 2, 1), bias, columns)

    columns = columns_of(to.target, filters // groups)
    packed = to.packed(step, _positions(step, 1), ("panels", columns, seen), make)
    place = to.input(step, 0), packed, to.output(step)
    ending = Ending(bounds(step.node))
    _, h, w = windows
    if w.input == w.output == w.filter == 1 and not w.before:  # a column: its taps make one run
        h, w = w, h
    outputs = h.output * w.output
    p = Product(
        batch * outputs, filters // groups, h.filter * w.filter * depth, channels * _ITEM,
        filters * _ITEM, groups, depth * _ITEM, filters // groups * _ITEM,
    )  # fmt: skip
    if h.is_pointwise and w.is_pointwise:
        return [product_work(to.target, p, *place, ending)]
    if groups == 1 and h.covers and w.covers:
        return [product_work(to.target, p._replace(x_row=p.k * _ITEM), *place, ending)]
    places = outputs * p.output_row, w.output * p.output_row, p.output_row
    return [
        convolution_work(
            to.target, p, (windows[0], h, w), channels * _ITEM, places, *place, ending
        )
    ]


def _trimmed(windows: Windows) -> tuple[Windows, Taps]:
    """Without taps that see nothing; and which of the filter's are left."""
    (d, z), (h, y), (w, x) = (window.trimmed() for window in windows)
    return (d, h, w), (
        range(z, z + d.filter), range(y, y + h.filter), range(x, x + w.filter)
    )  # fmt: skip


def _constant(step: Step, weights: int) -> bool:
    """Whether filter and bias are."""
    return all(
        (spec := step.input_specs[p]) is not None and spec.value is not None
        for p in _positions(step, weights)
    )


def _positions(step: Step, weights: int) -> tuple[int, ...]:
    """Of the filter, and of the bias if there is one."""
    bias = 3 if step.node.name == "TRANSPOSE_CONV" else 2
    there = len(step.input_specs) > bias and step.input_specs[bias] is not None
    return (weights, bias) if there else (weights,)


def _bias(step: Step, position: int) -> Array | None:
    return as_float32(step.input_specs[position]) if len(step.input_specs) > position else None


LOWER: dict[str, Lower] = {"CONV_2D": conv_2d}
