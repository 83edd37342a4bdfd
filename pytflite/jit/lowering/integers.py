"""Arithmetic of integers: plain numbers that wrap around, and INT16 with scales, to the bit."""

from __future__ import annotations

from pytflite.jit.lowering.elementwise import sum_of
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.lowering.typed import (
    Operand,
    bits_name,
    divided_by,
    input_operand,
    scaled_by,
    typed_pass,
    unknown,
)
from pytflite.model.dtypes import INT16
from pytflite.ops.activation import bounds
from pytflite.ops.elementwise.addition import Rescaled, Shifted
from pytflite.ops.elementwise.binary import UNBOUNDED, has_scales
from pytflite.ops.elementwise.multiplication import Quantized
from pytflite.plan.plan import Step

_PLAIN = {
    "ADD": "add(x0, x1)", "SUB": "sub(x0, x1)", "MUL": "mul(x0, x1)",
    "SQUARED_DIFFERENCE": "squared_difference(x0, x1)",
    "NEG": "neg(x0)", "ABS": "absolute(x0)", "SIGN": "signum(x0)",
}  # fmt: skip
_COMPARING = {"MAXIMUM": "max", "MINIMUM": "min"}  # which know no scales
_FUSED = ("ADD", "SUB", "MUL")


def arithmetic(step: Step, to: Lowering) -> Lowered | None:
    """The work of an operator on integers; None if another lowering must have it."""
    name, target = step.node.name, step.output_specs[0]
    if not target.dtype.is_integer:
        return None
    if name in _COMPARING:
        return _compared(step, to)
    if name not in _PLAIN and name != "ADD_N":
        return None
    scaled = name != "ADD_N" and has_scales(step.input_specs, target)
    if scaled:
        return _int16(step, to) if target.dtype is INT16 and name in _FUSED else None
    operands = [input_operand(step, to, n) for n in range(len(step.inputs))]
    if any(o is None for o in operands) or target.dtype.bits < 8:
        return unknown(target.dtype)
    expression = _PLAIN.get(name) or sum_of([f"x{n}" for n in range(len(operands))])
    limits = bounds(step.node) if name in _FUSED else UNBOUNDED
    if limits != UNBOUNDED:
        if target.dtype.bits < 32 or target.dtype.storage.kind == "u":
            return "compiled without a fused activation"
        most = (1 << (target.dtype.bits - 1)) - 1
        low, high = limits
        low, high = -most - 1 if low is None else int(low), most if high is None else int(high)
        expression = f"limited({expression}, {low}, {high})"
    result = [o for o in operands if o is not None]
    return typed_pass(expression, step, to, result, result[0].type)


def _compared(step: Step, to: Lowering) -> Lowered:
    """MAXIMUM, MINIMUM: as many elements at once as a vector holds."""
    dtype = step.output_specs[0].dtype
    bits = bits_name(dtype)
    if bits is None:
        return unknown(dtype)
    sign = "u" if dtype.storage.kind == "u" else "s"
    operands = [
        Operand(to.input(step, n), spec.static, bits)
        for n, spec in enumerate(step.input_specs)
        if spec is not None
    ]
    name = f"{sign}{_COMPARING[step.node.name]}"
    return typed_pass(f"{name}(x0, x1)", step, to, operands, bits)


def _int16(step: Step, to: Lowering) -> Lowered:
    """ADD, SUB and MUL with scales: the numbers are those of the NumPy kernel."""
    specs = step.input_specs
    assert specs[0] is not None
    if specs[0].dtype is not INT16:
        return unknown(specs[0].dtype, INT16)
    form = step.definition.prepare(step.node, specs, step.output_specs)
    constants = form.constants.constants
    if isinstance(constants, Quantized):
        expression = f"mul(x0, x1), {_five(2)}"
        numbers = [*scaled_by(*constants.multiplier)]
    else:
        operation = "add" if step.node.name == "ADD" else "sub"
        a, b = f"rescaled(x0, {_five(2)})", f"rescaled(x1, {_five(7)})"
        expression = f"{operation}({a}, {b}), {_five(12)}"
        if isinstance(constants, Shifted):
            parts = [divided_by(n) for n in constants.shifts] + [divided_by(0)]
        else:
            assert isinstance(constants, Rescaled)
            parts = [scaled_by(*m, constants.extra_bits) for m in constants.inputs]
            parts.append(scaled_by(*constants.output))
        numbers = [n for part in parts for n in part]
    low, high = (f"x{2 + len(numbers) + n}" for n in range(2))
    operands = [o for n in range(2) if (o := input_operand(step, to, n)) is not None]
    return typed_pass(
        f"limited(rescaled({expression}), {low}, {high})", step, to, operands, "int16",
        (*numbers, *constants.range),
    )  # fmt: skip


def _five(start: int) -> str:
    """Names of the numbers of one `rescaled`."""
    return ", ".join(f"x{n}" for n in range(start, start + 5))
