"""Batches of images: [n, h, w, c], what operators on pictures take."""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.errors import ShapeError
from pytflite.ops.spec import Node, Spec

ImageSizes = tuple[int | None, int | None, int | None, int | None]


def image_sizes(node: Node, inputs: Sequence[Spec | None], number: int = 0) -> ImageSizes:
    """Batch, height, width and channels of an input; each None where it is not known yet.

    Raises:
        ShapeError: another rank.
    """
    spec = inputs[number]
    assert spec is not None
    if spec.shape is None:
        return None, None, None, None
    if len(spec.shape) != 4:
        raise node.error(
            ShapeError,
            "the input is no batch of images",
            tensor=number,
            expected="[n, h, w, c]",
            found=f"shape {list(spec.shape)}",
        )
    batch, height, width, channels = spec.shape
    return batch, height, width, channels
