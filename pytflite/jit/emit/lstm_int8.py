"""An LSTM cell taken through a sequence, in integers: int8 x, weights and h, 16-bit gates and c.

    gate = clamp(R(U h) + clamp(R(W x)))                R: to the gate's scale, fixed point
    gate = clamp(gate + R(p c))                         with peephole weights
    gate = normalised                                   normalization_int16.py
    i, f, o = logistic(gate), g = tanh(gate)            looked up
    c = clip(clamp(divide(f c, 15) + divide(i g, ...)))
    h = clamp(R(o tanh(c)) + zero)                      or of that, projected

to the bit as ops/recurrent/lstm_integer.py has it. A tile is a row of the batch, all of time.
Scratch holds 32-bit integers: the gates as in emit/lstm.py, sums, and c; h is int8.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytflite.jit.emit.lstm import SEQUENCE
from pytflite.jit.emit.matvec import Product
from pytflite.jit.emit.normalization_int16 import normaliser
from pytflite.jit.emit.scaling import NUMBERS, limited, load_scaling, scaled
from pytflite.jit.emit.sequence import at_step, copy_bytes, steps
from pytflite.jit.emit.vector import INTRINSICS, Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

_MORE = (
    "ptr recurrent_bias",
    "ptr peephole",  # of the gates but g, `wide` numbers of 32 bits each
    # Of normalised gates, `wide` numbers of 32 bits each: weights of all gates, then biases; and
    # one number of 64 bits each, that stands for a variance below 1.
    "ptr norm", "ptr limits",
    "ptr projection", "ptr projection_bias", "i64 projection_panels",
    # scaling.py: of each gate for x, then for h; of each peephole; SINGLES; of each norm.
    "ptr scalings",
    "ptr logistic", "ptr tanh", "ptr tanh_of_c",  # tables of 65536 int16
    "i64 entered_nudge", "i64 entered_shift",  # of i g
    "i64 cell_clip", "i64 projection_clip", "i64 shown_zero", "i64 output_zero",
)  # fmt: skip
# Bytes in scratch from its beginning.
_PLACES = (
    "i64 sums_place", "i64 c_place", "i64 shown_place", "i64 h_place", "i64 parts_place",
    "i64 room_place",
)  # fmt: skip
SLOTS = (*SEQUENCE, *_MORE, *_PLACES, "i64 room_row")
SINGLES = ("shown", "projection")

_where = INTRINSICS["where"]
_ONE = 32767


def int8(
    module: Module, target: Target, vectors: int, coupled: bool, clips: bool, peephole: bool,
    norm: bool, projection: str, squashes: bool,
) -> None:  # fmt: skip
    """The kernel.

    Args:
        vectors: of matvec.Product.
        coupled, clips, peephole, norm, projection: as of lstm.float32.
        squashes: there is a tanh of c; else what is shown is o i.
    """
    products = Product(module, target, "int8", vectors)
    products.write(several=True)
    _looker(module)
    if norm:
        normaliser(module, target)
    f = module.kernel(*SLOTS)
    cell = _Cell(f, target, 4 - coupled, peephole, norm)
    h = cell.h
    with (
        f.loop("%begin", "%end") as b,
        cell.state(b.index),
        steps(f, products, cell.parts, b.index, cell.room, second=False) as (t, part),
    ):
        products.call(
            f, cell.sums, h, "%recurrent", "%outputs", "%panels", "%recurrent_bias", cell.room
        )
        cell.combine(part)
        cell.advance(clips=clips)
        cell.show(cell.shown if projection else h, squashes=squashes, projected=bool(projection))
        if projection:
            products.call(
                f, cell.sums, cell.shown, "%projection", "%units", "%projection_panels",
                "%projection_bias", cell.room,
            )  # fmt: skip
            cell.project(clips=projection == "clipped")
        copy_bytes(f, at_step(f, "y", t, b.index), h, "%outputs")


class _Cell:
    """Writes the cell.

    Args:
        gates: how many have weights: all, or all but the input gate.
    """

    def __init__(self, f: Function, target: Target, gates: int, peephole: bool, norm: bool) -> None:
        self.f = f
        self.lanes = target.lanes
        self.gates = gates
        self.peephole = peephole
        self.norm = norm
        self.sums, self.c, self.shown, self.h, self.parts, self.room = (
            f.at("%scratch", place.replace("i64 ", "%")) for place in _PLACES
        )
        self.gate_bytes = f.mul("%wide", 4)
        looks = (gates - 1) * peephole
        self.numbers = {"x": 0, "h": gates, "c": 2 * gates}
        self.numbers |= {name: 2 * gates + looks + n for n, name in enumerate(SINGLES)}
        self.numbers["norm"] = 2 * gates + looks + len(SINGLES)

    @contextmanager
    def state(self, b: str) -> Iterator[None]:
        """Takes a row's h and c into scratch, c widened, and brings them back."""
        f = self.f
        h = f.at("%h", f.mul(b, "%outputs"))
        c = f.at("%c", f.mul(f.mul(b, "%units"), 2))
        copy_bytes(f, self.h, h, "%outputs")
        with f.loop(0, "%units") as n:
            wide = f.op(f"sext i16 {f.load('i16', c, f.mul(n.index, 2), 2)} to i32")
            f.store("i32", wide, self.c, f.mul(n.index, 4), 4)
        yield
        copy_bytes(f, h, self.h, "%outputs")
        with f.loop(0, "%units") as n:
            short = f.op(f"trunc i32 {f.load('i32', self.c, f.mul(n.index, 4), 4)} to i16")
            f.store("i16", short, c, f.mul(n.index, 2), 2)

    def combine(self, part: str) -> None:
        """Gates from the sums of x and those of h."""
        for n in range(self.gates):
            of_x, of_h = self.scaling("x", n), self.scaling("h", n)
            place = self.f.mul(self.gate_bytes, n)
            sums_x, sums_h = self.f.at(part, place), self.f.at(self.sums, place)
            with self.units() as at:
                of_input = _short(scaled(self.read(sums_x, at), of_x))
                whole = scaled(self.read(sums_h, at), of_h)
                self.put(_short(whole.call("sadd.sat", of_input)), self.gate(n), at)

    def advance(self, *, clips: bool) -> None:
        """c, of all gates but the last; these become what they let pass."""
        last = self.gates - 1
        for n in range(last - 1):
            self.look(n, n)
        for n in range(last):
            self.normalise(n)
            self.look_up(self.gate(n), "%tanh" if n == last - 1 else "%logistic")
        nudge, shift = (self.number(f"%entered_{name}") for name in ("nudge", "shift"))
        clip = self.number("%cell_clip")
        with self.units() as at:
            forget = self.read(self.gate(last - 2), at)
            take = _ONE - forget if last == 2 else self.read(self.gate(0), at)
            kept = _divided(forget * self.read(self.c, at), self.like(1 << 14), self.like(15))
            entered = _divided(take * self.read(self.gate(last - 1), at), nudge, shift)
            c = _short(kept + entered)
            self.put(limited(c, -clip, clip) if clips else c, self.c, at)
        self.look(last, last - 1)
        self.normalise(last)
        self.look_up(self.gate(last), "%logistic")

    def show(self, to: str, *, squashes: bool, projected: bool) -> None:
        """What the cell shows, as int8."""
        squashed = self.sums if squashes else self.gate(0)
        if squashes:
            copy_bytes(self.f, self.sums, self.c, self.gate_bytes)
            self.look_up(self.sums, "%tanh_of_c")
        scaling, zero = self.scaling("shown"), self.number("%shown_zero")
        zero = -zero if projected else zero
        with self.units() as at:
            product = self.read(self.gate(self.gates - 1), at) * self.read(squashed, at)
            self.put_bytes(scaled(product, scaling).call("sadd.sat", zero), to, at)

    def project(self, *, clips: bool) -> None:
        """h from the sums of the projection."""
        scaling, zero = self.scaling("projection"), self.number("%output_zero")
        clip = self.number("%projection_clip")
        with self.f.loop(0, "%outputs", self.lanes) as loop:
            at = self.f.mul(loop.index, 4)
            y = scaled(self.read(self.sums, at), scaling).call("sadd.sat", zero)
            y = limited(y, -128, 127)
            self.put_bytes(limited(y, -clip, clip) if clips else y, self.h, at)

    # --- parts ----------------------------------------------------------------------------------

    def look(self, gate: int, number: int) -> None:
        """Adds c times the peephole weights of a number to a gate, if there are any."""
        if not self.peephole:
            return
        f, scaling = self.f, self.scaling("c", number)
        weights = f.at("%peephole", f.mul(self.gate_bytes, number))
        with self.units() as at:
            seen = scaled(self.read(self.c, at) * self.read(weights, at), scaling)
            total = seen.call("sadd.sat", self.read(self.gate(gate), at))
            self.put(_short(total), self.gate(gate), at)

    def normalise(self, gate: int) -> None:
        """Normalises a gate, if gates are."""
        if not self.norm:
            return
        f, size = self.f, self.gate_bytes
        weights = f.at("%norm", f.mul(size, gate))
        bias = f.at("%norm", f.mul(size, self.gates + gate))
        limit = f.load("i64", "%limits", 8 * gate, 8)
        scaling = f.at("%scalings", 8 * NUMBERS * (self.numbers["norm"] + gate))
        f.call(
            "void", "normalise", f"ptr {self.gate(gate)}", f"ptr {weights}", f"ptr {bias}",
            "i64 %units", f"i64 {limit}", f"ptr {scaling}",
        )  # fmt: skip

    def look_up(self, values: str, table: str) -> None:
        """Values of a gate replaced by a table's."""
        self.f.call("void", "look_up", f"ptr {values}", f"ptr {table}", "i64 %units")

    def scaling(self, kind: str, n: int = 0) -> list[Vector]:
        """Number n of a kind."""
        return load_scaling(self.f, self.lanes, "%scalings", self.numbers[kind] + n)

    def number(self, slot: str) -> Vector:
        """A slot's number in all lanes."""
        f = self.f
        value = f.op(f"trunc i64 {slot} to i32")
        return Vector(f, f.splat("i32", self.lanes, value), self.lanes, "i32")

    def like(self, value: int) -> Vector:
        """A number in all lanes."""
        return Vector(self.f, "", self.lanes, "i32").same(value)

    def gate(self, n: int) -> str:
        """Where a gate lies."""
        return self.f.at("%scratch", self.f.mul(self.gate_bytes, n))

    @contextmanager
    def units(self) -> Iterator[str]:
        """A loop over vectors of units: where each is."""
        with self.f.loop(0, "%wide", self.lanes) as loop:
            yield self.f.mul(loop.index, 4)

    def read(self, place: str, at: str) -> Vector:
        """A vector in memory."""
        kind = f"<{self.lanes} x i32>"
        return Vector(self.f, self.f.load(kind, place, at, 4), self.lanes, "i32")

    def put(self, x: Vector, place: str, at: str) -> None:
        """Writes it."""
        self.f.store(x.type, x.value, place, at, 4)

    def put_bytes(self, x: Vector, place: str, at: str) -> None:
        """Writes what would be at `at` with 32 bits, saturated to 8."""
        narrow = limited(x, -128, 127).to("i8")
        self.f.store(narrow.type, narrow.value, place, self.f.op(f"lshr i64 {at}, 2"))


def _divided(x: Vector, nudge: Vector, shift: Vector) -> Vector:
    """x / 2^shift, ties away from zero; the nudge is half of that."""
    below = _where(nudge > 0, x >> 31, 0)
    quotient: Vector = (x + below + nudge) >> shift
    return quotient


def _short(x: Vector) -> Vector:
    """Saturated to 16 bits."""
    return limited(x, -32768, 32767)


def _looker(module: Module) -> None:
    """Writes @look_up(values, table, count): 32-bit numbers of 16 bits, in place."""
    f = module.function("look_up", "ptr values", "ptr table", "i64 count")
    with f.loop(0, "%count") as n:
        at = f.mul(n.index, 4)
        entry = f.op(f"zext i16 {f.load('i16', '%values', at, 4)} to i64")
        found = f.load("i16", "%table", f.mul(entry, 2), 2)
        f.store("i32", f.op(f"sext i16 {found} to i32"), "%values", at, 4)
