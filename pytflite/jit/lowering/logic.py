"""Comparisons, operators on truth values and bits, and SELECT."""

from __future__ import annotations

from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.lowering.tables import by_pairs
from pytflite.jit.lowering.typed import (
    Operand,
    bits_name,
    input_operand,
    scaled_by,
    typed_pass,
    unknown,
)
from pytflite.model.dtypes import INT8, INT16, UINT8
from pytflite.ops.elementwise.comparison import Quantized
from pytflite.plan.plan import Step

_COMPARISONS = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")
_LOGICAL = ("LOGICAL_AND", "LOGICAL_OR", "LOGICAL_NOT", "BITWISE_XOR", "RIGHT_SHIFT")
_EXTRA_BITS = 8


@lowering(*_COMPARISONS, *_LOGICAL)
def logic(step: Step, to: Lowering) -> Lowered:
    """One pass over numbers as they are; quantised ones are compared as the NumPy kernel does."""
    name = step.node.name
    operands = [input_operand(step, to, n) for n in range(len(step.inputs))]
    known = [o for o in operands if o is not None]
    source = step.input_specs[0]
    assert source is not None
    if len(known) < len(operands):
        return unknown(source.dtype)
    arguments = ", ".join(f"x{n}" for n in range(len(known)))
    if name in _COMPARISONS:
        scaled = any(s is not None and s.is_quantized for s in step.input_specs)
        if scaled and source.dtype in (INT8, UINT8):
            return by_pairs(step, to)
        if scaled and source.dtype is INT16:
            return _int16(step, to, known)
        if source.dtype.name == "BOOL" and name not in ("EQUAL", "NOT_EQUAL"):
            return unknown(source.dtype)
        return typed_pass(f"{name.lower()}({arguments})", step, to, known, "bool")
    if name == "RIGHT_SHIFT":
        arguments += f", {source.dtype.storage.itemsize * 8}"
    return typed_pass(f"{name.lower()}({arguments})", step, to, known, known[0].type)


def _int16(step: Step, to: Lowering, operands: list[Operand]) -> Lowered:
    """INT16 is rescaled with 8 more bits by those operators that do not order."""
    form = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    constants = getattr(form.constants, "constants", None)
    name = step.node.name.lower()
    if not isinstance(constants, Quantized):
        return typed_pass(f"{name}(x0, x1)", step, to, operands, "bool")
    texts = [
        f"rescaled(sub(x{n}, int32(x{2 + n})), {', '.join(f'x{4 + 5 * n + i}' for i in range(5))})"
        for n in range(2)
    ]
    numbers = [n for m in constants.multipliers for n in scaled_by(*m, _EXTRA_BITS)]
    return typed_pass(
        f"{name}({', '.join(texts)})", step, to, operands, "bool",
        (*constants.zero_points, *numbers),
    )  # fmt: skip


@lowering("SELECT", "SELECT_V2")
def select(step: Step, to: Lowering) -> Lowered:
    """x where the condition holds, else y."""
    target = step.output_specs[0]
    name = bits_name(target.dtype)
    if name is None:
        return unknown(target.dtype)
    _, *shapes = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    operands = [
        Operand(to.input(step, n), shape, kind)
        for n, (shape, kind) in enumerate(zip(shapes, ("bool", name, name), strict=True))
    ]
    return typed_pass("select(x0, x1, x2)", step, to, operands, name)
