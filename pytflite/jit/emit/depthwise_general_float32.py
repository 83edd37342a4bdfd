"""Depthwise convolution of float32 whatever its windows: one output pixel after another.

    output[b, y, x, i*m + j] = clamp(bias[i*m + j] + sum over ky, kx of
        input[b, y*stride_h - top + ky*dilation_h, x*stride_w - left + kx*dilation_w, i]
        * filter[ky, kx, i*m + j])

The taps that an output row or column sees are in a table: the first, and the one after the last.
`general` (m = 1) sums a few vectors of channels at a time; the last one ends with the pixel, so it
may overlap the one before (masked if there are fewer channels than lanes). `multiplied` (any m)
puts an input channel in all lanes and multiplies it with the weights of its m outputs.
The filter is used as it is, the bias lies before it: [1 + taps, filters]. A tile of work is a
block of output rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytflite.jit.emit.floats import Floats
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

SLOTS = (
    "ptr x",
    "ptr weights",
    "ptr output",
    "ptr rows",  # two 64-bit numbers for each output row: of its taps
    "ptr columns",
    "i64 height",
    "i64 width",
    "i64 channels",
    "i64 filters",
    "i64 outputs_h",
    "i64 outputs_w",
    "i64 taps_w",
    "i64 stride_h",
    "i64 stride_w",
    "i64 dilation_h",
    "i64 dilation_w",
    "i64 top",
    "i64 left",
    "i64 total",  # output rows of all images
    "i64 block",
    "float low",
    "float high",
)
_TOGETHER = (8, 4, 1)  # vectors that are summed at a time


def general(module: Module, target: Target, *, masked: bool, clamp: str) -> None:
    """A filter for each channel. masked: there are fewer channels than lanes."""
    f = module.kernel(*SLOTS)
    writer = Writer(f, target, clamp)

    def pixel(window: Window, output: str) -> None:
        v = writer.v
        if masked:
            writer.channels(window, output, "0", 1, v.mask("%filters"))
            return
        at = "0"
        for count in _TOGETHER:
            size = count * v.bytes
            with f.loop(at, f.sub(writer.pixel_out, size - 1), size) as loop:
                writer.channels(window, output, loop.index, count, "")
            at = f.mul(f.op(f"sdiv i64 {writer.pixel_out}, {size}"), size)
        last = f.sub(writer.pixel_out, v.bytes)
        with f.when(f.compare("slt", at, writer.pixel_out)):
            writer.channels(window, output, last, 1, "")

    writer.outputs(pixel)


def multiplied(module: Module, target: Target, *, clamp: str) -> None:
    """Several filters for each channel."""
    f = module.kernel(*SLOTS)
    writer = Writer(f, target, clamp)
    each = f.op("sdiv i64 %filters, %channels")

    def pixel(window: Window, output: str) -> None:
        with f.loop(0, "%channels") as channel, f.loop(0, each, writer.v.lanes) as loop:
            mask = writer.v.mask(f.sub(each, loop.index))
            at = f.mul(f.add(f.mul(channel.index, each), loop.index), 4)
            writer.multiples(window, output, f.mul(channel.index, 4), at, mask)

    writer.outputs(pixel)


class Window(NamedTuple):
    """What one output pixel sees: an image; where the window begins, and the taps inside."""

    picture: str
    y: str
    x: str
    rows: tuple[str, str]
    columns: tuple[str, str]


# sums, input pixel, weights of the tap -> sums
Tap = Callable[[list[str], str, str], list[str]]


class Writer:
    """Writes the loops over outputs, taps and channels."""

    def __init__(self, f: Function, target: Target, clamp: str) -> None:
        self.f = f
        self.v = Floats(f, target)
        self.low = self.v.splat("%low") if clamp != "none" else ""
        self.high = self.v.splat("%high") if clamp == "both" else ""
        self.pixel = f.mul("%channels", 4)
        self.pixel_out = f.mul("%filters", 4)

    def outputs(self, write: Callable[[Window, str], None]) -> None:
        """Every output pixel of the tiles: its window, and where it goes."""
        f = self.f
        stop = f.min(f.mul("%end", "%block"), "%total")
        with f.loop(f.mul("%begin", "%block"), stop) as row:
            image = f.op(f"sdiv i64 {row.index}, %outputs_h")
            oy = f.sub(row.index, f.mul(image, "%outputs_h"))
            size = f.mul(f.mul("%height", "%width"), self.pixel)
            picture = f.at("%x", f.mul(image, size))
            y = f.sub(f.mul(oy, "%stride_h"), "%top")
            output = f.at("%output", f.mul(f.mul(row.index, "%outputs_w"), self.pixel_out))
            with f.loop(0, "%outputs_w") as column:
                ox = column.index
                x = f.sub(f.mul(ox, "%stride_w"), "%left")
                taps = self.entry("%rows", oy), self.entry("%columns", ox)
                write(Window(picture, y, x, *taps), f.at(output, f.mul(ox, self.pixel_out)))

    def entry(self, table: str, number: str) -> tuple[str, str]:
        """The first tap inside, and the one after the last."""
        at = self.f.mul(number, 16)
        return self.f.load("i64", table, at, 8), self.f.load("i64", table, self.f.add(at, 8), 8)

    def taps(self, window: Window, sums: list[str], tap: Tap) -> list[str]:
        """Sums over all taps inside."""
        f, kind = self.f, self.v.type
        line_bytes = f.mul("%width", self.pixel)
        with f.loop(*window.rows, 1, *((kind, s) for s in sums)) as rows:
            y = f.add(window.y, f.mul(rows.index, "%dilation_h"))
            line = f.at(window.picture, f.mul(y, line_bytes))
            first = f.add(f.mul(rows.index, "%taps_w"), 1)
            with f.loop(*window.columns, 1, *((kind, s) for s in rows.carried)) as columns:
                x = f.add(window.x, f.mul(columns.index, "%dilation_w"))
                seen = f.at(line, f.mul(x, self.pixel))
                number = f.add(first, columns.index)
                weights = f.at("%weights", f.mul(number, self.pixel_out))
                columns.carry(*tap(columns.carried, seen, weights))
            rows.carry(*columns.results)
        return rows.results

    def channels(self, window: Window, output: str, at: str, count: int, mask: str) -> None:
        """Some vectors of channels, `at` bytes into the pixel."""
        f, v = self.f, self.v

        def tap(sums: list[str], seen: str, weights: str) -> list[str]:
            seen, weights = f.at(seen, at), f.at(weights, at)
            return [
                v.multiply_add(
                    self.read(seen, n * v.bytes, mask), self.read(weights, n * v.bytes, mask), s
                )
                for n, s in enumerate(sums)
            ]

        bias = f.at("%weights", at)
        first = [self.read(bias, n * v.bytes, mask) for n in range(count)]
        self.finish(self.taps(window, first, tap), f.at(output, at), mask)

    def multiples(self, window: Window, output: str, of: str, at: str, mask: str) -> None:
        """Some outputs of one input channel, which lies `of` bytes into its pixel."""
        f, v = self.f, self.v

        def tap(sums: list[str], seen: str, weights: str) -> list[str]:
            x = v.broadcast(seen, of)
            return [v.multiply_add(x, self.read(f.at(weights, at), 0, mask), sums[0])]

        first = [self.read(f.at("%weights", at), 0, mask)]
        self.finish(self.taps(window, first, tap), f.at(output, at), mask)

    def read(self, pointer: str, offset: int, mask: str) -> str:
        """A vector, or the part of it that there is."""
        v = self.v
        return v.load_some(mask, pointer, offset) if mask else v.load(pointer, offset)

    def finish(self, sums: list[str], output: str, mask: str) -> None:
        """Clamps and stores."""
        v = self.v
        for n, y in enumerate(sums):
            y = v.at_least(y, self.low) if self.low else y
            y = v.at_most(y, self.high) if self.high else y
            if mask:
                v.store_some(y, mask, output, n * v.bytes)
            else:
                v.store(y, output, n * v.bytes)
