"""Strided copies as Work of emit/move.py: what operators that move elements are made of."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

import numpy as np

from pytflite.jit.emit.move import BLOCK, FILL
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import Lowered
from pytflite.jit.lowering.turning import turned_work
from pytflite.jit.work import At, Slot, Work
from pytflite.model.dtypes import DType
from pytflite.model.graph import Array
from pytflite.ops.spec import Shape, Spec
from pytflite.plan.plan import Step

_DEEPEST = 6  # loops of a copy
_SHORT = 64  # bytes that are copied without a call
_MANY = -1
_LARGEST = 8  # bytes of an element that vectors have


class Copy(NamedTuple):
    """A box of elements, and how to walk through it: strides and offsets in elements."""

    sizes: Shape
    x: tuple[int, ...]
    y: tuple[int, ...]
    x_offset: int = 0
    y_offset: int = 0


def strides_of(shape: Shape) -> tuple[int, ...]:
    """Strides of a contiguous array, in elements."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def copy_work(
    source: Slot, target: At, copy: Copy, dtype: DType, *, shared: bool = True
) -> list[Work] | str:
    """The work of one copy; none if there is nothing to copy. shared: by threads."""
    if 0 in copy.sizes:
        return []
    size = dtype.storage.itemsize
    loops = _joined(copy)
    if len(loops) > _DEEPEST:
        return f"compiled for at most {_DEEPEST} axes that cannot be joined"
    ends = moved(source, copy.x_offset * size), moved(target, copy.y_offset * size)
    if (turned := turned_work(ends, loops, size)) is not None:
        return [turned]
    run = 0
    if loops[-1][1:] == (1, 1):
        run = loops[-1][0] * size if len(loops) > 1 else _MANY
        run = run if run <= _SHORT else _MANY
    elif loops[-1][1:] == (0, 1) and size <= _LARGEST:
        run = FILL
    loops = loops if shared else [(1, 0, 0), *loops]
    slots: list[Slot] = []
    for count, x, y in loops:
        slots += [count, x * size, y * size]
    tiles = loops[0][0] if len(loops) > 1 else -(-loops[0][0] // BLOCK)
    return [
        Work(
            kernel("move.strided", rank=len(loops), size=size, run=run),
            (*ends, *slots),
            tiles,
        )
    ]


def plain_copy(
    source: Slot, target: At, copy: Copy, dtype: DType, *, shared: bool = True
) -> list[Work]:
    """`copy_work` of so few axes that it is always compiled."""
    works = copy_work(source, target, copy, dtype, shared=shared)
    assert not isinstance(works, str), works
    return works


def moved(slot: Slot, offset: int) -> Slot:
    """A slot so many bytes further."""
    if isinstance(slot, At):
        return At(slot.tensor, slot.offset + offset)
    assert isinstance(slot, np.ndarray)
    return slot.reshape(-1).view(np.uint8)[offset:] if offset else slot


def _joined(copy: Copy) -> list[tuple[int, int, int]]:
    """(size, stride of x, of y) of each loop, outermost first, as few as will do."""
    loops: list[tuple[int, int, int]] = []
    for count, x, y in zip(copy.sizes, copy.x, copy.y, strict=True):
        if count == 1:
            continue
        if loops and loops[-1][1:] == (x * count, y * count):
            loops[-1] = (loops[-1][0] * count, x, y)
        else:
            loops.append((count, x, y))
    return loops or [(1, 1, 1)]


def all_works(works: Sequence[list[Work] | str]) -> Lowered:
    """The works of several copies, or the reason why one of them has none."""
    done: list[Work] = []
    for work in works:
        if isinstance(work, str):
            return work
        done += work
    return done


def source_and_target(step: Step) -> tuple[Spec, Spec]:
    """What is moved, and where to."""
    source = step.input_specs[0]
    assert source is not None
    return source, step.output_specs[0]


def constant(step: Step, position: int) -> Array | None:
    """An input's value, if it is constant."""
    spec = step.input_specs[position]
    return None if spec is None else spec.value
