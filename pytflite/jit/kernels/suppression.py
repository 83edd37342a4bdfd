"""NON_MAX_SUPPRESSION_V4 and V5: the best boxes that do not overlap much, one after the other.

Equal scores come in the order of the reference's heap (heaps.py); see
ops/detection/non_max_suppression.py.
"""

from __future__ import annotations

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.boxes import overlap
from pytflite.jit.kernels.doubles import exp
from pytflite.jit.kernels.heaps import add, take
from pytflite.jit.kernels.intrinsics import maximum, minimum
from pytflite.model.graph import Array

NEGATIVE_SIGMA = 1
_DROPPED = np.float32(-np.inf)
_ONE = np.float32(1)


@declare(boxes="float32[:, :]", scores="float32[:]", overlapping="float32[:]", least="float32[:]",
         sigma="float32[:]", corners="scratch float32[:, :]", keys="scratch float32[:]",
         compared="scratch int64[:]", queue="scratch int64[:]", chosen="int32[:]",
         kept="float32[:]", count="int32[:]")  # fmt: skip
def suppress(
    begin: int, end: int, boxes: Array, scores: Array, overlapping: Array, least: Array,
    sigma: Array, corners: Array, keys: Array, compared: Array, queue: Array, chosen: Array,
    kept: Array, count: Array,
) -> int:  # fmt: skip
    """There is one tile. `kept`, the scores of the chosen boxes, may be empty; `sigma` is 0 where
    boxes that overlap do not lose score. `compared`: with how many of the chosen boxes each was.
    """
    if sigma[0] < 0:
        return NEGATIVE_SIGMA
    size = 0
    for i in range(scores.size):
        if scores[i] > least[0]:
            for axis in range(2):
                corners[i, axis] = minimum(boxes[i, axis], boxes[i, axis + 2])
                corners[i, axis + 2] = maximum(boxes[i, axis], boxes[i, axis + 2])
            keys[i], compared[i] = scores[i], 0
            add(queue, size, i, keys)
            size += 1
    most, found = min(chosen.size, size), 0
    while size > 0 and found < most:
        box = take(queue, size, keys)
        size -= 1
        score = _weakened(corners, chosen, compared[box], found, box, keys[box], overlapping[0],
                          least[0], sigma[0])  # fmt: skip
        compared[box] = found
        if score == keys[box]:
            chosen[found] = box
            if kept.size:
                kept[found] = score
            found += 1
        if score > least[0]:
            keys[box] = score
            add(queue, size, box, keys)
            size += 1
    for place in range(found, chosen.size):
        chosen[place] = 0
        if kept.size:
            kept[place] = np.float32(0)
    count[0] = found
    return 0


def _weakened(
    corners: Array, chosen: Array, first: int, found: int, box: int, score: np.float32,
    overlapping: np.float32, least: np.float32, sigma: np.float32,
) -> np.float32:  # fmt: skip
    """The score of a box after those chosen since it was compared last, the latest first."""
    soft = sigma > 0
    scale = np.float32(-0.5) / sigma
    for place in range(found - 1, first - 1, -1):
        shared = overlap(corners, box, chosen[place])
        if shared >= overlapping:
            return _DROPPED
        if soft:
            factor = np.float32(exp(np.float64(scale * shared * shared)))
            if factor != _ONE:
                score = score * factor
                if score <= least:
                    break
    return score
