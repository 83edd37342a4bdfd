"""Windows of a convolution used where they lie: for each tile of registers, where its rows are.

A window is some segments, runs of elements side by side. A table has, for each tile of a block, of
each segment the addresses for all rows of the tile:

    x[m, s * run + j] = [table[m // rows, s, m % rows] + 4 * j]

    all windows of the tile in the picture   a segment is what the filter sees of a line, or one
                                             tap, if these are dilated or see a group of channels
    a window sees padding, `taps`            each tap is a segment; zeros are what lies outside
    a window sees padding, few channels      windows are gathered (gather.py), in the same segments

Rows of the last tile that do not exist are as the last one.
"""

from __future__ import annotations

from pytflite.jit.emit import gather
from pytflite.jit.ir import Function

SLOTS = (
    "ptr segments",  # 64-bit offsets: of segments in the picture, then of gathered ones
    "i64 segment_count",
    "i64 run",  # elements of a segment
    "i64 most",  # segments for which the table has room
    "ptr zeros",  # as many as a tap has elements
)
# What micro takes for a tile besides.
MICRO = ("i64 segment_count", "i64 run")
ENTRY = 40  # bytes of the tables for a row of a block; the table of segments comes behind them
# What they are, 8 bytes a row each. A tile has but one flag: whether it is in the picture.
_PLACE, _ADDRESS, _Y, _X, _FLAG = range(5)


def tile(f: Function, tables: str, first: str, *, taps: bool) -> tuple[str, str, str]:
    """Of the tile of which this is the first row: its part of the table, segments, and run."""
    starts = f.at(_segments(f, tables), f.mul(f.mul(first, "%most"), 8))
    if not taps:
        return starts, "%segment_count", "%run"
    inside = f.compare("ne", f.load("i64", _column(f, tables, _FLAG), f.mul(first, 8), 8), 0)
    count = f.select(inside, "i64", "%segment_count", f.mul("%taps_h", "%taps_w"))
    return starts, count, f.select(inside, "i64", "%run", f.op("lshr i64 %tap, 2"))


def bring(
    f: Function, form: gather.Form, size: int, x: str, first: str, count: str, place: str,
    tables: str, *, taps: bool,
) -> None:  # fmt: skip
    """Finds rows first ... first + count, in tiles of `size`.

    Args:
        x: the input, with the group's channels first.
        place: where gathered rows go; each takes %x_row bytes.
        tables: where the tables begin: places of outputs first.
        taps: no rows are gathered.
    """
    if not taps:
        gather.prepare(f, form)
    start = tuple(("i64", value) for value in gather.output_of(f, first))
    with f.loop(0, count, size, *start) as tiles:
        stop = f.min(f.add(tiles.index, size), count)
        kept = tuple(("i64", value) for value in tiles.carried)
        with f.loop(tiles.index, stop, 1, *kept, ("i1", "true")) as loop:
            b, oy, ox, whole = loop.carried
            inside = _window(f, x, b, oy, ox, tables, loop.index)
            _put(f, tables, _PLACE, loop.index, gather.place_of(f, b, oy, ox))
            loop.carry(*gather.following(f, b, oy, ox), f.op(f"and i1 {whole}, {inside}"))
        *after, whole = loop.results
        outside = f.op(f"xor i1 {whole}, true")
        _put(f, tables, _FLAG, tiles.index, f.op(f"zext i1 {whole} to i64"))
        if not taps:
            with f.when(outside), f.loop(tiles.index, stop, 1, *kept) as loop:
                to = f.at(place, f.mul(loop.index, "%x_row"))
                b, oy, ox = loop.carried
                gather.row(f, form, x, b, oy, ox, to)
                _put(f, tables, _ADDRESS, loop.index, f.op(f"ptrtoint ptr {to} to i64"))
                loop.carry(*gather.following(f, b, oy, ox))
        _repeat(f, tables, stop, f.add(tiles.index, size))
        starts, *_ = tile(f, tables, tiles.index, taps=False)
        rows = _Rows(f, tables, tiles.index, size)
        if taps:
            with f.when(whole):
                rows.as_they_lie("%segments", starts)
            with f.when(outside):
                rows.by_taps(starts)
        else:
            gathered = f.at("%segments", f.mul("%segment_count", 8))
            rows.as_they_lie(f.select(whole, "ptr", "%segments", gathered), starts)
        tiles.carry(*after)


class _Rows:
    """The rows of a tile, as vectors of 64-bit integers."""

    def __init__(self, f: Function, tables: str, first: str, size: int) -> None:
        self.f = f
        self.size = size
        self.type = f"<{size} x i64>"
        at = f.mul(first, 8)
        self.address, self.y, self.x = (
            f.load(self.type, _column(f, tables, column), at, 8) for column in (_ADDRESS, _Y, _X)
        )

    def as_they_lie(self, offsets: str, to: str) -> None:
        """The same offsets for all."""
        f = self.f
        with f.loop(0, "%segment_count") as loop:
            offset = f.load("i64", offsets, f.mul(loop.index, 8), 8)
            self._store(self._add(self.address, offset), to, loop.index)

    def by_taps(self, to: str) -> None:
        """Tap by tap, which may lie outside."""
        f = self.f
        line = f.mul("%width", "%pixel")
        zeros = self._splat(f.op("ptrtoint ptr %zeros to i64"))
        with f.loop(0, "%taps_h") as rows:
            down = f.mul(rows.index, "%dilation_h")
            in_height = self._within(self._add(self.y, down), "%height")
            address = self._add(self.address, f.mul(down, line))
            with f.loop(0, "%taps_w") as columns:
                right = f.mul(columns.index, "%dilation_w")
                inside = self._within(self._add(self.x, right), "%width")
                inside = f.op(f"and <{self.size} x i1> {inside}, {in_height}")
                seen = self._add(address, f.mul(right, "%pixel"))
                lanes = f"<{self.size} x i1> {inside}", f"{self.type} {seen}"
                chosen = f.op(f"select {', '.join(lanes)}, {self.type} {zeros}")
                number = f.add(f.mul(rows.index, "%taps_w"), columns.index)
                self._store(chosen, to, number)

    def _splat(self, value: str) -> str:
        return self.f.splat("i64", self.size, value)

    def _add(self, a: str, b: str) -> str:
        return self.f.op(f"add {self.type} {a}, {self._splat(b)}")

    def _within(self, a: str, size: str) -> str:
        return self.f.op(f"icmp ult {self.type} {a}, {self._splat(size)}")

    def _store(self, value: str, to: str, segment: str) -> None:
        self.f.store(self.type, value, to, self.f.mul(segment, 8 * self.size), 8)


def _column(f: Function, tables: str, number: int) -> str:
    return f.at(tables, f.mul("%row_block", 8 * number))


def _segments(f: Function, tables: str) -> str:
    return f.at(tables, f.mul("%row_block", ENTRY))


def _put(f: Function, tables: str, column: int, row: str, value: str) -> None:
    f.store("i64", value, _column(f, tables, column), f.mul(row, 8), 8)


def _repeat(f: Function, tables: str, stop: str, end: str) -> None:
    """Has rows from `stop` on be as the one before."""
    last = f.mul(f.sub(stop, 1), 8)
    columns = [_column(f, tables, number) for number in (_PLACE, _ADDRESS, _Y, _X)]
    held = [f.load("i64", column, last, 8) for column in columns]
    with f.loop(stop, end) as loop:
        for column, value in zip(columns, held, strict=True):
            f.store("i64", value, column, f.mul(loop.index, 8), 8)


def _window(f: Function, x: str, b: str, oy: str, ox: str, tables: str, row: str) -> str:
    """Notes where a window begins; whether all of it is in the picture."""
    y = f.sub(f.mul(oy, "%stride_h"), "%top")
    left = f.sub(f.mul(ox, "%stride_w"), "%left")
    below = f.sub("%height", f.mul(f.sub("%taps_h", 1), "%dilation_h"))
    right = f.sub("%width", f.mul(f.sub("%taps_w", 1), "%dilation_w"))
    line = f.add(f.mul(f.add(f.mul(b, "%height"), y), "%width"), left)
    address = f.op(f"ptrtoint ptr {f.at(x, f.mul(line, '%pixel'))} to i64")
    for column, value in (_ADDRESS, address), (_Y, y), (_X, left):
        _put(f, tables, column, row, value)
    return f.op(
        f"and i1 {f.compare('ult', y, f.max(below, 0))}, {f.compare('ult', left, f.max(right, 0))}"
    )
