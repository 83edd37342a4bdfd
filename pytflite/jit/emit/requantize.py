"""From int32 sums to quantised outputs of 8 bits: vectors of them, to the reference's bit.

    y = clamp(zero_point + round(real[n] * sum[m, n]), low, high)

`round` is that of the operator: "fixed", gemmlowp's two roundings (ops/fixed_point.py), or "real",
half away from zero of a product in float64 (FULLY_CONNECTED). Both are steps that only rise with
the sum, and one float32 operation comes so near to them that it may be put in their place:

    t = fma(float(sum + origin[n]), scale[n], sum < 0 ? minus[n] : plus[n])        y = rint(t)

`origin`, which the bias holds, brings the middle of the outputs to zero; `plus` and `minus` what
is left of the zero point, and what makes ties round as they should. Whoever packs the constants
*proves* for a channel that every sum gives the right y (lowering/proof.py). What t is worth is told
by `edge`, a constant of each channel that |t - rint(t)| is compared with:

    2          proven
    below 1/2  t is right but near a tie: there, the definition decides, behind a branch
    -1         the definition always

and `flag` says for a panel whether any channel needs the comparison. If negative sums are clamped
away, as by a fused RELU, their sign does not matter ("signed" is False). "litert" rounds as LiteRT
as shipped does (XNNPACK): rint(float(sum) * scale) + zero_point.

Outputs of uint8 are computed as int8, 128 less: so are zero point and bounds.
Constants are rows of a panel, `columns` numbers each, in the order of `rows`.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.narrowing import packed
from pytflite.jit.ir import Function, float_constant
from pytflite.jit.target import Target

# What `Finisher` needs to be known by name: slots of the kernel, handed on to micro.
SLOTS = ("i64 zero_point", "i64 low", "i64 high")
BOUNDS = ("%low", "%high")

FAST = ("flag", "bias", "origin", "scale", "plus", "minus", "edge")
_ROWS = {
    "fixed": (*FAST, "left", "multiplier", "right", "nudge", "nudge_high"),
    "real": (*FAST, "real", "real_high"),
    "litert": ("bias", "scale"),
    "hybrid": ("bias", "sums", "scale", "offset"),  # of gemm_hybrid.py
    "blockwise": ("offset",),  # of gemm_blockwise.py
    # Of requantize_wide.py: numbers of 64 bits but for multiplier and left.
    "wide": ("bias", "bias_high", "multiplier", "right", "right_high", "nudge", "nudge_high"),
    "narrow": (
        "bias",
        "bias_high",
        "multiplier",
        "left",
        "right",
        "right_high",
        "nudge",
        "nudge_high",
    ),
    "double": ("bias", "bias_high", "real", "real_high"),
    "double_narrow": ("bias", "bias_high", "real", "real_high"),
    "nearest": ("bias", "bias_high", "scale"),
}
EDGE_PROVEN, EDGE_EXACT = 2.0, -1.0


def rows(rounding: str) -> tuple[str, ...]:
    """The constants of a panel, 32 bits each; numbers of 64 bits take two rows."""
    return _ROWS[rounding]


def is_fused(target: Target) -> bool:
    """Whether `Finisher` multiplies and adds with one rounding on this target."""
    return target.architecture != "x86_64" or "fma" in target.needs


def interleaves(target: Target, vectors: int) -> bool:
    """Whether two vectors of a row hold fours of columns in turns, which suits x86's packing."""
    return target.architecture == "x86_64" and vectors == 2


def column(target: Target, vectors: int, place: int) -> int:
    """Which column of a panel, of which so many vectors are used, stands at a place."""
    if not interleaves(target, vectors):
        return place
    vector, lane = divmod(place, target.lanes)
    return lane // 4 * 8 + vector * 4 + lane % 4 if vector < 2 else place


class Form(NamedTuple):
    """What the code fixes.

    Attributes:
        rounding: "fixed", "real" or "litert".
        signed: the sign of sums matters.
        unsigned: outputs are uint8.
        floats: sums, and the constants that they are compared with, are whole numbers in float32.
    """

    rounding: str
    signed: bool
    unsigned: bool
    floats: bool = False


def half_away(f: Function, lanes: int, x: str) -> str:
    """Integers nearest to numbers in float64, half away from zero; 2^30 stands for what is beyond.

    What is added is the largest number below one half: see ops/hybrid.py.
    """
    kind, bits = f"<{lanes} x double>", f"<{lanes} x i1>"
    half = f"{kind} splat (double 0x3FDFFFFFFFFFFFFF)"
    near = f.call(kind, f"llvm.copysign.v{lanes}f64", half, f"{kind} {x}")
    x = f.op(f"fadd {kind} {x}, {near}")
    for how, bound in (("olt", -(2.0**30)), ("ogt", 2.0**30)):
        limit = f"splat (double {float_constant(bound)})"
        beyond = f.op(f"fcmp {how} {kind} {x}, {limit}")
        x = f.op(f"select {bits} {beyond}, {kind} {limit}, {kind} {x}")
    return f.op(f"fptosi {kind} {x} to <{lanes} x i32>")


class Finisher:
    """Writes the steps for vectors of sums, whose constants are in a panel.

    Attributes:
        kind: the type of a vector of sums; floats, bits: those of floats and of truths.
    """

    def __init__(self, f: Function, target: Target, form: Form, panel: str, columns: int) -> None:
        """Columns: outputs of the panel, so also numbers of a row of constants."""
        self.f = f
        self.target = target
        self.lanes = lanes = target.lanes
        self.form = form
        self.panel = panel
        self.columns = columns
        self.fused = is_fused(target)
        self.kind, self.floats = f"<{lanes} x i32>", f"<{lanes} x float>"
        self.bits = f"<{lanes} x i1>"

    def constant(self, name: str, n: int, kind: str = "") -> str:
        """The constants of vector n of the panel."""
        size = 8 if kind.endswith(("i64>", "double>")) else 4
        place = rows(self.form.rounding).index(name) * 4 * self.columns + n * size * self.lanes
        return self.f.load(kind or self.floats, self.panel, place, 4)

    def flag(self) -> str:
        """Whether a channel of the panel is not proven (i1)."""
        place = rows(self.form.rounding).index("flag") * 4 * self.columns
        return self.f.compare("ne", self.f.load("i32", self.panel, place, 4), 0, "i32")

    def rounded(self, total: str, n: int) -> tuple[str, str]:
        """Vector n of sums: t, and rint(t) as integers."""
        f, floats = self.f, self.floats
        x = total if self.form.floats else f.op(f"sitofp {self.kind} {total} to {floats}")
        scale = self.constant("scale", n)
        if self.form.rounding == "litert":
            t = f.op(f"fmul {floats} {x}, {scale}")
            return t, f.op(f"add {self.kind} {self.nearest(t)}, {self._splat('%zero_point')}")
        offset = self.constant("plus", n)
        if self.form.signed:
            if self.form.floats:
                below = f.op(f"fcmp olt {floats} {total}, {self.constant('origin', n)}")
            else:
                origin = self.constant("origin", n, self.kind)
                below = f.op(f"icmp slt {self.kind} {total}, {origin}")
            minus = self.constant("minus", n)
            offset = f.op(f"select {self.bits} {below}, {floats} {minus}, {floats} {offset}")
        if self.fused:
            name = f"llvm.fma.v{self.lanes}f32"
            t = f.call(floats, name, *(f"{floats} {v}" for v in (x, scale, offset)))
        else:
            t = f.op(f"fadd {floats} {f.op(f'fmul {floats} {x}, {scale}')}, {offset}")
        return t, self.nearest(t)

    def nearest(self, t: str) -> str:
        """Integers nearest to numbers in float32, ties to even."""
        name = f"llvm.lrint.v{self.lanes}i32.v{self.lanes}f32"
        return self.f.call(self.kind, name, f"{self.floats} {t}")

    def off(self, t: str, rounded: str) -> str:
        """How far t is from what it was rounded to."""
        f, floats = self.f, self.floats
        whole = f.op(f"sitofp {self.kind} {rounded} to {floats}")
        return f.call(
            floats, f"llvm.fabs.v{self.lanes}f32",
            f"{floats} {f.op(f'fsub {floats} {t}, {whole}')}",
        )  # fmt: skip

    def farther(self, a: str, b: str) -> str:
        """The greater of two distances."""
        greater = self.f.op(f"fcmp ogt {self.floats} {a}, {b}")
        return self.f.op(f"select {self.bits} {greater}, {self.floats} {a}, {self.floats} {b}")

    def doubtful(self, off: list[str]) -> str:
        """Whether, at the given distances, the definition has to decide for any output (i1)."""
        found = ""
        for n, distance in enumerate(off):
            beyond = self.f.op(f"fcmp oge {self.floats} {distance}, {self.constant('edge', n)}")
            found = self.f.op(f"or {self.bits} {found}, {beyond}") if found else beyond
        packed = self.f.op(f"bitcast {self.bits} {found} to i{self.lanes}")
        return self.f.compare("ne", packed, 0, f"i{self.lanes}")

    def narrowed(self, rows: list[list[str]], bounds: tuple[str, str] = BOUNDS) -> list[list[str]]:
        """Outputs of 8 bits, clamped, from integers of 32 bits.

        Args:
            rows: vectors of one row or two.
            bounds: the lower, the upper one.

        Returns:
            Vectors of bytes of these rows: one, or as many as there were.
        """
        if interleaves(self.target, len(rows[0])):
            return self._packed([rows[0], rows[-1]], bounds)[: len(rows)]
        return [[self._narrowed(y, bounds) for y in row] for row in rows]

    def _packed(self, rows: list[list[str]], bounds: tuple[str, str]) -> list[list[str]]:
        """x86 packs within 128 bits: two vectors in turns, and then two rows, which are sorted."""
        f, lanes = self.f, self.lanes
        octets, both = f"<{4 * lanes} x i8>", packed(f, lanes, rows)
        for how, bound in zip(("smax", "smin"), bounds, strict=True):
            limit = f.splat("i8", 4 * lanes, f.op(f"trunc i64 {bound} to i8"))
            arguments = f"{octets} {both}", f"{octets} {limit}"
            both = f.call(octets, f"llvm.{how}.v{4 * lanes}i8", *arguments)
        if self.form.unsigned:
            both = f.op(f"xor {octets} {both}, splat (i8 -128)")
        quads = f"<{lanes // 2} x i64>"
        sorted_ = f.op(f"bitcast {octets} {both} to {quads}")
        found = []
        for first in (0, 1):
            order = ", ".join(f"i32 {n}" for n in range(first, lanes // 2, 2))
            half = f"<{lanes // 4} x i64>"
            part = f.op(
                f"shufflevector {quads} {sorted_}, {quads} poison, <{lanes // 4} x i32> <{order}>"
            )
            found.append([f.op(f"bitcast {half} {part} to <{2 * lanes} x i8>")])
        return found

    def clamped(self, y: str, bounds: tuple[str, str] = BOUNDS) -> str:
        """Integers of 32 bits within bounds."""
        for name, bound in zip(("smax", "smin"), bounds, strict=True):
            arguments = f"{self.kind} {y}", f"{self.kind} {self._splat(bound)}"
            y = self.f.call(self.kind, f"llvm.{name}.v{self.lanes}i32", *arguments)
        return y

    def _narrowed(self, y: str, bounds: tuple[str, str]) -> str:
        f, y = self.f, self.clamped(y, bounds)
        y = f.op(f"trunc {self.kind} {y} to <{self.lanes} x i8>")
        if self.form.unsigned:
            y = f.op(f"xor <{self.lanes} x i8> {y}, splat (i8 -128)")
        return y

    def defined(self, total: str, n: int) -> str:
        """Vector n of sums as the operator defines it: int32, clamped to that."""
        if self.form.floats:
            total = self.f.op(f"fsub {self.floats} {total}, {self.constant('origin', n)}")
            total = self.f.op(f"fptosi {self.floats} {total} to {self.kind}")
        else:
            total = self.f.op(f"sub {self.kind} {total}, {self.constant('origin', n, self.kind)}")
        return self._real(total, n) if self.form.rounding == "real" else self._fixed(total, n)

    def _real(self, total: str, n: int) -> str:
        """Half away from zero of total * real in float64."""
        f, kind = self.f, f"<{self.lanes} x double>"
        x = f.op(f"sitofp {self.kind} {total} to {kind}")
        x = f.op(f"fmul {kind} {x}, {self.constant('real', n, kind)}")
        whole = half_away(f, self.lanes, x)
        return f.op(f"add {self.kind} {whole}, {self._splat('%zero_point')}")

    def _fixed(self, total: str, n: int) -> str:
        """(x * m + nudge - (x * m < 0 and right > 31 ? 2^31 : 0)) >> right, x = total << left."""
        f, lanes = self.f, self.lanes
        kind, bits = f"<{lanes} x i64>", self.bits
        x = f.op(f"shl {self.kind} {total}, {self.constant('left', n, self.kind)}")
        m, right = (
            f.op(f"sext {self.kind} {self.constant(name, n, self.kind)} to {kind}")
            for name in ("multiplier", "right")
        )
        product = f.op(f"mul {kind} {f.op(f'sext {self.kind} {x} to {kind}')}, {m}")
        below = f.op(f"icmp slt {kind} {product}, zeroinitializer")
        twice = f.op(f"icmp sgt {kind} {right}, splat (i64 31)")
        both = f.op(f"and {bits} {below}, {twice}")
        less = f.op(f"select {bits} {both}, {kind} splat (i64 {2**31}), {kind} zeroinitializer")
        y = f.op(f"add {kind} {product}, {self.constant('nudge', n, kind)}")
        y = f.op(f"ashr {kind} {f.op(f'sub {kind} {y}, {less}')}, {right}")
        for name, bound in (("smax", -(2**30)), ("smin", 2**30)):
            arguments = f"{kind} {y}", f"{kind} splat (i64 {bound})"
            y = f.call(kind, f"llvm.{name}.v{lanes}i64", *arguments)
        y = f.op(f"trunc {kind} {y} to {self.kind}")
        return f.op(f"add {self.kind} {y}, {self._splat('%zero_point')}")

    def _splat(self, name: str) -> str:
        return self.f.splat("i32", self.lanes, self.f.op(f"trunc i64 {name} to i32"))
