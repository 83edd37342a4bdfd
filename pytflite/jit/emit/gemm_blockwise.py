"""gemm_hybrid.product for weights that have a scale for every few elements of a column.

    output = clamp(scale[m] * sum over blocks b of scale[b, n] * sum over k in b of
                   (q[m, k] - zero[m]) * weights[k, n]  + offset[n])

Rows are quantised as there, always with a zero point. A panel is `offset`, [columns], then block
after block [bias, sums, scale: columns each][words of the block], so that it is read from front to
back. A block's sums are integers in registers; times its scale they go to sums in float32, which
are as many: so there are half as many rows at a time.
"""

from __future__ import annotations

from pytflite.jit.emit import gemm, requantize
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.gemm_hybrid import SLOTS, HybridMicro, make_rows
from pytflite.jit.emit.quantising import Quantiser
from pytflite.jit.ir import Module
from pytflite.jit.target import Target

_BLOCKS = ("i64 blocks", "i64 block_words", "i64 block_bytes")
HEAD = ("bias", "sums", "scale")  # of a block


def one_by_one(target: Target) -> Target:
    """The target, multiplying rows one at a time if it would by pairs."""
    return target._replace(dot="sdot") if dot_of(target).pairs else target


def product(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool, clamp: str
) -> None:
    """Slots: gemm.SLOTS and gemm_hybrid.SLOTS; blocks, words of one, and its bytes in a panel."""
    target = one_by_one(target)
    extra = ("i64 k", *SLOTS, *_BLOCKS)
    form = gemm.Form(rows, vectors * target.lanes, 4, None, extra, makes=make_rows)
    f = module.kernel(*gemm.SLOTS, *extra[1:])
    special = masked or tail != vectors
    gemm.product(f, form, last=special)
    Quantiser(module, target, asymmetric=True)
    for name, wide, some in [("micro", vectors, False), ("micro_last", tail, masked)][
        : 1 + special
    ]:
        m = module.function(name, *gemm.MICRO, *extra)
        micro = _BlockMicro(
            m, target, (rows, wide, vectors), some, requantize.Form("blockwise", False, False)
        )
        micro.put(micro.totals(), clamp)


class _BlockMicro(HybridMicro):
    """Writes one function that computes `rows` x `wide` vectors of outputs."""

    def totals(self) -> list[str]:
        """The sums over blocks."""
        f, v, word = self.f, Floats(self.f, self.target), dot_of(self.target).word
        pointers = [gemm.row(f, r) for r in range(self.rows)]
        zeros = self.row_numbers(pointers)
        first = f.at("%panel", 4 * self.columns)
        start = [(v.type, "zeroinitializer")] * self.outputs
        with f.loop(0, "%blocks", 1, *start) as loop:
            block = f.at(first, f.mul(loop.index, "%block_bytes"))
            begin = f.mul(loop.index, "%block_words")
            bias, sums, scale = (
                [f.load(kind, block, 4 * (number * self.columns + n * v.lanes), 4)
                 for n in range(self.wide)]
                for number, kind in enumerate((self.kind, self.kind, v.type))
            )  # fmt: skip
            own = [
                f.op(f"add {self.kind} {bias[n]}, {f.op(f'mul {self.kind} {zero}, {sums[n]}')}")
                for zero in zeros for n in range(self.wide)
            ]  # fmt: skip
            # `summed` counts words from the panel's first.
            past = f.mul(f.mul(begin, word), self.columns)
            words = f.at(f.at(block, 4 * len(HEAD) * self.columns), f.sub(0, past))
            end = f.add(begin, "%block_words")
            own = self.summed(own, begin, end, pointers, words, 1)
            wholes = [f.op(f"sitofp {self.kind} {total} to {v.type}") for total in own]
            loop.carry(*(
                v.multiply_add(whole, scale[n % self.wide], total)
                for n, (whole, total) in enumerate(zip(wholes, loop.carried, strict=True))
            ))  # fmt: skip
        return loop.results

    def scales(self, row: int) -> list[list[str]]:
        """The row's scale; those of columns are the blocks'."""
        return [[self.of_its_row(row)]] * self.wide
