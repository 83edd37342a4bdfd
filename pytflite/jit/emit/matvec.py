"""A row of numbers, or a few, times packed weights: the products of recurrent cells.

    to[n] = first[n] + sum over k of x[k] * weights[k, n]

@product takes one row; @products as many as there are registers for, since every weight that is
read is then good for all of them.

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

from collections.abc import Callable, Iterator, Sequence
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
# Of @products besides: bytes from row to row.
ROWS = ("i64 to_row", "i64 x_row", "i64 first_row", "i64 room_row")
_MOST, _SPARE = 4, 4  # rows; registers that hold no sums


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


def rows_of(target: Target, vectors: int) -> int:
    """Rows of @products; with 1 there is no such function."""
    return max(1, min(_MOST, (target.registers - _SPARE) // vectors))


class Product(NamedTuple):
    """The functions @product and @products of a module, for one kind and width."""

    module: Module
    target: Target
    kind: str
    vectors: int

    def write(self, *, several: bool) -> None:
        """Writes them (@products if rows come in several), and what they call."""
        product = self._replace(target=_alone(self.target))
        writer = _Floating if self.kind == "float32" else _Integral
        writer(product, 1).write()
        if several and self.rows > 1:
            writer(product, self.rows).write()
        if self.kind == "int8":
            _copier(self.module, product.target)
        elif self.kind != "float32":
            Quantiser(self.module, product.target, asymmetric=self.kind == "asymmetric")

    @property
    def rows(self) -> int:
        """Of @products."""
        return rows_of(self.target, self.vectors)

    def call(
        self, f: Function, to: str, x: str, weights: str, depth: str, panels: str, first: str,
        room: str,
    ) -> None:  # fmt: skip
        """Calls @product; the arguments are those of PARAMETERS."""
        values = (to, x, weights, depth, panels, first, room)
        f.call("void", "product", *_arguments(PARAMETERS, values))

    def call_rows(self, f: Function, *values: str) -> None:
        """Calls @products; the arguments are those of PARAMETERS, then of ROWS."""
        f.call("void", "products", *_arguments((*PARAMETERS, *ROWS), values))


def _arguments(parameters: Sequence[str], values: Sequence[str]) -> Iterator[str]:
    """Values with their types."""
    for parameter, value in zip(parameters, values, strict=True):
        yield f"{parameter.partition(' ')[0]} {value}"


class _Floating:
    """Sums of products of floats, of so many rows."""

    def __init__(self, product: Product, rows: int) -> None:
        name, more = ("products", ROWS) if rows > 1 else ("product", ())
        self.product = product
        self.f = f = product.module.function(name, *PARAMETERS, *more)
        self.rows = rows
        self.v = Floats(f, product.target)
        self.count = product.vectors
        self.x: list[str] = []  # where rows are read
        self.line = self.count * product.target.vector
        self.head = len(HEADS[product.kind]) * self.line

    def write(self) -> None:
        """The loop over panels."""
        f, count = self.f, self.terms()
        size = f.add(f.mul(count, self.line_bytes), self.head)
        places = {name: self.of_rows(name) for name in ("to", "first")}
        with f.loop(0, "%panels") as panel:
            head = f.at("%weights", f.mul(panel.index, size))
            at = f.mul(panel.index, self.line)
            to, first = ([f.at(p, at) for p in places[name]] for name in ("to", "first"))
            begin = [s for r in range(self.rows) for s in self.begin(head, first[r], r)]
            lines = f.at(head, self.head)
            with f.loop(0, count, 1, *((self.kind, s) for s in begin)) as k:
                place = f.at(lines, f.mul(k.index, self.line_bytes))
                k.carry(*self.step(k.index, place, k.carried))
            for number, total in enumerate(k.results):
                r, n = divmod(number, self.count)
                offset = n * self.v.bytes
                f.store(self.kind_out, self.end(total, head, first[r], r, n), to[r], offset, 4)

    def of_rows(self, name: str) -> list[str]:
        """Where something is of each row."""
        base = f"%{name}"
        return [base, *(self.f.at(base, self.f.mul(f"{base}_row", r)) for r in range(1, self.rows))]

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
        self.x = self.of_rows("x")
        return "%depth"

    def begin(self, head: str, first: str, r: int) -> list[str]:
        """What the sums of a row begin with."""
        return [self.v.load(first, n * self.v.bytes) for n in range(self.count)]

    def step(self, k: str, place: str, sums: list[str]) -> list[str]:
        """The products of one line added."""
        at = self.f.mul(k, 4)
        numbers = [self.v.broadcast(x, at) for x in self.x]
        return self.added(
            sums, numbers, lambda n: self.v.load(place, n * self.v.bytes), self.v.multiply_add
        )

    def added(
        self, sums: list[str], numbers: list[str], load: Callable[[int], str],
        add: Callable[[str, str, str], str],
    ) -> list[str]:  # fmt: skip
        """Sums with the products of each row's number and each weight, one weight at a time."""
        added = list(sums)
        for n in range(self.count):
            weight = load(n)
            for r, number in enumerate(numbers):
                added[r * self.count + n] = add(number, weight, sums[r * self.count + n])
        return added

    def end(self, total: str, head: str, first: str, r: int, n: int) -> str:
        """The result of vector n of row r."""
        return total


class _Integral(_Floating):
    """Sums of products of integers, and floats of them."""

    def __init__(self, product: Product, rows: int) -> None:
        super().__init__(product, rows)
        self.dot = dot_of(product.target)
        self.integers = f"<{product.target.lanes} x i32>"
        self.numbers: list[str] = []  # where those of quantised rows are

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
        self.x = self.of_rows("room")
        whole = f.op(f"and i64 {f.add('%depth', 2 * lanes - 1)}, -{lanes}")
        behind = f.mul(whole, self.dot.width)
        for room, x in zip(self.x, self.of_rows("x"), strict=True):
            if self.product.kind == "int8":
                f.call("void", "copy", f"ptr {room}", f"ptr {x}", "i64 %depth")
                continue
            self.numbers.append(f.at(room, behind))
            quantise_row(f, room, x, "%depth", self.numbers[-1])
        return f.op(f"udiv i64 {f.add('%depth', self.dot.group - 1)}, {self.dot.group}")

    def begin(self, head: str, first: str, r: int) -> list[str]:
        f, size = self.f, self.v.bytes
        if self.product.kind == "int8":
            return [f.load(self.integers, first, n * size, 4) for n in range(self.count)]
        begin = [self.of_head("bias", head, n) for n in range(self.count)]
        if self.product.kind == "symmetric":
            return begin
        zero = f.splat("i32", self.v.lanes, f.load("i32", self.numbers[r]))
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
        at = f.mul(k, self.dot.word)
        words = [word_in_all_lanes(f, target, f.at(room, at)) for room in self.x]
        size = self.dot.word * self.v.lanes
        return self.added(
            sums, words, lambda n: load_weights(f, target, place, n * size),
            lambda x, w, s: multiply_add(f, target, s, x, w),
        )  # fmt: skip

    def end(self, total: str, head: str, first: str, r: int, n: int) -> str:
        if self.product.kind == "int8":
            return total
        f, v = self.f, self.v
        own = v.broadcast(self.numbers[r], SCALE)
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
