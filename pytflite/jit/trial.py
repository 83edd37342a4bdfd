"""Trial: whether what is compiled for a target does here what it must.

A CPU may say that it has instructions which the system, or a virtual machine, does not let it run,
or which do something else there. So before the first kernel of a target, the compiler's process
runs small ones (emit/selftest.py), for whose death nobody has to mourn.
"""

from __future__ import annotations

import ctypes
from typing import NamedTuple

import numpy as np

from pytflite.jit.cache import Cache
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.kernel import Kernel, kernel
from pytflite.jit.target import NO_PERMISSION, Target, is_permitted
from pytflite.model.graph import Array

SELF_TEST = kernel("selftest.adds")


class Trial(NamedTuple):
    """A kernel, what it is given (the last one it writes), and what it must make of that."""

    kernel: Kernel
    arrays: tuple[Array, ...]
    wanted: Array
    wrong: str


def trials(target: Target) -> list[Trial]:
    """Those of a target: addition, its products of integers, AMX's tiles."""
    x = np.arange(target.lanes, dtype=np.float32)
    found = [
        Trial(SELF_TEST, (x, np.zeros_like(x)), x + 1 + np.arange(target.lanes) % 4, "added"),
        _products(target),
    ]
    return [*found, _tiles()] if target.dot == "amx" else found


def _numbers(count: int, *, unsigned: bool) -> Array:
    """8-bit integers of all sizes."""
    octets = (np.arange(count) * 37 + 101 * unsigned).astype(np.uint8)
    return octets if unsigned else octets.view(np.int8)


def _products(target: Target) -> Trial:
    dot, lanes = dot_of(target), target.lanes
    count = lanes * (4 if dot.pairs else dot.group)
    x, w = (_numbers(count, unsigned=u).astype(np.int64) for u in (dot.unsigned, False))
    sums = np.arange(lanes, dtype=np.int32) * 1000
    if dot.pairs:
        made = (x.reshape(2, 8) @ w.reshape(2, 8).T).reshape(-1)
    else:
        made = (x * w).reshape(lanes, dot.group).sum(axis=1)
    kind = f"{'u' if dot.unsigned else 'i'}{dot.width}"
    arrays = x.astype(kind), w.astype(f"i{dot.width}"), sums
    return Trial(kernel("selftest.multiplies"), arrays, sums + made, "multiplied")


def _tiles() -> Trial:
    """16 x 16 sums of 64 products of integers, and of 32 of bfloat16: whole numbers, too."""
    x, w = (_numbers(1024, unsigned=u) for u in (True, False))
    made = x.reshape(16, 64).astype(np.int64) @ w.reshape(16, 16, 4).swapaxes(1, 2).reshape(64, 16)
    a, b = (_numbers(512, unsigned=False).astype(np.float32) for _ in range(2))
    floats = a.reshape(16, 32) @ b.reshape(16, 16, 2).swapaxes(1, 2).reshape(32, 16)
    halves = [(v.view(np.uint32) >> 16).astype(np.uint16).view(np.uint8) for v in (a, b)]
    wanted = np.concatenate([made.astype(np.int32).reshape(-1), floats.reshape(-1).view(np.int32)])
    arrays = (
        np.concatenate([x, halves[0]]), np.concatenate([w.view(np.uint8), halves[1]]),
        np.zeros(512, np.int32),
    )  # fmt: skip
    return Trial(kernel("selftest.tiles"), arrays, wanted, "multiplied tiles")


def self_test(target: Target, cache: Cache) -> str:
    """Why kernels of this target do not work here; "" if they do."""
    from pytflite.jit.compiling import compile_kernel

    if not is_permitted(target):
        return NO_PERMISSION
    for trial in trials(target):
        loaded = cache.load(trial.kernel, target)
        if loaded is None:
            cache.store(trial.kernel, target, compile_kernel(trial.kernel, target))
            loaded = cache.load(trial.kernel, target)
            if loaded is None:
                return f"what is written to {cache.directory} is not what comes back"
        slots = np.array([0, *(array.ctypes.data for array in trial.arrays)], np.int64)
        run = ctypes.CFUNCTYPE(
            None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p
        )(loaded.address)  # fmt: skip
        run(slots.ctypes.data, 0, 1, None)
        if not np.array_equal(trial.arrays[-1], trial.wanted):
            return f"a compiled kernel {trial.wrong} wrongly"
    return ""
