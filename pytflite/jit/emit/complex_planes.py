"""Complex numbers of float64 in vectors; in memory planes, of real parts and of imaginary ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function, Value
from pytflite.jit.target import Target

DOUBLE = 8


def lanes_of(target: Target) -> int:
    """Doubles in a vector."""
    return target.vector // DOUBLE


class Complex(NamedTuple):
    """As many numbers as a vector has lanes."""

    re: Vector
    im: Vector

    def plus(self, z: Complex) -> Complex:
        """self + z."""
        return Complex(self.re + z.re, self.im + z.im)

    def minus(self, z: Complex) -> Complex:
        """self - z."""
        return Complex(self.re - z.re, self.im - z.im)

    def turned(self) -> Complex:
        """i times the number."""
        return Complex(-self.im, self.re)

    def times(self, w: Complex) -> Complex:
        """self * w."""
        re = self.re.call("fmuladd", w.re, -(self.im * w.im))
        return Complex(re, self.re.call("fmuladd", w.im, self.im * w.re))


class Planes:
    """Memory of complex numbers: where it begins, and how many bytes a plane has."""

    def __init__(self, f: Function, lanes: int, plane: Value) -> None:
        self._f = f
        self._lanes = lanes
        self._plane = plane

    def load(self, base: str, index: str) -> Complex:
        """A vector of numbers from this one on."""
        at = self._f.at(base, self._f.mul(index, DOUBLE))
        return Complex(self._read(at), self._read(self._f.at(at, self._plane)))

    def _read(self, at: str) -> Vector:
        return Vector(self._f, self._f.load(f"<{self._lanes} x double>", at), self._lanes, "double")

    def store(self, base: str, index: str, z: Complex) -> None:
        """Vectors of any length."""
        at = self._f.at(base, self._f.mul(index, DOUBLE))
        self._f.store(z.re.type, z.re.value, at)
        self._f.store(z.im.type, z.im.value, self._f.at(at, self._plane))


def joined(f: Function, parts: Sequence[Vector], order: Sequence[int]) -> Vector:
    """Elements of several vectors in another order."""
    parts = list(parts)
    while len(parts) > 1:
        wide = 2 * parts[0].lanes
        mask = range(wide) if len(parts) > 2 else order
        parts = [shuffled(f, a, b, mask) for a, b in zip(parts[::2], parts[1::2], strict=True)]
    return parts[0]


def shuffled(f: Function, a: Vector, b: Vector, order: Sequence[int]) -> Vector:
    """Elements of two vectors in another order."""
    mask = ", ".join(f"i32 {n}" for n in order)
    value = f.op(f"shufflevector {a}, {b}, <{len(order)} x i32> <{mask}>")
    return Vector(f, value, len(order), a.element)


def put(f: Function, z: Complex, at: str) -> None:
    """Stores complex numbers of float32, real and imaginary parts in turn."""
    lanes = z.re.lanes
    order = [n // 2 + lanes * (n % 2) for n in range(2 * lanes)]
    both = shuffled(f, z.re.to("float"), z.im.to("float"), order)
    f.store(both.type, both.value, at, align=4)


def put_one(f: Function, re: str, im: str, at: str) -> None:
    """Stores one."""
    for part, offset in ((re, 0), (im, 4)):
        f.store("float", f.op(f"fptrunc double {part} to float"), at, offset, 4)
