"""TRANSPOSE_CONV as convolutions of stride 1, one for each phase of outputs."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from pytflite.ops.convolution.checks import known, slide_all
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.convolution.transposed import axis_phases
from pytflite.ops.windows import Window
from pytflite.plan.plan import Step

_MOST = 64  # phases, each a kernel's work


class Phase(NamedTuple):
    """Outputs that see the same taps.

    Attributes:
        first: the first of them; pixels of an image.
        taps: along height and width, backwards.
        windows: in which they see the input.
        steps: pixels from image to image of the output, from line to line, pixel to pixel.
    """

    first: int
    taps: tuple[range, range]
    windows: Windows
    steps: tuple[int, int, int]

    @property
    def outputs(self) -> int:
        """Of an image."""
        return self.windows[1].output * self.windows[2].output


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
    pairs = itertools.product(*(list(axis_phases(window)) for window in along))
    phases = [
        Phase(
            y.start * width + x.start, (y_taps, x_taps), (Window(1, 1, 1), h, w),
            (height * width, y.step * width, x.step),
        )
        for (y, y_taps, h), (x, x_taps, w) in pairs
    ]  # fmt: skip
    if sum(phase.outputs for phase in phases) < height * width:
        return "some outputs see nothing of the input"
    return phases
