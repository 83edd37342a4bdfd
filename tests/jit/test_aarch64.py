"""Whole programs for AArch64, under emulation, against the NumPy backend."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

import pytflite
from pytflite.jit.backend import Compiled
from pytflite.jit.kernel import Kernel, Slot
from pytflite.jit.program import RUNNER, Program
from pytflite.jit.target import BY_NAME, Target
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.ops.registry import find
from pytflite.plan.planner import Planner
from pytflite.tools.doodle import model_path
from tests.harness import single_op, tensor
from tests.jit.emulated import Machine, emulator

pytestmark = pytest.mark.skipif(
    emulator("aarch64") is None, reason="qemu-aarch64 is not installed here"
)
TARGETS = [pytest.param(BY_NAME[name], id=name) for name in ("neon", "dotprod")]


class EmulatedLibrary:
    """Kernels in an emulated machine's memory."""

    failures: Mapping[Any, str] = {}

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._placed: dict[Kernel, int] = {}

    def find(self, kernels: Iterable[Kernel], target: Target) -> dict[Kernel, int]:
        for kernel in kernels:
            if kernel not in self._placed:
                self._placed[kernel] = self._machine.kernel(kernel)
        return {kernel: self._placed[kernel] for kernel in kernels}


class EmulatedProgram(Program):
    """A program whose constants are in an emulated machine's memory."""

    def __init__(self, machine: Machine, *args: Any) -> None:
        self.machine = machine
        super().__init__(*args)

    def _word(self, slot: Slot) -> int:
        constant = getattr(slot, "array", slot)
        if isinstance(constant, np.ndarray):
            return self.machine.add(np.ascontiguousarray(constant).tobytes() or bytes(1))
        return super()._word(slot)


def run(model: Model, target: Target, *inputs: np.ndarray) -> list[np.ndarray]:
    """The outputs of a model all of whose steps are native."""
    machine = Machine(target)
    backend = Compiled(model, target=target, threads=1)
    backend.library = EmulatedLibrary(machine)  # type: ignore[assignment]  # what `find` asks
    linked: list[EmulatedProgram] = []

    def link(plan: Any) -> Any:
        works = [work for step in plan.steps for work in step.work or ()]
        addresses = backend.library.find([RUNNER, *backend_runners(), *(w.kernel for w in works)],
                                         target)  # fmt: skip
        linked.append(EmulatedProgram(machine, works, plan.offsets, addresses))

    backend.link = link  # type: ignore[method-assign]
    plan = Planner(model, lambda n, c: find(n, custom=c), Limits(), backend=backend).plan(
        0, [x.shape for x in inputs]
    )
    apart = [(s.node.name, s.reason) for s in plan.steps if s.work is None and not s.alias]
    assert not apart
    (program,) = linked
    arena = bytearray(plan.arena_bytes + 64)
    for index, x in zip(plan.inputs, inputs, strict=True):
        arena[plan.offsets[index] : plan.offsets[index] + x.nbytes] = x.tobytes()
    base = machine.add(bytes(arena))
    slots = program._slots.copy()
    slots[program._relative] += base
    records = program._records.copy()
    records[:, 1] += machine.add(slots.tobytes())
    scratch = machine.add(bytes(program.scratch_bytes + 64))
    block = 0, machine.add(records.tobytes()), 0, len(records), scratch
    scratch = machine.add(bytes(program.scratch_bytes + 64))
    own = 0, machine.add(records.tobytes()), 0, len(records), scratch
    parameters = machine.add(struct.pack("<5q", *own))
    entry = backend.library.find([RUNNER], target)[RUNNER]
    memory = machine.run(entry, parameters, 0, 0)
    assert not memory.array(parameters, np.zeros(1, np.int64))[0]
    outputs = []
    for index in plan.outputs:
        spec = plan.specs[index]
        like = np.zeros(spec.static, spec.dtype.storage)
        outputs.append(memory.array(base + plan.offsets[index], like))
    return outputs


def backend_runners() -> tuple[Kernel, ...]:
    """Those that a Program wants addresses of."""
    from pytflite.jit.program import RUNNERS

    return RUNNERS


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("variant", ["float32"])
def test_doodle(target: Target, variant: str) -> None:
    model = pytflite.load_model(model_path(variant))
    shape = model.inputs[0].shape
    x: Any = np.random.default_rng(0).random(shape).astype(np.float32)
    if variant == "int8":
        x = (x * 255 - 128).astype(np.int8)
    (got,) = run(model, target, x)
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    if variant == "int8":
        np.testing.assert_array_equal(got, want)
    else:
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["TANH", "LOGISTIC", "EXP", "ROUND", "HARD_SWISH", "RSQRT"])
def test_functions(target: Target, name: str) -> None:
    x = np.abs(np.random.default_rng(1).normal(size=(3, 37)).astype(np.float32)) + np.float32(0.1)
    model = single_op(name, [tensor(x.shape)], [tensor(x.shape)])
    (got,) = run(model, target, x)
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    np.testing.assert_allclose(got, want, rtol=1e-6)
