"""Heaps and partial sorting as libstdc++ does them: ops/detection/heaps.py, on arrays.

A heap is the first `size` items of an array, with the greatest key on top.
"""

from __future__ import annotations

from typing import Any

from pytflite.model.graph import Array


def add(heap: Array, size: int, item: int, keys: Array) -> None:
    """Puts an item to the first `size`."""
    _sift_up(heap, size, 0, item, keys)


def take(heap: Array, size: int, keys: Array) -> int:
    """Takes the top of the first `size` away, of which one less is left."""
    top: int = heap[0]
    if size > 1:
        _sift_down(heap, 0, size - 1, heap[size - 1], keys)
    return top


def greatest(negative: Array, order: Array, count: int) -> None:
    """Puts the numbers of the `count` least of these (some) in front of `order`, in order.

    The heap has the greatest of the least on top.
    """
    for item in range(negative.size):
        order[item] = item
    for hole in range(count // 2 - 1, -1, -1):
        _sift_down(order, hole, count, order[hole], negative)
    for number in range(count, negative.size):
        if negative[order[number]] < negative[order[0]]:
            item = order[number]
            order[number] = order[0]
            _sift_down(order, 0, count, item, negative)
    for size in range(count - 1, 0, -1):
        item = order[size]
        order[size] = order[0]
        _sift_down(order, 0, size, item, negative)


def _sift_up(heap: Array, hole: int, top: int, item: int, keys: Array) -> None:
    key: Any = keys[item]
    while hole > top:
        parent = (hole - 1) // 2
        if not keys[heap[parent]] < key:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = item


def _sift_down(heap: Array, hole: int, size: int, item: int, keys: Array) -> None:
    """The hole goes down to a leaf along the greater children; the item goes up from there."""
    top = hole
    child = 2 * hole + 2
    while child < size:
        if keys[heap[child]] < keys[heap[child - 1]]:
            child -= 1
        heap[hole] = heap[child]
        hole = child
        child = 2 * hole + 2
    if child == size:
        heap[hole] = heap[child - 1]
        hole = child - 1
    _sift_up(heap, hole, top, item, keys)
