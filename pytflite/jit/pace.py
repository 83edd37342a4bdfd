"""How many threads share a run: measured, for two may well take longer than one."""

from __future__ import annotations

_BRIEF = 40e-6  # seconds: less than this is not worth sharing


class Pace:
    """With how many threads a stretch of a program is fastest: tried, and again after a while.

    What is fastest changes when others need the cores, so it is tried again soon; less and less
    often while the answer stays the same, and is clear. Runs that should be faster and are not end
    the waiting.

    Args:
        threads: at most; powers of two below are tried, too.
    """

    __slots__ = ("_best", "_end", "_late", "_least", "_period", "_runs", "_spent", "_way", "_ways")

    RUNS = 2, 7  # of each number of threads in a trial, at least and at most ...
    ENOUGH = 0.02  # ... and after so many seconds no more than at least
    PERIODS = 0.25, 8.0  # seconds from trial to trial, at first and at most ...
    MOST = 2000  # ... and runs
    CLEAR = 1.1  # how much longer the others take, at least
    LATE = 4  # shared runs in a row that take longer than one thread did

    def __init__(self, threads: int) -> None:
        powers = (1 << n for n in range(max(1, threads - 1).bit_length()))
        self._ways = *(n for n in powers if n < threads), threads
        self._best = 0
        self._period = 0.0
        self._begin()

    def _begin(self) -> None:
        self._end = 0  # of what follows the trial; 0: this is the trial
        self._way = self._runs = self._late = 0
        self._spent = 0.0
        self._least = [float("inf")] * len(self._ways)

    def _settle(self) -> None:
        """The trial is over."""
        least = min(self._least)
        best = self._ways[self._least.index(least)]
        clear = sorted(self._least)[1] > self.CLEAR * least
        first, most = self.PERIODS
        same = best == self._best and clear
        self._period = min(2 * self._period, most) if same else first
        self._best = best
        self._runs = 0
        self._end = max(self.RUNS[1], int(min(self._period / max(least, 1e-9), self.MOST)))

    @property
    def threads(self) -> int:
        """How many the next run is to have."""
        return self._best if self._end else self._ways[self._way]

    def settled_alone(self) -> bool:
        """Whether the trial is over, and the next run is not shared; counts the run if so."""
        if not self._end or self._best > 1:
            return False
        self._runs += 1
        if self._runs >= self._end:
            self._begin()
        return True

    def took(self, threads: int, seconds: float) -> None:
        """Counts a run. Threads that count at the same time only blur the figures."""
        self._runs += 1
        if self._end:
            self._late = self._late + 1 if seconds > self._least[0] else 0
            if self._runs >= self._end or self._late >= self.LATE:
                self._begin()
        elif threads == self._ways[self._way]:
            self._least[self._way] = min(self._least[self._way], seconds)
            self._spent += seconds
            least, most = self.RUNS
            if self._runs >= most or (self._runs >= least and self._spent >= self.ENOUGH):
                self._next()

    def _next(self) -> None:
        """Goes on to the next number of threads."""
        if self._least[0] <= _BRIEF or self._way + 1 == len(self._ways):
            self._settle()
        else:
            self._way += 1
            self._runs, self._spent = 0, 0.0
