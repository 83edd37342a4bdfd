"""y = an expression of x0, x1 ..., element by element, in one pass.

The setting `expression` is written in Python: "mul(x0, logistic(x0))", or with names for what is
used again, "t = add(x0, x1); mul(t, t)". FUNCTIONS has the functions; emit/rows.py tells of
`operands`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.rows import blocks, slots
from pytflite.jit.emit.vector import INTRINSICS, Vector, equation
from pytflite.jit.ir import Function, Module
from pytflite.jit.kernels import angles, maths, powers
from pytflite.jit.target import Target

_where = INTRINSICS["where"]


def _clamp(x: Vector, low: Vector, high: Vector) -> Vector:
    x = _where(x < low, low, x)
    return _where(x > high, high, x)


def _relu6(x: Vector) -> Vector:
    x = _where(x < 0.0, 0.0, x)
    return _where(x > 6.0, 6.0, x)


def _sign(x: Vector) -> Vector:
    return _where(x > 0.0, 1.0, _where(x < 0.0, -1.0, x))


def _floor_mod(a: Vector, b: Vector) -> Vector:
    """a - b * floor(a / b), exactly; with the sign of b."""
    rest = a.op(f"frem {a}, {b.value}")
    opposite = rest.call("copysign", b).differs(rest)
    moved = _where(opposite, rest + b, rest)
    return _where(rest.equals(0.0), rest.call("copysign", b), moved)


def _unless(condition: Vector, usual: Vector, other: Callable[[], Vector]) -> Vector:
    """usual; another value for all lanes if the condition holds in any: a branch."""
    f, lanes = condition.f, condition.lanes
    bits = f.op(f"bitcast {condition} to i{lanes}")
    some = f.compare("ne", bits, 0, f"i{lanes}")
    return usual.like(f.unless(some, usual.type, usual.value, lambda: other().value))


def _angle(name: str) -> Callable[[Vector], Vector]:
    """sin or cos: the quick way, but where a number of the vector is too large for it."""
    near, far = (equation(getattr(angles, f"{name}_{way}")) for way in ("near", "far"))
    return lambda x: _unless(x.call("fabs") > angles.NEAR, near(x), lambda: far(x))


def _power(a: Vector, b: Vector) -> Vector:
    """The quick way, but where a number of the vector asks for more."""
    infinity = float("inf")
    zero = INTRINSICS["bits"](a).equals(0) & (b > 0.0)
    usual = ((a >= powers.SMALLEST) | zero) & (a < infinity) & (b.call("fabs") < infinity)
    quick = equation(powers.usual_power)(a, b)
    return _unless(usual ^ True, quick, lambda: equation(powers.power)(a, b))


def _whole_power(x: Vector, exponent: int) -> Vector:
    """By squaring, from the highest bit on, as ops/elementwise/power.py has it."""
    power = x
    for bit in f"{exponent:b}"[1:]:
        power = power * power
        if bit == "1":
            power = power * x
    return power


def _root(x: Vector) -> Vector:
    """x^0.5 as C's pow has it: 0 of -0, infinity of minus infinity."""
    infinite = (-x).equals(float("inf"))
    return INTRINSICS["sqrt"](_where(infinite, float("inf"), x) + 0.0)


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
    "bsign": lambda x: x.same(1.0).call("copysign", x),
    "exp": equation(maths.exp),
    "tanh": equation(maths.tanh),
    "logistic": equation(maths.logistic),
    **{
        name: equation(getattr(maths, name))
        for name in (
            "log",
            "elu",
            "gelu",
            "gelu_approximate",
            "atan2",
            "softplus",
            "softsign",
            "selu",
        )
    },
    "sin": _angle("sin"),
    "cos": _angle("cos"),
    "power": _power,
    "whole_power": _whole_power,
    "root": _root,
    "reciprocal": lambda x: 1.0 / x,
    "floor_mod": _floor_mod,
    "hard_swish": lambda x: x * _relu6(x + 3.0) * (1.0 / 6.0),
    "leaky_relu": lambda x, alpha: _where(x > 0.0, x, x * alpha),
    "prelu": lambda x, alpha: _where(x < 0.0, x * alpha, x),
}


def float32(module: Module, target: Target, expression: str, operands: str, loops: int) -> None:
    """Slots: those of rows.slots."""
    f = module.kernel(*slots(operands, loops))
    floats = Floats(f, target)
    with blocks(f, operands, [4] * len(operands), 4, loops) as block:
        _row(f, floats, expression, operands, block.operands, block.y, block.size)


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
        floats.store(evaluated(expression, fixed | read, FUNCTIONS).value, y, at)
    with f.when(f.compare("slt", whole, size)):
        at = f.mul(whole, 4)
        mask = floats.mask(f.sub(size, whole))
        read = {
            f"x{n}": Vector(f, floats.load_some(mask, places[n], at), lanes)
            for n, kind in enumerate(operands) if kind == "v"
        }  # fmt: skip
        floats.store_some(evaluated(expression, fixed | read, FUNCTIONS).value, mask, y, at)


def evaluated(
    expression: str, operands: Mapping[str, Vector], functions: Mapping[str, Callable[..., Any]]
) -> Vector:
    """Writes the instructions of an expression."""
    names: dict[str, Any] = dict(operands)

    def visit(node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            return names[node.id]
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.UnaryOp):
            return -visit(node.operand)
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        return functions[node.func.id](*map(visit, node.args))

    value: Any = None
    for line in ast.parse(expression).body:
        assert isinstance(line, (ast.Assign, ast.Expr))
        value = visit(line.value)
        if isinstance(line, ast.Assign) and isinstance(line.targets[0], ast.Name):
            names[line.targets[0].id] = value
    assert isinstance(value, Vector)
    return value
