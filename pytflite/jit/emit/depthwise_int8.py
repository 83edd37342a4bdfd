"""Depthwise convolution of int8 and uint8: every channel with filters of its own.

    output = clamp(zero_point + round(real[c] * (bias[c] + sum over taps of x * filter[tap, c])))

Inputs become float32 when they are loaded, and are multiplied and summed as such: exact, as sums
stay below 2^24. If those of the products do, but not with the bias, it is added to the sums later,
in int32 ("late"); else there is depthwise_integer.py. Weights are floats, their zero point taken
off; the bias makes up for that of x, and what lies outside the picture counts as that.

`tiled` keeps a tile of outputs in registers, as depthwise_float32.py tells; for windows that are
not plain there is depthwise_general_int8.py.

Packed are, for each vector of outputs, the constants of requantize.py, and then the taps: [vectors]
[constants, taps ...][lanes].
"""

from __future__ import annotations

from pytflite.jit.emit import requantize
from pytflite.jit.emit.depthwise_float32 import SLOTS as TILED
from pytflite.jit.emit.depthwise_float32 import Band, Shape, Tiled, write_tiles
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.requantize import Finisher
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

# `zeros` hold the zero point of x here. low and high are unused.
TILED_SLOTS = (*TILED[:-2], "float x_zero", *requantize.SLOTS)


def tiled(
    module: Module, target: Target, *, taps_h: int, taps_w: int, stride_h: int, stride_w: int,
    rows: int, columns: int, left: int, right: int, single: bool, masked: bool,
    x: str, rounding: str, signed: bool, output: str, late: bool,
) -> None:  # fmt: skip
    """Outputs in registers.

    Args:
        taps_h ... masked: as in depthwise_float32.tiled.
        x, output: "int8" or "uint8".
        rounding, signed: as in requantize.Form.
        late: the bias is added in int32.
    """
    shape = Shape(taps_h, taps_w, stride_h, stride_w, rows, columns)
    form = requantize.Form(rounding, signed, output == "uint8", not late)
    f = module.kernel(*TILED_SLOTS)
    writer = TiledInt8(f, target, shape, masked, form, x)
    write_tiles(writer, left, right, single=single)


class Vectors:
    """Writes what both kernels do with a vector: reads it, and makes outputs of its sums."""

    def __init__(self, f: Function, target: Target, form: requantize.Form, x: str) -> None:
        self.f = f
        self.v = Floats(f, target)
        self.target = target
        self.form = form
        self.extend = "zext" if x == "uint8" else "sext"
        self.bytes = f"<{target.lanes} x i8>"

    def read(self, pointer: str, mask: str) -> str:
        """Inputs as floats."""
        f, lanes = self.f, self.v.lanes
        if mask:
            x = f.call(
                self.bytes, f"llvm.masked.load.v{lanes}i8.p0", f"ptr {pointer}", "i32 1",
                f"{self.v.bits} {mask}", f"{self.bytes} zeroinitializer",
            )  # fmt: skip
        else:
            x = f.load(self.bytes, pointer)
        return self.as_floats(x)

    def as_floats(self, x: str) -> str:
        """Bytes as floats."""
        f, integers = self.f, f"<{self.v.lanes} x i32>"
        x = f.op(f"{self.extend} {self.bytes} {x} to {integers}")
        return f.op(f"sitofp {integers} {x} to {self.v.type}")

    def finisher(self, weights: str) -> Finisher:
        """For sums whose constants are at `weights`."""
        return Finisher(self.f, self.target, self.form, weights, self.v.lanes)

    def first(self, panel: str) -> str:
        """What sums begin with: the bias, unless it comes late."""
        if not self.form.floats:
            return "zeroinitializer"
        place = requantize.rows(self.form.rounding).index("bias")
        return self.v.load(panel, place * self.v.bytes)

    def summed(self, finisher: Finisher, total: str) -> str:
        """Sums with their bias."""
        if self.form.floats:
            return total
        whole = self.f.op(f"fptosi {self.v.type} {total} to {finisher.kind}")
        bias = finisher.constant("bias", 0, finisher.kind)
        return self.f.op(f"add {finisher.kind} {whole}, {bias}")

    def store(self, finisher: Finisher, y: str, pointer: str, mask: str) -> None:
        """Outputs, from integers."""
        f = self.f
        narrow = finisher.narrowed([[y]])[0][0]
        if not mask:
            f.store(self.bytes, narrow, pointer)
            return
        f.call(
            "void", f"llvm.masked.store.v{self.v.lanes}i8.p0", f"{self.bytes} {narrow}",
            f"ptr {pointer}", "i32 1", f"{self.v.bits} {mask}",
        )  # fmt: skip

    def settle(self, finisher: Finisher, total: str, pointer: str, mask: str) -> None:
        """The definition decides for this vector, if it is near a tie."""
        t, y = finisher.rounded(total, 0)
        with self.f.when(finisher.doubtful([finisher.off(t, y)])):
            self.store(finisher, finisher.defined(total, 0), pointer, mask)


class TiledInt8(Tiled):
    """Writes the tiles of one kernel."""

    item = 1

    def __init__(
        self, f: Function, target: Target, shape: Shape, masked: bool, form: requantize.Form, x: str
    ) -> None:
        self.vectors = Vectors(f, target, form, x)
        self.before = len(requantize.rows(form.rounding))
        self.careful = form.rounding not in ("litert", "hybrid")
        super().__init__(f, target, shape, masked, "none")
        if form.rounding != "hybrid":
            self.padding = self.v.splat("%x_zero")
        size = shape.rows * shape.columns * self.v.bytes
        self.stack = f.op(f"alloca [{size} x i8], align 64")

    def read(self, pointer: str) -> str:
        """A vector of inputs."""
        return self.vectors.read(pointer, self.mask)

    def first(self, weights: str) -> str:
        """What sums begin with."""
        return self.vectors.first(weights)

    def finish(self, sums: list[list[str]], band: Band, output: str, weights: str) -> None:
        """Rounds, clamps and stores the rows that there are."""
        f, finisher = self.f, self.vectors.finisher(weights)
        sums = [[self.vectors.summed(finisher, total) for total in row] for row in sums]
        line = f.mul("%outputs_w", self.pixel)
        if not self.careful:
            self.round(finisher, sums, band, output, line, careful=False)
            return
        flag = finisher.flag()
        with f.when(f.op(f"xor i1 {flag}, true")):
            self.round(finisher, sums, band, output, line, careful=False)
        with f.when(flag):
            off = self.round(finisher, sums, band, output, line, careful=True)
            with f.when(finisher.doubtful([off])):
                self.define(finisher, sums, band, output, line)

    def round(
        self, finisher: Finisher, sums: list[list[str]], band: Band, output: str, line: str, *,
        careful: bool,
    ) -> str:  # fmt: skip
        """The outputs that float32 gives, and how far from them the numbers were at most."""
        f, farthest = self.f, ""
        outputs: list[list[str]] = []
        for row in sums:
            outputs.append([])
            for total in row:
                t, y = finisher.rounded(total, 0)
                outputs[-1].append(y)
                if careful:
                    off = finisher.off(t, y)
                    farthest = finisher.farther(farthest, off) if farthest else off
        for r, row in enumerate(outputs):
            with f.when(f.compare("sgt", band.left, r)):
                pointer = f.at(output, f.mul(line, r)) if r else output
                for column, y in enumerate(row):
                    pointer = f.at(pointer, self.step) if column else pointer
                    self.vectors.store(finisher, y, pointer, self.mask)
        return farthest

    def define(
        self, finisher: Finisher, sums: list[list[str]], band: Band, output: str, line: str
    ) -> None:
        """One output after another: where a sum is near a tie, the definition decides."""
        f, v, shape = self.f, self.v, self.shape
        kind = v.type if self.vectors.form.floats else finisher.kind
        for n, total in enumerate(total for row in sums for total in row):
            f.store(kind, total, self.stack, n * v.bytes, 64)
        with f.loop(0, f.min(band.left, shape.rows)) as row, f.loop(0, shape.columns) as column:
            at = f.add(f.mul(row.index, shape.columns), column.index)
            total = f.load(kind, self.stack, f.mul(at, v.bytes), 64)
            place = f.add(f.mul(row.index, line), f.mul(column.index, self.step))
            self.vectors.settle(finisher, total, f.at(output, place), self.mask)
