"""CONV_3D in float32: a convolution of images for each plane of the filter, added up.

    output[:, z] = act(bias + sum over kz of conv(input[:, z * stride + kz * dilation - front],
                                                  filter[kz]))

The first plane that all outputs see begins with the bias; each other one adds to what there is, at
those outputs that see it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pytflite.jit.kernel import Work
from pytflite.jit.lowering.elementwise import one_pass
from pytflite.jit.lowering.packing import as_float32, pack
from pytflite.jit.lowering.products import Ending, convolution_work, product_work
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.lowering.tiles import Product, columns_of, splits_of
from pytflite.model.graph import Array
from pytflite.ops.activation import bounds
from pytflite.ops.convolution.checks import known, slide_all
from pytflite.ops.convolution.layer import cut
from pytflite.ops.windows import Window
from pytflite.plan.plan import Step

_AXES = ("depth", "height", "width")
_ITEM = 4
_MOST = 64  # planes, each a kernel's work


class Layer(NamedTuple):
    """What all planes have in common: windows, and bytes of pixels of input and output."""

    height: Window
    width: Window
    pixel: int
    pixel_out: int

    @property
    def images(self) -> tuple[int, int]:
        """Bytes of an image of the input, and of the output."""
        h, w = self.height, self.width
        return h.input * w.input * self.pixel, h.output * w.output * self.pixel_out


class Plane(NamedTuple):
    """Weights [1, k, n], and where in the filter they begin."""

    weights: Array
    start: tuple[int, int, int]


@lowering("CONV_3D")
def conv_3d(step: Step, to: Lowering) -> Lowered:
    """Work for each plane of the filter."""
    x, weights = step.input_specs[0], step.input_specs[1]
    bias = step.input_specs[2] if len(step.input_specs) > 2 else None
    assert x is not None and weights is not None
    values, offset = as_float32(weights), as_float32(bias)
    if values is None or (bias is not None and offset is None):
        return RUN_TIME
    batch, *sizes, channels = x.static
    *taps, _, filters = weights.static
    windows = known(slide_all(step.node, _AXES, tuple(sizes), tuple(taps)))
    (depth, first), (h, y), (w, z) = (window.trimmed() for window in windows)
    kept = values[:, cut(range(y, y + h.filter)), cut(range(z, z + w.filter))]
    seen = [tap for tap in range(depth.filter) if _outputs(depth, tap)]
    whole = [tap for tap in seen if len(_outputs(depth, tap)) == depth.output]
    if not whole or len(seen) > _MOST:
        return "no plane of its filter is seen by all outputs, or there are too many"
    layer = Layer(h, w, channels * _ITEM, filters * _ITEM)
    limits, output = bounds(step.node), to.output(step)
    works: list[Work] = []
    for tap in (whole[0], *(tap for tap in seen if tap != whole[0])):
        ending = Ending() if not works else Ending(residual=output)
        if len(seen) == 1:
            ending = Ending(limits)
        plane = Plane(kept[first + tap].reshape(1, -1, filters), (first + tap, y, z))
        places = _places(layer, depth, tap, batch)
        works.append(_work(step, to, layer, places, plane, None if works else offset, ending))
    if len(seen) == 1 or limits == (None, None):
        return works
    low, high = limits
    numbers = [float("-inf") if low is None else float(low)]
    numbers.append(float("inf") if high is None else float(high))
    shape = step.output_specs[0].static
    clamped = one_pass("clamp(x0, x1, x2)", step, to, [(output, shape)], numbers)
    return clamped if isinstance(clamped, str) else [*works, *clamped]


def _outputs(depth: Window, tap: int) -> range:
    """Those that see the input through a tap."""
    outputs, _ = depth.taps(tap)
    return range(outputs.start, outputs.stop)


def _places(layer: Layer, depth: Window, tap: int, batch: int) -> Array:
    """Offsets of images that see each other: of x, weights and output, int64 [images, 3]."""
    outputs = np.array(_outputs(depth, tap), np.int64)
    inputs = outputs * depth.stride + tap * depth.dilation - depth.before
    numbers = np.arange(batch, dtype=np.int64)[:, None]
    x_image, y_image = layer.images
    x = (numbers * depth.input + inputs).reshape(-1) * x_image
    y = (numbers * depth.output + outputs).reshape(-1) * y_image
    return np.stack([x, np.zeros_like(x), y], 1)


def _work(
    step: Step, to: Lowering, layer: Layer, places: Array, plane: Plane, bias: Array | None,
    ending: Ending,
) -> Work:  # fmt: skip
    """That of one plane."""
    h, w = layer.height, layer.width
    _, k, n = plane.weights.shape
    m = h.output * w.output
    splits = splits_of(to.target, to.precision, m, k, n)
    columns = columns_of(to.target, n)
    positions = [p for p, spec in enumerate(step.input_specs) if p and spec is not None]
    kind = "plane", columns, plane.start, h.filter, w.filter, bias is None, splits
    packed = to.packed(step, positions, kind, lambda: pack(plane.weights, bias, columns, splits))
    p = Product(m, n, k, layer.pixel, layer.pixel_out, len(places), offsets=places, splits=splits)
    tensors = to.input(step, 0), packed, to.output(step)
    if h.is_pointwise and w.is_pointwise:
        return product_work(to.target, p, tensors, ending)
    steps = layer.images[1], w.output * layer.pixel_out, layer.pixel_out
    return convolution_work(
        to.target, p, (Window(1, 1, 1), h, w), layer.pixel, steps, tensors, ending
    )
