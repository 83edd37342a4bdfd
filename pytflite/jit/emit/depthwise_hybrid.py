"""Depthwise convolution of float32 pictures, quantised in the run, by integer filters.

    output = clamp((scale[c] * scale) * sum over taps of (q - zero) * filter[tap, c] + bias[c])

Pictures come as quantised_pictures.py leaves them: bytes q, unsigned where dot.py wants them so,
and the numbers of each. A line of `zero`, which padding counts as, is written into scratch. Else
both kernels are as in depthwise_int8.py, and sums are whole numbers in float32; `sums`, those of
all taps of a filter, make up for zero. Packed are, for each vector of outputs: zeros, sums, scale,
offset (the bias), and the taps.
"""

from __future__ import annotations

from pytflite.jit.emit import gather, gemm_hybrid, requantize
from pytflite.jit.emit.depthwise_float32 import Band, Shape, write_tiles
from pytflite.jit.emit.depthwise_general import SLOTS as GENERAL_SLOTS
from pytflite.jit.emit.depthwise_general_int8 import GeneralInt8
from pytflite.jit.emit.depthwise_int8 import TiledInt8
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.quantising import SCALE
from pytflite.jit.emit.requantize import Finisher
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

_PICTURES = (
    "i64 image",  # bytes from picture to picture
    "i64 zeros_size",  # of the line of padding
    *gemm_hybrid.PICTURE_SLOTS,
)
SLOTS = (
    "ptr x",
    "ptr weights",
    "ptr output",
    "i64 height",
    "i64 outputs_h",
    "i64 outputs_w",
    "i64 channels",
    "i64 line",  # bytes from line to line of the picture
    "i64 top",
    "i64 dilation_h",
    "i64 phases",
    "i64 bands",
    "i64 total",
    "i64 block",
    *_PICTURES,
)
_GIVEN = len(GENERAL_SLOTS) - len(requantize.SLOTS)
GENERAL = (*(s for s in GENERAL_SLOTS[:_GIVEN] if s != "ptr zeros"), *_PICTURES)
_FORM = requantize.Form("hybrid", False, False, True)


def tiled(
    module: Module, target: Target, *, taps_h: int, taps_w: int, stride_h: int, stride_w: int,
    rows: int, columns: int, left: int, right: int, single: bool, masked: bool, clamp: str,
) -> None:  # fmt: skip
    """Outputs in registers: settings as in depthwise_float32.tiled."""
    shape = Shape(taps_h, taps_w, stride_h, stride_w, rows, columns)
    f = module.kernel(*SLOTS)
    pictures = Pictures(f, target, clamp)
    write_tiles(TiledHybrid(f, target, shape, masked, pictures), left, right, single=single)


def general(module: Module, target: Target, *, masked: bool, multiplied: bool, clamp: str) -> None:
    """Any windows: settings as in depthwise_general_int8.general."""
    f = module.kernel(*GENERAL)
    writer = GeneralHybrid(f, target, Pictures(f, target, clamp))
    writer.write(masked=masked, multiplied=multiplied, item=4)


class Pictures:
    """Writes how pictures are found, and how sums become outputs.

    Attributes:
        kind: of their elements.
        zero, scale: of the picture that was found last, in all lanes.
    """

    def __init__(self, f: Function, target: Target, clamp: str) -> None:
        self.f = f
        self.v = Floats(f, target)
        self.kind = "uint8" if dot_of(target).unsigned else "int8"
        f.do("%zeros = getelementptr i8, ptr %scratch, i64 0")
        gather.filler(f, gather.Form(target, True, False))
        self.low = self.v.splat("%low") if clamp != "none" else ""
        self.high = self.v.splat("%high") if clamp == "both" else ""
        self.here = f.op("alloca i64, align 8")  # the picture whose padding is in scratch
        f.store("i64", -1, self.here, 0, 8)

    def find(self, image: str) -> str:
        """Where a picture begins."""
        f, v = self.f, self.v
        gemm_hybrid.meet(f, image)
        with f.when(f.compare("ne", image, f.load("i64", self.here, 0, 8))):
            f.store("i64", image, self.here, 0, 8)
            gather.fill(f, "%zeros", "%zeros_size")
        self.zero = v.splat(f.op("sitofp i64 %fill to float"))
        self.scale = v.broadcast("%own", SCALE)
        return f.at("%x", f.mul(image, "%image"))

    def scales(self, finisher: Finisher) -> str:
        """Of a vector of filters, times the picture's."""
        return self.f.op(f"fmul {self.v.type} {finisher.constant('scale', 0)}, {self.scale}")

    def give(
        self, finisher: Finisher, total: str, scale: str, pointer: str, mask: str
    ) -> None:  # fmt: skip
        """Scales, adds the bias, clamps and stores."""
        f, v = self.f, self.v
        minus = f.op(f"fneg {v.type} {self.zero}")
        y = v.multiply_add(minus, finisher.constant("sums", 0), total)  # exact
        y = v.add(f.op(f"fmul {v.type} {y}, {scale}"), finisher.constant("offset", 0))
        y = v.at_least(y, self.low) if self.low else y
        y = v.at_most(y, self.high) if self.high else y
        if mask:
            v.store_some(y, mask, pointer)
        else:
            v.store(y, pointer)


class TiledHybrid(TiledInt8):
    """Writes the tiles of one kernel."""

    def __init__(
        self, f: Function, target: Target, shape: Shape, masked: bool, pictures: Pictures
    ) -> None:
        super().__init__(f, target, shape, masked, _FORM, pictures.kind)
        self.pictures = pictures

    def picture(self, image: str) -> str:
        """Quantised."""
        found = self.pictures.find(image)
        self.padding = self.pictures.zero
        return found

    def finish(self, sums: list[list[str]], band: Band, output: str, weights: str) -> None:
        """The rows that there are. Outputs have four times the bytes of inputs."""
        f, finisher = self.f, self.vectors.finisher(weights)
        begin, place = (f.op(f"ptrtoint ptr {p} to i64") for p in ("%output", output))
        output = f.at("%output", f.mul(f.sub(place, begin), 4))
        line, step = f.mul(f.mul("%outputs_w", self.pixel), 4), f.mul(self.step, 4)
        scale = self.pictures.scales(finisher)
        for r, row in enumerate(sums):
            with f.when(f.compare("sgt", band.left, r)):
                pointer = f.at(output, f.mul(line, r)) if r else output
                for column, total in enumerate(row):
                    pointer = f.at(pointer, step) if column else pointer
                    self.pictures.give(finisher, total, scale, pointer, self.mask)


class GeneralHybrid(GeneralInt8):
    """Writes the vectors of one output pixel after another."""

    def __init__(self, f: Function, target: Target, pictures: Pictures) -> None:
        super().__init__(f, target, _FORM, pictures.kind)
        self.pictures = pictures

    def pixel(self, line: str, ox: str) -> None:
        """Finds the window of an output pixel, in its picture as it is quantised."""
        super().pixel(line, ox)
        self.picture = self.pictures.find(self.f.op(f"sdiv i64 {line}, %outputs_h"))

    def finish(self, finisher: Finisher, total: str, output: str, mask: str) -> None:
        """Writes outputs, from sums of products."""
        self.pictures.give(finisher, total, self.pictures.scales(finisher), output, mask)
