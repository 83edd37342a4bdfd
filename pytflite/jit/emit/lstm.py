"""An LSTM cell taken through a sequence, in float32.

    i, f, g, o = logistic, logistic, tanh, logistic of (W x[t] + R h + bias)
    c = clip(f * c + i * g);   h = o * tanh(c);   y[t] = h

With `coupled` gates there is no i of its own: i = 1 - f. One tile does all: each step needs the one
before it.

Weights of all gates, of x and of h, stand side by side in panels, [bias | depth + units lines] of
eight vectors each, so that eight sums are under way while a panel goes by once. The gates of one
row of the batch are put in scratch, then h and c of that row are made of them.
"""

from __future__ import annotations

from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.vector import INTRINSICS, Vector, equation
from pytflite.jit.ir import Function, Module
from pytflite.jit.kernels import maths
from pytflite.jit.target import Target

VECTORS = 8  # of a line of a panel
_logistic, _tanh = equation(maths.logistic), equation(maths.tanh)
_where = INTRINSICS["where"]


def float32(module: Module, target: Target, coupled: bool, clips: bool) -> None:
    """Slots: x, y, weights, h, c, time, batch, depth, units, panels; bytes from step to step and
    from row to row of x, then of y; the bound of c."""
    f = module.kernel(
        "ptr x", "ptr y", "ptr weights", "ptr h", "ptr c", "i64 time", "i64 batch", "i64 depth",
        "i64 units", "i64 panels", "i64 x_step", "i64 x_row", "i64 y_step", "i64 y_row",
        "float clip",
    )  # fmt: skip
    floats = Floats(f, target)
    row = f.mul("%units", 4)
    with f.loop(0, "%time") as t, f.loop(0, "%batch") as b:
        x = f.at("%x", f.add(f.mul(t.index, "%x_step"), f.mul(b.index, "%x_row")))
        y = f.at("%y", f.add(f.mul(t.index, "%y_step"), f.mul(b.index, "%y_row")))
        h, c = (f.at(name, f.mul(b.index, row)) for name in ("%h", "%c"))
        _gates(f, floats, x, h)
        whole = f.op(f"and i64 %units, -{floats.lanes}")
        with f.loop(0, whole, floats.lanes) as unit:
            _cell(f, floats, (h, c, y), f.mul(unit.index, 4), coupled, clips, "")
        with f.when(f.compare("slt", whole, "%units")):
            mask = floats.mask(f.sub("%units", whole))
            _cell(f, floats, (h, c, y), f.mul(whole, 4), coupled, clips, mask)


def _gates(f: Function, floats: Floats, x: str, h: str) -> None:
    """The sums of all gates of one row, into scratch."""
    line = VECTORS * floats.bytes
    size = f.mul(f.add(f.add("%depth", "%units"), 1), line)
    with f.loop(0, "%panels") as panel:
        first = f.at("%weights", f.mul(panel.index, size))
        sums = [floats.load(first, n * floats.bytes) for n in range(VECTORS)]
        lines = f.at(first, line)
        for source, count in ((x, "%depth"), (h, "%units")):
            with f.loop(0, count, 1, *((floats.type, s) for s in sums)) as k:
                number = floats.broadcast(source, f.mul(k.index, 4))
                place = f.at(lines, f.mul(k.index, line))
                k.carry(*(
                    floats.multiply_add(number, floats.load(place, n * floats.bytes), s)
                    for n, s in enumerate(k.carried)
                ))  # fmt: skip
            sums = k.results
            lines = f.at(lines, f.mul(count, line))
        place = f.at("%scratch", f.mul(panel.index, line))
        for n, total in enumerate(sums):
            floats.store(total, place, n * floats.bytes)


def _cell(
    f: Function, floats: Floats, places: tuple[str, str, str], at: str, coupled: bool, clips: bool,
    mask: str,
) -> None:  # fmt: skip
    """h, c and y of some units, of which those in the mask, from the gates in scratch."""
    h, c, y = places

    def read(place: str, offset: str) -> Vector:
        value = floats.load_some(mask, place, offset) if mask else floats.load(place, offset)
        return Vector(f, value, floats.lanes)

    gates = [read(f.at("%scratch", f.mul(f.mul("%units", 4), n)), at) for n in range(4 - coupled)]
    forget, fresh, out = _logistic(gates[-3]), _tanh(gates[-2]), _logistic(gates[-1])
    take = 1.0 - forget if coupled else _logistic(gates[0])
    cell = forget * read(c, at) + take * fresh
    if clips:
        bound = Vector(f, floats.splat("%clip"), floats.lanes)
        cell = _where(cell > bound, bound, cell)
        cell = _where(cell < -bound, -bound, cell)
    hidden = out * _tanh(cell)
    for value, place in ((cell, c), (hidden, h), (hidden, y)):
        if mask:
            floats.store_some(value.value, mask, place, at)
        else:
            floats.store(value.value, place, at)
