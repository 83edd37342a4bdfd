"""Program: the native steps of a plan as a flat table, ready to run in any memory.

Each Work becomes a record (kernel, parameters, tiles) and a block of parameter slots. The table is
made once per plan (tabulation.py); `bind` copies it for one arena, where addresses in the arena are
filled in. A run of records is then one native call, without the interpreter lock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from pytflite.jit.kernel import Kernel
from pytflite.jit.records import CLAIMED, ENTRY, HELPER, LEADER, SINGLE
from pytflite.model.graph import Array
from pytflite.plan.alignment import aligned
from pytflite.plan.plan import Refused

if TYPE_CHECKING:
    from pytflite.jit.pace import Pace

_ALONE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)  # of SINGLE, which needs the first argument only
_CACHE_LINE = 64


class Tables:
    """The works of a plan as numbers: all that a Program is, but for the addresses of this process.

    Attributes:
        kernels: that the records name.
        works: how many records are the plan's own; others are run by kernels.
        records: a row a work, as emit/runner.py has them; with the number of the kernel.
        slots: of all works.
        relative: which slots are offsets in the arena.
        inner: which are offsets of records, those that kernels run themselves.
        absolute: which are addresses of constants.
        constants: one for each of these.
        scratch: bytes that a thread needs.
    """

    kernels: tuple[Kernel, ...]
    works: int
    records: Array
    slots: Array
    relative: Array
    inner: Array
    absolute: Array
    constants: tuple[Array, ...]
    scratch: int

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)


class Program:
    """Records and parameters, before they have an arena.

    Args:
        tables: what runs.
        addresses: of the kernels, and of `runners(threads)`.
        threads: that may share the tiles of a run.
    """

    def __init__(
        self, tables: Tables, addresses: Mapping[Kernel, int], threads: int = 1
    ) -> None:  # fmt: skip
        self.tables = tables
        self.threads = threads
        self._records = tables.records.copy()
        self._records[:, 0] = np.array([addresses[k] for k in tables.kernels])[tables.records[:, 0]]
        self._slots = tables.slots.copy()
        self._slots[tables.absolute] = [array.ctypes.data for array in tables.constants]
        self.runner = _ALONE(addresses[SINGLE])
        if threads > 1:
            self.leader = ENTRY(addresses[LEADER])
            self.helper = addresses[HELPER]
        self._paces: dict[tuple[int, int], Pace | None] = {}

    def pace(self, begin: int, end: int) -> Pace | None:
        """Whether a stretch is shared; None if there is nothing to share."""
        records = begin, end
        if records not in self._paces:
            pace = None
            if self.threads > 1 and (self._records[begin:end, 2] > 1).any():
                from pytflite.jit.pace import Pace

                pace = Pace(self.threads)
            self._paces[records] = pace
        return self._paces[records]

    @property
    def whole(self) -> tuple[int, int]:
        """The plan's records: from, to."""
        return 0, self.tables.works

    def bind(self, arena: Array) -> BoundProgram:
        """The program for one arena (uint8, on a cache line)."""
        slots = aligned(self._slots.nbytes).view(np.int64)
        slots[:] = self._slots
        slots[self.tables.relative] += arena.ctypes.data
        records = aligned(self._records.nbytes).view(np.int64).reshape(self._records.shape)
        records[:] = self._records
        records[:, 1] += slots.ctypes.data
        slots[self.tables.inner] += records.ctypes.data
        return BoundProgram(self, slots, records, arena)


class BoundProgram:
    """A program in the memory of one context: one run at a time."""

    def __init__(self, program: Program, slots: Array, records: Array, arena: Array) -> None:
        self.program = program
        self.records = records
        self.memory = aligned(program.tables.scratch * max(program.threads, 1))
        self.claims = aligned(CLAIMED * program.tables.works * (program.threads > 1))
        self._kept = arena
        self._slots = slots
        self._blocks = records[:, 1] - slots.ctypes.data

    def stretch(self, begin: int, end: int) -> Stretch:
        """Records, as one call."""
        return Stretch(self, begin, end)

    def borrow(self, place: range, array: Array) -> None:
        """Has an array instead of these bytes of the arena, which hold nothing else."""
        relative, arena = self.program.tables.relative, self._kept.ctypes.data
        slots = relative[
            (self._slots[relative] >= arena + place.start)
            & (self._slots[relative] < arena + place.stop)
        ]
        self._slots[slots] += array.ctypes.data - arena - place.start

    def cleared(self, record: int) -> str:
        """Takes back a record's status; which record it was."""
        self._slots[self._blocks[record] // 8] = 0
        return f"record {record}"


class Stretch:
    """Records of a bound program that run in one call: `stretch()`.

    Raises:
        Refused: a kernel found data that it must refuse.
    """

    __slots__ = ("_address", "_bound", "_leader", "_own", "_pace", "_runner", "_status")

    def __init__(self, bound: BoundProgram, begin: int, end: int) -> None:
        program = bound.program
        self._bound = bound
        memory = bound.memory.ctypes.data
        self._own = aligned(2 * _CACHE_LINE).view(np.int64)
        # The runner's slots, and on a line of their own the leader's.
        self._own[:5] = 0, bound.records.ctypes.data, begin, end, memory
        self._own[8:10] = 0, bound.records.ctypes.data
        self._leader = self._own.ctypes.data + _CACHE_LINE, begin, end, memory
        self._address = self._own.ctypes.data
        self._status = self._own.data
        self._runner = program.runner
        self._pace = program.pace(begin, end)

    def __call__(self) -> None:
        pace = self._pace
        if pace is None or pace.settled_alone():
            self._runner(self._address)
        else:
            self._tried(pace)
        if self._status[0]:
            record, self._status[0] = self._status[0] - 1, 0
            raise Refused(self._bound.cleared(record))

    def _tried(self, pace: Pace) -> None:
        """Runs the records, with helpers or without, and takes the time."""
        threads = pace.threads
        start = perf_counter()
        if threads > 1 and self._shared(threads):
            pace.took(threads, perf_counter() - start)
            return
        self._runner(self._address)
        if threads == 1:  # else the helpers are busy elsewhere, and this run says nothing
            pace.took(1, perf_counter() - start)

    def _shared(self, threads: int) -> bool:
        """Runs the records with helpers, unless these are busy."""
        from pytflite.jit.threads import team

        program, helpers = self._bound.program, team()
        if not helpers.try_begin(threads, program.helper):
            return False
        try:
            stride = program.tables.scratch
            memory = self._leader[3] + stride
            claims = self._bound.claims.ctypes.data
            helpers.seat(int(self._own[1]), claims, memory, stride, threads)
            self._own[10] = helpers.job.ctypes.data
            program.leader(*self._leader)
        finally:
            helpers.end()
        self._status[0], self._status[8] = self._status[8], 0
        return True
