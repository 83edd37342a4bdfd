"""CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV of int16 by filters of int8."""

from __future__ import annotations

from functools import partial

from pytflite.jit.lowering.convolution_int8 import Seen, trimmed
from pytflite.jit.lowering.depthwise_integer import depthwise
from pytflite.jit.lowering.padded import windows_of
from pytflite.jit.lowering.products_int16 import (
    ITEM,
    Ending,
    Factor,
    convolution_work,
    pack,
    product_work,
)
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.jit.lowering.requantizing_wide import TOO_LARGE, fits
from pytflite.jit.lowering.tiles import Product
from pytflite.jit.lowering.transposed import phases_of
from pytflite.jit.work import At
from pytflite.model.graph import Array
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.layer import cut
from pytflite.ops.convolution.numbers import Numbers, read_numbers
from pytflite.plan.plan import Step

_LARGEST = 128  # magnitude of the weights
_COMPUTED = "the filter or the bias is computed at run time"


def conv_2d(step: Step, to: Lowering) -> Lowered:
    """A product of windows and filters; of pixels and filters where a window is a pixel."""
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    if not _is_constant(step):
        return _COMPUTED
    _, *sizes, channels = x.static
    filters, *taps, depth = weights.static
    groups = channels // depth
    numbers = _numbers(step, filters, groups)
    windows, seen = trimmed(windows_of(step, sizes, taps))
    assert weights.value is not None
    values = weights.value[:, cut(seen[0]), cut(seen[1])]
    if depth == 1 and groups > 1:
        return _depthwise(step, to, windows, seen, values[..., 0].transpose(1, 2, 0), numbers)
    split = values.reshape(groups, filters // groups, -1)
    return _product(step, to, windows, seen, split, numbers)


def depthwise_conv_2d(step: Step, to: Lowering) -> Lowered:
    """Channel by channel; of an input of one channel, as CONV_2D."""
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    if not _is_constant(step):
        return _COMPUTED
    _, *sizes, channels = x.static
    filters = weights.static[-1]
    numbers = _numbers(step, filters)
    windows, seen = trimmed(windows_of(step, sizes, weights.static[1:3]))
    assert weights.value is not None
    values = weights.value[0, cut(seen[0]), cut(seen[1])]
    if channels > 1:
        return _depthwise(step, to, windows, seen, values, numbers)
    split = values.reshape(1, -1, filters).swapaxes(1, 2)
    return _product(step, to, windows, seen, split, numbers)


def transpose_conv(step: Step, to: Lowering) -> Lowered:
    """A convolution of stride 1 for each phase of outputs."""
    weights, x = step.input_specs[1], step.input_specs[2]
    assert weights is not None and x is not None
    if not _is_constant(step, 3):
        return _COMPUTED
    phases = phases_of(step)
    if isinstance(phases, str):
        return phases
    filters, *_, channels = weights.static
    numbers = _numbers(step, filters, data=2)
    assert numbers.reals is not None and weights.value is not None
    ending = ending_of(numbers)
    if not fits(ending.rounding, numbers.reals):
        return TOO_LARGE
    works, output, bias = [], to.output(step), _bias(step, 3)
    for phase in phases:
        values = phase.weights(weights.value)[None]
        _, n, k = values.shape
        offset = None if bias is None else phase.of_filters(bias, filters)
        factor = Factor(values, offset, phase.of_filters(numbers.reals, filters))
        kind = ("int16", values.shape, phase.taps, ending, numbers.reals.tobytes())
        make = partial(pack, to.target, factor, ending)
        packed = to.packed(step, _positions(step, 3), kind, make)
        place = At(output.tensor, output.offset + phase.first * filters * ITEM)
        p = Product(x.static[0] * phase.outputs, n, k, 0, filters * ITEM)
        image, line, pixel = (n * filters * ITEM for n in phase.steps)
        steps, tensors = (image, line, pixel), (to.input(step, 2), packed, place)
        if phase.by_lines:
            p = phase.lines(p, x.static[0], channels * ITEM, filters * ITEM)
            works.append(product_work(to.target, p, tensors, ending, _LARGEST))
            continue
        work = convolution_work(
            to.target, p, phase.windows, channels * ITEM, steps, tensors, ending, _LARGEST
        )
        works.append(work)
    return works


def _product(
    step: Step, to: Lowering, windows: Windows, seen: Seen, values: Array, numbers: Numbers
) -> Lowered:
    """Filters [groups, filters, products], of the taps that are seen."""
    x = step.input_specs[0]
    assert x is not None and numbers.reals is not None
    batch, channels = x.static[0], x.static[3]
    groups, each, depth = values.shape
    pixel, pixel_out = channels * ITEM, groups * each * ITEM
    depth_axis, h, w = windows
    if w.input == w.output == w.filter == 1 and not w.before:  # a column: its taps make one run
        h, w = w, h
    ending = ending_of(numbers)
    if not fits(ending.rounding, numbers.reals):
        return TOO_LARGE
    factor = Factor(values, _bias(step, 2), numbers.reals)
    kind = ("int16", values.shape, seen, ending, numbers.reals.tobytes())
    packed = to.packed(step, _positions(step, 2), kind, partial(pack, to.target, factor, ending))
    tensors = to.input(step, 0), packed, to.output(step)
    outputs = h.output * w.output
    p = Product(
        batch * outputs, each, depth, pixel, pixel_out, groups, pixel // groups, each * ITEM
    )  # fmt: skip
    if h.is_pointwise and w.is_pointwise:
        return [product_work(to.target, p, tensors, ending, _LARGEST)]
    if groups == 1 and h.covers and w.covers:
        return [product_work(to.target, p._replace(x_row=depth * ITEM), tensors, ending, _LARGEST)]
    places = outputs * pixel_out, w.output * pixel_out, pixel_out
    return [
        convolution_work(
            to.target, p, (depth_axis, h, w), pixel, places, tensors, ending, _LARGEST
        )
    ]  # fmt: skip


def _depthwise(
    step: Step, to: Lowering, windows: Windows, seen: Seen, values: Array, numbers: Numbers
) -> Lowered:
    """Filters [taps_h, taps_w, filters], the taps that are seen."""
    rounding = ending_of(numbers).rounding
    return depthwise(step, to, windows, seen, values, _bias(step, 2), numbers, rounding)


def ending_of(numbers: Numbers) -> Ending:
    """int64 sums take a multiplier of 16 bits, int32 ones gemmlowp's."""
    return Ending("wide" if numbers.wide else "narrow", numbers.least, numbers.greatest)


def _numbers(step: Step, filters: int, groups: int = 1, data: int = 0) -> Numbers:
    x, weights = step.input_specs[data], step.input_specs[1]
    place = 3 if data else 2
    bias = step.input_specs[place] if len(step.input_specs) > place else None
    assert x is not None and weights is not None
    return read_numbers(
        step.node, x, weights, bias, step.output_specs[0], filters, data=data, groups=groups
    )


def _is_constant(step: Step, bias: int = 2) -> bool:
    """Whether filter and bias are."""
    specs = (step.input_specs[p] for p in _positions(step, bias))
    return all(spec is not None and spec.value is not None for spec in specs)


def _positions(step: Step, bias: int) -> tuple[int, ...]:
    """Of the filter, and of the bias if there is one."""
    there = len(step.input_specs) > bias and step.input_specs[bias] is not None
    return (1, bias) if there else (1,)


def _bias(step: Step, position: int) -> Array | None:
    spec = step.input_specs[position] if len(step.input_specs) > position else None
    return None if spec is None or spec.value is None else spec.value.reshape(-1)


LOWER: dict[str, Lower] = {
    "CONV_2D": conv_2d,
    "DEPTHWISE_CONV_2D": depthwise_conv_2d,
    "TRANSPOSE_CONV": transpose_conv,
}
