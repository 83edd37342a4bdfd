"""Products of int8 and uint8 matrices, and convolutions as such products (gemm.py has the loops).

    output = clamp(zero_point + round(real[n] * (bias[n] + sum over k of x[m, k] * weights[k, n])))

A panel is [constants, columns] of 32 bits (requantize.py), then the weights [k / group, columns,
group] of 8 or 16 bits (dot.py). The bias makes up for the zero point of x, and for what is added
to x on its way into scratch. Weights with a zero point of their own take something off for every
row: its sum, which is found when the row is gathered and lies behind it, times that zero point.

micro keeps rows x vectors of sums in registers: 14 x 2 of AVX-512's 32, as in gemm_float32.py.
Sums of a panel that needs no second look become outputs where they are; others are put on the
stack first, and one loop does it for all rows, with the definition at hand.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.jit.emit import gather, gemm, requantize, residual_int8, some_bytes
from pytflite.jit.emit.dot import dot_of, load_weights, multiply_add, word_in_all_lanes
from pytflite.jit.emit.pairs import Pairs
from pytflite.jit.emit.requantize import Finisher
from pytflite.jit.emit.residual_int8 import Residual
from pytflite.jit.emit.row_sums import row_summer
from pytflite.jit.ir import Function, Module, Value
from pytflite.jit.target import Target

# After those of gemm.py (and gather.py); k counts groups.
SLOTS = (
    *requantize.SLOTS,
    "i64 sum_place",  # from the beginning of a row to where its sum is put
    "i64 sum_terms",  # bytes of the row that are summed
    "i64 sum_factor",  # by which the sum is multiplied
)


def product(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, x: str, rounding: str, signed: bool, output: str, adds: bool = False,
) -> None:  # fmt: skip
    """Rows of a matrix, side by side, times packed weights.

    Args:
        rows, vectors: sums that are kept in registers.
        tail: vectors that the last panel uses; masked: of which the last one in part.
        chains: sums of an output.
        x, output: "int8" or "uint8".
        rounding, signed: as in requantize.Form.
        adds: as in residual_int8.py.
    """
    change, pairs = dot_of(target).change(unsigned=x == "uint8"), in_pairs(target, rows)
    copies = gather.Form(target, True, False, change) if change or pairs else None
    form = gemm.Form(
        rows, vectors * target.lanes, 1, None, _extra(adds), copies, pairs=pairs,
        ahead=fetches(target, chains),
    )  # fmt: skip
    finish = requantize.Form(rounding, signed, output == "uint8")
    _emit(module, target, form, (vectors, tail, masked, chains, False), finish, adds)


def convolution(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, x: str, rounding: str, signed: bool, output: str, runs: bool, sums: bool,
    short: int, adds: bool = False,
) -> None:  # fmt: skip
    """Windows, gathered, times packed weights.

    Args:
        runs, short: as in gather.Form.
        sums: weights have a zero point.
        adds: as in residual_int8.py.
    """
    change = dot_of(target).change(unsigned=x == "uint8")
    gathers = gather.Form(target, runs, False, change, short)
    finds = row_summer(target) if sums else None
    pairs = in_pairs(target, rows)
    form = gemm.Form(
        rows, vectors * target.lanes, 1, gathers, _extra(adds), None, finds, pairs=pairs,
        ahead=fetches(target, chains),
    )  # fmt: skip
    finish = requantize.Form(rounding, signed, output == "uint8")
    _emit(module, target, form, (vectors, tail, masked, chains, sums), finish, adds)


def fetches(target: Target, chains: int) -> bool:
    """Whether the next panel is fetched while one is used: with many sums there is time for it."""
    return chains == 1 and target.architecture == "x86_64"


def in_pairs(target: Target, rows: int) -> bool:
    """Whether rows have to lie in pairs (pairs.py)."""
    return dot_of(target).pairs and rows > 1


def _extra(adds: bool) -> tuple[str, ...]:
    after = residual_int8.EXTRA if adds else ()
    return ("i64 k", *requantize.SLOTS, "i64 sum_place", *after)


def _emit(
    module: Module, target: Target, form: gemm.Form, sizes: tuple[int, int, bool, int, bool],
    finish: requantize.Form, adds: bool,
) -> None:  # fmt: skip
    vectors, tail, masked, chains, sums = sizes
    slots = (*gemm.SLOTS, *(gather.SLOTS if form.gathers else ()), *gemm.AHEAD, *SLOTS)
    slots += residual_int8.SLOTS if adds else ()
    f = module.kernel(*slots)
    special = masked or tail != vectors
    gemm.product(f, form, last=special)
    names = [("micro", vectors, False), ("micro_last", tail, masked)]
    for name, wide, some in names[: 1 + special]:
        m = module.function(name, *form.takes)
        own = form.rows, wide, vectors
        micro = Micro(m, target, own, some, finish, adds, ahead=form.ahead)
        micro.finish(micro.sums(chains, rows=sums))
    some_bytes.movers(module, target, masked=masked, loads=adds)


class Micro:
    """Writes one function that computes `rows` x `wide` vectors of outputs.

    Args:
        sizes: rows, wide, and how many vectors a row of the panel has.
        masked: the last vector counts in part.
        adds: another tensor is added.
        ahead: fetches the next panel.
    """

    count: Value = "%count"  # rows that are different

    def __init__(
        self, f: Function, target: Target, sizes: tuple[int, int, int], masked: bool,
        form: requantize.Form, adds: bool = False, *, ahead: bool = False,
    ) -> None:  # fmt: skip
        self.f = f
        self.ahead = ahead
        self.target = target
        self.rows, self.wide, vectors = sizes
        self.masked = masked
        self.form = form
        self.columns = vectors * target.lanes
        self.kind = f"<{target.lanes} x i32>"
        self.finisher = Finisher(f, target, form, "%panel", self.columns)
        self.residual = Residual(self) if adds else None
        self.outputs = self.rows * self.wide
        self.stack = f.op(f"alloca [{self.outputs * target.vector} x i8], align 64")

    def sums(self, chains: int, *, rows: bool) -> list[str]:
        """Bias plus products, row by row; `rows`: plus a number of each row."""
        f, kind = self.f, self.kind
        bias = [self.finisher.constant("bias", n, kind) for n in range(self.wide)]
        constants = len(requantize.rows(self.form.rounding))
        weights = f.at("%panel", 4 * constants * self.columns)
        pointers = [gemm.row(f, r) for r in range(self.rows)]
        first = [bias[n % self.wide] for n in range(self.outputs)]
        if rows:
            spread = self.row_numbers(pointers)
            first = [
                f.op(f"add {kind} {b}, {self.of_row(spread[n // self.wide], n % self.wide)}")
                for n, b in enumerate(first)
            ]
        if dot_of(self.target).pairs:
            made = Pairs(f, self.target, (self.rows, self.wide, self.columns))
            return made.summed(first, pointers, weights, chains)
        return self.summed(first, "0", "%k", pointers, weights, chains)

    def summed(
        self, first: list[str], begin: str, end: str, pointers: list[str], weights: str, chains: int
    ) -> list[str]:
        """The products of words begin ... end of each row, added to the sums `first`."""
        f, kind, word = self.f, self.kind, dot_of(self.target).word
        first = first + ["zeroinitializer"] * (self.outputs * (chains - 1))
        whole = end
        if chains > 1:
            whole = f.add(begin, f.op(f"and i64 {f.sub(end, begin)}, -{chains}"))
        with f.loop(begin, whole, chains, *((kind, s) for s in first)) as loop:
            if self.ahead:
                gemm.fetch_next(f, loop.index, word * self.columns)
            carried: list[str] = []
            for chain in range(chains):
                own = loop.carried[self.outputs * chain : self.outputs * (chain + 1)]
                at = f.mul(f.add(loop.index, chain), word)
                carried += self.step(pointers, weights, at, own)
            loop.carry(*carried)
        sums = loop.results[: self.outputs]
        if chains == 1:
            return sums
        for chain in range(1, chains):
            more = loop.results[self.outputs * chain : self.outputs * (chain + 1)]
            sums = [f.op(f"add {kind} {a}, {b}") for a, b in zip(sums, more, strict=True)]
        with f.loop(whole, end, 1, *((kind, s) for s in sums)) as loop:
            loop.carry(*self.step(pointers, weights, f.mul(loop.index, word), loop.carried))
        return loop.results

    def row_numbers(self, pointers: list[str]) -> list[str]:
        """The number of each row, in all lanes."""
        f = self.f
        totals = [f.load("i32", f.at(pointer, "%sum_place")) for pointer in pointers]
        return [f.splat("i32", self.target.lanes, total) for total in totals]

    def of_row(self, number: str, n: int) -> str:
        """What the number of a row adds to vector n of its sums."""
        return number

    def step(self, pointers: list[str], weights: str, at: str, sums: list[str]) -> list[str]:
        """The products of one word of each row, added to the sums."""
        f, target = self.f, self.target
        word = dot_of(target).word
        place = f.at(weights, f.mul(at, self.columns))
        vectors = [
            load_weights(f, target, place, n * word * target.lanes) for n in range(self.wide)
        ]
        added = []
        for r, pointer in enumerate(pointers):
            x = word_in_all_lanes(f, target, f.at(pointer, at))
            for n, w in enumerate(vectors):
                added.append(multiply_add(f, target, sums[r * self.wide + n], x, w))
        return added

    def finish(self, sums: list[str]) -> None:
        """Outputs from sums, of all rows: those that repeat the last one write it again."""
        if self.residual is None:
            self._finish(sums)
            return
        f, proven = self.f, self.residual.proven()
        with f.when(proven):
            self._finish(sums)
        with f.when(f.op(f"xor i1 {proven}, true")):
            self._keep(sums)
            with f.loop(0, self.count) as loop:
                self.look_up(loop.index, self._kept(loop.index))

    def look_up(self, row: Value, totals: list[str]) -> None:
        """The outputs of a row as the definition has them, and from the table what is added."""
        finisher, place = self.finisher, self.place(row)
        if self.form.rounding == "litert":
            outputs = [finisher.rounded(total, n)[1] for n, total in enumerate(totals)]
        else:
            outputs = [finisher.defined(total, n) for n, total in enumerate(totals)]
        self.store(finisher.narrowed([outputs])[0], place)
        assert self.residual is not None
        self.residual.look_up(place)

    def write(self, rows: Sequence[Value], outputs: list[list[str]]) -> None:
        """The outputs of one row or two, plus what is added."""
        places, bounds = [self.place(r) for r in rows], requantize.BOUNDS
        if self.residual is not None:
            pairs = zip(outputs, places, strict=True)
            outputs = [self.residual.added(row, place) for row, place in pairs]
            bounds = residual_int8.BOUNDS
        narrow = self.finisher.narrowed(outputs, bounds)
        for values, place in zip(narrow, places, strict=True):
            self.store(values, place)

    def _finish(self, sums: list[str]) -> None:
        f = self.f
        if self.form.rounding == "litert":
            self._round(sums, careful=False)
            return
        flag = self.finisher.flag()
        with f.when(f.op(f"xor i1 {flag}, true")):
            self._round(sums, careful=False)
        with f.when(flag):
            off = self._round(sums, careful=True)
            with f.when(self.finisher.doubtful(off)):
                self._define(sums)

    def _round(self, sums: list[str], *, careful: bool) -> list[str]:
        """The outputs that float32 gives, and how far from them the numbers were at most."""
        finisher, wide = self.finisher, self.wide
        farthest: list[str] = []
        for first in range(0, self.rows, 2):
            outputs: list[list[str]] = []
            for r in range(first, min(first + 2, self.rows)):
                row = [finisher.rounded(sums[r * wide + n], n) for n in range(wide)]
                outputs.append([y for _, y in row])
                if careful:
                    off = [finisher.off(t, y) for t, y in row]
                    pairs = zip(off, farthest, strict=True)
                    farthest = [finisher.farther(a, b) for a, b in pairs] if farthest else off
            self.write(range(first, first + len(outputs)), outputs)
        return farthest

    def _define(self, sums: list[str]) -> None:
        """Row after row: where a sum is near a tie, the definition decides."""
        f, finisher = self.f, self.finisher
        self._keep(sums)
        with f.loop(0, self.count) as loop:
            totals = self._kept(loop.index)
            row = [finisher.rounded(total, n) for n, total in enumerate(totals)]
            with f.when(finisher.doubtful([finisher.off(t, y) for t, y in row])):
                exact = [finisher.defined(total, n) for n, total in enumerate(totals)]
                self.write([loop.index], [exact])

    def _keep(self, sums: list[str]) -> None:
        """Puts all sums on the stack."""
        for n, total in enumerate(sums):
            self.f.store(self.kind, total, self.stack, n * self.target.vector, 64)

    def _kept(self, number: str) -> list[str]:
        """The sums of a row, from the stack."""
        f, size = self.f, self.target.vector
        own = f.at(self.stack, f.mul(number, self.wide * size))
        return [f.load(self.kind, own, n * size, 64) for n in range(self.wide)]

    def place(self, row: Value) -> str:
        """Where the outputs of a row go."""
        return gemm.outputs(self.f, row)

    def store(self, values: list[str], row: str) -> None:
        """Vectors of bytes of a row, or one of all; of masked ones as many as there are."""
        f = self.f
        lanes = self.wide * self.target.lanes // len(values)
        kind = f"<{lanes} x i8>"
        for n, value in enumerate(values):
            if self.masked and n == len(values) - 1:
                some_bytes.store(f, self.target, value, row, n * lanes, lanes)
            else:
                f.store(kind, value, f.at(row, n * lanes))
