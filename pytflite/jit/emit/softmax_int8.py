"""SOFTMAX of 8-bit integers in gemmlowp's fixed point, to the bit (ops/normalization/softmax.py).

    d[i] = max x - x[i]
    y[i] = round(exp[d[i]] * scale / 2^(31 + s)) + least,   scale * 2^-e = 1 / sum of term[d[i]]

Three passes over a row: its greatest element, the sum, the products. Exponentials come from tables
that the operator has made, for the 256 differences there are. A tile is `group` rows.
"""

from __future__ import annotations

from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target
from pytflite.ops.gemmlowp import NEWTON_START
from pytflite.ops.normalization.softmax import SUM_INTEGER_BITS

_GREATEST = (1 << 31) - 1


def rows(module: Module, target: Target, x_signed: bool, y_signed: bool, y_size: int) -> None:
    """Slots: x, y, rows, columns, group, exp, term (int64[256] each). y may be x."""
    f = module.kernel(
        "ptr x", "ptr y", "i64 rows", "i64 columns", "i64 group", "ptr exp", "ptr term"
    )
    end = f.min(f.mul("%end", "%group"), "%rows")
    with f.loop(f.mul("%begin", "%group"), end) as row:
        place = f.mul(row.index, "%columns")
        x, y = f.at("%x", place), f.at("%y", f.mul(place, y_size))
        greatest = _greatest(f, x, target.vector, x_signed)
        with f.loop(0, "%columns", 1, ("i64", "0")) as loop:
            term = f.load("i64", "%term", _difference(f, greatest, x, loop.index), 8)
            loop.carry(f.add(loop.carried[0], term))
        bits = 8 * y_size
        scale, exponent = reciprocal(Vector(f, f.splat("i64", 1, loop.results[0]), 1, "i64"))
        s = (exponent + (31 - bits)).call("smin", 32)
        one = s.same(1)
        half = (one << (s + 30)) + (1 << 30)
        factor, nudge, shift = (f.op(f"extractelement {v} , i32 0") for v in (scale, half, s + 31))
        lowest = (
            (1 << (bits - 1)) if y_signed else 0
        )  # flips the highest bit: adds the least integer
        with f.loop(0, "%columns") as loop:
            e = f.load("i64", "%exp", _difference(f, greatest, x, loop.index), 8)
            value = f.op(f"lshr i64 {f.add(f.mul(e, factor), nudge)}, {shift}")
            value = f.op(f"xor i64 {f.min(value, (1 << bits) - 1)}, {lowest}")
            f.store(f"i{bits}", f.op(f"trunc i64 {value} to i{bits}"), y,
                    f.mul(loop.index, y_size))  # fmt: skip


def _difference(f: Function, greatest: str, x: str, index: str) -> str:
    """8 * (greatest - x[index]): where an entry of a table is."""
    difference = f.op(f"sub i8 {greatest}, {f.load('i8', x, index)}")
    return f.mul(f.op(f"zext i8 {difference} to i64"), 8)


def _greatest(f: Function, x: str, lanes: int, signed: bool) -> str:
    """The greatest element of a row."""
    how, least = ("smax", -128) if signed else ("umax", 0)
    kind = f"<{lanes} x i8>"
    whole = f.op(f"and i64 %columns, -{lanes}")
    with f.loop(0, whole, lanes, (kind, f"splat (i8 {least})")) as loop:
        v, so_far = f.load(kind, x, loop.index), loop.carried[0]
        loop.carry(f.call(kind, f"llvm.{how}.v{lanes}i8", f"{kind} {so_far}", f"{kind} {v}"))
    widest = f.call("i8", f"llvm.vector.reduce.{how}.v{lanes}i8", f"{kind} {loop.results[0]}")
    with f.loop(whole, "%columns", 1, ("i8", widest)) as loop:
        v, so_far = f.load("i8", x, loop.index), loop.carried[0]
        loop.carry(f.call("i8", f"llvm.{how}.i8", f"i8 {so_far}", f"i8 {v}"))
    return loop.results[0]


def _times(a: Vector, b: Vector | int) -> Vector:
    """gemmlowp's product of Q0.31."""
    doubled: Vector = (a * b + (1 << 30)) >> 31
    return doubled


def reciprocal(x: Vector) -> tuple[Vector, Vector]:
    """ops/gemmlowp.py's reciprocal of sums, which have SUM_INTEGER_BITS of 32 bits."""
    zeros = x.op(f"call {x.type} @llvm.ctlz.v{x.lanes}i64({x}, i1 false)")
    x.f.module.declare(
        f"llvm.ctlz.v{x.lanes}i64", f"declare {x.type} @llvm.ctlz.v{x.lanes}i64({x.type}, i1)"
    )
    aligned = x << zeros
    fraction = x.op(f"lshr {aligned}, {x.same(32).value}") - (1 << 31)
    half = (fraction + (1 << 31)) >> 1
    factor, start = NEWTON_START
    root = _times(half, factor) + start
    for _ in range(3):
        root = root + (_times(root, (1 << 29) - _times(half, root)) << 2)
    return (root << 1).call("smin", _GREATEST), (SUM_INTEGER_BITS + 32) - zeros
