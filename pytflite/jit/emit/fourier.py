"""Fourier transforms of real rows and matrices, in double, for sizes that are powers of two.

A row of 2n numbers is n complex ones, z[t] = x[2t] + i x[2t+1]. These are transformed by Stockham's
passes of radix 4, each from one buffer to the other, which put the spectrum in order by the way:

    y[q + s(4p + k)] = w^(kp) * sum over j of (-i)^(jk) x[q + s(p + mj)]      q < s, p < m, k < 4

with m = n/4, s = 1 at first and w = exp(-2 pi i / n); then n is a fourth of it and s four times.
Vectors run along q; where s is less than a vector they run on into the next p, and what is stored
is sorted. If a factor 2 remains it comes last. The columns of a matrix are such a transform, too,
whose s begins with the length of a row. Last, the spectrum of 2n from that of n:

    X[k] = (Z[k] + Z*[n-k]) / 2 + exp(-pi i k/n) (Z[k] - Z*[n-k]) / 2i

Complex numbers are planes (complex_planes.py). jit/lowering/fourier.py makes the twiddles.
Source: T. G. Stockham, "High-speed convolution and correlation", 1966.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.jit.emit.complex_planes import (
    DOUBLE,
    Complex,
    Planes,
    joined,
    lanes_of,
    put,
    put_one,
    shuffled,
)
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target


def narrow_passes(target: Target) -> tuple[int, ...]:
    """The s of the first passes, as long as it is less than a vector."""
    return tuple(s for s in (1, 4) if s < lanes_of(target))


def _butterfly(x: Sequence[Complex], w: Sequence[Complex]) -> list[Complex]:
    a, b, c, d = x
    even, odd = a.plus(c), b.plus(d)
    rest, turned = a.minus(c), b.minus(d).turned()
    return [
        even.plus(odd), rest.minus(turned).times(w[0]), even.minus(odd).times(w[1]),
        rest.plus(turned).times(w[2]),
    ]  # fmt: skip


def _narrow(f: Function, planes: Planes, lanes: int, s: int, source: str, target: str,
            count: str, table: str) -> str:  # fmt: skip
    """A pass whose s is less than a vector, on 4 * count numbers; the end of its twiddles.

    Lane l of vector k goes to place 4 s (l // s) + s k + l % s of the four that are stored.
    """
    order = [0] * (4 * lanes)
    for k in range(4):
        for lane in range(lanes):
            order[4 * s * (lane // s) + s * k + lane % s] = lanes * k + lane
    size = 6 * lanes * DOUBLE
    with f.loop(0, count, lanes, ("ptr", table)) as loop:
        (at,) = loop.carried
        x = [planes.load(source, f.add(loop.index, f.mul(count, k))) for k in range(4)]
        flat = [
            Vector(f, f.load(f"<{lanes} x double>", at, n * lanes * DOUBLE), lanes, "double")
            for n in range(6)
        ]
        y = _butterfly(x, [Complex(*flat[n : n + 2]) for n in (0, 2, 4)])
        sorted_ = Complex(*(joined(f, parts, order) for parts in zip(*y, strict=True)))
        planes.store(target, f.mul(loop.index, 4), sorted_)
        loop.carry(f.at(at, size))
    return loop.results[0]


def _wide(f: Function, planes: Planes, lanes: int, source: str, target: str, m: str, s: str,
          table: str, passes: str, odd: str) -> str:  # fmt: skip
    """The passes whose s is a number of vectors; where the result is."""
    with f.loop(
        0, passes, 1, ("ptr", source), ("ptr", target), ("i64", m), ("i64", s), ("ptr", table)
    ) as each:
        x, y, m, s, table = each.carried
        with f.loop(0, m) as outer:
            p = outer.index
            at = f.at(table, f.mul(p, 6 * DOUBLE))
            flat = [
                Vector(f, f.splat("double", lanes, f.load("double", at, n * DOUBLE)), lanes,
                       "double") for n in range(6)
            ]  # fmt: skip
            w = [Complex(*flat[n : n + 2]) for n in (0, 2, 4)]
            reads = [f.mul(s, f.add(p, f.mul(m, k))) for k in range(4)]
            writes = [f.mul(s, f.add(f.mul(p, 4), k)) for k in range(4)]
            with f.loop(0, s, lanes) as inner:
                given = [planes.load(x, f.add(inner.index, place)) for place in reads]
                for z, place in zip(_butterfly(given, w), writes, strict=True):
                    planes.store(y, f.add(inner.index, place), z)
        each.carry(y, x, f.op(f"lshr i64 {m}, 2"), f.mul(s, 4), f.at(table, f.mul(m, 6 * DOUBLE)))
    source, target, _, s, _ = each.results
    with f.loop(0, odd, 1, ("ptr", source), ("ptr", target)) as last:
        x, y = last.carried
        with f.loop(0, s, lanes) as inner:
            a, b = planes.load(x, inner.index), planes.load(x, f.add(inner.index, s))
            planes.store(y, inner.index, a.plus(b))
            planes.store(y, f.add(inner.index, s), a.minus(b))
        last.carry(y, x)
    return last.results[0]


def _read_row(f: Function, planes: Planes, lanes: int, row: str, base: str) -> None:
    """The numbers of a row that there are, in pairs, as complex ones; zeros for the rest."""
    pairs, zero = f"<{2 * lanes} x float>", Vector(f, "zeroinitializer", lanes, "double")
    whole = f.mul(f.op(f"udiv i64 %width, {2 * lanes}"), lanes)
    with f.loop(0, whole, lanes) as loop:
        value = f.load(pairs, row, f.mul(loop.index, 2 * 4), align=4)
        both = Vector(f, value, 2 * lanes)
        parts = [shuffled(f, both, both, range(n, 2 * lanes, 2)).to("double") for n in (0, 1)]
        planes.store(base, loop.index, Complex(*parts))
    with f.loop(whole, "%n", lanes) as loop:
        planes.store(base, loop.index, Complex(zero, zero))
    with f.loop(f.mul(whole, 2), "%width") as loop:
        number = f.op(f"fpext float {f.load('float', row, f.mul(loop.index, 4), 4)} to double")
        odd = f.op(f"and i64 {loop.index}, 1")
        at = f.at(base, f.mul(odd, "%plane"))
        place = f.mul(f.op(f"lshr i64 {loop.index}, 1"), DOUBLE)
        f.store("double", number, at, place, align=8)


class _Row:
    """Transforms one row after the other, in two buffers of their own."""

    def __init__(self, f: Function, target: Target) -> None:
        self._f = f
        self._target = target
        self._lanes = lanes_of(target)
        f.do(f"%plane = mul i64 {f.add('%n', self._lanes)}, {DOUBLE}")
        self.planes = Planes(f, self._lanes, "%plane")
        self._buffers = "%scratch", f.at("%scratch", f.mul("%plane", 2))
        self.end = f.at("%scratch", f.mul("%plane", 4))

    def spectrum(self, row: str) -> str:
        """That of n complex numbers, its first once more at the end; where it is."""
        f, lanes = self._f, self._lanes
        x, y = self._buffers
        _read_row(f, self.planes, lanes, row, x)
        table, count, s = "%table", f.op("lshr i64 %n, 2"), 1
        for s in narrow_passes(self._target):
            table = _narrow(f, self.planes, lanes, s, x, y, count, table)
            x, y = y, x
        s *= 4
        m = f.op(f"udiv i64 {count}, {s}")
        found = _wide(f, self.planes, lanes, x, y, m, str(s), table, "%passes", "%odd")
        for plane in (0, "%plane"):
            at = f.at(found, plane)
            f.store("double", f.load("double", at, 0, 8), at, f.mul("%n", DOUBLE), 8)
        return found

    def split(self, found: str, index: str) -> Complex:
        """A vector of the spectrum of 2n numbers."""
        f, lanes = self._f, self._lanes
        z = self.planes.load(found, index)
        mirror = self.planes.load(found, f.sub(f.sub("%n", index), lanes - 1))
        backwards = range(lanes - 1, -1, -1)
        re, im = (shuffled(f, part, part, backwards) for part in mirror)
        even = Complex((z.re + re) * 0.5, (z.im - im) * 0.5)
        odd = Complex((z.im + im) * 0.5, (re - z.re) * 0.5)
        twist = Planes(f, lanes, f.mul("%n", DOUBLE)).load("%twists", index)
        return even.plus(odd.times(twist))

    def ends(self, found: str) -> tuple[str, str]:
        """The first and the last number of that, which are real."""
        f = self._f
        re, im = f.load("double", found, 0, 8), f.load("double", f.at(found, "%plane"), 0, 8)
        return f.op(f"fadd double {re}, {im}"), f.op(f"fsub double {re}, {im}")


_SLOTS = (
    "ptr x", "ptr y", "ptr table", "ptr twists", "i64 n", "i64 passes", "i64 odd", "i64 width",
    "i64 step",
)  # fmt: skip


def rows(module: Module, target: Target) -> None:
    """Rows of real numbers, of which the first `width` are there; a tile is one.

    Slots: x, y of n + 1 complex numbers each; twiddles of the passes, and exp(-pi i k/n); n; how
    many wide passes there are, and whether one of radix 2; width; bytes from row to row of x.
    """
    f = module.kernel(*_SLOTS)
    row, lanes = _Row(f, target), lanes_of(target)
    size = f.mul(f.add("%n", 1), DOUBLE)
    with f.loop("%begin", "%end") as tile:
        found = row.spectrum(f.at("%x", f.mul(tile.index, "%step")))
        y = f.at("%y", f.mul(tile.index, size))
        with f.loop(0, "%n", lanes) as loop:
            put(f, row.split(found, loop.index), f.at(y, f.mul(loop.index, DOUBLE)))
        first, last = row.ends(found)
        put_one(f, first, "0.0", y)
        put_one(f, last, "0.0", f.at(y, f.mul("%n", DOUBLE)))


def matrices(module: Module, target: Target) -> None:
    """Matrices of `rows` rows, of which the first `height` are there; a tile is one.

    Slots: those of rows; then rows, height, bytes from matrix to matrix of x; and of the columns
    the twiddles, how many passes there are, and whether one of radix 2.
    """
    f = module.kernel(
        *_SLOTS, "i64 rows", "i64 height", "i64 size", "ptr column_table", "i64 column_passes",
        "i64 column_odd",
    )  # fmt: skip
    row, lanes = _Row(f, target), lanes_of(target)
    wide = f.add("%n", lanes)  # n + 1, and what makes it a number of vectors
    plane = f.mul(f.mul(wide, DOUBLE), "%rows")
    spectra = Planes(f, lanes, plane)
    a, b = row.end, f.at(row.end, f.mul(plane, 2))
    zero = Vector(f, "zeroinitializer", lanes, "double")
    with f.loop("%begin", "%end") as tile:
        x = f.at("%x", f.mul(tile.index, "%size"))
        y = f.at("%y", f.mul(f.mul(tile.index, "%rows"), f.mul(f.add("%n", 1), DOUBLE)))
        with f.loop(0, "%height") as each:
            found = row.spectrum(f.at(x, f.mul(each.index, "%step")))
            start = f.mul(each.index, wide)
            with f.loop(0, "%n", lanes) as loop:
                spectra.store(a, f.add(start, loop.index), row.split(found, loop.index))
            first, last = row.ends(found)
            spectra.store(a, f.add(start, "%n"), Complex(zero, zero))
            at = f.at(a, f.mul(start, DOUBLE))
            for number, place in ((first, "0"), (last, "%n")):
                real = f.at(at, f.mul(place, DOUBLE))
                f.store("double", number, real, 0, 8)
                f.store("double", "0.0", f.at(real, plane), 0, 8)
        with f.loop(f.mul("%height", wide), f.mul("%rows", wide), lanes) as loop:
            spectra.store(a, loop.index, Complex(zero, zero))
        m = f.op("lshr i64 %rows, 2")
        found = _wide(f, spectra, lanes, a, b, m, wide, "%column_table", "%column_passes",
                      "%column_odd")  # fmt: skip
        with f.loop(0, "%rows") as each:
            start = f.mul(each.index, wide)
            out = f.at(y, f.mul(f.mul(each.index, f.add("%n", 1)), DOUBLE))
            with f.loop(0, "%n", lanes) as loop:
                z = spectra.load(found, f.add(start, loop.index))
                put(f, z, f.at(out, f.mul(loop.index, DOUBLE)))
            at = f.at(found, f.mul(f.add(start, "%n"), DOUBLE))
            re, im = f.load("double", at, 0, 8), f.load("double", f.at(at, plane), 0, 8)
            put_one(f, re, im, f.at(out, f.mul("%n", DOUBLE)))
