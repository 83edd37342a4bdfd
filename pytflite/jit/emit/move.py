"""y[i0, i1, ...] = x[i0, i1, ...]: elements from one place to another, along strides of their own.

Slices, concatenations, transpositions, padding and broadcasting are all this, with other strides.
Loops are nested `rank` deep. A tile is one index of the first.
"""

from __future__ import annotations

from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target


def strided(module: Module, target: Target, rank: int, size: int, run: int) -> None:
    """Slots: x, y; for each axis its size and the strides of x and y in bytes.

    Elements have `size` bytes. With a `run`, those of the last axis follow each other in x and y:
    so many bytes, if they are few, or any number for -1. FILL: they do so in y, and x has but one.
    """
    axes = [(f"%n{a}", f"%x{a}", f"%y{a}") for a in range(rank)]
    slots = [f"i64 {name[1:]}" for axis in axes for name in axis]
    f = module.kernel("ptr x", "ptr y", *slots)
    inner = 1 if rank == 1 else 0
    with f.loop("%begin", "%end") as tile:
        if inner:  # the only axis is the innermost, in blocks; it may be at its place already
            start = f.mul(tile.index, BLOCK)
            count = f.min(f.sub("%n0", start), BLOCK)
            with f.when(f.compare("ne", "%x", "%y", "ptr")):
                x, y = f.at("%x", f.mul(start, "%x0")), f.at("%y", f.mul(start, "%y0"))
                _innermost(f, target, size, run, x, y, (count, "%x0", "%y0"))
        else:
            x = f.at("%x", f.mul(tile.index, "%x0"))
            y = f.at("%y", f.mul(tile.index, "%y0"))
            _axes(f, target, size, run, x, y, axes[1:])


FILL = -2
BLOCK = 16384  # elements that a tile has where there is but one axis


def _axes(
    f: Function, target: Target, size: int, run: int, x: str, y: str,
    axes: list[tuple[str, str, str]],
) -> None:  # fmt: skip
    if len(axes) == 1:
        _innermost(f, target, size, run, x, y, axes[0])
        return
    count, step_x, step_y = axes[0]
    with f.loop(0, count, 1, ("ptr", x), ("ptr", y)) as loop:
        x, y = loop.carried
        _axes(f, target, size, run, x, y, axes[1:])
        loop.carry(f.at(x, step_x), f.at(y, step_y))


def _innermost(
    f: Function, target: Target, size: int, run: int, x: str, y: str, axis: tuple[str, str, str]
) -> None:
    count, step_x, step_y = axis
    if run == FILL:
        _fill(f, target, size, f.load(f"i{8 * size}", x), y, count)
        return
    if run > 0:
        _short(f, run, x, y)
        return
    if run:
        f.call("void", "llvm.memcpy.p0.p0.i64", f"ptr {y}", f"ptr {x}",
               f"i64 {f.mul(count, size)}", "i1 false")  # fmt: skip
        return
    kind = f"i{8 * size}"
    with f.loop(0, count, 1, ("ptr", x), ("ptr", y)) as loop:
        x, y = loop.carried
        f.store(kind, f.load(kind, x), y)
        loop.carry(f.at(x, step_x), f.at(y, step_y))


def _short(f: Function, count: int, x: str, y: str) -> None:
    """A few bytes, whose number is known: all are read before any is written."""
    pieces, at = [], 0
    for size in (16, 8, 4, 2, 1):
        while count - at >= size:
            kind = f"i{8 * size}"
            pieces.append((kind, f.load(kind, x, at), at))
            at += size
    for kind, value, place in pieces:
        f.store(kind, value, y, place)


def _fill(f: Function, target: Target, size: int, value: str, y: str, count: str) -> None:
    """A value again and again."""
    element, lanes = f"i{8 * size}", max(target.vector // size, 1)
    vector = f.splat(element, lanes, value)
    whole = f.op(f"and i64 {count}, -{lanes}")
    with f.loop(0, whole, lanes) as loop:
        f.store(f"<{lanes} x {element}>", vector, y, f.mul(loop.index, size))
    with f.loop(whole, count) as loop:
        f.store(element, value, y, f.mul(loop.index, size))
