"""Native steps of a plan, each alone, with every tensor, constant and scratch at a guard page.

Inputs are made up by type. A kernel may answer or refuse; it may not touch what is beside its
tensors (its process dies), write into inputs or constants (likewise), or answer differently
according to what lies around or was there before.
"""

from __future__ import annotations

import ctypes
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from random import Random
from typing import Any

import numpy as np

from pytflite.errors import TFLiteError
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.plan.plan import CELLS, LEFT, ROOMS, Plan, Step
from pytflite.runtime.interpreter import Interpreter
from tests.fuzz.case import LIMITS
from tests.fuzz.data import array
from tests.fuzz.guard_pages import EDGES, END, Placed, in_child, place

Tensors = Mapping[int, np.ndarray[Any, Any]]
Note = Callable[[str], None]
LARGEST = 4 << 20  # bytes of a tensor that is tried
_ENTRY = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


def native_steps(model: Model, limits: Limits | None = None) -> Iterator[tuple[Plan, Step]]:
    """Those of the main subgraph that kernels compute; as they are in a run, if only that knows."""
    interpreter = Interpreter(model, backend="jit", wait=True, limits=limits)
    interpreter.allocate_tensors()
    plan: Plan | None = interpreter.plan()
    if plan is not None and plan.rest is not None:
        with suppress(TFLiteError):
            rng = Random(0)
            types = (t.dtype for t in interpreter.model.inputs)
            interpreter.run(*map(partial(array, rng), types, plan.input_shapes))
    while plan is not None:
        for step in plan.steps:
            if step.work is not None:
                yield plan, step
        plan = plan.rest.latest if plan.rest is not None else None


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
        for n, (t, spec) in enumerate(zip(step.inputs, step.input_specs, strict=True))
        if spec is not None and spec.value is None and n not in step.unused_inputs
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
    shared = shared or {}
    placed: dict[int, Placed] = {}
    for tensor, value in inputs.items():
        writable = tensor in shared.values() or tensor in step.cells
        # Addresses are multiples of an element's size, as they are in an arena.
        placed[tensor] = place(value, edge, writable=writable, alignment=value.itemsize)
    for tensor, spec in zip(step.outputs, step.output_specs, strict=True):
        if tensor in shared:
            placed[tensor] = placed[shared[tensor]]
        elif tensor >= 0:
            empty = np.full(spec.nbytes, before, np.uint8)
            placed[tensor] = place(empty, edge, alignment=spec.dtype.itemsize)
    if step.resource is not None:
        cells = np.random.default_rng(0).integers(0, 256, plan.cell_bytes, np.uint8)
        placed[CELLS] = place(cells, edge, alignment=8)
    if step.room:
        room = np.full(step.room, before, np.uint8)
        placed[ROOMS - step.node.index] = place(room, edge, alignment=64)
    for index, size in step.shared.items():
        placed[index] = place(np.full(size, before, np.uint8), edge, alignment=8)
    if plan.takes:
        placed[LEFT] = place(np.full(2, 10**6, np.int64), edge)
    kept: list[Placed] = []
    refused = False
    for work in step.work or ():
        row = _record(work, placed, edge, kept)
        scratch = place(np.full(_scratch(work), before, np.uint8), edge, alignment=64)
        kept.append(scratch)
        function = _ENTRY(int(row[0]))
        function(int(row[1]), 0, work.tiles, scratch.array.ctypes.data)
        refused |= bool(ctypes.c_int64.from_address(int(row[1])).value)
    for each in (*placed.values(), *kept):
        assert each.intact(), f"{step.node.label} wrote beside an array of {each.array.nbytes}"
    if refused:
        return None
    return [
        _seen(step, placed[t].array, t).tobytes() for t in (*step.outputs, CELLS) if t in placed
    ]


def _seen(step: Step, array: np.ndarray[Any, Any], tensor: int) -> np.ndarray[Any, Any]:
    """What others look at of an array of bytes."""
    if step.seen == (1, 1) or tensor not in step.outputs:
        return array
    spec = step.output_specs[step.outputs.index(tensor)]
    pixels = array.reshape(*spec.static[:-1], -1)
    return pixels[:, :: step.seen[0], :: step.seen[1]]


def _record(work: Any, tensors: Mapping[int, Placed], edge: str, kept: list[Placed]) -> list[int]:
    """The row of a program for a work: its kernel, its parameters, its tiles."""
    from pytflite.jit.library import LIBRARY
    from pytflite.jit.target import host_target
    from pytflite.jit.work import Records

    target = host_target()
    assert target is not None
    words = [0]
    for slot in work.slots:
        if isinstance(slot, Records):
            rows = [_record(inner, tensors, edge, kept) for inner in slot.works]
            kept.append(place(np.array(rows, np.int64).reshape(-1, 8), edge))
            words += [int(kept[-1].array.ctypes.data), len(rows)]
        else:
            words.append(_word(slot, tensors, edge, kept))
    kept.append(place(np.array(words, np.int64), edge))
    address = LIBRARY.find([work.kernel], target)[work.kernel]
    return [address, int(kept[-1].array.ctypes.data), work.tiles, 0, 0, 0, 0, 0]


def _scratch(work: Any) -> int:
    """What a work needs, or those that it runs."""
    from pytflite.jit.work import Records

    inner = (w for slot in work.slots if isinstance(slot, Records) for w in slot.works)
    return max(work.scratch, *map(_scratch, inner), 0)


def _word(slot: Any, tensors: Mapping[int, Placed], edge: str, kept: list[Placed]) -> int:
    """The 8 bytes of a slot; constant arrays become guarded copies that nobody may write into."""
    from pytflite.jit.work import At, Packed

    if isinstance(slot, At):
        return int(tensors[slot.tensor].array.ctypes.data) + slot.offset
    if isinstance(slot, Packed):
        slot = slot.array
    if isinstance(slot, np.ndarray):
        kept.append(place(slot, edge, writable=False, alignment=slot.itemsize))
        return int(kept[-1].array.ctypes.data)
    if isinstance(slot, float):
        return int(np.float32(slot).view(np.uint32))
    return slot or 0
