"""Depthwise convolution of int8 and uint8, whatever the windows: numbers as in depthwise_int8.py.

One output and one vector of channels are computed after another. With several filters for each
channel, the vector is of these, and the channel stands in all lanes; or, if they are few, in as
many lanes as there are of them, and its neighbours in others.
"""

from __future__ import annotations

from pytflite.jit.emit import requantize
from pytflite.jit.emit.depthwise_int8 import Vectors
from pytflite.jit.emit.requantize import Finisher
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

SLOTS = (
    "ptr x",
    "ptr weights",
    "ptr output",
    "ptr zeros",  # as many bytes as a vector or a pixel has, the zero point of x
    "i64 height",
    "i64 width",
    "i64 channels",
    "i64 outputs_h",
    "i64 outputs_w",
    "i64 taps_h",
    "i64 taps_w",
    "i64 stride_h",
    "i64 stride_w",
    "i64 dilation_h",
    "i64 dilation_w",
    "i64 top",
    "i64 left",
    "i64 each",  # outputs of a channel
    "i64 total",  # output rows of all images
    "i64 block",
    *requantize.SLOTS,
)


def general(
    module: Module, target: Target, *, masked: bool, multiplied: bool, x: str, rounding: str,
    signed: bool, output: str, late: bool, repeated: int,
) -> None:  # fmt: skip
    """Any windows.

    Args:
        masked: there are fewer channels than lanes.
        multiplied: there are several filters for each channel.
        repeated: filters of a channel, if a vector is to hold several channels'; else 1.
        x ... late: as in `tiled`.
    """
    f = module.kernel(*SLOTS)
    form = requantize.Form(rounding, signed, output == "uint8", not late)
    writer = General(f, target, form, x)
    write_vectors(writer, masked=masked, multiplied=multiplied, repeated=repeated)


def write_vectors(
    writer: General, *, masked: bool, multiplied: bool, item: int = 1, repeated: int = 1
) -> None:
    """The loops of `general`; item: bytes of an output."""
    f, lanes = writer.f, writer.v.lanes
    filters = f.mul(f.mul("%channels", "%each"), item)
    stop = f.min(f.mul("%end", "%block"), "%total")
    with (
        f.loop(f.mul("%begin", "%block"), stop) as line,
        f.loop(0, "%outputs_w") as column,
    ):
        place = f.add(f.mul(line.index, "%outputs_w"), column.index)
        here = f.at("%output", f.mul(place, filters))
        writer.pixel(line.index, column.index)
        if multiplied and repeated == 1:
            parts = f.op(f"sdiv i64 {f.add('%each', lanes - 1)}, {lanes}")
            with f.loop(0, "%channels") as channel, f.loop(0, parts) as part:
                number = f.add(f.mul(channel.index, parts), part.index)
                first = f.mul(part.index, lanes)
                mask = writer.v.mask(f.sub("%each", first))
                at = f.mul(f.add(f.mul(channel.index, "%each"), first), item)
                writer.vector(number, channel.index, f.at(here, at), mask, spread=True)
        else:
            every = f.mul("%channels", repeated)
            count = f.op(f"sdiv i64 {f.add(every, lanes - 1)}, {lanes}")
            final = f.max(f.sub(every, lanes), 0)
            with f.loop(0, count) as loop:
                first = f.min(f.mul(loop.index, lanes), final)
                mask = writer.v.mask("%channels") if masked else ""
                source = f.op(f"sdiv exact i64 {first}, {repeated}")
                to = f.at(here, f.mul(first, item))
                writer.vector(loop.index, source, to, mask, spread=False, repeated=repeated)


class General:
    """Writes `general`: the vectors of one output pixel after another."""

    def __init__(self, f: Function, target: Target, form: requantize.Form, x: str) -> None:
        self.f = f
        self.vectors = Vectors(f, target, form, x)
        self.v = self.vectors.v
        self.names = requantize.rows(form.rounding)
        self.careful = form.rounding != "litert"
        taps = f.mul("%taps_h", "%taps_w")
        self.panel = f.mul(f.add(taps, len(self.names)), self.v.bytes)

    def pixel(self, line: str, ox: str) -> None:
        """Finds the window of an output pixel, by the number of its line in all images."""
        f = self.f
        image = f.op(f"sdiv i64 {line}, %outputs_h")
        oy = f.sub(line, f.mul(image, "%outputs_h"))
        size = f.mul(f.mul("%height", "%width"), "%channels")
        self.picture = f.at("%x", f.mul(image, size))
        self.y = f.sub(f.mul(oy, "%stride_h"), "%top")
        self.x = f.sub(f.mul(ox, "%stride_w"), "%left")

    def vector(
        self, number: str, first: str, output: str, mask: str, *, spread: bool, repeated: int = 1
    ) -> None:
        """One vector of outputs.

        Args:
            number: of its packed constants. first: channel of the input.
            spread: which stands in all lanes.
            repeated: lanes in which each stands.
        """
        f, v = self.f, self.v
        panel = f.at("%weights", f.mul(number, self.panel))
        finisher = self.vectors.finisher(panel)
        taps = f.at(panel, len(self.names) * v.bytes)
        with f.loop(0, "%taps_h", 1, (v.type, self.vectors.first(panel))) as rows:
            y = f.add(self.y, f.mul(rows.index, "%dilation_h"))
            there = f.compare("ult", y, "%height")
            line = f.mul(y, "%width")
            with f.loop(0, "%taps_w", 1, (v.type, rows.carried[0])) as columns:
                x = f.add(self.x, f.mul(columns.index, "%dilation_w"))
                inside = f.op(f"and i1 {there}, {f.compare('ult', x, '%width')}")
                seen = f.at(self.picture, f.mul(f.add(line, x), "%channels"))
                seen = f.at(f.select(inside, "ptr", seen, "%zeros"), first)
                tap = f.add(f.mul(rows.index, "%taps_w"), columns.index)
                weight = v.load(taps, f.mul(tap, v.bytes))
                if repeated > 1:
                    values = self.repeat(seen, repeated)
                else:
                    values = self.spread(seen) if spread else self.vectors.read(seen, mask)
                columns.carry(v.multiply_add(values, weight, columns.carried[0]))
            rows.carry(columns.results[0])
        self.finish(finisher, rows.results[0], output, mask)

    def finish(self, finisher: Finisher, total: str, output: str, mask: str) -> None:
        """Writes outputs, from sums of products."""
        total = self.vectors.summed(finisher, total)
        _, rounded = finisher.rounded(total, 0)
        self.vectors.store(finisher, rounded, output, mask)
        if self.careful:
            with self.f.when(finisher.flag()):
                self.vectors.settle(finisher, total, output, mask)

    def spread(self, pointer: str) -> str:
        """One input in all lanes."""
        value = self.f.splat("i8", self.v.lanes, self.f.load("i8", pointer))
        return self.vectors.as_floats(value)

    def repeat(self, pointer: str, times: int) -> str:
        """Inputs side by side, each in so many lanes."""
        lanes = self.v.lanes
        kind = f"<{lanes // times} x i8>"
        order = ", ".join(f"i32 {n // times}" for n in range(lanes))
        read = self.f.load(kind, pointer)
        return self.vectors.as_floats(
            self.f.op(f"shufflevector {kind} {read}, {kind} poison, <{lanes} x i32> <{order}>")
        )
