"""Calls one kernel on arrays: `call(kernel("gemm.float32", rows=4), x, y, 3, tiles=2)`."""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np

from pytflite.jit.compiling import compile_kernel
from pytflite.jit.image import Loaded, load
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import BY_NAME, TARGETS, Target, architecture, cpu_features
from tests.jit import emulated

_LOADED: dict[tuple[Kernel, Target], Loaded] = {}

# What this CPU can run, best first. A test of a kernel runs on the best and the common ones; on
# each with HYPOTHESIS_PROFILE=long. PYTFLITE_EMULATE=neon has all of them run on an emulated CPU
# instead (tests/conftest.py does the rest).
NATIVE = [t for t in TARGETS if t.architecture == architecture() and t.needs <= cpu_features()]
EMULATED = [
    t for t in TARGETS
    if t.architecture != architecture() and emulated.emulator(t.architecture)
]  # fmt: skip
EMULATE = os.environ.get("PYTFLITE_EMULATE", "")
COMMON = ("avx2", "sse2", "neon")
LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
RUNNABLE = [t for n, t in enumerate(NATIVE) if LONG or n == 0 or t.name in COMMON]
if EMULATE:
    RUNNABLE = [BY_NAME[EMULATE]]


def loaded(kernel: Kernel, target: Target) -> Loaded:
    """The kernel in this process's memory, compiled once."""
    key = kernel, target
    if key not in _LOADED:
        _LOADED[key] = load(compile_kernel(kernel, target))
    return _LOADED[key]


def slot(value: Any) -> int:
    """What 8 bytes of parameters hold for a value."""
    if value is None:
        return 0
    if isinstance(value, np.ndarray):
        return value.ctypes.data
    if isinstance(value, (float, np.floating)):
        return int(np.float32(value).view(np.uint32))
    return int(value)


def call(
    kernel: Kernel, *values: Any, target: Target, tiles: int = 1, begin: int = 0, scratch: int = 0
) -> int:
    """Runs tiles begin..tiles of a kernel; its status."""
    if target.architecture != architecture():
        return emulated.call(
            kernel, *values, target=target, tiles=tiles, begin=begin, scratch=scratch
        )
    parameters = np.array([0, *map(slot, values)], np.int64)
    memory = np.full(scratch + 128, 0xA5, np.uint8)
    function = ctypes.CFUNCTYPE(
        None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p
    )(loaded(kernel, target).address)
    function(parameters.ctypes.data, begin, tiles, memory.ctypes.data + -memory.ctypes.data % 64)
    return int(parameters[0])
