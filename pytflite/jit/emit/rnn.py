"""A simple recurrent cell taken through a sequence, its weights float32 or 8-bit integers.

    h = activation(W x[t] + V x2[t] + R h + bias);   y[t] = h

A tile is a row of the batch, all of time; h is in scratch meanwhile.
"""

from __future__ import annotations

from pytflite.jit.emit.activation import ACTIVATIONS
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.matvec import Product
from pytflite.jit.emit.sequence import SECOND, STEPS, at_step, copy_bytes
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Module
from pytflite.jit.target import Target

SLOTS = (
    *STEPS, *SECOND,
    "i64 passes",  # how often the sequence is run through
    "i64 depth", "i64 units", "i64 panels", "ptr weights", "ptr second_weights", "ptr recurrent",
    "ptr bias", "ptr h",
    "i64 h_place", "i64 room_place",  # bytes in scratch from its beginning, where the sums are
)  # fmt: skip


def float32(
    module: Module, target: Target, product: str, vectors: int, activation: str, second: bool
) -> None:
    """The kernel.

    Args:
        product, vectors: of matvec.Product.
        activation: a name of activation.ACTIVATIONS.
        second: there is a second input.
    """
    products = Product(module, target, product, vectors)
    products.write()
    f = module.kernel(*SLOTS)
    v, activate = Floats(f, target), ACTIVATIONS[activation]
    sums, h, room = "%scratch", f.at("%scratch", "%h_place"), f.at("%scratch", "%room_place")
    size = f.mul("%units", 4)
    with f.loop("%begin", "%end") as b:
        kept = f.at("%h", f.mul(b.index, size))
        copy_bytes(f, h, kept, size)
        with f.loop(0, "%passes"), f.loop(0, "%time") as t:
            x, y = (at_step(f, name, t.index, b.index) for name in ("x", "y"))
            products.call(f, sums, x, "%weights", "%depth", "%panels", "%bias", room)
            if second:
                x = at_step(f, "second", t.index, b.index)
                products.call(
                    f, sums, x, "%second_weights", "%second_depth", "%panels", sums, room
                )  # fmt: skip
            products.call(f, sums, h, "%recurrent", "%units", "%panels", sums, room)
            with f.loop(0, "%units", v.lanes) as unit:
                at = f.mul(unit.index, 4)
                v.store(activate(Vector(f, v.load(sums, at), v.lanes)).value, h, at)
            copy_bytes(f, y, h, size)
        copy_bytes(f, kept, h, size)
