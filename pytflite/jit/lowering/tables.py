"""Quantised elementwise operators: tables that the operators' own NumPy kernels fill.

One 8-bit input makes a table of 256 entries, two make one of 65536. Several operators whose result
depends on one 8-bit tensor alone, such as x * logistic(x), are one table. Where a sum or product in
float32 gives the same but next to ties, it is used there (emit/table.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import TFLiteError
from pytflite.jit.emit.table import LOOKUP_BLOCK
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.broadcast import TOO_MANY, layout
from pytflite.jit.lowering.checks import refusal
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.work import Packed, Work
from pytflite.model.dtypes import INT8, INT16, UINT8
from pytflite.model.graph import Array
from pytflite.ops.activation import quantized_range
from pytflite.ops.elementwise.pointwise import Pointwise
from pytflite.ops.limits import Limits
from pytflite.ops.spec import Spec
from pytflite.plan.folding import FoldingRun
from pytflite.plan.plan import Step

_BYTES = (INT8, UINT8)
_LEAST_EDGE = 0.45  # if more of the results than a tenth are looked up, all may be


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
    formula = _formula(step, a, b, target)
    constants = Packed(lambda: _constants(formula, values, table.array))
    code = kernel(
        "table.pairs", signed=a.dtype is INT8,
        formula="" if formula is None else formula.name, **found.settings(),
    )  # fmt: skip
    return [*found.before, Work(code, (*found.slots, table, constants), tiles=found.tiles)]


class Formula(NamedTuple):
    """A formula of emit/table.py and its constants but for the edge."""

    name: str
    constants: tuple[float, float, float, float, float, float, float]


_SIGNS = {"ADD": 1.0, "SUB": -1.0}
_FORMULAS = ("ADD", "SUB", "MUL", "SQUARED_DIFFERENCE")


def _formula(step: Step, a: Spec, b: Spec, target: Spec) -> Formula | None:
    """Real arithmetic of a sum, product or square; None for other operators."""
    if step.node.name not in _FORMULAS or any(s.quantization is None for s in (a, b, target)):
        return None
    za, zb, zero = float(a.zero_point), float(b.zero_point), float(target.zero_point)
    if step.node.name == "SQUARED_DIFFERENCE":
        ends = np.iinfo(target.dtype.storage)
        root = math.sqrt(target.scale)
        p, q = a.scale / root, -b.scale / root
        constants = (p, q, zero, -za * p - zb * q, 0.0, float(ends.min), float(ends.max))
        return Formula("square", constants)
    low, high = quantized_range(step.node, target)
    if step.node.name in _SIGNS:
        p, q = a.scale / target.scale, _SIGNS[step.node.name] * b.scale / target.scale
        constants = (p, q, zero - za * p - zb * q, 0.0, 0.0, float(low), float(high))
        return Formula("add", constants)
    scale = a.scale * b.scale / target.scale
    return Formula("mul", (scale, 0.0, zero, za, zb, float(low), float(high)))


def _constants(formula: Formula | None, values: Array, table: Array) -> Array:
    """The formula's constants, and the edge: so near 0.5 as all pairs allow."""
    if formula is None:
        return np.zeros(8, np.float32)
    x = values.astype(np.float64)
    a, b = x[:, None], x[None, :]
    p, q, offset, za, zb, low, high = formula.constants
    if formula.name == "add":
        t = a * p + (b * q + offset)
        greatest = 256 * (abs(p) + abs(q)) + abs(offset)
    elif formula.name == "square":
        root = a * p + (b * q + za)
        t = root * root + offset
        greatest = 2 * float(np.abs(root).max(initial=0)) * (256 * (abs(p) + abs(q)) + abs(za))
        greatest += float(np.abs(t).max(initial=0)) + abs(offset)
    else:
        t = (a - za) * (b - zb) * p + offset
        greatest = float(np.abs(t).max(initial=0)) + abs(offset)
    near = np.rint(t)
    off = np.abs(t - near)
    wrong = np.clip(near, low, high) != table
    error = max(greatest, 1.0) * 2.0**-22  # more than three roundings of float32
    nearest = float(off[wrong].min()) if wrong.any() else 0.5  # of those that the table corrects
    edge = nearest - 2 * error
    if not edge > _LEAST_EDGE:
        edge = -1.0  # the formula is not what the operator computes
    return np.array([*formula.constants, edge], np.float32)
