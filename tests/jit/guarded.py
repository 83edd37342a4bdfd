"""Runs the kernels of one step with every array between pages that nobody may touch.

run_guarded(model, cpu, x)      fails by a signal where a kernel reads or writes outside
"""

from __future__ import annotations

import ctypes
import mmap
from functools import partial
from typing import Any

import numpy as np

from pytflite.jit.target import Target, architecture
from pytflite.jit.work import At, Packed, Work
from pytflite.model.dtypes import INT8
from pytflite.plan.plan import ROOMS
from tests.jit.emulated import machine_of
from tests.jit.native import loaded, slot
from tests.jit.targets import compiled

_PAGE = mmap.PAGESIZE
_KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


class Fenced:
    """Memory that ends where a forbidden page begins, or begins where one ends."""

    def __init__(self, size: int, cpu: Target, *, at_end: bool, line: int = 4) -> None:
        pages = -(-max(size, 1) // _PAGE)
        offset = _PAGE + ((pages * _PAGE - size) // line * line if at_end else 0)
        if cpu.architecture != architecture():
            machine = machine_of(cpu)
            memory = machine.empty((pages + 2) * _PAGE, _PAGE)
            start = memory.ctypes.data
            for fence in (start, start + (pages + 1) * _PAGE):
                machine.forbid(fence, _PAGE)
            self.bytes: np.ndarray = memory[offset : offset + size]
            self.address = start + offset
            return
        self._map = mmap.mmap(-1, (pages + 2) * _PAGE)
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._map))
        libc = ctypes.CDLL(None, use_errno=True)
        for fence in (start, start + (pages + 1) * _PAGE):
            if libc.mprotect(ctypes.c_void_p(fence), ctypes.c_size_t(_PAGE), 0):
                raise OSError(ctypes.get_errno(), "mprotect")
        self.bytes = np.frombuffer(self._map, np.uint8, size, offset)
        self.address = start + offset


def fenced(array: np.ndarray, cpu: Target, *, at_end: bool) -> Fenced:
    """A copy of an array in such memory."""
    array = np.ascontiguousarray(array)
    memory = Fenced(array.nbytes, cpu, at_end=at_end, line=min(4, array.itemsize))
    memory.bytes[:] = array.reshape(-1).view(np.uint8)
    return memory


def run_guarded(
    model: Any, cpu: Target, *inputs: np.ndarray, at_end: bool = True, precision: str = "float32"
) -> np.ndarray:
    """The first output of a model of one step, whose inputs are arrays of their own."""
    interpreter = compiled(model, cpu, precision=precision)
    plan = interpreter._engine.plan(0, tuple(x.shape for x in inputs))
    (step,) = plan.steps
    assert step.work is not None, step.reason
    spec = step.output_specs[0]
    filled = np.full(spec.size * spec.dtype.storage.itemsize, 0xA5, np.uint8)
    result = filled.view(spec.dtype.storage).reshape(spec.static)
    places = dict(zip(plan.inputs, inputs, strict=True)) | {step.outputs[0]: result}
    for index, of in zip(step.inputs, step.input_specs, strict=True):
        if of is not None and of.variable:  # as it is at first
            zero = of.zero_point if of.dtype is INT8 else 0
            places[index] = np.full(of.static, zero, of.dtype.storage)
    tensors = {index: fenced(array, cpu, at_end=at_end) for index, array in places.items()}
    for index, size in step.shared.items():
        tensors[index] = Fenced(size, cpu, at_end=at_end, line=8)
        tensors[index].bytes[:] = 0xA5
    if step.room:
        room = tensors[ROOMS - step.node.index] = Fenced(step.room, cpu, at_end=at_end, line=64)
        room.bytes[:] = 0xA5
    for work in step.work:
        _run(work, cpu, tensors, at_end=at_end)
    made = tensors[step.outputs[0]].bytes
    return made.view(spec.dtype.storage).reshape(spec.static).copy()


def _run(work: Work, cpu: Target, tensors: dict[int, Fenced], *, at_end: bool) -> None:
    """All tiles, one call each, so that none relies on another."""
    words, kept = [0], []
    for given in work.slots:
        value = given.array if isinstance(given, Packed) else given
        if isinstance(value, At):
            words.append(tensors[value.tensor].address + value.offset)
        elif isinstance(value, np.ndarray):
            kept.append(fenced(value, cpu, at_end=at_end))
            words.append(kept[-1].address)
        else:
            words.append(slot(value))
    parameters = fenced(np.array(words, np.int64), cpu, at_end=at_end)
    scratch = Fenced(-(-work.scratch // 64) * 64, cpu, at_end=at_end, line=64)
    function: Any
    if cpu.architecture == architecture():
        function = _KERNEL(loaded(work.kernel, cpu).address)
    else:
        machine = machine_of(cpu)
        function = partial(machine.call, machine.kernel(work.kernel))
    for tile in reversed(range(work.tiles)):
        scratch.bytes[:] = 0xA5
        function(parameters.address, tile, tile + 1, scratch.address)
    assert not parameters.bytes[:8].any()
