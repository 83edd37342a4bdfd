"""Sums of products of 8-bit integers, as CPUs have them: k is taken some at a time.

    sums[n] += sum over j < group of x[k + j] * weights[k + j, n]        32 bits each

              group   x in memory           weights in memory   instruction
    vnni        4     unsigned, 8 bits      8 bits              vpdpbusd
    smmla       8     signed, 8 bits        8 bits              smmla, of two rows (pairs.py)
    sdot        4     signed, 8 bits        8 bits              sdot
    madd        2     16 bits               16 bits             pmaddwd, paddd
    (none)      1     16 bits               16 bits             smlal

Weights lie [k / group, n, group]; a word of x, `group` numbers, is brought into all lanes. So x has
to be of one sign or wide: `change` says how its bytes are changed (gather.py), and `offset` what
that adds to each, for which the bias makes up.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.ir import Function
from pytflite.jit.target import Target


class Dot(NamedTuple):
    """How a target multiplies.

    Attributes:
        group: products that are summed at once.
        width: bytes of a number in memory, of x and of the weights.
        unsigned: x has to be unsigned.
        lines: a panel has a multiple of so many groups.
        pairs: rows of x are multiplied two at a time, and lie in scratch as pairs.py wants them.
        fused: products are added to sums by the same instruction.
    """

    group: int
    width: int
    unsigned: bool
    lines: int = 1
    pairs: bool = False
    fused: bool = True

    @property
    def word(self) -> int:
        """Bytes of a group."""
        return self.group * self.width

    def groups(self, k: int) -> int:
        """Groups of a panel for so many numbers."""
        return -(-k // (self.group * self.lines)) * self.lines

    def row(self, k: int) -> int:
        """Bytes of a row of x: groups, and both of two that pairs are made of."""
        return (self.groups(k) if self.pairs else -(-k // self.group)) * self.word

    def change(self, *, unsigned: bool) -> str:
        """What has to be done to bytes of x, signed or unsigned: as gather.Form has it."""
        if self.width == 2:
            return "wide_unsigned" if unsigned else "wide"
        return "" if unsigned == self.unsigned else "sign"

    def offset(self, *, unsigned: bool) -> int:
        """What that adds to each number."""
        if self.change(unsigned=unsigned) != "sign":
            return 0
        return 128 if self.unsigned else -128


_DOTS = {
    "amx": Dot(4, 1, True, 16),  # by vpdpbusd, or in tiles of 16 groups (gemm_amx.py)
    "vnni": Dot(4, 1, True),
    "smmla": Dot(8, 1, False, 2, True),
    "sdot": Dot(4, 1, False),
    "madd": Dot(2, 2, False, fused=False),
    "": Dot(1, 2, False),
}
_MADD = {16: "sse2.pmadd.wd", 32: "avx2.pmadd.wd", 64: "avx512.pmaddw.d.512"}


def dot_of(target: Target) -> Dot:
    """That of a target."""
    return _DOTS[target.dot]


def by_rows(target: Target) -> Target:
    """The target as kernels see it that multiply any number of rows, by words, without tiles."""
    single = {"amx": "vnni", "smmla": "sdot"}.get(target.dot)
    return target._replace(dot=single) if single else target


def operand(target: Target) -> str:
    """The type of a vector of words."""
    return f"<{target.lanes} x i{min(8 * dot_of(target).word, 32)}>"


def word_in_all_lanes(f: Function, target: Target, pointer: str) -> str:
    """A word of x, from memory."""
    word = dot_of(target).word
    element, lanes = f"i{8 * word}", target.lanes
    if word == 8:
        lanes //= 2
    x = f.splat(element, lanes, f.load(element, pointer))
    kind = f"<{lanes} x {element}>"
    return x if kind == operand(target) else f.op(f"bitcast {kind} {x} to {operand(target)}")


def load_weights(f: Function, target: Target, pointer: str, offset: int) -> str:
    """The words of a vector of outputs."""
    return f.load(operand(target), pointer, offset)


def multiply_add(f: Function, target: Target, sums: str, x: str, weights: str) -> str:
    """sums + the products of one word of x and the weights."""
    lanes, bits = target.lanes, 8 * target.vector
    kind = f"<{lanes} x i32>"
    if target.dot in ("vnni", "amx"):
        arguments: tuple[str, ...] = tuple(f"{kind} {v}" for v in (sums, x, weights))
        return f.call(kind, f"llvm.x86.avx512.vpdpbusd.{bits}", *arguments)
    if target.dot in ("sdot", "smmla"):
        parts = (f.op(f"bitcast {kind} {v} to <16 x i8>") for v in (x, weights))
        arguments = (f"{kind} {sums}", *(f"<16 x i8> {p}" for p in parts))
        return f.call(kind, f"llvm.aarch64.neon.{target.dot}.v4i32.v16i8", *arguments)
    if target.dot == "madd":
        halves = f"<{2 * lanes} x i16>"
        parts = (f.op(f"bitcast {kind} {v} to {halves}") for v in (x, weights))
        arguments = tuple(f"{halves} {p}" for p in parts)
        product = f.call(kind, f"llvm.x86.{_MADD[target.vector]}", *arguments)
        return f.op(f"add {kind} {sums}, {product}")
    a, b = (f.op(f"sext <{lanes} x i16> {v} to {kind}") for v in (x, weights))
    return f.op(f"add {kind} {sums}, {f.op(f'mul {kind} {a}, {b}')}")
