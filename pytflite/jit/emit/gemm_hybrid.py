"""Products of float32 rows, quantised on their way into scratch, and matrices of 8-bit integers.

    q[m, k] = round(x[m, k] / scale[m]) + zero[m]             ops/hybrid.py, to the bit
    output = clamp(scale[m] * scale[n] * sum over k of (q[m, k] - zero[m]) * weights[k, n] + bias)

Rows in scratch are as dot.py wants them; behind each lie -zero (0 if it is symmetric) and its
scale, which is NaN where x is not finite. A panel is [constants, columns]: `bias`, in integers,
makes up for what is added to q to have it unsigned; `sums` of the weights, for zero; `scale`;
`offset`, the layer's bias. Then follow the weights, as in gemm_int8.py, whose sums these are.

Convolutions quantise picture by picture: into scratch as int8, when a thread comes to one.
"""

from __future__ import annotations

from collections.abc import Callable

from pytflite.jit.emit import gather, gemm, requantize
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.gemm_int8 import Micro, in_pairs
from pytflite.jit.ir import Function, Module, float_constant
from pytflite.jit.target import Target

# After those of gemm.py: where a row's numbers lie, elements of a row, and bounds.
SLOTS = ("i64 sum_place", "i64 depth", "float low", "float high")
_TINY = 4e-37  # as float32: below this a row counts as zeros
_HALF = 0x3FDFFFFFE0000000  # the largest float32 below one half
_NAN = "0x7FF8000000000000"
_INFINITE = 0x7F800000


def product(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, asymmetric: bool, clamp: str,
) -> None:  # fmt: skip
    """Rows of floats times packed weights.

    Args:
        rows ... chains: as in gemm_int8.product.
        asymmetric: rows are quantised with a zero point.
        clamp: which bounds apply: "none", "low" or "both".
    """
    extra = ("i64 k", *SLOTS)
    pairs = in_pairs(target, rows)
    columns = vectors * target.lanes
    form = gemm.Form(rows, columns, 4, None, extra, makes=_maker(target), pairs=pairs)
    f = module.kernel(*gemm.SLOTS, *SLOTS)
    special = masked or tail != vectors
    gemm.product(f, form, last=special)
    Quantiser(module, target).write(asymmetric=asymmetric)
    for name, wide, some in [("micro", vectors, False), ("micro_last", tail, masked)][
        : 1 + special
    ]:
        m = module.function(name, *gemm.MICRO, *extra)
        finish = requantize.Form("hybrid", False, False)
        micro = HybridMicro(m, target, (rows, wide, vectors), some, finish)
        micro.give(micro.sums(chains, rows=asymmetric), clamp)


def pixels(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, asymmetric: bool, clamp: str,
) -> None:  # fmt: skip
    """Pixels of pictures, which have a scale each, times packed weights."""
    copies = gather.Form(target, True, False, dot_of(target).change(unsigned=False))
    columns, pairs = vectors * target.lanes, in_pairs(target, rows)
    form = gemm.Form(rows, columns, 4, None, _PICTURE, copies, stages=_stage, pairs=pairs)
    _pictures(module, target, form, (vectors, tail, masked, chains), clamp, asymmetric=asymmetric)


def convolution(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, asymmetric: bool, clamp: str, runs: bool, short: int,
) -> None:  # fmt: skip
    """Windows of pictures, gathered from what they were quantised to.

    Args:
        runs, short: as in gather.Form.
    """
    change = dot_of(target).change(unsigned=False)
    gathers = gather.Form(target, runs, False, change, short)
    columns, pairs = vectors * target.lanes, in_pairs(target, rows)
    form = gemm.Form(rows, columns, 4, gathers, _PICTURE, stages=_stage, pairs=pairs)
    _pictures(module, target, form, (vectors, tail, masked, chains), clamp, asymmetric=asymmetric)


# What micro takes of a picture; after these, a kernel's slots for pictures.
_PICTURE = ("i64 k", "ptr scratch", "i64 stage_numbers", "float low", "float high")
PICTURE_SLOTS = (
    "i64 stage",  # where the quantised picture begins in scratch
    "i64 stage_seen",  # where the channels of this group do
    "i64 stage_numbers",  # where its numbers lie
    "i64 stage_fill",  # 8 bytes on
    "i64 image",  # elements of a picture
    "float low",
    "float high",
)


def _pictures(
    module: Module, target: Target, form: gemm.Form, sizes: tuple[int, int, bool, int],
    clamp: str, *, asymmetric: bool,
) -> None:  # fmt: skip
    vectors, tail, masked, chains = sizes
    gathering = gather.SLOTS[:-1] if form.gathers else ()  # the fill is found in the run
    special = masked or tail != vectors
    gemm.product(module.kernel(*gemm.SLOTS, *gathering, *PICTURE_SLOTS), form, last=special)
    Quantiser(module, target, plain=True).write(asymmetric=asymmetric)
    names = [("micro", vectors, False), ("micro_last", tail, masked)]
    for name, wide, some in names[: 1 + special]:
        m = module.function(name, *gemm.MICRO, *form.extra)
        finish = requantize.Form("hybrid", False, False)
        micro = PictureMicro(m, target, (form.rows, wide, vectors), some, finish)
        micro.give(micro.sums(chains, rows=asymmetric), clamp)


def _stage(f: Function, x: str) -> None:
    """Quantises a picture."""
    to, place = f.at("%scratch", "%stage"), f.sub("%stage_numbers", "%stage")
    f.call("void", "quantise", f"ptr {to}", f"ptr {x}", "i64 %image", f"i64 {place}")


def _maker(target: Target) -> Callable[[Function, str, str, str, str], None]:
    """Writes the loop over rows."""

    def write(f: Function, x: str, place: str, first: str, count: str) -> None:
        line = f.mul("%depth", 4)
        with f.loop(0, count) as loop:
            to = f.at(place, f.mul(loop.index, "%x_row"))
            source = f.at(x, f.mul(f.add(first, loop.index), line))
            arguments = f"ptr {to}", f"ptr {source}", "i64 %depth", "i64 %sum_place"
            f.call("void", "quantise", *arguments)

    return write


class HybridMicro(Micro):
    """Writes one function that computes `rows` x `wide` vectors of outputs."""

    def of_row(self, number: str, n: int) -> str:
        """-zero times the sum of the weights."""
        sums = self.finisher.constant("sums", n, self.kind)
        return self.f.op(f"mul {self.kind} {number}, {sums}")

    def give(self, sums: list[str], clamp: str) -> None:
        """Scales, adds the bias, clamps and stores."""
        f, v = self.f, Floats(self.f, self.target)
        low, high = v.splat("%low"), v.splat("%high")
        last = self.wide - 1
        mask = v.mask(f.sub("%width", last * v.lanes)) if self.masked else ""
        for r in range(self.rows):
            scales = self.scales(r)
            output = gemm.outputs(f, r)
            for n in range(self.wide):
                y = f.op(f"sitofp {self.kind} {sums[r * self.wide + n]} to {v.type}")
                for scale in scales[n]:
                    y = f.op(f"fmul {v.type} {y}, {scale}")
                y = v.add(y, self.finisher.constant("offset", n))
                y = v.at_least(y, low) if clamp != "none" else y
                y = v.at_most(y, high) if clamp == "both" else y
                if mask and n == last:
                    v.store_some(y, mask, output, n * v.bytes)
                else:
                    v.store(y, output, n * v.bytes)

    def scales(self, row: int) -> list[list[str]]:
        """What each vector of a row is multiplied by: the row's scale, then the columns'."""
        v = Floats(self.f, self.target)
        place = self.f.add("%sum_place", 4)
        own = v.broadcast(self.f.at(gemm.row(self.f, row), place))
        return [[own, self.finisher.constant("scale", n)] for n in range(self.wide)]


class PictureMicro(HybridMicro):
    """All rows have the numbers of their picture, whose scale is multiplied with the columns'."""

    def row_numbers(self, pointers: list[str]) -> list[str]:
        """-zero."""
        zero = self.f.load("i32", self.f.at("%scratch", "%stage_numbers"))
        return [self.f.splat("i32", self.target.lanes, zero)] * len(pointers)

    def scales(self, row: int) -> list[list[str]]:
        """Of all columns."""
        v, f = Floats(self.f, self.target), self.f
        own = v.broadcast(f.at(f.at("%scratch", "%stage_numbers"), 4))
        of_columns = [self.finisher.constant("scale", n) for n in range(self.wide)]
        return [[f.op(f"fmul {v.type} {of}, {own}")] for of in of_columns]


class Quantiser:
    """Writes @quantise(to, from, size, sum_place): one row, or a picture.

    Args:
        plain: numbers are left as int8; else as dot.py wants them.
    """

    def __init__(self, module: Module, target: Target, *, plain: bool = False) -> None:
        parameters = "ptr to", "ptr from", "i64 size", "i64 sum_place"
        self.f = module.function("quantise", *parameters)
        self.v = Floats(self.f, target)
        self.dot = dot_of(target)
        self.width = 1 if plain else self.dot.width
        self.turned = self.dot.unsigned and not plain
        self.integers = f"<{target.lanes} x i32>"
        self.whole = self.f.op(f"and i64 %size, -{target.lanes}")
        self.mask = self.v.mask(self.f.sub("%size", self.whole))

    def write(self, *, asymmetric: bool) -> None:
        """The function."""
        f = self.f
        zeros = "zeroinitializer"
        kinds = [(self.integers, zeros)] + [(self.v.type, zeros)] * 2 * asymmetric
        with f.loop(0, self.whole, self.v.lanes, *kinds) as loop:
            x = self.v.load("%from", f.mul(loop.index, 4))
            loop.carry(*self.extremes(loop.carried, x))
        rest = self.v.load_some(self.mask, "%from", f.mul(self.whole, 4))
        largest, *ends = self.extremes(loop.results, rest)
        bits = f.call(
            "i32", f"llvm.vector.reduce.smax.v{self.v.lanes}i32", f"{self.integers} {largest}"
        )
        finite = f.compare("slt", bits, _INFINITE, "i32")
        if asymmetric:
            factor, scale, zero = self.asymmetric(*ends)
        else:
            factor, scale, zero = self.symmetric(f.op(f"bitcast i32 {bits} to float"))
        f.store("float", f.select(finite, "float", scale, _NAN), "%to", f.add("%sum_place", 4))
        whole = f.op(f"fptosi float {zero} to i32")
        f.store("i32", f.op(f"sub i32 0, {whole}"), f.at("%to", "%sum_place"))
        fill = f.add(f.op(f"sext i32 {whole} to i64"), self.dot.offset(unsigned=False))
        f.store("i64", fill, f.at("%to", f.add("%sum_place", 8)))
        factor, zero = self.v.splat(factor), self.v.splat(zero) if asymmetric else ""
        with f.loop(0, self.whole, self.v.lanes) as loop:
            self.put(self.v.load("%from", f.mul(loop.index, 4)), factor, zero, loop.index)
        self.put(rest, factor, zero, self.whole)

    def extremes(self, found: list[str], x: str) -> list[str]:
        """Bits of the largest magnitude (NaN is above all), and the least and greatest number."""
        f, v, kind = self.f, self.v, self.integers
        bits = f.op(f"bitcast {v.type} {x} to {kind}")
        bits = f.op(f"and {kind} {bits}, splat (i32 {2**31 - 1})")
        name = f"llvm.smax.v{v.lanes}i32"
        largest = f.call(kind, name, f"{kind} {found[0]}", f"{kind} {bits}")
        if len(found) == 1:
            return [largest]
        return [largest, v.at_most(found[1], x), v.at_least(found[2], x)]

    def symmetric(self, largest: str) -> tuple[str, str, str]:
        """127 / max|x|, its inverse, and no zero point."""
        f = self.f
        tiny = f.op(f"fcmp olt float {largest}, {float_constant(_TINY)}")
        largest = f.select(tiny, "float", float_constant(127.0), largest)
        factor = f.op(f"fdiv float {float_constant(127.0)}, {largest}")
        return factor, f.op(f"fdiv float {largest}, {float_constant(127.0)}"), float_constant(0.0)

    def asymmetric(self, low: str, high: str) -> tuple[str, str, str]:
        """1 / scale, scale = (max - min) / 255, and the zero point, found in float64."""
        f = self.f
        ends = []
        for name, vector in (("fmin", low), ("fmax", high)):
            kind = f"v{self.v.lanes}f32"
            f.module.declare(
                f"llvm.vector.reduce.{name}",
                f"declare float @llvm.vector.reduce.{name}.{kind}({self.v.type})",
            )
            end = f.op(f"call nnan float @llvm.vector.reduce.{name}.{kind}({self.v.type} {vector})")
            ends.append(f.op(f"fpext float {end} to double"))
        least, greatest = ends
        scale = f.op(f"fdiv double {f.op(f'fsub double {greatest}, {least}')}, 255.0")
        tiny = f.op(f"fcmp olt double {scale}, {float_constant(_TINY)}")
        scale = f.select(tiny, "double", "1.0", scale)
        least, greatest = (f.op(f"fdiv double {e}, {scale}") for e in (least, greatest))
        left, right = f.op(f"fsub double 128.0, {least}"), f.op(f"fadd double 127.0, {greatest}")
        of_least = f.op(f"fsub double -128.0, {least}")
        of_greatest = f.op(f"fsub double 127.0, {greatest}")
        zero = f.select(f.op(f"fcmp olt double {left}, {right}"), "double", of_least, of_greatest)
        for how, bound in (("olt", "-128.0"), ("ogt", "127.0")):
            beyond = f.op(f"fcmp {how} double {zero}, {bound}")
            zero = f.select(beyond, "double", bound, zero)
        half = f.call("double", "llvm.copysign.f64", "double 0x3FDFFFFFFFFFFFFF", f"double {zero}")
        zero = f.op(f"fptosi double {f.op(f'fadd double {zero}, {half}')} to i32")
        scale = f.op(f"fptrunc double {scale} to float")
        factor = f.op(f"fdiv float {float_constant(1.0)}, {scale}")
        return factor, scale, f.op(f"sitofp i32 {zero} to float")

    def put(self, x: str, factor: str, zero: str, at: str) -> None:
        """Rounds a vector half away from zero, and writes it."""
        f, v = self.f, self.v
        y = f.op(f"fmul {v.type} {x}, {factor}")
        y = v.add(y, zero) if zero else y
        half = f"{v.type} splat (float 0x{_HALF:X})"
        y = v.add(y, f.call(v.type, f"llvm.copysign.v{v.lanes}f32", half, f"{v.type} {y}"))
        q = f.op(f"fptosi {v.type} {y} to {self.integers}")
        for name, bound in (("smax", -128), ("smin", 127)):
            arguments = f"{self.integers} {q}", f"{self.integers} splat (i32 {bound})"
            q = f.call(self.integers, f"llvm.{name}.v{v.lanes}i32", *arguments)
        narrow = f"<{v.lanes} x i{8 * self.width}>"
        q = f.op(f"trunc {self.integers} {q} to {narrow}")
        if self.turned:
            q = f.op(f"xor {narrow} {q}, splat (i8 -128)")
        f.store(narrow, q, "%to", f.mul(at, self.width))
