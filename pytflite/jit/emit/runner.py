"""The loops that run a program: kernel after kernel, in one call from Python.

records.py has the layout of what they read. `begin` and `end` say which records run. The first
kernel with a status other than 0 ends the run; the runner's own status is then that record's
number, plus 1.

`single` does all tiles in this thread. `leader` shares them with helpers, threads that are in
`helper` at the time; they meet at a Job.

    tiles of a record   | leader's      | helper 0's    | helper 1's    |
    claimed               ====>           =======>        ==>

Each thread has the same part of the tiles of every record, and begins there: tiles are mostly
lines of pictures, or rows, so that what it reads is what it wrote itself a record ago, and lies in
its own cache; from another core's a line takes some 50 ns. Then it claims what others have left.
There are no more than PARTS, so many threads have one together.
The leader never depends on a helper to come: it claims tiles like any other, and waits for those
only that were claimed. It shuts the door and waits until nobody is inside, so that a helper which
was asleep at the wrong moment can never touch the next run's counters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytflite.jit.ir import Function, Module
from pytflite.jit.records import (
    CLAIM,
    CLAIMED,
    CLAIMS,
    CURRENT,
    DOOR,
    FLUSH,
    KERNEL,
    OPEN,
    PARAMETERS,
    PARTS,
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

_SHARES = 8  # that a thread claims of a record's tiles, mostly: each claim takes its time

# Rounds that a helper waits for the next run: 50 to 300 us with x86's pause, which is slow.
_PATIENCE = {"x86_64": 5000, "aarch64": 30000}


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
    modes, tally = Modes(f, target), f.op("alloca i64")
    first = f.at(f.load("ptr", "%job", CLAIMS, 8), f.mul("%begin", CLAIMED))
    claims = f.mul(f.sub("%end", "%begin"), CLAIMED)
    f.call("void", "llvm.memset.p0.i64", f"ptr {first}", "i8 0", f"i64 {claims}", "i1 false")
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
            done = _claim(f, modes, record, loop.index, Thread("0", "%scratch", tally))
            with f.repeat() as waiting:
                count = f.op(f"load atomic i64, ptr {done} acquire, align 8")
                waiting.leave_if(f.compare("eq", count, tiles))
                _pause(f, target)
        _check(f, record, loop.index, close)
    close()


def helper(module: Module, target: Target) -> None:
    """Helps at run after run; returns when none has come for a while. Slots: job, number."""
    f = module.kernel("ptr job", "i64 number")
    door, current = f.at("%job", DOOR), f.at("%job", CURRENT)
    modes = Modes(f, target)
    waited, last, tally = (f.op("alloca i64") for _ in range(3))
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
                    _help(f, modes, target, current, (last, tally))
                f.op(f"atomicrmw sub ptr {door}, i64 1 acq_rel")


def _help(
    f: Function, modes: Modes, target: Target, current: str, own: tuple[str, str]
) -> None:  # fmt: skip
    """Claims tiles of the current record, until there are no more records."""
    last, tally = own
    records = f.load("ptr", "%job", RECORDS, 8)
    stride = f.load("i64", "%job", STRIDE, 8)
    scratch = f.at(f.load("ptr", "%job", SCRATCH, 8), f.mul("%number", stride))
    thread = Thread(f.add("%number", 1), scratch, tally)
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
            _claim(f, modes, record_at(f, records, now), now, thread)
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


class Thread(NamedTuple):
    """One that claims tiles.

    Attributes:
        number: among those of the run; 0 is the leader.
        scratch: its memory.
        tally: the address of a word that is its own.
    """

    number: str
    scratch: str
    tally: str


def _claim(f: Function, modes: Modes, record: str, number: str, thread: Thread) -> str:
    """Does tiles of a record until all are claimed; the address of the count of those done."""
    done = f.at(f.load("ptr", "%job", CLAIMS, 8), f.mul(number, CLAIMED))
    tiles = f.load("i64", record, TILES, 8)
    threads = f.add(f.load("i64", "%job", SEATS, 8), 1)
    parts = f.min(threads, PARTS)
    share = f.max(f.op(f"udiv i64 {tiles}, {f.mul(threads, _SHARES)}"), 1)
    f.store("i64", 0, thread.tally, 0, 8)
    with f.loop(0, parts) as loop:
        part = f.op(f"urem i64 {f.add(thread.number, loop.index)}, {parts}")
        first = f.op(f"udiv i64 {f.mul(tiles, part)}, {parts}")
        last = f.op(f"udiv i64 {f.mul(tiles, f.add(part, 1))}, {parts}")
        claimed = f.at(done, f.mul(f.add(part, 1), CLAIM))
        with f.repeat() as claiming:
            before = f.op(f"atomicrmw add ptr {claimed}, i64 {share} monotonic")
            begin = f.add(first, before)
            claiming.leave_if(f.compare("sge", begin, last))
            end = f.min(f.add(begin, share), last)
            call_record(f, modes, record, begin, end, thread.scratch)
            count = f.add(f.load("i64", thread.tally, 0, 8), f.sub(end, begin))
            f.store("i64", count, thread.tally, 0, 8)
    own = f.load("i64", thread.tally, 0, 8)
    with f.when(f.compare("ne", own, 0)):
        f.op(f"atomicrmw add ptr {done}, i64 {own} acq_rel")
    return done


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
