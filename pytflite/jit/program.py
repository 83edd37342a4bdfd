"""Program: the native steps of a plan as a flat table, ready to run in any memory.

Each Work becomes a record (kernel, parameters, tiles) and a block of parameter slots. The table is
made once per plan; `bind` copies it for one arena, where addresses in the arena are filled in.
A run of records is then one native call, without the interpreter lock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pytflite.jit.emit.runner import RECORD
from pytflite.jit.kernel import At, Kernel, Packed, Slot, Work, kernel
from pytflite.model.graph import Array
from pytflite.plan.plan import Refused

RUNNER = kernel("runner.single")
_CACHE_LINE = 64
_CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


class Program:
    """Records and parameters, before they have an arena.

    Args:
        works: in order.
        offsets: of the tensors in the arena.
        addresses: of the kernels, and of RUNNER.
    """

    def __init__(
        self,
        works: Sequence[Work],
        offsets: Mapping[int, int],
        addresses: Mapping[Kernel, int],
    ) -> None:
        self.works = tuple(works)
        self.scratch_bytes = max((work.scratch for work in works), default=0)
        self._kept: list[Array] = []  # constants whose addresses stand in the slots
        slots: list[int] = []
        relative: list[int] = []  # slots that are offsets in the arena
        records = np.zeros((len(works), RECORD // 8), np.int64)
        for record, work in zip(records, works, strict=True):
            record[:3] = addresses[work.kernel], 8 * len(slots), work.tiles
            slots.append(0)
            for slot in work.slots:
                if isinstance(slot, At):
                    relative.append(len(slots))
                    slots.append(offsets[slot.tensor] + slot.offset)
                else:
                    slots.append(self._word(slot))
            slots += [0] * (-len(slots) % 8)  # threads write their status to lines of their own
        self._records = records
        self._slots = np.array(slots, np.int64)
        self._relative = np.array(relative, np.intp)
        self.runner = _CALL(addresses[RUNNER])

    def _word(self, slot: Slot) -> int:
        """The 8 bytes of a slot that holds no place in the arena."""
        if isinstance(slot, Packed):
            slot = slot.array
        if isinstance(slot, np.ndarray):
            array = np.require(slot, requirements=["C", "A"])
            self._kept.append(array)
            return int(array.ctypes.data)
        if isinstance(slot, float):
            return int(np.float32(slot).view(np.uint32))
        assert slot is None or isinstance(slot, int)
        return slot or 0

    def bind(self, arena: Array) -> BoundProgram:
        """The program for one arena (uint8, on a cache line)."""
        slots = aligned(self._slots.nbytes).view(np.int64)
        slots[:] = self._slots
        slots[self._relative] += arena.ctypes.data
        records = aligned(self._records.nbytes).view(np.int64).reshape(self._records.shape)
        records[:] = self._records
        records[:, 1] += slots.ctypes.data
        return BoundProgram(self, slots, records, arena)


class BoundProgram:
    """A program in the memory of one context: one run at a time."""

    def __init__(self, program: Program, slots: Array, records: Array, arena: Array) -> None:
        self._kept = program, slots, records, arena
        self._call: Any = program.runner
        self._slots = slots
        self._own = np.zeros(8, np.int64)
        self._own[1] = records.ctypes.data
        self._scratch = aligned(program.scratch_bytes)
        self._parameters = self._own.ctypes.data
        self._memory = self._scratch.ctypes.data
        self._blocks = records[:, 1] - slots.ctypes.data

    def run(self, begin: int, end: int) -> None:
        """Runs records.

        Raises:
            Refused: a kernel found data that it must refuse.
        """
        self._call(self._parameters, begin, end, self._memory)
        if self._own[0]:
            record = int(self._own[0]) - 1
            self._own[0] = 0
            self._slots[self._blocks[record] // 8] = 0
            raise Refused(f"record {record}")


def aligned(size: int) -> Array:
    """Uninitialised bytes that begin on a cache line."""
    block = np.empty(size + _CACHE_LINE, np.uint8)
    start = -block.ctypes.data % _CACHE_LINE
    return block[start : start + size]
