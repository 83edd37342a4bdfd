"""An LSTM cell taken through a sequence, in float32; its weights float32 or 8-bit integers.

    i, f, g, o = logistic, logistic, activation, logistic of (W x[t] + V x2[t] + U h + bias)
    c = clip(f * c + i * g);   h = o * activation(c);   y[t] = h

What else a cell may have: ops/recurrent/lstm_cell.py. A tile is a row of the batch, all of time.

Gates lie one behind the other in scratch, each of `wide` numbers: the units, rounded up to whole
vectors. So do c and h while a row goes through; what is in the lanes beyond the units is never
seen. matvec.py's products fill the gates, then the cell is made of them, vector by vector; where
gates are normalised, which needs all units, they go through scratch in between.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytflite.jit.emit.activation import ACTIVATIONS, Activation
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.matvec import Product
from pytflite.jit.emit.normalization import Row
from pytflite.jit.emit.sequence import SECOND, STEPS, at_step, copy_bytes, steps
from pytflite.jit.emit.vector import INTRINSICS, Vector, equation
from pytflite.jit.ir import Function, Module
from pytflite.jit.kernels import maths
from pytflite.jit.target import Target

# All cells have these.
SEQUENCE = (
    *STEPS, "i64 depth", "i64 units", "i64 outputs", "i64 wide", "i64 panels",
    "ptr weights", "ptr recurrent", "ptr bias", "ptr h", "ptr c",
)  # fmt: skip
_MORE = (
    *SECOND, "ptr second_weights",
    "ptr peephole",  # of the gates but g, `wide` numbers each
    "ptr norm",  # coefficients of the gates, then what is added to each
    "ptr projection", "ptr projection_bias", "i64 projection_panels",
    "float cell_clip", "float projection_clip",
)  # fmt: skip
# Bytes in scratch from its beginning: of c, of what the cell shows, of h, of what inputs give to
# the gates of some steps, of room for products.
_PLACES = ("i64 c_place", "i64 shown_place", "i64 h_place", "i64 parts_place", "i64 room_place")
SLOTS = (*SEQUENCE, *_MORE, *_PLACES, "i64 room_row")

_logistic, _where = equation(maths.logistic), INTRINSICS["where"]
_FLOOR = 1e-8  # of a variance


def float32(
    module: Module, target: Target, product: str, vectors: int, activation: str, coupled: bool,
    clips: bool, second: bool, peephole: bool, norm: bool, projection: str,
) -> None:  # fmt: skip
    """The kernel.

    Args:
        product, vectors: of matvec.Product.
        activation: a name of activation.ACTIVATIONS.
        coupled: i = 1 - f. clips: c has a bound. second: there is a second input.
        projection: "", "plain" or "clipped".
    """
    products = Product(module, target, product, vectors)
    products.write(several=True)
    if norm:
        _normaliser(module, target)
    f = module.kernel(*SLOTS)
    c, shown, h, parts, room = (f.at("%scratch", place.replace("i64 ", "%")) for place in _PLACES)
    cell = Cell(f, target, c, shown if projection else h)
    with (
        f.loop("%begin", "%end") as b,
        state(f, b.index, h, c, 4, 4),
        steps(f, products, parts, b.index, room, second=second) as (t, part),
    ):
        products.call(f, "%scratch", h, "%recurrent", "%outputs", "%panels", part, room)
        cell.write(ACTIVATIONS[activation], coupled, clips=clips, peephole=peephole, norm=norm)
        if projection:
            products.call(
                f, h, shown, "%projection", "%units", "%projection_panels", "%projection_bias", room
            )  # fmt: skip
        if projection == "clipped":
            cell.clip_rows(h)
        copy_bytes(f, at_step(f, "y", t, b.index), h, f.mul("%outputs", 4))


@contextmanager
def state(f: Function, b: str, h: str, c: str, h_item: int, c_item: int) -> Iterator[None]:
    """Takes a row's h and c, elements of so many bytes, into scratch and brings them back."""
    pairs = []
    for tensor, place, count, item in (("%h", h, "%outputs", h_item), ("%c", c, "%units", c_item)):
        size = f.mul(count, item)
        pairs.append((f.at(tensor, f.mul(b, size)), place, size))
    for tensor, place, size in pairs:
        copy_bytes(f, place, tensor, size)
    yield
    for tensor, place, size in pairs:
        copy_bytes(f, tensor, place, size)


class Cell:
    """Writes what makes c, and what the cell shows, of the gates in scratch."""

    def __init__(self, f: Function, target: Target, c: str, shown: str) -> None:
        self.f = f
        self.v = Floats(f, target)
        self.c = c
        self.shown = shown
        self.gate_bytes = f.mul("%wide", 4)

    def write(
        self, activation: Activation, coupled: bool, *, clips: bool, peephole: bool, norm: bool
    ) -> None:
        """All of it, for one step."""
        last = 3 - coupled  # the output gate; before it the forget gate and g
        early = range(last - 1)
        gates = [self.gate(n) for n in range(last + 1)]
        if peephole:
            with self.units() as at:
                for n in early:
                    self.look(gates[n], n, self.read(self.c, at), at)
        if norm:
            for n in range(last):
                self.normalise(gates[n], n, last + 1)
        with self.units() as at:
            forget = _logistic(self.read(gates[last - 2], at))
            take = 1.0 - forget if coupled else _logistic(self.read(gates[0], at))
            c = forget * self.read(self.c, at) + take * activation(self.read(gates[last - 1], at))
            c = self.clipped(c, "%cell_clip") if clips else c
            self.put(c, self.c, at)
            if peephole:
                self.look(gates[last], last - 1, c, at)
            if not norm:
                out = _logistic(self.read(gates[last], at))
                self.put(out * activation(c), self.shown, at)
        if norm:
            self.normalise(gates[last], last, last + 1)
            with self.units() as at:
                out = _logistic(self.read(gates[last], at))
                self.put(out * activation(self.read(self.c, at)), self.shown, at)

    def gate(self, n: int) -> str:
        """Where a gate lies."""
        return self.f.at("%scratch", self.f.mul(self.gate_bytes, n))

    def look(self, gate: str, n: int, c: Vector, at: str) -> None:
        """Adds c times the peephole weights of number n to some units of a gate."""
        weights = self.f.at("%peephole", self.f.mul(self.gate_bytes, n))
        self.put(self.read(gate, at) + c * self.read(weights, at), gate, at)

    def normalise(self, gate: str, n: int, gates: int) -> None:
        """Layer normalisation."""
        f = self.f
        factors = f.at("%norm", f.mul(self.gate_bytes, n))
        offsets = f.at("%norm", f.mul(self.gate_bytes, gates + n))
        f.call("void", "normalise", f"ptr {gate}", "i64 %units")
        with self.units() as at:
            y = self.read(gate, at) * self.read(factors, at) + self.read(offsets, at)
            self.put(y, gate, at)

    def clip_rows(self, h: str) -> None:
        """Clips all outputs."""
        with self.f.loop(0, "%outputs", self.v.lanes) as loop:
            at = self.f.mul(loop.index, 4)
            self.put(self.clipped(self.read(h, at), "%projection_clip"), h, at)

    def clipped(self, x: Vector, limit: str) -> Vector:
        """Within the limit and its negative."""
        bound = Vector(self.f, self.v.splat(limit), self.v.lanes)
        x = _where(x > bound, bound, x)
        return _where(x < -bound, -bound, x)

    @contextmanager
    def units(self) -> Iterator[str]:
        """A loop over vectors of units: where each is."""
        with self.f.loop(0, "%wide", self.v.lanes) as loop:
            yield self.f.mul(loop.index, 4)

    def read(self, place: str, at: str) -> Vector:
        """A vector in memory."""
        return Vector(self.f, self.v.load(place, at), self.v.lanes)

    def put(self, x: Vector, place: str, at: str) -> None:
        """Writes it."""
        self.v.store(x.value, place, at)


def _normaliser(module: Module, target: Target) -> None:
    """Writes @normalise(x, columns): x = (x - mean) / sqrt(variance + floor)."""
    f = module.function("normalise", "ptr x", "i64 columns")
    v = Floats(f, target)
    row = Row(f, v, "%x", "%x")
    size = Vector(f, v.splat(f.op("sitofp i64 %columns to float")), v.lanes)
    mean = row.sum(lambda x: x, 0.0) / size
    row.write(lambda x: x - mean)
    variance = row.sum(lambda x: x * x, 0.0) / size
    deviation = INTRINSICS["sqrt"](variance + _FLOOR)
    row.write(lambda x: x / deviation)
