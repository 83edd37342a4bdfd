"""DIV, FLOOR_DIV, FLOOR_MOD and POW where they are not expressions of floats alone: what they
refuse is looked for first."""

from __future__ import annotations

from pytflite.jit.lowering.checks import refusal
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.lowering.tables import by_pairs
from pytflite.jit.lowering.typed import input_operand, typed_pass, unknown
from pytflite.model.dtypes import FLOAT32
from pytflite.ops.elementwise.binary import has_scales
from pytflite.plan.plan import Step

_INTEGERS = {
    "DIV": "quotient(x0, x1)",
    "FLOOR_DIV": "floor_quotient(x0, x1)",
    "FLOOR_MOD": "floor_rest(x0, x1)",
    "POW": "whole_powers(x0, x1)",
}
_FLOATS = {"FLOOR_DIV": "float32(floor(div(float64(x0), float64(x1))))"}


def division(step: Step, to: Lowering) -> Lowered:
    """A pass that looks, and one that computes."""
    name, target = step.node.name, step.output_specs[0]
    if name == "POW" and target.dtype is FLOAT32:
        return "its one exponent is known only at run time"
    if name == "DIV" and target.dtype.is_integer and has_scales(step.input_specs, target):
        p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
        first = refusal(step, to, 1, "equal", p.forbidden)
        second = by_pairs(step, to, p.forbidden)
    else:
        first = refusal(step, to, 1, *(("less", 0) if name == "POW" else ("equal", 0)))
        second = _plain(step, to)
    if isinstance(first, str) or isinstance(second, str):
        return first if isinstance(first, str) else second
    return [*first, *second]


def _plain(step: Step, to: Lowering) -> Lowered:
    """Numbers as they are."""
    name, dtype = step.node.name, step.output_specs[0].dtype
    expression = (_FLOATS if dtype is FLOAT32 else _INTEGERS).get(name)
    operands = [o for n in range(2) if (o := input_operand(step, to, n)) is not None]
    if expression is None or len(operands) < 2 or (dtype.is_float and dtype is not FLOAT32):
        return unknown(dtype)
    return typed_pass(expression, step, to, operands, operands[0].type)
