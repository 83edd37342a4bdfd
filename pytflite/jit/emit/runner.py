"""The loops that run a program: kernel after kernel, in one call from Python.

records.py has the layout of what they read. `begin` and `end` say which records run. The first
kernel with a status other than 0 ends the run; the runner's own status is then that record's
number, plus 1.

`single` does all tiles in this thread. `leader` shares them with helpers, threads that are in
`helper` at the time; they meet at a Job.
The leader never depends on a helper to come: it claims tiles like any other, and waits for those
only that were claimed. It shuts the door and waits until nobody is inside, so that a helper which
was asleep at the wrong moment can never touch the next run's counters.
"""

from __future__ import annotations

from collections.abc import Callable

from pytflite.jit.ir import Function, Module
from pytflite.jit.records import (
    CURRENT,
    DONE,
    DOOR,
    FLUSH,
    KERNEL,
    NEXT,
    OPEN,
    PARAMETERS,
    QUIT,
    RECORD,
    RECORDS,
    SCRATCH,
    SEATS,
    STRIDE,
    TILES,
)
from pytflite.jit.target import Target

# Bits of x86's MXCSR and of AArch64's FPCR.
_FLUSH, _ZERO_INPUTS, _ARM_FLUSH = 1 << 15, 1 << 6, 1 << 24

_CLAIMS = 16

# Rounds that a helper waits for the next run: about 100 us with x86's pause, which is slow.
_PATIENCE = {"x86_64": 1800, "aarch64": 30000}


class Modes:
    """Whether numbers below 2^-126 are zero, which spares products of floats a hundredfold time.

    XNNPACK computes so, too; LiteRT's reference kernels do not, nor does anything else here.
    """

    def __init__(self, f: Function, target: Target) -> None:
        self._f = f
        self._is_x86 = target.architecture == "x86_64"
        if self._is_x86:
            self._before, self._during = f.op("alloca i32"), f.op("alloca i32")
            f.call("void", "llvm.x86.sse.stmxcsr", f"ptr {self._before}")
            mode = f.load("i32", self._before, 0, 4)
            mode = f.op(f"or i32 {mode}, {_FLUSH | _ZERO_INPUTS}")
            f.store("i32", mode, self._during, 0, 4)
        else:
            self._before = f.call("i64", "llvm.aarch64.get.fpcr")
            self._during = f.op(f"or i64 {self._before}, {_ARM_FLUSH}")

    def suppress(self) -> None:
        """From here on they are."""
        self._set(self._during)

    def restore(self) -> None:
        """From here on they are as they were when the runner began."""
        self._set(self._before)

    def _set(self, mode: str) -> None:
        if self._is_x86:
            self._f.call("void", "llvm.x86.sse.ldmxcsr", f"ptr {mode}")
        else:
            self._f.call("void", "llvm.aarch64.set.fpcr", f"i64 {mode}")


def single(module: Module, target: Target) -> None:
    """All tiles in this thread. Slots: records, first, last, memory.

    Which records run, and in which scratch, stands in the slots, not in the arguments: from Python
    a call with one argument takes half the time of one with four.
    """
    f = module.kernel("ptr records", "i64 first", "i64 last", "ptr memory")
    modes = Modes(f, target)
    with f.loop("%first", "%last") as loop:
        record = record_at(f, "%records", loop.index)
        call_record(f, modes, record, 0, f.load("i64", record, TILES, 8), "%memory")
        _check(f, record, loop.index, lambda: None)


def leader(module: Module, target: Target) -> None:
    """Tiles shared with helpers. Slots: records, job. The job's door is shut before and after."""
    f = module.kernel("ptr records", "ptr job")
    modes = Modes(f, target)
    with f.loop("%begin", "%end") as loop:
        record = record_at(f, "%records", loop.index)
        f.store("i64", 0, record, NEXT, 8)
        f.store("i64", 0, record, DONE, 8)
    door, current = f.at("%job", DOOR), f.at("%job", CURRENT)
    f.do(f"store atomic i64 -1, ptr {current} monotonic, align 8")
    f.do(f"store atomic i64 {OPEN}, ptr {door} release, align 8")

    def close() -> None:
        f.do(f"store atomic i64 -1, ptr {current} release, align 8")
        f.op(f"atomicrmw and ptr {door}, i64 {OPEN - 1} acq_rel")
        with f.repeat() as waiting:
            inside = f.op(f"load atomic i64, ptr {door} acquire, align 8")
            waiting.leave_if(f.compare("eq", inside, 0))
            _pause(f, target)

    with f.loop("%begin", "%end") as loop:
        record = record_at(f, "%records", loop.index)
        tiles = f.load("i64", record, TILES, 8)
        alone = f.compare("sle", tiles, 1)
        with f.when(alone):
            call_record(f, modes, record, 0, tiles, "%scratch")
        with f.when(f.op(f"xor i1 {alone}, true")):
            f.do(f"store atomic i64 {loop.index}, ptr {current} release, align 8")
            _claim(f, modes, record, tiles, "%scratch")
            with f.repeat() as waiting:
                done = f.op(f"load atomic i64, ptr {f.at(record, DONE)} acquire, align 8")
                waiting.leave_if(f.compare("eq", done, tiles))
                _pause(f, target)
        _check(f, record, loop.index, close)
    close()


def helper(module: Module, target: Target) -> None:
    """Helps at run after run; returns when none has come for 100 us. Slots: job, number."""
    f = module.kernel("ptr job", "i64 number")
    door, current = f.at("%job", DOOR), f.at("%job", CURRENT)
    modes = Modes(f, target)
    waited = f.op("alloca i64")
    last = f.op("alloca i64")
    f.store("i64", 0, waited, 0, 8)
    with f.repeat() as runs:
        rounds = f.load("i64", waited, 0, 8)
        runs.leave_if(f.compare("sgt", rounds, _PATIENCE[target.architecture]))
        quits = f.op(f"load atomic i64, ptr {f.at('%job', QUIT)} monotonic, align 8")
        runs.leave_if(f.compare("ne", quits, 0))
        f.store("i64", f.add(rounds, 1), waited, 0, 8)
        _pause(f, target)
        seen = f.op(f"load atomic i64, ptr {door} monotonic, align 8")
        # Whether there is a seat is asked again inside: the next run may have fewer.
        seat = f.compare("slt", "%number", f.load("i64", "%job", SEATS, 8))
        with f.when(f.op(f"and i1 {seat}, {f.compare('sge', seen, OPEN)}")):
            pair = f.op(f"cmpxchg ptr {door}, i64 {seen}, i64 {f.add(seen, 1)} acq_rel monotonic")
            with f.when(f.op(f"extractvalue {{ i64, i1 }} {pair}, 1")):
                f.store("i64", 0, waited, 0, 8)
                seats = f.load("i64", "%job", SEATS, 8)
                with f.when(f.compare("slt", "%number", seats)):
                    _help(f, modes, target, current, last)
                f.op(f"atomicrmw sub ptr {door}, i64 1 acq_rel")


def _help(f: Function, modes: Modes, target: Target, current: str, last: str) -> None:
    """Claims tiles of the current record, until there are no more records."""
    records = f.load("ptr", "%job", RECORDS, 8)
    stride = f.load("i64", "%job", STRIDE, 8)
    scratch = f.at(f.load("ptr", "%job", SCRATCH, 8), f.mul("%number", stride))
    f.store("i64", -1, last, 0, 8)
    with f.repeat() as work:
        now = f.op(f"load atomic i64, ptr {current} acquire, align 8")
        known = f.compare("eq", now, f.load("i64", last, 0, 8))
        with f.when(known):
            _pause(f, target)
        # Before the first record current is -1, as behind the last: only the door tells them apart.
        shut = f.op(f"load atomic i64, ptr {f.at('%job', DOOR)} monotonic, align 8")
        work.leave_if(f.compare("slt", shut, OPEN))
        fresh = f.op(f"xor i1 {known}, true")
        with f.when(f.op(f"and i1 {fresh}, {f.compare('sge', now, 0)}")):
            record = record_at(f, records, now)
            _claim(f, modes, record, f.load("i64", record, TILES, 8), scratch)
            f.store("i64", now, last, 0, 8)


def record_at(f: Function, records: str, number: str) -> str:
    """The address of a record."""
    return f.at(records, f.mul(number, RECORD))


def call_record(
    f: Function, modes: Modes, record: str, begin: str | int, end: str, scratch: str
) -> None:  # fmt: skip
    """Runs tiles of a record, in the mode that it asks for."""
    flush = f.compare("ne", f.load("i64", record, FLUSH, 8), 0)
    with f.when(flush):
        modes.suppress()
    code = f.load("ptr", record, KERNEL, 8)
    parameters = f.load("ptr", record, PARAMETERS, 8)
    f.do(f"call void {code}(ptr {parameters}, i64 {begin}, i64 {end}, ptr {scratch})")
    with f.when(flush):
        modes.restore()


def _claim(f: Function, modes: Modes, record: str, tiles: str, scratch: str) -> None:
    """Does tiles of a record, a few at a time, until all are claimed."""
    # Claims cost some 100 ns where threads compete: not more than 16 for each of them.
    threads = f.add(f.load("i64", "%job", SEATS, 8), 1)
    share = f.max(f.op(f"udiv i64 {tiles}, {f.mul(threads, _CLAIMS)}"), 1)
    with f.repeat() as claiming:
        begin = f.op(f"atomicrmw add ptr {f.at(record, NEXT)}, i64 {share} monotonic")
        claiming.leave_if(f.compare("sge", begin, tiles))
        end = f.min(f.add(begin, share), tiles)
        call_record(f, modes, record, begin, end, scratch)
        f.op(f"atomicrmw add ptr {f.at(record, DONE)}, i64 {f.sub(end, begin)} acq_rel")


def _check(f: Function, record: str, number: str, close: Callable[[], None]) -> None:
    """Ends the run if the record's kernel has refused its data."""
    status = f.load("i64", f.load("ptr", record, PARAMETERS, 8), 0, 8)
    with f.when(f.compare("ne", status, 0)):
        close()
        f.store("i64", f.add(number, 1), "%parameters", 0, 8)
        f.do("ret void")
        f.dead()


def _pause(f: Function, target: Target) -> None:
    """Lets the other hyper-thread go first."""
    if target.architecture == "x86_64":
        f.call("void", "llvm.x86.sse2.pause")
    else:
        f.call("void", "llvm.aarch64.hint", "i32 1")
