"""y = an expression of x0, x1 ..., element by element, in one pass.

The setting `expression` is written like a Python expression: "mul(x0, logistic(x0))"; FUNCTIONS
has the names. `operands` says how each operand is read: "v" element by element, "s" one number
for each row (its size along the row is 1), "k" one number for all, in the slot itself.

All shapes are brought to three dimensions, [outer, inner, row]; each operand has a stride for the
first two, 0 where it is broadcast. Rows are cut into blocks of 4096 elements. A tile is `units`
blocks, so that neither short rows nor long ones make tiles of too little or too much work.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.vector import INTRINSICS, Vector, equation
from pytflite.jit.ir import Function, Module
from pytflite.jit.kernels import maths
from pytflite.jit.target import Target

BLOCK = 4096

_where = INTRINSICS["where"]


def _clamp(x: Vector, low: Vector, high: Vector) -> Vector:
    x = _where(x < low, low, x)
    return _where(x > high, high, x)


def _relu6(x: Vector) -> Vector:
    x = _where(x < 0.0, 0.0, x)
    return _where(x > 6.0, 6.0, x)


def _sign(x: Vector) -> Vector:
    return _where(x > 0.0, 1.0, _where(x < 0.0, -1.0, x))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "maximum": lambda a, b: _where(a > b, a, b),
    "minimum": lambda a, b: _where(a < b, a, b),
    "squared_difference": lambda a, b: (a - b) * (a - b),
    "at_least": lambda x, low: _where(x < low, low, x),
    "clamp": _clamp,
    "abs": INTRINSICS["absolute"],
    "neg": lambda x: -x,
    "square": lambda x: x * x,
    "sqrt": INTRINSICS["sqrt"],
    "rsqrt": lambda x: 1.0 / INTRINSICS["sqrt"](x),
    "floor": INTRINSICS["floor"],
    "ceil": INTRINSICS["ceil"],
    "round": INTRINSICS["rint"],
    "sign": _sign,
    "exp": equation(maths.exp),
    "tanh": equation(maths.tanh),
    "logistic": equation(maths.logistic),
    "hard_swish": lambda x: x * _relu6(x + 3.0) * (1.0 / 6.0),
    "leaky_relu": lambda x, alpha: _where(x > 0.0, x, x * alpha),
    "prelu": lambda x, alpha: _where(x < 0.0, x * alpha, x),
}


def float32(module: Module, target: Target, expression: str, operands: str) -> None:
    """Slots: y, outer*inner rows, inner, row, units; then for each operand its address and two
    strides in bytes ("v", "s"), or its number ("k")."""
    slots = ["ptr y", "i64 rows", "i64 inner", "i64 row", "i64 units"]
    for n, kind in enumerate(operands):
        slots += [f"float x{n}"] if kind == "k" else [f"ptr x{n}", f"i64 a{n}", f"i64 b{n}"]
    f = module.kernel(*slots)
    floats = Floats(f, target)
    blocks = f.max(f.op(f"sdiv i64 {f.add('%row', BLOCK - 1)}, {BLOCK}"), 1)
    total = f.mul(blocks, "%rows")
    end = f.min(f.mul("%end", "%units"), total)
    with f.loop(f.mul("%begin", "%units"), end) as unit:
        line = f.op(f"udiv i64 {unit.index}, {blocks}")
        first = f.mul(f.sub(unit.index, f.mul(line, blocks)), BLOCK)
        size = f.min(f.sub("%row", first), BLOCK)
        outer = f.op(f"udiv i64 {line}, %inner")
        inner = f.sub(line, f.mul(outer, "%inner"))
        places = []
        for n, kind in enumerate(operands):
            if kind == "k":
                places.append(f"%x{n}")
                continue
            place = f.add(f.mul(outer, f"%a{n}"), f.mul(inner, f"%b{n}"))
            if kind == "v":
                place = f.add(place, f.mul(first, 4))
            places.append(f.at(f"%x{n}", place))
        y = f.at("%y", f.mul(f.add(f.mul(line, "%row"), first), 4))
        _row(f, floats, expression, operands, places, y, size)


def _row(
    f: Function, floats: Floats, expression: str, operands: str, places: list[str], y: str,
    size: str,
) -> None:  # fmt: skip
    """One block of a row: whole vectors, then the rest of it under a mask."""
    lanes = floats.lanes
    fixed = {}
    for n, kind in enumerate(operands):
        if kind != "v":
            number = places[n] if kind == "k" else f.load("float", places[n], 0, 4)
            fixed[f"x{n}"] = Vector(f, floats.splat(number), lanes)
    whole = f.op(f"and i64 {size}, -{lanes}")
    with f.loop(0, whole, lanes) as loop:
        at = f.mul(loop.index, 4)
        read = {
            f"x{n}": Vector(f, floats.load(places[n], at), lanes)
            for n, kind in enumerate(operands) if kind == "v"
        }  # fmt: skip
        floats.store(_value(expression, fixed | read).value, y, at)
    with f.when(f.compare("slt", whole, size)):
        at = f.mul(whole, 4)
        mask = floats.mask(f.sub(size, whole))
        read = {
            f"x{n}": Vector(f, floats.load_some(mask, places[n], at), lanes)
            for n, kind in enumerate(operands) if kind == "v"
        }  # fmt: skip
        floats.store_some(_value(expression, fixed | read).value, mask, y, at)


def _value(expression: str, operands: dict[str, Vector]) -> Vector:
    """Writes the instructions of an expression."""

    def visit(node: ast.expr) -> Vector:
        if isinstance(node, ast.Name):
            return operands[node.id]
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        value: Vector = FUNCTIONS[node.func.id](*map(visit, node.args))
        return value

    return visit(ast.parse(expression, mode="eval").body)
