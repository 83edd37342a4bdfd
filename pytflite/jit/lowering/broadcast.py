"""Slots of elementwise kernels (emit/rows.py): loops over operands that are broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from pytflite.jit.emit.rows import BLOCK, FEW, MANY
from pytflite.jit.kernel import Setting
from pytflite.jit.lowering.copying import Copy, plain_copy
from pytflite.jit.lowering.registry import Lowering
from pytflite.jit.work import Slot, Work
from pytflite.model.dtypes import UINT8
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Step

_SHORT, _LONG = 64, 1024  # elements of a row that is made longer, and of the longest that is made
_SHORT_BYTES = 512  # of a row of bytes, 64 of which are one vector
TILE = 4 * BLOCK  # elements that make a tile worth its start
TOO_MANY = f"compiled for operands that are broadcast along at most {MANY + 1} groups of axes"

Loops = tuple[int, ...]  # innermost first


class Layout(NamedTuple):
    """What an elementwise kernel is given: two settings, slots and tiles."""

    kinds: str  # "v" or "s" for each operand
    loops: int  # around a row
    slots: tuple[Slot, ...]
    tiles: int
    before: tuple[Work, ...]  # what is done first

    def settings(self, numbers: str = "") -> dict[str, Setting]:
        """The settings of rows.slots, with the kinds of numbers that follow the operands."""
        return {"operands": self.kinds + numbers, "loops": self.loops}


def layout(
    step: Step, to: Lowering, operands: Sequence[tuple[Slot, Shape, int]]
) -> Layout | None:  # fmt: skip
    """Slots for the step's output and its operands: slot, shape and bytes of an element of each.

    Returns:
        None if the operands need more loops than there are.
    """
    shape = step.output_specs[0].static
    sizes, strides = collapse(shape, [s for _, s, _ in operands])
    if len(sizes) > MANY + 1:
        return None
    loops = FEW if len(sizes) <= FEW + 1 else MANY
    given = [slot for slot, _, _ in operands]
    before: list[Work] = []
    short = _SHORT_BYTES if all(size == 1 for _, _, size in operands) else _SHORT
    times = _repeats(sizes, strides, short)
    if times > 1:  # rows side by side; what is the same for all, as often
        for n, (_, _, size) in enumerate(operands):
            if strides[n] == (1, 0):
                given[n], works = _repeated(step, to, given[n], (sizes[0], times, size))
                before += works
        sizes = sizes[0] * times, sizes[1] // times
        strides = [(along, step * times) for along, step in strides]
    row, *around = _filled(sizes, loops + 1, 1)
    kinds, slots = "", list[Slot]()
    for slot, (_, _, size), stride in zip(given, operands, strides, strict=True):
        along, *others = _filled(stride, loops + 1, 0)
        kinds += "v" if along else "s"
        slots += [slot, *(size * n for n in others)]
    units = max(1, TILE // max(min(row, BLOCK), 1))
    rows = prod(around)
    tiles = -(-rows * max(-(-row // BLOCK), 1) // units) if row else 0
    slots[:0] = to.output(step), rows, row, units, *around[:-1]
    return Layout(kinds, loops, tuple(slots), tiles, tuple(before))


def _repeats(sizes: Loops, strides: Sequence[Loops], short: int) -> int:
    """How many short rows make one of some length: where each operand goes on from row to row, or
    is the same for all."""
    if len(sizes) != 2 or not 0 < sizes[0] < short:
        return 1
    row, rows = sizes
    if any(stride not in ((1, row), (1, 0), (0, 0)) for stride in strides):
        return 1
    return max(n for n in range(1, _LONG // row + 1) if rows % n == 0)


def _repeated(
    step: Step, to: Lowering, slot: Slot, sizes: tuple[int, int, int]
) -> tuple[Slot, list[Work]]:  # fmt: skip
    """A row again and again, and the work that makes it so in the run.

    Args:
        sizes: its elements, how often, and bytes of an element.
    """
    row, times, size = sizes
    if isinstance(slot, np.ndarray):
        return np.tile(slot.reshape(-1), times), []
    room = to.room(step, row * times * size)
    size *= row
    copy = Copy((times, size), (0, 1), (size, 1))
    return room, plain_copy(slot, room, copy, UINT8, shared=False)


def collapse(shape: Shape, operands: Sequence[Shape]) -> tuple[Loops, list[Loops]]:
    """As few loops as can be over a shape to which operands are broadcast, innermost first.

    Returns:
        Sizes, the first of elements that follow each other; and for each operand its stride in
        elements along each, 0 where it is broadcast.
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
    if not sizes:
        return (1,), [(1,) for _ in operands]
    return tuple(sizes), [tuple(stride) for stride in strides]


def _filled(numbers: Loops, count: int, filling: int) -> Loops:
    return *numbers, *[filling] * (count - len(numbers))
