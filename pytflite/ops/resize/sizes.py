"""What the operators that resize images share: the wanted size, and where its pixels come from.

The second input holds [new height, new width]. Along an axis of n pixels that becomes one of m:

    scale = n / m, or (n - 1) / (m - 1) where corners are aligned and m > 1
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.errors import DataError, ShapeError, TFLiteError
from pytflite.ops.arguments import constant_integers, integers
from pytflite.ops.images import image_sizes
from pytflite.ops.operator import Inputs, Run
from pytflite.ops.spec import Node, Shape, Spec

MOST = 1 << 24  # beyond, float32 does not tell pixels apart


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[n, new height, new width, c], as far as they are known."""
    size = inputs[1]
    assert size is not None
    wanted = constant_integers(node, inputs, 1, count=2)
    batch, height, width, channels = image_sizes(node, inputs)
    if size.rank not in (1, None):
        raise node.error(
            ShapeError, "the size is no vector", tensor=1, expected="[2]", found=f"rank {size.rank}"
        )
    if wanted is None:
        return (node.output(0, [batch, None, None, channels]),)
    check(node, (height, width), wanted, ShapeError)
    return (node.output(0, [batch, *wanted, channels]),)


def check(node: Node, given: Sequence[int | None], wanted: Shape, kind: type[TFLiteError]) -> None:
    """Refuses sizes out of range, and to make pixels of none.

    Raises:
        kind: ShapeError while planning, DataError at run time.
    """
    if any(not 1 <= size <= MOST for size in wanted):
        raise node.error(
            kind,
            "the new size makes no sense",
            tensor=1,
            expected=f"two numbers from 1 to {MOST}",
            found=list(wanted),
        )
    if 0 in given:
        raise node.error(
            kind, "the images have no pixels", tensor=0, expected="at least one", found=list(given)
        )


def wanted_size(inputs: Inputs, run: Run) -> tuple[int, int]:
    """The new height and width, where they come at run time.

    Raises:
        DataError: they make no sense.
    """
    wanted = integers(inputs[1])
    check(run.node, inputs[0].shape[1:3], wanted, DataError)
    return wanted[0], wanted[1]


def scale_of(size: int, wanted: int, align_corners: bool) -> np.float32:
    """Input pixels for each output pixel, the division in float32."""
    if align_corners and wanted > 1:
        return np.float32(size - 1) / np.float32(wanted - 1)
    return np.float32(size) / np.float32(wanted)
