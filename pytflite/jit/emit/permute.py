"""Tables of 256 bytes that lie in registers: a vector of bytes looked up at once.

VBMI    vpermi2b knows 128 bytes of two registers by 7 bits of each lane; the eighth chooses
        between two such halves
NEON    tbl knows 64 bytes of four registers, and has 0 for what is beyond; tbx leaves that as
        it is, so that four of them, each 64 further, find all
"""

from __future__ import annotations

from collections.abc import Callable

from pytflite.jit.ir import Function
from pytflite.jit.target import Target

BYTES = 256


def finder(f: Function, target: Target, table: str) -> Callable[[str], str] | None:
    """What finds the entries of a vector of bytes, or None if this CPU cannot.

    Args:
        table: its address. It is read here.
    """
    kind = f"<{target.vector} x i8>"
    if target.vector == 64 or target.architecture == "aarch64":
        registers = [f.load(kind, table, at) for at in range(0, BYTES, target.vector)]
        find = _permuted if target.permutes else _by_words if target.vector == 64 else _extended
        return lambda x: find(f, kind, registers, x)
    if target.vector < 32:
        return None
    order = ", ".join(f"i32 {n % 16}" for n in range(32))
    registers = [
        f.op(f"shufflevector <16 x i8> {part}, <16 x i8> poison, <32 x i32> <{order}>")
        for part in (f.load("<16 x i8>", table, at) for at in range(0, BYTES, 16))
    ]
    return lambda x: _chosen(f, kind, registers, x)


def _chosen(f: Function, kind: str, table: list[str], x: str) -> str:
    low = f.op(f"and {kind} {x}, splat (i8 15)")
    found = [
        f.call(kind, "llvm.x86.avx2.pshuf.b", f"{kind} {part}", f"{kind} {low}") for part in table
    ]
    for bit in range(4, 8):
        upper = f.op(f"shl {kind} {x}, splat (i8 {7 - bit})")
        upper = f.op(f"icmp slt {kind} {upper}, zeroinitializer")
        found = [
            f.op(f"select <32 x i1> {upper}, {kind} {b}, {kind} {a}")
            for a, b in zip(found[::2], found[1::2], strict=True)
        ]
    return found[0]


def _by_words(f: Function, kind: str, table: list[str], x: str) -> str:
    words = "<32 x i16>"
    x, *halves = (f.op(f"bitcast {kind} {v} to {words}") for v in (x, *table))

    def entries(w: str) -> str:
        """Of each word, two: bit 0 says which of them is meant."""
        number = f.op(f"lshr {words} {w}, splat (i16 1)")
        low, high = (
            f.call(words, "llvm.x86.avx512.vpermi2var.hi.512", f"{words} {a}",
                   f"{words} {number}", f"{words} {b}")
            for a, b in (halves[:2], halves[2:])
        )  # fmt: skip
        upper = f.op(f"icmp ugt {words} {w}, splat (i16 127)")
        return f.op(f"select <32 x i1> {upper}, {words} {high}, {words} {low}")

    even, odd = f.op(f"and {words} {x}, splat (i16 255)"), f.op(f"lshr {words} {x}, splat (i16 8)")
    bits = (f.op(f"shl {words} {w}, splat (i16 3)") for w in (even, odd))
    down, up = (f.op(f"and {words} {b}, splat (i16 8)") for b in bits)
    up = f.op(f"xor {words} {up}, splat (i16 8)")
    first = f.op(f"lshr {words} {entries(even)}, {down}")
    second = f.op(f"shl {words} {entries(odd)}, {up}")
    first = f.op(f"and {words} {first}, splat (i16 255)")
    second = f.op(f"and {words} {second}, splat (i16 -256)")
    return f.op(f"bitcast {words} {f.op(f'or {words} {first}, {second}')} to {kind}")


def _permuted(f: Function, kind: str, table: list[str], x: str) -> str:
    name = "llvm.x86.avx512.vpermi2var.qi.512"
    low, high = (
        f.call(kind, name, f"{kind} {a}", f"{kind} {x}", f"{kind} {b}")
        for a, b in (table[:2], table[2:])
    )
    upper = f.op(f"icmp slt {kind} {x}, zeroinitializer")
    return f.op(f"select <64 x i1> {upper}, {kind} {high}, {kind} {low}")


def _extended(f: Function, kind: str, table: list[str], x: str) -> str:
    found = ""
    for first in range(0, len(table), 4):
        arguments = [f"{kind} {r}" for r in table[first : first + 4]] + [f"{kind} {x}"]
        if found:
            found = f.call(kind, "llvm.aarch64.neon.tbx4.v16i8", f"{kind} {found}", *arguments)
        else:
            found = f.call(kind, "llvm.aarch64.neon.tbl4.v16i8", *arguments)
        x = f.op(f"sub {kind} {x}, splat (i8 64)")
    return found
