"""CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV of int8 and uint8."""

from __future__ import annotations

from functools import partial

import numpy as np

from pytflite.jit.emit.dot import by_rows
from pytflite.jit.lowering.depthwise_int8 import depthwise
from pytflite.jit.lowering.direct_works import Place, int8_work, lines_of_words, whole_words
from pytflite.jit.lowering.padded import windows_of
from pytflite.jit.lowering.products_int8 import (
    TOO_STEEP,
    Ending,
    Factor,
    Layer,
    convolution_work,
    pack,
    product_work,
)
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.jit.lowering.sums_int8 import Sum
from pytflite.jit.lowering.tiles import Product
from pytflite.jit.lowering.transposed import phases_of
from pytflite.jit.work import At, Packed
from pytflite.model.graph import Array
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.layer import cut
from pytflite.ops.convolution.numbers import Numbers, read_numbers
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step

Seen = tuple[range, range]  # the taps that see something, along height and width


def conv_2d(step: Step, to: Lowering, sum: Sum | None = None) -> Lowered:
    """A product of windows and filters; of pixels and filters where a window is a pixel.

    sum: what is added to that; the step's output tensor is then the sum.
    """
    x, weights, bias = _constants(step)
    if weights.value is None or (bias is not None and bias.value is None):
        return "the filter or the bias is computed at run time"
    _, *sizes, channels = x.static
    filters, *taps, depth = weights.static
    groups = channels // depth
    numbers = read_numbers(
        step.node, x, weights, bias, step.output_specs[0], filters,
        groups=groups, always_asymmetric=False,
    )  # fmt: skip
    windows, seen = trimmed(windows_of(step, sizes, taps))
    values = weights.value[:, cut(seen[0]), cut(seen[1])]
    if depth == 1 and groups > 1:
        if sum is not None:
            return "a product of single channels has no sum after it"
        return _depthwise(step, to, windows, seen, values[..., 0].transpose(1, 2, 0), numbers)
    split = values.reshape(groups, filters // groups, -1)
    return _product(step, to, windows, seen, split, numbers, sum)


def depthwise_conv_2d(step: Step, to: Lowering) -> Lowered:
    """Channel by channel; of an input of one channel, as CONV_2D."""
    x, weights, bias = _constants(step)
    if weights.value is None or (bias is not None and bias.value is None):
        return "the filter or the bias is computed at run time"
    _, *sizes, channels = x.static
    filters = weights.static[-1]
    numbers = read_numbers(step.node, x, weights, bias, step.output_specs[0], filters)
    windows, seen = trimmed(windows_of(step, sizes, weights.static[1:3]))
    values = weights.value[0, cut(seen[0]), cut(seen[1])]
    if channels > 1:
        return _depthwise(step, to, windows, seen, values, numbers)
    split = values.reshape(1, -1, filters).swapaxes(1, 2)
    return _product(step, to, windows, seen, split, numbers)


def transpose_conv(step: Step, to: Lowering) -> Lowered:
    """A convolution of stride 1 for each phase of outputs."""
    weights, x = step.input_specs[1], step.input_specs[2]
    bias = step.input_specs[3] if len(step.input_specs) > 3 else None
    assert weights is not None and x is not None
    offsets = None if bias is None else bias.value
    if weights.value is None or (bias is not None and offsets is None):
        return "the filter or the bias is computed at run time"
    phases = phases_of(step)
    if isinstance(phases, str):
        return phases
    filters, *_, channels = weights.static
    numbers = read_numbers(
        step.node, x, weights, bias, step.output_specs[0], filters, data=2
    )  # fmt: skip
    ending, reals = ending_of(numbers), numbers.reals
    assert reals is not None
    works, output = [], to.output(step)
    for phase in phases:
        values = phase.weights(weights.value)[None]
        _, n, k = values.shape
        offset = None if offsets is None else phase.of_filters(offsets, filters)
        factor = factor_of(values, offset, phase.of_filters(reals, filters), numbers)
        kind = ("int8", values.shape, phase.taps, ending, numbers.input_zero, reals.tobytes())
        packed = to.packed(
            step, (1,) if bias is None else (1, 3), kind, partial(pack, to.target, factor, ending)
        )  # fmt: skip
        layer = layer_of(step, to, packed, numbers, weights, 2)
        layer = layer._replace(output=At(output.tensor, output.offset + phase.first * filters))
        p = Product(x.static[0] * phase.outputs, n, k, 0, filters)
        if phase.by_lines:
            p = phase.lines(p, x.static[0], channels, filters)
            works.append(product_work(to.target, p, layer, ending))
            continue
        image, line, pixel = (n * filters for n in phase.steps)
        steps = image, line, pixel
        work = convolution_work(to.target, p, phase.windows, channels, steps, layer, ending)
        works.append(work)
    return works


def trimmed(windows: Windows) -> tuple[Windows, Seen]:
    """Without taps that see nothing; and which of the filter's are left."""
    (d, _), (h, top), (w, left) = (window.trimmed() for window in windows)
    return (d, h, w), (range(top, top + h.filter), range(left, left + w.filter))


def _depthwise(
    step: Step, to: Lowering, windows: Windows, seen: Seen, values: Array, numbers: Numbers
) -> Lowered:
    """Filters [taps_h, taps_w, filters], the taps that are seen."""
    _, _, bias = _constants(step)
    ending, reals = ending_of(numbers), numbers.reals
    assert reals is not None
    if not ending.stands(reals):
        return TOO_STEEP
    offset = None if bias is None or bias.value is None else bias.value.reshape(-1)
    return depthwise(step, to, windows, seen, values, offset, numbers, reals, ending)


def _product(
    step: Step, to: Lowering, windows: Windows, seen: Seen, values: Array, numbers: Numbers,
    sum: Sum | None = None,
) -> Lowered:  # fmt: skip
    """Filters [groups, filters, products], of the taps that are seen."""
    x, weights, bias = _constants(step)
    batch, channels = x.static[0], x.static[3]
    groups, each, depth = values.shape
    filters = groups * each
    _, h, w = windows
    places = h.output * w.output * filters, w.output * filters, filters
    rows, columns = step.seen
    h, w = (
        window._replace(output=-(-window.output // every), stride=window.stride * every)
        for window, every in ((h, rows), (w, columns))
    )
    places = places[0], places[1] * rows, places[2] * columns
    if w.input == w.output == w.filter == 1 and not w.before:  # a column: its taps make one run
        h, w, places = w, h, (places[0], places[2], places[1])
    ending, reals = ending_of(numbers), numbers.reals
    assert reals is not None
    if not ending.stands(reals):
        return TOO_STEEP
    offset = None if bias is None else bias.value
    outputs = h.output * w.output
    whole = groups == 1 and h.covers and w.covers and places[0] == outputs * filters
    lines = None
    sums = numbers.filter_zero != 128 * (weights.dtype.storage == np.uint8)  # of rows, are needed
    if not (sums or whole):
        lines = lines_of_words(to.target, (h, w), values.shape)

    def make() -> Array:
        if lines is None:
            return pack(to.target, factor_of(values, offset, reals, numbers), ending)
        taps = whole_words(to.target, values, h.filter, numbers.filter_zero)
        return pack(by_rows(to.target), factor_of(taps, offset, reals, numbers), ending)

    kind = ("int8", values.shape, seen, ending, numbers.input_zero, reals.tobytes(), lines is None)
    packed = to.packed(step, (1,) if bias is None else (1, 2), kind, make)
    layer, full = layer_of(step, to, packed, numbers, weights), ending._replace(sum=sum)
    p = Product(
        batch * outputs, each, depth, channels, filters, groups, channels // groups, each
    )  # fmt: skip
    if h.is_pointwise and w.is_pointwise and lines is None:
        return [product_work(to.target, p, layer, full)]
    if whole:
        return [product_work(to.target, p._replace(x_row=p.k), layer, full)]
    if lines is not None:
        tensors = layer.x, layer.weights, layer.output
        own = Place(lines, depth, each, batch, h.input * w.input * channels, places, tensors)
        return [int8_work(to.target, own, layer, full)]
    return [convolution_work(to.target, p, (windows[0], h, w), channels, places, layer, full)]


def _constants(step: Step) -> tuple[Spec, Spec, Spec | None]:
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    return x, weights, step.input_specs[2] if len(step.input_specs) > 2 else None


def ending_of(numbers: Numbers) -> Ending:
    """From sums to outputs."""
    rounding = "litert" if numbers.nearest else "fixed"
    output = numbers.storage.name
    return Ending(rounding, numbers.output_zero, numbers.least, numbers.greatest, output)


def factor_of(weights: Array, bias: Array | None, reals: Array, numbers: Numbers) -> Factor:
    """Weights [parts, n, k] for packing."""
    offset = None if bias is None else bias.reshape(-1).astype(np.int64)
    kind = numbers.storage.name
    return Factor(weights, numbers.filter_zero, offset, reals, kind, numbers.input_zero)


def layer_of(
    step: Step, to: Lowering, packed: Packed, numbers: Numbers, weights: Spec, data: int = 0
) -> Layer:  # fmt: skip
    """The product of a step; data: which input."""
    return Layer(
        to.input(step, data), packed, to.output(step), numbers.storage.name,
        numbers.input_zero, numbers.filter_zero, weights.dtype.storage == np.uint8,
    )  # fmt: skip


LOWER: dict[str, Lower] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "TRANSPOSE_CONV": transpose_conv,
}
