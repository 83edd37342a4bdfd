"""y = e^(beta (x - max x)) / sum of all e^(beta (x - max x)), row by row.

Three passes over a row, which stays in the cache: its greatest element, the powers and their sum,
the quotients. The sum has a lane for each place in a vector; they are added last, in pairs. A tile
is `group` rows.
"""

from __future__ import annotations

from collections.abc import Callable

from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.vector import INTRINSICS, Vector, equation
from pytflite.jit.ir import Function, Module, float_constant
from pytflite.jit.kernels import maths
from pytflite.jit.target import Target

_decay = equation(maths.decay)
_where = INTRINSICS["where"]


def float32(module: Module, target: Target) -> None:
    """Slots: x, y, rows, columns, group, beta. x and y may be one array."""
    f = module.kernel("ptr x", "ptr y", "i64 rows", "i64 columns", "i64 group", "float beta")
    floats = Floats(f, target)
    end = f.min(f.mul("%end", "%group"), "%rows")
    with f.loop(f.mul("%begin", "%group"), end) as row:
        place = f.mul(row.index, f.mul("%columns", 4))
        _row(f, floats, f.at("%x", place), f.at("%y", place))


def _row(f: Function, floats: Floats, x: str, y: str) -> None:
    def vector(value: str) -> Vector:
        return Vector(f, value, floats.lanes)

    def greater(so_far: str, at: str, mask: str) -> str:
        v = _load(floats, x, at, mask, float("-inf"))
        return _where(vector(v) > vector(so_far), vector(v), vector(so_far)).value

    def add_power(so_far: str, at: str, mask: str) -> str:
        v = _load(floats, x, at, mask, float("-inf"))
        power = _decay((vector(v) - greatest) * beta).value
        _store(floats, power, y, at, mask)
        return floats.add(so_far, power)

    def scale(_: str, at: str, mask: str) -> str:
        power = vector(_load(floats, y, at, mask, 0.0))
        _store(floats, (power * share).value, y, at, mask)
        return share.value

    beta = vector(floats.splat("%beta"))
    widest = _through(f, floats, f"splat (float {float_constant(float('-inf'))})", greater)
    greatest = vector(floats.splat(_reduced(f, "fmax", vector(widest))))
    total = _through(f, floats, "zeroinitializer", add_power)
    share = 1.0 / vector(floats.splat(_reduced(f, "fadd", vector(total))))
    _through(f, floats, share.value, scale)


def _through(f: Function, floats: Floats, start: str, do: Callable[[str, str, str], str]) -> str:
    """Carries a vector through whole vectors of a row, then through the rest, under a mask.

    Args:
        do: what becomes of it, by its value, offset in bytes, and mask ("": none).
    """
    whole = f.op(f"and i64 %columns, -{floats.lanes}")
    for begin, end in (("0", whole), (whole, "%columns")):
        with f.loop(begin, end, floats.lanes, (floats.type, start)) as loop:
            mask = "" if end == whole else floats.mask(f.sub("%columns", loop.index))
            loop.carry(do(loop.carried[0], f.mul(loop.index, 4), mask))
        start = loop.results[0]
    return start


def _load(floats: Floats, pointer: str, at: str, mask: str, other: float) -> str:
    """A vector; `other` where the mask has none."""
    if not mask:
        return floats.load(pointer, at)
    loaded = floats.load_some(mask, pointer, at)
    rest = f"{floats.type} splat (float {float_constant(other)})"
    return floats.f.op(f"select {floats.bits} {mask}, {floats.type} {loaded}, {rest}")


def _store(floats: Floats, value: str, pointer: str, at: str, mask: str) -> None:
    if mask:
        floats.store_some(value, mask, pointer, at)
    else:
        floats.store(value, pointer, at)


def _reduced(f: Function, how: str, x: Vector) -> str:
    """The sum or greatest of the lanes, in pairs."""
    name = f"llvm.vector.reduce.{how}.v{x.lanes}f32"
    if how == "fadd":
        f.module.declare(name, f"declare float @{name}(float, {x.type})")
        return f.op(f"call reassoc float @{name}(float -0.0, {x})")
    f.module.declare(name, f"declare float @{name}({x.type})")
    return f.op(f"call nnan float @{name}({x})")  # NaN is never the greatest
