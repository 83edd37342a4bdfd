"""Threads that share the tiles of a run (emit/runner.py tells how).

There is one team in a process, for one run at a time: a run that finds it busy does all its tiles
itself. Helpers wait in native code for some 100 us after a run, then in Python until they are
woken; a run never waits for one to wake.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from pytflite.jit.records import ENTRY, JOB, QUIT, RECORDS, SEATS
from pytflite.plan.alignment import aligned


class Team:
    """Helpers, and the job at which they meet the run's own thread."""

    def __init__(self) -> None:
        self.job = aligned(JOB).view(np.int64)
        self.job[:] = 0
        self._busy = threading.Lock()
        self._helpers: list[_Helper] = []

    def try_begin(self, threads: int, entry: int) -> bool:
        """Takes the team for a run of so many threads, helpers awake or on their way; or not."""
        if not self._busy.acquire(blocking=False):
            return False
        while len(self._helpers) < threads - 1:
            self._helpers.append(_Helper(self.job, len(self._helpers), ENTRY(entry)))
        for helper in self._helpers[: threads - 1]:
            helper.wake()
        return True

    def seat(self, records: int, claims: int, scratch: int, stride: int, threads: int) -> None:
        """Says what the next run is."""
        self.job[RECORDS // 8 : SEATS // 8 + 1] = records, claims, scratch, stride, threads - 1

    def end(self) -> None:
        """Gives the team back."""
        self._busy.release()

    def close(self) -> None:
        """Sends the helpers home, and waits for them."""
        self.job[QUIT // 8] = 1
        for helper in self._helpers:
            helper.wake()
            helper.join()


class _Helper:
    """A thread that helps at runs."""

    def __init__(self, job: Any, number: int, entry: Callable[..., Any]) -> None:
        self._job = job
        self._parameters = np.array([0, job.ctypes.data, number], np.int64)
        self._entry = entry
        self._bell = threading.Lock()  # open once it has been rung
        self._bell.acquire()
        self._thread = threading.Thread(target=self._work, name="pytflite helper", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._job[QUIT // 8]:
            self._entry(self._parameters.ctypes.data, 0, 0, None)
            self._bell.acquire()

    def wake(self) -> None:
        """Has the thread look for a run: if it sleeps, or is just about to."""
        if self._bell.locked():
            self._bell.release()

    def join(self) -> None:
        """Waits until the thread has ended."""
        self._thread.join(timeout=1)


TEAM = Team()


def _begin_anew() -> None:
    """Threads do not outlive a fork."""
    global TEAM
    TEAM = Team()


def team() -> Team:
    """The team of this process."""
    return TEAM


atexit.register(lambda: TEAM.close())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
