"""The frame of every matrix product: which rows meet which columns, whatever the numbers are.

    output[m, n] = epilogue(sum over k of x[m, k] * weights[k, n])

                      panel: `columns` outputs, packed
                     +----+----+----+----+
                     | w  |    |    |    |      one tile of a kernel's work: a block of rows
         x           +----+----+----+----+      times a block of panels. Within it
        +--------+   +----+----+----+----+
        |  rows  | ->| r  |    |    |    |          for each panel
        +--------+   +----+                             for each `rows` rows
        |        |                                          micro(table, panel, output)
        +--------+
          block

so that a panel stays in the caches while the block's rows go by. `micro` keeps `rows` x `columns`
sums in registers while k runs. Rows are found through a table, made for each block: an entry
holds the address of the row of x and the offset of its outputs, in 8 bytes each. Entries past the
last row repeat it, so that micro may read `rows` rows always, and write as many: the same again.

Where rows are windows of a convolution, they are gathered into scratch first (gather.py). The
table begins at scratch, the gathered rows follow it, and packed panels, if any, come last.
A product may be many: stacked matrices and groups are "parts", whose offsets are in a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytflite.jit.emit import gather, turning
from pytflite.jit.ir import Function

# A kernel's slots are these, gather.SLOTS if it gathers, and its own.
SLOTS = (
    "ptr x",
    "ptr weights",
    "ptr output",
    "ptr parts",  # three 64-bit offsets in bytes a part: x, weights, output
    "i64 m",  # rows of a part
    "i64 n",  # outputs of a row
    "i64 k",  # products of an output
    "i64 x_row",  # bytes from row to row of x; of gathered or copied rows, in scratch
    "i64 output_row",  # bytes from row to row of the output
    "i64 panel_bytes",  # of a packed panel
    "i64 row_block",  # rows of a block, a multiple of `rows`
    "i64 row_blocks",  # how many there are
    "i64 panel_block",  # panels of a block
    "i64 panel_blocks",
)
ENTRY = 16  # bytes of an entry of the table
# What micro takes before its own: place is that of the first row's outputs less its offset in the
# table, count is of rows, width the outputs that the panel really has.
MICRO = ("ptr table", "ptr panel", "ptr place", "i64 count", "i64 width")


class Form(NamedTuple):
    """What a kernel's code fixes.

    Attributes:
        rows, columns: that `micro` computes at a time.
        item: bytes of an element of the output.
        gathers: rows are windows of a convolution, as gather.Form says; None: rows of a matrix.
        extra: slots that micro takes besides, as "type name".
        copies: rows of a matrix are copied into scratch, changed as gather.Form says; they must
            lie side by side.
        finds: writes what else is to be known of the rows: f, address of the first, count.
        turns: rows of x are columns of a matrix in memory, %x_source bytes from line to line; they
            are turned on their way into scratch, where lanes - 1 rows more must have room.
    """

    rows: int
    columns: int
    item: int
    gathers: gather.Form | None
    extra: tuple[str, ...] = ()
    copies: gather.Form | None = None
    finds: Callable[[Function, str, str], None] | None = None
    turns: bool = False


# Writes what makes a panel: f, part (i64), panel (i64) -> its address.
Panel = Callable[[Function, str, str], str]


def product(f: Function, form: Form, *, last: bool, panel: Panel | None = None) -> None:
    """Writes the loops into a kernel.

    Args:
        f: the kernel, whose slots are known by their names.
        form: what is fixed.
        last: there is a function @micro_last, for the last panel; @micro is for the others.
        panel: packs one in the run; None: weights are packed.
    """
    panels = _divided_up(f, "%n", form.columns)
    with f.loop("%begin", "%end", 1, ("i64", "-1")) as tiles:
        block = f.op(f"sdiv i64 {tiles.index}, %panel_blocks")
        part = f.op(f"sdiv i64 {block}, %row_blocks")
        first_row = f.mul(f.sub(block, f.mul(part, "%row_blocks")), "%row_block")
        count = f.min(f.sub("%m", first_row), "%row_block")
        with f.when(f.compare("ne", block, tiles.carried[0])):
            _fill_table(f, form, _offset(f, part, 0), first_row, count)
        tiles.carry(block)
        column = f.sub(tiles.index, f.mul(block, "%panel_blocks"))
        start = f.mul(column, "%panel_block")
        stop = f.min(f.add(start, "%panel_block"), panels)
        weights = f.at("%weights", _offset(f, part, 1))
        output = f.at("%output", _offset(f, part, 2))
        with f.loop(start, stop) as loop:
            here = (
                f.at(weights, f.mul(loop.index, "%panel_bytes"))
                if panel is None
                else panel(f, weights, loop.index)
            )
            begin = f.mul(loop.index, form.columns)
            width = f.min(f.sub("%n", begin), form.columns)
            place = f.at(output, f.mul(begin, form.item))
            _rows(f, form, here, place, count, width, last=last)


def _rows(
    f: Function, form: Form, panel: str, output: str, count: str, width: str, *, last: bool
) -> None:
    """All rows of a block times one panel."""
    names = [s.rpartition(" ") for s in form.extra]
    with f.loop(0, count, form.rows) as loop:
        table = f.at("%scratch", f.mul(loop.index, ENTRY))
        rows = f.min(f.sub(count, loop.index), form.rows)
        arguments = (
            f"ptr {table}", f"ptr {panel}", f"ptr {output}", f"i64 {rows}", f"i64 {width}",
            *(f"{kind} %{name}" for kind, _, name in names),
        )  # fmt: skip
        if not last:
            f.call("void", "micro", *arguments)
        else:
            whole = f.compare("eq", width, form.columns)
            with f.when(whole):
                f.call("void", "micro", *arguments)
            with f.when(f.op(f"xor i1 {whole}, true")):
                f.call("void", "micro_last", *arguments)


def _fill_table(f: Function, form: Form, offset: str, first: str, count: str) -> None:
    """Entries for the rows of a block, and up to the next multiple of `rows`."""
    x = f.at("%x", offset)
    if form.gathers is not None:
        x = gather.rows(f, form.gathers, x, first, count, table_bytes(f))
    else:
        x = _copied(f, form, x, first, count)
        with f.loop(0, count) as loop:
            place = f.mul(f.add(first, loop.index), "%output_row")
            f.store("i64", place, "%scratch", f.add(f.mul(loop.index, ENTRY), 8), 8)
    rounded = f.mul(_divided_up(f, count, form.rows), form.rows)
    final = f.sub(count, 1)
    with f.loop(0, rounded) as loop:
        row = f.at(x, f.mul(f.min(loop.index, final), "%x_row"))
        f.store("ptr", row, "%scratch", f.mul(loop.index, ENTRY), 8)
    place = f.load("i64", "%scratch", f.add(f.mul(final, ENTRY), 8), 8)
    with f.loop(count, rounded) as loop:
        f.store("i64", place, "%scratch", f.add(f.mul(loop.index, ENTRY), 8), 8)
    if form.finds is not None:
        form.finds(f, x, count)


def _copied(f: Function, form: Form, x: str, first: str, count: str) -> str:
    """Where the rows of a matrix from `first` on are."""
    if form.turns:
        place, source = f.at("%scratch", table_bytes(f)), f.at(x, f.mul(first, 4))
        turning.call_turn(f, place, "%x_row", source, "%x_source", "%k", count)
        return place
    if form.copies is None:
        return f.at(x, f.mul(first, "%x_row"))
    gather.copier(f, form.copies)
    row = f.op(f"sdiv exact i64 %x_row, {form.copies.width}")
    place = f.at("%scratch", table_bytes(f))
    source = f.at(x, f.mul(first, row))
    f.call("void", "copy", f"ptr {place}", f"ptr {source}", f"i64 {f.mul(count, row)}")
    return place


def table_bytes(f: Function) -> str:
    """Bytes of the table of rows."""
    return f.mul("%row_block", ENTRY)


def _offset(f: Function, part: str, number: int) -> str:
    """Of a part, the offset of x (0), weights (1) or output (2)."""
    return f.load("i64", "%parts", f.add(f.mul(part, 24), 8 * number), 8)


def _divided_up(f: Function, a: str, b: int) -> str:
    return f.op(f"sdiv i64 {f.add(a, b - 1)}, {b}")
