"""Slices that an index tensor lists, and pixels that tables list.

    slices   y[o, j] = x[o, i],  i = sum over d of indices[b, j, d] * stride[d],  b = o / outer
    pixels   y[n, i, j] = x[n, rows[i], columns[j]]

Indices are data: each is held against its size before anything is read. One that is out of range
sets the status, and the first slice stands for it. Slices of few bytes (`run`) are copied as one
vector, longer ones (-1) by memcpy.
"""

from __future__ import annotations

from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

OUT_OF_RANGE = 1


def slices(
    module: Module, target: Target, depth: int, index: int, run: int, once: bool
) -> None:  # fmt: skip
    """Slots: x, y, indices, units, group, outer, count, row, bytes; size and stride of each depth.

    A unit is a slice of y, of `bytes`; a tile is `group` of them. `row` is how many slices of x
    each o has; strides count slices, too, the last is 1. An index has `index` bytes. With `once`
    there is but one o. No size is 0.
    """
    sizes = [f"i64 {name}{d}" for d in range(depth) for name in ("size", "stride")]
    f = module.kernel(
        "ptr x", "ptr y", "ptr indices", "i64 units", "i64 group", "i64 outer", "i64 count",
        "i64 row", "i64 bytes", *sizes,
    )  # fmt: skip
    size = str(run) if run > 0 else "%bytes"
    start = f.mul("%begin", "%group")
    places = [] if once else _places(f, start)
    end = f.min(f.mul("%end", "%group"), "%units")
    with f.loop(start, end, 1, ("i1", "false"), *places) as unit:
        wrong, *place = unit.carried
        o, j, turn, first = place or ("0", unit.index, "0", "0")
        vector = f.at("%indices", f.mul(f.add(first, j), depth * index))
        flat = "0" if once else f.mul(o, "%row")
        for d in range(depth):
            value = f.load(f"i{8 * index}", vector, d * index)
            i = value if index == 8 else f.op(f"sext i{8 * index} {value} to i64")
            # As an unsigned number, a negative index is beyond any size.
            beyond = f.compare("uge", i, f"%size{d}")
            wrong = f.op(f"or i1 {wrong}, {beyond}")
            i = f.select(beyond, "i64", 0, i)
            flat = f.add(flat, i if d == depth - 1 else f.mul(i, f"%stride{d}"))
        _copied(f, run, f.at("%y", f.mul(unit.index, size)), f.at("%x", f.mul(flat, size)))
        unit.carry(wrong, *(_next(f, o, j, turn, first) if place else ()))
    with f.when(unit.results[0]):
        f.store("i64", OUT_OF_RANGE, "%parameters", 0, 8)


def _places(f: Function, start: str) -> list[tuple[str, str]]:
    """o, j, how often indices[b] has served, and where it begins: of the first unit."""
    o = f.op(f"udiv i64 {start}, %count")
    b = f.op(f"udiv i64 {o}, %outer")
    j, turn = f.sub(start, f.mul(o, "%count")), f.sub(o, f.mul(b, "%outer"))
    return [("i64", value) for value in (o, j, turn, f.mul(b, "%count"))]


def _next(f: Function, o: str, j: str, turn: str, first: str) -> tuple[str, str, str, str]:
    """The same of the next unit: after the last j the next o, after `outer` of those the next b."""
    last = f.compare("eq", f.add(j, 1), "%count")
    final = f.op(f"and i1 {last}, {f.compare('eq', f.add(turn, 1), '%outer')}")
    return (
        f.select(last, "i64", f.add(o, 1), o),
        f.select(last, "i64", 0, f.add(j, 1)),
        f.select(final, "i64", 0, f.select(last, "i64", f.add(turn, 1), turn)),
        f.select(final, "i64", f.add(first, "%count"), first),
    )


def pixels(module: Module, target: Target, run: int) -> None:
    """Slots: x, y, rows, columns (int64 tables), h, w, high, wide, bytes of a pixel.

    x: [n, h, w], y: [n, high, wide]. A tile is a row of y.
    """
    f = module.kernel(
        "ptr x", "ptr y", "ptr rows", "ptr columns", "i64 h", "i64 w", "i64 high", "i64 wide",
        "i64 bytes",
    )  # fmt: skip
    with f.loop("%begin", "%end") as tile:
        n = f.op(f"udiv i64 {tile.index}, %high")
        i = f.sub(tile.index, f.mul(n, "%high"))
        row = f.add(f.mul(n, "%h"), f.load("i64", "%rows", f.mul(i, 8), 8))
        x = f.at("%x", f.mul(f.mul(row, "%w"), "%bytes"))
        y = f.at("%y", f.mul(f.mul(tile.index, "%wide"), "%bytes"))
        with f.loop(0, "%wide") as pixel:
            column = f.load("i64", "%columns", f.mul(pixel.index, 8), 8)
            _copied(f, run, f.at(y, f.mul(pixel.index, "%bytes")),
                    f.at(x, f.mul(column, "%bytes")))  # fmt: skip


def _copied(f: Function, run: int, to: str, of: str) -> None:
    if run > 0:
        kind = f"<{run} x i8>"
        f.store(kind, f.load(kind, of), to)
        return
    f.call("void", "llvm.memcpy.p0.p0.i64", f"ptr {to}", f"ptr {of}", "i64 %bytes", "i1 false")
