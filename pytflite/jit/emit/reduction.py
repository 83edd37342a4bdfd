"""y[a, b, c] = all x[a, i, b, j, c] of all i and j, combined: sums, means, products, extremes.

Axes side by side that are all combined, or all kept, are one, so that five are enough: sizes
[k0, r0, k1, r1, k2]. There are two ways through memory:

    columns   k2 > 1: vectors of neighbouring c go by all i and j; of a single c, several j
    rows      k2 = 1: vectors of neighbouring j are combined, their lanes last; of `short` rows,
              vectors of the same j of several rows

Mostly r0 = 1, k0 k1 are as good as one, and nothing has to be divided (`twice` is False).

Integers of 8 and 16 bits are summed in 32. What follows the sum is `ending`:

    ""          nothing
    "mean"      floats: / n; integers: / n, towards zero
    "rescaled"  MEAN with scales: limited(rescaled(sum - n * zero) + zero_out), fixed point
    "total"     SUM with scales: round(sum * scale + bias) + zero_out, in float32
    "nearest"   MEAN with scales, as XNNPACK: rint(sum * scale + bias) in float32
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.typed import quantized, rescaled
from pytflite.jit.emit.vector import INTRINSICS, Vector
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

SIZES = ("i64 r0", "i64 k1", "i64 r1", "i64 k2")
# Slots of each ending.
ENDINGS = {
    "": (),
    "mean": ("i64 n",),
    "rescaled": ("i64 zeros", "i64 left", "i64 m", "i64 nudge", "i64 negative", "i64 right",
                 "i64 low", "i64 high", "i64 zero_out"),
    "total": ("float scale", "float bias", "float zero_out", "float low", "float high"),
    "nearest": ("float scale", "float bias", "float low", "float high"),
}  # fmt: skip
_ELEMENTS = {
    "float32": "float", "int8": "i8", "uint8": "i8", "bool": "i8", "int16": "i16", "int32": "i32",
    "int64": "i64",
}  # fmt: skip
_SIZE = {"float": 4, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
_UNROLLED = 4
_PART = 4  # of a vector: one so many times as narrow


class Form(NamedTuple):
    """What is combined, and how: "sum", "product", "max", "min"; or the `squares` of that."""

    dtype: str
    how: str
    ending: str
    squares: bool

    @property
    def element(self) -> str:
        """Of memory."""
        return _ELEMENTS[self.dtype]

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return _SIZE[self.element]

    @property
    def kept(self) -> str:
        """Type of what is kept while elements go by."""
        if self.how in ("max", "min"):
            return self.element
        if self.element == "i32" and self.ending == "mean":
            return "i64"
        return {"i8": "i32", "i16": "i32"}.get(self.element, self.element)


def fold(
    module: Module, target: Target, dtype: str, how: str, ending: str, columns: bool, short: bool,
    twice: bool, squares: bool,
) -> None:  # fmt: skip
    """Slots: x, y, units, group, blocks, width, SIZES, those of the ending.

    A unit is an output of `rows`; of `columns`, one of the `blocks` of `width` outputs that lie
    side by side. A tile is `group` units.
    """
    form = Form(dtype, how, ending, squares)
    f = module.kernel(
        "ptr x", "ptr y", "i64 units", "i64 group", "i64 blocks", "i64 width", *SIZES,
        *ENDINGS[ending],
    )  # fmt: skip
    lanes = target.vector // _SIZE[form.kept]
    start = f.mul("%begin", "%group")
    end = f.min(f.mul("%end", "%group"), "%units")
    if short:
        _short_rows(f, form, start, end)
        return
    with f.loop(start, end) as unit:
        kept = f.op(f"udiv i64 {unit.index}, %blocks") if columns else unit.index
        row = kept
        if twice:
            a = f.op(f"udiv i64 {kept}, %k1")
            b = f.sub(kept, f.mul(a, "%k1"))
            row = f.add(f.mul(f.mul(a, "%r0"), "%k1"), b)
        place = f.mul(row, f.mul("%r1", "%k2"))
        x = f.at("%x", f.mul(place, form.size))
        y = f.at("%y", f.mul(f.mul(kept, "%k2"), form.size))
        if columns:
            start = f.mul(f.sub(unit.index, f.mul(kept, "%blocks")), "%width")
            _columns(f, form, x, y, start, f.min(f.add(start, "%width"), "%k2"), lanes)
        else:
            _row(f, form, x, y, lanes)


def _columns(f: Function, form: Form, x: str, y: str, start: str, end: str, lanes: int) -> None:
    """Outputs from start to end: by several vectors, by one, by parts of one, one by one."""
    for count, wide in ((_UNROLLED, lanes), (1, lanes)):
        step = count * wide
        whole = f.op(f"sdiv i64 {f.sub(end, start)}, {step}")
        stop = f.add(start, f.mul(whole, step))
        with f.loop(start, stop, step) as column:
            first = [_nothing(f, form, wide) for _ in range(count)]
            carried = [(v.type, v.value) for v in first]
            with f.loop(0, "%r0", 1, *carried) as outer:
                line = f.mul(f.mul(outer.index, "%k1"), f.mul("%r1", "%k2"))
                again = [(v.type, c) for v, c in zip(first, outer.carried, strict=True)]
                with f.loop(0, "%r1", 1, *again) as inner:
                    at = f.add(f.add(line, f.mul(inner.index, "%k2")), column.index)
                    place = f.at(x, f.mul(at, form.size))
                    inner.carry(*(
                        _combined(form, v.like(c), _read(f, form, place, n * wide, wide)).value
                        for n, (v, c) in enumerate(zip(first, inner.carried, strict=True))
                    ))  # fmt: skip
                outer.carry(*inner.results)
            for n, (v, total) in enumerate(zip(first, outer.results, strict=True)):
                at = f.mul(f.add(column.index, n * wide), form.size)
                _store(f, form, v.like(total), y, at)
        start = stop
    while lanes > 1:
        lanes = max(lanes // _PART, 1)
        stop = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{lanes}"))
        with f.loop(start, stop, lanes) as column:
            _narrow(f, form, x, y, column.index, lanes)
        start = stop


def _short_rows(f: Function, form: Form, start: str, end: str) -> None:
    """Outputs from start to end, several at a time; their elements come one by one."""
    across = f.mul("%r1", form.size)
    whole = f.add(start, f.op(f"and i64 {f.sub(end, start)}, -{_UNROLLED}"))
    for first, last, count in ((start, whole, _UNROLLED), (whole, end, 1)):
        with f.loop(first, last, count) as unit:
            rows = [f.at("%x", f.mul(f.add(unit.index, n), across)) for n in range(count)]
            total = _nothing(f, form, count)
            with f.loop(0, "%r1", 1, (total.type, total.value)) as loop:
                at, value = f.mul(loop.index, form.size), "poison"
                for n, row in enumerate(rows):
                    one = f.load(form.element, row, at)
                    value = f.op(
                        f"insertelement <{count} x {form.element}> {value}, "
                        f"{form.element} {one}, i32 {n}"
                    )
                read = _widened(form, Vector(f, value, count, form.element))
                loop.carry(_combined(form, total.like(loop.carried[0]), read).value)
            _store(f, form, total.like(loop.results[0]), "%y", f.mul(unit.index, form.size))


def _narrow(f: Function, form: Form, x: str, y: str, column: str, lanes: int) -> None:
    """One output, or a few, of whose elements several at a time go to totals of their own."""
    count = 2 * _UNROLLED
    first = [_nothing(f, form, lanes) for _ in range(count)]
    whole = f.op(f"and i64 %r1, -{count}")
    across = f.mul("%k2", form.size)
    with f.loop(0, "%r0", 1, *((v.type, v.value) for v in first)) as outer:
        line = f.mul(f.mul(outer.index, "%k1"), f.mul("%r1", "%k2"))
        place = f.at(x, f.mul(f.add(line, column), form.size))
        totals = [v.like(c) for v, c in zip(first, outer.carried, strict=True)]
        for start, end, taken in (("0", whole, count), (whole, "%r1", 1)):
            part = totals[:taken]
            with f.loop(start, end, len(part), *((v.type, v.value) for v in part)) as loop:
                read = [
                    _read(f, form, f.at(place, f.mul(f.add(loop.index, n), across)), 0, lanes)
                    for n in range(len(part))
                ]
                loop.carry(*(
                    _combined(form, v.like(c), r).value
                    for v, c, r in zip(part, loop.carried, read, strict=True)
                ))  # fmt: skip
            totals[:taken] = [v.like(r) for v, r in zip(part, loop.results, strict=True)]
        outer.carry(*(v.value for v in totals))
    results = [v.like(r) for v, r in zip(first, outer.results, strict=True)]
    while len(results) > 1:
        results = [_combined(form, a, b) for a, b in zip(results[::2], results[1::2], strict=True)]
    _store(f, form, results[0], y, f.mul(column, form.size))


def _row(f: Function, form: Form, x: str, y: str, lanes: int) -> None:
    """One output: the lanes of several vectors, of one, of part of one, then single elements."""
    wide = [_nothing(f, form, lanes) for _ in range(_UNROLLED)]
    values = [*wide, _nothing(f, form, max(lanes // _PART, 1)), _nothing(f, form, 1)]
    with f.loop(0, "%r0", 1, *((v.type, v.value) for v in values)) as outer:
        line = f.at(x, f.mul(f.mul(outer.index, "%k1"), f.mul("%r1", form.size)))
        start, so_far = "0", [v.like(c) for v, c in zip(values, outer.carried, strict=True)]
        for chosen in (slice(0, _UNROLLED), slice(0, 1), slice(-2, -1), slice(-1, None)):
            part = so_far[chosen]
            step = sum(v.lanes for v in part)
            whole = f.op(f"sdiv i64 {f.sub('%r1', start)}, {step}")
            stop = f.add(start, f.mul(whole, step))
            with f.loop(start, stop, step, *((v.type, v.value) for v in part)) as loop:
                place = f.at(line, f.mul(loop.index, form.size))
                loop.carry(*(
                    _combined(form, v.like(c), _read(f, form, place, n * v.lanes, v.lanes)).value
                    for n, (v, c) in enumerate(zip(part, loop.carried, strict=True))
                ))  # fmt: skip
            so_far[chosen] = [v.like(r) for v, r in zip(part, loop.results, strict=True)]
            start = stop
        outer.carry(*(v.value for v in so_far))
    *wide, part_, single = (v.like(r) for v, r in zip(values, outer.results, strict=True))
    while len(wide) > 1:
        wide = [_combined(form, a, b) for a, b in zip(wide[::2], wide[1::2], strict=True)]
    total = _combined(form, _lanes_combined(form, wide[0], part_.lanes), part_)
    _store(f, form, _combined(form, _lanes_combined(form, total, 1), single), y, 0)


def _nothing(f: Function, form: Form, lanes: int) -> Vector:
    """What changes nothing: NaN, where the greater of two numbers is kept."""
    kind = Vector(f, "", lanes, form.kept)
    if form.how in ("sum", "product"):
        return kind.same(int(form.how == "product"))
    if kind.is_float:
        return kind.like("splat (float 0x7FF8000000000000)")
    least, greatest = -(1 << (kind.bits - 1)), (1 << (kind.bits - 1)) - 1
    if form.dtype in ("uint8", "bool"):
        least, greatest = 0, -1  # all bits
    return kind.same(least if form.how == "max" else greatest)


def _read(f: Function, form: Form, place: str, index: int, lanes: int) -> Vector:
    """Elements, as they are kept."""
    value = f.load(f"<{lanes} x {form.element}>", place, index * form.size)
    return _widened(form, Vector(f, value, lanes, form.element))


def _widened(form: Form, x: Vector) -> Vector:
    """Elements of memory, as they are kept."""
    if form.squares:
        return x * x
    if form.dtype == "bool":
        return x.differs(0).to(form.kept)
    if form.dtype == "uint8" and form.kept != "i8":
        return x.op(f"zext {x} to <{x.lanes} x {form.kept}>", form.kept)
    return x.to(form.kept)


def _combined(form: Form, a: Vector, b: Vector) -> Vector:
    if form.how == "sum":
        return a + b
    if form.how == "product":
        return a * b
    if a.is_float:
        return a.call(f"{form.how}num", b)
    sign = "u" if form.dtype in ("uint8", "bool") else "s"
    return a.call(f"{sign}{form.how}", b)


def _lanes_combined(form: Form, x: Vector, left: int) -> Vector:
    """The lanes of a vector, halves by halves, until so many are left."""
    while x.lanes > left:
        half = x.lanes // 2
        a, b = (
            Vector(x.f, x.f.op(
                f"shufflevector {x}, {x.type} poison, <{half} x i32> "
                f"<{', '.join(f'i32 {start + n}' for n in range(half))}>"
            ), half, x.element) for start in (0, half)
        )  # fmt: skip
        x = _combined(form, a, b)
    return x


def _store(f: Function, form: Form, total: Vector, y: str, at: str | int) -> None:
    """What comes after the sum; and into memory."""

    def slot(name: str, kind: str) -> Vector:
        return Vector(f, f.splat(kind, total.lanes, f"%{name}"), total.lanes, kind)

    result = total
    if form.ending == "mean":
        count = slot("n", "i64").to(total.element)
        name = "fdiv" if total.is_float else "sdiv"
        result = total.op(f"{name} {total}, {count.value}")
    elif form.ending == "rescaled":
        moved = total - slot("zeros", "i64").to("i32")
        numbers = (slot(s, "i64") for s in ("left", "m", "nudge", "negative", "right"))
        y64 = rescaled(moved, *numbers)
        low, high = slot("low", "i64"), slot("high", "i64")
        result = y64.call("smin", high).call("smax", low) + slot("zero_out", "i64")
    elif form.ending == "total":
        real = total.to("float") * slot("scale", "float") + slot("bias", "float")
        zero, low, high = (slot(s, "float") for s in ("zero_out", "low", "high"))
        result = quantized(real, real.same(1), zero, low, high)
    elif form.ending == "nearest":
        real = total.to("float") * slot("scale", "float") + slot("bias", "float")
        real = INTRINSICS["rint"](real)
        for name, bound in (("maxnum", "low"), ("minnum", "high")):
            real = real.call(name, slot(bound, "float"))
        result = real.to("i32")
    stored = result.to(form.element)
    f.store(stored.type, stored.value, y, at)
