"""Which squares a sum can make of its input on the way."""

from __future__ import annotations

from pytflite.model.dtypes import FLOAT32
from pytflite.ops.activation import bounds
from pytflite.ops.registry import is_ours
from pytflite.plan.plan import Step

_SUMS = ("SUM", "MEAN")


def is_square(step: Step) -> bool:
    """Whether it computes x * x of floats, and nothing else."""
    if step.dynamic or not is_ours(step.definition):
        return False
    if step.node.name == "MUL":
        same = len(step.inputs) == 2 and step.inputs[0] == step.inputs[1]
        if not same or bounds(step.node) != (None, None):
            return False
    elif step.node.name != "SQUARE":
        return False
    spec = step.input_specs[0]
    return spec is not None and spec.dtype is FLOAT32 and spec.value is None


def takes_squares(step: Step) -> bool:
    """Whether it adds up floats along axes that are constant."""
    if step.node.name not in _SUMS or step.dynamic or not is_ours(step.definition):
        return False
    source, axes = step.input_specs[:2]
    constant = axes is not None and axes.value is not None
    return constant and source is not None and source.dtype is FLOAT32
