"""Products of 8-bit integers by AArch64's matrix instruction, which takes rows and columns in twos.

    smmla     sums[2, 2] += x[2, 8] * weights[8, 2]         each operand is one register

           k: 0 ... 7   8 ... 15                    k: 0 ... 7   8 ... 15
    row 0     a0          a1          in pairs:        a0          b0
    row 1     b0          b1                           a1          b1

A block's rows are brought into scratch like any others, and then changed where they lie, 16 bytes
of two rows at a time, as drawn: what begins at row 0 is then both rows' first 8 numbers, and at
row 1 their next 8. So a row has to be of 16 bytes times something; what is behind its numbers meets
weights of zero. A row that has no partner is its own. Panels are those of dot.py, in groups of 8:
two columns that follow each other are a register, and the sums of rows 0, 1 and columns 0, 1

    [0 0] [0 1] [1 0] [1 1]

are put side by side, and back, outside of the loop over k. A product of one row is not in pairs:
the instruction gets it twice.
"""

from __future__ import annotations

from pytflite.jit.emit.dot import load_weights, multiply_add, word_in_all_lanes
from pytflite.jit.ir import Function
from pytflite.jit.target import Target

STEP = 16  # bytes of a row
_VECTOR = "<2 x i64>"
_SUMS = "<4 x i32>"


def pair(f: Function, place: str, count: str) -> None:
    """Changes rows in scratch, where there must be room for an even number; they stay apart.

    The last one is repeated if it has no partner, with what may lie behind its numbers.
    """
    last = f.at(place, f.mul(f.sub(count, 1), "%x_row"))
    with f.when(f.op(f"trunc i64 {count} to i1")), f.loop(0, "%x_row", STEP) as loop:
        f.store(_VECTOR, f.load(_VECTOR, last, loop.index), f.at(last, "%x_row"), loop.index)
    bring(f, place, count, place, change=False)


def bring(f: Function, place: str, count: str, source: str, *, change: bool) -> None:
    """Brings rows into scratch in pairs.

    Args:
        place: where they go.
        count: of them.
        source: where they are, as far apart.
        change: the first bit of each byte is turned.
    """
    _writer(f, change=change)
    size = f.mul("%k", 8)
    with f.loop(0, count, 2) as loop:
        second = f.min(f.add(loop.index, 1), f.sub(count, 1))
        to = f.at(place, f.mul(loop.index, "%x_row"))
        rows = [f.at(source, f.mul(row, "%x_row")) for row in (loop.index, second)]
        f.call(
            "void", "pair", f"ptr {to}", f"ptr {f.at(to, '%x_row')}", f"ptr {rows[0]}",
            f"ptr {rows[1]}", f"i64 {size}",
        )  # fmt: skip


def _writer(outer: Function, *, change: bool) -> None:
    """@pair(to, to1, from, from1, size): what is read of both rows is read before it is written."""
    f = outer.module.function("pair", "ptr to", "ptr to1", "ptr from", "ptr from1", "i64 size")
    with f.loop(0, "%size", STEP) as loop:
        rows = [f.load("<16 x i8>", p, loop.index) for p in ("%from", "%from1")]
        if change:
            rows = [f.op(f"xor <16 x i8> {row}, splat (i8 -128)") for row in rows]
        words = [f.op(f"bitcast <16 x i8> {row} to {_VECTOR}") for row in rows]
        for half, to in enumerate(("%to", "%to1")):
            f.store(_VECTOR, _halves(f, _VECTOR, words[0], words[1], half), to, loop.index)


def _halves(f: Function, kind: str, a: str, b: str, half: int) -> str:
    """The lower (0) or upper (1) halves of two registers."""
    of = 2 if kind == _SUMS else 1
    order = [of * half + n for n in range(of)]
    order += [n + 2 * of for n in order]
    mask = ", ".join(f"i32 {n}" for n in order)
    return f.op(f"shufflevector {kind} {a}, {kind} {b}, <{2 * of} x i32> <{mask}>")


class Pairs:
    """The products of one `micro`.

    Args:
        sizes: rows, vectors of sums a row, columns of a panel.
    """

    def __init__(self, f: Function, target: Target, sizes: tuple[int, int, int]) -> None:
        self.f = f
        self.target = target
        self.rows, self.wide, self.columns = sizes

    def summed(self, first: list[str], pointers: list[str], weights: str, chains: int) -> list[str]:
        """All products, added to the sums `first`.

        Args:
            first: row by row.
            pointers: of rows.
            chains: 2 keeps sums of each half of 16 numbers.
        """
        f = self.f
        sums = self._joined(first)
        count = len(sums)
        sums += ["zeroinitializer"] * (count * (chains - 1))
        with f.loop(0, "%k", STEP // 8, *((_SUMS, s) for s in sums)) as loop:
            own = loop.carried
            for half in range(2):
                begin = count * (half % chains)
                part = self._step(pointers, weights, loop.index, half, own[begin : begin + count])
                own = own[:begin] + part + own[begin + count :]
            loop.carry(*own)
        sums = loop.results[:count]
        for n in range(count, count * chains):
            sums[n - count] = f.op(f"add {_SUMS} {sums[n - count]}, {loop.results[n]}")
        return self._split(sums)

    def _step(
        self, pointers: list[str], weights: str, group: str, half: int, sums: list[str]
    ) -> list[str]:
        """The products of the group of this number (0), or of the one after it (1)."""
        f, target = self.f, self.target
        line = f.at(f.at(weights, f.mul(group, 8 * self.columns)), 8 * self.columns * half)
        words = self._words(pointers, f.mul(group, 8), half)
        held = [load_weights(f, target, line, STEP * n) for n in range(2 * self.wide)]
        added = list(sums)
        order = [(number, n) for n in range(len(held)) for number in range(len(words))]
        if len(words) > len(held):
            order.sort()
        for number, n in order:
            at = number * len(held) + n
            added[at] = multiply_add(f, target, added[at], words[number], held[n])
        f.do('fence syncscope("singlethread") seq_cst')  # loads stay near: registers are few
        return added

    def _words(self, pointers: list[str], at: str, half: int) -> list[str]:
        """8 numbers of each pair of rows."""
        f = self.f
        if self.rows == 1:
            return [word_in_all_lanes(f, self.target, f.at(f.at(pointers[0], at), 8 * half))]
        return [f.load(_SUMS, p, at) for p in pointers[half::2]]

    def _joined(self, rows: list[str]) -> list[str]:
        """Sums of rows as sums of pairs of rows and columns."""
        wide, found = self.wide, []
        for row in range(0, self.rows, 2):
            second = min(row + 1, self.rows - 1)
            for n in range(wide):
                a, b = rows[row * wide + n], rows[second * wide + n]
                found += [_halves(self.f, _SUMS, a, b, half) for half in (0, 1)]
        return found

    def _split(self, pairs: list[str]) -> list[str]:
        """The reverse."""
        wide, found = self.wide, []
        for row in range(self.rows):
            for n in range(wide):
                at = 2 * (row // 2 * wide + n)
                found.append(_halves(self.f, _SUMS, pairs[at], pairs[at + 1], row % 2))
        return found
