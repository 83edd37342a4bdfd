"""Sequences, as the kernels of recurrent cells go along them."""

from __future__ import annotations

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
