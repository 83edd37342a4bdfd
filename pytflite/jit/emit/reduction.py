"""y[a, b, c] = all x[a, i, b, j, c] of all i and j, combined: sums, means, products, extremes.

Axes side by side that are all combined, or all kept, are one, so that five are enough: sizes
[k0, r0, k1, r1, k2]. There are ways through memory:

    columns   k2 > 1: vectors of neighbouring c go by all i and j (folding_columns.py)
    row       k2 = 1: vectors of neighbouring j are combined, their lanes last (folding_rows.py)
    several   so, of several rows
    short     of several rows, element by element

Mostly r0 = 1, k0 k1 are as good as one, and nothing has to be divided (`twice` is False).
emit/combining.py has the numbers' side of it, and the `endings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pytflite.jit.emit.combining import ENDINGS, LOST, Form, nothing
from pytflite.jit.emit.folding_columns import columns
from pytflite.jit.emit.folding_rows import several_rows, short_rows, single_row
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

SIZES = ("i64 r0", "i64 k1", "i64 r1", "i64 k2")


class _Row(NamedTuple):
    """Outputs side by side: places of x and y for c = 0, and which c."""

    x: str
    y: str
    start: str
    end: str


def fold(
    module: Module, target: Target, dtype: str, how: str, ending: str, way: str, lanes: int,
    twice: bool, squares: bool,
) -> None:  # fmt: skip
    """Slots: x, y, units, group, blocks, width, SIZES, those of the ending.

    A unit is an output of rows; of `columns`, one of the `blocks` of `width` outputs that lie
    side by side. A tile is `group` units. A vector takes `lanes` elements.
    """
    form = Form(dtype, how, ending, squares, target)
    f = module.kernel(
        "ptr x", "ptr y", "i64 units", "i64 group", "i64 blocks", "i64 width", *SIZES,
        *ENDINGS[ending],
    )  # fmt: skip
    if form.compares:
        f.do(f"{LOST} = alloca i8, align 1")
        f.store("i8", 0, LOST)
    start = f.mul("%begin", "%group")
    end = f.min(f.mul("%end", "%group"), "%units")
    if way == "short":
        short_rows(f, form, start, end)
    else:
        rest = several_rows(f, form, start, end, lanes) if way == "several" else start
        with _kept(f, form, twice, rest, end) as row:
            if way == "columns":
                columns(f, form, *row, lanes)
            else:
                single_row(f, form, row.x, row.y, lanes)
    if form.compares:
        doubtful = f.compare("ne", f.load("i8", LOST), 0, "i8")
        with f.when(doubtful), _kept(f, form, twice, start, end) as row:
            _look_again(f, form, row)


@contextmanager
def _kept(f: Function, form: Form, twice: bool, start: str, end: str) -> Iterator[_Row]:
    """Loops over the rows of outputs from unit start to unit end."""
    first = f.op(f"udiv i64 {start}, %blocks")
    last = f.op(f"udiv i64 {f.add(end, f.sub('%blocks', 1))}, %blocks")
    with f.loop(first, last) as kept:
        row = kept.index
        if twice:
            a = f.op(f"udiv i64 {row}, %k1")
            b = f.sub(row, f.mul(a, "%k1"))
            row = f.add(f.mul(f.mul(a, "%r0"), "%k1"), b)
        x = f.at("%x", f.mul(f.mul(row, f.mul("%r1", "%k2")), form.size))
        y = f.at("%y", f.mul(f.mul(kept.index, "%k2"), form.size))
        before = f.mul(kept.index, "%blocks")
        from_ = f.mul(f.max(f.sub(start, before), 0), "%width")
        to = f.mul(f.min(f.sub(end, before), "%blocks"), "%width")
        yield _Row(x, y, from_, f.min(to, "%k2"))


def _look_again(f: Function, form: Form, row: _Row) -> None:
    """NaN where nothing but NaN was combined."""
    least, size = nothing(f, form, 1), form.size

    def number(place: str) -> str:
        x = f.load("float", place)
        return f.op(f"fcmp ord float {x}, {x}")

    with f.loop(row.start, row.end) as column:
        at = f.mul(column.index, size)
        y, x = f.at(row.y, at), f.at(row.x, at)
        same = Vector(f, f.load("<1 x float>", y), 1).equals(least)
        found = number(x)
        doubtful = f.op(f"icmp ugt i1 {f.op(f'bitcast {same} to i1')}, {found}")
        with f.when(doubtful):
            with f.loop(0, "%r0", 1, ("i1", found)) as outer:
                line = f.mul(f.mul(outer.index, "%k1"), f.mul("%r1", "%k2"))
                with f.loop(0, "%r1", 1, ("i1", outer.carried[0])) as inner:
                    place = f.mul(f.add(line, f.mul(inner.index, "%k2")), size)
                    so_far = inner.carried[0]
                    inner.carry(f.op(f"or i1 {so_far}, {number(f.at(x, place))}"))
                outer.carry(inner.results[0])
            with f.when(f.op(f"xor i1 {outer.results[0]}, true")):
                f.store("float", "0x7FF8000000000000", y)
