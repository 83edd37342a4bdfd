"""Native steps of a plan, each alone, with every tensor, constant and scratch at a guard page.

Inputs are made up by type. A kernel may answer or refuse; it may not touch what is beside its
tensors (its process dies), write into inputs or constants (likewise), or answer differently
according to what lies around or was there before.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

import numpy as np

from pytflite.errors import TFLiteError
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.plan.plan import Plan, Refused, Step
from pytflite.runtime.interpreter import Interpreter
from tests.fuzz.case import LIMITS
from tests.fuzz.data import array
from tests.fuzz.guard_pages import EDGES, END, Placed, in_child, place

Tensors = Mapping[int, np.ndarray[Any, Any]]
Note = Callable[[str], None]
LARGEST = 4 << 20  # bytes of a tensor that is tried


def native_steps(model: Model, limits: Limits | None = None) -> Iterator[tuple[Plan, Step]]:
    """Those of the main subgraph that kernels compute."""
    interpreter = Interpreter(model, backend="jit", wait=True, limits=limits)
    interpreter.allocate_tensors()
    plan = interpreter.plan()
    for step in plan.steps:
        if step.work is not None:
            yield plan, step


def check_steps(model: Model, seed: int = 0, times: int = 2, limits: Limits | None = None) -> int:
    """Runs all native steps of a model under guard pages, in one child; how many there are.

    Raises:
        DiedError: says which step, with which data and edge.
    """
    found = [
        (plan, step)
        for plan, step in native_steps(model, limits)
        if all(plan.specs[t].nbytes <= LARGEST for t in (*step.inputs, *step.outputs) if t >= 0)
    ]

    def work(note: Note) -> None:
        for plan, step in found:
            for number in range(times):
                check_step(plan, step, Random(f"{seed}/{number}"), note)

    if found:
        in_child(work)
    return len(found)


def check_bytes(data: bytes) -> int:
    """Like check_steps for bytes that may be no model, or one that is refused."""
    try:
        return check_steps(Model.open(data), zlib.crc32(data), limits=LIMITS)
    except TFLiteError:
        return 0


def check_step(plan: Plan, step: Step, rng: Random, note: Note) -> None:
    """One step with one set of data: at both edges, and in an output's own old place."""
    inputs = {
        t: array(rng, spec.dtype, spec.static)
        for t, spec in zip(step.inputs, step.input_specs, strict=True)
        if spec is not None and spec.value is None
    }
    answers = []
    for edge in EDGES:
        for before in (0x00, 0xFF):
            note(f"{step.node.label}: {_told(inputs)}, tensors at the {edge} of their pages")
            answers.append(_run(plan, step, inputs, edge, before))
    for output, source in step.definition.in_place:
        tensor = step.inputs[source] if source < len(step.inputs) else -1
        old = inputs.get(tensor)
        spec = step.output_specs[output]
        if old is not None and old.nbytes == spec.nbytes and step.inputs.count(tensor) == 1:
            note(f"{step.node.label}: {_told(inputs)}, output {output} in input {source}")
            shared = {step.outputs[output]: tensor}
            answers.append(_run(plan, step, inputs, END, 0, shared))
    for answer in answers[1:]:
        assert answer == answers[0], f"{step.node.label}: what is around changes the answer"


def _told(inputs: Tensors) -> str:
    return ", ".join(f"{a.dtype}{list(a.shape)}" for a in inputs.values())


def _run(plan: Plan, step: Step, inputs: Tensors, edge: str, before: int,
         shared: Mapping[int, int] | None = None) -> list[bytes] | None:  # fmt: skip
    """The outputs' bytes, or None if the kernel refuses.

    Args:
        edge: of their pages where arrays lie.
        before: what the bytes of outputs and scratch were before.
        shared: outputs that lie in an input: tensor -> tensor.
    """
    from pytflite.jit.library import LIBRARY
    from pytflite.jit.program import RUNNER, Program
    from pytflite.jit.target import host_target

    shared = shared or {}
    placed: dict[int, Placed] = {}
    for tensor, value in inputs.items():
        writable = tensor in shared.values()
        # Addresses are multiples of an element's size, as they are in an arena.
        placed[tensor] = place(value, edge, writable=writable, alignment=value.itemsize)
    for tensor, spec in zip(step.outputs, step.output_specs, strict=True):
        if tensor in shared:
            placed[tensor] = placed[shared[tensor]]
        elif tensor >= 0:
            empty = np.full(spec.nbytes, before, np.uint8)
            placed[tensor] = place(empty, edge, alignment=spec.dtype.itemsize)
    constants: list[Placed] = []
    works = [_placed_constants(work, edge, constants) for work in step.work or ()]
    target = host_target()
    assert target is not None
    addresses = LIBRARY.find([RUNNER, *{work.kernel for work in works}], target)
    arena = np.empty(64, np.uint8)  # tensors lie elsewhere: their offsets lead there
    offsets = {t: p.array.ctypes.data - arena.ctypes.data for t, p in placed.items()}
    program = Program(works, offsets, addresses)
    bound = program.bind(arena)
    scratch = place(np.full(program.scratch_bytes, before, np.uint8), edge, alignment=64)
    bound._memory = scratch.array.ctypes.data
    try:
        bound.run(0, len(works))
    except Refused:
        return None
    finally:
        for each in (*placed.values(), *constants, scratch):
            assert each.intact(), f"{step.node.label} wrote beside an array of {each.array.nbytes}"
    return [placed[t].array.tobytes() for t in step.outputs if t >= 0]


def _placed_constants(work: Any, edge: str, kept: list[Placed]) -> Any:
    """The work with guarded copies of its constant arrays."""
    from pytflite.jit.kernel import Packed

    slots = []
    for slot in work.slots:
        value = slot.array if isinstance(slot, Packed) else slot
        if isinstance(value, np.ndarray):
            value = np.ascontiguousarray(value)
            copy = place(value, edge, writable=False, alignment=value.itemsize)
            kept.append(copy)
            value = copy.array
        slots.append(value)
    return work._replace(slots=tuple(slots))
