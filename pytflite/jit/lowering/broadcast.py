"""Slots of elementwise kernels (emit/rows.py): loops over operands that are broadcast."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from pytflite.jit.emit.rows import BLOCK
from pytflite.jit.kernel import Slot
from pytflite.jit.lowering.registry import Lowering
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Step

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
    kinds, slots = "", []
    for (slot, _, size), (a, b, along) in zip(operands, strides, strict=True):
        kinds += "v" if along else "s"
        slots += [slot, size * a, size * b]
    units = max(1, TILE // max(min(row, BLOCK), 1))
    total = outer * inner * max(-(-row // BLOCK), 1)
    tiles = -(-total // units) if row else 0
    return Layout(kinds, (to.output(step), outer * inner, inner, row, units, *slots), tiles)


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
