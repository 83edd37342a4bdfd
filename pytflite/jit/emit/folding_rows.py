"""Reductions of which whole rows are combined, vector by vector.

A row's last vector ends where the row ends: lanes that it has in common with the one before change
nothing. Of `several` rows (as many as outputs are a vector) the totals' lanes are combined all at
once, for four rows of four lanes thus:

    a0 a1 a2 a3     a0 b0 a1 b1     a02 b02 a13 b13     a02 b02 c02 d02
    b0 b1 b2 b3     a2 b2 a3 b3                         a13 b13 c13 d13     a b c d
    c0 ...                      +   c02 d02 c13 d13                     +

Bytes are summed by instructions for their products with 1, where there are any.
"""

from __future__ import annotations

from pytflite.jit.emit.combining import (
    SIZE,
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
from pytflite.jit.emit.dot import by_rows, dot_of, multiply_add
from pytflite.jit.emit.vector import Vector
from pytflite.jit.ir import Function
from pytflite.jit.target import Target

_UNROLLED = 4
_MOST = 16  # rows at once
SHORT = 4  # elements of a row for which vectors do not pay
_BLOCK = 16  # bytes within which all CPUs move numbers quickly


def taken(form: Form, row: int) -> int:
    """Elements that a vector takes of rows of so many."""
    most = form.lanes
    if form.sums_bytes and _dot(form, 64) is not None:
        most = dot_of(by_rows(form.target)).group * form.target.lanes
    return min(most, 1 << (row.bit_length() - 1))


def at_once(form: Form, taken: int) -> int:
    """How many `several` rows are."""
    return min(_total(form, taken), _MOST)


def _total(form: Form, taken: int) -> int:
    """Lanes of what is kept of a row."""
    dot = _dot(form, taken)
    return taken if dot is None else dot.lanes


def _dot(form: Form, taken: int) -> Target | None:
    """The target with vectors of such a length, if it sums bytes by products with 1."""
    target = by_rows(form.target)
    dot = dot_of(target)
    vector = min(4 * taken // dot.group, target.vector)
    signed_only = target.dot == "sdot" and form.unsigned
    if not form.sums_bytes or dot.group == 1 or signed_only or vector < _BLOCK:
        return None
    return target._replace(vector=vector)


def several_rows(f: Function, form: Form, start: str, end: str, lanes: int) -> str:
    """Outputs from start on, of as many rows at once as fit; where the others begin."""
    count = at_once(form, lanes)
    across = f.mul("%r1", form.size)
    stop = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{count}"))
    group = min(count, _UNROLLED)
    with f.loop(start, stop, count) as unit:
        x = f.at("%x", f.mul(unit.index, across))
        totals: list[Vector] = []
        for n in range(0, count, group):
            rows = [f.at(x, f.mul(across, n + i)) for i in range(group)]
            part = [nothing(f, form, _total(form, lanes))] * group
            totals += _added(f, form, rows, lanes, "0", part)
        totals = [_halved(form, total, count) for total in totals]
        store(f, form, _merged(form, totals), "%y", f.mul(unit.index, form.size))
    return stop


def short_rows(f: Function, form: Form, start: str, end: str) -> None:
    """Outputs from start to end, several at a time; elements come one by one: rows are short."""
    across = f.mul("%r1", form.size)
    whole = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{_UNROLLED}"))
    for first, last, count in ((start, whole, _UNROLLED), (whole, end, 1)):
        with f.loop(first, last, count) as unit:
            rows = [f.at("%x", f.mul(f.add(unit.index, n), across)) for n in range(count)]
            total = nothing(f, form, count)
            with f.loop(0, "%r1", 1, (total.type, total.value)) as loop:
                at, value = f.mul(loop.index, form.size), "poison"
                for n, row in enumerate(rows):
                    one = f.load(form.element, row, at)
                    value = f.op(
                        f"insertelement <{count} x {form.element}> {value}, "
                        f"{form.element} {one}, i32 {n}"
                    )
                read = widened(form, Vector(f, value, count, form.element))
                loop.carry(combined(form, total.like(loop.carried[0]), read).value)
            store(f, form, total.like(loop.results[0]), "%y", f.mul(unit.index, form.size))


def single_row(f: Function, form: Form, x: str, y: str, lanes: int) -> None:
    """One output; of its row, several vectors at a time."""
    totals = [nothing(f, form, _total(form, lanes))] * _UNROLLED
    with f.loop(0, "%r0", 1, *carried(totals)) as outer:
        line = f.at(x, f.mul(f.mul(outer.index, "%k1"), f.mul("%r1", form.size)))
        step = _UNROLLED * lanes
        stop = f.mul(f.op(f"udiv i64 %r1, {step}"), step)
        with f.loop(0, stop, step, *carried(alike(totals, outer.carried))) as loop:
            place = f.at(line, f.mul(loop.index, form.size))
            loop.carry(*(
                _add(f, form, total, f.at(place, n * lanes * form.size), lanes).value
                for n, total in enumerate(alike(totals, loop.carried))
            ))  # fmt: skip
        first, *others = alike(totals, loop.results)
        now = [*_added(f, form, [line], lanes, stop, [first]), *others]
        outer.carry(*(v.value for v in now))
    total = all_combined(form, alike(totals, outer.results))
    store(f, form, _halved(form, total, 1), y, 0)


def _added(
    f: Function, form: Form, rows: list[str], lanes: int, start: str, totals: list[Vector]
) -> list[Vector]:  # fmt: skip
    """totals + those rows from start on, vector by vector."""
    whole = f.op(f"udiv i64 {f.sub('%r1', start)}, {lanes}")
    stop = f.add(start, f.mul(whole, lanes))
    with f.loop(start, stop, lanes, *carried(totals)) as loop:
        at = f.mul(loop.index, form.size)
        loop.carry(*(
            _add(f, form, total, f.at(row, at), lanes).value
            for row, total in zip(rows, alike(totals, loop.carried), strict=True)
        ))  # fmt: skip
    totals = alike(totals, loop.results)
    last = f.sub("%r1", lanes)
    at, known = f.mul(last, form.size), f.sub(stop, last)
    with f.loop(stop, "%r1", lanes, *carried(totals)) as end:  # once, or never
        end.carry(*(
            _add(f, form, total, f.at(row, at), lanes, known).value
            for row, total in zip(rows, alike(totals, end.carried), strict=True)
        ))  # fmt: skip
    return alike(totals, end.results)


def _add(
    f: Function, form: Form, total: Vector, place: str, lanes: int, known: str = ""
) -> Vector:  # fmt: skip
    """total + a vector of elements, of which so many lanes are in it already."""
    x = read(f, form, place, 0, lanes)
    if known and form.how in ("sum", "product"):
        x = _but_first(form, x, known)
    target = _dot(form, lanes)
    if target is None:
        return combined(form, total, widened(form, x))
    if dot_of(target).width == 2:
        x = widened(form, x, "i16")
    kind = f"<{target.lanes} x i32>"
    numbers = f.op(f"bitcast {x} to {kind}")
    ones = f"splat (i32 {0x00010001 if dot_of(target).width == 2 else 0x01010101})"
    first, second = (numbers, ones) if form.unsigned else (ones, numbers)
    return total.like(multiply_add(f, target, total.value, first, second))


def _but_first(form: Form, x: Vector, count: str) -> Vector:
    """What changes nothing in so many lanes."""
    f, kind = x.f, f"i{8 * form.size}"
    numbers = ", ".join(f"{kind} {n}" for n in range(x.lanes))
    narrow = count if kind == "i64" else f.op(f"trunc i64 {count} to {kind}")
    least = f.splat(kind, x.lanes, narrow)
    new = f.op(f"icmp uge <{x.lanes} x {kind}> <{numbers}>, {least}")
    return x.op(f"select <{x.lanes} x i1> {new}, {x}, {x.same(int(form.how == 'product'))}")


def _halved(form: Form, x: Vector, left: int) -> Vector:
    """The lanes of a vector, halves by halves, until so many are left."""
    while x.lanes > left:
        half = x.lanes // 2
        low = _chosen(x, x, list(range(half)))
        x = combined(form, low, _chosen(x, x, list(range(half, 2 * half))))
    return x


def _merged(form: Form, totals: list[Vector]) -> Vector:
    """Of as many vectors as they have lanes, all lanes of the n-th in lane n."""
    lanes = totals[0].lanes
    block = min(lanes, max(_BLOCK // SIZE[form.kept], 1))
    group, within = 1, block
    while len(totals) > 1:
        if group == block:
            within = lanes
        totals = [
            combined(form, *_interleaved(a, b, group, within))
            for a, b in zip(totals[::2], totals[1::2], strict=True)
        ]
        group *= 2
    return totals[0]


def _interleaved(a: Vector, b: Vector, group: int, within: int) -> tuple[Vector, Vector]:
    """Groups of lanes of a and b by turns: of the first halves of blocks, and of the others."""
    halves: tuple[list[int], list[int]] = ([], [])
    for start in range(0, a.lanes, within):
        for half, numbers in enumerate(halves):
            first = start + half * within // 2
            for n in range(first, first + within // 2, group):
                for vector in (0, a.lanes):
                    numbers += range(vector + n, vector + n + group)
    return _chosen(a, b, halves[0]), _chosen(a, b, halves[1])


def _chosen(a: Vector, b: Vector, lanes: list[int]) -> Vector:
    """Lanes of two vectors."""
    numbers = ", ".join(f"i32 {n}" for n in lanes)
    value = a.f.op(f"shufflevector {a}, {b}, <{len(lanes)} x i32> <{numbers}>")
    return Vector(a.f, value, len(lanes), a.element)
