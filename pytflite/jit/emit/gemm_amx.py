"""Products of int8 and uint8 matrices in AMX's tiles (gemm_int8.py says what is computed).

A tile register holds 16 rows of 64 bytes. One instruction multiplies a tile of x (16 rows, 64
numbers of k) with one of weights (64 numbers of k, 16 outputs) and adds the products to a tile of
sums (16 x 16, 32 bits): 16384 of them in 16 cycles. micro keeps 32 rows x 2 vectors of sums in four
tiles:

                weights   6    7
            x   4         0    1
                5         2    3

Rows of x and the panels are those of vpdpbusd (dot.py), so that few rows may be multiplied by that:
x unsigned in scratch, weights [k / 4, columns, 4]. A tile of weights is 16 lines of a panel, which
therefore has a multiple of 16 (dot.padded). Rows behind the last are whatever scratch holds; their
sums are not looked at. Bytes behind a row's last meet weights of zero.

Sums go from the tiles to the stack, and from there become outputs two rows at a time.
"""

from __future__ import annotations

from pytflite.jit.emit import gather, gemm, requantize, residual_int8
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.gemm_int8 import SLOTS, Micro
from pytflite.jit.emit.row_sums import row_summer
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

ROWS = 32  # that micro multiplies at a time
LINES = 16  # of a tile: rows of x, or groups of k
_BYTES = 64  # of a line


def product(
    module: Module, target: Target, *, vectors: int, tail: int, masked: bool, x: str,
    rounding: str, signed: bool, output: str, adds: bool = False,
) -> None:  # fmt: skip
    """Rows of a matrix, side by side, times packed weights; settings as in gemm_int8.product."""
    change = dot_of(target).change(unsigned=x == "uint8")
    copies = gather.Form(target, True, False, change)
    form = gemm.Form(ROWS, vectors * target.lanes, 1, None, _extra(adds), copies)
    finish = requantize.Form(rounding, signed, output == "uint8")
    _emit(module, target, form, (vectors, tail, masked, False), finish, adds)


def convolution(
    module: Module, target: Target, *, vectors: int, tail: int, masked: bool, x: str,
    rounding: str, signed: bool, output: str, runs: bool, sums: bool, short: int,
    adds: bool = False,
) -> None:  # fmt: skip
    """Windows, gathered, times packed weights; settings as in gemm_int8.convolution."""
    change = dot_of(target).change(unsigned=x == "uint8")
    gathers = gather.Form(target, runs, False, change, short)
    finds = row_summer(target) if sums else None
    form = gemm.Form(ROWS, vectors * target.lanes, 1, gathers, _extra(adds), None, finds)
    finish = requantize.Form(rounding, signed, output == "uint8")
    _emit(module, target, form, (vectors, tail, masked, sums), finish, adds)


def _extra(adds: bool) -> tuple[str, ...]:
    after = residual_int8.EXTRA if adds else ()
    return ("i64 k", "i64 x_row", *requantize.SLOTS, "i64 sum_place", *after)


def _emit(
    module: Module, target: Target, form: gemm.Form, sizes: tuple[int, int, bool, bool],
    finish: requantize.Form, adds: bool,
) -> None:  # fmt: skip
    vectors, tail, masked, sums = sizes
    after = residual_int8.SLOTS if adds else ()
    f = module.kernel(*gemm.SLOTS, *(gather.SLOTS if form.gathers else ()), *SLOTS, *after)
    f.call("void", "llvm.x86.ldtilecfg", f"ptr {configuration(module)}")
    special = masked or tail != vectors
    gemm.product(f, form, last=special)
    f.call("void", "llvm.x86.tilerelease")
    names = [("micro", vectors, False), ("micro_last", tail, masked)]
    for name, wide, some in names[: 1 + special]:
        m = module.function(name, *gemm.MICRO, *form.extra)
        micro = TileMicro(m, target, (form.rows, wide, vectors), some, finish, adds)
        micro.multiply()
        micro.finish_rows(rows=sums)


def configuration(module: Module) -> str:
    """All eight tiles have 16 rows of 64 bytes."""
    data = [1, 0, *[0] * 14, *[_BYTES, 0] * 8, *[0] * 16, *[LINES] * 8, *[0] * 8]
    return module.constant("[64 x i8]", f"[{', '.join(f'i8 {b}' for b in data)}]")


class TileMicro(Micro):
    """32 rows, in tiles."""

    def multiply(self) -> None:
        """Leaves bias plus products on the stack, row by row."""
        f = self.f
        names = requantize.rows(self.form.rounding)
        bias = f.at("%panel", 4 * self.columns * names.index("bias"))
        weights = f.at("%panel", 4 * self.columns * len(names))
        rows = gemm.row(f, 0)
        below = f.at(rows, f.mul("%x_row", LINES))
        tiles = [(i, j) for i in range(2) for j in range(self.wide)]
        for i, j in tiles:
            load_tile(f, 2 * i + j, f.at(bias, _BYTES * j), 0)
        with f.loop(0, "%k", LINES) as loop:
            at = f.mul(loop.index, 4)
            load_tile(f, 4, f.at(rows, at), "%x_row")
            load_tile(f, 5, f.at(below, at), "%x_row")
            line = f.at(weights, f.mul(at, self.columns))
            for j in range(self.wide):
                load_tile(f, 6 + j, f.at(line, _BYTES * j), 4 * self.columns)
            for i, j in tiles:
                numbers = f"i8 {2 * i + j}", f"i8 {4 + i}", f"i8 {6 + j}"
                f.call("void", "llvm.x86.tdpbusd", *numbers)
        row = _BYTES * self.wide
        for i, j in tiles:
            place = f.at(self.stack, LINES * row * i + _BYTES * j)
            arguments = f"i8 {2 * i + j}", f"ptr {place}", f"i64 {row}"
            f.call("void", "llvm.x86.tilestored64", *arguments)

    def finish_rows(self, *, rows: bool) -> None:
        """Outputs from the sums on the stack; `rows`: each row adds a number of its own."""
        if self.residual is None:
            self._finish_rows(rows)
            return
        f, proven = self.f, self.residual.proven()
        with f.when(proven):
            self._finish_rows(rows)
        with f.when(f.op(f"xor i1 {proven}, true")), f.loop(0, "%count") as loop:
            self.look_up(loop.index, self._totals(loop.index, rows))

    def _finish_rows(self, rows: bool) -> None:
        f = self.f
        if self.form.rounding == "litert":
            self._all(rows, careful=False)
            return
        flag = self.finisher.flag()
        with f.when(f.op(f"xor i1 {flag}, true")):
            self._all(rows, careful=False)
        with f.when(flag):
            self._all(rows, careful=True)

    def _all(self, rows: bool, *, careful: bool) -> None:
        """Two rows at a time; where one is in doubt, the definition decides for both."""
        f, finisher = self.f, self.finisher
        last = f.sub("%count", 1)
        with f.loop(0, "%count", 2) as loop:
            pair = loop.index, f.min(f.add(loop.index, 1), last)
            totals = [self._totals(number, rows) for number in pair]
            found = [[finisher.rounded(t, n) for n, t in enumerate(row)] for row in totals]
            self.write(pair, [[y for _, y in row] for row in found])
            if careful:
                for number, row, own in zip(pair, found, totals, strict=True):
                    off = [finisher.off(t, y) for t, y in row]
                    with f.when(finisher.doubtful(off)):
                        exact = [finisher.defined(t, n) for n, t in enumerate(own)]
                        self.write((number,), [exact])

    def _totals(self, number: str, rows: bool) -> list[str]:
        """The sums of one row."""
        f, totals = self.f, self._kept(number)
        if not rows:
            return totals
        row = f.at(gemm.row(f, 0), f.mul(number, "%x_row"))
        spread = f.splat("i32", self.target.lanes, f.load("i32", f.at(row, "%sum_place")))
        return [f.op(f"add {self.kind} {t}, {spread}") for t in totals]


def load_tile(f: Function, tile: int, pointer: str, stride: str | int) -> None:
    """A tile from memory, its lines so many bytes apart."""
    f.call("void", "llvm.x86.tileloadd64", f"i8 {tile}", f"ptr {pointer}", f"i64 {stride}")
