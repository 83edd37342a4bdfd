"""A simple recurrent cell taken through a sequence, its weights float32 or 8-bit integers.

    h = activation(W x[t] + V x2[t] + R h + bias);   y[t] = h

A tile is a row of the batch, all of time; h is in scratch meanwhile.
"""

from __future__ import annotations

from pytflite.jit.emit.activation import ACTIVATIONS
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.matvec import Product
from pytflite.jit.emit.sequence import SECOND, STEPS, at_step, copy_bytes, steps
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Module
from pytflite.jit.target import Target

SLOTS = (
    *STEPS, *SECOND,
    "i64 passes",  # how often the sequence is run through
    "i64 depth", "i64 units", "i64 panels", "ptr weights", "ptr second_weights", "ptr recurrent",
    "ptr bias", "ptr h",
    # Bytes in scratch from its beginning, where the sums are.
    "i64 h_place", "i64 parts_place", "i64 room_place", "i64 room_row",
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
    products.write(several=True)
    f = module.kernel(*SLOTS)
    v, activate = Floats(f, target), ACTIVATIONS[activation]
    h, parts, room = (f.at("%scratch", f"%{name}_place") for name in ("h", "parts", "room"))
    size = f.mul("%units", 4)
    with f.loop("%begin", "%end") as b:
        kept = f.at("%h", f.mul(b.index, size))
        copy_bytes(f, h, kept, size)
        with (
            f.loop(0, "%passes"),
            steps(f, products, parts, b.index, room, second=second) as (t, part),
        ):
            sums = "%scratch"
            products.call(f, sums, h, "%recurrent", "%units", "%panels", part, room)
            with f.loop(0, "%units", v.lanes) as unit:
                at = f.mul(unit.index, 4)
                v.store(activate(Vector(f, v.load(sums, at), v.lanes)).value, h, at)
            copy_bytes(f, at_step(f, "y", t, b.index), h, size)
        copy_bytes(f, kept, h, size)
