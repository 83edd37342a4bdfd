"""How many threads share a run: measured, for two may well take longer than one."""

from __future__ import annotations

_BRIEF = 40e-6  # seconds: less than this is not worth sharing


class Pace:
    """With how many threads a stretch of a program is fastest: tried, and again after a while.

    What is fastest changes when others need the cores, so it is tried again soon; less and less
    often while the answer stays the same. Runs that should be faster and are not end the waiting.

    Args:
        threads: at most; powers of two below are tried, too.
    """

    __slots__ = ("_best", "_end", "_late", "_least", "_runs", "_tries", "_ways")

    RUNS = 7  # of each number of threads in a trial
    PERIODS = 50, 2000  # runs from trial to trial, at first and at most
    LATE = 8  # shared runs in a row that take longer than one thread did

    def __init__(self, threads: int) -> None:
        powers = (1 << n for n in range(max(1, threads - 1).bit_length()))
        self._ways = *(n for n in powers if n < threads), threads
        self._best = 0
        self._tries = 0
        self._begin()

    def _begin(self) -> None:
        self._end = 0  # of what follows the trial; 0: this is the trial
        self._runs = self._late = 0
        self._least = [float("inf")] * len(self._ways)

    def _settle(self) -> None:
        """The trial is over."""
        best = self._ways[self._least.index(min(self._least))]
        self._tries = self._tries + 1 if best == self._best else 0
        self._best = best
        first, most = self.PERIODS
        self._end = self._runs + min(first << min(self._tries, 10), most)

    @property
    def threads(self) -> int:
        """How many the next run is to have."""
        return self._best if self._end else self._ways[self._runs // self.RUNS]

    def settled_alone(self) -> bool:
        """Whether the trial is over, and the next run is not shared; counts the run if so."""
        if not self._end or self._best > 1:
            return False
        self._count()
        return True

    def took(self, threads: int, seconds: float) -> None:
        """Counts a run. Threads that count at the same time only blur the figures."""
        if self._end:
            self._late = self._late + 1 if seconds > self._least[0] else 0
        elif threads in self._ways:
            way = self._ways.index(threads)
            self._least[way] = min(self._least[way], seconds)
        self._count()

    def _count(self) -> None:
        self._runs += 1
        if self._end:
            if self._runs >= self._end or self._late >= self.LATE:
                self._begin()
            return
        tried, within = divmod(self._runs, self.RUNS)
        brief = tried == 1 and self._least[0] <= _BRIEF
        if not within and (brief or tried >= len(self._ways)):
            self._settle()
