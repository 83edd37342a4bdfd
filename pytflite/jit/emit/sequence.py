"""Sequences, as the kernels of recurrent cells go along them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pytflite.jit.emit.matvec import Product
from pytflite.jit.ir import Function

# Where x and y begin, bytes from step to step (which may go backwards) and from row to row of the
# batch; and how many steps there are.
STEPS = (
    "ptr x", "i64 x_step", "i64 x_row", "ptr y", "i64 y_step", "i64 y_row", "i64 time",
)  # fmt: skip
SECOND = ("ptr second", "i64 second_step", "i64 second_row", "i64 second_depth")  # another x


def at_step(f: Function, name: str, t: str, b: str) -> str:
    """Where a sequence has this step of this row."""
    return f.at(f"%{name}", f.add(f.mul(t, f"%{name}_step"), f.mul(b, f"%{name}_row")))


def copy_bytes(f: Function, to: str, source: str, size: str) -> None:
    """Copies so many bytes."""
    arguments = f"ptr {to}", f"ptr {source}", f"i64 {size}", "i1 false"
    f.call("void", "llvm.memcpy.p0.p0.i64", *arguments)


@contextmanager
def steps(
    f: Function, products: Product, parts: str, b: str, room: str, *, second: bool
) -> Iterator[tuple[str, str]]:
    """A loop over the steps of row b: a step's number, and what the inputs give to its sums.

    That does not depend on the state: it is computed for some steps at a time. The kernel has slots
    of the names that are used here.

    Args:
        products: @products of some rows are written, if there is memory for them: of `parts`, and
            of `room`, %room_row bytes each.
        second: there is a second input.
    """
    rows, size = products.rows, f.mul("%panels", products.vectors * products.target.vector)

    def whole(block: str) -> None:
        x = at_step(f, "x", block, b)
        values = (parts, x, "%weights", "%depth", "%panels", "%bias", room)
        products.call_rows(f, *values, size, "%x_step", "0", "%room_row")
        if second:
            x = at_step(f, "second", block, b)
            values = (parts, x, "%second_weights", "%second_depth", "%panels", parts, room)
            products.call_rows(f, *values, size, "%second_step", size, "%room_row")

    def one(t: str, part: str) -> None:
        x = at_step(f, "x", t, b)
        products.call(f, part, x, "%weights", "%depth", "%panels", "%bias", room)
        if second:
            x = at_step(f, "second", t, b)
            products.call(
                f, part, x, "%second_weights", "%second_depth", "%panels", part, room
            )  # fmt: skip

    with f.loop(0, "%time", rows) as block:
        count = f.min(f.sub("%time", block.index), rows)
        fewer = f.compare("slt", count, rows) if rows > 1 else "true"
        with f.when(fewer), f.loop(0, count) as n:
            one(f.add(block.index, n.index), f.at(parts, f.mul(n.index, size)))
        if rows > 1:
            with f.when(f.op(f"xor i1 {fewer}, true")):
                whole(block.index)
        with f.loop(0, count) as n:
            yield f.add(block.index, n.index), f.at(parts, f.mul(n.index, size))
