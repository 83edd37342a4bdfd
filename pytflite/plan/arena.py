"""Placing tensors in one block of memory so that those alive at once do not overlap.

This is offline dynamic storage allocation, NP-hard in general. Greedy placement (each tensor at
the lowest gap that fits among those placed already) is nearly always within a few percent of the
lower bound, the greatest sum of sizes alive at once. The order decides, so it is repaired: the
tensor that came to lie on top is placed first, and all is placed again, until the bound is met or
the attempts are used up. See Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
Inference", 2020, for greedy placement by size.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import NamedTuple

from pytflite.plan.alignment import ALIGNMENT


class Block(NamedTuple):
    """Memory that one tensor (with those that share its place) needs, from step to step."""

    tensor: int
    size: int
    first: int  # step that writes it; -1 for inputs
    last: int  # last step that reads it


def lower_bound(blocks: Sequence[Block]) -> int:
    """Greatest sum of sizes alive at once: no placement needs less."""
    changes: dict[int, int] = {}
    for block in blocks:
        changes[block.first] = changes.get(block.first, 0) + block.size
        changes[block.last + 1] = changes.get(block.last + 1, 0) - block.size
    best = current = 0
    for _, change in sorted(changes.items()):
        current += change
        best = max(best, current)
    return best


def place(blocks: Sequence[Block]) -> tuple[dict[int, int], int]:
    """Offsets by tensor, and the bytes of the whole arena."""
    if len(blocks) > _MANY:
        return _in_time(blocks)
    target = lower_bound([b._replace(size=_aligned(b.size)) for b in blocks])
    best: tuple[dict[int, int], int] = {}, 1 << 62
    for key in _ORDERS:
        order = sorted(blocks, key=key)
        for _ in range(_rounds(len(order))):
            offsets, total = _greedy(order)
            if total < best[1]:
                best = offsets, total
            if best[1] <= target:
                return best
            # Repair: what came to lie on top was placed too late; it goes first next time.
            top = max(
                n for n, b in enumerate(order) if offsets[b.tensor] + _aligned(b.size) == total
            )
            order.insert(0, order.pop(top))
    return best


# By size, by length of life, by their product, by time: no one is best for all graphs.
_ORDERS: tuple[Callable[[Block], tuple[int, ...]], ...] = (
    lambda b: (-b.size, b.first),
    lambda b: (b.first - b.last, -b.size),
    lambda b: (-b.size * (b.last - b.first + 1), b.first),
    lambda b: (b.first, -b.size),
)


_MANY = 3000  # blocks from which on greedy placement, which compares all with all, is slow


def _in_time(blocks: Sequence[Block]) -> tuple[dict[int, int], int]:
    """Each block, as its time comes, at the first gap that those before have left."""
    gaps: list[tuple[int, int]] = []  # (offset, end), sorted, apart from each other
    ends: list[tuple[int, int, int]] = []  # (last step, offset, end) of those alive, a heap
    offsets: dict[int, int] = {}
    total = 0
    for block in sorted(blocks, key=lambda b: b.first):
        while ends and ends[0][0] < block.first:
            _, offset, end = heappop(ends)
            _release(gaps, offset, end)
        size = _aligned(block.size)
        for number, (offset, end) in enumerate(gaps):
            if end - offset >= size:
                gaps[number : number + 1] = [(offset + size, end)] if offset + size < end else []
                break
        else:
            offset, total = total, total + size
        offsets[block.tensor] = offset
        if size:
            heappush(ends, (block.last, offset, offset + size))
    return offsets, total


def _release(gaps: list[tuple[int, int]], offset: int, end: int) -> None:
    """Adds a gap, and joins it with its neighbours."""
    at = bisect_left(gaps, (offset, end))
    if at < len(gaps) and gaps[at][0] == end:
        end = gaps.pop(at)[1]
    if at and gaps[at - 1][1] == offset:
        at -= 1
        offset = gaps.pop(at)[0]
    gaps.insert(at, (offset, end))


def _rounds(count: int) -> int:
    """Attempts at repair: fewer for large graphs, whose attempts take longer."""
    return max(2, min(40, 10_000 // max(count, 1)))


def _greedy(blocks: Sequence[Block]) -> tuple[dict[int, int], int]:
    """Places block after block, each in the tightest gap that fits."""
    placed: list[tuple[int, int, Block]] = []  # (offset, end, block), sorted by offset
    offsets: dict[int, int] = {}
    total = 0
    for block in blocks:
        size = _aligned(block.size)
        best, best_gap, cursor = -1, 1 << 62, 0
        for offset, end, other in placed:
            if other.first > block.last or other.last < block.first:
                continue
            gap = offset - cursor
            if gap >= size and gap < best_gap:
                best, best_gap = cursor, gap
            cursor = max(cursor, end)
        if best < 0:
            best = cursor
        offsets[block.tensor] = best
        _insert(placed, (best, best + size, block))
        total = max(total, best + size)
    return offsets, total


def _insert(placed: list[tuple[int, int, Block]], item: tuple[int, int, Block]) -> None:
    low, high = 0, len(placed)
    while low < high:
        middle = (low + high) // 2
        if placed[middle][0] < item[0]:
            low = middle + 1
        else:
            high = middle
    placed.insert(low, item)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
