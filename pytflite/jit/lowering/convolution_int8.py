"""CONV_2D of int8 and uint8."""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernel import Packed
from pytflite.jit.lowering.padded import windows_of
from pytflite.jit.lowering.products import Product
from pytflite.jit.lowering.products_int8 import (
    Ending,
    Factor,
    Layer,
    convolution_work,
    pack,
    product_work,
)
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.model.graph import Array
from pytflite.ops.convolution.layer import cut
from pytflite.ops.convolution.numbers import Numbers, read_numbers
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step


def conv_2d(step: Step, to: Lowering) -> Lowered:
    """A product of windows and filters; of pixels and filters where a window is a pixel."""
    x, weights, bias = _constants(step)
    if weights.value is None or (bias is not None and bias.value is None):
        return "the filter or the bias is computed at run time"
    batch, *sizes, channels = x.static
    filters, *taps, depth = weights.static
    groups = channels // depth
    numbers = read_numbers(
        step.node, x, weights, bias, step.output_specs[0], filters,
        groups=groups, always_asymmetric=False,
    )  # fmt: skip
    windows = windows_of(step, sizes, taps)
    (d, _), (h, top), (w, left) = (window.trimmed() for window in windows)
    seen = range(top, top + h.filter), range(left, left + w.filter)
    if w.input == w.output == w.filter == 1 and not w.before:  # a column: its taps make one run
        h, w = w, h
    values, offset = weights.value, None if bias is None else bias.value
    ending = ending_of(to, numbers, x.dtype.storage.name)
    reals = reals_of(to, numbers, x, weights, step.output_specs[0])

    def make() -> Array:
        kept = values[:, cut(seen[0]), cut(seen[1])].reshape(groups, filters // groups, -1)
        return pack(to.target, factor_of(kept, offset, reals, numbers), ending)

    kind = ("int8", seen, ending, numbers.input_zero, reals.tobytes())
    packed = to.packed(step, (1,) if bias is None else (1, 2), kind, make)
    layer = layer_of(step, to, packed, numbers, weights)
    outputs = h.output * w.output
    p = Product(
        batch * outputs, filters // groups, h.filter * w.filter * depth, channels,
        filters, groups, depth, filters // groups,
    )  # fmt: skip
    if h.is_pointwise and w.is_pointwise:
        return [product_work(to.target, p, layer, ending)]
    if groups == 1 and h.covers and w.covers:
        return [product_work(to.target, p._replace(x_row=p.k), layer, ending)]
    places = outputs * filters, w.output * filters, filters
    return [convolution_work(to.target, p, (d, h, w), channels, places, layer, ending)]


def _constants(step: Step) -> tuple[Spec, Spec, Spec | None]:
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    return x, weights, step.input_specs[2] if len(step.input_specs) > 2 else None


def ending_of(to: Lowering, numbers: Numbers, output: str) -> Ending:
    """From sums to outputs, as the operator or LiteRT as shipped does it."""
    rounding = "litert" if to.numerics == "litert" and _is_moderate(numbers) else "fixed"
    return Ending(rounding, numbers.output_zero, numbers.least, numbers.greatest, output)


def _is_moderate(numbers: Numbers) -> bool:
    """Whether no product of a sum and its multiplier passes an int32."""
    assert numbers.reals is not None
    return bool((numbers.reals < 0.5).all())


def reals_of(to: Lowering, numbers: Numbers, x: Spec, weights: Spec, output: Spec) -> Array:
    """The multipliers; LiteRT as shipped computes them in float32."""
    assert numbers.reals is not None and weights.quantization is not None
    if to.numerics != "litert":
        return numbers.reals
    scales = weights.quantization.scale
    narrow: Array = np.float32(x.scale) * scales / np.float32(output.scale)
    return narrow


def factor_of(weights: Array, bias: Array | None, reals: Array, numbers: Numbers) -> Factor:
    """Weights [parts, n, k] for packing."""
    offset = None if bias is None else bias.reshape(-1).astype(np.int64)
    kind = numbers.storage.name
    return Factor(weights, numbers.filter_zero, offset, reals, kind, numbers.input_zero)


def layer_of(step: Step, to: Lowering, packed: Packed, numbers: Numbers, weights: Spec) -> Layer:
    """The product of a step, whose data is its first input."""
    return Layer(
        to.input(step, 0), packed, to.output(step), numbers.storage.name,
        numbers.input_zero, numbers.filter_zero, weights.dtype.storage == np.uint8,
    )  # fmt: skip


LOWER: dict[str, Lower] = {"CONV_2D": conv_2d}
