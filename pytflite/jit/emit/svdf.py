"""A fully connected layer over a window of time, factored into filters of features and of time.

    state[f] = its last memory - 1 elements, then x . features[f]
    y[u] = activation(bias[u] + sum over its filters f and m of state[f, m] * time[f, m])

The filters of a unit lie side by side, so that the second sum is one product of two rows of
`window` = rank * memory numbers. Its last vector reads beyond it, and counts in part: the state is
in scratch meanwhile, with room for a vector behind it, and each unit has `padded` weights of time.
A tile is a row of the batch.

integer: int8 x and y, int16 state and weights of time, sums of 32 bits, to the bit as
ops/recurrent/svdf.py has it.
"""

from __future__ import annotations

from pytflite.jit.emit.activation import ACTIVATIONS
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.matvec import Product
from pytflite.jit.emit.scaling import limited, load_scaling, scaled
from pytflite.jit.emit.sequence import copy_bytes
from pytflite.jit.emit.vector import INTRINSICS, Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

SLOTS = (
    "ptr x", "ptr y", "ptr state", "i64 depth", "i64 units", "i64 filters", "i64 memory",
    "i64 window", "i64 padded", "i64 panels", "ptr weights", "ptr first", "ptr time", "ptr bias",
    "i64 sums_place", "i64 state_place", "i64 room_place",  # bytes in scratch; of the new, 0
)  # fmt: skip
# Of integers: the state's scaling and the output's (scaling.py), and the output's zero point.
INTEGERS = ("ptr scalings", "i64 zero_point")
_where = INTRINSICS["where"]


def float32(module: Module, target: Target, product: str, vectors: int, activation: str) -> None:
    """Of floats, by weights of floats or of 8 bits.

    Args:
        product, vectors: of matvec.Product.
        activation: a name of activation.ACTIVATIONS.
    """
    products = Product(module, target, product, vectors)
    products.write(several=False)
    f = module.kernel(*SLOTS)
    layer = _Layer(f, target)
    with f.loop("%begin", "%end") as b:
        x = f.at("%x", f.mul(b.index, f.mul("%depth", 4)))
        new = "%scratch"
        products.call(f, new, x, "%weights", "%depth", "%panels", "%first", layer.room)
        layer.advance(b.index)
        layer.sum_up()
        with f.loop(0, "%units", layer.lanes) as unit:
            at = f.mul(unit.index, 4)
            total = layer.read("float", layer.sums, at) + layer.read("float", "%bias", at)
            layer.put(ACTIVATIONS[activation](total), layer.sums, at)
        size = f.mul("%units", 4)
        copy_bytes(f, f.at("%y", f.mul(b.index, size)), layer.sums, size)


def int8(module: Module, target: Target, vectors: int) -> None:
    """Of integers."""
    products = Product(module, target, "int8", vectors)
    products.write(several=False)
    f = module.kernel(*SLOTS, *INTEGERS)
    layer = _Layer(f, target, "i16")
    inward, outward = (load_scaling(f, layer.lanes, "%scalings", n) for n in range(2))
    with f.loop("%begin", "%end") as b:
        x = f.at("%x", f.mul(b.index, "%depth"))
        new = "%scratch"
        products.call(f, new, x, "%weights", "%depth", "%panels", "%first", layer.room)
        with f.loop(0, "%filters", layer.lanes) as loop:
            at = f.mul(loop.index, 4)
            state = scaled(layer.read("i32", new, at), inward)
            layer.put(limited(state, -32768, 32767), new, at)
        layer.advance(b.index)
        layer.sum_up()
        zero = layer.number(f.op("trunc i64 %zero_point to i32"))
        with f.loop(0, "%units", layer.lanes) as unit:
            at = f.mul(unit.index, 4)
            total = layer.read("i32", layer.sums, at) + layer.read("i32", "%bias", at)
            y = limited(scaled(total, outward).call("sadd.sat", zero), -128, 127).to("i8")
            f.store(y.type, y.value, layer.sums, unit.index)  # what was read is not read again
        copy_bytes(f, f.at("%y", f.mul(b.index, "%units")), layer.sums, "%units")


class _Layer:
    """What both have in common.

    Args:
        element: LLVM's type of a number of the state.
    """

    def __init__(self, f: Function, target: Target, element: str = "float") -> None:
        self.f = f
        self.lanes = target.lanes
        self.element = element
        self.item = 4 if element == "float" else 2
        self.wide = "float" if element == "float" else "i32"  # the type of sums
        self.sums, self.state, self.room = (
            f.at("%scratch", f"%{name}_place") for name in ("sums", "state", "room")
        )
        self.floats = Floats(f, target)

    def advance(self, b: str) -> None:
        """The state of row b one step later, in scratch and where it is kept."""
        f, item = self.f, self.item
        size = f.mul(f.mul("%filters", "%memory"), item)
        kept = f.at("%state", f.mul(b, size))
        line = f.mul("%memory", item)
        copy_bytes(f, self.state, f.at(kept, item), f.max(f.sub(size, item), 0))
        last = f.at(self.state, f.sub(line, item))
        with f.loop(0, "%filters") as loop:
            new = f.load("i32", "%scratch", f.mul(loop.index, 4), 4)
            if item == 2:
                new = f.op(f"trunc i32 {new} to i16")
            f.store(f"i{8 * item}", new, last, f.mul(loop.index, line), item)
        copy_bytes(f, kept, self.state, size)

    def sum_up(self) -> None:
        """For each unit the sum over its window."""
        f, lanes = self.f, self.lanes
        whole = f.op(f"and i64 %window, -{lanes}")
        mask = Vector(f, self.floats.mask(f.sub("%window", whole)), lanes, "i1")
        zeros = f"<{lanes} x {self.wide}>", "zeroinitializer"
        with f.loop(0, "%units") as unit:
            window = f.at(self.state, f.mul(unit.index, f.mul("%window", self.item)))
            time = f.at("%time", f.mul(unit.index, f.mul("%padded", self.item)))
            with f.loop(0, whole, lanes, zeros) as loop:
                at = f.mul(loop.index, self.item)
                loop.carry(self.product(window, time, at, loop.carried[0]).value)
            last = self.product(window, time, f.mul(whole, self.item), loop.results[0])
            total = _where(mask, last, self.like(loop.results[0]))
            f.store(self.wide, self.reduced(total), self.sums, f.mul(unit.index, 4), 4)

    def product(self, window: str, time: str, at: str, total: str) -> Vector:
        """A vector of products added to the total."""
        kind = f"<{self.lanes} x {self.element}>"
        a, b = (
            Vector(self.f, self.f.load(kind, place, at, self.item), self.lanes, self.element)
            for place in (window, time)
        )
        if self.element == "float":
            return self.like(self.floats.multiply_add(a.value, b.value, total))
        return a.to("i32") * b.to("i32") + self.like(total)

    def reduced(self, total: Vector) -> str:
        """The sum of the lanes."""
        f = self.f
        if self.element == "float":
            name = f"llvm.vector.reduce.fadd.v{self.lanes}f32"
            f.module.declare(name, f"declare float @{name}(float, {total.type})")
            return f.op(f"call reassoc float @{name}(float -0.0, {total})")
        return f.call("i32", f"llvm.vector.reduce.add.v{self.lanes}i32", str(total))

    def like(self, value: str) -> Vector:
        """Sums as a Vector."""
        return Vector(self.f, value, self.lanes, self.wide)

    def number(self, value: str) -> Vector:
        """An i32 in all lanes."""
        return Vector(self.f, self.f.splat("i32", self.lanes, value), self.lanes, "i32")

    def read(self, element: str, place: str, at: str) -> Vector:
        """A vector of 32-bit numbers in memory."""
        kind = f"<{self.lanes} x {element}>"
        return Vector(self.f, self.f.load(kind, place, at, 4), self.lanes, element)

    def put(self, x: Vector, place: str, at: str) -> None:
        """Writes it."""
        self.f.store(x.type, x.value, place, at, 4)
