"""Builder: has kernels compiled by a child process (compiler.py), and hears what became of them.

A process has one builder. Its child starts when there is something to do and ends soon after; a
thread that ends with it reads what it tells. Should it crash, that costs speed alone: the kernel
at which it was is given up, and a new child goes on with the others. A child that hangs (child.py)
is ended, and has crashed. Where no child can be started, a thread of this process compiles. After a
fork, the new process has a child of its own.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from pytflite.jit.cache import Cache
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import BY_NAME, Target

Key = tuple[Kernel, Target]
Tell = Callable[..., None]
_CRASHES = 5  # so many in a row, and it is not the kernels
_HANG = 3  # as many crashes as a hang counts for
_PATIENCE = 0.5  # seconds
SILENCE = 30  # seconds: a child of the lowest priority may have to wait for its turn


class Builder:
    """Compiles into a cache.

    Args:
        cache: where images go.
        command: what starts the child, without its arguments; None for a thread instead.
        worker: what the thread uses, if not compiler.Worker.
        patience: seconds after which a child of which nothing is heard is ended.

    Attributes:
        failures: why there will be no such kernel.
        useless: why no kernel of a target works here.
        crashed: what is to be said about children that crashed, once.
        done: what was compiled, and not yet fetched by the library.
    """

    def __init__(
        self, cache: Cache, command: list[str] | None,
        worker: Callable[[Tell], Any] | None = None, patience: int = SILENCE,
    ) -> None:  # fmt: skip
        self.cache = cache
        self.command = command
        self._worker: Callable[[Tell], Any] = worker or self._usual
        self.failures: dict[Key, str] = {}
        self.useless: dict[str, str] = {}
        self.crashed: list[str] = []
        self.done: set[Key] = set()
        # Held by itself: an interrupt inside Condition.__enter__ would leave it locked.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._pending: dict[int, Key] = {}
        self._numbers: dict[Key, int] = {}
        self._child: Any = None
        self._patience = patience
        self._thread: threading.Thread | None = None
        self._at: int | None = None  # what the child is compiling
        self._testing = ""  # the target that the child tries out
        self._heard = False  # anything from this child
        self._crashes = 0
        self._number = 0
        atexit.register(self._exit)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def _usual(self, tell: Tell) -> Any:
        from pytflite.jit.compiler import Worker

        return Worker(self.cache, tell)

    # --- what the library asks ------------------------------------------------------------------

    def ask(self, keys: Iterable[Key], urgent: bool = False) -> None:
        """Has kernels compiled that are not on their way already.

        Args:
            keys: kernels and targets.
            urgent: whether someone waits: a child that is started now has no lower priority.
        """
        with self._lock:
            known = self._numbers.keys() | self.failures.keys()
            new = [key for key in dict.fromkeys(keys) if key not in known]
            for key in [key for key in new if key[1].name in self.useless]:
                self.failures[key] = self.useless[key[1].name]
                new.remove(key)
            for key in new:
                self._number += 1
                self._numbers[key] = self._number
                self._pending[self._number] = key
            if new:
                self._send(list(self._pending)[-len(new) :], urgent)

    def wait(self, keys: Iterable[Key]) -> None:
        """Returns when each is compiled, or known to fail."""
        keys = list(keys)
        with self._lock:
            while any(key in self._numbers for key in keys):
                if self._changed.wait(1.0):
                    continue
                thread = self._thread  # by now: another child may have been started meanwhile
                if not (thread and thread.is_alive()):
                    self._end_all("nothing is heard of the compiler any more")

    def busy(self, key: Key) -> bool:
        """Whether the kernel is on its way."""
        return key in self._numbers

    def close(self) -> None:
        """Ends the child, and the thread; what is not compiled is forgotten."""
        child, thread = self._let_go()
        if child is not None:
            child.kill()
            child.code()
        if thread is not None:
            thread.join()

    def _exit(self) -> None:
        """At the end of the process. The child sees it; it may finish the kernel that it is at."""
        child, thread = self._let_go()
        if child is not None:
            if self.cache.temporary or child.wonders:
                child.kill()
            child.leave()
        if thread is not None:
            thread.join(_PATIENCE)

    def _let_go(self) -> tuple[Any, threading.Thread | None]:
        with self._lock:
            child, thread = self._child, self._thread
            self._pending.clear()
            self._numbers.clear()
            self._child = self._thread = None
            self._changed.notify_all()
        return child, thread

    # --- the child ------------------------------------------------------------------------------

    def _send(self, numbers: Iterable[int], urgent: bool) -> None:
        """Gives orders to the child, or to a new one. Under the lock."""
        if self._child is None and self.command is not None:
            try:
                from pytflite.jit.child import Child

                self._child = Child(self.command, self.cache.directory, urgent, self._patience)
            except (OSError, ImportError, ValueError):
                self.command = None
            else:
                self._heard = False
                self._run(self._listen, self._child)
        if self._child is not None:
            self._child.send({n: self._pending[n] for n in numbers})
        elif self._thread is None:
            self._run(self._compile)

    def _run(self, function: Callable[..., None], *arguments: Any) -> None:
        self._thread = threading.Thread(
            target=function, args=arguments, name="pytflite-compiler", daemon=True
        )
        self._thread.start()

    def _listen(self, child: Any) -> None:
        """The thread that hears a child, until it ends."""
        for event in child.events():
            with suppress(TypeError):  # none of ours
                self._tell(**event)
        with self._lock:
            if self._child is not child:
                return  # let go
            code = child.code()
            self._child = self._thread = None
            if child.hung:
                self._hang(child.hung)
            elif code or not self._heard:
                self._crash(code)
            self._at, self._testing = None, ""
            if self._pending:
                self._send(list(self._pending), urgent=True)
            self._changed.notify_all()

    def _crash(self, code: int) -> None:
        """Gives up what the child was at. Under the lock."""
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._crashes += 1
        if self._testing:
            reason = f"the process that tried out compiled code ended by {how}"
            self._end_target(self._testing, reason)
            self.crashed.append(reason)
        elif self._at is not None:
            kernel = self._pending[self._at][0]
            self.crashed.append(f"the compiler crashed ({how}) at {kernel.label}")
            self._end(self._at, f"the compiler crashed at it ({how})")
        elif not self._heard:
            self.command = None  # it does not even start: a thread will do
        elif self._crashes >= _CRASHES:
            self.crashed.append(f"the compiler crashed {self._crashes} times ({how})")
            self._end_all(self.crashed[-1])

    def _hang(self, reason: str) -> None:
        """Gives up what the child was at, or all if that does not help. Under the lock."""
        if not self._pending:
            return  # it was idle, and somebody stopped it
        self._crashes += _HANG
        at = "" if self._at is None else f" at {self._pending[self._at][0].label}"
        self.crashed.append(f"the compiler hung{at}: {reason}")
        if self._at is None:
            for target in BY_NAME:
                self._end_target(target, self.crashed[-1])
        elif self._crashes >= _CRASHES:
            self._end_all(self.crashed[-1])
        else:
            self._end(self._at, f"the compiler hung at it: {reason}")

    # --- what is told ---------------------------------------------------------------------------

    def _tell(
        self, event: str, id: int = 0, target: str = "", reason: str = "", anywhere: bool = False
    ) -> None:
        """Something happened in the child, or in the thread that stands for it."""
        with self._lock:
            self._heard = True
            self._testing = target if event == "tests" else ""
            if event == "begins":
                self._at = id
            elif event in ("done", "failed"):
                self._at = None
                self._crashes = 0
                self._end(id, reason)
            elif event == "useless":
                for name in BY_NAME if anywhere else (target,):
                    self._end_target(name, reason)

    def _end(self, number: int, reason: str = "") -> None:
        key = self._pending.pop(number, None)
        if key is None:
            return  # closed meanwhile
        if reason:
            self.failures[key] = reason
        else:
            self.done.add(key)
        del self._numbers[key]
        self._changed.notify_all()

    def _end_all(self, reason: str) -> None:
        for number in list(self._pending):
            self._end(number, reason)

    def _end_target(self, target: str, reason: str) -> None:
        self.useless[target] = reason
        for number, key in list(self._pending.items()):
            if key[1].name == target:
                self._end(number, reason)

    # --- without a child ------------------------------------------------------------------------

    def _compile(self) -> None:
        """The thread that compiles where there is no child."""
        from pytflite.jit.compiler import Order

        worker = self._worker(self._tell)
        while True:
            with self._lock:
                if not self._pending or self._thread is not threading.current_thread():
                    if self._thread is threading.current_thread():
                        self._thread = None
                    break
                number, (kernel, target) = next(iter(self._pending.items()))
            worker.do(Order(False, number, kernel, target))
        worker.end()

    def _forked(self) -> None:
        """In a new process: the child is the old one's, and its thread is not here."""
        child = self._child
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._pending, self._numbers = {}, {}
        self._child = self._thread = self._at = None
        self._testing = ""
        if child is not None:
            child.forget()
