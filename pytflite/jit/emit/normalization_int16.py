"""Layer normalisation of 16-bit numbers, to the bit as ops/recurrent/lstm_integer.py's Norm.

@normalise writes over x, int32 numbers of 16 bits:

    x = R(round((x - mean) / deviation * weights + bias))     R: to Q3.12, fixed point

1 / deviation is a multiplier in fixed point, found by @inverse_root in five of Newton's steps, as
ops/gemmlowp.py's inverse_sqrt_multiplier has them.
"""

from __future__ import annotations

from pytflite.jit.emit.scaling import NUMBERS, limited, load_scaling, scaled
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function, Module, Value
from pytflite.jit.target import Target

PARAMETERS = (
    "ptr x", "ptr weights", "ptr bias", "i64 units", "i64 limit", "ptr scaling",
)  # fmt: skip
_SQRT_HALF = 1518500250  # Q0.31
_THREE_HALVES = (1 << 28) + (1 << 27)  # Q3.28
_INT32_MAX = (1 << 31) - 1


def normaliser(module: Module, target: Target) -> None:
    """Writes both functions."""
    _inverse_root(module)
    f = module.function("normalise", *PARAMETERS)
    lanes = target.lanes
    memory = f.op(f"alloca [{8 * NUMBERS} x i8], align 8")
    with f.loop(0, "%units", 1, ("i64", "0"), ("i64", "0")) as n:
        value = f.op(f"sext i32 {f.load('i32', '%x', f.mul(n.index, 4), 4)} to i64")
        total, squares = n.carried
        n.carry(f.add(total, value), f.add(squares, f.mul(value, value)))
    total, squares = n.results
    mean = _quotient(f, f.mul(total, 1024), "%units")
    part = _quotient(f, str(1 << 20), "%units")
    spread = f.sub(f.mul(squares, part), f.mul(mean, mean))
    variance = _quotient(f, spread, str(1 << 20))
    variance = f.select(f.compare("slt", variance, 1), "i64", "%limit", variance)
    f.call("void", "inverse_root", f"i64 {variance}", f"ptr {memory}")
    root, last = load_scaling(f, lanes, memory, 0), load_scaling(f, lanes, "%scaling", 0)
    middle = Vector(f, f.splat("i32", lanes, f.op(f"trunc i64 {mean} to i32")), lanes, "i32")
    kind = f"<{lanes} x i32>"
    with f.loop(0, "%units", lanes) as unit:
        x, weights, bias = (
            Vector(f, f.load(kind, place, f.mul(unit.index, 4), 4), lanes, "i32")
            for place in ("%x", "%weights", "%bias")
        )
        weighted = scaled(x * 1024 - middle, root) * weights + bias
        y = limited(scaled(_rounded(weighted), last), -32768, 32767)
        f.store(kind, y.value, "%x", f.mul(unit.index, 4), 4)


def _rounded(x: Vector) -> Vector:
    """x / 1024, half away from zero."""
    away = ((x >> 31) | 1) * 512  # 512 with the sign of x; 0 becomes 0 all the same
    wide = x.to("i64") + away.to("i64")
    below = (wide >> 63) & 1023  # division is towards zero
    return ((wide + below) >> 10).to("i32")


def _quotient(f: Function, a: Value, b: Value) -> str:
    """a / b, towards zero."""
    return f.op(f"sdiv i64 {a}, {b}")


def _inverse_root(module: Module) -> None:
    """Writes @inverse_root(x, to): a scaling that is 1 / sqrt(x)."""
    f = module.function("inverse_root", "i64 x", "ptr to")
    x = f.max("%x", 2)
    quarters = f.op(f"lshr i64 {f.max(f.sub(_length(f, x), 28), 0)}, 1")
    x = f.op(f"lshr i64 {x}, {f.mul(quarters, 2)}")
    pairs = f.sub(f.op(f"lshr i64 {f.sub(31, _length(f, x))}, 1"), 1)
    right = f.sub(f.add(quarters, 11), pairs)
    raw = f.op(f"lshr i64 {f.op(f'shl i64 {x}, {f.mul(pairs, 2)}')}, 1")
    half = f.op(f"lshr i64 {f.add(raw, 1)}, 1")
    y = str(1 << 28)
    for _ in range(5):
        cube = _saturated(f, f.mul(_times(f, _times(f, y, y), y), 64))
        step = f.sub(_times(f, str(_THREE_HALVES), y), _times(f, half, cube))
        y = _saturated(f, f.mul(step, 8))
    left = f.max(f.sub(0, right), 0)
    m = f.op(f"shl i64 {_times(f, y, str(_SQRT_HALF))}, {left}")
    m = f.op(f"sext i32 {f.op(f'trunc i64 {m} to i32')} to i64")
    one = f.compare("sle", "%x", 1)
    m = f.select(one, "i64", _INT32_MAX, m)
    right = f.select(one, "i64", 0, f.max(right, 0))
    twice = f.compare("sgt", right, 0)
    nudge = f.select(twice, "i64", f.op(f"shl i64 1, {f.add(right, 30)}"), 0)
    numbers = (
        "0", m, f.add(nudge, 1 << 30), f.select(twice, "i64", -(1 << 31), 0), f.add(right, 31),
    )  # fmt: skip
    for n, number in enumerate(numbers):
        f.store("i64", number, "%to", 8 * n, 8)


def _length(f: Function, x: str) -> str:
    """Bits of a positive number."""
    return f.sub(64, f.call("i64", "llvm.ctlz.i64", f"i64 {x}", "i1 false"))


def _times(f: Function, a: str, b: str) -> str:
    """The fixed-point product of int32 numbers: ops/gemmlowp.py's."""
    return f.op(f"ashr i64 {f.add(f.mul(a, b), 1 << 30)}, 31")


def _saturated(f: Function, x: str) -> str:
    """Within an int32."""
    return f.min(f.max(x, -(1 << 31)), _INT32_MAX)
