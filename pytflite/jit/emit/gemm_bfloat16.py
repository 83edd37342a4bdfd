"""Products of float32 matrices in AMX's tiles, by parts of bfloat16 (bfloat16.py splits numbers).

A tile register holds 16 rows of 64 bytes: 16 rows of x by 32 numbers of k, or 16 pairs of k by 16
outputs of weights. One instruction multiplies two and adds the products to a tile of 16 x 16 sums
of float32: 8192 products in 16 cycles. micro keeps 32 rows x 2 vectors of sums in four tiles:

                weights   6    7
            x   4         0    1         for each 32 of k, for each product of parts:
                5         2    3             load what changes of 4 ... 7, multiply, add

In which order parts meet is ORDER's: small products first, and few tiles to load. Rows of a block
are split into scratch, whole tiles side by side; so are panels, when weights are packed:

    panel = [head: 64 bytes][bias: columns][k / 32, part, vector: a tile of 16 pairs of k]

Where numbers cannot be split, FMA multiplies them as they are (gemm_float32.Micro). A panel of
such weights has a 1 in its head, and then [1 + k, columns] as gemm_float32.py has it. If a block
of rows is flagged, each panel is joined again from its parts, into scratch, for these rows. One
part alone is never too small or too large: it is rounded to nothing or infinity.
"""

from __future__ import annotations

from pytflite.jit.emit import gather, gemm, windows
from pytflite.jit.emit.bfloat16 import HEAD, LINE, ROWS, STEP, TALL, TILE, Splitter, join
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.gemm_amx import configuration, load_tile
from pytflite.jit.emit.gemm_float32 import EXTRA, SLOTS, Micro
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

FEW = 8  # rows that FMA does at a time
# Before those of gemm_float32.py; what lies in scratch: the split rows, behind a line with the
# block's flag, and a joined panel.
OWN = ("i64 steps", "i64 planes", "i64 panel_place")
# Products of parts (x, weights).
ORDER: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((0, 0),),
    2: ((1, 0), (0, 0), (0, 1)),
    3: ((2, 0), (1, 0), (1, 1), (0, 1), (0, 0), (0, 2)),
}


def product(
    module: Module, target: Target, *, parts: int, vectors: int, tail: int, masked: bool,
    clamp: str, residual: str,
) -> None:  # fmt: skip
    """Rows of a matrix, as they lie, times packed weights.

    Args:
        parts: of a number, 1 to 3.
        vectors ... residual: as in gemm_float32.Settings.
    """
    form = gemm.Form(TALL, vectors * target.lanes, 4, None, _extra())
    slots = (*gemm.SLOTS, *OWN, *SLOTS)
    _emit(module, target, slots, form, (parts, vectors, tail, masked), (clamp, residual))


def convolution(
    module: Module, target: Target, *, parts: int, vectors: int, tail: int, masked: bool,
    clamp: str, residual: str, runs: bool, short: int, direct: bool,
) -> None:  # fmt: skip
    """Windows times packed weights.

    Args:
        runs, short: as in gather.Form.
        direct: taps of windows fill lines, so that they can be split where they lie.
    """
    gathers = gather.Form(target, runs, True, short=short)
    form = gemm.Form(TALL, vectors * target.lanes, 4, gathers, _extra(), direct=direct, taps=direct)
    slots = (*gemm.SLOTS, *gather.SLOTS, *windows.SLOTS, *OWN, *SLOTS)
    _emit(module, target, slots, form, (parts, vectors, tail, masked), (clamp, residual))


def _extra() -> tuple[str, ...]:
    return (*EXTRA, "ptr scratch", *OWN[:2])


def _emit(
    module: Module, target: Target, slots: tuple[str, ...], form: gemm.Form,
    sizes: tuple[int, int, int, bool], ending: tuple[str, str],
) -> None:  # fmt: skip
    parts, vectors, tail, masked = sizes
    f = module.kernel(*slots)

    def finds(f: Function, place: str, count: str) -> None:
        _split(f, target, form, parts, place, count)

    form = form._replace(finds=finds, numbers=True)
    f.call("void", "llvm.x86.ldtilecfg", f"ptr {configuration(module)}")
    special = masked or tail != vectors
    panel = _panel(parts, form.columns)
    gemm.product(f, form, last=special, panel=panel)
    f.call("void", "llvm.x86.tilerelease")
    if parts > 1:
        _joiner(module, target, parts, vectors)
    micro_windows = windows.MICRO if form.direct else ()
    names = (*gemm.MICRO, *form.extra, *micro_windows, *gemm.NUMBER)
    for suffix, wide, some in [("", vectors, False), ("_last", tail, masked)][: 1 + special]:
        m = module.function(f"micro{suffix}", *names)
        if parts > 1:
            _unless_plain(m, f"few{suffix}", names)
            few = module.function(f"few{suffix}", *names)
            by_fma = Micro(few, target, FEW, wide, vectors, some, step=TALL)
            by_fma.finish(by_fma.sums(1, segments=form.direct), *ending)
        micro = TileMicro(m, target, TALL, wide, vectors, some)
        micro.multiply(parts)
        micro.give(*ending)


def _split(
    f: Function, target: Target, form: gemm.Form, parts: int, place: str, count: str
) -> None:
    """Splits the rows of a block into planes, and sets its flag."""
    planes = f.at("%scratch", "%planes")
    splitter = Splitter(f, target, parts, planes)
    strip = f.mul("%steps", parts * TILE)
    with f.loop(0, count, 1, *splitter.found) as rows:
        to = splitter.row(rows.index, strip)
        if form.direct:
            tables = gemm.place_table(f, form)
            rows.carry(*_segments(f, splitter, tables, rows.index, to, rows.carried))
        else:
            source = f.at(place, f.mul(rows.index, "%x_row"))
            _, found = splitter.run(source, "%k", to, rows.carried, whole=False)
            rows.carry(*found)
    if parts > 1:
        f.store("i64", splitter.flag(rows.results), _flag(f), 0, 8)


def _segments(
    f: Function, splitter: Splitter, tables: str, row: str, to: str, found: list[str]
) -> list[str]:
    """Splits a window, segment by segment, where it lies."""
    within = f.op(f"and i64 {row}, {TALL - 1}")
    starts, segments, run = windows.tile(f, tables, f.sub(row, within), taps=True)
    own = f.at(starts, f.mul(within, 8))
    kinds = (kind for kind, _ in splitter.found)
    carried = ("ptr", to), *zip(kinds, found, strict=True)
    with f.loop(0, segments, 1, *carried) as loop:
        source = f.load("ptr", own, f.mul(loop.index, 8 * TALL), 8)
        after, seen = splitter.run(source, run, loop.carried[0], loop.carried[1:], whole=True)
        loop.carry(after, *seen)
    return loop.results[1:]


def _flag(f: Function) -> str:
    """The line before the planes."""
    return f.at(f.at("%scratch", "%planes"), -LINE)


def _panel(parts: int, columns: int) -> gemm.Panel:
    """A packed panel; joined if the rows are not split and it is."""

    def panel(f: Function, weights: str, number: str) -> str:
        packed = f.at(weights, f.mul(number, "%panel_bytes"))
        if parts == 1:
            return packed
        flagged = f.compare("ne", f.load("i64", _flag(f), 0, 8), 0)
        in_parts = f.compare("eq", f.load("i64", packed, 0, 8), 0)
        joins = f.op(f"and i1 {flagged}, {in_parts}")
        to = f.at("%scratch", "%panel_place")
        with f.when(joins):
            f.call("void", "join", f"ptr {to}", f"ptr {packed}", "i64 %steps")
        return f.select(joins, "ptr", to, packed)

    return panel


def _joiner(module: Module, target: Target, parts: int, vectors: int) -> None:
    """Writes @join(to, from, steps): a plain panel of a split one."""
    f = module.function("join", "ptr to", "ptr from", "i64 steps")
    v = Floats(f, target)
    row = vectors * v.bytes
    f.store("i64", 1, "%to", 0, 8)
    for n in range(0, row, v.bytes):
        v.store(v.load("%from", HEAD + n), "%to", HEAD + n)
    first, tiles = f.at("%to", HEAD + row), f.at("%from", HEAD + row)
    with f.loop(0, "%steps") as step, f.loop(0, ROWS) as line:
        source = f.at(tiles, f.mul(step.index, parts * vectors * TILE))
        source = f.at(source, f.mul(line.index, LINE))
        k = f.add(f.mul(step.index, STEP), line.index)
        place = f.at(first, f.mul(k, row))
        for n in range(vectors):
            pair = join(v, f.at(source, n * TILE), parts, vectors * TILE)
            for half, numbers in enumerate(pair):
                v.store(numbers, place, half * ROWS * row + n * v.bytes)


def _unless_plain(f: Function, few: str, names: tuple[str, ...]) -> None:
    """In micro: has FMA do it, and returns, if the panel is not split."""
    plain = f.compare("ne", f.load("i64", "%panel", 0, 8), 0)
    with f.when(plain):
        with f.loop(0, "%count", FEW) as loop:
            at = f.mul(loop.index, 8)
            own = {
                "starts": f.at("%starts", at), "places": f.at("%places", at),
                "panel": f.at("%panel", HEAD), "count": f.sub("%count", loop.index),
            }  # fmt: skip
            pairs = (name.rpartition(" ") for name in names)
            f.call("void", few, *(f"{k} {own.get(n, f'%{n}')}" for k, _, n in pairs))
        f.do("ret void")
        f.dead()


class TileMicro(Micro):
    """32 rows, in tiles."""

    def __init__(
        self, f: Function, target: Target, rows: int, wide: int, stride: int, masked: bool
    ) -> None:
        super().__init__(f, target, rows, wide, stride, masked)
        self.own = wide * self.v.bytes  # bytes of a row of sums
        self.stack = f.op(f"alloca [{rows * self.own} x i8], align 64")

    def multiply(self, parts: int) -> None:
        """Leaves bias plus products on the stack, row by row."""
        f = self.f
        tall = f.compare("sgt", "%count", ROWS)
        with f.when(tall):
            self._multiply(parts, 2)
        with f.when(f.op(f"xor i1 {tall}, true")):
            self._multiply(parts, 1)

    def _multiply(self, parts: int, tall: int) -> None:
        f, vectors = self.f, self.stride // LINE
        sums = [(i, j) for i in range(tall) for j in range(self.wide)]
        for i, j in sums:
            load_tile(f, 2 * i + j, f.at("%panel", HEAD + LINE * j), 0)
        strip = f.mul("%steps", parts * TILE)
        x = f.at("%scratch", "%planes")
        x = f.at(x, f.mul(f.op(f"lshr i64 %first, {ROWS.bit_length() - 1}"), strip))
        weights = f.at("%panel", HEAD + self.stride)
        with f.loop(0, "%steps", 1, ("ptr", x), ("ptr", weights)) as loop:
            of_x, of_weights = loop.carried
            below = f.at(of_x, strip)
            held: tuple[int, int] = (-1, -1)
            for part, other in ORDER[parts]:
                if part != held[0]:
                    for i, line in zip(range(tall), (of_x, below), strict=False):
                        load_tile(f, 4 + i, f.at(line, part * TILE), LINE)
                if other != held[1]:
                    for j in range(self.wide):
                        load_tile(f, 6 + j, f.at(of_weights, (other * vectors + j) * TILE), LINE)
                held = part, other
                for i, j in sums:
                    numbers = f"i8 {2 * i + j}", f"i8 {4 + i}", f"i8 {6 + j}"
                    f.call("void", "llvm.x86.tdpbf16ps", *numbers)
            loop.carry(f.at(of_x, parts * TILE), f.at(of_weights, parts * vectors * TILE))
        for i, j in sums:
            place = f.at(self.stack, ROWS * self.own * i + LINE * j)
            arguments = f"i8 {2 * i + j}", f"ptr {place}", f"i64 {self.own}"
            f.call("void", "llvm.x86.tilestored64", *arguments)

    def give(self, clamp: str, residual: str) -> None:
        """Outputs from the sums on the stack."""
        f, v = self.f, self.v
        end, store = self.ends(clamp, residual)
        with f.loop(0, "%count") as loop:
            row = f.at(self.stack, f.mul(loop.index, self.own))
            sums = [v.load(row, n * v.bytes) for n in range(self.wide)]
            store(loop.index, end(loop.index, sums))
