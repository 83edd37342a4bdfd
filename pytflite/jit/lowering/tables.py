"""Quantised elementwise operators: tables that the operators' own NumPy kernels fill.

One 8-bit input makes a table of 256 entries, two make one of 65536. Several operators whose result
depends on one 8-bit tensor alone, such as x * logistic(x), are one table. Where a sum or product in
float32 gives the same, it is used instead (pair_formulas.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.errors import TFLiteError
from pytflite.jit.emit.requantize import is_fused
from pytflite.jit.emit.table import LOOKUP_BLOCK
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.broadcast import TOO_MANY, layout
from pytflite.jit.lowering.checks import refusal
from pytflite.jit.lowering.pair_formulas import constants, formula_of
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.work import Packed, Work
from pytflite.model.dtypes import INT8, INT16, UINT8
from pytflite.model.graph import Array
from pytflite.ops.elementwise.pointwise import Pointwise
from pytflite.ops.limits import Limits
from pytflite.ops.spec import Spec
from pytflite.plan.folding import FoldingRun
from pytflite.plan.plan import Step

_BYTES = (INT8, UINT8)


def by_table(step: Step, to: Lowering) -> Lowered:
    """One input of 8 or 16 bits: an entry for each of its values."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    if source.dtype not in (*_BYTES, INT16) or target.dtype.is_handle:
        return f"there is no compiled kernel for {source.dtype.name}"
    if any(s.quantization is not None and s.quantization.is_per_channel for s in (source, target)):
        return "its slices have scales of their own"
    bits = source.dtype.bits
    values = np.arange(1 << bits, dtype=f"u{bits // 8}").view(source.dtype.storage)
    least, works = _least(step), list[Work]()
    if least is not None:
        found = refusal(step, to, 0, "less", least)
        if isinstance(found, str):
            return found
        works += found
        values = np.maximum(values, values.dtype.type(least))
    try:
        table = _composed(step, values)
    except TFLiteError as error:
        return f"it refuses some values: {error.problem}"
    x_size, y_size = source.dtype.itemsize, target.dtype.itemsize
    return [
        *works,
        Work(
            kernel("table.lookup", x_size=x_size, y_size=y_size),
            (to.input(step, 0), to.output(step), table, target.size),
            tiles=-(-target.size // LOOKUP_BLOCK),
        ),
    ]


def _least(step: Step) -> int | None:
    """The least integer that the operator takes, if there is such a bound."""
    if step.parts:
        return None
    with np.errstate(all="ignore"):
        p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    return p.least if isinstance(p, Pointwise) else None


def _composed(step: Step, values: Array) -> Array:
    """What the step, or its parts one after the other, make of the values of its input."""
    known = {step.inputs[0]: values}
    for part in step.parts or (step,):
        known[part.outputs[0]] = evaluated(part, [known[i] for i in part.inputs])
    return known[step.outputs[0]]


def evaluated(step: Step, values: Sequence[Array]) -> Array:
    """What the operator's NumPy kernel answers for these values."""
    definition, node = step.definition, step.node
    inputs = [
        Spec(v.shape, spec.dtype, spec.quantization) if spec is not None else None
        for v, spec in zip(values, step.input_specs, strict=True)
    ]
    shape = np.broadcast_shapes(*(v.shape for v in values))
    output = step.output_specs[0].replace(shape=shape, value=None)
    result = np.empty(shape, output.dtype.storage)
    with np.errstate(all="ignore"):
        p = definition.prepare(node, inputs, (output,))
        definition.eval(p, values, (result,), FoldingRun(node, Limits()))
    return result


def by_pairs(step: Step, to: Lowering, forbidden: int | None = None) -> Lowered:
    """Two inputs of 8 bits, broadcast: an entry for each pair of their values.

    Args:
        step, to: as ever.
        forbidden: what the second one never is.
    """
    a, b = step.input_specs[:2]
    target = step.output_specs[0]
    assert a is not None and b is not None
    if a.dtype not in _BYTES or b.dtype is not a.dtype or target.dtype.itemsize != 1:
        return f"there is no compiled kernel for {a.dtype.name} and {b.dtype.name}"
    found = layout(step, to, [(to.input(step, n), s.static, 1) for n, s in enumerate((a, b))])
    if found is None:
        return TOO_MANY
    values = np.arange(256, dtype=np.uint8).view(a.dtype.storage)
    others = values
    if forbidden is not None:
        others = np.where(values == forbidden, values[forbidden - 1], values)
    table = Packed(lambda: evaluated(step, [values[:, None], others[None, :]]))
    formula = formula_of(step, a, b, target)
    name, numbers = "", None
    if formula is not None:
        name, fused = formula.name, is_fused(to.target)
        numbers = Packed(lambda: constants(formula, values, table.array, fused=fused))
    code = kernel("table.pairs", signed=a.dtype is INT8, formula=name, **found.settings())
    return [*found.before, Work(code, (*found.slots, table, numbers), tiles=found.tiles)]
