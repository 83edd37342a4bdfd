"""Depthwise convolution in integers alone: of int16, and of 8 bits where sums pass float32's 24.

    output = clamp(zero_point + round(real[c] * (bias[c] + sum over taps of x * filter[tap, c])))

One output and one vector of channels after another, whatever the windows (depthwise_general.py);
products are of int32, and so are their sums, unless that might not hold them ("long"). Sums are
widened to 64 bits and become outputs by the definition (requantize_wide.py). Weights have their
zero point taken off; the bias makes up for that of x, and what lies outside the picture counts as
that.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit import requantize, requantize_wide
from pytflite.jit.emit.depthwise_general import SLOTS, General
from pytflite.jit.emit.requantize_wide import WideFinisher
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target


class Input(NamedTuple):
    """The type of x, and of the sums.

    Attributes:
        name: "int8", "uint8" or "int16".
        long: sums are of 64 bits.
    """

    name: str
    long: bool

    @property
    def bytes(self) -> int:
        """Of an element."""
        return 2 if self.name == "int16" else 1

    @property
    def extend(self) -> str:
        """The instruction that makes it longer."""
        return "zext" if self.name == "uint8" else "sext"


def general(
    module: Module, target: Target, *, masked: bool, multiplied: bool, x: str, rounding: str,
    output: str, long: bool,
) -> None:  # fmt: skip
    """Any windows.

    Args:
        masked, multiplied: as in depthwise_general.General.write.
        x, long: as in Input. rounding, output: as in requantize_wide.Form.
    """
    f = module.kernel(*SLOTS)
    form = requantize_wide.Form(rounding, output)
    writer = GeneralInteger(f, target, form, Input(x, long))
    writer.write(masked=masked, multiplied=multiplied, item=form.bytes)


class GeneralInteger(General):
    """Writes `general`."""

    def __init__(
        self, f: Function, target: Target, form: requantize_wide.Form, given: Input
    ) -> None:
        super().__init__(f, target, len(requantize.rows(form.rounding)), given.bytes)
        self.form = form
        self.given = given
        lanes = target.lanes
        self.integers, self.bits = f"<{lanes} x i32>", f"<{lanes} x i1>"
        self.element = f"i{8 * given.bytes}"
        self.sums = f"<{lanes} x i64>" if given.long else self.integers
        self._masks = WideFinisher(f, target, form, "", lanes)

    def mask(self, left: str) -> str:
        """Of the first lanes, so many are left."""
        return self._masks.mask(left)

    def vector(self, panel: str, first: str, output: str, mask: str, repeated: int) -> None:
        """One vector of outputs."""
        f = self.f

        def term(seen: str, weight: str, total: str) -> str:
            values = self.read(seen, mask, spread=repeated > 1)
            product = f.op(f"mul {self.integers} {values}, {f.load(self.integers, weight, 0, 4)}")
            if self.given.long:
                product = f.op(f"sext {self.integers} {product} to {self.sums}")
            return f.op(f"add {self.sums} {total}, {product}")

        finisher = WideFinisher(f, self.target, self.form, panel, self.target.lanes)
        total = self.taps(panel, first, (self.sums, "zeroinitializer"), term)
        if not self.given.long:
            total = f.op(f"sext {self.integers} {total} to {finisher.kind}")
        total = f.op(f"add {finisher.kind} {total}, {finisher.bias(0)}")
        finisher.give(total, 0, output, mask)

    def read(self, pointer: str, mask: str, *, spread: bool) -> str:
        """Inputs as int32: a vector of channels, or one in all lanes."""
        f, lanes = self.f, self.target.lanes
        kind = f"<{lanes} x {self.element}>"
        if spread:
            x = f.splat(self.element, lanes, f.load(self.element, pointer))
        elif mask:
            x = f.call(
                kind, f"llvm.masked.load.v{lanes}{self.element}.p0", f"ptr {pointer}", "i32 1",
                f"{self.bits} {mask}", f"{kind} zeroinitializer",
            )  # fmt: skip
        else:
            x = f.load(kind, pointer)
        return f.op(f"{self.given.extend} {kind} {x} to {self.integers}")
