"""Rows of a convolution: the windows of its outputs, copied one after another into scratch.

    row[(ky * taps_w + kx) * bytes + c] = x[b, oy*stride_h - top + ky*dilation_h,
                                            ox*stride_w - left + kx*dilation_w, c]

with `fill` outside the picture. Output m is (b, oy, ox), counted as the output lies. Sizes are in
bytes, so that it serves all types. Without dilation along the width, and with one group, the taps
of a row of the filter lie side by side in x: they are copied as one run.

Bytes may be changed on the way (`Form.change`): made unsigned, or widened to 16 bits.

Copies write whole vectors and so up to one vector past their end, into what is written next: the
scratch must have PAST bytes behind the last row. They read nothing outside of x.
"""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.ir import Function, Value
from pytflite.jit.target import Target

# Of windows over a picture.
WINDOW = (
    "i64 outputs_h",
    "i64 outputs_w",
    "i64 taps_h",
    "i64 taps_w",
    "i64 stride_h",
    "i64 stride_w",
    "i64 dilation_h",
    "i64 dilation_w",
    "i64 top",
    "i64 left",
)
SLOTS = (
    "i64 height",
    "i64 width",  # of the input
    *WINDOW,
    "i64 pixel",  # bytes from pixel to pixel of the input
    "i64 tap",  # bytes of a tap: of a group's channels
    "i64 output_image",  # bytes from image to image of the output, from row to row, pixel to pixel
    "i64 output_line",
    "i64 output_pixel",
    "i64 fill",  # a byte (of 16 bits, where bytes are widened)
)
PAST = 64


class Form(NamedTuple):
    """What the code fixes.

    Attributes:
        target: whose vectors are used.
        runs: the taps along the width lie side by side.
        words: sizes of taps are multiples of four bytes.
        change: "" for none; "sign": the first bit of each byte is turned; "wide",
            "wide_unsigned": bytes become numbers of 16 bits, with or without their sign.
        short: how many vectors such a run of taps is, if they are few: where a window lies inside
            the picture, they are copied without a loop; 0: any number. Needs words, or the masks
            of AVX-512.
    """

    target: Target
    runs: bool
    words: bool
    change: str = ""
    short: int = 0

    @property
    def width(self) -> int:
        """Bytes that are written for each that is read."""
        return 2 if self.change.startswith("wide") else 1


def rows(f: Function, form: Form, x: str, first: str, count: str, place: str, places: str) -> None:
    """Gathers rows first ... first + count, and says where their outputs go.

    Args:
        x: the input, with the group's channels first.
        place: where the rows begin; each takes %x_row bytes.
        places: of 64-bit offsets, one for each row's outputs.
    """
    prepare(f, form)
    start = tuple(("i64", value) for value in output_of(f, first))
    with f.loop(0, count, 1, *start) as loop:
        b, oy, ox = loop.carried
        row(f, form, x, b, oy, ox, f.at(place, f.mul(loop.index, "%x_row")))
        f.store("i64", place_of(f, b, oy, ox), places, f.mul(loop.index, 8), 8)
        loop.carry(*following(f, b, oy, ox))


def prepare(f: Function, form: Form) -> None:
    """Writes the functions that `row` calls."""
    copier(f, form)
    filler(f, form)


def output_of(f: Function, number: str) -> tuple[str, str, str]:
    """The output (b, oy, ox) of this number."""
    image = f.mul("%outputs_h", "%outputs_w")
    b = f.op(f"sdiv i64 {number}, {image}")
    rest = f.sub(number, f.mul(b, image))
    oy = f.op(f"sdiv i64 {rest}, %outputs_w")
    return b, oy, f.sub(rest, f.mul(oy, "%outputs_w"))


def following(f: Function, b: str, oy: str, ox: str) -> tuple[str, str, str]:
    """The output after (b, oy, ox)."""
    ox = f.add(ox, 1)
    wraps = f.compare("eq", ox, "%outputs_w")
    ox = f.select(wraps, "i64", 0, ox)
    oy = f.add(oy, f.op(f"zext i1 {wraps} to i64"))
    wraps = f.compare("eq", oy, "%outputs_h")
    return f.add(b, f.op(f"zext i1 {wraps} to i64")), f.select(wraps, "i64", 0, oy), ox


def place_of(f: Function, b: str, oy: str, ox: str) -> str:
    """Where an output goes, in bytes from the first."""
    place = f.add(f.mul(b, "%output_image"), f.mul(oy, "%output_line"))
    return f.add(place, f.mul(ox, "%output_pixel"))


def repeat_last(f: Function, table: str, count: str, size: int, together: int = 1) -> None:
    """Repeats the last of `count` words until they are a multiple of `size`.

    Args:
        together: 2 repeats the last two, or the last one if it begins a pair.
    """
    final = f.sub(count, 1)
    begin = f.op(f"and i64 {final}, {-together}")
    rounded = f.mul(f.op(f"sdiv i64 {f.add(count, size - 1)}, {size}"), size)
    with f.loop(count, rounded) as loop:
        number = f.add(begin, f.op(f"and i64 {loop.index}, {together - 1}"))
        held = f.load("i64", table, f.mul(f.min(number, final), 8), 8)
        f.store("i64", held, table, f.mul(loop.index, 8), 8)


def row(f: Function, form: Form, x: str, b: str, oy: str, ox: str, to: str) -> None:
    """The window of one output."""
    picture = f.at(x, f.mul(f.mul(f.mul(b, "%height"), "%width"), "%pixel"))
    y = f.sub(f.mul(oy, "%stride_h"), "%top")
    x = f.sub(f.mul(ox, "%stride_w"), "%left")
    if not form.runs:
        _lines(f, form, picture, y, x, to)
        return
    below = f.max(f.sub("%height", f.mul(f.sub("%taps_h", 1), "%dilation_h")), 0)
    right = f.max(f.add(f.sub("%width", "%taps_w"), 1), 0)
    inside = f.op(f"and i1 {f.compare('ult', y, below)}, {f.compare('ult', x, right)}")
    with f.when(inside):
        _inside(f, form, picture, y, x, to)
    with f.when(f.op(f"xor i1 {inside}, true")):
        _lines(f, form, picture, y, x, to)


def _inside(f: Function, form: Form, picture: str, y: str, x: str, to: str) -> None:
    """A window that sees no padding: a run of each line of the picture."""
    line = f.mul("%width", "%pixel")
    source = f.at(picture, f.add(f.mul(y, line), f.mul(x, "%pixel")))
    step, size = f.mul(line, "%dilation_h"), f.mul("%taps_w", "%tap")
    item = 4 if form.words else 1
    lanes, element = form.target.vector // (item * form.width), f"i{8 * item}"
    last = (form.short - 1) * lanes * item
    left = f.op(f"sdiv exact i64 {f.sub(size, last)}, {item}")
    mask = _mask(f, lanes, element, left) if form.short else ""
    with f.loop(0, "%taps_h", 1, ("ptr", source), ("ptr", to)) as loop:
        seen, place = loop.carried
        if form.short:
            kind = f"<{lanes} x {element}>"
            for at in range(0, last, lanes * item):
                _move(f, form, f.load(kind, seen, at), lanes, at, element, place)
            loaded = _load_masked(f, lanes, item, mask, f.at(seen, last))
            _move(f, form, loaded, lanes, last, element, place)
        else:
            f.call("void", "copy", f"ptr {place}", f"ptr {seen}", f"i64 {size}")
        loop.carry(f.at(seen, step), f.at(place, f.mul(size, form.width)))


def _lines(f: Function, form: Form, picture: str, y: str, x: str, to: str) -> None:
    """A window any part of which may be padding."""
    line_bytes = f.mul(f.mul("%taps_w", "%tap"), form.width)
    with f.loop(0, "%taps_h") as loop:
        line = f.at(to, f.mul(loop.index, line_bytes))
        iy = f.add(y, f.mul(loop.index, "%dilation_h"))
        inside = f.compare("ult", iy, "%height")
        with f.when(f.op(f"xor i1 {inside}, true")):
            fill(f, line, line_bytes)
        with f.when(inside):
            source = f.at(picture, f.mul(f.mul(iy, "%width"), "%pixel"))
            if form.runs:
                _run(f, form, source, x, line)
            else:
                _taps(f, form, source, x, line)


def _run(f: Function, form: Form, source: str, x: str, to: str) -> None:
    """A row of the filter: what is left of the picture, in it, and right of it."""
    written = f.mul("%tap", form.width)
    before = f.min(f.max(f.sub(0, x), 0), "%taps_w")
    stop = f.max(f.min(f.sub("%width", x), "%taps_w"), before)
    with f.when(f.compare("sgt", before, 0)):
        fill(f, to, f.mul(before, written))
    at = f.at(to, f.mul(before, written))
    seen = f.at(source, f.mul(f.add(x, before), "%pixel"))
    f.call("void", "copy", f"ptr {at}", f"ptr {seen}", f"i64 {f.mul(f.sub(stop, before), '%tap')}")
    with f.when(f.compare("slt", stop, "%taps_w")):
        fill(f, f.at(to, f.mul(stop, written)), f.mul(f.sub("%taps_w", stop), written))


def _taps(f: Function, form: Form, source: str, x: str, to: str) -> None:
    """A row of the filter, tap by tap."""
    written = f.mul("%tap", form.width)
    with f.loop(0, "%taps_w") as loop:
        ix = f.add(x, f.mul(loop.index, "%dilation_w"))
        at = f.at(to, f.mul(loop.index, written))
        inside = f.compare("ult", ix, "%width")
        with f.when(f.op(f"xor i1 {inside}, true")):
            fill(f, at, written)
        with f.when(inside):
            seen = f.at(source, f.mul(ix, "%pixel"))
            f.call("void", "copy", f"ptr {at}", f"ptr {seen}", "i64 %tap")


def fill(f: Function, to: str, size: Value) -> None:
    """Padding: may write up to one vector past the end."""
    f.call("void", "fill", f"ptr {to}", f"i64 {size}", "i64 %fill")


def filler(outer: Function, form: Form) -> None:
    """@fill(to, size, value): whole vectors, so up to one past the end."""
    f = outer.module.function("fill", "ptr to", "i64 size", "i64 value")
    element, lanes = f"i{8 * form.width}", form.target.vector // form.width
    value = f.splat(element, lanes, f.op(f"trunc i64 %value to {element}"))
    with f.loop(0, "%size", form.target.vector) as loop:
        f.store(f"<{lanes} x {element}>", value, "%to", loop.index)


def copier(outer: Function, form: Form) -> None:
    """@copy(to, from, size): may write up to one vector past the end, reads no byte past it."""
    f = outer.module.function("copy", "ptr to", "ptr from", "i64 size")
    wide = form.target.vector // form.width
    whole = f.op(f"and i64 %size, -{wide}")
    with f.loop(0, whole, wide) as loop:
        _move(f, form, f.load(f"<{wide} x i8>", "%from", loop.index), wide, loop.index)
    at = whole
    if form.words and not form.change and wide > 16:
        _copy_masked(f, form, wide // 4, 4, at)
        return
    if form.target.vector == 64:
        _copy_masked(f, form, wide, 1, at)
        return
    part = wide // 2
    while part:
        there = f.op(f"and i64 %size, {part}")
        with f.when(f.compare("ne", there, 0)):
            _move(f, form, f.load(f"<{part} x i8>", "%from", at), part, at)
        at = f.add(at, there)
        part //= 2


def _move(
    f: Function, form: Form, x: str, lanes: int, at: Value, element: str = "i8", to: str = "%to"
) -> None:  # fmt: skip
    """Writes what was read from `at` on, changed."""
    kind = f"<{lanes} x {element}>"
    if form.change == "sign":
        x = f.op(f"xor {kind} {x}, splat (i8 -128)")
    if form.width == 2:
        extend = "zext" if form.change == "wide_unsigned" else "sext"
        x = f.op(f"{extend} {kind} {x} to <{lanes} x i16>")
        kind, at = f"<{lanes} x i16>", f.mul(at, 2)
    f.store(kind, x, to, at)


def _copy_masked(f: Function, form: Form, lanes: int, item: int, at: str) -> None:
    """What is left, in elements of `item` bytes, by a load under a mask."""
    element = f"i{8 * item}"
    with f.when(f.compare("slt", at, "%size")):
        left = f.op(f"sdiv exact i64 {f.sub('%size', at)}, {item}")
        mask = _mask(f, lanes, element, left)
        loaded = _load_masked(f, lanes, item, mask, f.at("%from", at))
        _move(f, form, loaded, lanes, at, element)


def _mask(f: Function, lanes: int, element: str, count: str) -> str:
    """The first lanes, `count` of them, which must fit the element."""
    numbers = ", ".join(f"{element} {n}" for n in range(lanes))
    limit = f.splat(element, lanes, f.op(f"trunc i64 {count} to {element}"))
    return f.op(f"icmp slt <{lanes} x {element}> <{numbers}>, {limit}")


def _load_masked(f: Function, lanes: int, item: int, mask: str, pointer: str) -> str:
    """The lanes of the mask; touches no other memory."""
    kind = f"<{lanes} x i{8 * item}>"
    return f.call(
        kind, f"llvm.masked.load.v{lanes}i{8 * item}.p0", f"ptr {pointer}", f"i32 {item}",
        f"<{lanes} x i1> {mask}", f"{kind} zeroinitializer",
    )  # fmt: skip
