"""Four vectors of int32 as one of bytes, saturated, in order."""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.jit.ir import Function
from pytflite.jit.target import Target

_X86 = {16: "avx512.{}.512", 8: "avx2.{}", 4: "sse2.{}.128"}  # by lanes


def packed(f: Function, lanes: int, rows: Sequence[Sequence[str]], *, unsigned: bool = False) -> (
    str
):  # fmt: skip
    """Two rows of two vectors as bytes, by x86's packing: fours of each in turns."""
    words, octets = f"<{2 * lanes} x i16>", f"<{4 * lanes} x i8>"
    name, kind = _X86[lanes], f"<{lanes} x i32>"
    halves = [
        f.call(words, f"llvm.x86.{name.format('packssdw')}", *(f"{kind} {v}" for v in row))
        for row in rows
    ]
    narrow = name.format("packuswb" if unsigned else "packsswb")
    return f.call(octets, f"llvm.x86.{narrow}", *(f"{words} {h}" for h in halves))


def ordered(f: Function, lanes: int, both: str) -> str:
    """What `packed` has made of v[0], v[1] and v[2], v[3], as v[0] ... v[3] follow each other."""
    kind, parts = f"<{lanes} x i32>", lanes // 4
    order = ", ".join(f"i32 {n % parts * 4 + n // parts}" for n in range(lanes))
    both = f.op(f"bitcast <{4 * lanes} x i8> {both} to {kind}")
    both = f.op(f"shufflevector {kind} {both}, {kind} poison, <{lanes} x i32> <{order}>")
    return f.op(f"bitcast {kind} {both} to <{4 * lanes} x i8>")


def narrowed(f: Function, target: Target, vectors: Sequence[str], *, unsigned: bool) -> str:
    """Four vectors as bytes of int8, or of uint8."""
    lanes = target.lanes
    if target.architecture == "x86_64":
        return ordered(f, lanes, packed(f, lanes, [vectors[:2], vectors[2:]], unsigned=unsigned))
    parts = [_saturated(f, lanes, v, unsigned=unsigned) for v in vectors]
    while len(parts) > 1:
        lanes *= 2
        order = ", ".join(f"i32 {n}" for n in range(lanes))
        kind = f"<{lanes // 2} x i8>"
        parts = [
            f.op(f"shufflevector {kind} {a}, {kind} {b}, <{lanes} x i32> <{order}>")
            for a, b in zip(parts[::2], parts[1::2], strict=True)
        ]
    return parts[0]


def _saturated(f: Function, lanes: int, y: str, *, unsigned: bool) -> str:
    kind = f"<{lanes} x i32>"
    for how, bound in zip(("smax", "smin"), (0, 255) if unsigned else (-128, 127), strict=True):
        y = f.call(kind, f"llvm.{how}.v{lanes}i32", f"{kind} {y}", f"{kind} splat (i32 {bound})")
    return f.op(f"trunc {kind} {y} to <{lanes} x i8>")
