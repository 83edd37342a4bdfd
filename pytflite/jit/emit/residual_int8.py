"""A quantised ADD of a product's outputs and another tensor, while they are in registers.

    output = clamp(rint(y * scale_y + (r * scale_r + offset)))

y is what the product alone would put out, r what lies at the same place of the other tensor; both
are bytes, uint8 taken as int8, 128 less. Whoever makes the three numbers has tried all pairs of
bytes (lowering/sums_int8.py); if some pair comes out as something else, `proven` is 0, outputs of
the product are stored, and a table of all pairs is looked up. The other tensor must lie elsewhere
than the output: rows may be computed twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytflite.jit.emit import some_bytes
from pytflite.jit.emit.requantize import interleaves

if TYPE_CHECKING:
    from pytflite.jit.emit.gemm_int8 import Micro

# Slots of a kernel, last of all; numbers: NUMBERS in float32.
SLOTS = ("ptr addend", "ptr sum_numbers", "ptr sum_table", "i64 sum_low", "i64 sum_high")
EXTRA = ("ptr output", *SLOTS)  # what micro takes besides
BOUNDS = ("%sum_low", "%sum_high")
NUMBERS = ("scale_y", "scale_r", "offset", "proven")


class Residual:
    """Writes the sum for a micro."""

    def __init__(self, micro: Micro) -> None:
        """Of a micro that can tell its places."""
        self.micro = micro
        self.f = micro.f
        self.lanes = micro.target.lanes
        self.floats = f"<{self.lanes} x float>"

    def proven(self) -> str:
        """Whether the formula holds for all pairs (i1)."""
        number = self.f.load("float", "%sum_numbers", 4 * NUMBERS.index("proven"))
        return self.f.op(f"fcmp one float {number}, 0.0")

    def added(self, row: list[str], place: str) -> list[str]:
        """Sums, not clamped yet, of vectors of integers and what lies at the place of a row."""
        f, floats = self.f, self.floats
        numbers = [
            f.splat("float", self.lanes, f.load("float", "%sum_numbers", 4 * n)) for n in range(3)
        ]
        total = []
        for y, r in zip(row, self._read(self.other(place), len(row)), strict=True):
            y = self.micro.finisher.clamped(y)
            y = f.op(f"sitofp {self.micro.kind} {y} to {floats}")
            t = self._multiply_add(y, numbers[0], self._multiply_add(r, numbers[1], numbers[2]))
            total.append(self.micro.finisher.nearest(t))
        return total

    def look_up(self, place: str) -> None:
        """Makes sums of the outputs that are at the place of a row."""
        f = self.f
        other = self.other(place)
        with f.loop(0, "%width") as loop:
            entry = "0"
            for pointer in (place, other):
                byte = f.op(f"zext i8 {f.load('i8', pointer, loop.index)} to i64")
                entry = f.add(f.mul(entry, 256), byte)
            f.store("i8", f.load("i8", "%sum_table", entry), place, loop.index)

    def other(self, place: str) -> str:
        """Where a place of the output would be in the other tensor."""
        f = self.f
        at, output = (f.op(f"ptrtoint ptr {pointer} to i64") for pointer in (place, "%output"))
        return f.at("%addend", f.sub(at, output))

    def _multiply_add(self, x: str, scale: str, offset: str) -> str:
        f, floats = self.f, self.floats
        if self.micro.finisher.fused:
            name = f"llvm.fma.v{self.lanes}f32"
            return f.call(floats, name, *(f"{floats} {v}" for v in (x, scale, offset)))
        return f.op(f"fadd {floats} {f.op(f'fmul {floats} {x}, {scale}')}, {offset}")

    def _read(self, place: str, wide: int) -> list[str]:
        """Bytes as floats, in the order of columns of the panel."""
        f, lanes, some = self.f, self.lanes, self.micro.masked
        if interleaves(self.micro.target, wide):
            both = some_bytes.load(f, self.micro.target, place, 0, 2 * lanes, masked=some)
            kind = f"<{2 * lanes} x i8>"
            vectors = []
            for first in (0, 4):
                order = ", ".join(f"i32 {n // 4 * 8 + first + n % 4}" for n in range(lanes))
                vectors.append(f.op(
                    f"shufflevector {kind} {both}, {kind} poison, <{lanes} x i32> <{order}>"
                ))  # fmt: skip
        else:
            vectors = [
                some_bytes.load(
                    f, self.micro.target, place, n * lanes, lanes, masked=some and n == wide - 1
                )
                for n in range(wide)
            ]
        return [self._extended(v) for v in vectors]

    def _extended(self, x: str) -> str:
        f, lanes = self.f, self.lanes
        if self.micro.form.unsigned:
            x = f.op(f"xor <{lanes} x i8> {x}, splat (i8 -128)")
        x = f.op(f"sext <{lanes} x i8> {x} to <{lanes} x i32>")
        return f.op(f"sitofp <{lanes} x i32> {x} to {self.floats}")
