"""CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV in float32."""

from __future__ import annotations

from pytflite.jit.emit.requantize import is_fused
from pytflite.jit.lowering.depthwise_float32 import depthwise_works, general_work
from pytflite.jit.lowering.direct import Element, Layer, Lines, lines_of
from pytflite.jit.lowering.direct_works import Place, float32_work
from pytflite.jit.lowering.packing import as_float32, pack
from pytflite.jit.lowering.padded import windows_of
from pytflite.jit.lowering.products import Ending, convolution_work, product_work
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.jit.lowering.run_time_filters import (
    phases_of_run_time,
    taps_of_run_time,
    windows_of_run_time,
)
from pytflite.jit.lowering.tiles import Product, columns_of, rounding_of, splits_of, vectors_of
from pytflite.jit.lowering.transposed import phases_of
from pytflite.jit.work import At, Packed, Work
from pytflite.model.graph import Array
from pytflite.ops.activation import bounds
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.layer import Taps, cut
from pytflite.ops.windows import Window
from pytflite.plan.plan import Step

_ITEM = 4
Seen = tuple[Window, Window, tuple[int, int, int]]


def conv_2d(step: Step, to: Lowering, ending: Ending | None = None) -> Lowered:
    """A product of windows and filters; of pixels and filters where a window is a pixel.

    ending: of a step that does more; the step's own outputs are those of all.
    """
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    batch, *sizes, channels = x.static
    filters, *taps, depth = weights.static
    if not _constant(step, 1):
        return windows_of_run_time(step, to, windows_of(step, sizes, taps), ending)
    values, bias = as_float32(weights), _bias(step, 2)
    assert values is not None
    windows, seen = _trimmed(windows_of(step, sizes, taps))
    kept, limits = values[:, cut(seen[1]), cut(seen[2])], bounds(step.node)
    groups, positions = channels // depth, _positions(step, 1)
    if depth == 1 and groups > 1:
        if ending is not None:
            return "a product of single channels has no sum after it"
        taps_first = kept[..., 0].transpose(1, 2, 0)
        return depthwise_works(
            step, to, windows, batch, channels, taps_first, bias, positions, limits
        )
    split = kept.reshape(groups, filters // groups, -1).transpose(0, 2, 1)
    ending = ending or Ending(limits)
    return [_product(step, to, windows, (batch, channels), split, bias, seen, ending)]


def depthwise_conv_2d(step: Step, to: Lowering) -> Lowered:
    """Channel by channel; with one channel, as the product that it is."""
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    batch, *sizes, channels = x.static
    windows, seen = _trimmed(windows_of(step, sizes, weights.static[1:3]))
    limits = bounds(step.node)
    if not _constant(step, 1):
        works, rows = taps_of_run_time(step, to, seen)
        filters = weights.static[-1]
        return [*works, general_work(step, to, windows, (batch, channels, filters), rows, limits)]
    values, bias = as_float32(weights), _bias(step, 2)
    assert values is not None
    kept = values[0, cut(seen[1]), cut(seen[2])]
    positions = _positions(step, 1)
    if channels > 1:
        return depthwise_works(step, to, windows, batch, channels, kept, bias, positions, limits)
    split = kept.reshape(1, -1, kept.shape[-1])
    return [_product(step, to, windows, (batch, 1), split, bias, seen, Ending(limits))]


def transpose_conv(step: Step, to: Lowering) -> Lowered:
    """For each phase of outputs that see the same taps, a convolution of stride 1."""
    weights, x = step.input_specs[1], step.input_specs[2]
    assert weights is not None and x is not None
    phases = phases_of(step)
    if isinstance(phases, str):
        return phases
    if not _constant(step, 1):
        return phases_of_run_time(step, to, phases)
    values, bias = as_float32(weights), _bias(step, 3)
    assert values is not None
    filters, *_, channels = weights.static
    pixel = filters * _ITEM
    limits, output = bounds(step.node), to.output(step)
    works = []
    for phase in phases:
        split = phase.weights(values).T[None]
        _, k, n = split.shape
        place = At(output.tensor, output.offset + phase.first * pixel)
        m = x.static[0] * phase.outputs
        splits = splits_of(to.target, to.precision, m, k, n)
        p = Product(m, n, k, 0, pixel, splits=splits)
        offset = None if bias is None else phase.of_filters(bias, filters)
        packed = _packed(step, to, split, offset, phase.taps, splits)
        image, line, step_ = (n * pixel for n in phase.steps)
        tensors = to.input(step, 2), packed, place
        steps = image, line, step_
        own, ending = channels * _ITEM, Ending(limits)
        if phase.by_lines and not splits:
            p = phase.lines(p, x.static[0], own, pixel)
            works.append(product_work(to.target, p, tensors, ending))
        else:
            windows = phase.windows
            works.append(convolution_work(to.target, p, windows, own, steps, tensors, ending))
    return works


def _packed(
    step: Step, to: Lowering, split: Array, bias: Array | None, which: object, splits: int
) -> Packed:
    """Panels of the weights [groups, k, n]. which: tells parts of the filter from each other."""
    columns = columns_of(to.target, split.shape[-1])
    kind = "panels", columns, split.shape, which, splits
    return to.packed(step, _positions(step, 1), kind, lambda: pack(split, bias, columns, splits))


def _product(
    step: Step, to: Lowering, windows: Windows, pictures: tuple[int, int], split: Array,
    bias: Array | None, seen: Taps, ending: Ending,
) -> Work:  # fmt: skip
    """Windows times weights [groups, k, n], of the taps that are seen.

    Args:
        pictures: how many, and their channels.
    """
    batch, channels = pictures
    depth_axis, h, w = windows
    groups, k, n = split.shape
    pixel, pixel_out = channels * _ITEM, groups * n * _ITEM
    places = h.output * w.output * pixel_out, w.output * pixel_out, pixel_out
    h, w, places = _looked_at(to, batch, split.shape, (h, w, places), step.seen)
    if w.input == w.output == w.filter == 1 and not w.before:  # a column: its taps make one run
        h, w, places = w, h, (places[0], places[2], places[1])
    outputs = h.output * w.output
    splits = splits_of(to.target, to.precision, batch * outputs, k, n)
    packed = _packed(step, to, split, bias, seen, splits)
    place = to.input(step, 0), packed, to.output(step)
    p = Product(
        batch * outputs, n, k, pixel, pixel_out, groups, pixel // groups, pixel_out // groups,
        splits=splits,
    )  # fmt: skip
    if h.is_pointwise and w.is_pointwise:
        return product_work(to.target, p, place, ending)
    if groups == 1 and h.covers and w.covers and places[0] == outputs * pixel_out:
        return product_work(to.target, p._replace(x_row=k * _ITEM), place, ending)
    lines = _lines(to, (h, w), split.shape, splits)
    # In lines the last outputs are computed twice, which an addition in place does not bear.
    if lines is not None and (ending.residual is None or w.output % lines.shape.rows == 0):
        own = Place(lines, k, n, batch, h.input * w.input * pixel, places, place)
        return float32_work(to.target, own, ending)
    return convolution_work(to.target, p, (depth_axis, h, w), pixel, places, place, ending)


def _lines(
    to: Lowering, along: tuple[Window, Window], sizes: tuple[int, int, int], splits: int
) -> Lines | None:
    """How to have windows along height and width in lines, if so; sizes: groups, k, n."""
    groups, k, n = sizes
    if groups > 1 or splits:
        return None
    layer = Layer(k, n, vectors_of(to.target, n), _ITEM)
    return lines_of(to.target, along, layer, Element(_ITEM, 1, 1, is_fused(to.target)))


def _looked_at(
    to: Lowering, batch: int, sizes: tuple[int, int, int], whole: Seen, every: tuple[int, int]
) -> Seen:
    """The windows of every so many outputs; of all, if so few would be rounded otherwise.

    Args:
        sizes: groups, k, n.
        whole: windows along height and width; bytes from image to image of the output, from line
            to line, from pixel to pixel.
    """
    h, w, (image, line, pixel) = whole
    seen_h, seen_w = (
        window._replace(output=-(-window.output // step), stride=window.stride * step)
        for window, step in zip((h, w), every, strict=True)
    )

    def rounding(h: Window, w: Window) -> tuple[int, ...]:
        splits, chains = rounding_of(to.target, to.precision, batch * h.output * w.output,
                                     *sizes[1:])  # fmt: skip
        return splits, chains if _lines(to, (h, w), sizes, splits) is None else 1

    all_, few = rounding(h, w), rounding(seen_h, seen_w)
    return (seen_h, seen_w, (image, line * every[0], pixel * every[1])) if all_ == few else whole


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


LOWER: dict[str, Lower] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "TRANSPOSE_CONV": transpose_conv,
}
