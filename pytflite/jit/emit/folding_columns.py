"""Reductions of which columns are kept: vectors of neighbours, row after row.

            column ->
    row 0   [a a a a][b b b b] ...    a row's vectors go to totals of their own, as do a few
    row 1   [c c c c][d d d d] ...    rows: so additions need not wait for each other
    row 2   [a a a a][b b b b] ...

A column's numbers are combined in the same order whichever vectors it is among, so that it does
not matter where threads divide the columns. Sums of bytes stay in 16 bits for some rows.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.combining import (
    Form,
    alike,
    all_combined,
    carried,
    combined,
    nothing,
    read,
    store,
    widened,
)  # fmt: skip
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function

_PART = 4  # of a vector: one so many times as narrow
_LEAST = 16  # bytes: a fourth of them is the least vector, and not worth sums in 16 bits
_MANY = 8  # rows at a time of the last columns
_CHUNK = 128  # rows of bytes whose sums fit into 16 bits, signed


class _Strip(NamedTuple):
    """Vectors of columns; `rows` of them at a time."""

    vectors: int
    lanes: int
    rows: int
    mask: str = ""


def width(form: Form) -> int:
    """Columns of a vector."""
    return 2 * form.target.lanes if form.sums_bytes else form.lanes


def taken(form: Form, columns: int) -> int:
    """Columns of a vector, if there are so many: vectors that are mostly empty are slow to load."""
    return min(width(form), 1 << (columns - 1).bit_length())


def columns(f: Function, form: Form, x: str, y: str, start: str, end: str, lanes: int) -> None:
    """Outputs from start to end: by several vectors, by one, and what is left."""
    if lanes == width(form):
        rows = 4 if form.target.registers > 16 else 2
        if form.how == "product":  # which comes to 0 by denormal numbers, slowly, in each total
            rows = 1
        for count in (2, 1) if form.sums_bytes else (4, 2, 1):
            step = count * lanes
            stop = f.add(start, f.mul(f.op(f"sdiv i64 {f.sub(end, start)}, {step}"), step))
            with f.loop(start, stop, step) as column:
                _strip(f, form, _Strip(count, lanes, rows), x, y, column.index)
            start = stop
    if form.target.vector == 64:  # there are masks
        with f.when(f.compare("slt", start, end)):
            mask = _first(f, form, lanes, f.sub(end, start))
            _strip(f, form, _Strip(1, lanes, _MANY, mask), x, y, start)
        return
    part = max(width(form), _LEAST) if form.sums_bytes else width(form)
    while part > 1:
        part = max(part // _PART, 1)
        if part <= lanes:
            stop = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{part}"))
            with f.loop(start, stop, part) as column:
                _strip(f, form, _Strip(1, part, _MANY), x, y, column.index)
            start = stop


def _first(f: Function, form: Form, lanes: int, count: str) -> str:
    """A mask of so many lanes."""
    kind = f"i{8 * form.size}"
    numbers = ", ".join(f"{kind} {n}" for n in range(lanes))
    narrow = count if kind == "i64" else f.op(f"trunc i64 {count} to {kind}")
    limit = f.splat(kind, lanes, narrow)
    mask = f.op(f"icmp ult <{lanes} x {kind}> <{numbers}>, {limit}")
    return f"<{lanes} x i1> {mask}"


def _strip(f: Function, form: Form, strip: _Strip, x: str, y: str, column: str) -> None:
    """Outputs of some vectors of columns."""
    across = f.mul("%k2", form.size)
    short = form.sums_bytes and strip.lanes > _LEAST // _PART
    rows = 1 if short else strip.rows
    totals = [nothing(f, form, strip.lanes)] * (strip.vectors * rows)
    with f.loop(0, "%r0", 1, *carried(totals)) as outer:
        line = f.mul(f.mul(outer.index, "%k1"), f.mul("%r1", "%k2"))
        place = f.at(x, f.mul(f.add(line, column), form.size))
        now = alike(totals, outer.carried)
        if short:
            now = _chunks(f, form, strip, place, across, now)
        else:
            now = _rows(f, form, strip, place, across, "0", "%r1", now)
        outer.carry(*(v.value for v in now))
    results = alike(totals, outer.results)
    for n in range(strip.vectors):
        total = all_combined(form, results[n :: strip.vectors])
        at = f.mul(f.add(column, n * strip.lanes), form.size)
        store(f, form, total, y, at, strip.mask)


def _chunks(
    f: Function, form: Form, strip: _Strip, place: str, across: str, totals: list[Vector]
) -> list[Vector]:  # fmt: skip
    """totals + all rows, of which so many are summed in 16 bits first as fit."""
    with f.loop(0, "%r1", _CHUNK, *carried(totals)) as chunk:
        end = f.min(f.add(chunk.index, _CHUNK), "%r1")
        short = [nothing(f, form, strip.lanes, "i16")] * (strip.vectors * strip.rows)
        short = _rows(f, form, strip, place, across, chunk.index, end, short)
        sums = (all_combined(form, short[n :: strip.vectors]) for n in range(strip.vectors))
        now = alike(totals, chunk.carried)
        chunk.carry(*((a + b.to(a.element)).value for a, b in zip(now, sums, strict=True)))
    return alike(totals, chunk.results)


def _rows(
    f: Function, form: Form, strip: _Strip, place: str, across: str, start: str, end: str,
    totals: list[Vector],
) -> list[Vector]:  # fmt: skip
    """Rows from start to end, each of several to totals of its own."""
    whole = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{strip.rows}"))
    now = list(totals)
    for first, last, rows in ((start, whole, strip.rows), (whole, end, 1)):
        part = now[: rows * strip.vectors]
        bounds = f.mul(first, across), f.mul(last, across), f.mul(across, rows)
        with f.loop(*bounds, *carried(part)) as loop:
            here = f.at(place, loop.index)
            row = [f.at(here, f.mul(across, n)) for n in range(rows)]
            elements = (
                read(f, form, row[n], v * strip.lanes * form.size, strip.lanes, strip.mask)
                for n in range(rows) for v in range(strip.vectors)
            )  # fmt: skip
            loop.carry(*(
                combined(form, total, widened(form, e, total.element)).value
                for total, e in zip(alike(part, loop.carried), elements, strict=True)
            ))  # fmt: skip
        now[: len(part)] = alike(part, loop.results)
    return now
