"""Slots of elementwise kernels (emit/rows.py): loops over operands that are broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from pytflite.jit.emit.rows import BLOCK
from pytflite.jit.kernel import Slot
from pytflite.jit.lowering.registry import Lowering
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Step

_SHORT, _LONG = 64, 1024  # elements of a row that is made longer, and of the longest that is made
TILE = 4 * BLOCK  # elements that make a tile worth its start
TOO_MANY = "compiled for operands that are broadcast along at most three groups of axes"

Loops = tuple[int, int, int]


class Layout(NamedTuple):
    """What an elementwise kernel is given."""

    kinds: str  # "v" or "s" for each operand
    slots: tuple[Slot, ...]
    tiles: int


def layout(
    step: Step, to: Lowering, operands: Sequence[tuple[Slot, Shape, int]]
) -> Layout | None:  # fmt: skip
    """Slots for the step's output and its operands: slot, shape and bytes of an element of each.

    Returns:
        None if the operands need more loops than there are.
    """
    shape = step.output_specs[0].static
    loops = collapse(shape, [s for _, s, _ in operands])
    if loops is None:
        return None
    (outer, inner, row), strides = loops
    given = [slot for slot, _, _ in operands]
    times = _repeats(loops, given)
    if times > 1:  # rows side by side, constants as often
        inner, row = inner // times, row * times
        strides = [(a, b * times, along) for a, b, along in strides]
        given = [np.tile(g.reshape(-1), times) if isinstance(g, np.ndarray) else g for g in given]
    kinds, slots = "", []
    for slot, (_, _, size), (a, b, along) in zip(given, operands, strides, strict=True):
        kinds += "v" if along else "s"
        slots += [slot, size * a, size * b]
    units = max(1, TILE // max(min(row, BLOCK), 1))
    total = outer * inner * max(-(-row // BLOCK), 1)
    tiles = -(-total // units) if row else 0
    return Layout(kinds, (to.output(step), outer * inner, inner, row, units, *slots), tiles)


def _repeats(loops: tuple[Loops, list[Loops]], slots: Sequence[Slot]) -> int:
    """How many short rows make one of some length: where each operand goes on from row to row, or
    is a constant that is the same for all."""
    (outer, inner, row), strides = loops
    if outer != 1 or not 0 < row < _SHORT:
        return 1
    for (_, step, along), slot in zip(strides, slots, strict=True):
        same = step == 0 and along == 1 and isinstance(slot, np.ndarray) and slot.size == row
        if not (same or (step == row and along == 1)):
            return 1
    return max(n for n in range(1, _LONG // row + 1) if inner % n == 0)


def collapse(shape: Shape, operands: Sequence[Shape]) -> tuple[Loops, list[Loops]] | None:
    """Few loops over a shape to which operands are broadcast.

    Returns:
        Three sizes, and for each operand its stride in elements along each, 0 where it is
        broadcast; the last size is of elements that follow each other. None if three are too few.
    """
    sizes: list[int] = []
    strides: list[list[int]] = [[] for _ in operands]
    padded = [(1,) * (len(shape) - len(o)) + tuple(o) for o in operands]
    for axis in reversed(range(len(shape))):
        size = shape[axis]
        if size == 1:
            continue
        here = [prod(o[axis + 1 :]) if o[axis] != 1 else 0 for o in padded]
        joins = sizes and all(h == s[-1] * sizes[-1] for h, s in zip(here, strides, strict=True))
        if joins:
            sizes[-1] *= size
        else:
            sizes.append(size)
            for stride, h in zip(strides, here, strict=True):
                stride.append(h)
    if len(sizes) > 3:
        return None
    if not sizes:
        sizes = [1]
        strides = [[1] for _ in operands]
    return _three(sizes, 1), [_three(stride, 0) for stride in strides]


def _three(numbers: Sequence[int], filling: int) -> Loops:
    """Numbers, innermost first, as three with the innermost last."""
    inner, middle, outer = [*numbers, filling, filling][:3]
    return outer, middle, inner
