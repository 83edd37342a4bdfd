"""Four vectors of int32 as one of bytes, saturated, in order."""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.jit.ir import Function
from pytflite.jit.target import Target

_X86 = {16: "avx512.{}.512", 8: "avx2.{}", 4: "sse2.{}.128"}  # by lanes


def words_of(f: Function, lanes: int, row: Sequence[str]) -> str:
    """Two vectors as one of 16 bits, by x86's packing: fours of each by turns."""
    words, kind = f"<{2 * lanes} x i16>", f"<{lanes} x i32>"
    name = f"llvm.x86.{_X86[lanes].format('packssdw')}"
    return f.call(words, name, *(f"{kind} {v}" for v in row))


def packed(
    f: Function, lanes: int, rows: Sequence[Sequence[str]], *, unsigned: bool = False
) -> str:  # fmt: skip
    """Two rows of two vectors as bytes: fours of each by turns."""
    return _bytes_of(f, lanes, [words_of(f, lanes, row) for row in rows], unsigned=unsigned)


def packed_words(f: Function, lanes: int, words: Sequence[str], *, unsigned: bool) -> str:
    """Two results of `words_of`, of vectors that follow each other, as bytes in order."""
    return _ordered(f, lanes, _bytes_of(f, lanes, words, unsigned=unsigned))


def _bytes_of(f: Function, lanes: int, words: Sequence[str], *, unsigned: bool) -> str:
    kind, narrow = f"<{2 * lanes} x i16>", "packuswb" if unsigned else "packsswb"
    name = f"llvm.x86.{_X86[lanes].format(narrow)}"
    return f.call(f"<{4 * lanes} x i8>", name, *(f"{kind} {w}" for w in words))


def _ordered(f: Function, lanes: int, both: str) -> str:
    """Fours that were by turns, one vector's after the other's."""
    kind, parts = f"<{lanes} x i32>", lanes // 4
    order = ", ".join(f"i32 {n % parts * 4 + n // parts}" for n in range(lanes))
    both = f.op(f"bitcast <{4 * lanes} x i8> {both} to {kind}")
    both = f.op(f"shufflevector {kind} {both}, {kind} poison, <{lanes} x i32> <{order}>")
    return f.op(f"bitcast {kind} {both} to <{4 * lanes} x i8>")


def narrowed(f: Function, target: Target, vectors: Sequence[str], *, unsigned: bool) -> str:
    """Four vectors as bytes of int8, or of uint8."""
    lanes = target.lanes
    if target.architecture == "x86_64":
        return _ordered(f, lanes, packed(f, lanes, [vectors[:2], vectors[2:]], unsigned=unsigned))
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
