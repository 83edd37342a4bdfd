"""Windows of convolutions, whether or not a PAD before them is part of the step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.ops.convolution.checks import known, slide_all
from pytflite.ops.convolution.geometry import Windows
from pytflite.ops.windows import Window
from pytflite.plan.plan import Step

_AXES = ("height", "width")
_FUSES = ("CONV_2D", "DEPTHWISE_CONV_2D")


def windows_of(step: Step, sizes: Sequence[int], taps: Sequence[int]) -> Windows:
    """The windows along depth (of size 1), height and width of an input of these sizes."""
    if not step.parts or step.parts[0].node.name != "PAD":
        return known(slide_all(step.node, _AXES, tuple(sizes), tuple(taps)))
    before, after = _widths(step.parts[0])
    padded = tuple(a + s + b for a, s, b in zip(before[1:3], sizes, after[1:3], strict=True))
    depth, *along = known(slide_all(step.node, _AXES, padded, tuple(taps)))
    height, width = (
        _within(window, size, first)
        for window, size, first in zip(along, sizes, before[1:3], strict=True)
    )
    return depth, height, width


def _within(window: Window, size: int, first: int) -> Window:
    """A window onto a padded input, as one onto the input, which begins at `first` of that."""
    before = window.before + first
    after = (window.output - 1) * window.stride + window.span - before - size
    return window._replace(input=size, before=before, after=max(after, 0))


def _widths(pad: Step) -> tuple[list[int], list[int]]:
    """What a PAD adds before and after each axis; nothing where only the run knows."""
    widths = pad.input_specs[1]
    if widths is None or widths.value is None:
        return [], []
    before, after = widths.value.reshape(-1, 2).T.astype(np.int64).tolist()
    return before, after


def takes_padding(pad: Step, step: Step) -> bool:
    """Whether a convolution can see to the padding of its input by itself."""
    if pad.node.name != "PAD" or step.node.name not in _FUSES or step.inputs[0] != pad.outputs[0]:
        return False
    if pad.dynamic or step.dynamic or step.inputs.count(pad.outputs[0]) != 1:
        return False
    before, after = _widths(pad)
    if len(before) != 4 or min(before + after) < 0 or before[0] + after[0] + before[3] + after[3]:
        return False
    source, target = pad.input_specs[0], pad.output_specs[0]
    assert source is not None
    if not source.dtype.is_integer:
        return True
    p, q = source.quantization, target.quantization
    return p is not None and q is not None and not p.is_per_channel and (
        (source.scale, source.zero_point) == (target.scale, target.zero_point)
    )  # fmt: skip
