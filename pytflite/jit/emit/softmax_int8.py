"""SOFTMAX of 8-bit integers in gemmlowp's fixed point, to the bit (ops/normalization/softmax.py).

    d[i] = max x - x[i]
    y[i] = round(exp[d[i]] * scale / 2^(31 + s)) + least,   scale * 2^-e = 1 / sum of term[d[i]]

Passes over a row: its greatest element; exponentials, which come from a table of the 256
differences there are, into scratch; their sum; the products. A tile is `group` rows.
"""

from __future__ import annotations

from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target
from pytflite.ops.gemmlowp import NEWTON_START
from pytflite.ops.normalization.softmax import SUM_INTEGER_BITS

_GREATEST = (1 << 31) - 1


_LANES = 8  # 64-bit numbers that are taken together
ENTRY = 8  # bytes of a table's entry, and of the scratch for each column
_LOW = (1 << 32) - 1
_APART = 4  # entries that are looked up in a round


def rows(module: Module, target: Target, x_signed: bool, y_signed: bool, y_size: int) -> None:
    """Slots: x, y, rows, columns, group, table (uint64[256]: exp, and term * 2^32). y may be x.

    Scratch: ENTRY bytes a column.
    """
    f = module.kernel("ptr x", "ptr y", "i64 rows", "i64 columns", "i64 group", "ptr table")
    end = f.min(f.mul("%end", "%group"), "%rows")
    with f.loop(f.mul("%begin", "%group"), end) as row:
        place = f.mul(row.index, "%columns")
        x, y = f.at("%x", place), f.at("%y", f.mul(place, y_size))
        _look_up(f, x, _greatest(f, x, target.vector, x_signed))
        bits = 8 * y_size
        scale, exponent = reciprocal(Vector(f, f.splat("i64", 1, _sum(f)), 1, "i64"))
        s = (exponent + (31 - bits)).call("smin", 32)
        one = s.same(1)
        half = (one << (s + 30)) + (1 << 30)
        numbers = [f.op(f"extractelement {v}, i32 0") for v in (scale, half, s + 31)]
        whole = f.op(f"and i64 %columns, -{_LANES}")
        with f.loop(0, whole, _LANES) as loop:
            _give(f, numbers, (y, y_size, y_signed), loop.index, _LANES)
        with f.loop(whole, "%columns") as loop:
            _give(f, numbers, (y, y_size, y_signed), loop.index, 1)


def _look_up(f: Function, x: str, greatest: str) -> None:
    """Brings the entries of a row's differences into scratch."""
    whole = f.op(f"and i64 %columns, -{_APART}")
    for begin, end, count in (("0", whole, _APART), (whole, "%columns", 1)):
        with f.loop(begin, end, count) as loop:
            for n in range(count):
                column = f.add(loop.index, n)
                difference = f.op(f"sub i8 {greatest}, {f.load('i8', x, column)}")
                at = f.mul(f.op(f"zext i8 {difference} to i64"), ENTRY)
                f.store("i64", f.load("i64", "%table", at, 8), "%scratch", f.mul(column, ENTRY), 8)


def _sum(f: Function) -> str:
    """The sum of a row's terms."""
    kind = f"<{_LANES} x i64>"
    whole = f.op(f"and i64 %columns, -{_LANES}")
    with f.loop(0, whole, _LANES, (kind, "zeroinitializer")) as loop:
        entries = Vector(f, f.load(kind, "%scratch", f.mul(loop.index, ENTRY), 8), _LANES, "i64")
        loop.carry((_high(entries) + entries.like(loop.carried[0])).value)
    total = f.call("i64", f"llvm.vector.reduce.add.v{_LANES}i64", f"{kind} {loop.results[0]}")
    with f.loop(whole, "%columns", 1, ("i64", total)) as loop:
        entry = f.load("i64", "%scratch", f.mul(loop.index, ENTRY), 8)
        loop.carry(f.add(loop.carried[0], f.op(f"lshr i64 {entry}, 32")))
    return loop.results[0]


def _high(x: Vector) -> Vector:
    return x.op(f"lshr {x}, {x.same(32).value}")


def _give(
    f: Function, numbers: list[str], to: tuple[str, int, bool], column: str, lanes: int
) -> None:
    """The products of some columns: to y, of a size, signed or not."""
    y, size, signed = to
    factor, nudge, shift = (Vector(f, f.splat("i64", lanes, v), lanes, "i64") for v in numbers)
    factor = factor & _LOW  # tells LLVM that 32 bits are multiplied
    entries = f.load(f"<{lanes} x i64>", "%scratch", f.mul(column, ENTRY), 8)
    e = factor.like(entries) & _LOW
    value = e * factor + nudge
    value = value.op(f"lshr {value}, {shift.value}").call("umin", (1 << 8 * size) - 1)
    if signed:
        value = value ^ (1 << (8 * size - 1))  # flips the highest bit: adds the least integer
    narrow = value.to(f"i{8 * size}")
    f.store(narrow.type, narrow.value, y, f.mul(column, size))


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
