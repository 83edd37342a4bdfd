"""TFLite_Detection_PostProcess: boxes from anchors, and the best that do not overlap much.

The equations are ops/detection/postprocess.py's. Scores are compared by their keys (keys.py), of
which `threshold` is the least that counts. There is one tile.

`numbers` has the scales of y, x, h, w; then zero point and scale of encodings, scores and anchors
(0 and 1 for floats).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.boxes import arrange, choose
from pytflite.jit.kernels.doubles import exp
from pytflite.jit.kernels.heaps import greatest
from pytflite.model.graph import Array

Key = Callable[[Any], Any]

WRONG_BOX = 1
_LEAST = np.int32(-(2**31))

_KINDS: dict[str, Any] = {
    "encodings": "encoding[:, :]", "scores": "score[:, :]", "anchors": "anchor[:, :]",
    "numbers": "float32[:]", "threshold": "int64", "overlapping": "float32", "num_classes": "int64",
    "corners": "scratch float32[:, :]", "keys": "scratch int32[:]", "queue": "scratch int32[:]",
    "chosen": "scratch int32[:]", "boxes": "float32[:, :]", "classes": "float32[:]",
    "values": "float32[:]", "found": "float32[:]", "key": "constant",
}  # fmt: skip


def _real(x: Any, numbers: Array, which: int) -> np.float32:
    """The number that x stands for, of encodings (4), scores (6), or anchors (8)."""
    real: np.float32 = (np.float32(x) - numbers[which]) * numbers[which + 1]
    return real


def _decode(encodings: Array, anchors: Array, numbers: Array, corners: Array) -> bool:
    """All boxes; whether each ends behind its beginning."""
    wrong = 0
    for axis in range(2):
        scale, growth = np.float64(numbers[axis]), np.float64(numbers[axis + 2])
        for i in range(corners.shape[0]):
            center = np.float64(_real(encodings[i, axis], numbers, 4)) / scale
            size = exp(np.float64(_real(encodings[i, axis + 2], numbers, 4)) / growth)
            along = np.float64(_real(anchors[i, axis + 2], numbers, 8))
            middle = np.float32(center * along + np.float64(_real(anchors[i, axis], numbers, 8)))
            half = np.float32(0.5 * size * along)
            corners[i, axis], corners[i, axis + 2] = middle - half, middle + half
            wrong += int(middle - half > middle + half)
    return wrong == 0


def _clear(boxes: Array, classes: Array, values: Array) -> None:
    for i in range(classes.size):
        classes[i] = np.float32(0)
        values[i] = np.float32(0)
        for k in range(4):
            boxes[i, k] = np.float32(0)


@declare(**_KINDS, order="scratch int32[:]", negative="scratch float32[:]", each="int64")
def fast(
    begin: int, end: int, encodings: Array, scores: Array, anchors: Array, numbers: Array,
    threshold: int, overlapping: np.float32, num_classes: int, corners: Array, keys: Array,
    queue: Array, chosen: Array, boxes: Array, classes: Array, values: Array, found: Array,
    key: Key, order: Array, negative: Array, each: int,
) -> int:  # fmt: skip
    """By each box's best score; a box comes with its best classes, of which there are `each`."""
    if not _decode(encodings, anchors, numbers, corners):
        return WRONG_BOX
    _clear(boxes, classes, values)
    first, size = scores.shape[1] - num_classes, 0
    for i in range(scores.shape[0]):
        best = np.int64(_LEAST)
        for c in range(first, scores.shape[1]):
            best = max(best, key(scores[i, c]))
        keys[i] = best
        if best >= threshold:
            queue[size] = i
            size += 1
    arrange(queue, size, keys)
    count = choose(queue, size, keys, corners, overlapping, chosen, chosen.size)
    for k in range(count):
        box, place = chosen[k], k * each
        for c in range(num_classes):
            negative[c] = -_real(scores[box, first + c], numbers, 6)
        some = min(each, num_classes)
        if some == 1:
            order[0] = 0
            while key(scores[box, first + order[0]]) != keys[box]:
                order[0] += 1
        else:
            greatest(negative, order, some)
        for c in range(some):
            classes[place + c] = np.float32(order[c])
            values[place + c] = -negative[order[c]]
            for corner in range(4):
                boxes[place + c, corner] = corners[box, corner]
    found[0] = np.float32(count)
    return 0


@declare(**_KINDS, which="scratch int32[:]")
def regular(
    begin: int, end: int, encodings: Array, scores: Array, anchors: Array, numbers: Array,
    threshold: int, overlapping: np.float32, num_classes: int, corners: Array, keys: Array,
    queue: Array, chosen: Array, boxes: Array, classes: Array, values: Array, found: Array,
    key: Key, which: Array,
) -> int:  # fmt: skip
    """For each class; the best of all so far are kept in order, `which` has their boxes."""
    if not _decode(encodings, anchors, numbers, corners):
        return WRONG_BOX
    _clear(boxes, classes, values)
    first, kept = scores.shape[1] - num_classes, 0
    for c in range(num_classes):
        size = 0
        for i in range(scores.shape[0]):
            keys[i] = key(scores[i, first + c])
            if keys[i] >= threshold:
                queue[size] = i
                size += 1
        arrange(queue, size, keys)
        count = choose(queue, size, keys, corners, overlapping, chosen, chosen.size)
        for k in range(count):
            value, place = _real(scores[chosen[k], first + c], numbers, 6), kept
            if place == which.size:
                place -= 1
                if not values[place] < value:
                    break
            else:
                kept += 1
            while place > 0 and values[place - 1] < value:
                values[place] = values[place - 1]
                classes[place] = classes[place - 1]
                which[place] = which[place - 1]
                place -= 1
            values[place], classes[place], which[place] = value, np.float32(c), chosen[k]
    for place in range(kept):
        for corner in range(4):
            boxes[place, corner] = corners[which[place], corner]
    found[0] = np.float32(kept)
    return 0
