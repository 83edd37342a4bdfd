"""Vectors of float32, as the kernels of products and convolutions use them."""

from __future__ import annotations

from pytflite.jit.ir import Function, Value
from pytflite.jit.target import Target


class Floats:
    """Writes operations on vectors of float32 of a target, or of a given number of lanes."""

    def __init__(self, f: Function, target: Target, lanes: int = 0) -> None:
        self.f = f
        self.lanes = lanes or target.lanes
        self.bytes = 4 * self.lanes
        self.type = f"<{self.lanes} x float>"
        self.bits = f"<{self.lanes} x i1>"

    def splat(self, value: str) -> str:
        """The value in each lane."""
        return self.f.splat("float", self.lanes, value)

    def load(self, pointer: str, offset: Value = 0) -> str:
        """As many floats as there are lanes."""
        return self.f.load(self.type, pointer, offset, 4)

    def store(self, value: str, pointer: str, offset: Value = 0) -> None:
        """Writes them."""
        self.f.store(self.type, value, pointer, offset, 4)

    def broadcast(self, pointer: str, offset: Value = 0) -> str:
        """One float of memory in each lane."""
        return self.splat(self.f.load("float", pointer, offset, 4))

    def multiply_add(self, a: str, b: str, c: str) -> str:
        """a * b + c, rounded once where the CPU can."""
        kind = self.type
        arguments = f"{kind} {a}", f"{kind} {b}", f"{kind} {c}"
        return self.f.call(kind, f"llvm.fmuladd.v{self.lanes}f32", *arguments)

    def add(self, a: str, b: str) -> str:
        """a + b."""
        return self.f.op(f"fadd {self.type} {a}, {b}")

    def at_least(self, x: str, low: str) -> str:
        """max(x, low); NaN passes."""
        less = self.f.op(f"fcmp olt {self.type} {x}, {low}")
        return self.f.op(f"select {self.bits} {less}, {self.type} {low}, {self.type} {x}")

    def at_most(self, x: str, high: str) -> str:
        """min(x, high); NaN passes."""
        more = self.f.op(f"fcmp ogt {self.type} {x}, {high}")
        return self.f.op(f"select {self.bits} {more}, {self.type} {high}, {self.type} {x}")

    def mask(self, count: str) -> str:
        """The first lanes, `count` (i64) of them, as a vector of bits."""
        numbers = ", ".join(f"i32 {n}" for n in range(self.lanes))
        limit = self.f.splat("i32", self.lanes, self.f.op(f"trunc i64 {count} to i32"))
        return self.f.op(f"icmp slt <{self.lanes} x i32> <{numbers}>, {limit}")

    def load_some(self, mask: str, pointer: str, offset: Value = 0) -> str:
        """The lanes of the mask from memory, zero in others; touches no other memory."""
        return self.f.call(
            self.type, f"llvm.masked.load.v{self.lanes}f32.p0", f"ptr {self.f.at(pointer, offset)}",
            "i32 4", f"{self.bits} {mask}", f"{self.type} zeroinitializer",
        )  # fmt: skip

    def store_some(self, value: str, mask: str, pointer: str, offset: Value = 0) -> None:
        """Writes the lanes of the mask, nothing else."""
        self.f.call(
            "void", f"llvm.masked.store.v{self.lanes}f32.p0", f"{self.type} {value}",
            f"ptr {self.f.at(pointer, offset)}", "i32 4", f"{self.bits} {mask}",
        )  # fmt: skip
