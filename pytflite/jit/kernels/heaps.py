"""Heaps and partial sorting as libstdc++ does them: ops/detection/heaps.py, on arrays.

A heap is the first `size` items of an array, with the greatest key on top.
"""

from __future__ import annotations

from pytflite.model.graph import Array
from pytflite.ops.detection.heaps import sift_down, sift_up, sort_some


def add(heap: Array, size: int, item: int, keys: Array) -> None:
    """Puts an item to the first `size`."""
    sift_up(heap, size, 0, item, keys)


def take(heap: Array, size: int, keys: Array) -> int:
    """Takes the top of the first `size` away, of which one less is left."""
    top: int = heap[0]
    if size > 1:
        sift_down(heap, 0, size - 1, heap[size - 1], keys)
    return top


def greatest(negative: Array, order: Array, count: int) -> None:
    """Puts the numbers of the `count` least of these (some) in front of `order`, in order."""
    for item in range(negative.size):
        order[item] = item
    sort_some(order, negative.size, negative, count)
