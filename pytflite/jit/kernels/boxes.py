"""Boxes and how much they overlap, as ops/detection/boxes.py has it; the best of many."""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernels.intrinsics import maximum, minimum
from pytflite.model.graph import Array

_ZERO = np.float32(0)


def area(corners: Array, i: int) -> np.float32:
    """Of one box: top, left, bottom, right."""
    found: np.float32 = (corners[i, 2] - corners[i, 0]) * (corners[i, 3] - corners[i, 1])
    return found


def overlap(corners: Array, i: int, j: int) -> np.float32:
    """What two boxes share, of what they cover; 0 where either area is not positive."""
    a, b = area(corners, i), area(corners, j)
    if a <= _ZERO or b <= _ZERO:
        return _ZERO
    high = minimum(corners[i, 2], corners[j, 2]) - maximum(corners[i, 0], corners[j, 0])
    wide = minimum(corners[i, 3], corners[j, 3]) - maximum(corners[i, 1], corners[j, 1])
    both = maximum(high, _ZERO) * maximum(wide, _ZERO)
    return both / (a + b - both)


def arrange(queue: Array, size: int, keys: Array) -> None:
    """Makes the first of the queue a heap: the number with the greatest key is on top, and of
    equal ones the least."""
    for hole in range(size // 2 - 1, -1, -1):
        _sink(queue, hole, size, keys)


def take(queue: Array, size: int, keys: Array) -> int:
    """Takes the top of such a heap of this size away."""
    top: int = queue[0]
    queue[0] = queue[size - 1]
    _sink(queue, 0, size - 1, keys)
    return top


def _sink(queue: Array, hole: int, size: int, keys: Array) -> None:
    while 2 * hole + 1 < size:
        child = 2 * hole + 1
        if child + 1 < size and _before(queue[child + 1], queue[child], keys):
            child += 1
        if not _before(queue[child], queue[hole], keys):
            break
        number = queue[hole]
        queue[hole] = queue[child]
        queue[child] = number
        hole = child


def _before(a: int, b: int, keys: Array) -> bool:
    return bool(keys[a] > keys[b] or (keys[a] == keys[b] and a < b))


def choose(
    queue: Array, size: int, keys: Array, corners: Array, threshold: np.float32, chosen: Array,
    most: int,
) -> int:  # fmt: skip
    """Takes the best from a heap one by one, and chooses those that overlap none chosen before by
    more than the threshold; how many there are."""
    count = 0
    while size and count < most:
        box = take(queue, size, keys)
        size -= 1
        alone = True
        for k in range(count):
            if overlap(corners, box, chosen[k]) > threshold:
                alone = False
                break
        if alone:
            chosen[count] = box
            count += 1
    return count
