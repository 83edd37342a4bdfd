"""Panels of int16 made in the run, of a matrix that no constant holds (gemm_int16.py).

    [constants, columns]   copied
    high [k / group, columns, group], low [k / group, columns, group]        y = 256 * high + low

A panel is made in scratch when its turn comes, and used for a block of rows. What is past k, or
past the width of the last panel, is zero.
"""

from __future__ import annotations

from pytflite.jit.emit import gemm
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

SLOTS = (
    "ptr constants",  # of any panel
    "i64 depth",  # k in numbers
    "i64 weights_row",  # bytes from line to line of the matrix
    "i64 panel_place",  # where in scratch the panel is made
)


def packer(
    module: Module, target: Target, vectors: int, constants: int, *, turned: bool
) -> gemm.Panel:  # fmt: skip
    """What gemm.product calls to have a panel; constants: rows of them."""
    columns = vectors * target.lanes

    def panel(f: Function, weights: str, number: str) -> str:
        begin = f.mul(number, columns)
        width = f.min(f.sub("%n", begin), columns)
        to = f.at("%scratch", "%panel_place")
        source = f.at(weights, f.mul(begin, "%weights_row" if turned else 2))
        head = 4 * columns * constants
        with f.loop(0, head, 8) as loop:
            f.store("i64", f.load("i64", "%constants", loop.index), to, loop.index)
        f.call(
            "void", "pack", f"ptr {f.at(to, head)}", f"ptr {source}", f"i64 {width}", "i64 %k",
            "i64 %depth", "i64 %weights_row",
        )  # fmt: skip
        return to

    _write(module, target, columns, turned=turned)
    return panel


def _write(module: Module, target: Target, columns: int, *, turned: bool) -> None:
    """Writes @pack(to, from, width, groups, depth, row): word by word."""
    f = module.function(
        "pack", "ptr to", "ptr from", "i64 width", "i64 groups", "i64 depth", "i64 row"
    )  # fmt: skip
    dot = dot_of(target)
    zero = f.op("alloca i16, align 8")
    f.store("i16", 0, zero, 0, 8)
    low = f.at("%to", f.mul("%groups", columns * dot.word))
    with f.loop(0, "%groups") as group, f.loop(0, columns) as column:
        word = f.mul(f.add(f.mul(group.index, columns), column.index), dot.word)
        there = f.compare("slt", column.index, "%width")
        for part in range(dot.group):
            k = f.add(f.mul(group.index, dot.group), part)
            line, place = (column.index, k) if turned else (k, column.index)
            source = f.at("%from", f.add(f.mul(line, "%row"), f.mul(place, 2)))
            inside = f.op(f"and i1 {there}, {f.compare('slt', k, '%depth')}")
            y = f.op(f"sext i16 {f.load('i16', f.select(inside, 'ptr', source, zero))} to i32")
            high = f.op(f"ashr i32 {f.op(f'add i32 {y}, 128')}, 8")
            rest = f.op(f"sub i32 {y}, {f.op(f'shl i32 {high}, 8')}")
            for to, value in (("%to", high), (low, rest)):
                f.store("i16", f.op(f"trunc i32 {value} to i16"), to, f.add(word, 2 * part))
