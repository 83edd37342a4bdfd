"""TRANSPOSE_CONV as convolutions of stride 1, one for each phase of outputs.

Phases side by side that see the same inputs are one product, which makes a pixel of each. Where no
filter overlaps another, that is all of a line:

    x[y, x]  times  w[ky, 0]  w[ky, 1]  =  output[2 y + ky, 2 x]  output[2 y + ky, 2 x + 1]
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from pytflite.jit.lowering.tiles import Product
from pytflite.model.graph import Array
from pytflite.ops.convolution.checks import known, slide_all
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.layer import cut
from pytflite.ops.convolution.transposed import axis_phases
from pytflite.ops.windows import Window
from pytflite.plan.plan import Step

_MOST = 64  # phases, each a kernel's work
_LONG = 32  # pixels of a line that may be a product of its own


class Phase(NamedTuple):
    """Outputs that see the input through the same windows: pixels side by side, and so on.

    Attributes:
        first: the first of them; pixels of an image.
        taps: of each of the pixels side by side, along height and width, backwards.
        windows: in which they see the input.
        steps: pixels from image to image of the output, from line to line, and from window to
            window.
    """

    first: int
    taps: tuple[tuple[range, range], ...]
    windows: Windows
    steps: tuple[int, int, int]

    @property
    def outputs(self) -> int:
        """Windows of an image."""
        return self.windows[1].output * self.windows[2].output

    @property
    def by_lines(self) -> bool:
        """Whether windows are pixels, so that lines of the input are products as they lie; and
        long enough to be worth it."""
        _, h, w = self.windows
        return h.is_pointwise and w.is_pointwise and w.output >= _LONG

    def lines(self, p: Product, batch: int, pixel: int, pixel_out: int) -> Product:
        """The product of all windows, with lines for parts.

        Args:
            pixel, pixel_out: bytes of a pixel of input and output.
        """
        _, h, w = self.windows
        image, line, step = (n * pixel_out for n in self.steps)
        offsets = np.zeros((batch, h.output, 3), np.int64)
        offsets[..., 0] = np.arange(batch * h.output).reshape(batch, -1) * (w.output * pixel)
        offsets[..., 2] = np.arange(batch)[:, None] * image + np.arange(h.output) * line
        return p._replace(
            m=w.output, x_row=pixel, output_row=step, parts=batch * h.output,
            offsets=offsets.reshape(-1, 3),
        )  # fmt: skip

    def weights(self, filters: Array) -> Array:
        """What the pixels see of filters [n, height, width, channels]: [pixels * n, products]."""
        seen = [filters[:, cut(rows)][:, :, cut(columns)] for rows, columns in self.taps]
        return np.concatenate([taps.reshape(len(filters), -1) for taps in seen])

    def of_filters(self, numbers: Array, filters: int) -> Array:
        """What filters have, [1] or [filters], for those of each pixel."""
        each = np.broadcast_to(numbers.reshape(-1), (filters,))
        return np.tile(each, len(self.taps))


class _Axis(NamedTuple):
    """Outputs along an axis: `first` and its neighbours, each with its taps; and then `step` on."""

    first: int
    step: int
    taps: tuple[range, ...]
    window: Window


def phases_of(step: Step) -> list[Phase] | str:
    """All phases, or why they are not all of the output."""
    weights = step.input_specs[1]
    assert weights is not None
    _, height, width, _ = step.output_specs[0].static
    taps = weights.static[1:3]
    windows = slide_all(step.node, ("height", "width"), (height, width), taps, dilated=False)
    _, *along = known(windows)
    if math.prod(min(w.stride, w.filter) for w in along) > _MOST:
        return "it has too many phases"
    lines, columns = _along(along[0], beside=width == 1), _along(along[1], beside=True)
    phases = [
        Phase(
            y.first * width + x.first, tuple(itertools.product(y.taps, x.taps)),
            (Window(1, 1, 1), y.window, x.window), (height * width, y.step * width, x.step),
        )
        for y, x in itertools.product(lines, columns)
    ]  # fmt: skip
    if sum(phase.outputs * len(phase.taps) for phase in phases) < height * width:
        return "some outputs see nothing of the input"
    return phases


def _along(window: Window, *, beside: bool) -> list[_Axis]:
    """The phases of an axis; neighbours that see the same inputs are together if they lie `beside`
    each other in memory."""
    found: list[_Axis] = []
    for outputs, taps, seen in sorted(axis_phases(window), key=lambda phase: phase[0].start):
        last = found[-1] if found else None
        if (
            beside
            and last is not None
            and last.window == seen
            and last.first + len(last.taps) == outputs.start
        ):
            found[-1] = last._replace(taps=(*last.taps, taps))
        else:
            found.append(_Axis(outputs.start, outputs.step, (taps,), seen))
    return found
