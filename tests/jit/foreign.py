"""Runs models with kernels for another architecture, step by step under emulation.

Steps without a lowering run on this CPU in between, so that whole models can be held against the
NumPy backend.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pytflite.jit import backend
from pytflite.jit.backend import Compiled
from pytflite.jit.kernel import Kernel
from pytflite.jit.program import Program, Tables
from pytflite.jit.records import (
    CLAIMED,
    HELPER,
    JOB,
    LEADER,
    QUIT,
    RECORDS,
    RUNNERS,
    SEATS,
    SINGLE,
)
from pytflite.jit.target import BY_NAME, Target
from pytflite.model.model import Model
from pytflite.plan.plan import Plan, Refused
from tests.jit.emulated import Machine, machine_of


class ForeignLibrary:
    """Kernels in an emulated process."""

    def __init__(self) -> None:
        self.failures: dict[Any, str] = {}

    def find(self, kernels: Iterable[Kernel], target: Target) -> dict[Kernel, int]:
        """All of them, compiled at once."""
        return {kernel: machine_of(target).kernel(kernel) for kernel in kernels}

    def wait(self, kernels: Iterable[Kernel], target: Target) -> None:
        """Nothing has to be waited for."""

    request = wait


class ForeignCompiled(Compiled):
    """The compiled backend, whose programs run in the emulated process."""

    def __init__(
        self, model: Model, precision: str = "float32", threads: int | None = None,
        wait: bool = True, *, fuses: bool = True, target: Target | None = None,
    ) -> None:  # fmt: skip
        super().__init__(model, precision, threads or 1, wait, fuses=fuses, target=target)
        self.library = ForeignLibrary()  # type: ignore[assignment]  # what it asks of one

    def link(self, plan: Plan) -> Any:
        """As Compiled.link."""
        native = super().link(plan)
        if native is None:
            return None
        addresses = self.library.find((*RUNNERS, *native.tables.kernels), self.target)
        return ForeignProgram(machine_of(self.target), native.tables, addresses, self.threads)

    def recall(self, subgraph: int, shapes: Any) -> None:
        """Nothing: plans on the disk are for this CPU."""

    def keep(self, plan: Plan) -> None:
        """Keeps nothing."""

    def apart(self) -> ForeignCompiled:
        """As Compiled.apart."""
        return ForeignCompiled(
            self.model, self.precision, self.threads, fuses=False, target=self.target
        )


def install(name: str) -> None:
    """Has all that asks for the compiled backend get that of an emulated CPU."""
    vars(backend).update(host_targets=lambda: (BY_NAME[name],), Compiled=ForeignCompiled)


class ForeignProgram(Program):
    """A program whose constants, tables and scratch are in memory that is shared."""

    def __init__(self, machine: Machine, tables: Tables, addresses: Any, threads: int) -> None:
        self.machine = machine
        self.addresses = addresses
        self.bounds: list[_Bound] = []
        there = tuple(machine.place(array) for array in tables.constants)
        super().__init__(Tables(**{**vars(tables), "constants": there}), addresses, threads)

    def bind(self, arena: Any) -> Any:
        """As Program.bind: the arena is copied there and back at each call."""
        self.bounds.append(_Bound(self, arena))
        return self.bounds[-1]


class _Bound:
    """A program with an arena here, and its copy there. Scratch is 0xA5 until it is written."""

    def __init__(self, program: ForeignProgram, arena: Any) -> None:
        machine = self.machine = program.machine
        self.program = program
        self.arena = arena
        self.copy = machine.empty(arena.nbytes)
        slots = machine.place(program._slots)
        slots[program.tables.relative] += self.copy.ctypes.data
        self.slots = slots
        self.records = machine.place(program._records)
        self.records[:, 1] += slots.ctypes.data
        slots[program.tables.inner] += self.records.ctypes.data
        self.blocks = self.records[:, 1] - slots.ctypes.data
        self.scratch = machine.empty(program.tables.scratch * program.threads + 64)
        self.scratch[:] = 0xA5

    def stretch(self, begin: int, end: int) -> Callable[[], None]:
        """Records, as one call."""
        own = self.machine.place(np.zeros(16, np.int64))
        job = self.machine.place(np.zeros(JOB // 8, np.int64))
        at, scratch = own.ctypes.data, self.scratch.ctypes.data
        own[:5] = 0, self.records.ctypes.data, begin, end, scratch
        own[8:11] = 0, self.records.ctypes.data, job.ctypes.data
        helper = self.machine.place(np.array([0, job.ctypes.data, 0], np.int64))
        claims = self.machine.empty(CLAIMED * self.program.tables.works)
        stride, threads = self.program.tables.scratch, self.program.threads
        addresses = self.program.addresses

        def run() -> None:
            self.copy[:] = self.arena
            if threads == 1:
                self.machine.call(addresses[SINGLE], at)
                status = own[0]
            else:
                shared = self.records.ctypes.data, claims.ctypes.data, scratch + stride, stride
                job[RECORDS // 8 : SEATS // 8 + 1] = *shared, threads - 1
                job[QUIT // 8] = 0
                helps = self.machine.thread(addresses[HELPER], helper.ctypes.data)
                self.machine.call(addresses[LEADER], at + 64, begin, end, scratch)
                job[QUIT // 8] = 1
                while helps():
                    time.sleep(1e-4)
                status = own[8]
            self.arena[:] = self.copy
            if status:
                own[0] = own[8] = 0
                self.slots[self.blocks[status - 1] // 8] = 0
                raise Refused(f"record {status - 1}")

        return run
