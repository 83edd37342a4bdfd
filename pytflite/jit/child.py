"""Child: a compiler's process, as its parent sees it; ended when it hangs.

Every second the process tells how many seconds of CPU time it has used ("beats", compiler.py), by
a thread of its own. So it hangs, for one of these reasons:

    nothing is heard for `patience` seconds                         it is stopped, or never began
    it tells of nothing but time, and uses none, for twice as long  it waits for ever
    it uses LONGEST seconds of CPU time for one kernel              it loops for ever

Seconds are rounds of waiting here, not what clocks say: a program that was itself stopped for a
night has not waited. Nor does the parent wait for a pipe that nobody empties.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from pytflite.jit.cache import code_version
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import Target

LONGEST = 600.0
_IDLE = 0.02  # seconds of CPU time that are none: telling it takes some
_WONDER = 5  # rounds without a word that are worth a thought
_LINGERS = 10.0  # seconds from its last word to its end


class Child:
    """One process.

    Args:
        command: what starts it, without its arguments.
        directory: of the cache.
        urgent: whether someone waits: otherwise it has the lowest priority.
        patience: in seconds.

    Attributes:
        pid: its number.
        hung: why it was ended; "" if it was not.

    Raises:
        OSError, ValueError: it cannot be started.
    """

    def __init__(self, command: list[str], directory: str, urgent: bool, patience: int) -> None:
        self._process: Any = _started(command, directory, urgent)
        self.pid: int = self._process.pid
        self.hung = ""
        self._patience = patience
        self._lock = threading.Lock()
        self._unsent = b""  # orders that the pipe did not take yet
        self._silent = 0  # rounds
        self._idle = 0  # beats
        self._used = 0.0  # seconds, when it last used some
        self._begun: float | None = None  # seconds, at the first beat after an event

    @property
    def wonders(self) -> bool:
        """Whether nothing was heard for a while."""
        return self._silent > _WONDER

    def send(self, orders: Mapping[int, tuple[Kernel, Target]]) -> None:
        """Sends orders, a line each; what the pipe does not take follows."""
        with self._lock:
            self._unsent += as_lines(orders)
            self._write()

    def _write(self) -> None:
        """A child that is gone is noticed by who listens to it."""
        while self._unsent:
            try:
                sent = os.write(self._process.stdin.fileno(), self._unsent)
            except BlockingIOError:
                return
            except (OSError, ValueError):
                sent = len(self._unsent)
            self._unsent = self._unsent[sent:]

    def events(self) -> Iterator[dict[str, Any]]:
        """What it tells, until it ends or is ended."""
        for line in self._lines():
            with suppress(ValueError, TypeError, KeyError):  # other things are printed, too
                told = json.loads(line)
                if told["event"] == "beats":
                    self._beats(float(told["seconds"]))
                else:
                    self._idle, self._begun = 0, None
                    yield told
        self._process.stdout.close()

    def _lines(self) -> Iterator[bytes]:
        told = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(told, select.POLLIN)
        rest = b""
        while not self.hung:
            if poll.poll(1000):
                self._silent = 0
                data = os.read(told, 1 << 16)
                if not data:
                    return
                *lines, rest = (rest + data).split(b"\n")
                yield from lines
            else:
                self._silent += 1
                if self._silent > self._patience:
                    self.hung = f"nothing was heard of it for {self._patience} s"
            with self._lock:
                self._write()
        self.kill()

    def _beats(self, seconds: float) -> None:
        """It tells of its CPU time."""
        if self._begun is None:
            self._begun = seconds
        self._idle += 1
        if seconds - self._used > _IDLE:
            self._used, self._idle = seconds, 0
        if self._idle > 2 * self._patience:
            self.hung = f"it did nothing for {self._idle} s"
        elif seconds - self._begun > LONGEST:
            self.hung = f"it took more than {LONGEST:.0f} s of CPU time"

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()

    def code(self) -> int:
        """How it ended, which it has nearly."""
        try:
            code = self._process.wait(_LINGERS)
        except subprocess.TimeoutExpired:
            self.kill()
            code = -9
        self._process.stdin.close()
        return int(code)

    def leave(self) -> None:
        """Lets it finish the kernel that it is at; whoever adopts it will wait for it."""
        self._process.stdin.close()
        self._process.returncode = 0

    def forget(self) -> None:
        """In a process that was forked: it is another's."""
        self.leave()
        self._process.stdout.close()


def python() -> list[str] | None:
    """What starts the compiler in a Python like this one; None where there is none to start."""
    name = os.path.basename(sys.executable or "").lower()
    if getattr(sys, "frozen", False) or not name.startswith(("python", "pypy")):
        return None
    if sys.platform in ("emscripten", "wasi", "ios", "android", "win32"):
        return None
    return [sys.executable, "-P", "-m", "pytflite.jit.compiler"]


def _started(command: list[str], directory: str, urgent: bool) -> Any:
    """A process that finds the modules that we find."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    paths = dict.fromkeys([*(p for p in sys.path if os.path.isabs(p)), root])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen(
        [*command, directory, code_version(), *(["urgent"] if urgent else [])],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        bufsize=0, env=environment, cwd=directory, process_group=0,
    )  # fmt: skip
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)
    return process


def as_lines(orders: Mapping[int, tuple[Kernel, Target]]) -> bytes:
    """Orders as lines of JSON."""
    lines = [
        json.dumps({
            "id": number, "emitter": kernel.emitter,
            "settings": kernel.settings, "target": target.name,
        })
        for number, (kernel, target) in orders.items()
    ]  # fmt: skip
    return "".join(f"{line}\n" for line in lines).encode()
