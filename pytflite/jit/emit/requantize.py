"""From int32 sums to quantised outputs of 8 bits: vectors of them, to the reference's bit.

    y = clamp(zero_point + round(real[n] * sum[m, n]), low, high)

`round` is that of the operator: "fixed", gemmlowp's two roundings (ops/fixed_point.py), or "real",
half away from zero of a product in float64 (FULLY_CONNECTED). Both are steps that only rise with
the sum, and one float32 operation comes so near to them that it may be put in their place:

    t = fma(float(sum), scale[n], sum < 0 ? minus[n] : plus[n])        y = rint(t)

`plus` and `minus` hold the zero point, and what makes ties round as they should. Whoever packs the
constants *proves* for a channel that every sum gives the right y (lowering/requantizing.py). What
t is worth is told by `edge`, a constant of each channel that is compared with |t - rint(t)|:

    2            proven
    1/2 - 2^-14  t is right but near a tie: there, the definition decides, behind a branch
    -1           the definition always

and `flag` says for a panel whether any channel needs the comparison. If negative sums are clamped
away, as by a fused RELU, their sign does not matter ("signed" is False). "litert" rounds as LiteRT
as shipped does (XNNPACK): rint(float(sum) * scale) + zero_point.

Outputs of uint8 are computed as int8, 128 less: so are zero point and bounds.
Constants are rows of a panel, `columns` numbers each, in the order of `rows`.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.ir import Function, float_constant
from pytflite.jit.target import Target

# What `Finisher` needs to be known by name: slots of the kernel, handed on to micro.
SLOTS = ("i64 zero_point", "i64 low", "i64 high")

FAST = ("flag", "bias", "scale", "plus", "minus", "edge")
_ROWS = {
    "fixed": (*FAST, "left", "multiplier", "right", "nudge", "nudge_high"),
    "real": (*FAST, "real", "real_high"),
    "litert": ("bias", "scale"),
}
EDGE_PROVEN, EDGE_NEAR, EDGE_EXACT = 2.0, 0.5 - 2.0**-14, -1.0


def rows(rounding: str) -> tuple[str, ...]:
    """The constants of a panel, 32 bits each; numbers of 64 bits take two rows."""
    return _ROWS[rounding]


def is_fused(target: Target) -> bool:
    """Whether `Finisher` multiplies and adds with one rounding on this target."""
    return target.architecture != "x86_64" or "fma" in target.needs


class Form(NamedTuple):
    """What the code fixes.

    Attributes:
        rounding: "fixed", "real" or "litert".
        signed: the sign of sums matters.
        unsigned: outputs are uint8.
    """

    rounding: str
    signed: bool
    unsigned: bool


class Finisher:
    """Writes the steps for vectors of sums, whose constants are in a panel.

    Attributes:
        kind: the type of a vector of sums; floats, bits: those of floats and of truths.
    """

    def __init__(self, f: Function, target: Target, form: Form, panel: str, columns: int) -> None:
        """Columns: outputs of the panel, so also numbers of a row of constants."""
        self.f = f
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
        x = f.op(f"sitofp {self.kind} {total} to {floats}")
        scale = self.constant("scale", n)
        if self.form.rounding == "litert":
            t = f.op(f"fmul {floats} {x}, {scale}")
            return t, f.op(f"add {self.kind} {self._round(t)}, {self._splat('%zero_point')}")
        offset = self.constant("plus", n)
        if self.form.signed:
            below = f.op(f"icmp slt {self.kind} {total}, zeroinitializer")
            minus = self.constant("minus", n)
            offset = f.op(f"select {self.bits} {below}, {floats} {minus}, {floats} {offset}")
        if self.fused:
            name = f"llvm.fma.v{self.lanes}f32"
            t = f.call(floats, name, *(f"{floats} {v}" for v in (x, scale, offset)))
        else:
            t = f.op(f"fadd {floats} {f.op(f'fmul {floats} {x}, {scale}')}, {offset}")
        return t, self._round(t)

    def _round(self, t: str) -> str:
        name = f"llvm.lrint.v{self.lanes}i32.v{self.lanes}f32"
        return self.f.call(self.kind, name, f"{self.floats} {t}")

    def doubtful(self, t: str, rounded: str, n: int) -> str:
        """Whether the definition has to decide, lane by lane."""
        f, floats = self.f, self.floats
        whole = f.op(f"sitofp {self.kind} {rounded} to {floats}")
        off = f.op(f"fsub {floats} {t}, {whole}")
        off = f.call(floats, f"llvm.fabs.v{self.lanes}f32", f"{floats} {off}")
        # Unordered: where t was out of range, nothing is known.
        return f.op(f"fcmp uge {floats} {off}, {self.constant('edge', n)}")

    def any(self, truths: list[str]) -> str:
        """Whether any lane of any of them is true (i1)."""
        found = truths[0]
        for more in truths[1:]:
            found = self.f.op(f"or {self.bits} {found}, {more}")
        packed = self.f.op(f"bitcast {self.bits} {found} to i{self.lanes}")
        return self.f.compare("ne", packed, 0, f"i{self.lanes}")

    def narrowed(self, y: str) -> str:
        """Outputs of 8 bits, clamped, from integers of 32 bits."""
        f = self.f
        for name, bound in (("smax", "%low"), ("smin", "%high")):
            arguments = f"{self.kind} {y}", f"{self.kind} {self._splat(bound)}"
            y = f.call(self.kind, f"llvm.{name}.v{self.lanes}i32", *arguments)
        y = f.op(f"trunc {self.kind} {y} to <{self.lanes} x i8>")
        if self.form.unsigned:
            y = f.op(f"xor <{self.lanes} x i8> {y}, splat (i8 -128)")
        return y

    def defined(self, total: str, n: int) -> str:
        """Vector n of sums as the operator defines it: int32, clamped to that."""
        return self._real(total, n) if self.form.rounding == "real" else self._fixed(total, n)

    def _real(self, total: str, n: int) -> str:
        """Half away from zero of total * real in float64.

        What is added is the largest number below one half: see ops/hybrid.py.
        """
        f, lanes = self.f, self.lanes
        kind = f"<{lanes} x double>"
        x = f.op(f"sitofp {self.kind} {total} to {kind}")
        x = f.op(f"fmul {kind} {x}, {self.constant('real', n, kind)}")
        half = f"{kind} splat (double 0x3FDFFFFFFFFFFFFF)"
        near = f.call(kind, f"llvm.copysign.v{lanes}f64", half, f"{kind} {x}")
        x = f.op(f"fadd {kind} {x}, {near}")
        for how, bound in (("olt", -(2.0**30)), ("ogt", 2.0**30)):
            limit = f"{kind} splat (double {float_constant(bound)})"
            beyond = f.op(f"fcmp {how} {kind} {x}, splat (double {float_constant(bound)})")
            x = f.op(f"select {self.bits} {beyond}, {limit}, {kind} {x}")
        whole = f.op(f"fptosi {kind} {x} to {self.kind}")
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
