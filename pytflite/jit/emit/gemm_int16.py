"""Products of int16 matrices by weights of int8 or int16, and convolutions (gemm.py has the loops).

    output = clamp(round(real[n] * (bias[n] + sum over k of x[m, k] * weights[k, n])), low, high)

Products of 16 bits are summed in pairs by pmaddwd on x86, one by one by smlal elsewhere (dot.py),
in int32: exact for a block of `k_block` words, of which the lowering says how many are safe. Then
sums are widened and added to int64 ones on the stack,

    totals[rows][vectors][lanes]

which begin with the bias. When k is through, one loop over rows makes outputs of them
(requantize_wide.py). A panel is [constants, columns] and the weights [k / group, columns, group]
of 16 bits. Weights of int16, whose products leave int32 no room for sums, are halved:

    weight = 256 * high + low        high, low: -128 ... 128

and a panel has all the high ones, and then the low ones, with a loop over k for each. Panels of
weights that no constant holds are made in the run (panels_int16.py).
"""

from __future__ import annotations

from pytflite.jit.emit import gather, gemm, panels_int16, requantize, requantize_wide
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.gemm_int8 import Micro
from pytflite.jit.emit.requantize_wide import WideFinisher
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

# After those of gemm.py (and gather.py); k counts groups.
SLOTS = (*requantize_wide.SLOTS, "i64 k_block")
_ITEM = 2


def in_words(target: Target) -> Target:
    """The target as one that multiplies numbers of 16 bits."""
    return target._replace(dot="madd" if target.architecture == "x86_64" else "")


def product(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, rounding: str, halves: bool, makes: str,
) -> None:  # fmt: skip
    """Rows of a matrix, of whole words, as they lie, times packed weights.

    Args:
        rows, vectors: sums that are kept in registers.
        tail: vectors that the last panel uses; masked: of which the last one in part.
        chains: sums of an output.
        rounding: as requantize_wide.py has it.
        halves: weights are of int16.
        makes: panels are made in the run, of matrices [k, n] ("plain") or [n, k] ("turned"); "".
    """
    form = gemm.Form(rows, vectors * target.lanes, _ITEM, None, ("i64 k", *SLOTS))
    sizes = vectors, tail, masked, chains
    _emit(module, in_words(target), form, sizes, rounding, halves=halves, makes=makes)


def convolution(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, rounding: str, halves: bool, makes: str, runs: bool, short: int,
) -> None:  # fmt: skip
    """Windows, gathered, times packed weights; runs, short: as in gather.Form."""
    gathers = gather.Form(target, runs, False, "", short)
    form = gemm.Form(rows, vectors * target.lanes, _ITEM, gathers, ("i64 k", *SLOTS))
    sizes = vectors, tail, masked, chains
    _emit(module, in_words(target), form, sizes, rounding, halves=halves, makes=makes)


def _emit(
    module: Module, target: Target, form: gemm.Form, sizes: tuple[int, int, bool, int],
    rounding: str, *, halves: bool, makes: str,
) -> None:  # fmt: skip
    vectors, tail, masked, chains = sizes
    special = masked or tail != vectors
    slots = (*gemm.SLOTS, *(gather.SLOTS if form.gathers else ()), *SLOTS)
    panel = None
    if makes:
        slots = (*slots, *panels_int16.SLOTS)
        rows = len(requantize.rows(rounding))
        panel = panels_int16.packer(module, target, vectors, rows, turned=makes == "turned")
    gemm.product(module.kernel(*slots), form, last=special, panel=panel)
    names = [("micro", vectors, False), ("micro_last", tail, masked)]
    for name, wide, some in names[: 1 + special]:
        m = module.function(name, *gemm.MICRO, *form.extra)
        micro = MicroInt16(m, target, (form.rows, wide, vectors), some, rounding)
        micro.total(chains, halves=halves)
        micro.give()


class MicroInt16(Micro):
    """Writes one function that computes `rows` x `wide` vectors of outputs."""

    def __init__(
        self, f: Function, target: Target, sizes: tuple[int, int, int], masked: bool, rounding: str
    ) -> None:
        super().__init__(f, target, sizes, masked, requantize.Form(rounding, False, False))
        form = requantize_wide.Form(rounding, "int16")
        self.wide_finisher = WideFinisher(f, target, form, "%panel", self.columns)
        self.size = 2 * target.vector  # of a vector of totals
        self.totals = f.op(f"alloca [{self.outputs * self.size} x i8], align 64")

    def total(self, chains: int, *, halves: bool) -> None:
        """Bias plus products, on the stack."""
        f, wide = self.f, self.wide_finisher
        constants = len(requantize.rows(self.form.rounding))
        weights = f.at("%panel", 4 * constants * self.columns)
        pointers = [gemm.row(f, r) for r in range(self.rows)]
        bias = [wide.bias(n) for n in range(self.wide)]
        for n in range(self.outputs):
            f.store(wide.kind, bias[n % self.wide], self.totals, n * self.size, 64)
        if halves:
            self._add(chains, pointers, weights, 8)
            weights = f.at(weights, f.mul("%k", dot_of(self.target).word * self.columns))
        self._add(chains, pointers, weights, 0)

    def _add(self, chains: int, pointers: list[str], weights: str, shift: int) -> None:
        """Products of all k, times 2^shift."""
        f, wide = self.f, self.wide_finisher
        with f.loop(0, "%k", "%k_block") as block:
            stop = f.min(f.add(block.index, "%k_block"), "%k")
            zeros = ["zeroinitializer"] * self.outputs
            sums = self.summed(zeros, block.index, stop, pointers, weights, chains)
            for n, part in enumerate(sums):
                widened = f.op(f"sext {self.kind} {part} to {wide.kind}")
                if shift:
                    widened = f.op(f"shl {wide.kind} {widened}, splat (i64 {shift})")
                total = f.load(wide.kind, self.totals, n * self.size, 64)
                total = f.op(f"add {wide.kind} {total}, {widened}")
                f.store(wide.kind, total, self.totals, n * self.size, 64)

    def give(self) -> None:
        """Outputs from totals, row after row."""
        f, wide = self.f, self.wide_finisher
        last = self.wide - 1
        mask = wide.mask(f.sub("%width", last * self.target.lanes)) if self.masked else ""
        with f.loop(0, "%count") as loop:
            own = f.at(self.totals, f.mul(loop.index, self.wide * self.size))
            output = gemm.outputs(f, loop.index)
            for n in range(self.wide):
                total = f.load(wide.kind, own, n * self.size, 64)
                place = f.at(output, n * _ITEM * self.target.lanes)
                wide.give(total, n, place, mask if n == last else "")
