"""Program: the native steps of a plan as a flat table, ready to run in any memory.

Each Work becomes a record (kernel, parameters, tiles) and a block of parameter slots. The table is
made once per plan; `bind` copies it for one arena, where addresses in the arena are filled in.
A run of records is then one native call, without the interpreter lock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np

from pytflite.jit.emit.runner import FLUSH, RECORD
from pytflite.jit.kernel import At, Kernel, Packed, Records, Slot, Work, kernel
from pytflite.jit.threads import ENTRY, HELPER, LEADER, team
from pytflite.model.graph import Array
from pytflite.plan.arena import aligned
from pytflite.plan.plan import Refused

RUNNER = kernel("runner.single")
RUNNERS = (RUNNER, LEADER, HELPER)  # that each program needs
SINGLE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
_CACHE_LINE = 64
# In which denormals are zero.
_PRODUCTS = ("gemm_", "direct_", "depthwise_", "lstm.", "rnn.", "svdf.")
_BRIEF = 40e-6  # seconds: less than this is not worth sharing


class Program:
    """Records and parameters, before they have an arena.

    Args:
        works: in order.
        offsets: of the tensors in the arena.
        addresses: of the kernels, and of RUNNERS.
        threads: that may share the tiles of a run.
    """

    def __init__(
        self,
        works: Sequence[Work],
        offsets: Mapping[int, int],
        addresses: Mapping[Kernel, int],
        threads: int = 1,
    ) -> None:
        self.works = tuple(works)
        self.threads = threads
        self._kept: list[Array] = []  # constants whose addresses stand in the slots
        slots: list[int] = []
        relative: list[int] = []  # slots that are offsets in the arena
        inner: list[int] = []  # slots that are offsets of records
        all_works = list(works)  # and behind them those that kernels run themselves
        rows = []
        for work in all_works:
            flush = work.kernel.emitter.startswith(_PRODUCTS)
            rows.append((addresses[work.kernel], 8 * len(slots), work.tiles, flush))
            slots.append(0)
            for slot in work.slots:
                if isinstance(slot, At):
                    relative.append(len(slots))
                    slots.append(offsets[slot.tensor] + slot.offset)
                elif isinstance(slot, Records):
                    inner.append(len(slots))
                    slots += [RECORD * len(all_works), len(slot.works)]
                    all_works += slot.works
                else:
                    slots.append(self._word(slot))
            slots += [0] * (-len(slots) % 8)  # threads write their status to lines of their own
        self._records = np.zeros((len(rows), RECORD // 8), np.int64)
        if rows:
            self._records[:, [0, 1, 2, FLUSH // 8]] = rows
        scratch = max((work.scratch for work in all_works), default=0)
        self.scratch_bytes = -(-scratch // _CACHE_LINE) * _CACHE_LINE  # of each thread
        self._slots = np.array(slots, np.int64)
        self._relative = np.array(relative, np.intp)
        self._inner = np.array(inner, np.intp)
        self.runner = SINGLE(addresses[RUNNER])
        self.leader = ENTRY(addresses[LEADER])
        self.helper = addresses[HELPER]
        self._paces: dict[tuple[int, int], Pace | None] = {}

    def pace(self, begin: int, end: int) -> Pace | None:
        """Whether a stretch is shared; None if there is nothing to share."""
        records = begin, end
        if records not in self._paces:
            several = self.threads > 1 and any(w.tiles > 1 for w in self.works[begin:end])
            self._paces[records] = Pace() if several else None
        return self._paces[records]

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
        slots[self._inner] += records.ctypes.data
        return BoundProgram(self, slots, records, arena)


class Pace:
    """Whether a stretch of a program is faster with helpers: tried, and again after a while."""

    __slots__ = ("_alone", "_runs", "_shared")

    ALONE, SHARED, PERIOD = 6, 14, 2000  # runs until the next stage begins

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._runs = 0
        self._alone = self._shared = float("inf")

    def shares(self) -> bool:
        """Whether the next run is to be shared."""
        if self._runs < self.ALONE:
            return False
        if self._runs < self.SHARED:
            return self._alone > _BRIEF
        return self._shared < self._alone

    def settled_alone(self) -> bool:
        """Whether sharing has been tried, and the next run is not shared; counts the run if so."""
        if self._runs < self.SHARED or self._shared < self._alone:
            return False
        self._runs += 1
        if self._runs > self.PERIOD:
            self._begin()
        return True

    def took(self, shared: bool, seconds: float) -> None:
        """Counts a run. Threads that count at the same time only blur the figures."""
        if shared:
            self._shared = min(self._shared, seconds)
        else:
            self._alone = min(self._alone, seconds)
        self._runs += 1
        if self._runs > self.PERIOD:
            self._begin()


class BoundProgram:
    """A program in the memory of one context: one run at a time."""

    def __init__(self, program: Program, slots: Array, records: Array, arena: Array) -> None:
        self.program = program
        self.records = records
        self.memory = aligned(program.scratch_bytes * max(program.threads, 1))
        self._kept = arena
        self._slots = slots
        self._blocks = records[:, 1] - slots.ctypes.data

    def stretch(self, begin: int, end: int) -> Stretch:
        """Records, as one call."""
        return Stretch(self, begin, end)

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
        shares = pace.shares()
        start = perf_counter()
        shared = shares and self._shared()
        if not shared:
            self._runner(self._address)
        if shares == shared:
            pace.took(shared, perf_counter() - start)

    def _shared(self) -> bool:
        """Runs the records with helpers, unless these are busy."""
        program, helpers = self._bound.program, team()
        if not helpers.try_begin(program.threads, program.helper):
            return False
        try:
            stride = program.scratch_bytes
            memory = self._leader[3] + stride
            helpers.seat(int(self._own[1]), memory, stride, program.threads)
            self._own[10] = helpers.job.ctypes.data
            program.leader(*self._leader)
        finally:
            helpers.end()
        self._status[0], self._status[8] = self._status[8], 0
        return True
