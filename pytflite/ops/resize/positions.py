"""Where the pixels of a resized image lie in the given one, for blending the two nearest.

s(i) = i * scale, or (i + 0.5) * scale - 0.5 with half_pixel_centers
lower = max(floor(s), 0), upper = min(ceil(s), size - 1), weight of upper = s - lower

XNNPACK brings s into the image first, adds half_pixel_centers' constants up before, and its upper
is always one more than lower, where there is one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.resize.sizes import scale_of
from pytflite.ops.spec import Node

FRACTION = 10  # bits of the fraction, where positions are integers
NEAREST_FRACTION = 11  # those of XNNPACK's weights


class Axis(NamedTuple):
    """Which two elements each output blends, and with what weights."""

    lower: Array
    upper: Array
    lower_weight: Array
    upper_weight: Array

    def part(self, start: int, stop: int) -> Axis:
        """Some of the outputs."""
        return Axis(*(table[start:stop] for table in self))


def float_axis(node: Node, size: int, wanted: int) -> Axis:
    """Positions in float32, which are those of the reference to the bit."""
    scale = scale_of(size, wanted, node.options.align_corners)
    position = np.arange(wanted, dtype=np.float32)
    if node.options.half_pixel_centers:
        position = (position + np.float32(0.5)) * scale - np.float32(0.5)
    else:
        position *= scale
    lower = np.clip(np.floor(position).astype(np.int64), 0, size - 1)
    upper = np.minimum(np.ceil(position).astype(np.int64), size - 1)
    weight = position - lower.astype(np.float32)
    return Axis(lower, upper, np.float32(1) - weight, weight)


def integer_axis(node: Node, size: int, wanted: int) -> Axis:
    """Positions in integers of FRACTION fractional bits."""
    if node.options.align_corners and wanted > 1:
        span, wanted_span = size - 1, wanted - 1
    else:
        span, wanted_span = size, wanted
    scale = ((span << FRACTION) + wanted_span // 2) // wanted_span
    position = np.arange(wanted, dtype=np.int64) * scale
    if node.options.half_pixel_centers:
        position += scale // 2 - (1 << (FRACTION - 1))
    # The rounded scale may lead beyond the last pixel, where the reference reads what it finds.
    lower = np.clip(position >> FRACTION, 0, size - 1)
    upper = np.minimum((position + (1 << FRACTION) - 1) >> FRACTION, size - 1)
    weight = position - (lower << FRACTION)
    return Axis(lower, upper, (1 << FRACTION) - weight, weight)


def nearest_axis(node: Node, size: int, wanted: int) -> Axis:
    """XNNPACK's: positions in float32, weights rounded to NEAREST_FRACTION bits, half to even."""
    scale = scale_of(size, wanted, node.options.align_corners)
    position = np.arange(wanted, dtype=np.float32) * scale
    if node.options.half_pixel_centers:
        position += np.float32(0.5) * scale - np.float32(0.5)
    position = np.clip(position, np.float32(0), np.float32(size - 1))
    lower = position.astype(np.int64)
    upper = np.minimum(lower + 1, size - 1)
    one = 1 << NEAREST_FRACTION
    weight = np.rint((position - lower.astype(np.float32)) * np.float32(one)).astype(np.int64)
    return Axis(lower, upper, one - weight, weight)
