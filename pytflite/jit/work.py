"""Work: a call of a kernel, as a row of a program; and what its parameters may be."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from pytflite.jit.kernel import Kernel
from pytflite.model.graph import Array


class At(NamedTuple):
    """The address of a tensor of the plan, by its index, plus an offset in bytes."""

    tensor: int
    offset: int = 0


class Packed:
    """An array that is made of constants when somebody first asks for it, and kept."""

    def __init__(self, make: Callable[[], Array]) -> None:
        self._make = make

    @cached_property
    def array(self) -> Array:
        """The array; C-contiguous. It begins on a cache line: vectors that cross one are slow."""
        made = self._make()
        del self._make  # and with it the constants
        if made.ctypes.data % 64 == 0:
            return made
        block = np.empty(made.nbytes + 64, np.uint8)
        start = -block.ctypes.data % 64
        moved: Array = np.ndarray(made.shape, made.dtype, block, start)
        moved[...] = made
        return moved


class Records(NamedTuple):
    """Works that a kernel runs itself, again and again or never.

    It fills two slots: the address of their records, and how many there are.
    """

    works: tuple[Work, ...]


class Upcoming(int):
    """Stands for the address of the first Packed of the next work that has one, or of the first:
    weights that may be fetched meanwhile. It is 0 where there are none, which a kernel must stand.
    """


UPCOMING = Upcoming(0)

# What a slot holds: a number (a float as float32), an address in the arena, or that of a constant
# array, which the program keeps alive.
Slot = int | float | At | Array | Packed | Records | None


class Work(NamedTuple):
    """One call of a kernel.

    Attributes:
        kernel: what runs.
        slots: its parameters after the status, in the emitter's order.
        tiles: how many there are, each of about the same work.
        scratch: bytes that one thread needs.
        makes: what it makes that other steps need, too: of all works that make the same, the first
            one does.
    """

    kernel: Kernel
    slots: tuple[Slot, ...]
    tiles: int = 1
    scratch: int = 0
    makes: Hashable = None


def once(works: Sequence[Work], made: set[Hashable]) -> list[Work]:
    """The works that make what is not made yet, which they add to it."""
    own = [w for w in works if w.makes is None or w.makes not in made]
    made.update(w.makes for w in own)
    return own


def kernels_of(works: Sequence[Work]) -> Iterator[Kernel]:
    """The kernels of works, and of those that these run."""
    for work in works:
        yield work.kernel
        for slot in work.slots:
            if isinstance(slot, Records):
                yield from kernels_of(slot.works)
