"""One row of numbers times packed weights: the products of recurrent cells.

    to[n] = first[n] + sum over k of x[k] * weights[k, n]

    kind          x          weights    first, to
    "float32"     float32    float32    float32
    "symmetric"   float32    8 bits     float32    x is quantised before (quantising.py), then
    "asymmetric"                                   to = first + sum * (scale of x * scale[n])
    "int8"        int8       8 bits     int32

Weights lie in panels, [head | k lines], a line being `vectors` vectors of 32-bit numbers, so that
as many sums are under way while a panel goes by once. The head has the rows that HEADS names. Lines
of integers hold `group` numbers for each output, as dot.py wants them; so does `room`, into which x
is brought first. What that adds to each number of x, `bias` makes up for, or `first` of "int8".
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.dot import Dot, dot_of, load_weights, multiply_add, word_in_all_lanes
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.quantising import NUMBERS, SCALE, Quantiser, quantise_row
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

HEADS: dict[str, tuple[str, ...]] = {
    "float32": (),
    "symmetric": ("bias", "scale"),
    "asymmetric": ("bias", "scale", "sums"),
    "int8": (),
}
PARAMETERS = (
    "ptr to", "ptr x", "ptr weights", "i64 depth", "i64 panels", "ptr first", "ptr room",
)  # fmt: skip


def row_dot(target: Target) -> Dot:
    """How a row alone is multiplied."""
    return dot_of(_alone(target))


def _alone(target: Target) -> Target:
    """A target that multiplies rows two at a time as one that does not."""
    return target._replace(dot="sdot") if dot_of(target).pairs else target


def room_bytes(target: Target, depth: int) -> int:
    """Bytes of `room` for a row."""
    whole = -(-(depth + target.lanes) // target.lanes) * target.lanes
    return whole * row_dot(target).width + NUMBERS


class Product(NamedTuple):
    """The function @product of a module, for one kind and width."""

    module: Module
    target: Target
    kind: str
    vectors: int

    def write(self) -> None:
        """Writes it, and what it calls."""
        f = self.module.function("product", *PARAMETERS)
        product = self._replace(target=_alone(self.target))
        if self.kind == "float32":
            _Floating(product, f).write()
            return
        if self.kind == "int8":
            _copier(self.module, product.target)
        else:
            Quantiser(self.module, product.target, asymmetric=self.kind == "asymmetric")
        _Integral(product, f).write()

    def call(
        self, f: Function, to: str, x: str, weights: str, depth: str, panels: str, first: str,
        room: str,
    ) -> None:  # fmt: skip
        """Calls it; the arguments are those of PARAMETERS."""
        values = (to, x, weights, depth, panels, first, room)
        arguments = (p.replace(p.split()[1], "") + v
                     for p, v in zip(PARAMETERS, values, strict=True))  # fmt: skip
        f.call("void", "product", *arguments)


class _Floating:
    """Sums of products of floats."""

    def __init__(self, product: Product, f: Function) -> None:
        self.product = product
        self.f = f
        self.v = Floats(f, product.target)
        self.count = product.vectors
        self.line = self.count * product.target.vector
        self.head = len(HEADS[product.kind]) * self.line

    def write(self) -> None:
        """The loop over panels."""
        f, count = self.f, self.terms()
        size = f.add(f.mul(count, self.line_bytes), self.head)
        with f.loop(0, "%panels") as panel:
            head = f.at("%weights", f.mul(panel.index, size))
            at = f.mul(panel.index, self.line)
            begin = self.begin(head, f.at("%first", at))
            lines = f.at(head, self.head)
            with f.loop(0, count, 1, *((self.kind, s) for s in begin)) as k:
                place = f.at(lines, f.mul(k.index, self.line_bytes))
                k.carry(*self.step(k.index, place, k.carried))
            to, first = f.at("%to", at), f.at("%first", at)
            for n, total in enumerate(k.results):
                offset = n * self.v.bytes
                f.store(self.kind_out, self.end(total, head, first, n), to, offset, 4)

    @property
    def kind(self) -> str:
        """LLVM's type of a vector of sums."""
        return self.v.type

    @property
    def kind_out(self) -> str:
        """And of results."""
        return self.v.type

    @property
    def line_bytes(self) -> int:
        """From line to line."""
        return self.line

    def terms(self) -> str:
        """How many lines there are; x is made ready."""
        return "%depth"

    def begin(self, head: str, first: str) -> list[str]:
        """What the sums of a panel begin with."""
        return [self.v.load(first, n * self.v.bytes) for n in range(self.count)]

    def step(self, k: str, place: str, sums: list[str]) -> list[str]:
        """The products of one line added."""
        number = self.v.broadcast("%x", self.f.mul(k, 4))
        weights = [self.v.load(place, n * self.v.bytes) for n in range(self.count)]
        return [self.v.multiply_add(number, w, s) for w, s in zip(weights, sums, strict=True)]

    def end(self, total: str, head: str, first: str, n: int) -> str:
        """The result of vector n."""
        return total


class _Integral(_Floating):
    """Sums of products of integers, and floats of them."""

    def __init__(self, product: Product, f: Function) -> None:
        super().__init__(product, f)
        self.dot = dot_of(product.target)
        self.integers = f"<{product.target.lanes} x i32>"
        self.numbers = ""  # where those of the quantised row are

    @property
    def kind(self) -> str:
        return self.integers

    @property
    def kind_out(self) -> str:
        return self.integers if self.product.kind == "int8" else self.v.type

    @property
    def line_bytes(self) -> int:
        return self.line // 4 * self.dot.word

    def terms(self) -> str:
        f, lanes = self.f, self.v.lanes
        if self.product.kind == "int8":
            f.call("void", "copy", "ptr %room", "ptr %x", "i64 %depth")
        else:
            whole = f.op(f"and i64 {f.add('%depth', 2 * lanes - 1)}, -{lanes}")
            behind = f.mul(whole, self.dot.width)
            self.numbers = f.at("%room", behind)
            quantise_row(f, "%room", "%x", "%depth", self.numbers)
        return f.op(f"udiv i64 {f.add('%depth', self.dot.group - 1)}, {self.dot.group}")

    def begin(self, head: str, first: str) -> list[str]:
        f, size = self.f, self.v.bytes
        if self.product.kind == "int8":
            return [f.load(self.integers, first, n * size, 4) for n in range(self.count)]
        begin = [self.of_head("bias", head, n) for n in range(self.count)]
        if self.product.kind == "symmetric":
            return begin
        zero = f.splat("i32", self.v.lanes, f.load("i32", self.numbers))
        for n, bias in enumerate(begin):
            of_zero = f.op(f"mul {self.integers} {zero}, {self.of_head('sums', head, n)}")
            begin[n] = f.op(f"add {self.integers} {bias}, {of_zero}")
        return begin

    def of_head(self, row: str, head: str, n: int) -> str:
        """Vector n of a row of the head."""
        offset = HEADS[self.product.kind].index(row) * self.line + n * self.v.bytes
        return self.f.load(self.v.type if row == "scale" else self.integers, head, offset, 4)

    def step(self, k: str, place: str, sums: list[str]) -> list[str]:
        f, target = self.f, self.product.target
        word = word_in_all_lanes(f, target, f.at("%room", f.mul(k, self.dot.word)))
        size = self.dot.word * self.v.lanes
        weights = [load_weights(f, target, place, n * size) for n in range(self.count)]
        return [multiply_add(f, target, s, word, w) for w, s in zip(weights, sums, strict=True)]

    def end(self, total: str, head: str, first: str, n: int) -> str:
        if self.product.kind == "int8":
            return total
        f, v = self.f, self.v
        own = v.broadcast(self.numbers, SCALE)
        scale = f.op(f"fmul {v.type} {self.of_head('scale', head, n)}, {own}")
        y = f.op(f"sitofp {self.integers} {total} to {v.type}")
        return v.add(f.op(f"fmul {v.type} {y}, {scale}"), v.load(first, n * v.bytes))


def _copier(module: Module, target: Target) -> None:
    """Writes @copy(to, from, size): int8 as dot.py wants them."""
    f = module.function("copy", "ptr to", "ptr from", "i64 size")
    dot, lanes = dot_of(target), target.lanes
    change = dot.change(unsigned=False)
    whole = f.op(f"and i64 %size, -{lanes}")
    for begin, end, step in (("0", whole, lanes), (whole, "%size", 1)):
        with f.loop(begin, end, step) as loop:
            kind = f"<{step} x i8>"
            x = f.load(kind, "%from", loop.index)
            if change == "wide":
                x = f.op(f"sext {kind} {x} to <{step} x i16>")
                kind = f"<{step} x i16>"
            elif change == "sign":
                x = f.op(f"xor {kind} {x}, splat (i8 -128)")
            f.store(kind, x, "%to", f.mul(loop.index, dot.width))
