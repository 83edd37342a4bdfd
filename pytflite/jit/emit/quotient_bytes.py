"""q = round(x / scale) + zero: float32 as bytes, by factors that lowering/quotients.py has proven.

    t = fma(x, factor, x * rest)    half away from zero

for x86 that multiplies and adds with one rounding. There w = trunc(2 t) is rounded when two vectors
are one of 16 bits, by an instruction that has (w * m + 2^14) >> 15. With m = 2^14 + 1 that is
floor((w + 1 + w / 2^14) / 2), the last part of which sends ties of negative numbers down.

Where an integer overflows, and of NaN, x86 makes the least one, which packing saturates. So only x
that are too large are held back.
"""

from __future__ import annotations

from pytflite.jit.emit.narrowing import packed_words, words_of
from pytflite.jit.emit.vector import INTRINSICS, Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

BLOCK = 8192
_TRUNCATED = {16: "avx512.mask.cvttps2dq.512", 8: "avx.cvtt.ps2dq.256"}  # by lanes
_ROUNDING = {16: "avx512.pmul.hr.sw.512", 8: "avx2.pmul.hr.sw"}
_HALF = 2**14 + 1
_CURRENT = 4  # AVX-512's word for: no rounding of its own


def suits(target: Target) -> bool:
    """Whether it is for this target."""
    return target.architecture == "x86_64" and "fma" in target.needs


def quantise(module: Module, target: Target, signed: bool) -> None:
    """Slots: y, x, size; twice factor and rest, the greatest x that matters, zero. Tiles: BLOCK."""
    numbers = "factor", "rest", "greatest"
    f = module.kernel("ptr y", "ptr x", "i64 size", *(f"float {n}" for n in numbers), "i64 zero")
    lanes, wide = target.lanes, target.vector
    constants = [Vector(f, f.splat("float", lanes, f"%{n}"), lanes) for n in numbers]
    zero = f.splat("i16", wide // 2, f.op("trunc i64 %zero to i16"))
    start, end = f.mul("%begin", BLOCK), f.min(f.mul("%end", BLOCK), "%size")
    whole = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{wide}"))
    with f.loop(start, whole, wide) as loop:
        at = f.mul(loop.index, 4)
        x = [f.load(f"<{lanes} x float>", "%x", f.add(at, 4 * lanes * n)) for n in range(4)]
        f.store(f"<{wide} x i8>", _bytes(f, target, x, constants, zero, signed), "%y", loop.index)
    with f.when(f.compare("slt", whole, end)):
        _last(f, target, (whole, end), constants, zero, signed)


def _last(
    f: Function, target: Target, ends: tuple[str, str], constants: list[Vector], zero: str,
    signed: bool,
) -> None:  # fmt: skip
    """Fewer than four vectors, through memory of this function."""
    lanes, wide = target.lanes, target.vector
    rest = f.sub(ends[1], ends[0])
    room = f.op(f"alloca [{wide} x float], align 64")
    with f.loop(0, rest) as loop:
        one = f.load("float", "%x", f.mul(f.add(ends[0], loop.index), 4))
        f.store("float", one, room, f.mul(loop.index, 4))
    x = [f.load(f"<{lanes} x float>", room, 4 * lanes * n) for n in range(4)]
    f.store(f"<{wide} x i8>", _bytes(f, target, x, constants, zero, signed), room)
    with f.loop(0, rest) as loop:
        f.store("i8", f.load("i8", room, loop.index), "%y", f.add(ends[0], loop.index))


def _bytes(
    f: Function, target: Target, x: list[str], constants: list[Vector], zero: str, signed: bool
) -> str:  # fmt: skip
    """Four vectors."""
    lanes = target.lanes
    twice = [_twice(f, Vector(f, v, lanes), constants) for v in x]
    kind = f"<{2 * lanes} x i16>"
    words = []
    for row in twice[:2], twice[2:]:
        w = f"{kind} {words_of(f, lanes, row)}"
        q = f.call(kind, f"llvm.x86.{_ROUNDING[lanes]}", w, f"{kind} splat (i16 {_HALF})")
        words.append(
            f.call(kind, f"llvm.sadd.sat.v{2 * lanes}i16", f"{kind} {q}", f"{kind} {zero}")
        )
    return packed_words(f, lanes, words, unsigned=not signed)


def _twice(f: Function, x: Vector, constants: list[Vector]) -> str:
    factor, rest, greatest = constants
    x = INTRINSICS["where"](x > greatest, greatest, x)  # NaN stays
    t = INTRINSICS["fma"](x, factor, x * rest)
    lanes, kind = x.lanes, f"<{x.lanes} x i32>"
    own = [f"{kind} zeroinitializer", "i16 -1", f"i32 {_CURRENT}"] if lanes == 16 else []
    return f.call(kind, f"llvm.x86.{_TRUNCATED[lanes]}", str(t), *own)
