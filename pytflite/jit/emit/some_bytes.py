"""Vectors of bytes of which only the first %width lanes are in memory: read and written.

Where loads and stores have no masks, a function does it byte by byte.
"""

from __future__ import annotations

from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target


def store(f: Function, target: Target, value: str, place: str, first: int, lanes: int) -> None:
    """Writes lanes first ... of a row that has %width bytes."""
    kind = f"<{lanes} x i8>"
    pointer, left = f.at(place, first), f.sub("%width", first)
    if target.vector < 64:
        arguments = f"{kind} {value}", f"ptr {pointer}", f"i64 {left}"
        f.call("void", f"store_some_{lanes}", *arguments)
        return
    f.call(
        "void", f"llvm.masked.store.v{lanes}i8.p0", f"{kind} {value}", f"ptr {pointer}",
        "i32 1", f"<{lanes} x i1> {_first(f, lanes, left)}",
    )  # fmt: skip


def load(
    f: Function, target: Target, place: str, first: int, lanes: int, *, masked: bool
) -> str:  # fmt: skip
    """Reads lanes first ... of a row; masked: it has %width bytes, and zeros follow."""
    kind, pointer = f"<{lanes} x i8>", f.at(place, first)
    if not masked:
        return f.load(kind, pointer)
    left = f.sub("%width", first)
    if target.vector < 64:
        return f.call(kind, f"load_some_{lanes}", f"ptr {pointer}", f"i64 {left}")
    return f.call(
        kind, f"llvm.masked.load.v{lanes}i8.p0", f"ptr {pointer}", "i32 1",
        f"<{lanes} x i1> {_first(f, lanes, left)}", f"{kind} zeroinitializer",
    )  # fmt: skip


def _first(f: Function, lanes: int, count: str) -> str:
    """A mask of so many lanes."""
    kind = f"<{lanes} x i8>"
    numbers = ", ".join(f"i8 {n}" for n in range(lanes))
    limit = f.splat("i8", lanes, f.op(f"trunc i64 {count} to i8"))
    return f.op(f"icmp slt {kind} <{numbers}>, {limit}")


def movers(module: Module, target: Target, *, masked: bool, loads: bool = False) -> None:
    """What the others call where there are no masks; loads: both of them are used."""
    if masked and target.vector < 64:
        for lanes in (target.lanes, 2 * target.lanes):
            _storer(module, lanes)
            if loads:
                _loader(module, lanes)


def _storer(module: Module, lanes: int) -> None:
    """@store_some(values, place, count): the first of them, byte by byte."""
    kind = f"<{lanes} x i8>"
    f = module.function(f"store_some_{lanes}", f"{kind} values", "ptr place", "i64 count")
    memory = f.op(f"alloca {kind}")
    f.store(kind, "%values", memory)
    with f.loop(0, "%count") as loop:
        f.store("i8", f.load("i8", memory, loop.index), "%place", loop.index)


def _loader(module: Module, lanes: int) -> None:
    """@load_some(place, count): the first of them, byte by byte, then zeros."""
    kind = f"<{lanes} x i8>"
    f = module.function(f"load_some_{lanes}", "ptr place", "i64 count", returns=kind)
    memory = f.op(f"alloca {kind}")
    f.store(kind, "zeroinitializer", memory)
    with f.loop(0, "%count") as loop:
        f.store("i8", f.load("i8", "%place", loop.index), memory, loop.index)
    f.ret(f.load(kind, memory))
