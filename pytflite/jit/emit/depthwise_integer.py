"""Depthwise convolution in integers alone: of int16, and of 8 bits where sums pass float32's 24.

    output = clamp(zero_point + round(real[c] * (bias[c] + sum over taps of x * filter[tap, c])))

One output and one vector of channels after another, whatever the windows, as in
depthwise_general_int8.py; products are of int32, and so are their sums, unless that might not hold
them ("long"). Sums are widened to 64 bits and become outputs by the definition
(requantize_wide.py). Weights have their zero point taken off; the bias makes up for that of x, and
what lies outside the picture counts as that.

Packed are, for each vector of outputs, the constants, and then the taps: [vectors][constants, taps
...][lanes] of 32 bits.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit import requantize, requantize_wide
from pytflite.jit.emit.depthwise_general_int8 import SLOTS
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
        masked: there are fewer channels than lanes.
        multiplied: there are several filters for each channel.
        x, long: as in Input. rounding, output: as in requantize_wide.Form.
    """
    f = module.kernel(*SLOTS)
    form = requantize_wide.Form(rounding, output)
    writer = General(f, target, form, Input(x, long))
    lanes, item = target.lanes, form.bytes
    filters = f.mul("%channels", "%each")
    stop = f.min(f.mul("%end", "%block"), "%total")
    with (
        f.loop(f.mul("%begin", "%block"), stop) as line,
        f.loop(0, "%outputs_w") as column,
    ):
        place = f.add(f.mul(line.index, "%outputs_w"), column.index)
        here = f.at("%output", f.mul(f.mul(place, filters), item))
        writer.pixel(line.index, column.index)
        if multiplied:
            parts = f.op(f"sdiv i64 {f.add('%each', lanes - 1)}, {lanes}")
            with f.loop(0, "%channels") as channel, f.loop(0, parts) as part:
                number = f.add(f.mul(channel.index, parts), part.index)
                first = f.mul(part.index, lanes)
                mask = writer.mask(f.sub("%each", first))
                at = f.mul(f.add(f.mul(channel.index, "%each"), first), item)
                writer.vector(number, channel.index, f.at(here, at), mask, spread=True)
        else:
            count = f.op(f"sdiv i64 {f.add('%channels', lanes - 1)}, {lanes}")
            final = f.max(f.sub("%channels", lanes), 0)
            mask = writer.mask("%channels") if masked else ""
            with f.loop(0, count) as loop:
                first = f.min(f.mul(loop.index, lanes), final)
                writer.vector(loop.index, first, f.at(here, f.mul(first, item)), mask, spread=False)


class General:
    """Writes the vectors of one output pixel after another."""

    def __init__(
        self, f: Function, target: Target, form: requantize_wide.Form, given: Input
    ) -> None:
        self.f = f
        self.target = target
        self.form = form
        self.given = given
        lanes = target.lanes
        self.integers, self.bits = f"<{lanes} x i32>", f"<{lanes} x i1>"
        self.element = f"i{8 * given.bytes}"
        self.sums = f"<{lanes} x i64>" if given.long else self.integers
        self.constants = len(requantize.rows(form.rounding)) * target.vector
        taps = f.mul("%taps_h", "%taps_w")
        self.panel = f.add(f.mul(taps, target.vector), self.constants)
        self.mask = WideFinisher(f, target, form, "", lanes).mask

    def pixel(self, line: str, ox: str) -> None:
        """Finds the window of an output pixel, by the number of its line in all images."""
        f = self.f
        image = f.op(f"sdiv i64 {line}, %outputs_h")
        oy = f.sub(line, f.mul(image, "%outputs_h"))
        self.bytes = f.mul("%channels", self.given.bytes)
        size = f.mul(f.mul("%height", "%width"), self.bytes)
        self.picture = f.at("%x", f.mul(image, size))
        self.y = f.sub(f.mul(oy, "%stride_h"), "%top")
        self.x = f.sub(f.mul(ox, "%stride_w"), "%left")

    def vector(self, number: str, first: str, output: str, mask: str, *, spread: bool) -> None:
        """One vector of outputs.

        Args:
            number: of its packed constants. first: channel of the input.
            spread: which stands in all lanes.
        """
        f, size = self.f, self.target.vector
        panel = f.at("%weights", f.mul(number, self.panel))
        finisher = WideFinisher(f, self.target, self.form, panel, self.target.lanes)
        taps = f.at(panel, self.constants)
        offset = f.mul(first, self.given.bytes)
        with f.loop(0, "%taps_h", 1, (self.sums, "zeroinitializer")) as rows:
            y = f.add(self.y, f.mul(rows.index, "%dilation_h"))
            there = f.compare("ult", y, "%height")
            line = f.mul(y, "%width")
            with f.loop(0, "%taps_w", 1, (self.sums, rows.carried[0])) as columns:
                x = f.add(self.x, f.mul(columns.index, "%dilation_w"))
                inside = f.op(f"and i1 {there}, {f.compare('ult', x, '%width')}")
                seen = f.at(self.picture, f.mul(f.add(line, x), self.bytes))
                seen = f.at(f.select(inside, "ptr", seen, "%zeros"), offset)
                tap = f.add(f.mul(rows.index, "%taps_w"), columns.index)
                weight = f.load(self.integers, taps, f.mul(tap, size), 4)
                product = f.op(f"mul {self.integers} {self.read(seen, mask, spread)}, {weight}")
                if self.given.long:
                    product = f.op(f"sext {self.integers} {product} to {self.sums}")
                columns.carry(f.op(f"add {self.sums} {columns.carried[0]}, {product}"))
            rows.carry(columns.results[0])
        total = rows.results[0]
        if not self.given.long:
            total = f.op(f"sext {self.integers} {total} to {finisher.kind}")
        total = f.op(f"add {finisher.kind} {total}, {finisher.bias(0)}")
        finisher.give(total, 0, output, mask)

    def read(self, pointer: str, mask: str, spread: bool) -> str:
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
