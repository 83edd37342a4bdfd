"""gemm_hybrid.product for weights that have a scale for every few elements of a column.

    output = clamp(scale[m] * sum over blocks b of scale[b, n] * sum over k in b of
                   (q[m, k] - zero[m]) * weights[k, n]  + offset[n])

Rows are quantised as there, always with a zero point. A panel is `offset`, [columns], then block
after block [sums, scale: columns each][words of the block], so that it is read from front to back;
`sums` are those of the weights, for zero and for what is added to q to have it unsigned. A block's
sums are integers in registers; times its scale they go to sums in float32, which are as many: so
there are half as many rows at a time.

Large models wait for their weights. So those of 4 bits are `nibbles` in memory, two words in the
place of one, and bytes in registers, where each is 16 times what it is: so is its scale less. Their
scales, which are bfloat16, and sums share 32 bits.

    byte of a panel  b b b b a a a a      word 2j: a a a a 0 0 0 0      2j + 1: b b b b 0 0 0 0
"""

from __future__ import annotations

from pytflite.jit.emit import gemm, requantize
from pytflite.jit.emit.dot import dot_of, multiply_add, word_in_all_lanes
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.gemm_hybrid import SLOTS, HybridMicro, make_rows
from pytflite.jit.emit.quantising import Quantiser
from pytflite.jit.ir import Module
from pytflite.jit.target import Target

_BLOCKS = ("i64 blocks", "i64 block_words", "i64 block_bytes")
TIMES = 16  # what a nibble is multiplied by
_UPPER = "splat (i32 -252645136)"  # the upper halves of all bytes


def head(*, nibbles: bool) -> int:
    """Numbers of 32 bits that a block has for each column."""
    return 1 if nibbles else 2


def one_by_one(target: Target) -> Target:
    """The target, multiplying rows one at a time if it would by pairs."""
    return target._replace(dot="sdot") if dot_of(target).pairs else target


def product(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool, clamp: str,
    nibbles: bool,
) -> None:  # fmt: skip
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
        micro.put(micro.totals(nibbles=nibbles), clamp)


class _BlockMicro(HybridMicro):
    """Writes one function that computes `rows` x `wide` vectors of outputs."""

    def totals(self, *, nibbles: bool) -> list[str]:
        """The sums over blocks."""
        f, v, word = self.f, Floats(self.f, self.target), dot_of(self.target).word
        pointers = [gemm.row(f, r) for r in range(self.rows)]
        added = f"splat (i32 {dot_of(self.target).offset(unsigned=False)})"
        zeros = [f.op(f"sub {self.kind} {n}, {added}") for n in self.row_numbers(pointers)]
        first = f.at("%panel", 4 * self.columns)
        start = [(v.type, "zeroinitializer")] * self.outputs
        with f.loop(0, "%blocks", 1, *start) as loop:
            block = f.at(first, f.mul(loop.index, "%block_bytes"))
            begin = f.mul(loop.index, "%block_words")
            sums = self.block_sums(block, nibbles=nibbles)
            own = [f.op(f"mul {self.kind} {zero}, {total}") for zero in zeros for total in sums]
            words = f.at(block, 4 * head(nibbles=nibbles) * self.columns)
            end = f.add(begin, "%block_words")
            if nibbles:
                own = self.summed_nibbles(own, begin, end, pointers, words)
            else:  # `summed` counts words from the panel's first
                past = f.mul(f.mul(begin, word), self.columns)
                own = self.summed(own, begin, end, pointers, f.at(words, f.sub(0, past)), 1)
            scale = self.block_scales(block, nibbles=nibbles)
            wholes = [f.op(f"sitofp {self.kind} {total} to {v.type}") for total in own]
            loop.carry(*(
                v.multiply_add(whole, scale[n % self.wide], total)
                for n, (whole, total) in enumerate(zip(wholes, loop.carried, strict=True))
            ))  # fmt: skip
        return loop.results

    def block_sums(self, block: str, *, nibbles: bool) -> list[str]:
        """The sums of a block's weights; of nibbles as many times as large."""
        rows = self.head_row(block, 0)
        if not nibbles:
            return rows
        high = [self.f.op(f"shl {self.kind} {row}, splat (i32 16)") for row in rows]
        return [self.f.op(f"ashr {self.kind} {h}, splat (i32 12)") for h in high]

    def block_scales(self, block: str, *, nibbles: bool) -> list[str]:
        """The scales of a block."""
        rows = self.head_row(block, 0 if nibbles else 1)
        if nibbles:
            rows = [self.f.op(f"and {self.kind} {row}, splat (i32 -65536)") for row in rows]
        floats = f"<{self.target.lanes} x float>"
        return [self.f.op(f"bitcast {self.kind} {row} to {floats}") for row in rows]

    def head_row(self, block: str, number: int) -> list[str]:
        """Of what a block begins with."""
        places = (4 * (number * self.columns + n * self.target.lanes) for n in range(self.wide))
        return [self.f.load(self.kind, block, place, 4) for place in places]

    def summed_nibbles(
        self, first: list[str], begin: str, end: str, pointers: list[str], weights: str
    ) -> list[str]:
        """As `summed`, of weights that are nibbles; these begin with the words."""
        f, kind, target = self.f, self.kind, self.target
        word = dot_of(target).word
        carried = ("ptr", weights), *((kind, s) for s in first)
        with f.loop(begin, end, 2, *carried) as loop:
            place, *sums = loop.carried
            both = [f.load(kind, place, 4 * n * target.lanes) for n in range(self.wide)]
            low = [f.op(f"shl {kind} {w}, splat (i32 4)") for w in both]
            for number, vectors in enumerate((low, both)):
                upper = [f.op(f"and {kind} {w}, {_UPPER}") for w in vectors]
                at = f.mul(f.add(loop.index, number), word)
                for r, pointer in enumerate(pointers):
                    x = word_in_all_lanes(f, target, f.at(pointer, at))
                    for n, w in enumerate(upper, r * self.wide):
                        sums[n] = multiply_add(f, target, sums[n], x, w)
            loop.carry(f.at(place, 4 * self.columns), *sums)
        return loop.results[1:]

    def scales(self, row: int) -> list[list[str]]:
        """The row's scale; those of columns are the blocks'."""
        return [[self.of_its_row(row)]] * self.wide
