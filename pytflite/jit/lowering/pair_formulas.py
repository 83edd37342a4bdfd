"""Sums, products and squares of two bytes in float32 (emit/table.py): which numbers, and how good.

What an operator answers to all pairs of bytes is known. So the numbers of its formula are tried:
if float32 gives each pair the right answer, the formula is all there is to do. The scales may be a
little larger or smaller, which sends ties where the operator's own rounding has them:

    rint(zero + nudge + s * real)    real: what comes out before rounding;  s: between those that
                                     some pair does not allow

The nudge, less than nothing with a negative product, is what gemmlowp's first rounding of a product
does to ties (proof.py).

If no such numbers are found, results next to ties are looked up: so near that all others are right.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pytflite.jit.lowering.proof import multiply_add
from pytflite.model.graph import Array
from pytflite.ops.activation import quantized_range
from pytflite.ops.fixed_point import quantize_multipliers
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step

PROVEN = 2.0  # an edge that nothing passes
_LEAST_EDGE = 0.45  # if more of the results than a tenth are looked up, all may be
_SAFE = 2.0**30  # beyond, integers may be anything
_FARTHEST = 2.0**-12  # of s from 1
_NARROWEST = 2.0**-20  # range of s in which others are tried
_TRIED = (0.0, 0.125, -0.125, 0.25, -0.25, 0.375, -0.375, 0.0625, -0.0625, 0.1875, -0.1875, 0.3125)
_SIGNS = {"ADD": 1.0, "SUB": -1.0}
_NAMES = {**dict.fromkeys(_SIGNS, "add"), "MUL": "mul", "SQUARED_DIFFERENCE": "square"}


class Formula(NamedTuple):
    """Real arithmetic of two bytes.

    Attributes:
        name: in emit/table.py.
        scales: of the operands over that of the result; of a product both in one.
        zeros, zero: zero points of the operands, and of the result.
        low, high: bounds of the result.
    """

    name: str
    scales: tuple[float, float]
    zeros: tuple[int, int]
    zero: int
    low: int
    high: int

    def real(self, a: Array, b: Array) -> Array:
        """The result before it is rounded, less its zero point: float64."""
        x, y = a.astype(np.float64) - self.zeros[0], b.astype(np.float64) - self.zeros[1]
        p, q = self.scales
        if self.name == "mul":
            product: Array = x * y * p
            return product
        total: Array = x * p + y * q
        return total * total if self.name == "square" else total

    def greatest(self, real: Array) -> float:
        """No number on the way is beyond."""
        most = float(np.abs(real).max(initial=0)) + abs(self.zero)
        if self.name == "mul":
            return most
        terms = 256 * (abs(self.scales[0]) + abs(self.scales[1]))
        terms += sum(abs(z * p) for z, p in zip(self.zeros, self.scales, strict=True))
        if self.name == "add":
            return terms + abs(self.zero)
        return most + abs(self.zero) + 2 * math.sqrt(float(real.max(initial=0))) * terms

    @property
    def nudges(self) -> tuple[float, ...]:
        """Those that are worth a trial."""
        if self.name != "mul" or not self.scales[0] > 0:
            return (0.0,)
        right = -int(quantize_multipliers(np.array([self.scales[0]]))[1][0])
        return (0.0, 0.5**right / 2) if right > 0 else (0.0,)

    def numbers(self, s: float = 1.0, nudge: float = 0.0) -> Array:
        """The first of emit/table.py's CONSTANTS, for results s times as large."""
        s = math.sqrt(s) if self.name == "square" else s
        p, q = (scale * s for scale in self.scales)
        za, zb = self.zeros
        shift = -za * p - zb * q
        found = {
            "add": (p, q, self.zero + shift, 0.0, 0.0),
            "square": (p, q, self.zero, shift, 0.0),
            "mul": (p, self.zero - nudge, self.zero + nudge, za, zb),
        }[self.name]
        return np.array([*found, self.low, self.high], np.float32)

    def rounded(self, numbers: Array, a: Array, b: Array, *, fused: bool) -> Array:
        """What the kernel makes of bytes."""

        def add(x: Array, y: Array, z: Array) -> Array:
            found: Array = multiply_add(x, y, z) if fused else x * y + z
            return found

        a, b = a.astype(np.float32), b.astype(np.float32)
        p, q, offset, za, zb, low, high = numbers
        if self.name == "mul":
            product = (a - za) * (b - zb)
            t = add(product, p, np.where(product < 0, q, offset))
        elif self.name == "square":
            root = add(a, p, add(b, q, za))
            t = add(root, root, offset)
        else:
            t = add(a, p, add(b, q, offset))
        rounded: Array = np.clip(np.rint(t), low, high)
        return rounded


def formula_of(step: Step, a: Spec, b: Spec, target: Spec) -> Formula | None:
    """The formula of a sum, product or square; None for other operators."""
    operator = step.node.name
    if operator not in _NAMES or any(s.quantization is None for s in (a, b, target)):
        return None
    low, high = np.iinfo(target.dtype.storage).min, np.iinfo(target.dtype.storage).max
    if operator == "SQUARED_DIFFERENCE":
        root = math.sqrt(target.scale)
        scales = a.scale / root, -b.scale / root
    else:
        low, high = quantized_range(step.node, target)
        if operator == "MUL":
            scales = a.scale * b.scale / target.scale, 0.0
        else:
            scales = a.scale / target.scale, _SIGNS[operator] * b.scale / target.scale
    zeros = int(a.zero_point), int(b.zero_point)
    zero = int(target.zero_point)
    return Formula(_NAMES[operator], scales, zeros, zero, int(low), int(high))


def constants(formula: Formula, values: Array, table: Array, *, fused: bool) -> Array:
    """The CONSTANTS of emit/table.py.

    Args:
        values: all bytes, by their bits.
        table: what the operator answers to each pair of them.
        fused: the target multiplies and adds with one rounding.
    """
    real = formula.real(values[:, None], values[None, :])
    greatest = formula.greatest(real)
    error = max(greatest, 1.0) * 2.0**-22  # more than three roundings of float32
    proven = _proven(formula, values, table, real, error, fused=fused) if greatest < _SAFE else None
    if proven is not None:
        return np.append(proven, np.float32(PROVEN))
    t = real + formula.zero
    near = np.rint(t)
    off = np.abs(t - near)
    wrong = np.clip(near, formula.low, formula.high) != table
    nearest = float(off[wrong].min()) if wrong.any() else 0.5  # of those that the table corrects
    edge = nearest - 2 * error
    if not edge > _LEAST_EDGE:
        edge = -1.0  # the formula is not what the operator computes
    return np.append(formula.numbers(), np.float32(edge))


def _proven(
    formula: Formula, values: Array, table: Array, real: Array, error: float, *, fused: bool
) -> Array | None:  # fmt: skip
    """Numbers that give all pairs what the table has; None if none are found."""
    y = table.astype(np.float64)
    lower = np.where(y <= formula.low, -np.inf, y - 0.5)
    upper = np.where(y >= formula.high, np.inf, y + 0.5)
    for nudge in formula.nudges:
        zero = formula.zero + np.where(real < 0, -nudge, nudge)
        t = real + zero
        margin = np.minimum(t - lower, upper - t)
        near = np.nonzero(margin < np.abs(real) * _FARTHEST + error)  # others hold for each s
        pairs = _Pairs(*near, *(x[near] for x in (real, zero, lower, upper)))
        least, most = pairs.allowed()
        middle, width = (least + most) / 2, max(most - least, _NARROWEST)
        for part in _TRIED:
            s = middle + part * width
            margin = pairs.margin(s)
            if margin.min(initial=0) < -error:
                break
            unsure = margin < error
            a, b = pairs.a[unsure], pairs.b[unsure]
            numbers = formula.numbers(s, nudge)
            found = formula.rounded(numbers, values[a], values[b], fused=fused)
            if (found == table[a, b]).all():
                return numbers
    return None


class _Pairs(NamedTuple):
    """Some pairs of bytes: their numbers, what comes out, and between which bounds it must."""

    a: Array
    b: Array
    real: Array
    zero: Array
    lower: Array
    upper: Array

    def allowed(self) -> tuple[float, float]:
        """The least s that suits them all, and the greatest."""
        with np.errstate(all="ignore"):
            ends = (self.lower - self.zero) / self.real, (self.upper - self.zero) / self.real
        rises, some = self.real > 0, self.real != 0
        least = np.where(rises, *ends)[some].max(initial=1 - _FARTHEST)
        return float(least), float(np.where(rises, *ends[::-1])[some].min(initial=1 + _FARTHEST))

    def margin(self, s: float) -> Array:
        """How far results are from the nearer bound."""
        t = self.real * s + self.zero
        distance: Array = np.minimum(t - self.lower, self.upper - t)
        return distance
