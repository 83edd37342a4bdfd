"""Small inferences in several threads, for as long as wanted: nothing may grow.

python -m tests.fuzz.soak --seconds 3600 [--threads 4] [--runs 10000000] [--backend jit]
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import os
import sys
import threading
import time
from typing import Any, NamedTuple

import numpy as np

from pytflite import Interpreter, TFLiteError
from pytflite.tools.doodle import model_path
from tests.graphs import Graph, build


class Use(NamedTuple):
    """What the process holds."""

    bytes: int
    handles: int
    threads: int
    objects: int


def use() -> Use:
    """Of this process, after the garbage has been collected (Linux; elsewhere less is known)."""
    gc.collect()
    resident = handles = 0
    with contextlib.suppress(OSError):
        with open("/proc/self/statm") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        handles = len(os.listdir("/proc/self/fd"))
    return Use(resident, handles, threading.active_count(), len(gc.get_objects()))


_BATCHES = range(1, 13)


class Load:
    """Threads that run: interpreters of their own, shared ones, opening, and failing.

    Args:
        threads: how many.
        most: inferences, all threads together (a little more).
        backend: "numpy", or "jit": all that runs is compiled.
    """

    def __init__(self, threads: int, most: int, backend: str) -> None:
        self.options: Any = {"backend": backend, "wait": True}
        self.small = _chooser()
        self.shared = Interpreter(model_path("int8"), **self.options)
        self.chooser = Interpreter(self.small, **self.options)
        for interpreter in (self.shared, self.chooser):
            used = {row.backend for row in interpreter.backend_report()}
            assert used == {backend}, interpreter.backend_report()
        for size in _BATCHES:  # some have kernels of their own, which a process compiles
            self.shared.run(np.zeros((size, 28, 28, 1), np.float32))
        self.threads = threads
        self.most = most
        self.done = [0] * threads
        self.errors: list[BaseException] = []

    @property
    def runs(self) -> int:
        """Inferences so far."""
        return sum(self.done)

    def run(self, seconds: float) -> None:
        """All threads, until the time is over."""
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=self._work, args=(n, until)) for n in range(self.threads)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _work(self, number: int, until: float) -> None:
        rng = np.random.default_rng(number)
        picture = rng.random((1, 28, 28, 1), np.float32)
        try:
            expected = self.shared.run(picture)
            mine = Interpreter(self.small, **self.options)
            mine.allocate_tensors()
            turn = 0
            while time.monotonic() < until and self.runs < self.most:
                turn += 1
                mine.set_tensor(0, np.int32(7))
                for _ in range(20):
                    mine.invoke()
                assert int(mine.get_tensor(mine.get_output_details()[0]["index"])) == 70
                assert int(self.chooser.run(np.int32(5))) == 50
                with contextlib.suppress(TFLiteError):
                    self.chooser.run(np.int32(10))
                    raise AssertionError("there is no such entry")
                self.done[number] += 22
                if turn % 50 == 0:
                    self._vary(picture, expected, turn // 50)
                    self.done[number] += 2
        except BaseException as error:
            self.errors.append(error)

    def _vary(self, picture: Any, expected: Any, turn: int) -> None:
        """A network, an interpreter that comes and goes, and plans that do."""
        assert np.array_equal(self.shared.run(picture), expected)
        with Interpreter(self.small, **self.options) as own:
            own.allocate_tensors()
        batch = np.repeat(picture, _BATCHES[turn % len(_BATCHES)], 0)
        assert self.shared.run(batch).shape[0] == len(batch)


def _chooser() -> bytes:
    """An entry of ten, by its number; refuses others."""
    graph = Graph()
    x = graph.input("x", (), "INT32")
    entries = graph.constant(np.arange(0, 100, 10, dtype=np.int32))
    graph.output(graph.op("GATHER", [entries, x], (), "INT32"))
    return build(graph).to_bytes()


def soak(
    seconds: float, threads: int, most: int = 1 << 62, backend: str = "numpy"
) -> tuple[Use, Use, int]:
    """What is held after a beginning, and at the end, and how many inferences there were."""
    load = Load(threads, most, backend)
    load.run(min(seconds / 4, 60))
    before = use()
    load.run(seconds - min(seconds / 4, 60))
    after = use()
    if load.errors:
        raise load.errors[0]
    return before, after, load.runs


def grown(before: Use, after: Use) -> list[str]:
    """What has grown by more than chance; empty if all is well."""
    slack = Use(24 << 20, 0, 0, 2000)
    return [
        f"{name}: {was} -> {now}"
        for name, was, now, more in zip(Use._fields, before, after, slack, strict=True)
        if now > was + more
    ]


def main() -> int:
    """The long form."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--runs", type=int, default=1 << 62, help="stop when so many are done")
    parser.add_argument("--backend", choices=("numpy", "jit"), default="numpy")
    options = parser.parse_args()
    start = time.monotonic()
    before, after, runs = soak(options.seconds, options.threads, options.runs, options.backend)
    print(f"{runs} inferences in {options.threads} threads, {time.monotonic() - start:.0f} s, "
          f"{options.backend}\nbefore {before}\nafter  {after}")  # fmt: skip
    problems = grown(before, after)
    print("\n".join(problems) or "nothing grew")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
