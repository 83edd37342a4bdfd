"""Operators of floats with the RELU that follows: as if it were their fused activation."""

from __future__ import annotations

from copy import copy
from math import inf

from pytflite.format.schema import ActivationFunctionType as Activation
from pytflite.model.dtypes import FLOAT32
from pytflite.ops.activation import Bounds, bounds
from pytflite.ops.registry import is_ours
from pytflite.plan.plan import Step

ACTIVATIONS = {
    "RELU": Activation.RELU,
    "RELU6": Activation.RELU6,
    "RELU_N1_TO_1": Activation.RELU_N1_TO_1,
}  # operators
_FUSED = (Activation.NONE, *ACTIVATIONS.values())
_TAKE_ONE = frozenset({
    "ADD", "AVERAGE_POOL_2D", "CONV_2D", "CONV_3D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED",
    "MAX_POOL_2D", "TRANSPOSE_CONV",
})  # fmt: skip


def takes_activation(first: Step, activation: Step) -> bool:
    """Whether an operator, alone or with the PAD before it, can do what follows it, too."""
    made = first.output_specs[0]
    return (
        activation.node.name in ACTIVATIONS
        and first.node.name in _TAKE_ONE
        and is_ours(first.definition)
        and is_ours(activation.definition)
        and not first.dynamic
        and made.dtype is FLOAT32
        and len(first.outputs) == 1
        and made.shape == activation.output_specs[0].shape
        and _both(first, activation) is not None
    )


def activated(first: Step, activation: Step) -> Step:
    """Both, as one operator with a fused activation."""
    node = copy(first.node)
    node.options = node.options.replace(fused_activation_function=_both(first, activation))
    node.outputs, node.output_keys = activation.node.outputs, activation.node.output_keys
    step = Step(
        node, first.definition, first.inputs, activation.outputs, first.input_specs,
        activation.output_specs,
    )  # fmt: skip
    step.parts = *(first.parts or (first,)), activation
    step.pure = first.pure and activation.pure
    step.rows_apart = first.rows_apart and activation.rows_apart
    return step


def _both(first: Step, activation: Step) -> int | None:
    """The activation that lets pass what both do, the fused one and that which follows."""
    wanted = _within(bounds(first.node), bounds(first.node, ACTIVATIONS[activation.node.name]))
    return next((found for found in _FUSED if _within(bounds(first.node, found)) == wanted), None)


def _within(*limits: Bounds) -> tuple[float, float]:
    """Least and greatest number that passes all of these."""
    return (
        max(-inf if low is None else low for low, _ in limits),
        min(inf if high is None else high for _, high in limits),
    )


def is_single(step: Step) -> bool:
    """Whether a step is one operator, but for an activation that follows it."""
    return all(part.node.name in ACTIVATIONS for part in step.parts[1:])
