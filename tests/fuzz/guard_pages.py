"""Arrays between pages that nobody may touch: who reads or writes beside them dies, in a child.

    x, y = place(x, END, writable=False), place(y, END)
    in_child(lambda note: kernel(x.array.ctypes.data, y.array.ctypes.data, size))
    assert x.intact() and y.intact()

What a child writes into placed arrays, its parent sees. Linux and other systems with mprotect.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import mmap
import os
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

START, END = "start", "end"  # at which edge of its pages an array lies
EDGES = (START, END)
_NOTHING, _READ, _WRITE = 0, 1, 2  # PROT_NONE, PROT_READ, PROT_WRITE
_FILL = 0xA5
_NOTE = 4096
AVAILABLE = sys.platform != "win32" and hasattr(os, "fork")


class DiedError(AssertionError):
    """A child did not come back."""


class Placed:
    """A copy of an array that touches a guard page, and another guard page beyond its rest.

    Args:
        array: what is copied.
        edge: START or END.
        writable: whether anybody may write into it.
        alignment: of its address, where it lies at the end; what that leaves is watched, too.
    """

    def __init__(
        self, array: np.ndarray[Any, Any], edge: str, *, writable: bool = True, alignment: int = 1
    ) -> None:
        page = mmap.PAGESIZE
        size = array.nbytes
        inner = max(-(-(size + alignment - 1) // page), 1) * page
        memory = mmap.mmap(-1, inner + 2 * page)  # shared with children
        self._inside = np.frombuffer(memory, np.uint8)[page : page + inner]
        self._inside[:] = _FILL
        self._start = 0 if edge == START else (inner - size) // alignment * alignment
        self.array = self._inside[self._start : self._start + size].view(array.dtype)
        self.array = self.array.reshape(array.shape)
        self.array[...] = array
        base = self._inside.ctypes.data - page
        _protect(base, page, _NOTHING)
        _protect(base + page + inner, page, _NOTHING)
        if not writable:
            _protect(base + page, inner, _READ)

    def intact(self) -> bool:
        """Whether what shares its pages is as it was."""
        end = self._start + self.array.nbytes
        beside = self._inside[: self._start], self._inside[end:]
        return all(bool((part == _FILL).all()) for part in beside)


def place(
    array: np.ndarray[Any, Any], edge: str, *, writable: bool = True, alignment: int = 1
) -> Placed:
    """A copy of an array at the edge of what may be touched."""
    return Placed(array, edge, writable=writable, alignment=alignment)


def in_child(work: Callable[[Callable[[str], None]], object], seconds: float = 60) -> None:
    """Does work in a child process; it is given a function that notes what it is about to do.

    Raises:
        DiedError: it died of a signal, raised an exception, or took too long. Says the last note.
    """
    notes = mmap.mmap(-1, _NOTE)

    def note(text: str) -> None:
        notes[:] = text.encode(errors="backslashreplace")[-_NOTE:].ljust(_NOTE, b"\0")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside idle threads
        child = os.fork()
    if child == 0:
        _work_and_exit(work, note)
    ended = _wait(child, seconds)
    said = notes[:].rstrip(b"\0").decode(errors="replace")
    if os.WIFSIGNALED(ended):
        number = os.WTERMSIG(ended)
        raise DiedError(f"{signal.Signals(number).name} at {said!r}")
    if os.WEXITSTATUS(ended):
        raise DiedError(said)


def _work_and_exit(work: Callable[[Callable[[str], None]], object], note: Any) -> None:
    """The child's life."""
    faulthandler.disable()  # to die is what is asked of it, not to tell
    for number in (signal.SIGSEGV, signal.SIGBUS):
        signal.signal(number, signal.SIG_DFL)
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    status = 0
    try:
        work(note)
    except BaseException:
        note(traceback.format_exc())
        status = 1
    finally:
        os._exit(status)


def _wait(child: int, seconds: float) -> int:
    """Its status; kills it when the time is over."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _protect(address: int, size: int, how: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if library.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), how) != 0:
        raise OSError(ctypes.get_errno(), "mprotect")
