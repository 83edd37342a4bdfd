"""CAST, QUANTIZE, DEQUANTIZE: the same numbers in another type."""

from __future__ import annotations

import numpy as np

from pytflite.jit.emit import quotient_bytes
from pytflite.jit.emit.requantize import is_fused
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.copying import Copy, copy_work
from pytflite.jit.lowering.quotients import factors
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.lowering.tables import by_table
from pytflite.jit.lowering.typed import (
    Number,
    Operand,
    input_operand,
    scaled_by,
    typed_pass,
    unknown,
)
from pytflite.jit.work import Work
from pytflite.model.dtypes import BOOL, FLOAT16, FLOAT32, INT32, INT64, DType
from pytflite.model.graph import Array
from pytflite.ops.quantize.scales import broadcast
from pytflite.ops.quantized import integer_range, multiplier
from pytflite.ops.spec import Shape, Spec
from pytflite.plan.plan import Step


def _source(step: Step, to: Lowering) -> tuple[Operand, str] | None:
    """The input, and the expression that reads it; None if its type is unknown."""
    found = input_operand(step, to, 0)
    if found is None:
        return None
    if found.type == "float16" and to.target.name == "sse2":
        return found._replace(type="uint16"), "half(x0)"
    return found, "x0"


@lowering("CAST")
def cast(step: Step, to: Lowering) -> Lowered:
    """As C converts numbers, but that nothing is undefined."""
    spec, target = step.input_specs[0], step.output_specs[0].dtype
    assert spec is not None
    source = spec.dtype
    if _same_bits(source, target):
        copy = Copy((spec.size,), (1,), (1,))
        return copy_work(to.input(step, 0), to.output(step), copy, source)
    found = _source(step, to)
    result = _TARGETS.get(target.name)
    if found is None or result is None or (target is FLOAT16 and to.target.name == "sse2"):
        return unknown(source, target)
    operand, text = found
    if target is BOOL:
        text = f"truth({text})"
    elif target.is_float:
        text = f"float32({text})"
    elif source.is_float:
        text = f"cast({text}, {', '.join(map(repr, _range(target)))})"
    elif target is INT64:
        text = f"int64({text})"
    return typed_pass(text, step, to, [operand], result)


def _same_bits(source: DType, target: DType) -> bool:
    """Whether a number in one type is the other's number of the same bits."""
    a, b = source.storage, target.storage
    whole = source.bits == target.bits == 8 * a.itemsize == 8 * b.itemsize
    return whole and source.is_integer and target.is_integer


_TARGETS = {
    name: name.lower()
    for name in (
        "FLOAT32",
        "FLOAT16",
        "INT8",
        "UINT8",
        "INT16",
        "UINT16",
        "INT32",
        "UINT32",
        "INT64",
        "BOOL",
    )
}


def _range(target: DType) -> tuple[float, float, int]:
    """Least and greatest float32 whose integer a type has, and its greatest integer."""
    low, high = integer_range(target)
    greatest = np.float32(high)
    if int(greatest) > high:
        greatest = np.nextafter(greatest, np.float32(0))
    return float(low), float(greatest), high


@lowering("QUANTIZE")
def quantize(step: Step, to: Lowering) -> Lowered:
    """Floats to integers of up to 16 bits; integers by table, or INT32 by fixed point."""
    spec, output = step.input_specs[0], step.output_specs[0]
    assert spec is not None
    low, high = integer_range(output.dtype)
    if not spec.dtype.is_float:
        if spec.dtype is not INT32:
            return by_table(step, to)
        ratio = multiplier(step.node, spec.scale / output.scale)
        found = input_operand(step, to, 0)
        assert found is not None
        five = ", ".join(f"x{2 + n}" for n in range(5))
        text = f"limited(add(rescaled(sub(x0, int32(x1)), {five}), x7), {low}, {high})"
        constants = (spec.zero_point, *scaled_by(*ratio), output.zero_point)
        return typed_pass(text, step, to, [found], str(output.dtype.storage), constants)
    known = _source(step, to)
    if known is None or output.dtype is INT32:
        return unknown(spec.dtype, output.dtype)
    operand, text = known
    scale, zero_point = broadcast(output)
    operands, numbers = [operand], [float(low), float(high)]
    names = ("x1", "x2")
    if scale.size == 1:
        zero = int(zero_point)
        proven = factors(float(scale), low - zero, high - zero) if is_fused(to.target) else None
        if proven is not None and high - low == 255 and _is_plain(spec, to):
            size = output.size
            code = kernel("quotient_bytes.quantise", signed=low < 0)
            slots = 2 * proven.factor, 2 * proven.rest, proven.greatest, zero
            ends = to.output(step), to.input(step, 0)
            return [Work(code, (*ends, size, *slots), -(-size // quotient_bytes.BLOCK))]
        if proven is not None:
            text = f"stepped({text}, x1, x2, x3, x4, x5)"
            result = str(output.dtype.storage)
            return typed_pass(text, step, to, operands, result, [*proven, float(zero)])
        numbers = [float(scale), float(zero_point), *numbers]
    else:
        operands += _rows(spec.static, scale, zero_point)
    text = f"quantized({text}, {names[0]}, {names[1]}, x3, x4)"
    return typed_pass(text, step, to, operands, str(output.dtype.storage), numbers)


def _is_plain(spec: Spec, to: Lowering) -> bool:
    return spec.dtype is FLOAT32 and quotient_bytes.suits(to.target)


def _rows(shape: Shape, *arrays: Array) -> list[Operand]:
    """Constants of slices as operands."""
    rows = [np.ascontiguousarray(a, np.float32) for a in arrays]
    return [Operand(row, row.shape or (1,) * len(shape), "float32") for row in rows]


@lowering("DEQUANTIZE")
def dequantize(step: Step, to: Lowering) -> Lowered:
    """scale * (q - zero point); FLOAT16 becomes longer."""
    spec = step.input_specs[0]
    assert spec is not None
    known = _source(step, to)
    if known is None or step.output_specs[0].dtype is not FLOAT32:
        return unknown(spec.dtype)
    operand, text = known
    if spec.dtype.is_float:
        return typed_pass(text, step, to, [operand], "float32")
    scale, zero_point = broadcast(spec)
    operands = [operand]
    numbers: list[Number] = []
    if scale.size == 1:
        numbers = [float(zero_point), float(scale)]
    elif spec.dtype is INT32:
        return "its slices have scales of their own"
    else:
        operands += _rows(spec.static, zero_point, scale)
    kind = "float32"
    if spec.dtype is INT32:
        kind, numbers = "float64", [int(zero_point), float(scale)]
    values = f"{kind}({text})", f"{kind}(x1)", f"{kind}(x2)"
    text = f"float32(mul(sub({values[0]}, {values[1]}), {values[2]}))"
    return typed_pass(text, step, to, operands, "float32", numbers)
