"""Cases in a process of its own, with little memory and an alarm for each.

Writes the number of the case that it is about to run into a shared file, so that whoever watches
knows which one it died of; verdicts go to standard output, a JSON object a line.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import struct
import sys
import time
from collections import Counter
from typing import Any

from tests.fuzz.case import FAILED, Verdict, definitions, draw, judge, where
from tests.fuzz.seeds import GRAPHS, seeds

try:
    import resource
except ImportError:  # Windows has neither limits nor alarms: the watcher's patience has to do
    resource = None  # type: ignore[assignment]

MEMORY = 1 << 30  # beyond what the process takes once all is loaded
SECONDS = 20  # of processor time, a case
BATCH = 200


class TooLongError(BaseException):
    """The alarm. Not an Exception: nothing in between may handle it."""


def _alarm(_signal: int, _frame: Any) -> None:
    raise TooLongError


class Batch:
    """What is counted until it is told."""

    def __init__(self) -> None:
        self.tally: Counter[str] = Counter()
        self.slowest = (0.0, 0)
        self.memory = (0, 0)
        self.clock = time.monotonic()
        self.processor = time.process_time()

    def add(self, number: int, kind: str, seconds: float, memory: int) -> None:
        self.tally[kind] += 1
        self.slowest = max(self.slowest, (seconds, number))
        if memory > self.memory[0]:
            self.memory = (memory, number)

    def tell(self, following: int) -> None:
        _say({
            "tally": self.tally, "next": following, "slowest": self.slowest, "memory": self.memory,
            "clock": time.monotonic() - self.clock,
            "processor": time.process_time() - self.processor,
        })  # fmt: skip


class Peak:
    """The most that this process held since `begin` (Linux; elsewhere nothing is known)."""

    def __init__(self) -> None:
        self.known = os.access("/proc/self/clear_refs", os.W_OK)
        self.before = 0

    def begin(self) -> None:
        if self.known:
            with open("/proc/self/clear_refs", "wb", buffering=0) as file:
                file.write(b"5")  # the high-water mark begins anew
            self.before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def bytes(self) -> int:
        if not self.known:
            return 0
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self.before) << 10


def main(seed: int, start: int, operator: str | None, until: float, count: int,
         backend: str, progress: str) -> None:  # fmt: skip
    """Runs cases from `start` on until the time `until`, or `count` of them."""
    definitions()
    for data in seeds()[GRAPHS]:
        judge(data, backend=backend)  # so that compilers, too, are loaded before memory is counted
    if resource is not None:
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
        signal.signal(signal.SIGPROF, _alarm)
    with open(progress, "r+b") as file:
        place = mmap.mmap(file.fileno(), 8)
    batch, peak = Batch(), Peak()
    number = start
    while time.time() < until and number < start + count:
        struct.pack_into("<q", place, 0, number)
        case = draw(seed, number, operator)
        peak.begin()
        began = time.process_time()
        verdict = _timed(case.data, backend)
        kind = f"{verdict.kind} {verdict.code}".strip() if case.data else "no file"
        batch.add(number, f"{case.origin}: {kind}", time.process_time() - began,
                  peak.bytes())  # fmt: skip
        if verdict.kind == FAILED:
            _say({"failed": number, "code": verdict.code, "where": verdict.where})
        number += 1
        if (number - start) % BATCH == 0:
            batch.tell(number)
            batch = Batch()
    batch.tell(number)


def _timed(data: bytes, backend: str) -> Verdict:
    if resource is None:
        return judge(data, backend=backend)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return judge(data, backend=backend)
    except TooLongError as error:
        return Verdict(FAILED, "slow", where(error))
    except MemoryError as error:
        return Verdict(FAILED, "memory", where(error))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    main(**options)
