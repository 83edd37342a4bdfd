"""Rows brought to a measure of their own, in float32.

    softmax            y = e^(beta (x - max x)) / sum e^(beta (x - max x))
    log_softmax        y = x - max x - log(sum e^(x - max x))
    l2_normalization   y = x / max(sqrt(sum x^2), 1e-6)

Passes over a row, which stays in the cache. Sums have a lane for each place in a few vectors, which
do not wait for each other; they are added last, in pairs. A tile is `group` rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce

from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.vector import INTRINSICS, Vector, equation
from pytflite.jit.ir import Function, Module, float_constant
from pytflite.jit.kernels import maths
from pytflite.jit.target import Target

_decay, _exp, _log = equation(maths.decay), equation(maths.exp), equation(maths.log)
_where = INTRINSICS["where"]
_LEAST = float("-inf")
_TOGETHER = 4  # vectors

Change = Callable[[Vector], Vector]
Combine = Callable[[Vector, Vector], Vector]


class Row:
    """One row: passes over its elements, whole vectors first, then the rest under a mask.

    Attributes:
        x, y: addresses. What does not depend on them is computed once, where this is made.
    """

    def __init__(self, f: Function, floats: Floats, x: str = "", y: str = "") -> None:
        self.f, self.floats, self.x, self.y = f, floats, x, y
        self._whole = f.op(f"and i64 %columns, -{floats.lanes}")
        self._mask = floats.mask(f.sub("%columns", self._whole))

    def vector(self, value: str) -> Vector:
        """A vector of the target's lanes."""
        return Vector(self.f, value, self.floats.lanes)

    def greatest(self) -> Vector:
        """The greatest element, in each lane; NaN never is."""
        return self._reduced(lambda a, v: _where(v > a, v, a), _LEAST, _LEAST, "nnan", "fmax")

    def sum(self, of: Change, padding: float, *, keep: bool = False) -> Vector:
        """The sum of a function of the elements, in each lane.

        Args:
            padding: an element that adds nothing.
            keep: what is added is written, too.
        """
        return self._reduced(lambda a, v: a + v, 0.0, padding, "reassoc", "fadd", of, keep=keep)

    def _reduced(
        self, combine: Combine, start: float, padding: float, flag: str, how: str,
        of: Change = lambda x: x, *, keep: bool = False,
    ) -> Vector:  # fmt: skip
        f, floats = self.f, self.floats
        kind = floats.type

        def more(total: str, at: str) -> str:
            v = of(self.vector(floats.load(self.x, at)))
            if keep:
                floats.store(v.value, self.y, at)
            return combine(self.vector(total), v).value

        first = f"splat (float {float_constant(start)})"
        step = _TOGETHER * floats.lanes
        middle = f.op(f"and i64 %columns, -{step}")
        with f.loop(0, middle, step, *[(kind, first)] * _TOGETHER) as loop:
            places = (f.mul(f.add(loop.index, n * floats.lanes), 4) for n in range(_TOGETHER))
            loop.carry(*(more(t, at) for t, at in zip(loop.carried, places, strict=True)))
        total = reduce(combine, map(self.vector, loop.results)).value
        with f.loop(middle, self._whole, floats.lanes, (kind, total)) as loop:
            loop.carry(more(loop.carried[0], f.mul(loop.index, 4)))
        with f.loop(self._whole, "%columns", floats.lanes, (kind, loop.results[0])) as loop:
            at = f.mul(loop.index, 4)
            last = floats.load_some(self._mask, self.x, at)
            past = f"splat (float {float_constant(padding)})"
            last = f.op(f"select {floats.bits} {self._mask}, {kind} {last}, {kind} {past}")
            rest = of(self.vector(last))
            if keep:
                floats.store_some(rest.value, self._mask, self.y, at)
            loop.carry(combine(self.vector(loop.carried[0]), rest).value)
        whole = self.vector(loop.results[0])
        name, zero = f"llvm.vector.reduce.{how}.v{floats.lanes}f32", how == "fadd"
        f.module.declare(name, f"declare float @{name}({'float, ' * zero}{kind})")
        one = f.op(f"call {flag} float @{name}({'float -0.0, ' * zero}{whole})")
        return self.vector(floats.splat(one))

    def write(self, function: Change, *, kept: bool = False) -> None:
        """y = function(x), or function(y) of what is kept there."""
        f, floats = self.f, self.floats
        source = self.y if kept else self.x
        with f.loop(0, self._whole, floats.lanes) as loop:
            at = f.mul(loop.index, 4)
            floats.store(function(self.vector(floats.load(source, at))).value, self.y, at)
        with f.when(f.compare("slt", self._whole, "%columns")):
            at = f.mul(self._whole, 4)
            v = self.vector(floats.load_some(self._mask, source, at))
            floats.store_some(function(v).value, self._mask, self.y, at)


@contextmanager
def _rows(module: Module, target: Target, *slots: str) -> Iterator[Row]:
    f = module.kernel("ptr x", "ptr y", "i64 rows", "i64 columns", "i64 group", *slots)
    floats = Floats(f, target)
    end, size = f.min(f.mul("%end", "%group"), "%rows"), f.mul("%columns", 4)
    row = Row(f, floats)
    with f.loop(f.mul("%begin", "%group"), end) as loop:
        row.x, row.y = (f.at(array, f.mul(loop.index, size)) for array in ("%x", "%y"))
        yield row


def softmax(module: Module, target: Target, *, scaled: bool) -> None:
    """Slots: x, y, rows, columns, group, beta. x and y may be one array. scaled: beta is not 1."""
    with _rows(module, target, "float beta") as row:
        greatest, beta = row.greatest(), row.vector(row.floats.splat("%beta"))

        def power(v: Vector) -> Vector:
            return _decay((v - greatest) * beta if scaled else v - greatest)

        share = 1.0 / row.sum(power, _LEAST, keep=True)
        row.write(lambda power: power * share, kept=True)


def log_softmax(module: Module, target: Target) -> None:
    """Slots: x, y, rows, columns, group. x and y may be one array."""
    with _rows(module, target) as row:
        greatest = row.greatest()
        logarithm = _log(row.sum(lambda v: _exp(v - greatest), _LEAST))
        row.write(lambda v: v - greatest - logarithm)


def l2_normalization(module: Module, target: Target) -> None:
    """Slots: x, y, rows, columns, group. x and y may be one array."""
    with _rows(module, target) as row:
        norm = row.sum(lambda v: v * v, 0.0).call("sqrt")
        norm = _where(norm < 1e-6, 1e-6, norm)
        row.write(lambda v: v / norm)
