"""Depthwise convolution of float32: every channel with a filter of its own.

    output[b, y, x, c] = clamp(bias[c] + sum over ky, kx of
        input[b, y*stride_h - top + ky, x*stride_w - left + kx, c] * filter[ky, kx, c])

`tiled` keeps the outputs of one vector of channels in registers, `rows` x `columns` of them. Each
input vector that they see is loaded once, and multiplied into all outputs that want it:

    input, stride 1, 3 x 3 taps:    . . . . . . . . .      9 columns of one input row, loaded once,
                                     o o o o o o o         meet 3 taps of 1 or 2 rows of outputs

(Two rows load less. But LLVM orders that many products as it likes, and spills: of floats 5 x 5
taps took half as long again.) A tile of outputs goes through all its channels, vector by vector;
the last vector is the last `lanes` channels, so that it may overlap the one before (masked if
there are fewer than lanes).

Above and below the input lies a row of zeros. Columns that are padding are known when code is
made, and left out: the first tile of a row lacks `left` columns, the last one `right`; it ends
where the row ends, so it may overlap the one before.

Of a dilated filter, outputs that are as far apart as its taps see the same columns: they are a row
of their own, a `phase`, as if the columns in between were not there.

Weights are packed: [vectors of channels][bias, taps ...][lanes]. A tile of work is `block` bands
of `rows` rows of outputs.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.floats import Floats
from pytflite.jit.ir import Function, Module, Value
from pytflite.jit.target import Target

SLOTS = (
    "ptr x",
    "ptr weights",
    "ptr output",
    "ptr zeros",  # as many bytes as the columns that a tile of outputs sees
    "i64 height",
    "i64 outputs_h",
    "i64 outputs_w",
    "i64 channels",
    "i64 line",  # bytes from line to line of the input
    "i64 top",
    "i64 dilation_h",  # 1 if there are two rows
    "i64 phases",  # the dilation along the width
    "i64 bands",  # of an image
    "i64 total",  # of all images
    "i64 block",
    "float low",
    "float high",
)


class Shape(NamedTuple):
    """What the code fixes: taps, strides, outputs in registers."""

    taps_h: int
    taps_w: int
    stride_h: int
    stride_w: int
    rows: int
    columns: int

    @property
    def seen_h(self) -> int:
        """Rows of the input that a tile sees."""
        return (self.rows - 1) * self.stride_h + self.taps_h

    @property
    def seen_w(self) -> int:
        """Columns of the input that it sees."""
        return (self.columns - 1) * self.stride_w + self.taps_w


def tiled(
    module: Module, target: Target, *, taps_h: int, taps_w: int, stride_h: int, stride_w: int,
    rows: int, columns: int, left: int, right: int, single: bool, masked: bool, clamp: str,
) -> None:  # fmt: skip
    """Outputs in registers, as above.

    Args:
        rows, columns: of outputs in registers.
        left, right: columns that the first and the last output lack.
        single: a phase has `columns` outputs; else more, and no other tile lacks a column.
        masked: there are fewer channels than lanes.
        clamp: "none", "low" or "both".
    """
    shape = Shape(taps_h, taps_w, stride_h, stride_w, rows, columns)
    f = module.kernel(*SLOTS)
    write_tiles(Tiled(f, target, shape, masked, clamp), left, right, single=single)


def write_tiles(writer: Tiled, left: int, right: int, *, single: bool) -> None:
    """All bands, all phases, and their tiles."""
    f, columns = writer.f, writer.shape.columns
    stop = f.min(f.mul("%end", "%block"), "%total")
    with (
        f.loop(f.mul("%begin", "%block"), stop) as bands,
        f.loop(0, "%phases") as phases,
    ):
        band = writer.band(bands.index, phases.index)
        if single:
            writer.tile(band, 0, left, left, right)
        else:
            writer.tile(band, 0, left, left, 0)
            last = f.sub(band.size, columns)
            with f.loop(columns, last, columns) as inner:
                writer.tile(band, inner.index, left, 0, 0)
            writer.tile(band, last, left, 0, right)


class Band(NamedTuple):
    """A phase of rows of outputs that are computed together.

    Attributes:
        lines: where the input rows begin that they see; there: whether each is in the input.
        output: where the first output goes. left: rows of outputs from here to the image's end.
        size: outputs of a row.
    """

    lines: list[str]
    there: list[str]
    output: str
    left: str
    size: str


class Tiled:
    """Writes the tiles of one kernel.

    Attributes:
        item: bytes of an input, and of an output.
        before: rows of constants before the taps, of which `bias` is one.
        padding: what an input outside the picture counts as; "" if as nothing.
    """

    item = 4
    before, bias = 1, 0
    padding = ""

    def __init__(self, f: Function, target: Target, shape: Shape, masked: bool, clamp: str) -> None:
        self.f = f
        self.v = Floats(f, target)
        self.shape = shape
        self.mask = self.v.mask("%channels") if masked else ""
        self.low = self.v.splat("%low") if clamp != "none" else ""
        self.high = self.v.splat("%high") if clamp == "both" else ""
        self.pixel = f.mul("%channels", self.item)
        self.step = f.mul(self.pixel, "%phases")  # from column to column of a phase
        self.weights_bytes = (self.before + shape.taps_h * shape.taps_w) * self.v.bytes
        self.blocks = f.op(f"sdiv i64 {f.add('%channels', self.v.lanes - 1)}, {self.v.lanes}")
        self.last = f.mul(f.max(f.sub("%channels", self.v.lanes), 0), self.item)

    def band(self, index: str, phase: str) -> Band:
        """A phase of the band of this number."""
        f, shape = self.f, self.shape
        image = f.op(f"sdiv i64 {index}, %bands")
        oy = f.mul(f.sub(index, f.mul(image, "%bands")), shape.rows)
        y = f.sub(f.mul(oy, shape.stride_h), "%top")
        skipped = f.mul(phase, self.pixel)
        picture = f.at(self.picture(image), skipped)
        lines, there = [], []
        for number in range(shape.seen_h):
            row = f.add(y, f.mul("%dilation_h", number))
            there.append(f.compare("ult", row, "%height"))
            lines.append(f.at(picture, f.mul(row, "%line")))
        first = f.mul(f.add(f.mul(image, "%outputs_h"), oy), "%outputs_w")
        output = f.at(f.at("%output", f.mul(first, self.pixel)), skipped)
        wide = f.sub(f.add("%outputs_w", f.sub("%phases", 1)), phase)
        size = f.op(f"sdiv i64 {wide}, %phases")
        return Band(lines, there, output, f.sub("%outputs_h", oy), size)

    def picture(self, image: str) -> str:
        """Where an image begins."""
        f = self.f
        return f.at("%x", f.mul(f.mul(image, "%height"), "%line"))

    def tile(self, band: Band, column: Value, left: int, lacks: int, lacks_right: int) -> None:
        """The outputs from a column on, of all channels.

        Args:
            left: input columns that lie before the one of the output's number.
            lacks, lacks_right: input columns that the tile lacks.
        """
        f, shape = self.f, self.shape
        x = f.mul(f.sub(f.mul(column, shape.stride_w), left), self.step)
        output = f.at(band.output, f.mul(column, self.step))
        lines = [
            f.select(there, "ptr", f.at(line, x), "%zeros")
            for line, there in zip(band.lines, band.there, strict=True)
        ]
        with f.loop(0, self.blocks) as loop:
            at = f.min(f.mul(loop.index, self.v.lanes * self.item), self.last)
            weights = f.at("%weights", f.mul(loop.index, self.weights_bytes))
            here = [f.at(line, at) for line in lines]
            sums = self.sums(here, weights, range(lacks, shape.seen_w - lacks_right))
            self.finish(sums, band, f.at(output, at), weights)

    def sums(self, lines: list[str], weights: str, seen: range) -> list[list[str]]:
        """Bias and products of one vector of channels; columns out of `seen` are padding."""
        v, shape = self.v, self.shape
        first = self.first(weights)
        sums = [[first] * shape.columns for _ in range(shape.rows)]
        for line, pointer in enumerate(lines):
            vectors = self.line(pointer, seen)
            for r in range(shape.rows):
                ky = line - r * shape.stride_h
                if not 0 <= ky < shape.taps_h:
                    continue
                for kx in range(shape.taps_w):
                    w = v.load(weights, (self.before + ky * shape.taps_w + kx) * v.bytes)
                    for c in range(shape.columns):
                        x = vectors.get(c * shape.stride_w + kx, self.padding)
                        if x:
                            sums[r][c] = v.multiply_add(x, w, sums[r][c])
        return sums

    def first(self, weights: str) -> str:
        """What sums begin with."""
        return self.v.load(weights, self.bias * self.v.bytes)

    def line(self, pointer: str, seen: range) -> dict[int, str]:
        """The vectors of an input row, by column. Each address is the one before and a step."""
        f = self.f
        vectors = {}
        pointer = f.at(pointer, f.mul(self.step, seen.start)) if seen.start else pointer
        for column in seen:
            if column > seen.start:
                pointer = f.at(pointer, self.step)
            vectors[column] = self.read(pointer)
        return vectors

    def read(self, pointer: str) -> str:
        """A vector of inputs."""
        return self.v.load_some(self.mask, pointer) if self.mask else self.v.load(pointer)

    def finish(self, sums: list[list[str]], band: Band, output: str, weights: str) -> None:
        """Clamps and stores the rows that there are."""
        f, v = self.f, self.v
        line = f.mul("%outputs_w", self.pixel)
        for r, row in enumerate(sums):
            with f.when(f.compare("sgt", band.left, r)):
                pointer = f.at(output, f.mul(line, r)) if r else output
                for column, y in enumerate(row):
                    pointer = f.at(pointer, self.step) if column else pointer
                    y = v.at_least(y, self.low) if self.low else y
                    y = v.at_most(y, self.high) if self.high else y
                    if self.mask:
                        v.store_some(y, self.mask, pointer)
                    else:
                        v.store(y, pointer)
