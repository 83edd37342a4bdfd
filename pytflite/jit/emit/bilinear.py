"""Images of another size, each pixel a mean of the four around it (ops/resize/bilinear.py).

    scratch = rows[i] of x, blended: (1 - v) * x[lower] + v * x[upper]
    y[n, i, j] = (1 - w) * scratch[lower column] + w * scratch[upper column]

A tile is a row of y. The rows are blended as they lie, whatever their pixels; then each pixel of y
takes its two. `rounding` says how:

    float    float32, as the NumPy kernel rounds
    terms    uint8: both weighted rows are kept, and the four terms are added one by one in float32,
             as the reference adds them
    away     int8, int16: weights of 10 bits; sums are exact, and rounded half away from zero
    up       int8, uint8, as XNNPACK: weights of 11 bits, rounded half up
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.typed import TYPES, stored, widened
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target
from pytflite.ops.resize.positions import FRACTION, NEAREST_FRACTION

TABLES = ("lower", "upper", "lower_weight", "upper_weight")
_BYTES = {"float32": 4, "int16": 2, "int8": 1, "uint8": 1}
_FRACTIONS = {"away": FRACTION, "up": NEAREST_FRACTION}


class Form(NamedTuple):
    """How images are blended: their type, the rounding, and the type of blended rows."""

    dtype: str
    rounding: str
    kept: str

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return _BYTES[self.dtype]


def resize(module: Module, target: Target, dtype: str, rounding: str) -> None:
    """Slots: x, y, h, line (elements of a row of x), high, wide, c; TABLES of rows, of columns.

    Positions are int64, those of columns times c; weights are int32 or float32. Scratch: a line of
    32-bit numbers, with `terms` two.
    """
    tables = [f"ptr {axis}_{name}" for axis in ("row", "column") for name in TABLES]
    f = module.kernel(
        "ptr x", "ptr y", "i64 h", "i64 line", "i64 high", "i64 wide", "i64 c", *tables
    )
    kept = "i32" if rounding in _FRACTIONS else "float"
    form = Form(dtype, rounding, kept)
    memory, size = TYPES[dtype][0], form.size
    second = f.at("%scratch", f.mul("%line", 4))

    def read(place: str, at: str, lanes: int) -> Vector:
        raw = f.load(f"<{lanes} x {memory}>", place, f.mul(at, size))
        return widened(Vector(f, raw, lanes, memory), dtype).to(kept)

    with f.loop("%begin", "%end") as tile:
        n = f.op(f"udiv i64 {tile.index}, %high")
        i = f.sub(tile.index, f.mul(n, "%high"))
        places, weights = _entries(f, "row", i, kept)
        image = f.mul(f.mul(n, "%h"), "%line")
        sources = [f.at("%x", f.mul(f.add(image, f.mul(p, "%line")), size)) for p in places]
        for start, end, lanes in _steps(f, "%line", (target.lanes, 1)):
            with f.loop(start, end, lanes) as loop:
                a, b = (
                    read(place, loop.index, lanes) * _splat(f, weight, lanes, kept)
                    for place, weight in zip(sources, weights, strict=True)
                )
                at = f.mul(loop.index, 4)
                if rounding == "terms":
                    f.store(b.type, b.value, second, at)
                else:
                    a = a + b
                f.store(a.type, a.value, "%scratch", at)
        y = f.at("%y", f.mul(f.mul(tile.index, "%wide"), f.mul("%c", size)))
        with f.loop(0, "%wide") as pixel:
            pair = _entries(f, "column", pixel.index, kept)
            place = f.at(y, f.mul(f.mul(pixel.index, "%c"), size))
            for start, end, lanes in _steps(f, "%c", (target.lanes, 4, 1)):
                with f.loop(start, end, lanes) as loop:
                    value = stored(_blended(f, form, second, pair, loop.index, lanes), dtype)
                    f.store(value.type, value.value, place, f.mul(loop.index, size))


def _splat(f: Function, value: str, lanes: int, kept: str) -> Vector:
    return Vector(f, f.splat(kept, lanes, value), lanes, kept)


def _steps(f: Function, size: str, widths: tuple[int, ...]) -> list[tuple[str, str, int]]:
    """From, to and step of loops over a size: by vectors of these widths, as many as fit."""
    steps, start = [], "0"
    for lanes in widths:
        end = size if lanes == 1 else f.op(f"and i64 {size}, -{lanes}")
        steps.append((start, end, lanes))
        start = end
    return steps


def _entries(
    f: Function, axis: str, index: str, kept: str
) -> tuple[tuple[str, str], tuple[str, str]]:
    """Both positions and both weights of an output."""
    wide, narrow = f.mul(index, 8), f.mul(index, 4)
    lower, upper = (f.load("i64", f"%{axis}_{name}", wide, 8) for name in TABLES[:2])
    below, above = (f.load(kept, f"%{axis}_{name}", narrow, 4) for name in TABLES[2:])
    return (lower, upper), (below, above)


def _blended(
    f: Function, form: Form, second: str,
    pair: tuple[tuple[str, str], tuple[str, str]], channel: str, lanes: int,
) -> Vector:  # fmt: skip
    """Some channels of one pixel."""
    kept = form.kept
    sums = "i64" if form.dtype == "int16" else kept

    def term(row: str, side: int) -> Vector:
        at = f.mul(f.add(pair[0][side], channel), 4)
        value = Vector(f, f.load(f"<{lanes} x {kept}>", row, at), lanes, kept)
        return value.to(sums) * _splat(f, pair[1][side], lanes, kept).to(sums)

    total = term("%scratch", 0)
    if form.rounding == "terms":
        total = total + term(second, 0) + term("%scratch", 1) + term(second, 1) + 0.5
        return total.to("i32")
    total = total + term("%scratch", 1)
    if form.rounding == "float":
        return total
    bits = 2 * _FRACTIONS[form.rounding]
    half: Vector = total.same(1 << (bits - 1))
    if form.rounding == "away":
        half = (total >> (total.bits - 1)) + half
    rounded: Vector = (total + half) >> bits
    return rounded
