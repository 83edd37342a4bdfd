"""Rows of float32 quantised in the run: ops/hybrid.py, to the bit.

    q[k] = round(x[k] / scale) + zero

in three functions, so that one row does not wait for another one's scale:

    @measure(from, size, numbers)         the ends of a row's range, and whether it is finite
    @choose(numbers)                      its scale and zero point
    @quantise(to, from, size, numbers)    8-bit integers, or numbers of 16 bits

`numbers` are NUMBERS bytes of a row, which begin with what a product has to know of it.

Whole pictures are quantised by kernels of their own (quantised_pictures.py).
"""

from __future__ import annotations

from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.narrowing import narrowed
from pytflite.jit.ir import Function, Module, float_constant
from pytflite.jit.target import Target

NUMBERS = 24
# Where in them: -zero (int32; 0 if it is symmetric), scale (NaN where x is not finite), and what
# padding is (int64); between the functions, whether x is finite, and the ends of its range, then
# 1 / scale and zero.
ZERO, SCALE, FILL, LOW, HIGH = 0, 4, 8, 16, 20
_FACTOR, FINITE = LOW, ZERO
_TINY = 4e-37  # as float32: below this a row counts as zeros
_HALF = 0x3FDFFFFFE0000000  # the largest float32 below one half
_NAN = "0x7FF8000000000000"
_INFINITE = 0x7F800000
_APART = 4  # vectors at a time


class Quantiser:
    """Writes the three functions.

    Args:
        asymmetric: with a zero point.
        narrow: numbers are bytes; else as wide as dot.py wants them.
    """

    def __init__(
        self, module: Module, target: Target, *, asymmetric: bool, narrow: bool = False
    ) -> None:
        self.module = module
        self.target = target
        self.asymmetric = asymmetric
        self.dot = dot_of(target)
        self.width = 1 if narrow else self.dot.width
        self._measure()
        self._choose()
        self._quantise()

    def _function(self, name: str, *parameters: str) -> tuple[Function, Floats]:
        f = self.module.function(name, *parameters)
        return f, Floats(f, self.target)

    def _measure(self) -> None:
        f, v = self._function("measure", "ptr from", "i64 size", "ptr numbers")
        step = _APART * v.lanes
        many, whole = f.op(f"and i64 %size, -{step}"), f.op(f"and i64 %size, -{v.lanes}")
        zero = (v.type, "zeroinitializer")
        each = 3 if self.asymmetric else 1
        with f.loop(0, many, step, *[zero] * (each * _APART)) as loop:
            found: list[str] = []
            for n in range(_APART):
                x = v.load("%from", f.add(f.mul(loop.index, 4), n * v.bytes))
                found += self._wider(v, loop.carried[each * n : each * (n + 1)], x)
            loop.carry(*found)
        ends = loop.results[:each]
        for n in range(1, _APART):
            ends = self._both(v, ends, loop.results[each * n : each * (n + 1)])
        with f.loop(many, whole, v.lanes, *((v.type, e) for e in ends)) as loop:
            loop.carry(*self._wider(v, loop.carried, v.load("%from", f.mul(loop.index, 4))))
        ends = loop.results
        with f.loop(whole, "%size", v.lanes, *((v.type, e) for e in ends)) as loop:
            mask = v.mask(f.sub("%size", whole))
            x = v.load_some(mask, "%from", f.mul(whole, 4))
            loop.carry(*self._wider(v, loop.carried, x))
        ends = loop.results
        if not self.asymmetric:
            kind = f"<{v.lanes} x i32>"
            bits = f.op(f"bitcast {v.type} {ends[0]} to {kind}")
            name = f"llvm.vector.reduce.smax.v{v.lanes}i32"
            f.store("i32", f.call("i32", name, f"{kind} {bits}"), "%numbers", HIGH)
            return
        least, greatest, none = ends
        f.store("float", _reduced(v, "fmin", least), "%numbers", LOW)
        f.store("float", _reduced(v, "fmax", greatest), "%numbers", HIGH)
        bits = f.op(f"bitcast {v.bits} {f.op(f'fcmp uno {v.type} {none}, {none}')} to i{v.lanes}")
        finite = f.compare("eq", bits, 0, f"i{v.lanes}")
        f.store("i32", f.op(f"zext i1 {finite} to i32"), "%numbers", FINITE)

    def _wider(self, v: Floats, found: list[str], x: str) -> list[str]:
        """The greatest magnitude (NaN is above all), or: least, greatest, and 0, or NaN."""
        if not self.asymmetric:
            sign = f"splat (i32 {2**31 - 1})"
            kind = f"<{v.lanes} x i32>"
            bits = v.f.op(f"and {kind} {v.f.op(f'bitcast {v.type} {x} to {kind}')}, {sign}")
            return self._both(v, found, [v.f.op(f"bitcast {kind} {bits} to {v.type}")])
        nothing = f"{v.type} zeroinitializer"
        zero = v.f.call(
            v.type, f"llvm.fmuladd.v{v.lanes}f32", f"{v.type} {x}", nothing, f"{v.type} {found[2]}"
        )
        return [v.at_most(found[0], x), v.at_least(found[1], x), zero]

    def _both(self, v: Floats, a: list[str], b: list[str]) -> list[str]:
        if self.asymmetric:
            return [v.at_most(a[0], b[0]), v.at_least(a[1], b[1]), v.add(a[2], b[2])]
        f, kind = v.f, f"<{v.lanes} x i32>"
        bits = [f"{kind} {f.op(f'bitcast {v.type} {x} to {kind}')}" for x in (a[0], b[0])]
        larger = f.call(kind, f"llvm.smax.v{v.lanes}i32", *bits)
        return [f.op(f"bitcast {kind} {larger} to {v.type}")]

    def _choose(self) -> None:
        f, _ = self._function("choose", "ptr numbers")
        if self.asymmetric:
            low, high = f.load("float", "%numbers", LOW), f.load("float", "%numbers", HIGH)
            finite = f.compare("ne", f.load("i32", "%numbers", FINITE), 0, "i32")
            factor, scale, zero = _asymmetric(f, low, high)
        else:
            finite = f.compare("slt", f.load("i32", "%numbers", HIGH), _INFINITE, "i32")
            factor, scale, zero = _symmetric(f, f.load("float", "%numbers", HIGH))
        whole = f.op(f"fptosi float {zero} to i32")
        f.store("i32", f.op(f"sub i32 0, {whole}"), "%numbers", ZERO)
        f.store("float", f.select(finite, "float", scale, _NAN), "%numbers", SCALE)
        fill = f.add(f.op(f"sext i32 {whole} to i64"), self.dot.offset(unsigned=False))
        f.store("i64", fill, "%numbers", FILL)
        f.store("float", factor, "%numbers", _FACTOR)

    def _quantise(self) -> None:
        f, v = self._function("quantise", "ptr to", "ptr from", "i64 size", "ptr numbers")
        factor, zero = v.broadcast(f.at("%numbers", _FACTOR)), ""
        if self.asymmetric:
            minus = f.op(f"sitofp i32 {f.load('i32', '%numbers', ZERO)} to float")
            zero = v.splat(f.op(f"fneg float {minus}"))
        whole = f.op(f"and i64 %size, -{v.lanes}")
        many = "0"
        if self.width == 1 and self.target.architecture == "x86_64":
            many = f.op(f"and i64 %size, -{4 * v.lanes}")
            with f.loop(0, many, 4 * v.lanes) as loop:
                at = f.mul(loop.index, 4)
                x = [v.load("%from", f.add(at, n * v.bytes)) for n in range(4)]
                q = [self._rounded(v, y, factor, zero) for y in x]
                four = narrowed(f, self.target, q, unsigned=False)
                self._store(f, f"<{4 * v.lanes} x i8>", four, loop.index)
        narrow = f"<{v.lanes} x i{8 * self.width}>"
        with f.loop(many, whole, v.lanes) as loop:
            q = [self._rounded(v, v.load("%from", f.mul(loop.index, 4)), factor, zero)]
            self._store(f, narrow, self._one(f, q[0]), loop.index)
        with f.when(f.compare("slt", whole, "%size")):
            mask = v.mask(f.sub("%size", whole))
            x = [v.load_some(mask, "%from", f.mul(whole, 4))]
            self._store(f, narrow, self._one(f, self._rounded(v, x[0], factor, zero)), whole)

    def _rounded(self, v: Floats, x: str, factor: str, zero: str) -> str:
        """Half away from zero."""
        f = v.f
        y = f.op(f"fmul {v.type} {x}, {factor}")
        y = v.add(y, zero) if zero else y
        half = f"{v.type} splat (float 0x{_HALF:X})"
        y = v.add(y, f.call(v.type, f"llvm.copysign.v{v.lanes}f32", half, f"{v.type} {y}"))
        return f.op(f"fptosi {v.type} {y} to <{v.lanes} x i32>")

    def _one(self, f: Function, q: str) -> str:
        lanes = self.target.lanes
        kind = f"<{lanes} x i32>"
        for name, bound in (("smax", -128), ("smin", 127)):
            arguments = f"{kind} {q}", f"{kind} splat (i32 {bound})"
            q = f.call(kind, f"llvm.{name}.v{lanes}i32", *arguments)
        return f.op(f"trunc {kind} {q} to <{lanes} x i{8 * self.width}>")

    def _store(self, f: Function, kind: str, q: str, at: str) -> None:
        if self.dot.unsigned:
            q = f.op(f"xor {kind} {q}, splat (i8 -128)")
        f.store(kind, q, "%to", f.mul(at, self.width))


def quantise_row(f: Function, to: str, x: str, size: str, numbers: str) -> None:
    """Calls all three, on addresses."""
    f.call("void", "measure", f"ptr {x}", f"i64 {size}", f"ptr {numbers}")
    f.call("void", "choose", f"ptr {numbers}")
    f.call("void", "quantise", f"ptr {to}", f"ptr {x}", f"i64 {size}", f"ptr {numbers}")


def _reduced(v: Floats, how: str, x: str) -> str:
    """The least or greatest of the lanes, none of which is NaN."""
    name, kind = f"llvm.vector.reduce.{how}", f"v{v.lanes}f32"
    v.f.module.declare(name, f"declare float @{name}.{kind}({v.type})")
    return v.f.op(f"call nnan float @{name}.{kind}({v.type} {x})")


def _symmetric(f: Function, largest: str) -> tuple[str, str, str]:
    """127 / max|x|, its inverse, and no zero point."""
    tiny = f.op(f"fcmp olt float {largest}, {float_constant(_TINY)}")
    largest = f.select(tiny, "float", float_constant(127.0), largest)
    factor = f.op(f"fdiv float {float_constant(127.0)}, {largest}")
    return factor, f.op(f"fdiv float {largest}, {float_constant(127.0)}"), float_constant(0.0)


def _asymmetric(f: Function, low: str, high: str) -> tuple[str, str, str]:
    """1 / scale, scale = (max - min) / 255, and the zero point, found in float64."""
    least, greatest = (f.op(f"fpext float {end} to double") for end in (low, high))
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
