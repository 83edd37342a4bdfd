"""Windows of a convolution used where they lie, if all of a tile of registers are in the picture.

A window is some `segments`: runs of elements side by side, each at the same distance from the
window's first element, wherever that is. The taps of a row of the filter are one, or each tap is,
if they are dilated or see a group of the channels. So a row of x is its first address, and
offsets of segments that all rows share:

    x[m, s * run + j] = [address[m] + segments[s] + 4 * j]

Tiles with a window that sees padding are gathered (gather.py); their segments follow each other.
For each row of a block there is its address, for each tile the offsets that apply.
"""

from __future__ import annotations

from pytflite.jit.emit import gather
from pytflite.jit.ir import Function

SLOTS = (
    "ptr segments",  # 64-bit offsets: of segments in the picture, then of gathered ones
    "i64 segment_count",
    "i64 run",  # elements of a segment
)
# What micro takes for a tile besides.
MICRO = ("ptr offsets",)


def addresses(f: Function, tables: str) -> str:
    """The table of addresses: behind the places, 8 bytes a row, at `tables`."""
    return f.at(tables, f.mul("%row_block", 8))


def offsets(f: Function, tables: str) -> str:
    """The table of pointers to offsets, of which the first row of each tile has one."""
    return f.at(tables, f.mul("%row_block", 16))


def bring(
    f: Function, form: gather.Form, size: int, x: str, first: str, count: str, place: str,
    tables: str,
) -> None:  # fmt: skip
    """Finds rows first ... first + count, in tiles of `size`; gathers those that it must.

    Args:
        x: the input, with the group's channels first.
        place: where gathered rows go; each takes %x_row bytes.
        tables: where the tables begin: places of outputs first.
    """
    gather.prepare(f, form)
    found, chosen = addresses(f, tables), offsets(f, tables)
    gathered = f.at("%segments", f.mul("%segment_count", 8))
    start = tuple(("i64", value) for value in gather.output_of(f, first))
    with f.loop(0, count, size, *start) as tiles:
        stop = f.min(f.add(tiles.index, size), count)
        kept = tuple(("i64", value) for value in tiles.carried)
        with f.loop(tiles.index, stop, 1, *kept, ("i1", "true")) as loop:
            b, oy, ox, whole = loop.carried
            at = f.mul(loop.index, 8)
            address, inside = _window(f, x, b, oy, ox)
            f.store("ptr", address, found, at, 8)
            f.store("i64", gather.place_of(f, b, oy, ox), tables, at, 8)
            loop.carry(*gather.following(f, b, oy, ox), f.op(f"and i1 {whole}, {inside}"))
        *after, whole = loop.results
        pointer = f.select(whole, "ptr", "%segments", gathered)
        f.store("ptr", pointer, chosen, f.mul(tiles.index, 8), 8)
        with (
            f.when(f.op(f"xor i1 {whole}, true")),
            f.loop(tiles.index, stop, 1, *kept) as loop,
        ):
            to = f.at(place, f.mul(loop.index, "%x_row"))
            b, oy, ox = loop.carried
            gather.row(f, form, x, b, oy, ox, to)
            f.store("ptr", to, found, f.mul(loop.index, 8), 8)
            loop.carry(*gather.following(f, b, oy, ox))
        tiles.carry(*after)
    gather.repeat_last(f, found, count, size)
    gather.repeat_last(f, tables, count, size)


def _window(f: Function, x: str, b: str, oy: str, ox: str) -> tuple[str, str]:
    """The address where a window begins, and whether all of it is in the picture."""
    y = f.sub(f.mul(oy, "%stride_h"), "%top")
    left = f.sub(f.mul(ox, "%stride_w"), "%left")
    below = f.sub("%height", f.mul(f.sub("%taps_h", 1), "%dilation_h"))
    right = f.sub("%width", f.mul(f.sub("%taps_w", 1), "%dilation_w"))
    inside = f.op(
        f"and i1 {f.compare('ult', y, f.max(below, 0))}, {f.compare('ult', left, f.max(right, 0))}"
    )
    line = f.add(f.mul(f.add(f.mul(b, "%height"), y), "%width"), left)
    return f.at(x, f.mul(line, "%pixel")), inside
