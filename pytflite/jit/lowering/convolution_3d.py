"""CONV_3D and CONV_3D_TRANSPOSE in float32: for each plane of the filter images convolved, all
added up.

    output[:, z] = act(bias + sum over kz of conv(input[:, z * stride + kz * dilation - front],
                                                  filter[kz]))

The first plane that all outputs see begins with the bias; each other one adds to what there is, at
those outputs that see it. Where there is no such plane, the bias is there before. Transposed, it is
that for each phase of outputs, which see the same taps (ops/convolution/transposed.py).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.jit.lowering.copying import Copy, plain_copy
from pytflite.jit.lowering.elementwise import one_pass
from pytflite.jit.lowering.packing import as_float32, pack
from pytflite.jit.lowering.products import Ending, convolution_work, product_work
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.lowering.tiles import Product, columns_of, splits_of
from pytflite.jit.work import At, Work
from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.activation import bounds
from pytflite.ops.convolution.checks import known, slide_all
from pytflite.ops.convolution.layer import cut
from pytflite.ops.convolution.transposed import axis_phases
from pytflite.ops.windows import Window
from pytflite.plan.plan import Step

_AXES = ("depth", "height", "width")
_ITEM = 4
_MOST = 64  # planes, each a kernel's work


class Layer(NamedTuple):
    """What planes have in common.

    Attributes:
        x: which input they see.
        depth, height, width: in which windows.
        pixel, image: bytes of the input's.
        first: where in the output their outputs begin.
        volume: bytes from volume to volume of the output.
        steps: from image to image of theirs, line to line, pixel to pixel.
    """

    x: int
    depth: Window
    height: Window
    width: Window
    pixel: int
    first: int
    volume: int
    steps: tuple[int, int, int]

    @property
    def image(self) -> int:
        """Bytes of an image of the input."""
        return self.height.input * self.width.input * self.pixel

    def outputs(self, tap: int) -> range:
        """Images that see the input through a tap."""
        outputs, _ = self.depth.taps(tap)
        return range(outputs.start, outputs.stop)

    @property
    def whole(self) -> int:
        """A tap that all images see; -1 if there is none."""
        taps = range(self.depth.filter)
        return next((t for t in taps if len(self.outputs(t)) == self.depth.output), -1)


class Plane(NamedTuple):
    """Weights [1, k, n] of a tap of a layer, and which of the filter they are."""

    layer: Layer
    tap: int
    weights: Array
    start: tuple[object, ...]


class Constants(NamedTuple):
    """Filter and bias, in float32, and their positions among the inputs."""

    filter: Array
    bias: Array | None
    positions: tuple[int, ...]


@lowering("CONV_3D")
def conv_3d(step: Step, to: Lowering) -> Lowered:
    """Work for each plane of the filter."""
    x = step.input_specs[0]
    constants = _constants(step, 1)
    if constants is None:
        return RUN_TIME
    assert x is not None
    values = constants.filter
    _, *sizes, channels = x.static
    windows = known(slide_all(step.node, _AXES, tuple(sizes), values.shape[:3]))
    (depth, first), (h, y), (w, z) = (window.trimmed() for window in windows)
    kept = values[:, cut(range(y, y + h.filter)), cut(range(z, z + w.filter))]
    filters = values.shape[-1]
    pixel = filters * _ITEM
    line, image = w.output * pixel, h.output * w.output * pixel
    layer = Layer(
        0, depth, h, w, channels * _ITEM, 0, depth.output * image, (image, line, pixel)
    )  # fmt: skip
    planes = [
        Plane(layer, tap, kept[first + tap].reshape(1, -1, filters), (first + tap, y, z))
        for tap in range(depth.filter)
    ]
    return _sum(step, to, planes, constants, blank=False)


@lowering("CONV_3D_TRANSPOSE")
def conv_3d_transpose(step: Step, to: Lowering) -> Lowered:
    """Work for each plane of each phase."""
    x = step.input_specs[2]
    constants = _constants(step, 1)
    if constants is None:
        return RUN_TIME
    assert x is not None
    values = constants.filter.swapaxes(3, 4)
    channels, filters = values.shape[3:]
    _, *sizes, _ = step.output_specs[0].static
    windows = known(slide_all(step.node, _AXES, tuple(sizes), values.shape[:3]))
    if math.prod(min(w.stride, w.filter) for w in windows) > _MOST:
        return "it has too many phases"
    pixel = filters * _ITEM
    line, image = sizes[2] * pixel, sizes[1] * sizes[2] * pixel
    planes, seen = [], 0
    for along in itertools.product(*(list(axis_phases(window)) for window in windows)):
        (z, z_taps, d), (y, y_taps, h), (x_, x_taps, w) = along
        seen += d.output * h.output * w.output
        layer = Layer(
            2, d, h, w, channels * _ITEM, z.start * image + y.start * line + x_.start * pixel,
            sizes[0] * image, (z.step * image, y.step * line, x_.step * pixel),
        )  # fmt: skip
        for tap, number in enumerate(z_taps):
            kept = values[number][cut(y_taps)][:, cut(x_taps)]
            split = np.ascontiguousarray(kept).reshape(1, -1, filters)
            planes.append(Plane(layer, tap, split, (number, y_taps, x_taps)))
    return _sum(step, to, planes, constants, blank=seen < math.prod(sizes))


def _constants(step: Step, weights: int) -> Constants | None:
    """Those of the step, if they are constant."""
    bias = 3 if step.node.name == "CONV_3D_TRANSPOSE" else 2
    there = len(step.input_specs) > bias and step.input_specs[bias] is not None
    values = as_float32(step.input_specs[weights])
    offset = as_float32(step.input_specs[bias]) if there else None
    if values is None or (there and offset is None):
        return None
    return Constants(values, offset, (weights, bias) if there else (weights,))


def _sum(
    step: Step, to: Lowering, planes: Sequence[Plane], constants: Constants, *, blank: bool
) -> Lowered:
    """The planes of all layers, added up, and what comes after. blank: some outputs see none."""
    seen = [plane for plane in planes if plane.layer.outputs(plane.tap) and plane.weights.size]
    if len(seen) > _MOST:
        return "it has too many planes"
    limits, output = bounds(step.node), to.output(step)
    shape = step.output_specs[0].static
    layers = list(dict.fromkeys(plane.layer for plane in planes))
    filled = blank or any(layer.whole < 0 for layer in layers) or not seen
    alone = not filled and len(seen) == len(layers)
    works: list[Work] = []
    if filled:
        filters = shape[-1]
        bias = np.zeros(filters, np.float32) if constants.bias is None else constants.bias
        copy = Copy((math.prod(shape[:-1]), filters), (0, 1), (filters, 1))
        works += plain_copy(np.ascontiguousarray(bias), output, copy, FLOAT32)
    first = {} if filled else {layer: layer.whole for layer in layers}
    for plane in sorted(seen, key=lambda plane: plane.tap != first.get(plane.layer)):
        begins = plane.tap == first.get(plane.layer)
        ending = Ending(limits) if alone else Ending()
        if not begins:
            ending = Ending(residual=At(output.tensor, output.offset + plane.layer.first))
        works.append(_work(step, to, plane, constants, ending, begins=begins))
    if alone or limits == (None, None):
        return works
    low, high = limits
    numbers = [float("-inf") if low is None else float(low)]
    numbers.append(float("inf") if high is None else float(high))
    clamped = one_pass("clamp(x0, x1, x2)", step, to, [(output, shape)], numbers)
    return clamped if isinstance(clamped, str) else [*works, *clamped]


def _places(layer: Layer, tap: int, batch: int) -> Array:
    """Offsets of images that see each other: of x, weights and output, int64 [images, 3]."""
    depth = layer.depth
    outputs = np.array(layer.outputs(tap), np.int64)
    inputs = outputs * depth.stride + tap * depth.dilation - depth.before
    numbers = np.arange(batch, dtype=np.int64)[:, None]
    x = (numbers * depth.input + inputs).reshape(-1) * layer.image
    y = (numbers * layer.volume + outputs * layer.steps[0]).reshape(-1)
    return np.stack([x, np.zeros_like(x), y], 1)


def _work(
    step: Step, to: Lowering, plane: Plane, constants: Constants, ending: Ending, *, begins: bool
) -> Work:
    """That of one plane."""
    layer = plane.layer
    h, w = layer.height, layer.width
    _, k, n = plane.weights.shape
    m = h.output * w.output
    x, output = step.input_specs[layer.x], to.output(step)
    assert x is not None
    places = _places(layer, plane.tap, x.static[0])
    splits = splits_of(to.target, to.precision, m, k, n)
    columns = columns_of(to.target, n)
    bias = constants.bias if begins else None
    kind = "plane", columns, plane.start, h.filter, w.filter, begins, splits
    packed = to.packed(
        step, constants.positions, kind, lambda: pack(plane.weights, bias, columns, splits)
    )
    _, line, pixel = layer.steps
    p = Product(m, n, k, layer.pixel, pixel, len(places), offsets=places, splits=splits)
    tensors = to.input(step, layer.x), packed, At(output.tensor, output.offset + layer.first)
    in_rows = line == w.output * pixel and (h.output, w.output) == (h.input, w.input)
    if h.is_pointwise and w.is_pointwise and in_rows:
        return product_work(to.target, p, tensors, ending)
    return convolution_work(
        to.target, p, (Window(1, 1, 1), h, w), layer.pixel, (h.output * line, line, pixel), tensors,
        ending,
    )  # fmt: skip
