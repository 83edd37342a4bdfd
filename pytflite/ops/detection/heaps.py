"""Heaps and partial sorting as libstdc++ does them.

LiteRT's order of equal scores is what its C++ library's algorithms happen to leave, so these are
followed step by step. An item's key is looked up in a list; the greatest is on top. Where keys are
equal, a heap that sifts down prefers the right child.
Source: the observable behaviour of std::priority_queue and std::partial_sort.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Keys = Sequence[float]


class Heap:
    """A priority queue of items: std::priority_queue, with the names that a list has."""

    __slots__ = ("_items", "_keys")

    def __init__(self, keys: Keys) -> None:
        """All positions of `keys`, added one after the other. Keys may change while not inside."""
        self._keys = keys
        self._items = items = list(range(len(keys)))
        for item, key in enumerate(keys):  # as `append` does, but without a call for each
            hole = item
            while hole:
                parent = (hole - 1) // 2
                if not keys[items[parent]] < key:
                    break
                items[hole] = items[parent]
                hole = parent
            items[hole] = item

    def append(self, item: int) -> None:
        """Adds an item."""
        self._items.append(item)
        sift_up(self._items, len(self._items) - 1, 0, item, self._keys)

    def pop(self) -> int:
        """Takes the item with the greatest key away."""
        top, last = self._items[0], self._items.pop()
        if self._items:
            sift_down(self._items, 0, len(self._items), last, self._keys)
        return top

    def __len__(self) -> int:
        return len(self._items)


def greatest(keys: Keys, count: int) -> list[int]:
    """Positions of the `count` greatest keys, the greatest first: std::partial_sort."""
    # The heap has the least of the greatest on top: its keys are the negatives.
    items = list(range(len(keys)))
    sort_some(items, len(items), [-key for key in keys], count)
    return items[:count]


# --- on lists, and compiled on arrays (jit/kernels/heaps.py) -------------------------------------


def sort_some(items: Any, size: int, keys: Any, count: int) -> None:
    """Puts those items of the least keys, `count` of them (some), in front, in order."""
    for hole in range(count // 2 - 1, -1, -1):
        sift_down(items, hole, count, items[hole], keys)
    for number in range(count, size):
        if keys[items[number]] < keys[items[0]]:
            item = items[number]
            items[number] = items[0]
            sift_down(items, 0, count, item, keys)
    for end in range(count - 1, 0, -1):
        item = items[end]
        items[end] = items[0]
        sift_down(items, 0, end, item, keys)


def sift_up(heap: Any, hole: int, top: int, item: int, keys: Any) -> None:
    """The item goes up from the hole, no further than to the top."""
    key: Any = keys[item]
    while hole > top:
        parent = (hole - 1) // 2
        if not keys[heap[parent]] < key:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = item


def sift_down(heap: Any, hole: int, size: int, item: int, keys: Any) -> None:
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
    sift_up(heap, hole, top, item, keys)
