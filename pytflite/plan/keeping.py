"""What a plan keeps: the steps whose results somebody reads, and the constants that a run reads."""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.model.model import Model
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Plan, Step


def needed(steps: Sequence[Step], plan: Plan) -> list[Step]:
    """Without the pure steps whose results nobody reads."""
    wanted = set(plan.outputs)
    kept = []
    for step in reversed(steps):
        if not step.pure or any(i in wanted for i in step.outputs):
            kept.append(step)
            wanted.update(step.inputs)
    return kept[::-1]


def computed(plan: Plan, model: Model) -> dict[int, Spec]:
    """Constants of a plan that the file does not have."""
    return {
        index: spec
        for index, spec in plan.specs.items()
        if spec.value is not None and model.constant(plan.subgraph, index) is None
    }


def keep_constants(plan: Plan) -> None:
    """Constants that somebody reads at run time; those packed into P are let go."""
    read = set(plan.outputs)
    for step in plan.steps:
        read.update(i for n, i in enumerate(step.inputs) if n not in step.unused_inputs)
    for index, spec in plan.specs.items():
        if spec.value is not None:
            if index in read:
                plan.constants[index] = spec.value
            else:
                plan.specs[index] = spec.replace(value=None)
    for step in plan.steps:
        # P holds what it needs; without this, packed weights would stay twice.
        if not step.dynamic:
            step.input_specs = tuple(
                s.replace(value=None) if s is not None and n in step.unused_inputs else s
                for n, s in enumerate(step.input_specs)
            )
