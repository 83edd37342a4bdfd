"""RELU, RELU6, RELU_N1_TO_1 and RELU_0_TO_1 in float32."""

from __future__ import annotations

from pytflite.jit.emit.clamp import BLOCK
from pytflite.jit.kernel import Work, kernel
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.plan.plan import Step

_INFINITY = float("inf")
_BOUNDS = {
    "RELU": (0.0, _INFINITY),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
    "RELU_0_TO_1": (0.0, 1.0),
}


@lowering(*_BOUNDS)
def relu(step: Step, to: Lowering) -> Lowered:
    """One pass over the elements."""
    output = step.output_specs[0]
    if output.dtype.name != "FLOAT32":
        return "compiled for FLOAT32 alone"
    low, high = _BOUNDS[step.node.name]
    slots = (to.input(step, 0), to.output(step), output.size, low, high)
    return [Work(kernel("clamp.float32"), slots, tiles=-(-output.size // BLOCK))]
