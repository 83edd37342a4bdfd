"""Vector: a vector of numbers in IR that can be calculated with, as with a number.

    y = x * x + 1.0        writes two instructions

So equations are written once: `equation(maths.exp, f)` is the function of jit/kernels/maths.py,
which Numba compiles for numbers, writing vector instructions instead.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from pytflite.jit.ir import Function, float_constant

_FLOATS = {"half": "f16", "float": "f32", "double": "f64"}  # LLVM's types, and suffixes for them


class Vector:
    """A value of IR with its element type ("float", "i32", "i1" ...) and its lanes."""

    __array_ufunc__ = None  # NumPy's numbers leave arithmetic with vectors to us

    def __init__(self, f: Function, value: str, lanes: int, element: str = "float") -> None:
        self.f = f
        self.value = value
        self.lanes = lanes
        self.element = element

    @property
    def type(self) -> str:
        """LLVM's name of it."""
        return f"<{self.lanes} x {self.element}>"

    @property
    def is_float(self) -> bool:
        """Whether its numbers are floats."""
        return self.element in _FLOATS

    @property
    def bits(self) -> int:
        """Of a number."""
        return int((_FLOATS.get(self.element) or self.element)[1:])

    def __str__(self) -> str:
        return f"{self.type} {self.value}"

    def like(self, value: str, element: str | None = None) -> Vector:
        """Another vector of as many lanes."""
        return Vector(self.f, value, self.lanes, element or self.element)

    def op(self, instruction: str, element: str | None = None) -> Vector:
        """The result of an instruction."""
        return self.like(self.f.op(instruction), element)

    def call(self, name: str, *others: Any) -> Vector:
        """An intrinsic of LLVM on vectors of this type."""
        suffix = f"v{self.lanes}{_FLOATS.get(self.element, self.element)}"
        arguments = [str(self), *(str(self.same(o)) for o in others)]
        return self.like(self.f.call(self.type, f"llvm.{name}.{suffix}", *arguments))

    def same(self, other: Any) -> Vector:
        """Another operand as such a vector: a Vector, or a number in each lane."""
        if isinstance(other, Vector):
            return other
        if self.is_float:
            number = float_constant(float(other), self.element)
            return self.like(f"splat ({self.element} {number})")
        return self.like(f"splat ({self.element} {int(other)})")

    def _binary(self, name: str, other: Any, swap: bool = False) -> Vector:
        a, b = (self.same(other), self) if swap else (self, self.same(other))
        return self.op(f"{name} {self.type} {a.value}, {b.value}")

    def _arithmetic(self, name: str, other: Any, swap: bool = False) -> Vector:
        return self._binary("f" * self.is_float + name, other, swap)

    def __add__(self, other: Any) -> Vector:
        return self._arithmetic("add", other)

    def __radd__(self, other: Any) -> Vector:
        return self._arithmetic("add", other, swap=True)

    def __sub__(self, other: Any) -> Vector:
        return self._arithmetic("sub", other)

    def __rsub__(self, other: Any) -> Vector:
        return self._arithmetic("sub", other, swap=True)

    def __mul__(self, other: Any) -> Vector:
        return self._arithmetic("mul", other)

    def __rmul__(self, other: Any) -> Vector:
        return self._arithmetic("mul", other, swap=True)

    def __truediv__(self, other: Any) -> Vector:
        return self._binary("fdiv", other)

    def __rtruediv__(self, other: Any) -> Vector:
        return self._binary("fdiv", other, swap=True)

    def __neg__(self) -> Vector:
        if self.is_float:
            return self.op(f"fneg {self}")
        return 0 - self

    def __lshift__(self, other: Any) -> Vector:
        return self._binary("shl", other)

    def __rshift__(self, other: Any) -> Vector:
        return self._binary("ashr", other)

    def __and__(self, other: Any) -> Vector:
        return self._binary("and", other)

    def __or__(self, other: Any) -> Vector:
        return self._binary("or", other)

    def __xor__(self, other: Any) -> Vector:
        return self._binary("xor", other)

    def equals(self, other: Any) -> Vector:
        """Where the numbers are the same; NaN never is."""
        return self._compare("eq", other)

    def differs(self, other: Any) -> Vector:
        """Where they are not."""
        return self.equals(other) ^ True

    def to(self, element: str) -> Vector:
        """The same numbers as another type: integers signed, but i1; cut off if too long."""
        if element == self.element:
            return self
        target = Vector(self.f, "", self.lanes, element)
        if self.is_float and target.is_float:
            name = "fpext" if target.bits > self.bits else "fptrunc"
        elif self.is_float:
            name = "fptosi"
        elif target.is_float:
            name = "uitofp" if self.element == "i1" else "sitofp"
        elif target.bits < self.bits:
            name = "trunc"
        else:
            name = "zext" if self.element == "i1" else "sext"
        return self.op(f"{name} {self} to {target.type}", element)

    def _compare(self, how: str, other: Any) -> Vector:
        name = f"fcmp o{how}" if self.is_float else f"icmp {'s' * (how != 'eq')}{how}"
        return self.op(f"{name} {self.type} {self.value}, {self.same(other).value}", "i1")

    def __lt__(self, other: Any) -> Vector:
        return self._compare("lt", other)

    def __gt__(self, other: Any) -> Vector:
        return self._compare("gt", other)

    def __le__(self, other: Any) -> Vector:
        return self._compare("le", other)

    def __ge__(self, other: Any) -> Vector:
        return self._compare("ge", other)


def _fma(a: Vector, b: Any, c: Any) -> Vector:
    for operand in (a, b, c):
        if isinstance(operand, Vector):
            a = operand.same(a)
            break
    return a.call("fma", b, c)


def _where(condition: Vector, a: Any, b: Any) -> Vector:
    kind = a if isinstance(a, Vector) else b if isinstance(b, Vector) else None
    if kind is None:
        kind = condition.like("", "float")
    a, b = kind.same(a), kind.same(b)
    chosen: Vector = kind.op(f"select {condition}, {a}, {b}")
    return chosen


# What jit/kernels/intrinsics.py has for numbers.
INTRINSICS: dict[str, Callable[..., Vector]] = {
    "fma": _fma,
    "where": _where,
    "bits": lambda x: x.op(f"bitcast {x} to <{x.lanes} x i32>", "i32"),
    "from_bits": lambda x: x.op(f"bitcast {x} to <{x.lanes} x float>", "float"),
    "bits64": lambda x: x.op(f"bitcast {x} to <{x.lanes} x i64>", "i64"),
    "from_bits64": lambda x: x.op(f"bitcast {x} to <{x.lanes} x double>", "double"),
    "wide": lambda x: x.to("double"),
    "single": lambda x: x.to("float"),
    "rint": lambda x: x.call("nearbyint"),  # which SSE2 has as a function, too
    "trunc": lambda x: x.op(f"fptosi {x} to <{x.lanes} x i32>", "i32"),
    "sqrt": lambda x: x.call("sqrt"),
    "absolute": lambda x: x.call("fabs"),
    "copysign": lambda x, sign: sign.same(x).call("copysign", sign),
    "floor": lambda x: x.call("floor"),
    "ceil": lambda x: x.call("ceil"),
}


def equation(function: Callable[..., Any]) -> Callable[..., Vector]:
    """A function of jit/kernels for vectors: its own code, with the intrinsics of vectors."""
    assert isinstance(function, FunctionType)
    names = dict(function.__globals__)
    for name in function.__code__.co_names:
        inner = names.get(name)
        if name in INTRINSICS:
            names[name] = INTRINSICS[name]
        elif isinstance(inner, FunctionType):
            names[name] = equation(inner)
    return FunctionType(function.__code__, names, function.__name__, function.__defaults__)
