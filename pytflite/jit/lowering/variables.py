"""READ_VARIABLE and ASSIGN_VARIABLE: copies between tensors and the cells of a plan."""

from __future__ import annotations

from pytflite.jit.lowering.copying import Copy, copy_work
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import At, Slot
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step

_NO_CELL = "compiled for a known handle whose variable has one shape and type throughout the plan"


@lowering("READ_VARIABLE", stateful=True)
def read(step: Step, to: Lowering) -> Lowered:
    """From the cell."""
    spec = step.output_specs[0]
    cell = None if spec.dtype.is_handle else to.cell(step, spec)
    return _NO_CELL if cell is None else _copied(cell, to.output(step), spec)


@lowering("ASSIGN_VARIABLE", stateful=True)
def assign(step: Step, to: Lowering) -> Lowered:
    """Into the cell."""
    spec = step.input_specs[1]
    assert spec is not None
    if spec.variable:
        return "its value is a variable tensor"
    cell = None if spec.dtype.is_handle else to.cell(step, spec, assigns=True)
    return _NO_CELL if cell is None else _copied(to.input(step, 1), cell, spec)


def _copied(source: Slot, target: At, spec: Spec) -> Lowered:
    return copy_work(source, target, Copy((spec.size,), (1,), (1,)), spec.dtype)
