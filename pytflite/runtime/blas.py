"""Bounding the threads of NumPy's matrix product while a model runs.

OpenBLAS starts a thread per core and lets them spin; on a machine that is busy a small product
then takes thirty times as long. A run therefore sets the number of threads that the interpreter
was made for (one, if not told otherwise; never more than there are processors for this process, for
programs ask for four anywhere) and puts back what was there. Where NumPy multiplies with another
library nothing is changed.
"""

from __future__ import annotations

import os
import weakref
from _thread import allocate_lock  # threading.Lock, without what takes half a millisecond
from collections.abc import Callable
from typing import Any

import numpy as np

# The names under which builds of OpenBLAS export the pair get, set.
_PREFIXES = ("scipy_openblas", "openblas")
_SUFFIXES = ("64_", "_64_", "64", "")


class Running:
    """Stands for one run, for as long as its frame lives."""

    __slots__ = ("__weakref__",)


class BlasThreads:
    """Is entered for each run. Runs may overlap and nest.

    The setting is the process's: where runs of several interpreters overlap, the first that
    entered decides, and the last that leaves restores. A run that an interrupt kept from leaving
    is forgotten with its frame, and the next one restores.
    """

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._runs: weakref.WeakSet[Running] = weakref.WeakSet()
        self._before: int | None = None  # while it is not ours
        self._library: tuple[Callable[[], int], Callable[[int], None]] | None = None
        self._searched = False

    def enter(self, run: Running, threads: int) -> None:
        """Begins a run with this many threads."""
        with self._lock:
            if not self._searched:
                self._library = _find()
                self._searched = True
            if not self._runs and self._library is not None:
                get, set_ = self._library
                present = get()
                if self._before is None:
                    self._before = present
                wanted = min(threads, _processors())
                if present != wanted:
                    set_(wanted)
            self._runs.add(run)

    def leave(self, run: Running) -> None:
        """Ends a run, if it began."""
        with self._lock:
            self._runs.discard(run)
            if not self._runs:
                self._restore()

    def _restore(self) -> None:
        if self._before is not None and self._library is not None:
            get, set_ = self._library
            if get() != self._before:
                set_(self._before)
        self._before = None

    def begin_anew(self) -> None:
        """In the child of a fork: whatever ran was in threads that are no more."""
        self._lock = allocate_lock()
        self._runs = weakref.WeakSet()
        self._restore()

    @property
    def busy(self) -> bool:
        """Whether a run is under way."""
        return bool(self._runs)

    @property
    def controlled(self) -> bool:
        """Whether the library was found (after the first run)."""
        return self._library is not None


def _processors() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _find() -> tuple[Callable[[], int], Callable[[int], None]] | None:
    """The functions of the OpenBLAS that comes with NumPy, or None."""
    try:
        import ctypes
    except ImportError:  # Pyodide's and other builds without it
        return None
    # os.path, for pathlib takes six milliseconds to import.
    package = os.path.dirname(np.__file__)
    beside = os.path.join(os.path.dirname(package), "numpy.libs")
    for folder in (beside, os.path.join(package, ".dylibs"), os.path.join(package, ".libs")):
        names = os.listdir(folder) if os.path.isdir(folder) else []
        for path in (os.path.join(folder, n) for n in sorted(names) if "openblas" in n):
            try:
                # PyDLL keeps the GIL, so that no fork falls into a call that holds a lock there.
                library: Any = ctypes.PyDLL(path)  # loaded already: this finds it again
            except OSError:
                continue
            for prefix in _PREFIXES:
                for suffix in _SUFFIXES:
                    get = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
                    set_ = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
                    if get is not None and set_ is not None:
                        set_.argtypes, set_.restype = [ctypes.c_int], None
                        return get, set_
    return None


BLAS = BlasThreads()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=BLAS.begin_anew)
