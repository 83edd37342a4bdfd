"""From sums of 64 bits to quantised outputs, by the definitions: for int16, and for long sums.

    output = clamp(zero_point + round(real[n] * (sum + bias[n])), low, high)

    wide            floor(y + 1/2), with a multiplier of 16 bits: sums are int64
    narrow          gemmlowp's two roundings (ops/fixed_point.py): sums wrap to int32
    double          half away from zero of a product in float64: sums are int64
    double_narrow   the same, sums wrap to int32
    nearest         half to even in float32, as XNNPACK does: sums wrap to int32

Sums are exact, so that int32 sums may wrap here, at the end. "wide" and "narrow" are shifts:

    ((sum << left) * multiplier + nudge - (2^31 if that product is below 0 and right > 31)) >> right
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytflite.jit.emit import requantize
from pytflite.jit.emit.requantize import half_away
from pytflite.jit.ir import Function, Value, float_constant
from pytflite.jit.target import Target

SLOTS = requantize.SLOTS
NARROW = ("narrow", "double_narrow", "nearest")


class Form(NamedTuple):
    """What the code fixes.

    Attributes:
        rounding: as above.
        output: "int8", "uint8" or "int16".
    """

    rounding: str
    output: str

    @property
    def bytes(self) -> int:
        """Of an output."""
        return 2 if self.output == "int16" else 1


class WideFinisher:
    """Writes the steps for vectors of sums, whose constants are in a panel.

    Attributes:
        kind: the type of a vector of sums.
    """

    def __init__(self, f: Function, target: Target, form: Form, panel: str, columns: int) -> None:
        """Columns: outputs of the panel, so also numbers of a row of constants."""
        self.f = f
        self.form = form
        self.lanes = target.lanes
        self.kind = f"<{target.lanes} x i64>"
        self.integers, self.bits = f"<{target.lanes} x i32>", f"<{target.lanes} x i1>"
        self._of = requantize.Finisher(
            f, target, requantize.Form(form.rounding, False, False), panel, columns
        )

    def bias(self, n: int) -> str:
        """Of vector n of the panel."""
        return self._of.constant("bias", n, self.kind)

    def give(self, total: str, n: int, place: str, mask: str) -> None:
        """Writes outputs from vector n of sums, bias included; all of them, or those of a mask."""
        f, lanes = self.f, self.lanes
        if self.form.rounding in NARROW:
            total = f.op(f"trunc {self.kind} {total} to {self.integers}")
        y = _WAYS[self.form.rounding](self, total, n)
        y = f.op(f"add {self.kind} {y}, {f.splat('i64', lanes, '%zero_point')}")
        for how, bound in (("smax", "%low"), ("smin", "%high")):
            arguments = f"{self.kind} {y}", f"{self.kind} {f.splat('i64', lanes, bound)}"
            y = f.call(self.kind, f"llvm.{how}.v{lanes}i64", *arguments)
        size = 8 * self.form.bytes
        kind = f"<{lanes} x i{size}>"
        y = f.op(f"trunc {self.kind} {y} to {kind}")
        if not mask:
            f.store(kind, y, place)
            return
        f.call(
            "void", f"llvm.masked.store.v{lanes}i{size}.p0", f"{kind} {y}", f"ptr {place}",
            "i32 1", f"{self.bits} {mask}",
        )  # fmt: skip

    def mask(self, count: Value) -> str:
        """The first lanes, `count` of them."""
        f, lanes = self.f, self.lanes
        numbers = ", ".join(f"i32 {n}" for n in range(lanes))
        limit = f.splat("i32", lanes, f.op(f"trunc i64 {count} to i32"))
        return f.op(f"icmp slt {self.integers} <{numbers}>, {limit}")

    def _shifted(self, x: str, n: int) -> str:
        """In fixed point."""
        f, kind = self.f, self.kind
        m = self._of.constant("multiplier", n, self.integers)
        m = f.op(f"sext {self.integers} {m} to {kind}")
        nudge, right = self._of.constant("nudge", n, kind), self._of.constant("right", n, kind)
        if self.form.rounding == "narrow":
            x = f.op(f"shl {self.integers} {x}, {self._of.constant('left', n, self.integers)}")
            x = f.op(f"sext {self.integers} {x} to {kind}")
        product = f.op(f"mul {kind} {x}, {m}")
        if self.form.rounding == "narrow":
            below = f.op(f"icmp slt {kind} {product}, zeroinitializer")
            twice = f.op(f"icmp sgt {kind} {right}, splat (i64 31)")
            both = f.op(f"and {self.bits} {below}, {twice}")
            less = f"{kind} splat (i64 {2**31}), {kind} zeroinitializer"
            nudge = f.op(f"sub {kind} {nudge}, {f.op(f'select {self.bits} {both}, {less}')}")
        return f.op(f"ashr {kind} {f.op(f'add {kind} {product}, {nudge}')}, {right}")

    def _real(self, x: str, n: int) -> str:
        """In float64, half away from zero."""
        f, lanes = self.f, self.lanes
        kind = f"<{lanes} x double>"
        given = self.integers if self.form.rounding in NARROW else self.kind
        x = f.op(f"sitofp {given} {x} to {kind}")
        x = f.op(f"fmul {kind} {x}, {self._of.constant('real', n, kind)}")
        whole = half_away(f, lanes, x)
        return f.op(f"sext {self.integers} {whole} to {self.kind}")

    def _nearest(self, x: str, n: int) -> str:
        """In float32; beyond 2^30 all are clamped."""
        f, lanes = self.f, self.lanes
        kind = f"<{lanes} x float>"
        x = f.op(f"sitofp {self.integers} {x} to {kind}")
        x = f.op(f"fmul {kind} {x}, {self._of.constant('scale', n)}")
        for how, bound in (("olt", -(2.0**30)), ("ogt", 2.0**30)):
            limit = f"splat (float {float_constant(bound)})"
            beyond = f.op(f"fcmp {how} {kind} {x}, {limit}")
            x = f.op(f"select {self.bits} {beyond}, {kind} {limit}, {kind} {x}")
        y = f.call(self.integers, f"llvm.lrint.v{lanes}i32.v{lanes}f32", f"{kind} {x}")
        return f.op(f"sext {self.integers} {y} to {self.kind}")


_WAYS: dict[str, Callable[[WideFinisher, str, int], str]] = {
    "wide": WideFinisher._shifted,
    "narrow": WideFinisher._shifted,
    "double": WideFinisher._real,
    "double_narrow": WideFinisher._real,
    "nearest": WideFinisher._nearest,
}
