"""y = an expression of x0, x1 ..., element by element, of any types.

The setting `expression` is written like a Python expression, FUNCTIONS has the names; `types` and
`result` name the types of the operands in memory and of y. In an expression integers of up to 32
bits are int32, longer ones (and UINT32) int64, FLOAT16 is float32, BOOL a truth value (anything but
0 is true), and "bits8" ... "bits64" are elements that are only moved. Numbers ("k", "n") have
types, too.

    kernel("typed.apply", expression="less(x0, x1)", operands="vs", types="int8 int8",
           result="bool")

Integers become shorter by losing bits. emit/rows.py tells of `operands`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytflite.jit.emit.elementwise import FUNCTIONS as FLOAT_FUNCTIONS
from pytflite.jit.emit.elementwise import evaluated
from pytflite.jit.emit.rows import blocks, slots
from pytflite.jit.emit.vector import INTRINSICS, Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

# Type -> LLVM's type in memory, and in expressions.
TYPES = {
    "float32": ("float", "float"), "float16": ("half", "float"), "bool": ("i8", "i1"),
    "int8": ("i8", "i32"), "uint8": ("i8", "i32"), "int16": ("i16", "i32"),
    "uint16": ("i16", "i32"), "int32": ("i32", "i32"), "int64": ("i64", "i64"),
    "uint32": ("i32", "i64"),
    "bits8": ("i8", "i8"), "bits16": ("i16", "i16"), "bits32": ("i32", "i32"),
    "bits64": ("i64", "i64"),
}  # fmt: skip
BYTES = {"i1": 1, "i8": 1, "i16": 2, "half": 2, "i32": 4, "float": 4, "i64": 8}

_where = INTRINSICS["where"]
HALF = 0.49999997  # the largest float32 below one half: trunc(x + copysign(this, x)) is round(x)


def apply(
    module: Module, target: Target, expression: str, operands: str, types: str, result: str,
    loops: int,
) -> None:  # fmt: skip
    """Slots: those of rows.slots."""
    f = module.kernel(*slots(operands, loops))
    kinds = types.split()
    lanes = target.vector // max(BYTES[TYPES[t][1]] for t in (*kinds, result))
    sizes = [BYTES[TYPES[t][0]] for t in kinds]
    y_size = BYTES[TYPES[result][0]]
    with blocks(f, operands, sizes, y_size, loops) as block:
        whole = f.op(f"and i64 {block.size}, -{lanes}")
        for start, end, step in (("0", whole, lanes), (whole, block.size, 1)):
            fixed = {
                f"x{n}": _fixed(f, kind, t, place, step)
                for n, (kind, t, place) in enumerate(zip(operands, kinds, block.operands,
                                                         strict=True)) if kind != "v"
            }  # fmt: skip
            with f.loop(start, end, step) as loop:
                read = {
                    f"x{n}": _read(f, t, place, f.mul(loop.index, size), step)
                    for n, (kind, t, place, size) in enumerate(
                        zip(operands, kinds, block.operands, sizes, strict=True)
                    ) if kind == "v"
                }  # fmt: skip
                y = stored(evaluated(expression, fixed | read, FUNCTIONS), result)
                f.store(y.type, y.value, block.y, f.mul(loop.index, y_size))


def _read(f: Function, kind: str, place: str, offset: str | int, lanes: int) -> Vector:
    """Elements of memory."""
    raw = Vector(f, f.load(f"<{lanes} x {TYPES[kind][0]}>", place, offset), lanes, TYPES[kind][0])
    return widened(raw, kind)


def _fixed(f: Function, operand: str, kind: str, place: str, lanes: int) -> Vector:
    """One element of memory, or a number of a slot, in each lane."""
    if operand in "kn":
        element = "float" if operand == "k" else "i64"
        number = Vector(f, f.splat(element, lanes, place), lanes, element)
        return number.to(TYPES[kind][1])
    element = TYPES[kind][0]
    value = f.load(element, place)
    return widened(Vector(f, f.splat(element, lanes, value), lanes, element), kind)


def widened(raw: Vector, kind: str) -> Vector:
    """Elements of memory as expressions have them."""
    element = TYPES[kind][1]
    if kind == "bool":
        return raw.differs(0)
    if kind.startswith("uint"):
        return raw.op(f"zext {raw} to <{raw.lanes} x {element}>", element)
    return raw.to(element)


def stored(y: Vector, kind: str) -> Vector:
    """The value of an expression as elements of memory."""
    return y.to(TYPES[kind][0])


# --- functions ----------------------------------------------------------------------------------


def _minimum(a: Vector, b: Any) -> Vector:
    return _where(a < b, a, b)


def _maximum(a: Vector, b: Any) -> Vector:
    return _where(a > b, a, b)


def _limited(x: Vector, low: Any, high: Any) -> Vector:
    """min(max(x, low), high) of integers."""
    return _minimum(_maximum(x, low), high)


def rescaled(x: Vector, left: Any, m: Any, nudge: Any, negative: Any, right: Any) -> Vector:
    """ops/fixed_point.py's Scaling.apply: int32 to int64; the numbers are its own, in int64."""
    shifted = (x.to("i32") << left.to("i32")).to("i64")
    y = shifted * m.to("i32").to("i64")
    total: Vector = (y + ((y >> 63) & negative) + nudge) >> right
    return total


def _cast(x: Vector, low: float, high: float, top: int) -> Vector:
    """Floats to integers, towards zero; what is beyond saturates, NaN becomes the greatest.

    Args:
        low, high: the least and the greatest float whose integer the type has.
        top: the type's greatest integer.
    """
    element = "i64" if top > 2**31 else "i32"
    inside = x <= high
    bounded = _where(inside, x, high)
    whole = _where(bounded > low, bounded, low).to(element)
    return _where(inside, whole, top)


def quantized(x: Vector, scale: Vector, zero: Vector, low: Vector, high: Vector) -> Vector:
    """round(x / scale) + zero within [low, high], half away from zero; NaN is low. All floats.

    Clamped before it is cut off: the bounds are integers.
    """
    t = x / scale
    t = t + t.same(HALF).call("copysign", t)
    least, greatest = low - zero, high - zero
    t = _where(t > least, t, least)
    t = _where(t < greatest, t, greatest)
    whole: Vector = t.to("i32") + zero.to("i32")
    return whole


def stepped(
    x: Vector, factor: Vector, rest: Vector, least: Vector, greatest: Vector, zero: Vector
) -> Vector:
    """The same by factors that lowering/quotients.py has proven, of x between two numbers."""
    x = _where(x > least, x, least)
    x = _where(x < greatest, x, greatest)
    t = INTRINSICS["fma"](x, factor, x * rest)
    t = t + t.same(HALF).call("copysign", t)
    whole: Vector = t.to("i32") + zero.to("i32")
    return whole


def _to_bool(x: Vector) -> Vector:
    return x if x.element == "i1" else x.differs(0)


def _shifted_right(a: Vector, b: Vector, bits: int) -> Vector:
    return a >> _limited(b, 0, bits - 1)


def _quotient(a: Vector, b: Vector) -> Vector:
    """a / b of integers, towards zero; any number where b is 0. No quotient of two int32 is so near
    an integer that a double would miss it; the one that is too large wraps around."""
    opposite = b.equals(-1)
    b = _where(opposite | b.equals(0), 1, b)
    if a.element == "i32":
        quotient = (a.to("double") / b.to("double")).to("i32")
    else:
        quotient = a.op(f"sdiv {a}, {b.value}")
    return _where(opposite, -quotient, quotient)


def _rest(a: Vector, b: Vector) -> tuple[Vector, Vector]:
    """What a / b leaves, and where floor(a / b) is one less than the quotient."""
    rest = a - _quotient(a, b) * b
    return rest, ((rest ^ b) < 0) & rest.differs(0)


def _floor_quotient(a: Vector, b: Vector) -> Vector:
    """floor(a / b) of integers."""
    less = _rest(a, b)[1]
    return _quotient(a, b) - _where(less, b.same(1), b.same(0))


def _floor_rest(a: Vector, b: Vector) -> Vector:
    """a - b * floor(a / b) of integers: with the sign of b."""
    rest, less = _rest(a, b)
    return _where(less, rest + b, rest)


def _whole_powers(a: Vector, b: Vector) -> Vector:
    """a^b of integers, b >= 0: by squaring, from the lowest bit on; wraps around."""
    f, one = a.f, a.same(1)
    carried = (a.type, one.value), (a.type, a.value), (a.type, b.value)
    with f.loop(0, a.bits, 1, *carried) as loop:
        result, square, rest = (a.like(value) for value in loop.carried)
        result = _where((rest & 1) > 0, result * square, result)
        loop.carry(result.value, (square * square).value, (rest >> 1).value)
    return a.like(loop.results[0])


def _half(x: Vector) -> Vector:
    """The bits of FLOAT16 as float32, where the CPU has no instruction for it.

    Exponent and fraction are moved to their places; the exponent's bias is made right, once more
    for infinities and NaN; denormal numbers become normal ones by a subtraction.
    """
    moved = (x & 0x7FFF) << 13
    exponent = moved & (0x7C00 << 13)
    biased = moved + ((127 - 15) << 23)
    beyond = biased + ((128 - 16) << 23)
    small = INTRINSICS["from_bits"](biased + (1 << 23)) - 2.0**-14
    size = _where(exponent.equals(0x7C00 << 13), beyond, biased)
    size = _where(exponent.equals(0), INTRINSICS["bits"](small), size)
    return INTRINSICS["from_bits"](size | ((x & 0x8000) << 16))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **FLOAT_FUNCTIONS,
    "less": lambda a, b: a < b,
    "less_equal": lambda a, b: a <= b,
    "greater": lambda a, b: a > b,
    "greater_equal": lambda a, b: a >= b,
    "equal": lambda a, b: a.equals(b),
    "not_equal": lambda a, b: a.differs(b),
    "logical_and": lambda a, b: a & b,
    "logical_or": lambda a, b: a | b,
    "logical_not": lambda a: a ^ True,
    "bitwise_xor": lambda a, b: a ^ b,
    "quotient": _quotient,
    "floor_quotient": _floor_quotient,
    "floor_rest": _floor_rest,
    "whole_powers": _whole_powers,
    "signum": lambda x: _where(x > 0, x.same(1), _where(x < 0, x.same(-1), x.same(0))),
    "right_shift": _shifted_right,
    "select": _where,
    "minimum": _minimum,
    "maximum": _maximum,
    "limited": _limited,
    **{name: lambda a, b, name=name: a.call(name, b) for name in ("smin", "smax", "umin", "umax")},
    "rescaled": rescaled,
    "cast": _cast,
    "quantized": quantized,
    "stepped": stepped,
    "float32": lambda x: x.to("float"),
    "float64": lambda x: x.to("double"),
    "int32": lambda x: x.to("i32"),
    "int64": lambda x: x.to("i64"),
    "truth": _to_bool,
    "half": _half,
    "absolute": lambda x: _where(x < 0, -x, x),
}
