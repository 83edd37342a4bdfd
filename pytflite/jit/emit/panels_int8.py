"""Panels of int8 made in the run, of matrices that no constant holds (gemm_int8.py, gemm_int16.py).

    [constants, columns]                copied, but for the bias
    [k / group, columns, group]         numbers of y, as dot.py wants them: zero past k
    bias[n] += factor * (sum over k of y[k, n]) + plus

A kernel of its own makes all panels before the product begins, so that every row block finds them.
A tile is one panel. Lines of y [k, n] are dealt out to each other: bytes of two lines by turns are
numbers of 16 bits, and so on until a number is a group. Of y [n, k] groups are copied one by one.
Columns past the width of the last panel hold anything: nothing is computed of them that is kept.
"""

from __future__ import annotations

from pytflite.jit.emit import requantize
from pytflite.jit.emit.dot import dot_of, load_weights, multiply_add, operand
from pytflite.jit.emit.gemm_int16 import in_words
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

SLOTS = (
    "ptr to",
    "ptr from",
    "ptr constants",  # of any panel
    "i64 panels",  # of a matrix
    "i64 n",
    "i64 depth",  # k in numbers
    "i64 groups",  # of a panel
    "i64 row",  # bytes from line to line of a matrix
    "i64 matrix",  # bytes from matrix to matrix
    "i64 panel_bytes",
    "i64 factor",
    "i64 plus",
)
_PACK = "ptr to", "ptr from", "i64 width", "i64 groups", "i64 depth", "i64 row"


def pack(
    module: Module, target: Target, *, vectors: int, tail: int, rounding: str, turned: bool,
    words: bool,
) -> None:  # fmt: skip
    """All panels of some matrices.

    Args:
        vectors: of a panel; tail: that the last one uses.
        rounding: whose constants they are, as requantize.rows has them.
        turned: matrices are [n, k].
        words: numbers become 16 bits wide, for gemm_int16.py; columns stand in their order, and
            the bias is left as it is.
    """
    target = in_words(target) if words else target
    write = _turned if turned else _plain
    dealt = [requantize.interleaves(target, used) and not words for used in (vectors, tail)]
    write(module, target, "pack", vectors, dealt=dealt[0])
    if dealt[1] != dealt[0]:
        write(module, target, "pack_last", vectors, dealt=dealt[1])
    f = module.kernel(*SLOTS)
    columns, names = vectors * target.lanes, requantize.rows(rounding)
    head = 4 * columns * len(names)
    with f.loop("%begin", "%end") as tile:
        part = f.op(f"sdiv i64 {tile.index}, %panels")
        begin = f.mul(f.sub(tile.index, f.mul(part, "%panels")), columns)
        width = f.min(f.sub("%n", begin), columns)
        source = f.at("%from", f.mul(part, "%matrix"))
        source = f.at(source, f.mul(begin, "%row") if turned else begin)
        to = f.at("%to", f.mul(tile.index, "%panel_bytes"))
        with f.loop(0, head, 8) as loop:
            f.store("i64", f.load("i64", "%constants", loop.index), to, loop.index)
        numbers = f.at(to, head)
        arguments = (
            f"ptr {numbers}", f"ptr {source}", f"i64 {width}", "i64 %groups", "i64 %depth",
            "i64 %row",
        )  # fmt: skip
        if dealt[1] == dealt[0]:
            f.call("void", "pack", *arguments)
        else:
            last = f.compare("sge", f.add(begin, columns), "%n")
            with f.when(last):
                f.call("void", "pack_last", *arguments)
            with f.when(f.op(f"xor i1 {last}, true")):
                f.call("void", "pack", *arguments)
        if not words:
            bias = f.at(to, 4 * columns * names.index("bias"))
            _add_sums(f, target, vectors, numbers, bias)


def _plain(module: Module, target: Target, name: str, vectors: int, *, dealt: bool) -> None:
    """Writes a function that packs lines of k."""
    f = module.function(name, *_PACK)
    dot, columns = dot_of(target), vectors * target.lanes
    lines = Lines(f, target, columns)
    with f.loop(0, "%groups") as group:
        first = f.mul(group.index, dot.group)
        rows = [lines.load(f.add(first, part), part) for part in range(dot.group)]
        bits = 8 * dot.width
        if dot.width > 1:
            rows = [f.op(f"sext <{columns} x i8> {r} to <{columns} x i{bits}>") for r in rows]
        by_turns = [n // 2 + columns * (n % 2) for n in range(2 * columns)]
        while len(rows) > 1:
            kind, wider = f"<{columns} x i{bits}>", f"<{columns} x i{2 * bits}>"
            both = [
                _shuffled(f, kind, a, b, by_turns)
                for a, b in zip(rows[::2], rows[1::2], strict=True)
            ]
            rows = [f.op(f"bitcast <{2 * columns} x i{bits}> {r} to {wider}") for r in both]
            bits *= 2
        kind, (packed,) = f"<{columns} x i{bits}>", rows
        if dealt:
            order = [requantize.column(target, vectors, place) for place in range(columns)]
            packed = _shuffled(f, kind, packed, "poison", order)
        f.store(kind, packed, f.at("%to", f.mul(group.index, columns * dot.word)))


def _shuffled(f: Function, kind: str, a: str, b: str, order: list[int]) -> str:
    mask = ", ".join(f"i32 {n}" for n in order)
    return f.op(f"shufflevector {kind} {a}, {kind} {b}, <{len(order)} x i32> <{mask}>")


class Lines:
    """Loads lines of `columns` bytes, of which %width are there; lines past %depth are zero.

    With AVX-512's masks; elsewhere, what is not whole passes through the stack.
    """

    def __init__(self, f: Function, target: Target, columns: int) -> None:
        self.f = f
        self.columns = columns
        self.kind = f"<{columns} x i8>"
        self.mask = self.whole = self.memory = ""
        if target.vector == 64:
            numbers = ", ".join(f"i8 {n}" for n in range(columns))
            limit = f.splat("i8", columns, f.op("trunc i64 %width to i8"))
            self.mask = f.op(f"icmp slt {self.kind} <{numbers}>, {limit}")
        else:
            self.whole = f.compare("eq", "%width", columns)
            self.memory = f.op(f"alloca [{dot_of(target).group * columns} x i8], align 16")

    def load(self, k: str, number: int) -> str:
        """Line k, the one of this number in its group."""
        f, bits = self.f, f"<{self.columns} x i1>"
        source = f.at("%from", f.mul(k, "%row"))
        inside = f.compare("slt", k, "%depth")
        if self.mask:
            mask = f.op(f"select i1 {inside}, {bits} {self.mask}, {bits} zeroinitializer")
            return f.call(
                self.kind, f"llvm.masked.load.v{self.columns}i8.p0", f"ptr {source}", "i32 1",
                f"{bits} {mask}", f"{self.kind} zeroinitializer",
            )  # fmt: skip
        direct = f.op(f"and i1 {inside}, {self.whole}")
        room = f.at(self.memory, number * self.columns)
        with f.when(f.op(f"xor i1 {direct}, true")):
            f.store(self.kind, "zeroinitializer", room)
            with f.loop(0, f.select(inside, "i64", "%width", 0)) as loop:
                f.store("i8", f.load("i8", source, loop.index), room, loop.index)
        return f.load(self.kind, f.select(direct, "ptr", source, room))


def _turned(module: Module, target: Target, name: str, vectors: int, *, dealt: bool) -> None:
    """Writes a function that packs lines of n."""
    f = module.function(name, *_PACK)
    dot, lanes = dot_of(target), target.lanes
    element, line = f"i{8 * dot.width}", vectors * lanes * dot.word
    zero = f.op("alloca i8")
    f.store("i8", 0, zero)
    whole = f.op(f"udiv i64 %depth, {dot.group}")
    final = f.sub("%width", 1)
    with f.loop(0, vectors * lanes) as column:
        c = column.index
        source = f.at("%from", f.mul(f.min(c, final), "%row"))
        if dealt:  # the inverse of requantize.column
            vector = f.op(f"and i64 {f.op(f'lshr i64 {c}, 2')}, 1")
            four = f.mul(f.op(f"lshr i64 {c}, 3"), 4)
            c = f.add(f.add(f.mul(vector, lanes), four), f.op(f"and i64 {c}, 3"))
        place = f.at("%to", f.mul(c, dot.word))
        with f.loop(0, whole) as group:
            kind = f"<{dot.group} x i8>"
            word = f.load(kind, source, f.mul(group.index, dot.group))
            if dot.width > 1:
                kind = f"<{dot.group} x {element}>"
                word = f.op(f"sext <{dot.group} x i8> {word} to {kind}")
            f.store(kind, word, place, f.mul(group.index, line))
        with f.loop(whole, "%groups") as group:
            for part in range(dot.group):
                k = f.add(f.mul(group.index, dot.group), part)
                inside = f.compare("slt", k, "%depth")
                y = f.load("i8", f.select(inside, "ptr", f.at(source, k), zero))
                if dot.width > 1:
                    y = f.op(f"sext i8 {y} to {element}")
                f.store(element, y, place, f.add(f.mul(group.index, line), part * dot.width))


def _add_sums(f: Function, target: Target, vectors: int, numbers: str, bias: str) -> None:
    """bias += factor * sums + plus: sums are products with ones."""
    dot, lanes = dot_of(target), target.lanes
    kind, size = f"<{lanes} x i32>", 4 * lanes
    bits = min(8 * dot.word, 32)
    ones = f"splat (i{bits} {sum(1 << 8 * at for at in range(0, bits // 8, dot.width))})"
    step = lanes * int(operand(target).rpartition("i")[2].rstrip(">")) // 8  # bytes of a register
    count = vectors * (2 if dot.pairs else 1)
    with f.loop(0, "%groups", 1, *[(kind, "zeroinitializer")] * count) as loop:
        place = f.at(numbers, f.mul(loop.index, vectors * lanes * dot.word))
        loop.carry(*(
            multiply_add(f, target, total, ones, load_weights(f, target, place, n * step))
            for n, total in enumerate(loop.carried)
        ))  # fmt: skip
    sums = loop.results
    if dot.pairs:  # both rows are ones: two sums of columns, twice
        sums = [
            _shuffled(f, kind, a, b, [0, 1, 4, 5])
            for a, b in zip(sums[::2], sums[1::2], strict=True)
        ]
    factor, plus = (
        f.splat("i32", lanes, f.op(f"trunc i64 {name} to i32")) for name in ("%factor", "%plus")
    )
    for n, total in enumerate(sums):
        more = f.op(f"add {kind} {f.op(f'mul {kind} {total}, {factor}')}, {plus}")
        old = f.load(kind, bias, n * size)
        f.store(kind, f.op(f"add {kind} {old}, {more}"), bias, n * size)
