"""Patience: when a new process begins to compile.

A compiler beside them slows down the runs of a program, by a third where two threads share a core.
A program that runs a model a few times and ends would pay that for nothing, so the first runs are
let alone.
"""

from __future__ import annotations

import time

RUNS = 10
SECONDS = 1.0


class Patience:
    """Counts runs, and looks at the clock."""

    def __init__(self) -> None:
        self._runs = 0
        self._begun: float | None = None

    def is_over(self) -> bool:
        """Whether RUNS runs, or SECONDS since the first, are over. Called after each of them."""
        now = time.monotonic()
        if self._begun is None:
            self._begun = now
        self._runs += 1
        return self._runs >= RUNS or now - self._begun >= SECONDS


PATIENCE = Patience()  # of this process
