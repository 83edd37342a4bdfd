"""SOFTMAX in float32."""

from __future__ import annotations

from pytflite.jit.kernel import Work, kernel
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.model.dtypes import FLOAT32
from pytflite.plan.plan import Step

_TILE = 4096  # elements


@lowering("SOFTMAX")
def softmax(step: Step, to: Lowering) -> Lowered:
    """A tile is some rows."""
    source = step.input_specs[0]
    assert source is not None
    if source.dtype is not FLOAT32 or step.output_specs[0].dtype is not FLOAT32:
        return f"there is no compiled kernel for {source.dtype.name}"
    columns = source.static[-1] if source.static else 1
    rows = source.size // columns if columns else 0
    group = max(1, _TILE // max(columns, 1))
    beta = float(step.node.options.beta)
    slots = (to.input(step, 0), to.output(step), rows, columns, group, beta)
    return [Work(kernel("softmax.float32"), slots, tiles=-(-rows // group))]
