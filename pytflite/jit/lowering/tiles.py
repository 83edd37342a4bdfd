"""Tiles of products in float32: of registers, and of the work that threads share."""

from __future__ import annotations

from typing import NamedTuple

from pytflite.jit.emit.bfloat16 import HEAD, LINE, STEP, TALL
from pytflite.jit.target import Target
from pytflite.model.graph import Array

_ITEM = 4
# Registers and bytes of each -> vectors of a panel's row, and rows with as many sums.
_TILES = {(32, 64): (2, 14), (16, 32): (2, 6), (32, 16): (4, 6), (16, 16): (2, 4)}
_FEW = {(32, 64): 14, (16, 32): 12, (32, 16): 24, (16, 16): 8}  # rows of one vector each
_MOST_CHAINS = 8
_CHAINS = 16  # sums that have to be under way at once
_FIRST = 1 << 14  # bytes of weights that stay in the first-level cache
_NEAR = 1 << 17  # bytes of rows beside which weights stay in the second-level cache ...
_WIDE = 1 << 19  # ... and of rows if the weights leave it anyway ...
_WIDEST = 1 << 20  # ... and if they come from memory, and should do so once
_LARGE = 1 << 21  # bytes of such weights
_WORK = 1 << 22  # products of a tile
_READ = 1 << 18  # weights of a tile
# Parts of bfloat16 for a precision; and the least m, k and n of products that they make faster:
# splitting x into three costs as much as FMA takes for 16 outputs of it.
_SPLITS = {"float32": 3, "high": 2, "medium": 1}
_LEAST = {3: (24, 96, 48), 2: (16, 32, 32), 1: (16, 16, 16)}
_SPLIT_NEAR = 1 << 18  # bytes of split rows beside which weights stay in the second-level cache ...
_SPLIT_WIDE = 1 << 20  # ... and if as many bytes of weights leave it anyway
_SHARING = 4  # panels for which rows are worth splitting, at least: threads split for themselves
_SHARES = 8  # blocks of rows, where threads had better share these; tiles, where they can
_SMALL = 1 << 14  # weights that are not worth it


class Product(NamedTuple):
    """parts x [m, k] times [k, n].

    Attributes:
        x_row, output_row: bytes from row to row.
        x_part, output_part: bytes from part to part.
        offsets: of x, weights and output in bytes, for each part: if they do not follow one
            another so.
        splits: parts of bfloat16 into which numbers are split for AMX's tiles; 0: they are not.
    """

    m: int
    n: int
    k: int
    x_row: int
    output_row: int
    parts: int = 1
    x_part: int = 0
    output_part: int = 0
    offsets: Array | None = None
    splits: int = 0

    @property
    def steps(self) -> int:
        """Lines of AMX's tiles, of split numbers."""
        return -(-self.k // STEP)

    def panel_bytes(self, columns: int) -> int:
        """Of a packed panel."""
        if self.splits:
            return HEAD + columns * (_ITEM + LINE * self.steps * self.splits)
        return (1 + self.k) * columns * _ITEM


class Tile(NamedTuple):
    """The tile of registers for one product, and how its blocks are cut."""

    rows: int
    vectors: int
    columns: int
    tail: int
    masked: bool
    chains: int
    row_block: int
    panel_block: int


def columns_of(target: Target, n: int) -> int:
    """Columns of a panel: fixed by n alone, so that packed weights serve any m."""
    return vectors_of(target, n) * target.lanes


def vectors_of(target: Target, n: int) -> int:
    """Vectors of a row of a panel."""
    most, _ = _TILES[target.registers, target.vector]
    return min(most, max(1, -(-n // target.lanes)))


def splits_of(target: Target, precision: str, m: int, k: int, n: int) -> int:
    """Into how many parts of bfloat16 numbers are split, to be multiplied in AMX's tiles.

    0: not at all, FMA multiplies them: there are no tiles, or the product is too small for them.
    """
    if target.dot != "amx":
        return 0
    splits = _SPLITS[precision]
    pays = all(size >= least for size, least in zip((m, k, n), _LEAST[splits], strict=True))
    return splits if pays else 0


def chains_of(target: Target, rows: int, vectors: int, most: int, enough: int) -> int:
    """Sums of an output, so that `enough` are under way at once, if registers hold them.

    Besides the sums they hold a row of weights, a number of x, and a product.
    """
    sums, chains = rows * vectors, 1
    room = target.registers - vectors - 2
    while chains < most and sums * chains < enough and 2 * sums * chains <= room:
        chains *= 2
    return chains


def rounding_of(target: Target, precision: str, m: int, k: int, n: int) -> tuple[int, int]:
    """Splits and chains: products of which this is equal round alike, whatever their m."""
    rows, vectors = _sums_of(target, m, n)
    chains = chains_of(target, rows, vectors, _MOST_CHAINS, _CHAINS)
    return splits_of(target, precision, m, k, n), chains


def _sums_of(target: Target, m: int, n: int) -> tuple[int, int]:
    """Rows and vectors of the tile of registers."""
    kind, vectors = (target.registers, target.vector), vectors_of(target, n)
    most = _FEW[kind] if vectors == 1 else _TILES[kind][1] * _TILES[kind][0] // vectors
    return _even(m, most), vectors


def tile_of(target: Target, p: Product) -> Tile:
    """What suits the sizes."""
    if p.splits:
        return _amx_tile_of(target, p)
    rows, vectors = _sums_of(target, p.m, p.n)
    columns = vectors * target.lanes
    chains = chains_of(target, rows, vectors, _MOST_CHAINS, _CHAINS)
    block = _row_block(p, rows, columns)
    panel, count = max(1, p.k * columns), -(-p.n // columns)
    panels = max(1, min(_WORK // (block * panel), _READ // panel, shared_panels(p, block, count)))
    left = p.n - (count - 1) * columns
    return Tile(
        rows, vectors, columns, -(-left // target.lanes), bool(p.n % target.lanes), chains,
        block, _even(count, panels),
    )  # fmt: skip


def _amx_tile_of(target: Target, p: Product) -> Tile:
    """The tile of AMX's tiles, whose rows are split block by block."""
    columns, rows = columns_of(target, p.n), TALL
    count = -(-p.n // columns)
    weights = count * p.panel_bytes(columns)
    budget = _SPLIT_WIDE if weights > _SPLIT_WIDE else _SPLIT_NEAR
    block = max(rows, budget // (p.steps * p.splits * LINE))
    block = -(-_even(p.m, block) // rows) * rows
    panels = max(_SHARING, 2 * _WORK // (block * p.k * columns))
    left = p.n - (count - 1) * columns
    return Tile(
        rows, columns // target.lanes, columns, -(-left // target.lanes),
        bool(p.n % target.lanes), 1, block, _even(count, panels),
    )  # fmt: skip


def _row_block(p: Product, rows: int, columns: int) -> int:
    """Rows of a block. Few weights stay near, so that outputs are better written row by row."""
    weights = p.n * p.k * _ITEM
    if weights <= _FIRST and p.n > columns and p.n % columns == 0:
        return rows
    budget = _NEAR if weights <= _WIDE else _WIDE if weights <= _LARGE else _WIDEST
    work = (2 * _WORK if weights > _LARGE else _WORK) // max(1, p.k * min(columns, p.n))
    block = min(max(rows, min(budget // max(p.x_row, 1), work)), shared_rows(p, rows, _ITEM))
    return -(-_even(p.m, block) // rows) * rows


def shared_rows(p: Product, rows: int, item: int) -> int:
    """Rows of a block at most, so that threads share the larger part of what is read.

    A thread reads of the rows what it wrote itself a step ago, if threads share rows: others come
    slowly, out of the other core's cache. Of the weights it then reads all.

    Args:
        rows: of the tile of registers.
        item: bytes of a number.
    """
    if p.n * p.k * item > 2 * p.m * (p.x_row + p.output_row):
        return p.m
    tiles = -(-p.m // rows)
    return -(-tiles // _SHARES) * rows


def shared_panels(p: Product, block: int, panels: int) -> int:
    """Panels of a tile at most, so that threads find tiles enough; panels: of all columns."""
    if p.n * p.k < _SMALL:
        return panels
    return panels * p.parts * -(-p.m // max(block, 1)) // _SHARES


def _even(size: int, most: int) -> int:
    """Size of the fewest parts of about equal size, none above `most`."""
    parts = -(-size // max(1, most))
    return -(-size // parts) if parts else 1
