"""What reductions are made of: numbers read, combined, and what follows the sum.

Integers of 8 and 16 bits are summed in 32. What follows is `ending`:

    ""          nothing
    "mean"      floats: / n; integers: / n, towards zero
    "rescaled"  MEAN with scales: limited(rescaled(sum - n * zero) + zero_out), fixed point
    "total"     SUM with scales: round(sum * scale + bias) + zero_out, in float32
    "nearest"   MEAN with scales, as XNNPACK: rint(sum * scale + bias) in float32

NaN never wins: where an instruction keeps its second operand if the first is NaN (x86), the
greatest number begins at -inf, and an output that is still -inf at the end sets the byte LOST, for
it may be of NaN alone (reduction.py looks again). Elsewhere it begins at NaN.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.typed import quantized, rescaled
from pytflite.jit.emit.vector import INTRINSICS, Vector
from pytflite.jit.ir import Function
from pytflite.jit.target import Target

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
SIZE = {"float": 4, "i8": 1, "i16": 2, "i32": 4, "i64": 8}
LOST = "%lost"


class Form(NamedTuple):
    """What is combined, and how: "sum", "product", "max", "min"; or the `squares` of that."""

    dtype: str
    how: str
    ending: str
    squares: bool
    target: Target

    @property
    def element(self) -> str:
        """Of memory."""
        return _ELEMENTS[self.dtype]

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return SIZE[self.element]

    @property
    def unsigned(self) -> bool:
        """Whether bytes are."""
        return self.dtype in ("uint8", "bool")

    @property
    def kept(self) -> str:
        """Type of what is kept while elements go by."""
        if self.how in ("max", "min"):
            return self.element
        if self.element == "i32" and self.ending == "mean":
            return "i64"
        return {"i8": "i32", "i16": "i32"}.get(self.element, self.element)

    @property
    def lanes(self) -> int:
        """Of a vector of what is kept."""
        return self.target.vector // SIZE[self.kept]

    @property
    def sums_bytes(self) -> bool:
        """Sums for which there are quicker ways."""
        return self.element == "i8" and self.how == "sum" and not self.squares

    @property
    def compares(self) -> bool:
        """Whether a comparison chooses, see above."""
        return (
            self.kept == "float" and self.how in ("max", "min")
            and self.target.architecture == "x86_64"
        )  # fmt: skip


def nothing(f: Function, form: Form, lanes: int, kept: str = "") -> Vector:
    """What changes nothing."""
    kind = Vector(f, "", lanes, kept or form.kept)
    if form.how in ("sum", "product"):
        return kind.same(int(form.how == "product"))
    if form.compares:
        return kind.same(float("-inf" if form.how == "max" else "inf"))
    if kind.is_float:
        return kind.like("splat (float 0x7FF8000000000000)")
    least, greatest = -(1 << (kind.bits - 1)), (1 << (kind.bits - 1)) - 1
    if form.unsigned:
        least, greatest = 0, -1  # all bits
    return kind.same(least if form.how == "max" else greatest)


def read(f: Function, form: Form, place: str, offset: int, lanes: int, mask: str = "") -> Vector:
    """Elements of memory; where a mask is false there is 0."""
    v = Vector(f, "", lanes, form.element)
    if not mask:
        return v.like(f.load(v.type, place, offset))
    pointer = f"ptr {f.at(place, offset)}"
    return v.like(f.call(
        v.type, f"llvm.masked.load.{_suffix(v)}.p0", pointer, "i32 1", mask,
        f"{v.type} zeroinitializer",
    ))  # fmt: skip


def _suffix(x: Vector) -> str:
    return f"v{x.lanes}" + {"float": "f32"}.get(x.element, x.element)


def widened(form: Form, x: Vector, kept: str = "") -> Vector:
    """Elements of memory, as they are kept."""
    kept = kept or form.kept
    if form.squares:
        return x * x
    if form.dtype == "bool":
        return x.differs(0).to(kept)
    if form.unsigned and kept != "i8":
        return x.op(f"zext {x} to <{x.lanes} x {kept}>", kept)
    return x.to(kept)


def combined(form: Form, a: Vector, b: Vector) -> Vector:
    """Of two; a is what was kept."""
    if form.how == "sum":
        return a + b
    if form.how == "product":
        return a * b
    if form.compares:
        return INTRINSICS["where"](b > a if form.how == "max" else b < a, b, a)
    if a.is_float:
        return a.call(f"{form.how}num", b)
    return a.call(f"{'u' if form.unsigned else 's'}{form.how}", b)


def all_combined(form: Form, several: list[Vector]) -> Vector:
    """Of 2^n, by pairs."""
    while len(several) > 1:
        pairs = zip(several[::2], several[1::2], strict=True)
        several = [combined(form, a, b) for a, b in pairs]
    return several[0]


def carried(values: list[Vector]) -> list[tuple[str, str]]:
    """What a loop is told of them."""
    return [(v.type, v.value) for v in values]


def alike(values: list[Vector], results: list[str]) -> list[Vector]:
    """Vectors of the same types."""
    return [v.like(r) for v, r in zip(values, results, strict=True)]


def store(f: Function, form: Form, total: Vector, y: str, at: str | int, mask: str = "") -> None:
    """What comes after the sum; and into memory, of some lanes if there is a mask."""

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
    if form.compares:
        found = total.equals(nothing(f, form, total.lanes))
        bits = f.op(f"bitcast {found} to i{total.lanes}")
        with f.when(f.compare("ne", bits, 0, f"i{total.lanes}")):
            f.store("i8", 1, LOST)
    if not mask:
        f.store(stored.type, stored.value, y, at)
        return
    f.call(
        "void", f"llvm.masked.store.{_suffix(stored)}.p0", str(stored), f"ptr {f.at(y, at)}",
        "i32 1", mask,
    )  # fmt: skip
