"""Sums of integers brought to another scale, by numbers in memory: ops/fixed_point.py's Scaling."""

from __future__ import annotations

from pytflite.jit.emit.typed import rescaled
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function

NUMBERS = 5  # left, m, nudge, negative, right: 64 bits each


def load_scaling(f: Function, lanes: int, pointer: str, n: int) -> list[Vector]:
    """Scaling number n, its NUMBERS in all lanes."""
    values = [f.load("i64", pointer, 8 * (NUMBERS * n + k), 8) for k in range(NUMBERS)]
    return [Vector(f, f.splat("i64", lanes, v), lanes, "i64") for v in values]


def scaled(x: Vector, scaling: list[Vector]) -> Vector:
    """A vector of int32, scaled to int32."""
    return rescaled(x, *scaling).to("i32")


def limited(x: Vector, low: Vector | int, high: Vector | int) -> Vector:
    """min(max(x, low), high) of integers."""
    return x.call("smax", low).call("smin", high)
