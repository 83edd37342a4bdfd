"""Rows brought to a measure of their own, in float32.

    log_softmax        y = x - max x - log(sum e^(x - max x))
    l2_normalization   y = x / max(sqrt(sum x^2), 1e-6)

Passes over a row, which stays in the cache. Sums have a lane for each place in a vector; they are
added last, in pairs. A tile is `group` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.vector import INTRINSICS, Vector, equation
from pytflite.jit.ir import Function, Module, float_constant
from pytflite.jit.kernels import maths
from pytflite.jit.target import Target

_exp, _log = equation(maths.exp), equation(maths.log)
_where = INTRINSICS["where"]
_LEAST = float("-inf")


class Row:
    """One row: passes over its elements, whole vectors first, then the rest under a mask."""

    def __init__(self, f: Function, floats: Floats, x: str, y: str) -> None:
        self.f, self.floats, self.x, self.y = f, floats, x, y
        self._whole = f.op(f"and i64 %columns, -{floats.lanes}")
        self._mask = floats.mask(f.sub("%columns", self._whole))

    def vector(self, value: str) -> Vector:
        """A vector of the target's lanes."""
        return Vector(self.f, value, self.floats.lanes)

    def reduced(
        self, combine: Callable[[Vector, Vector], Vector], start: float, padding: float, how: str
    ) -> Vector:
        """Elements combined, from `start`; past the end there is `padding`. In each lane."""
        f, floats = self.f, self.floats
        first = f"splat (float {float_constant(start)})"
        with f.loop(0, self._whole, floats.lanes, (floats.type, first)) as loop:
            v = self.vector(floats.load(self.x, f.mul(loop.index, 4)))
            loop.carry(combine(self.vector(loop.carried[0]), v).value)
        last = floats.load_some(self._mask, self.x, f.mul(self._whole, 4))
        past = f"splat (float {float_constant(padding)})"
        last = f.op(
            f"select {floats.bits} {self._mask}, {floats.type} {last}, {floats.type} {past}"
        )
        total = combine(self.vector(loop.results[0]), self.vector(last))
        name = f"llvm.vector.reduce.{how}.v{floats.lanes}f32"
        if how == "fadd":
            f.module.declare(name, f"declare float @{name}(float, {floats.type})")
            one = f.op(f"call reassoc float @{name}(float -0.0, {total})")
        else:
            one = f.call("float", name, str(total))
        return self.vector(floats.splat(one))

    def write(self, function: Callable[[Vector], Vector]) -> None:
        """y = function(x)."""
        f, floats = self.f, self.floats
        with f.loop(0, self._whole, floats.lanes) as loop:
            at = f.mul(loop.index, 4)
            floats.store(function(self.vector(floats.load(self.x, at))).value, self.y, at)
        with f.when(f.compare("slt", self._whole, "%columns")):
            at = f.mul(self._whole, 4)
            v = self.vector(floats.load_some(self._mask, self.x, at))
            floats.store_some(function(v).value, self._mask, self.y, at)


@contextmanager
def _rows(module: Module, target: Target) -> Iterator[Row]:
    f = module.kernel("ptr x", "ptr y", "i64 rows", "i64 columns", "i64 group")
    floats = Floats(f, target)
    end = f.min(f.mul("%end", "%group"), "%rows")
    with f.loop(f.mul("%begin", "%group"), end) as row:
        place = f.mul(row.index, f.mul("%columns", 4))
        yield Row(f, floats, f.at("%x", place), f.at("%y", place))


def log_softmax(module: Module, target: Target) -> None:
    """Slots: x, y, rows, columns, group. x and y may be one array."""
    with _rows(module, target) as row:
        greatest = row.reduced(lambda a, v: _where(v > a, v, a), _LEAST, _LEAST, "fmax")
        total = row.reduced(lambda a, v: a + _exp(v - greatest), 0.0, _LEAST, "fadd")
        logarithm = _log(total)
        row.write(lambda v: v - greatest - logarithm)


def l2_normalization(module: Module, target: Target) -> None:
    """Slots: x, y, rows, columns, group. x and y may be one array."""
    with _rows(module, target) as row:
        squares = row.reduced(lambda a, v: a + v * v, 0.0, 0.0, "fadd")
        norm = squares.call("sqrt")
        norm = _where(norm < 1e-6, 1e-6, norm)
        row.write(lambda v: v / norm)
