"""The frame of every matrix product: which rows meet which columns, whatever the numbers are.

    output[m, n] = epilogue(sum over k of x[m, k] * weights[k, n])

                      panel: `columns` outputs, packed
                     +----+----+----+----+
                     | w  |    |    |    |      one tile of a kernel's work: a block of rows
         x           +----+----+----+----+      times a block of panels. Within it
        +--------+   +----+----+----+----+
        |  rows  | ->| r  |    |    |    |          for each panel
        +--------+   +----+                             for each `rows` rows
        |        |                                          micro(rows, panel, output)
        +--------+
          block

so that a panel stays in the caches while the block's rows go by. `micro` keeps `rows` x `columns`
sums in registers while k runs. It finds rows at %block + starts[r], and puts outputs at
%place + places[r]. Of the last rows of x there may be fewer than `rows`: then the tables repeat
the last one, so that micro may read and write `rows` rows always; `count` of them are different.

Where rows are windows of a convolution, they are used where they lie (windows.py), or gathered into
scratch first (gather.py). Scratch begins with the tables: starts and places of `rows` rows that
follow each other; the same of the last rows of x; places of all rows of a block of windows, and
what windows.py has of them. Gathered rows and packed panels follow.
Weights of a large model come from memory in each run: micro may fetch the next panel meanwhile.
A product may be many: stacked matrices and groups are "parts", whose offsets are in a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytflite.jit.emit import gather, pairs, turning, windows
from pytflite.jit.ir import Function, Value

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
# After SLOTS and gather's: bytes of the next panel to fetch for each k; weights of the product that
# comes next.
AHEAD = ("i64 ahead", "ptr after")
LINE = 64  # bytes that are fetched at once
ENTRY = 56  # bytes of the tables for a row of a block
DIRECT_ENTRY = 32 + windows.ENTRY  # where windows are used directly; segments come to it
# What micro takes before its own; width: the outputs that the panel really has.
MICRO = (
    "ptr starts", "ptr block", "ptr places", "ptr panel", "ptr place", "i64 count", "i64 width"
)  # fmt: skip
MICRO_AHEAD = ("ptr next", "i64 ahead")
NUMBER = ("i64 first",)  # of micro's first row, in the block


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
        direct: windows are used where they lie if they can be (windows.py); micro gets
            windows.MICRO besides, last.
        taps: so are those that see padding, tap by tap.
        turns: rows of x are columns of a matrix in memory, %x_source bytes from line to line; they
            are turned on their way into scratch, where lanes - 1 rows more must have room.
        makes: writes rows into scratch by itself: f, address of x of the part, place, first row,
            count.
        meets: writes what else is to be known of a part: f, its number.
        numbers: micro gets NUMBER besides, last of all.
        ahead: micro gets MICRO_AHEAD after `extra`: its slice of the next panel, which it is to
            fetch into the second-level cache while it computes. Weights mostly come from memory.
        pairs: rows, an even number, are put in pairs as pairs.py says, after all else.
    """

    rows: int
    columns: int
    item: int
    gathers: gather.Form | None
    extra: tuple[str, ...] = ()
    copies: gather.Form | None = None
    finds: Callable[[Function, str, str], None] | None = None
    turns: bool = False
    direct: bool = False
    taps: bool = False
    makes: Callable[[Function, str, str, str, str], None] | None = None
    meets: Callable[[Function, str], None] | None = None
    numbers: bool = False
    ahead: bool = False
    pairs: bool = False

    @property
    def takes(self) -> tuple[str, ...]:
        """The parameters of micro."""
        ahead, direct = MICRO_AHEAD * self.ahead, windows.MICRO * self.direct
        return (*MICRO, *self.extra, *ahead, *direct, *NUMBER * self.numbers)


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
    _tables(f, form)
    with f.loop("%begin", "%end", 1, ("i64", "-1")) as tiles:
        block = f.op(f"sdiv i64 {tiles.index}, %panel_blocks")
        part = f.op(f"sdiv i64 {block}, %row_blocks")
        first_row = f.mul(f.sub(block, f.mul(part, "%row_blocks")), "%row_block")
        count = f.min(f.sub("%m", first_row), "%row_block")
        rows = _block(f, form, part, first_row)
        if form.meets is not None:
            form.meets(f, part)
        with f.when(f.compare("ne", block, tiles.carried[0])):
            _bring(f, form, part, first_row, count)
        tiles.carry(block)
        column = f.sub(tiles.index, f.mul(block, "%panel_blocks"))
        start = f.mul(column, "%panel_block")
        stop = f.min(f.add(start, "%panel_block"), panels)
        weights = f.at("%weights", _offset(f, part, 1))
        output = f.at("%output", _offset(f, part, 2))
        if form.gathers is None:
            output = f.at(output, f.mul(first_row, "%output_row"))
        with f.loop(start, stop) as loop:
            here = (
                f.at(weights, f.mul(loop.index, "%panel_bytes"))
                if panel is None
                else panel(f, weights, loop.index)
            )
            begin = f.mul(loop.index, form.columns)
            width = f.min(f.sub("%n", begin), form.columns)
            place = f.at(output, f.mul(begin, form.item))
            following = weights
            if form.ahead:  # behind the last panel the next block begins anew, or another product
                ends = f.compare("sge", f.add(begin, form.columns), "%n")
                done = f.compare("sge", f.add(first_row, count), "%m")
                other = f.select(done, "ptr", "%after", weights)
                following = f.select(ends, "ptr", other, f.at(here, "%panel_bytes"))
            _rows(f, form, rows, (here, following), place, count, width, last=last)


def row(f: Function, number: int) -> str:
    """In micro: where a row of x begins."""
    return f.at("%block", f.load("i64", "%starts", 8 * number, 8))


def segment(f: Function, number: str, row: int, rows: int) -> str:
    """In micro, of windows that are used directly: where a segment of one begins."""
    return f.load("ptr", f.at("%starts", f.mul(number, 8 * rows)), 8 * row, 8)


def outputs(f: Function, number: Value) -> str:
    """In micro: where the outputs of a row go."""
    at = 8 * number if isinstance(number, int) else f.mul(number, 8)
    return f.at("%place", f.load("i64", "%places", at, 8))


def fetch(f: Function, pointer: str, level: int = 2) -> None:
    """Asks for the line of memory, to be read, wherever that may be; into a level of the caches."""
    f.call("void", "llvm.prefetch.p0", f"ptr {pointer}", "i32 0", f"i32 {4 - level}", "i32 1")


def fetch_next(f: Function, k: str, most: int = LINE) -> None:
    """In micro, if it has MICRO_AHEAD: asks for what goes with this k; at most so many bytes."""
    place = f.at("%next", f.mul(k, "%ahead"))
    for at in range(0, most, LINE):
        fetch(f, f.at(place, at))


def _rows(
    f: Function, form: Form, block: str, panels: tuple[str, str], output: str, count: str,
    width: str, *, last: bool,
) -> None:  # fmt: skip
    """All rows of a block times one panel; panels: that one, and the next."""
    panel, following = panels
    names = [s.rpartition(" ") for s in form.extra]
    with f.loop(0, count, form.rows) as loop:
        rows = f.min(f.sub(count, loop.index), form.rows)
        whole = f.compare("eq", rows, form.rows)
        starts = f.select(whole, "ptr", "%scratch", f.at("%scratch", 16 * form.rows))
        here = f.at(block, f.mul(loop.index, "%x_row"))
        if form.gathers is None:
            places = f.at(starts, 8 * form.rows)
            place = f.at(output, f.mul(loop.index, "%output_row"))
        else:
            places, place = f.at(place_table(f, form), f.mul(loop.index, 8)), output
        tile: tuple[str, ...] = ()
        if form.ahead:
            number = f.op(f"udiv i64 {loop.index}, {form.rows}")
            part = f.at(following, f.mul(number, f.mul("%k", "%ahead")))
            tile = f"ptr {part}", "i64 %ahead"
        if form.direct:
            tables = place_table(f, form)
            starts, segments, run = windows.tile(f, tables, loop.index, taps=form.taps)
            tile += f"i64 {segments}", f"i64 {run}"
        tile += (f"i64 {loop.index}",) * form.numbers
        arguments = (
            f"ptr {starts}", f"ptr {here}", f"ptr {places}", f"ptr {panel}", f"ptr {place}",
            f"i64 {rows}", f"i64 {width}", *(f"{kind} %{name}" for kind, _, name in names),
            *tile,
        )  # fmt: skip
        call_micro(f, arguments, width, form.columns, last=last)


def call_micro(
    f: Function, arguments: tuple[str, ...], width: str, columns: int, *, last: bool
) -> None:  # fmt: skip
    """Calls @micro; or @micro_last, if there is such and the panel has not all its columns."""
    if not last:
        f.call("void", "micro", *arguments)
        return
    whole = f.compare("eq", width, columns)
    with f.when(whole):
        f.call("void", "micro", *arguments)
    with f.when(f.op(f"xor i1 {whole}, true")):
        f.call("void", "micro_last", *arguments)


def _tables(f: Function, form: Form) -> None:
    """Starts and places of rows that follow each other, and of the last ones."""
    final = f.op(f"srem i64 {f.sub('%m', 1)}, %row_block")
    final = f.op(f"srem i64 {final}, {form.rows}")
    for number in range(form.rows):
        there = _last(f, form, final, number)
        for table, row, output in ((0, number, number), (2, there, f.min(final, there))):
            at = 8 * (table * form.rows + number)
            f.store("i64", f.mul("%x_row", row), "%scratch", at, 8)
            f.store("i64", f.mul("%output_row", output), "%scratch", at + 8 * form.rows, 8)


def _last(f: Function, form: Form, final: str, number: int) -> str:
    """Which row is the one of this number of the last ones: the final one, or its pair, again."""
    if not form.pairs:
        return f.min(final, number)
    return f.add(f.min(f.op(f"and i64 {final}, -2"), number & -2), number & 1)


def place_table(f: Function, form: Form) -> str:
    """The table of places of a block of windows."""
    return f.at("%scratch", 32 * form.rows)


def _block(f: Function, form: Form, part: str, first: str) -> str:
    """Where the rows of a block are: in x, or in scratch."""
    if not (form.gathers or form.copies or form.turns or form.makes):
        return f.at(f.at("%x", _offset(f, part, 0)), f.mul(first, "%x_row"))
    if form.direct:
        size = f.mul("%row_block", f.add(f.mul("%most", 8), DIRECT_ENTRY))
        return f.at("%scratch", f.op(f"and i64 {f.add(size, 63)}, -64"))
    return f.at("%scratch", table_bytes(f))


def _bring(f: Function, form: Form, part: str, first: str, count: str) -> None:
    """Brings the rows of a block into scratch, unless they are used as they are."""
    x, place = f.at("%x", _offset(f, part, 0)), _block(f, form, part, first)
    if form.gathers is not None and form.direct:
        tables = place_table(f, form)
        windows.bring(f, form.gathers, form.rows, x, first, count, place, tables, taps=form.taps)
    elif form.gathers is not None:
        places = place_table(f, form)
        gather.rows(f, form.gathers, x, first, count, place, places)
        gather.repeat_last(f, places, count, form.rows, 1 + form.pairs)
    elif form.turns:
        source = f.at(x, f.mul(first, 4))
        turning.call_turn(f, place, "%x_row", source, "%x_source", "%k", count)
    elif form.copies is not None and form.pairs:
        source = f.at(x, f.mul(first, "%x_row"))
        pairs.bring(f, place, count, source, change=bool(form.copies.change))
        return
    elif form.copies is not None:
        gather.copier(f, form.copies)
        size = f.op(f"sdiv exact i64 %x_row, {form.copies.width}")
        source = f.at(x, f.mul(first, size))
        f.call("void", "copy", f"ptr {place}", f"ptr {source}", f"i64 {f.mul(count, size)}")
    elif form.makes is not None:
        form.makes(f, x, place, first, count)
    if form.finds is not None:
        form.finds(f, place, count)
    if form.pairs:
        pairs.pair(f, place, count)


def table_bytes(f: Function) -> str:
    """Bytes of the tables."""
    return f.mul("%row_block", ENTRY)


def _offset(f: Function, part: str, number: int) -> str:
    """Of a part, the offset of x (0), weights (1) or output (2)."""
    return f.load("i64", "%parts", f.add(f.mul(part, 24), 8 * number), 8)


def _divided_up(f: Function, a: str, b: int) -> str:
    return f.op(f"sdiv i64 {f.add(a, b - 1)}, {b}")
