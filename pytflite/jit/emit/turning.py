"""Matrices of 32-bit numbers turned by a quarter: to[c, r] = from[r, c].

Blocks of lanes x lanes are read into as many vectors. Dealing out the vectors like two halves of
a pack of cards, v[2i], v[2i+1] = the numbers of v[i] and v[i + lanes/2] by turns, moves every
number one bit of its address on; after log2(lanes) times rows have become columns.

    a b | c d     ->  a c | b d        lanes = 2: once

Past the last row the last one is read again; past the last column nothing is read. Writing goes
on: each row of `to` must have room for a whole number of vectors, and `to` for lanes - 1 rows more
than there are columns.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.jit.emit.floats import Floats
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

PARAMETERS = (
    "ptr to",
    "i64 to_row",  # bytes from row to row
    "ptr from",
    "i64 from_row",
    "i64 rows",
    "i64 columns",
)


def turn(module: Module, target: Target) -> None:
    """Writes the function @turn."""
    f = module.function("turn", *PARAMETERS)
    v = Floats(f, target)
    final = f.sub("%rows", 1)
    whole = f.op(f"and i64 %columns, -{v.lanes}")
    with f.loop(0, "%rows", v.lanes) as rows:
        pointers = []
        for n in range(v.lanes):
            row = f.min(f.add(rows.index, n), final)
            pointers.append(f.at("%from", f.mul(row, "%from_row")))
        to = f.at("%to", f.mul(rows.index, 4))
        with f.loop(0, whole, v.lanes) as columns:
            at = f.mul(columns.index, 4)
            block = [v.load(p, at) for p in pointers]
            _store(v, block, f.at(to, f.mul(columns.index, "%to_row")))
        with f.when(f.compare("slt", whole, "%columns")):
            mask, at = v.mask(f.sub("%columns", whole)), f.mul(whole, 4)
            block = [v.load_some(mask, p, at) for p in pointers]
            _store(v, block, f.at(to, f.mul(whole, "%to_row")))


def _store(v: Floats, block: list[str], to: str) -> None:
    """Turns a block and writes it."""
    for n, row in enumerate(turned(v.f, "float", block)):
        v.store(row, to, v.f.mul("%to_row", n))


def turned(f: Function, element: str, block: list[str], beside: int = 1) -> list[str]:
    """The columns of a square of elements, of its rows; or of squares that lie side by side."""
    lanes, half = len(block), len(block) // 2
    kind = f"<{beside * lanes} x {element}>"
    halves = [
        [lanes * square + start + k for square in range(beside) for k in range(half)]
        for start in (0, half)
    ]
    for _ in range(half.bit_length()):
        block = [
            _dealt(f, kind, block[n], block[n + half], taken)
            for n in range(half)
            for taken in halves
        ]
    return block


def _dealt(f: Function, kind: str, a: str, b: str, taken: Sequence[int]) -> str:
    """a0 b0 a1 b1 ... of those that are taken."""
    lanes = 2 * len(taken)
    numbers = ", ".join(f"i32 {n}, i32 {n + lanes}" for n in taken)
    return f.op(f"shufflevector {kind} {a}, {kind} {b}, <{lanes} x i32> <{numbers}>")


def call_turn(f: Function, *values: str) -> None:
    """Calls it; values in the order of PARAMETERS."""
    kinds = (p.partition(" ")[0] for p in PARAMETERS)
    f.call("void", "turn", *(f"{kind} {x}" for kind, x in zip(kinds, values, strict=True)))
