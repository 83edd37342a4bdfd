"""The compiler's process: `python -m pytflite.jit.compiler directory version`.

Kernels come in, a line of JSON each: {"id": 7, "emitter": "gemm.float32", "settings": [["rows",
14]], "target": "avx512"}. For each, a line goes out when its turn comes, {"id": 7, "event":
"begins"}, and one when its image is in the directory, "done", or will never be, "failed" with a
reason. Before the first kernel of a target is a test of our own (trial.py): if that does not run,
{"event": "useless", "target": ..., "reason": ...}, and "anywhere": true if no other will, either.
Every second {"event": "beats", "seconds": ...} tells that the process lives, and its CPU time.

The process has the lowest priority unless its parent waits for it. It ends when its input does,
that is with its parent: after the kernel that it is at, so that programs which run for a moment
find some more each time. Without work it ends after some seconds.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from pytflite.jit.cache import Cache, code_version
from pytflite.jit.housekeeping import trim
from pytflite.jit.image import NotExecutableError
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import BY_NAME, Target
from pytflite.jit.trial import SELF_TEST, self_test

_IDLE = 3.0  # seconds
_BEAT = 1.0
Tell = Callable[..., None]


class Order(NamedTuple):
    """A kernel to be compiled; those of Numba, which takes its time to load, come last."""

    late: bool
    number: int
    kernel: Kernel
    target: Target


def order(line: bytes) -> Order:
    """What a line of input asks for."""
    from pytflite.jit.declaration import is_python

    told = json.loads(line)
    settings = tuple((name, value) for name, value in told["settings"])
    what = Kernel(told["emitter"], settings)
    return Order(is_python(what), told["id"], what, BY_NAME[told["target"]])


class Worker:
    """Compiles orders into a cache.

    Args:
        cache: where images go.
        tell: is told what happens.
        version: code_version() of who orders.
    """

    def __init__(self, cache: Cache, tell: Tell, version: str = "") -> None:
        self._cache = cache
        self._version = version or code_version()
        self._tell = tell
        self._useful: dict[Target, bool] = {}

    def do(self, order: Order) -> None:
        """Compiles one kernel, if its target works here at all."""
        if order.target not in self._useful:
            self._useful[order.target] = self._tested(order.target)
        if not self._useful[order.target]:
            return
        self._tell(id=order.number, event="begins")
        try:
            from pytflite.jit.compiling import compile_kernel

            image = compile_kernel(order.kernel, order.target)
            self._cache.store(order.kernel, order.target, image)
        except Exception as error:
            self._tell(id=order.number, event="failed", reason=_sentence(error))
        else:
            self._tell(id=order.number, event="done")

    def _tested(self, target: Target) -> bool:
        self._tell(event="tests", target=target.name)
        anywhere = True
        try:
            reason = "pytflite has changed since this process began"
            if self._version == code_version():
                reason, anywhere = self_test(target, self._cache), False
        except NotExecutableError as error:
            reason = str(error)
        except ImportError as error:
            reason = f"{error.name} cannot be imported ({error}): pip install pytflite[jit]"
        except Exception as error:
            reason, anywhere = _sentence(error), False
        if reason:
            self._tell(event="useless", target=target.name, reason=reason, anywhere=anywhere)
        return not reason

    def end(self) -> None:
        """Keeps the cache within its size."""
        trim(self._cache.directory)


def _sentence(error: Exception) -> str:
    return f"its compilation failed: {type(error).__name__}: {error}"


def main(directory: str, version: str, urgent: bool) -> None:
    """Reads orders from standard input until it ends, and tells on standard output.

    Args:
        directory: of the cache.
        version: code_version() of the parent, whose lowerings know no other kernels.
        urgent: whether someone waits.
    """
    if not urgent and hasattr(os, "nice"):
        os.nice(19)
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever else prints must not come between

    def tell(**event: Any) -> None:
        with suppress(OSError, ValueError):  # there is no parent any more
            output.write(json.dumps(event).encode() + b"\n")

    orders: queue.PriorityQueue[Order] = queue.PriorityQueue()

    ended = threading.Event()

    def read() -> None:
        for line in sys.stdin.buffer:
            orders.put(order(line))
        ended.set()
        output.close()
        orders.put(Order(False, -1, SELF_TEST, next(iter(BY_NAME.values()))))  # to be noticed

    def beat() -> None:
        while not ended.wait(_BEAT):
            tell(event="beats", seconds=time.process_time())

    threading.Thread(target=read, daemon=True).start()
    threading.Thread(target=beat, daemon=True).start()
    worker = Worker(Cache(directory), tell, version)
    while True:
        try:
            next_order = orders.get(timeout=_IDLE)
        except queue.Empty:
            break
        if ended.is_set():
            break
        worker.do(next_order)
    worker.end()
    os._exit(0)  # at once: nothing is to be cleaned up, and LLVM takes its time


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], "urgent" in sys.argv[3:])
