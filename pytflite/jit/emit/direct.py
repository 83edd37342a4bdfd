"""Convolutions of few channels: windows are used where they lie, in lines copied into scratch.

    output[b, oy, ox, n] = epilogue(sum over ky, j of
        line[oy*stride_h + ky*dilation_h][ox*step + j] * weights[ky, j, n])

A first layer has so few channels that to gather its windows (gather.py) takes longer than to
multiply them. But the taps of a row of the filter lie side by side in a line of the picture, and
`rows` outputs side by side see that line at distances that the code knows. So one pointer serves
them all, and no table is needed:

       scratch: lines of the picture, with their padding        registers: rows x vectors of sums
      +---+------------------------------------+---+
      | 0 |  .  .  . [x  x  x] .  .  .  .      | 0 |    <- ky       out 0   out 1   out 2 ...
      | 0 |  .  .  . [x  x  x] .  .  .  .      | 0 |    <- ky
      | 0 |  .  .  . [x  x  x] .  .  .  .      | 0 |    <- ky
      +---+------------------------------------+---+
                      |step>|                           word j of output r is at r*step + j

A tile of work is `block` lines of outputs of an image; the lines that they see are copied once, and
changed on the way where integers must be (`gather.Form.change`). The last `rows` outputs of a line
end where it ends: some of them are computed twice, all of them are there.

A word is what one multiplication takes of x: a float, or a group of integers (dot.py), for which
the weights of a row of taps are made whole words by zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytflite.jit.emit import gather, gemm
from pytflite.jit.ir import Function, Value

# A kernel's slots are these and its own.
SLOTS = (
    "ptr x",
    "ptr weights",
    "ptr output",
    "i64 n",
    "i64 panel_bytes",  # of a packed panel
    "i64 image",  # bytes from image to image of x
    "i64 height",
    "i64 line",  # bytes of a line of the picture
    "i64 outputs_h",
    "i64 outputs_w",
    "i64 taps_h",
    "i64 run",  # words of a row of taps
    "i64 stride_h",
    "i64 dilation_h",
    "i64 top",  # lines above the picture that the first outputs see
    "i64 left",  # bytes of padding before a line, as they are in scratch
    "i64 skip",  # bytes of a line of the picture that no output sees, before those it sees ...
    "i64 seen",  # ... and how many these are
    "i64 right",  # bytes of padding behind a line, in scratch
    "i64 row",  # bytes from line to line in scratch
    "i64 output_image",  # bytes from image to image of the output, line to line, pixel to pixel
    "i64 output_line",
    "i64 output_pixel",
    "i64 block",  # lines of outputs of a tile
    "i64 blocks",  # tiles of an image
    "i64 fill",  # what padding is, as gather.py has it
)
# What micro takes before its own: the first window in scratch, the packed weights, the place of
# the first output, how many outputs the panel really has, bytes from row to row of taps.
_SHARED = "i64 taps_h", "i64 run", "i64 output_pixel"
MICRO = "ptr lines", "ptr panel", "ptr place", "i64 width", "i64 tap_line", *_SHARED


class Shape(NamedTuple):
    """What the code of `micro` fixes.

    Attributes:
        rows: outputs side by side that it computes at a time; no line of outputs is shorter.
        step: bytes from window to window, in scratch.
        unroll: words without a loop. whole: these are all of a row of taps.
    """

    rows: int
    step: int
    unroll: int
    whole: bool


class Form(NamedTuple):
    """What a kernel's code fixes.

    Attributes:
        shape: of `micro`.
        columns: outputs of a pixel that it computes at a time.
        item: bytes of an element of the output.
        copies: how lines are copied.
        extra: slots that micro takes besides, as "type name".
        meets: writes what else is to be known of an image: f, its number.
    """

    shape: Shape
    columns: int
    item: int
    copies: gather.Form
    extra: tuple[str, ...] = ()
    meets: Callable[[Function, str], None] | None = None


def convolution(f: Function, form: Form, *, last: bool) -> None:
    """Writes the loops into a kernel.

    Args:
        f: the kernel, whose slots are known by their names.
        form: what is fixed.
        last: there is a function @micro_last, for the last panel; @micro is for the others.
    """
    gather.prepare(f, form.copies)
    tap_line = f.mul("%row", "%dilation_h")
    panels = f.op(f"sdiv i64 {f.add('%n', form.columns - 1)}, {form.columns}")
    final = f.sub("%outputs_w", form.shape.rows)
    with f.loop("%begin", "%end") as tile:
        image = f.op(f"sdiv i64 {tile.index}, %blocks")
        first = f.mul(f.sub(tile.index, f.mul(image, "%blocks")), "%block")
        count = f.min(f.sub("%outputs_h", first), "%block")
        if form.meets is not None:
            form.meets(f, image)
        _bring(f, form, f.at("%x", f.mul(image, "%image")), first, count)
        output = f.at("%output", f.mul(image, "%output_image"))
        output = f.at(output, f.mul(first, "%output_line"))
        with f.loop(0, panels) as panel, f.loop(0, count) as line:
            seen = f.at("%scratch", f.mul(line.index, f.mul("%stride_h", "%row")))
            begin = f.mul(panel.index, form.columns)
            place = f.at(output, f.mul(line.index, "%output_line"))
            place = f.at(place, f.mul(begin, form.item))
            weights = f.at("%weights", f.mul(panel.index, "%panel_bytes"))
            width = f.min(f.sub("%n", begin), form.columns)
            with f.loop(0, "%outputs_w", form.shape.rows) as loop:
                ox = f.min(loop.index, final)
                names = (s.rpartition(" ") for s in (*_SHARED, *form.extra))
                arguments = (
                    f"ptr {f.at(seen, f.mul(ox, form.shape.step))}", f"ptr {weights}",
                    f"ptr {f.at(place, f.mul(ox, '%output_pixel'))}", f"i64 {width}",
                    f"i64 {tap_line}", *(f"{kind} %{name}" for kind, _, name in names),
                )  # fmt: skip
                gemm.call_micro(f, arguments, width, form.columns, last=last)


def _bring(f: Function, form: Form, picture: str, first: str, count: str) -> None:
    """Copies the lines that `count` lines of outputs see, from the first on, into scratch."""
    y = f.sub(f.mul(first, "%stride_h"), "%top")
    down = f.mul(f.sub(count, 1), "%stride_h")
    lines = f.add(f.add(down, f.mul(f.sub("%taps_h", 1), "%dilation_h")), 1)
    written = f.mul("%seen", form.copies.width)
    behind = f.add("%left", written)
    with f.loop(0, lines) as loop:
        to = f.at("%scratch", f.mul(loop.index, "%row"))
        here = f.add(y, loop.index)
        inside = f.compare("ult", here, "%height")
        with f.when(f.op(f"xor i1 {inside}, true")):
            gather.fill(f, to, f.add(behind, "%right"))
        with f.when(inside):
            source = f.at(f.at(picture, f.mul(here, "%line")), "%skip")
            gather.fill(f, to, "%left")
            f.call("void", "copy", f"ptr {f.at(to, '%left')}", f"ptr {source}", "i64 %seen")
            gather.fill(f, f.at(to, behind), "%right")


class Word(NamedTuple):
    """What a micro does with a word.

    Attributes:
        kind: LLVM's type of a vector of sums.
        size: bytes of a word of x; row: of the weights for a word.
        x: reads a word into all lanes; of an address and an offset.
        weights: reads the vectors of weights for a word; likewise.
        multiply: of x, weights and sums: sums.
    """

    kind: str
    size: int
    row: int
    x: Callable[[str, int], str]
    weights: Callable[[str, int], list[str]]
    multiply: Callable[[str, str, str], str]


def outputs(f: Function, number: Value) -> str:
    """In micro: where the outputs of a window go."""
    return f.at("%place", f.mul("%output_pixel", number))


def sums(f: Function, word: Word, shape: Shape, weights: str, first: list[str]) -> list[str]:
    """In micro: products of all taps added to the sums `first`, output by output."""
    start = ("ptr", "%lines"), ("ptr", weights)
    with f.loop(0, "%taps_h", 1, *start, *((word.kind, s) for s in first)) as taps:
        line, here, *own = taps.carried
        if shape.whole:
            after, more = _words(f, word, shape, line, here, own)
        else:
            start = ("ptr", line), ("ptr", here)
            carried = (*start, *((word.kind, s) for s in own))
            with f.loop(0, "%run", shape.unroll, *carried) as run:
                line_, here, *own = run.carried
                here, more = _words(f, word, shape, line_, here, own)
                run.carry(f.at(line_, word.size * shape.unroll), here, *more)
            _, after, *more = run.results
        taps.carry(f.at(line, "%tap_line"), after, *more)
    return taps.results[2:]


def _words(
    f: Function, word: Word, shape: Shape, line: str, weights: str, sums: list[str]
) -> tuple[str, list[str]]:  # fmt: skip
    """The products of some words of a line; where the weights go on, and the sums."""
    for j in range(shape.unroll):
        vectors = word.weights(weights, j * word.row)
        added: list[str] = []
        for r in range(shape.rows):
            x = word.x(line, r * shape.step + j * word.size)
            for w in vectors:
                added.append(word.multiply(x, w, sums[len(added)]))
        sums = added
    return f.at(weights, shape.unroll * word.row), sums
