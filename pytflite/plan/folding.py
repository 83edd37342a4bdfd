"""Evaluating at planning time what does not depend on the inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import StateError
from pytflite.model.graph import Array
from pytflite.ops.limits import Limits
from pytflite.ops.spec import Node, Spec
from pytflite.plan.guard import empty_within
from pytflite.plan.plan import Step

# A folded tensor may be larger than what it is made from by this much (bytes) ...
MAX_GROWTH = 1 << 20
# ... but for weights stored in a smaller type, which their consumers pack anyway.
WEIGHTS = frozenset({"DEQUANTIZE", "DENSIFY"})


class FoldingRun:
    """What eval sees while planning: no state and no other subgraphs."""

    def __init__(self, node: Node, limits: Limits) -> None:
        self.node = node
        self.limits = limits

    @property
    def state(self) -> Any:
        """There is none: only pure operators are folded."""
        raise StateError(f"{self.node.name} is declared pure and asks for state")

    def call(self, subgraph: int, inputs: Sequence[Array]) -> list[Array]:
        """There is none, either."""
        raise StateError(f"{self.node.name} is declared pure and calls subgraph {subgraph}")

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Memory for an output of unknown size."""
        return empty_within(self.limits, self.node, shape, dtype)

    def scratch(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Working memory, which nobody announced: within the limits, too."""
        return empty_within(self.limits, self.node, shape, dtype)


class Allowance:
    """What one planning may fold; what goes beyond is left to the run, within its limits.

    Args:
        file_size: of the model.
        late: whether some constants are what a run has computed, and the next may not.

    Attributes:
        macs: multiply-accumulates, a second or so.
        bytes: of results: weights may grow from two bits to a float, once.
    """

    __slots__ = ("bytes", "macs")

    def __init__(self, file_size: int, *, late: bool = False) -> None:
        self.macs = 10**5 if late else 10**9
        self.bytes = 1 << 20 if late else (1 << 28) + 16 * file_size

    def take(self, step: Step) -> bool:
        """Whether there is enough left for a step, which is then used up."""
        size = sum(s.nbytes for s in step.output_specs if s.is_static)
        macs, moved = step.cost
        if macs > self.macs or max(size, moved) > self.bytes:
            return False
        self.macs -= macs
        self.bytes -= size
        return True


def may_fold(step: Step, allowance: Allowance) -> bool:
    """Whether all that the step needs is known, and its result is worth keeping."""
    if not step.definition.pure or step.definition.calls is not None:
        return False
    if any(s.variable for s in step.output_specs):
        return False  # others may change it
    if all(s.value is not None for s in step.output_specs):
        return True
    given = [s for s in step.input_specs if s is not None]
    if any(s.value is None for s in given):
        return False
    if step.node.name not in WEIGHTS and all(s.is_static for s in step.output_specs):
        growth = sum(s.nbytes for s in step.output_specs) - sum(s.nbytes for s in given)
        if growth > MAX_GROWTH:
            return False
    return allowance.take(step)


def computes_once(step: Step) -> bool:
    """Whether LiteRT computes the step in its first run and never again: weights of constants.

    Where the result is a variable tensor, it may be another by then: what the converter makes of
    LSTM cells in FLOAT16 begins with a state that was dequantised, and goes on from there.
    """
    constant = all(s is None or s.value is not None for s in step.input_specs)
    return constant and step.node.name in WEIGHTS


def fold(step: Step, limits: Limits) -> tuple[Spec, ...]:
    """The outputs, with values.

    Arrays are read-only from here on: plans and interpreters share them.
    """
    if all(s.value is not None for s in step.output_specs):
        return step.output_specs
    node, definition, specs = step.node, step.definition, step.output_specs
    p = definition.prepare(node, step.input_specs, specs)
    given = [
        None if s is None or n in step.unused_inputs else s.value
        for n, s in enumerate(step.input_specs)
    ]
    outputs: list[Any] = [
        np.empty(s.static, s.dtype.storage) if s.is_static and not s.dtype.is_handle else None
        for s in specs
    ]
    returned = definition.eval(p, given, outputs, FoldingRun(node, limits))
    values = outputs if returned is None else list(returned)
    out = []
    for spec, value in zip(specs, values, strict=True):
        value = np.asarray(value).view()
        value.flags.writeable = False
        out.append(spec.replace(shape=value.shape, value=value))
    return tuple(out)
