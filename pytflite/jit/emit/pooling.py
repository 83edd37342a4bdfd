"""One value for each window of an image: the greatest, the mean, or the root of the mean square.

    y[n, i, j, c] = max or mean over the taps (a, b) inside x of
                    x[n, i * stride_h - top + a, j * stride_w - left + b, c]

x: [n, h, w, c], y: [n, oh, ow, c]. A tile is a row of y. A vector holds neighbouring channels of a
pixel; it stays in a register while the taps of its window go by. The last vector begins so early
that it ends with the last channel (some are then computed twice); where there are many channels,
four vectors go together, and where there are fewer than lanes, vectors are narrower.

Integers are summed in 32 bits, or in 16 if there are few; their mean is a quotient of float32
rounded half away from zero, which is exact while sums are below 2^22. A quotient is what division
gives, from a product:

    q = total * share, share = 1 / count           mean = q + (total - count * q) * share

each rounded once (Markstein, "Computation of elementary functions on the IBM RISC System/6000
processor", 1990). Where CPUs do not multiply and add at once, it is divided.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.requantize import is_fused
from pytflite.jit.ir import Function, Module, float_constant
from pytflite.jit.target import Target

SLOTS = (
    "ptr x", "ptr y", "i64 h", "i64 w", "i64 c", "i64 oh", "i64 ow", "i64 filter_h",
    "i64 filter_w", "i64 stride_h", "i64 stride_w", "i64 top", "i64 left",
)  # fmt: skip
_NARROW = 16, 4, 1  # lanes of vectors where there are few channels
_MANY = 4  # vectors that go together
_LEAST = {"float32": float_constant(float("-inf")), "int8": "-128", "uint8": "0", "int16": "-32768"}


class Form(NamedTuple):
    """What is pooled, and how.

    Attributes:
        dtype: of x and y.
        element, size: LLVM's type of an element, and its bytes.
        mean: the mean, or else the greatest.
        squares: the root of the mean of squares; of floats.
        clamps: whether results are brought between %low and %high.
        short: sums of integers have 16 bits.
        divides: means by division.
        taps_h, taps_w: of every window, all of them inside x, if they are known and few; else 0.
    """

    dtype: str
    element: str
    size: int
    mean: bool
    squares: bool
    clamps: bool
    short: bool
    divides: bool
    taps_h: int
    taps_w: int

    @property
    def is_float(self) -> bool:
        """Whether elements are float32."""
        return self.dtype == "float32"

    @property
    def total(self) -> str:
        """Type of what is kept while the taps go by."""
        if not self.mean or self.is_float:
            return self.element
        return "i16" if self.short else "i32"

    @property
    def bytes(self) -> int:
        """Of such a number."""
        return {"float": 4, "i32": 4, "i16": 2, "i8": 1}[self.total]


def pool(
    module: Module, target: Target, dtype: str, mean: bool, squares: bool, clamps: bool,
    short: bool, taps_h: int, taps_w: int,
) -> None:  # fmt: skip
    """Slots: SLOTS, then low and high (float32, or int64 for integers)."""
    element, size = {"float32": ("float", 4), "int16": ("i16", 2)}.get(dtype, ("i8", 1))
    divides = not is_fused(target)
    form = Form(dtype, element, size, mean, squares, clamps, short, divides, taps_h, taps_w)
    bound = "float" if form.is_float else "i64"
    f = module.kernel(*SLOTS, f"{bound} low", f"{bound} high")
    lanes = target.vector // form.bytes
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
            window = _spanning(f, form, image, y, rows, columns)
            many = f.op(f"and i64 %c, -{_MANY * lanes}")
            with f.loop(0, many, _MANY * lanes) as block:
                _window(f, form, window, block.index, _MANY * lanes)
            widest = "9223372036854775807"
            for width in (lanes, *(w for w in _NARROW if w < lanes)):
                last = f.sub("%c", width)
                fits, new = f.compare("sge", last, 0), f.compare("slt", "%c", widest)
                with f.when(f.op(f"and i1 {fits}, {new}")), f.loop(many, "%c", width) as block:
                    _window(f, form, window, f.min(block.index, last), width)
                widest = str(width)


class Window(NamedTuple):
    """One window: the image, where its result goes, and the rows and columns it spans.

    Attributes:
        taps, share: of means, how many taps are inside, and its inverse, as floats.
    """

    image: str
    y: str
    rows: tuple[str, str]
    columns: tuple[str, str]
    taps: str = ""
    share: str = ""


def _spanning(
    f: Function, form: Form, image: str, y: str, rows: tuple[str, str], columns: tuple[str, str]
) -> Window:
    window = Window(image, y, rows, columns)
    if not form.mean:
        return window
    (top, bottom), (left, right) = rows, columns
    taps = f.op(f"sitofp i64 {f.mul(f.sub(bottom, top), f.sub(right, left))} to float")
    share = f.op(f"fdiv float {float_constant(1.0)}, {taps}")
    return window._replace(taps=taps, share=share)


def _window(f: Function, form: Form, window: Window, channel: str, lanes: int) -> None:
    """All taps of one window, for channels side by side."""
    total, size = f"<{lanes} x {form.total}>", form.size
    first = "zeroinitializer" if form.mean else f"splat ({form.element} {_LEAST[form.dtype]})"
    result = (_known if form.taps_h else _seen)(f, form, window, channel, lanes, first)
    if form.mean:
        result = _mean(f, form, window, result, lanes)
    if form.squares:
        result = f.call(total, f"llvm.sqrt.v{lanes}f32", f"{total} {result}")
    if form.clamps:
        result = _clamped(f, form, result, lanes)
    f.store(f"<{lanes} x {form.element}>", result, window.y, f.mul(channel, size))


def _seen(
    f: Function, form: Form, window: Window, channel: str, lanes: int, first: str
) -> str:  # fmt: skip
    """What becomes of `first` when the taps that are inside have gone by."""
    total, across = f"<{lanes} x {form.total}>", f.mul("%c", form.size)
    with f.loop(*window.rows, 1, (total, first)) as row:
        line = f.at(window.image, f.mul(f.mul(row.index, "%w"), across))
        with f.loop(*window.columns, 1, (total, row.carried[0])) as column:
            at = f.add(f.mul(column.index, across), f.mul(channel, form.size))
            value = f.load(f"<{lanes} x {form.element}>", line, at)
            column.carry(_combine(f, form, column.carried[0], value, lanes))
        row.carry(column.results[0])
    return row.results[0]


def _known(
    f: Function, form: Form, window: Window, channel: str, lanes: int, first: str
) -> str:  # fmt: skip
    """The same for taps that the code knows."""
    across = f.mul("%c", form.size)
    down = f.mul("%w", across)
    line = f.at(window.image, f.mul(window.rows[0], down))
    line = f.at(line, f.add(f.mul(window.columns[0], across), f.mul(channel, form.size)))
    for _ in range(form.taps_h):
        tap = line
        for _ in range(form.taps_w):
            value = f.load(f"<{lanes} x {form.element}>", tap)
            first = _combine(f, form, first, value, lanes)
            tap = f.at(tap, across)
        line = f.at(line, down)
    return first


def _combine(f: Function, form: Form, so_far: str, value: str, lanes: int) -> str:
    kind = f"<{lanes} x {form.element}>"
    if form.squares:
        value = f.op(f"fmul {kind} {value}, {value}")
    if form.is_float and form.mean:
        return f.op(f"fadd {kind} {so_far}, {value}")
    if form.is_float:  # NaN never wins
        more = f.op(f"fcmp ogt {kind} {value}, {so_far}")
        return f.op(f"select <{lanes} x i1> {more}, {kind} {value}, {kind} {so_far}")
    if form.mean:
        extend = "zext" if form.dtype == "uint8" else "sext"
        wide = f.op(f"{extend} {kind} {value} to <{lanes} x {form.total}>")
        return f.op(f"add <{lanes} x {form.total}> {so_far}, {wide}")
    how = "llvm.umax" if form.dtype == "uint8" else "llvm.smax"
    return f.call(kind, f"{how}.v{lanes}{form.element}", f"{kind} {so_far}", f"{kind} {value}")


def _mean(f: Function, form: Form, window: Window, total: str, lanes: int) -> str:
    """The sum divided by the number of taps inside."""
    floats, integers = f"<{lanes} x float>", f"<{lanes} x i32>"
    if form.is_float:
        return _quotient(f, form, window, total, lanes)
    total = f.op(f"sitofp <{lanes} x {form.total}> {total} to {floats}")
    quotient = _quotient(f, form, window, total, lanes)
    half = f"{floats} splat (float {float_constant(0.5)})"
    half = f.call(floats, f"llvm.copysign.v{lanes}f32", half, f"{floats} {quotient}")
    mean = f.op(f"fptosi {floats} {f.op(f'fadd {floats} {quotient}, {half}')} to {integers}")
    return f.op(f"trunc {integers} {mean} to <{lanes} x {form.element}>")


def _quotient(f: Function, form: Form, window: Window, total: str, lanes: int) -> str:
    kind = f"<{lanes} x float>"
    count, share = (f.splat("float", lanes, v) for v in (window.taps, window.share))
    if form.divides:
        return f.op(f"fdiv {kind} {total}, {count}")
    near = f.op(f"fmul {kind} {total}, {share}")
    name = f"llvm.fma.v{lanes}f32"
    minus = f.op(f"fneg {kind} {near}")
    rest = f.call(kind, name, f"{kind} {minus}", f"{kind} {count}", f"{kind} {total}")
    mean = f.call(kind, name, f"{kind} {rest}", f"{kind} {share}", f"{kind} {near}")
    if not form.is_float:
        return mean
    size = f.call(kind, f"llvm.fabs.v{lanes}f32", f"{kind} {near}")
    infinite = f"splat (float {float_constant(float('inf'))})"
    number = f.op(f"fcmp olt {kind} {size}, {infinite}")
    return f.op(f"select <{lanes} x i1> {number}, {kind} {mean}, {kind} {near}")


def _clamped(f: Function, form: Form, x: str, lanes: int) -> str:
    kind, element = f"<{lanes} x {form.element}>", form.element
    order = "fcmp o" if form.is_float else "icmp u" if form.dtype == "uint8" else "icmp s"
    for name, sign in (("low", "lt"), ("high", "gt")):
        bound = f"%{name}"
        if not form.is_float:
            bound = f.op(f"trunc i64 {bound} to {element}")
        bound = f.splat(element, lanes, bound)
        beyond = f.op(f"{order}{sign} {kind} {x}, {bound}")
        x = f.op(f"select <{lanes} x i1> {beyond}, {kind} {bound}, {kind} {x}")
    return x
