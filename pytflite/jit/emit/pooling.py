"""One value for each window of an image: the greatest, or the mean.

    y[n, i, j, c] = max or mean over the taps (a, b) inside x of
                    x[n, i * stride_h - top + a, j * stride_w - left + b, c]

x: [n, h, w, c], y: [n, oh, ow, c]. A tile is a row of y. A vector holds neighbouring channels of a
pixel; it stays in a register while the taps of its window go by. The last vector begins so early
that it ends with the last channel (some are then computed twice); where there are fewer channels
than lanes, vectors are narrower.

Integers are summed in 32 bits; their mean is a quotient of float32 rounded half away from zero,
which is exact while sums are below 2^22.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.ir import Function, Module, float_constant
from pytflite.jit.target import Target

SLOTS = (
    "ptr x", "ptr y", "i64 h", "i64 w", "i64 c", "i64 oh", "i64 ow", "i64 filter_h",
    "i64 filter_w", "i64 stride_h", "i64 stride_w", "i64 top", "i64 left",
)  # fmt: skip
_NARROW = 16, 4, 1  # lanes of vectors where there are few channels
_LEAST = {"float32": float_constant(float("-inf")), "int8": "-128", "uint8": "0", "int16": "-32768"}


class Form(NamedTuple):
    """What is pooled, and how.

    Attributes:
        dtype: of x and y.
        element, size: LLVM's type of an element, and its bytes.
        mean: the mean, or else the greatest.
        clamps: whether results are brought between %low and %high.
    """

    dtype: str
    element: str
    size: int
    mean: bool
    clamps: bool

    @property
    def is_float(self) -> bool:
        """Whether elements are float32."""
        return self.dtype == "float32"

    @property
    def total(self) -> str:
        """Type of what is kept while the taps go by."""
        return "i32" if self.mean and not self.is_float else self.element


def pool(module: Module, target: Target, dtype: str, mean: bool, clamps: bool) -> None:
    """Slots: SLOTS, then low and high (float32, or int64 for integers)."""
    element, size = {"float32": ("float", 4), "int16": ("i16", 2)}.get(dtype, ("i8", 1))
    form = Form(dtype, element, size, mean, clamps)
    bound = "float" if form.is_float else "i64"
    f = module.kernel(*SLOTS, f"{bound} low", f"{bound} high")
    lanes = target.vector // (4 if form.total in ("i32", "float") else size)
    with f.loop("%begin", "%end") as tile:
        n = f.op(f"udiv i64 {tile.index}, %oh")
        i = f.sub(tile.index, f.mul(n, "%oh"))
        top = f.sub(f.mul(i, "%stride_h"), "%top")
        rows = f.max(top, 0), f.min(f.add(top, "%filter_h"), "%h")
        image = f.at("%x", f.mul(f.mul(n, "%h"), f.mul(f.mul("%w", "%c"), size)))
        with f.loop(0, "%ow") as column:
            left = f.sub(f.mul(column.index, "%stride_w"), "%left")
            columns = f.max(left, 0), f.min(f.add(left, "%filter_w"), "%w")
            pixel = f.add(f.mul(tile.index, "%ow"), column.index)
            y = f.at("%y", f.mul(pixel, f.mul("%c", size)))
            window = Window(image, y, rows, columns)
            widest = "9223372036854775807"
            for width in (lanes, *(w for w in _NARROW if w < lanes)):
                last = f.sub("%c", width)
                fits, new = f.compare("sge", last, 0), f.compare("slt", "%c", widest)
                with f.when(f.op(f"and i1 {fits}, {new}")), f.loop(0, "%c", width) as block:
                    _window(f, form, window, f.min(block.index, last), width)
                widest = str(width)


class Window(NamedTuple):
    """One window: the image, where its result goes, and the rows and columns it spans."""

    image: str
    y: str
    rows: tuple[str, str]
    columns: tuple[str, str]


def _window(f: Function, form: Form, window: Window, channel: str, lanes: int) -> None:
    """All taps of one window, for channels side by side."""
    total, size = f"<{lanes} x {form.total}>", form.size
    first = "zeroinitializer" if form.mean else f"splat ({form.element} {_LEAST[form.dtype]})"
    across = f.mul("%c", size)
    with f.loop(*window.rows, 1, (total, first)) as row:
        line = f.at(window.image, f.mul(f.mul(row.index, "%w"), across))
        with f.loop(*window.columns, 1, (total, row.carried[0])) as column:
            at = f.add(f.mul(column.index, across), f.mul(channel, size))
            value = f.load(f"<{lanes} x {form.element}>", line, at)
            column.carry(_combine(f, form, column.carried[0], value, lanes))
        row.carry(column.results[0])
    result = row.results[0]
    if form.mean:
        result = _mean(f, form, window, result, lanes)
    if form.clamps:
        result = _clamped(f, form, result, lanes)
    if form.total != form.element:
        result = f.op(f"trunc {total} {result} to <{lanes} x {form.element}>")
    f.store(f"<{lanes} x {form.element}>", result, window.y, f.mul(channel, size))


def _combine(f: Function, form: Form, so_far: str, value: str, lanes: int) -> str:
    kind = f"<{lanes} x {form.element}>"
    if form.is_float and form.mean:
        return f.op(f"fadd {kind} {so_far}, {value}")
    if form.is_float:  # NaN never wins
        more = f.op(f"fcmp ogt {kind} {value}, {so_far}")
        return f.op(f"select <{lanes} x i1> {more}, {kind} {value}, {kind} {so_far}")
    if form.mean:
        extend = "zext" if form.dtype == "uint8" else "sext"
        wide = f.op(f"{extend} {kind} {value} to <{lanes} x i32>")
        return f.op(f"add <{lanes} x i32> {so_far}, {wide}")
    how = "llvm.umax" if form.dtype == "uint8" else "llvm.smax"
    return f.call(kind, f"{how}.v{lanes}{form.element}", f"{kind} {so_far}", f"{kind} {value}")


def _mean(f: Function, form: Form, window: Window, total: str, lanes: int) -> str:
    """The sum divided by the number of taps inside."""
    (top, bottom), (left, right) = window.rows, window.columns
    taps = f.mul(f.sub(bottom, top), f.sub(right, left))
    count = f.splat("float", lanes, f.op(f"sitofp i64 {taps} to float"))
    floats, integers = f"<{lanes} x float>", f"<{lanes} x i32>"
    if form.is_float:
        return f.op(f"fdiv {floats} {total}, {count}")
    quotient = f.op(f"fdiv {floats} {f.op(f'sitofp {integers} {total} to {floats}')}, {count}")
    half = f"{floats} splat (float {float_constant(0.5)})"
    half = f.call(floats, f"llvm.copysign.v{lanes}f32", half, f"{floats} {quotient}")
    return f.op(f"fptosi {floats} {f.op(f'fadd {floats} {quotient}, {half}')} to {integers}")


def _clamped(f: Function, form: Form, x: str, lanes: int) -> str:
    kind, element = f"<{lanes} x {form.total}>", form.total
    for name, sign in (("low", "lt"), ("high", "gt")):
        bound = f"%{name}"
        if not form.is_float:
            bound = f.op(f"trunc i64 {bound} to {element}")
        bound = f.splat(element, lanes, bound)
        how = f"fcmp o{sign}" if form.is_float else f"icmp {'u' if _unsigned(form) else 's'}{sign}"
        beyond = f.op(f"{how} {kind} {x}, {bound}")
        x = f.op(f"select <{lanes} x i1> {beyond}, {kind} {bound}, {kind} {x}")
    return x


def _unsigned(form: Form) -> bool:
    return form.dtype == "uint8" and not form.mean
