"""PosenetDecoderOp: the poses of people, from maps of where their parts are.

The equations are ops/custom/posenet_decoder.py's, in float64. `scales` has a factor and a zero
point for each map: heatmaps (0), short offsets (2), mid offsets (4).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.boxes import arrange
from pytflite.jit.kernels.boxes import take as take_best
from pytflite.jit.kernels.doubles import exp
from pytflite.jit.kernels.heaps import add, take
from pytflite.model.graph import Array

KEYPOINTS, SHORT_STEPS = 17, 5
REACHED = 40  # more than keypoints that a pose can come to
NOT_FINITE = 1
_GREATEST = np.float32(3.4028234663852886e38)


def _real(x: Any, scales: Array, which: int) -> np.float32:
    """The number that an element of a map stands for."""
    real: np.float32 = (np.float32(x) - scales[which + 1]) * scales[which]
    return real


def _finite(values: Array, scales: Array, which: int) -> bool:
    wrong = 0
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            for k in range(values.shape[2]):
                wrong += int(not abs(_real(values[y, x, k], scales, which)) <= _GREATEST)
    return wrong == 0


def _read(values: Array, y: float, x: float, k: int, scales: Array, which: int) -> float:
    """Bilinear, for a point inside."""
    top, left = int(y), int(x)
    below, right = y - top, x - left
    lower = top + 1 if below != 0 else top
    beside = left + 1 if right != 0 else left
    a = np.float64(_real(values[top, left, k], scales, which))
    b = np.float64(_real(values[top, beside, k], scales, which))
    c = np.float64(_real(values[lower, left, k], scales, which))
    d = np.float64(_real(values[lower, beside, k], scales, which))
    return float(
        (1 - below) * ((1 - right) * a + right * b) + below * ((1 - right) * c + right * d)
    )


def _follow(
    values: Array, point: Array, down: int, across: int, times: int, scales: Array, which: int
) -> None:
    """Moves a point to where the offsets in two channels lead."""
    for _ in range(times):
        y = point[0] + _read(values, point[0], point[1], down, scales, which)
        x = point[1] + _read(values, point[0], point[1], across, scales, which)
        point[0] = min(max(y, 0.0), values.shape[0] - 1.0)
        point[1] = min(max(x, 0.0), values.shape[1] - 1.0)


def _candidates(
    heatmaps: Array, least: np.float32, scales: Array, keys: Array, queue: Array
) -> int:
    """Puts places that are maxima among their neighbours to a heap; how many there are."""
    high, wide, _ = heatmaps.shape
    size = 0
    for y in range(high):
        for x in range(wide):
            for k in range(KEYPOINTS):
                value = _real(heatmaps[y, x, k], scales, 0)
                highest = bool(value >= least)
                for i in range(max(y - 1, 0), min(y + 2, high)):
                    for j in range(max(x - 1, 0), min(x + 2, wide)):
                        if _real(heatmaps[i, j, k], scales, 0) > value:
                            highest = False
                if highest:
                    place = (y * wide + x) * KEYPOINTS + k
                    keys[place] = value
                    add(queue, size, place, keys)
                    size += 1
    return size


def _mean(values: Array, row: int) -> float:
    """Of the 17 numbers of a row, added in NumPy's order."""
    sums = 0.0
    for group in range(2):
        pair = 0.0
        for n in range(0, 4, 2):
            i = 4 * group + n
            first = values[row, i] + values[row, i + 8]
            second = values[row, i + 1] + values[row, i + 9]
            pair += first + second
        sums += pair
    return float((sums + values[row, 16]) / KEYPOINTS)


@declare(heatmaps="heat[:, :, :]", shorts="short[:, :, :]", mids="mid[:, :, :]",
         scales="float32[:]", least="float32", numbers="float64[:]", first="int64[:]",
         edges="int64[:, :]", keys="scratch float32[:]",
         queue="scratch int64[:]", point="scratch float64[:]", reached="scratch float64[:, :]",
         odds="scratch float64[:]", way="scratch int64[:]", found="scratch float64[:, :, :]",
         likely="scratch float64[:, :]", totals="scratch float64[:]", order="scratch int64[:]",
         keypoints="float32[:, :, :]", scores="float32[:, :]", poses="float32[:]",
         number="float32[:]")  # fmt: skip
def decode(
    begin: int, end: int, heatmaps: Array, shorts: Array, mids: Array, scales: Array,
    least: np.float32, numbers: Array, first: Array, edges: Array, keys: Array, queue: Array,
    point: Array, reached: Array, odds: Array, way: Array, found: Array, likely: Array,
    totals: Array, order: Array, keypoints: Array, scores: Array, poses: Array, number: Array,
) -> int:  # fmt: skip
    """There is one tile.

    Args:
        least: logarithm of the odds of a candidate.
        numbers: threshold of scores, radius squared, stride.
        first, edges: for each keypoint, the first of its edges; of an edge the keypoint that it
            leads to, and the channels of y and x.
    """
    threshold, radius, stride = numbers[0], numbers[1], numbers[2]
    if not (_finite(heatmaps, scales, 0) and _finite(shorts, scales, 2)):
        return NOT_FINITE
    if not _finite(mids, scales, 4):
        return NOT_FINITE
    size = _candidates(heatmaps, least, scales, keys, queue)
    count = 0
    while count < found.shape[0] and size > 0:
        place = take(queue, size, keys)
        size -= 1
        k = place % KEYPOINTS
        point[0] = place // KEYPOINTS // heatmaps.shape[1]
        point[1] = place // KEYPOINTS % heatmaps.shape[1]
        _follow(shorts, point, k, KEYPOINTS + k, 1, scales, 2)
        again = False
        for pose in range(count):
            if _near(found, pose, k, point[0], point[1], radius):
                again = True
        if again:
            continue
        _trace(heatmaps, shorts, mids, scales, first, edges, point, reached, odds, way, k, found,
               likely, count)  # fmt: skip
        if _mean(likely, count) >= threshold:
            count += 1
    _sort(likely, totals, order, count)
    for i in range(count - 1, -1, -1):
        _hide(found, likely, totals, order, i, count, radius)
    _clear(keypoints, scores, poses)
    shown = 0
    for i in range(count):
        if totals[i] >= threshold:
            order[shown] = i
            shown += 1
    arrange(order, shown, totals)
    for place in range(shown):
        pose = take_best(order, shown - place, totals)
        poses[place] = np.float32(totals[pose])
        for k in range(KEYPOINTS):
            scores[place, k] = np.float32(likely[pose, k])
            keypoints[place, k, 0] = np.float32(found[pose, k, 0] * stride)
            keypoints[place, k, 1] = np.float32(found[pose, k, 1] * stride)
    number[0] = np.float32(shown)
    return 0


def _sort(likely: Array, totals: Array, order: Array, count: int) -> None:
    """The mean of each pose; and their order, the best last."""
    for i in range(count):
        totals[i] = _mean(likely, i)
        order[i] = i
    arrange(order, count, totals)
    for left in range(count, 0, -1):
        order[left - 1] = take_best(order, left, totals)


def _clear(keypoints: Array, scores: Array, poses: Array) -> None:
    for i in range(poses.size):
        poses[i] = np.float32(0)
        for k in range(KEYPOINTS):
            scores[i, k] = np.float32(0)
            keypoints[i, k, 0] = np.float32(0)
            keypoints[i, k, 1] = np.float32(0)


def _near(found: Array, pose: int, k: int, y: float, x: float, radius: float) -> bool:
    """Whether a pose's keypoint is at a point."""
    down, across = found[pose, k, 0] - y, found[pose, k, 1] - x
    return bool(down * down + across * across <= radius)


def _hide(
    found: Array, likely: Array, totals: Array, order: Array, rank: int, count: int, radius: float
) -> None:
    """The mean score of a pose without keypoints that lie on those of better ones (behind it).

    The row behind those of the poses in `likely` is room for its scores.
    """
    pose, room = order[rank], likely.shape[0] - 1
    for k in range(KEYPOINTS):
        likely[room, k] = likely[pose, k]
        for better in range(rank + 1, count):
            if _near(found, order[better], k, found[pose, k, 0], found[pose, k, 1], radius):
                likely[room, k] = 0.0
    totals[pose] = _mean(likely, room)


def _trace(
    heatmaps: Array, shorts: Array, mids: Array, scales: Array, first: Array, edges: Array,
    point: Array, reached: Array, odds: Array, queue: Array, root: int, found: Array, likely: Array,
    count: int,
) -> None:  # fmt: skip
    """All keypoints of a pose, from one of them, the likeliest first.

    Args:
        reached: points that were come to, and whose they are: y, x, keypoint. odds: there.
        queue: of those. found, likely: have the pose at `count`.
    """
    for k in range(KEYPOINTS):
        likely[count, k] = -1.0  # not yet
    known, size = 0, 0
    reached[0, 0], reached[0, 1], reached[0, 2] = point[0], point[1], root
    odds[0] = _read(heatmaps, point[0], point[1], root, scales, 0)
    add(queue, size, known, odds)
    known, size = 1, 1
    while size > 0:
        item = take(queue, size, odds)
        size -= 1
        k = int(reached[item, 2])
        if likely[count, k] >= 0:
            continue
        found[count, k, 0], found[count, k, 1] = reached[item, 0], reached[item, 1]
        likely[count, k] = 1 / (1 + exp(-odds[item]))
        for edge in range(first[k], first[k + 1]):
            child = edges[edge, 0]
            if likely[count, child] >= 0:
                continue
            point[0], point[1] = reached[item, 0], reached[item, 1]
            _follow(mids, point, edges[edge, 1], edges[edge, 2], 1, scales, 4)
            _follow(shorts, point, child, KEYPOINTS + child, SHORT_STEPS, scales, 2)
            reached[known, 0], reached[known, 1], reached[known, 2] = point[0], point[1], child
            odds[known] = _read(heatmaps, point[0], point[1], child, scales, 0)
            add(queue, size, known, odds)
            known += 1
            size += 1
