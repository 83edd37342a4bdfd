"""Depthwise convolution of int8 and uint8, whatever the windows: numbers as in depthwise_int8.py.

depthwise_general.py has the loops.
"""

from __future__ import annotations

from pytflite.jit.emit import requantize
from pytflite.jit.emit.depthwise_general import SLOTS, General
from pytflite.jit.emit.depthwise_int8 import Vectors
from pytflite.jit.emit.requantize import Finisher
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target


def general(
    module: Module, target: Target, *, masked: bool, multiplied: bool, x: str, rounding: str,
    signed: bool, output: str, late: bool, repeated: int,
) -> None:  # fmt: skip
    """Any windows.

    Args:
        masked, multiplied, repeated: as in depthwise_general.General.write.
        x ... late: as in `tiled`.
    """
    f = module.kernel(*SLOTS)
    form = requantize.Form(rounding, signed, output == "uint8", not late)
    writer = GeneralInt8(f, target, form, x)
    writer.write(masked=masked, multiplied=multiplied, repeated=repeated)


class GeneralInt8(General):
    """Writes `general`: sums in float32."""

    def __init__(self, f: Function, target: Target, form: requantize.Form, x: str) -> None:
        super().__init__(f, target, len(requantize.rows(form.rounding)))
        self.vectors = Vectors(f, target, form, x)
        self.v = self.vectors.v
        self.careful = form.rounding != "litert"

    def mask(self, left: str) -> str:
        """Of the first lanes, so many are left."""
        return self.v.mask(left)

    def vector(self, panel: str, first: str, output: str, mask: str, repeated: int) -> None:
        """One vector of outputs."""

        def term(seen: str, weight: str, total: str) -> str:
            values = self.repeat(seen, repeated) if repeated > 1 else self.vectors.read(seen, mask)
            return self.v.multiply_add(values, self.v.load(weight), total)

        finisher = self.vectors.finisher(panel)
        begin = self.v.type, self.vectors.first(panel)
        self.finish(finisher, self.taps(panel, first, begin, term), output, mask)

    def finish(self, finisher: Finisher, total: str, output: str, mask: str) -> None:
        """Writes outputs, from sums of products."""
        total = self.vectors.summed(finisher, total)
        _, rounded = finisher.rounded(total, 0)
        self.vectors.store(finisher, rounded, output, mask)
        if self.careful:
            with self.f.when(finisher.flag()):
                self.vectors.settle(finisher, total, output, mask)

    def repeat(self, pointer: str, times: int) -> str:
        """Inputs side by side, each in so many lanes."""
        lanes = self.v.lanes
        if times == lanes:
            return self.vectors.as_floats(self.f.splat("i8", lanes, self.f.load("i8", pointer)))
        kind = f"<{lanes // times} x i8>"
        order = ", ".join(f"i32 {n // times}" for n in range(lanes))
        read = self.f.load(kind, pointer)
        return self.vectors.as_floats(
            self.f.op(f"shufflevector {kind} {read}, {kind} poison, <{lanes} x i32> <{order}>")
        )
