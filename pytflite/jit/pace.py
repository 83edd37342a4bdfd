"""Whether to share: measured, for two threads may well take longer than one."""

from __future__ import annotations

_BRIEF = 40e-6  # seconds: less than this is not worth sharing


class Pace:
    """Whether a stretch of a program is faster with helpers: tried, and again after a while.

    What is faster changes when others need the cores, so it is tried again soon; less and less
    often while the answer stays the same. Runs that should be faster and are not end the waiting.
    """

    __slots__ = ("_alone", "_end", "_late", "_runs", "_shared", "_shares", "_tries")

    ALONE, SHARED = 6, 14  # runs until the next stage begins
    PERIODS = 50, 2000  # runs from trial to trial, at first and at most
    LATE = 8  # shared runs in a row that take longer than one thread did

    def __init__(self) -> None:
        self._shares: bool | None = None
        self._tries = 0
        self._begin()

    def _begin(self) -> None:
        self._runs = self._late = 0
        self._alone = self._shared = float("inf")

    def _settle(self) -> None:
        """The trial is over."""
        shares = self._shared < self._alone
        self._tries = self._tries + 1 if shares == self._shares else 0
        self._shares = shares
        first, most = self.PERIODS
        self._end = self.SHARED + min(first << min(self._tries, 10), most)

    def shares(self) -> bool:
        """Whether the next run is to be shared."""
        if self._runs < self.ALONE:
            return False
        if self._runs < self.SHARED:
            return self._alone > _BRIEF
        return bool(self._shares)

    def settled_alone(self) -> bool:
        """Whether sharing has been tried, and the next run is not shared; counts the run if so."""
        if self._runs < self.SHARED or self._shares:
            return False
        self._count()
        return True

    def took(self, shared: bool, seconds: float) -> None:
        """Counts a run. Threads that count at the same time only blur the figures."""
        if self._runs >= self.SHARED:
            self._late = self._late + 1 if seconds > self._alone else 0
        elif shared:
            self._shared = min(self._shared, seconds)
        else:
            self._alone = min(self._alone, seconds)
        self._count()

    def _count(self) -> None:
        self._runs += 1
        if self._runs == self.SHARED:
            self._settle()
        elif self._runs > self.SHARED and (self._runs >= self._end or self._late >= self.LATE):
            self._begin()
