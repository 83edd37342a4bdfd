"""Forking: what a process has to do that forks while threads of it run models.

Locks that other threads hold would stay locked in the child for ever. The house's own are made anew
there. Those of modules that are being loaded are Python's: what plans loads many modules, so a fork
waits until no engine plans, and until no module of ours is being loaded for something else.
"""

from __future__ import annotations

import os
import sys
import weakref
from _thread import RLock
from time import monotonic, sleep
from typing import Protocol

_PACKAGE = "pytflite."
_LONGEST = 2.0  # seconds that a fork waits, for who plans may wait for who forks


class Engine(Protocol):
    """What is told of a fork."""

    def pause(self, seconds: float) -> bool:
        """Keeps other threads from planning, if none plans within that time."""
        ...

    def resume(self) -> None:
        """Lets them plan again."""
        ...

    def begin_anew(self) -> None:
        """In the child: there are no other threads."""
        ...


_engines: weakref.WeakSet[Engine] = weakref.WeakSet()
_forking = RLock()  # one thread at a time, from before to after
_paused: list[Engine] = []


def tell(engine: Engine) -> None:
    """Tells an engine of forks from now on."""
    _engines.add(engine)


def _before() -> None:
    _forking.acquire()
    end = monotonic() + _LONGEST
    _paused.extend(engine for engine in list(_engines) if engine.pause(max(0, end - monotonic())))
    while _loads() and monotonic() < end:
        sleep(0.0005)


def _loads() -> bool:
    """Whether some thread is in the middle of loading a module of this package."""
    modules = [module for name, module in sys.modules.copy().items() if name.startswith(_PACKAGE)]
    specs = (getattr(module, "__spec__", None) for module in modules)
    return any(getattr(spec, "_initializing", False) for spec in specs)


def _in_parent() -> None:
    while _paused:
        _paused.pop().resume()
    _forking.release()


def _in_child() -> None:
    global _forking
    _forking = RLock()
    _paused.clear()
    for engine in list(_engines):
        engine.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
