"""Roofline: how near each operator comes to what this machine can do at most.

    least time = max(multiply-accumulates / peak of arithmetic, bytes / bandwidth of memory)

Both are measured here, on one thread: arithmetic by kernels that multiply and add in registers
(jit/emit/peak.py), memory by copies of as many bytes, so that what fits into a cache is held to
that cache. The bytes of an operator are those of its inputs and outputs, each once.
"""

from __future__ import annotations

import ctypes
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from pytflite.jit.backend import working_target
from pytflite.jit.emit.peak import products
from pytflite.jit.kernel import kernel
from pytflite.jit.library import LIBRARY
from pytflite.jit.target import Target
from pytflite.plan.plan import Step

_KINDS = ("float32", "int8")
_ROUNDS = 100_000
_COPIES = tuple(1 << n for n in range(14, 27, 2))  # bytes, from 16 kB to 64 MB
_TRIES = 7


class Roof(NamedTuple):
    """What this machine can do.

    Attributes:
        macs: multiply-accumulates in a second, of float32 and of 8-bit integers.
        bandwidth: (bytes, bytes in a second) of copies, from small to large.
    """

    macs: dict[str, float]
    bandwidth: tuple[tuple[int, float], ...]

    def least_time(self, kind: str, macs: int, moved: int) -> float:
        """Seconds that a step takes at least."""
        speed = next((s for size, s in self.bandwidth if moved <= size), self.bandwidth[-1][1])
        return max(macs / self.macs[kind], moved / speed)


def measure_roof() -> Roof | None:
    """The roof of this machine; None where there are no compiled kernels."""
    kernels = {kind: kernel(f"peak.{kind}") for kind in _KINDS}
    target, _ = working_target()
    if target is None:
        return None
    LIBRARY.wait(kernels.values(), target)
    found = LIBRARY.find(kernels.values(), target)
    if len(found) < len(_KINDS):
        return None
    macs = {kind: _speed(target, kind, found[code]) for kind, code in kernels.items()}
    return Roof(macs, tuple((size, _copying(size)) for size in _COPIES))


def kind_of(step: Step) -> str:
    """Which products a step does: those of its weights' type."""
    specs = [spec for spec in step.input_specs if spec is not None]
    return "int8" if any(spec.dtype.name in ("INT8", "UINT8") for spec in specs) else "float32"


def _speed(target: Target, kind: str, address: int) -> float:
    entry = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)
    sums = np.full(64 * target.vector, 1, np.uint8)
    slots = np.array([0, sums.ctypes.data, _ROUNDS], np.int64)
    seconds = _best(lambda: entry(slots.ctypes.data))
    return _ROUNDS * products(target, kind) / seconds


def _copying(size: int) -> float:
    """Bytes read and written in a second by copies of half of `size`."""
    source, to = np.ones(size // 2, np.uint8), np.ones(size // 2, np.uint8)
    repeats = max(1, (1 << 24) // size)

    def copy() -> None:
        for _ in range(repeats):
            np.copyto(to, source)

    return repeats * size / _best(copy)


def _best(call: Any) -> float:
    """Seconds of the best of several calls."""
    times = []
    for _ in range(_TRIES):
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return min(times)
