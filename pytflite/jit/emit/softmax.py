"""y = e^(beta (x - max x)) / sum of all e^(beta (x - max x)), row by row.

Three passes over a row, which stays in the cache: its greatest element, the powers and their sum,
the quotients. The sum has a lane for each place in a vector; they are added last, in pairs. A tile
is `group` rows.
"""

from __future__ import annotations

from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.vector import INTRINSICS, Vector, equation
from pytflite.jit.ir import Function, Module, float_constant
from pytflite.jit.kernels import maths
from pytflite.jit.target import Target

_exp = equation(maths.exp)
_where = INTRINSICS["where"]
_LEAST = float_constant(float("-inf"))


def float32(module: Module, target: Target) -> None:
    """Slots: x, y, rows, columns, group, beta. x and y may be one array."""
    f = module.kernel("ptr x", "ptr y", "i64 rows", "i64 columns", "i64 group", "float beta")
    floats = Floats(f, target)
    end = f.min(f.mul("%end", "%group"), "%rows")
    with f.loop(f.mul("%begin", "%group"), end) as row:
        place = f.mul(row.index, f.mul("%columns", 4))
        _row(f, floats, f.at("%x", place), f.at("%y", place))


def _row(f: Function, floats: Floats, x: str, y: str) -> None:
    lanes, kind = floats.lanes, floats.type
    beta = Vector(f, floats.splat("%beta"), lanes)
    whole = f.op(f"and i64 %columns, -{lanes}")
    mask = floats.mask(f.sub("%columns", whole))
    rest = f.compare("slt", whole, "%columns")
    least = f"splat (float {_LEAST})"

    with f.loop(0, whole, lanes, (kind, least)) as loop:
        v = Vector(f, floats.load(x, f.mul(loop.index, 4)), lanes)
        so_far = v.like(loop.carried[0])
        loop.carry(_where(v > so_far, v, so_far).value)
    at_end = f.mul(whole, 4)
    last = floats.load_some(mask, x, at_end)
    last = f.op(f"select {floats.bits} {mask}, {kind} {last}, {kind} {least}")
    v, so_far = Vector(f, last, lanes), Vector(f, loop.results[0], lanes)
    widest = _where(v > so_far, v, so_far)
    greatest = Vector(f, floats.splat(_reduced(f, "fmax", widest)), lanes)

    with f.loop(0, whole, lanes, (kind, "zeroinitializer")) as loop:
        at = f.mul(loop.index, 4)
        power = _exp((Vector(f, floats.load(x, at), lanes) - greatest) * beta)
        floats.store(power.value, y, at)
        loop.carry(floats.add(loop.carried[0], power.value))
    power = _exp((Vector(f, floats.load_some(mask, x, at_end), lanes) - greatest) * beta)
    kept = f.op(f"select {floats.bits} {mask}, {power}, {kind} zeroinitializer")
    total = Vector(f, floats.add(loop.results[0], kept), lanes)
    with f.when(rest):
        floats.store_some(power.value, mask, y, at_end)
    sums = Vector(f, floats.splat(_reduced(f, "fadd", total)), lanes)
    scale = 1.0 / sums

    with f.loop(0, whole, lanes) as loop:
        at = f.mul(loop.index, 4)
        floats.store((Vector(f, floats.load(y, at), lanes) * scale).value, y, at)
    with f.when(rest):
        power = Vector(f, floats.load_some(mask, y, at_end), lanes)
        floats.store_some((power * scale).value, mask, y, at_end)


def _reduced(f: Function, how: str, x: Vector) -> str:
    """The sum or greatest of the lanes, in pairs."""
    name = f"llvm.vector.reduce.{how}.v{x.lanes}f32"
    if how == "fadd":
        f.module.declare(name, f"declare float @{name}(float, {x.type})")
        return f.op(f"call reassoc float @{name}(float -0.0, {x})")
    return f.call("float", name, str(x))
