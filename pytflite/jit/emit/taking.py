"""Slices that an index tensor lists, and pixels that tables list.

    slices   y[o, j] = x[o, i],  i = sum over d of indices[b, j, d] * stride[d],  b = o / outer
    pixels   y[n, i, j] = x[n, rows[i], columns[j]]

Indices are data: each is held against its size before anything is read. One that is out of range
sets the status, and nothing is copied for it. Slices of few bytes (`run`) are copied as one vector,
longer ones (-1) by memcpy.
"""

from __future__ import annotations

from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

OUT_OF_RANGE = 1


def slices(module: Module, target: Target, depth: int, index: int, run: int) -> None:
    """Slots: x, y, indices, units, group, outer, count, row, bytes; size and stride of each depth.

    A unit is a slice of y, of `bytes`; a tile is `group` of them. `row` is how many slices of x
    each o has; strides count slices, too. An index has `index` bytes.
    """
    sizes = [f"i64 {name}{d}" for d in range(depth) for name in ("size", "stride")]
    f = module.kernel(
        "ptr x", "ptr y", "ptr indices", "i64 units", "i64 group", "i64 outer", "i64 count",
        "i64 row", "i64 bytes", *sizes,
    )  # fmt: skip
    end = f.min(f.mul("%end", "%group"), "%units")
    with f.loop(f.mul("%begin", "%group"), end) as unit:
        o = f.op(f"udiv i64 {unit.index}, %count")
        j = f.sub(unit.index, f.mul(o, "%count"))
        b = f.op(f"udiv i64 {o}, %outer")
        vector = f.at("%indices", f.mul(f.add(f.mul(b, "%count"), j), depth * index))
        flat, fine = f.mul(o, "%row"), "true"
        for d in range(depth):
            value = f.load(f"i{8 * index}", vector, d * index)
            i = value if index == 8 else f.op(f"sext i{8 * index} {value} to i64")
            # As an unsigned number, a negative index is beyond any size.
            fine = f.op(f"and i1 {fine}, {f.compare('ult', i, f'%size{d}')}")
            flat = f.add(flat, f.mul(i, f"%stride{d}"))
        with f.when(fine):
            _copied(f, run, f.at("%y", f.mul(unit.index, "%bytes")),
                    f.at("%x", f.mul(flat, "%bytes")))  # fmt: skip
        with f.when(f.op(f"xor i1 {fine}, true")):
            f.store("i64", OUT_OF_RANGE, "%parameters", 0, 8)


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
