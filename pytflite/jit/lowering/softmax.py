"""SOFTMAX in float32, and of 8-bit integers; LOG_SOFTMAX, L2_NORMALIZATION in float32."""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernel import Setting, Slot, Work, kernel
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.model.dtypes import FLOAT32, INT8, UINT8
from pytflite.ops.normalization.softmax import exp_multiplier, exp_table
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step

_TILE = 4096  # elements


@lowering("SOFTMAX")
def softmax(step: Step, to: Lowering) -> Lowered:
    """A tile is some rows."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    if source.dtype in (INT8, UINT8):
        return _int8(step, to, source, target)
    if source.dtype is not FLOAT32 or target.dtype is not FLOAT32:
        return f"there is no compiled kernel for {source.dtype.name}"
    beta = float(step.node.options.beta)
    if not beta > 0:
        return "its beta is not positive"
    return _rows(step, to, source, "softmax.float32", beta)


@lowering("LOG_SOFTMAX", "L2_NORMALIZATION")
def normalization(step: Step, to: Lowering) -> Lowered:
    """The same."""
    source = step.input_specs[0]
    assert source is not None
    if source.dtype is not FLOAT32:
        return f"there is no compiled kernel for {source.dtype.name}"
    return _rows(step, to, source, f"normalization.{step.node.name.lower()}")


def _rows(
    step: Step, to: Lowering, source: Spec, emitter: str, *numbers: Slot, **settings: Setting
) -> list[Work]:
    columns = source.static[-1]
    rows = source.size // columns if columns else 0
    group = max(1, _TILE // max(columns, 1))
    slots = (to.input(step, 0), to.output(step), rows, columns, group, *numbers)
    return [Work(kernel(emitter, **settings), slots, tiles=-(-rows // group))]


def _int8(step: Step, to: Lowering, source: Spec, target: Spec) -> list[Work]:
    """Tables as the NumPy kernel has them."""
    found = exp_multiplier(step.node, float(step.node.options.beta), source.scale)
    exps = exp_table(found)
    tables = (np.ascontiguousarray(t, np.int64) for t in (exps.exp, exps.term))
    return _rows(
        step, to, source, "softmax_int8.rows", *tables, x_signed=source.dtype is INT8,
        y_signed=target.dtype.storage.kind == "i", y_size=target.dtype.itemsize,
    )  # fmt: skip
