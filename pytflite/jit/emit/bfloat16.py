"""Floats as sums of bfloat16: x = p0 + p1 + p2, each the nearest to what those before it left.

    x     1.01101110110010111010010 * 2^e        24 bits
    p0    1.0110111                              8 of them each: with three parts nothing is lost
    p1            0.10110010 ...
    p2                     ...

A product of floats is then six products of parts, p_i * q_j with i + j <= 2: what is left out is
below 2^-24 of it. Two parts and three products err by some 2^-16, one and one by 2^-8.

Rows of x become tiles of AMX, which multiply pairs of numbers. A line holds 32 numbers of k,
16 pairs: x[j] and x[j + 16] where there are several parts, so that two vectors become a line
without changing lanes; x[2 j] and x[2 j + 1] where there is one, as vcvtne2ps2bf16 has it.

    planes[row / 16, k / 32, part, row % 16] = line

Parts of some numbers would be lost: instructions for bfloat16 take denormal numbers as zero, and
infinity minus itself is none. So a normal number has to be at least LEAST, for its third part to
be normal too, and below LIMIT, for products to be finite; flags say so where it is not. Denormal
numbers are zero in all compiled kernels.
"""

from __future__ import annotations

from pytflite.jit.emit.floats import Floats
from pytflite.jit.ir import Function, Value
from pytflite.jit.target import Target

STEP = 32  # numbers of k in a line
ROWS = 16  # lines of a tile
LINE = 64  # bytes
TILE = ROWS * LINE
TALL = 2 * ROWS  # rows that are multiplied at a time
HEAD = 64  # bytes of the head of a panel of weights: 1 in it says that they are not split
LEAST, LIMIT, NORMAL = 2.0**-100, 2.0**63, 2.0**-126
_LEAST_BITS, _LIMIT_BITS, _NORMAL_BITS = (127 - 100) << 23, (127 + 63) << 23, 1 << 23
_WORDS, _SHORTS = "<16 x i32>", "<32 x bfloat>"
_HIGH = "splat (i32 -65536)"  # the upper half of a word, a bfloat16


class Splitter:
    """Writes the split of a block's rows.

    Attributes:
        parts: of a number.
        planes: where they go.
        found: of the magnitudes so far, the largest's bits, and the least's, less those of NORMAL:
            zero and denormal numbers are above all others then.
    """

    def __init__(self, f: Function, target: Target, parts: int, planes: str) -> None:
        self.f = f
        self.v = Floats(f, target)
        self.parts = parts
        self.planes = planes
        self.found = [(_WORDS, "zeroinitializer"), (_WORDS, "splat (i32 -1)")] * (parts > 1)

    def row(self, number: str, strip: str) -> str:
        """Where a row's first line goes; a strip has the bytes of 16 rows."""
        f = self.f
        above = f.mul(f.op(f"lshr i64 {number}, 4"), strip)
        return f.at(self.planes, f.add(above, f.mul(f.op(f"and i64 {number}, 15"), LINE)))

    def run(
        self, source: str, size: str, to: str, found: list[str], *, whole: bool
    ) -> tuple[str, list[str]]:
        """Splits numbers that lie side by side; what follows the lines, and what was found.

        Args:
            whole: they fill their lines. Otherwise zeros follow them.
        """
        f, v = self.f, self.v
        carried = [("ptr", to), *((_WORDS, x) for x in found)]
        end = size if whole else f.op(f"and i64 {size}, -{STEP}")
        with f.loop(0, end, STEP, *carried) as loop:
            at = f.mul(loop.index, 4)
            pair = v.load(source, at), v.load(source, f.add(at, v.bytes))
            loop.carry(*self._line(pair, loop.carried))
        if not whole:
            left = f.sub(size, end)
            masks = v.mask(left), v.mask(f.sub(left, v.lanes))
            carried = list(zip(("ptr", _WORDS, _WORDS), loop.results, strict=False))
            with f.loop(end, size, STEP, *carried) as loop:  # once, or not at all
                at = f.mul(loop.index, 4)
                places = at, f.add(at, v.bytes)
                low, high = (v.load_some(m, source, p) for m, p in zip(masks, places, strict=True))
                loop.carry(*self._line((low, high), loop.carried))
        after, *seen = loop.results
        return after, seen

    def flag(self, found: list[str]) -> str:
        """1 (i64) if parts cannot hold what was found."""
        f = self.f
        largest, least = (
            f.call("i32", f"llvm.vector.reduce.{how}.v16i32", f"{_WORDS} {x}")
            for how, x in zip(("umax", "umin"), found, strict=True)
        )
        large = f.compare("uge", largest, _LIMIT_BITS, "i32")
        small = f.compare("ult", least, _LEAST_BITS - _NORMAL_BITS, "i32")
        return f.op(f"zext i1 {f.op(f'or i1 {large}, {small}')} to i64")

    def _line(self, pair: tuple[str, str], carried: list[str]) -> list[str]:
        """Writes a line of each part; what is carried on."""
        f = self.f
        to, *found = carried
        for number, words in enumerate(self._split(*pair)):
            f.store(_WORDS, words, to, number * TILE, LINE)
        for x in pair if found else ():
            bits = self._bits(x)
            bits = f.op(f"and {_WORDS} {bits}, splat (i32 {2**31 - 1})")
            above = f.op(f"sub {_WORDS} {bits}, splat (i32 {_NORMAL_BITS})")
            found = [
                f.call(_WORDS, f"llvm.{how}.v16i32", f"{_WORDS} {a}", f"{_WORDS} {b}")
                for how, a, b in zip(("umax", "umin"), found, (bits, above), strict=True)
            ]
        return [f.at(to, self.parts * TILE), *found]

    def _split(self, low: str, high: str) -> list[str]:
        """The words of each part; `low` is the lower half of each."""
        f, kind = self.f, self.v.type
        if self.parts == 1:
            name = "llvm.x86.avx512bf16.cvtne2ps2bf16.512"
            line = f.call(_SHORTS, name, f"{kind} {high}", f"{kind} {low}")
            return [f.op(f"bitcast {_SHORTS} {line} to {_WORDS}")]
        words = []
        for part in range(self.parts):
            rests, halves = [], []
            for x in (low, high):
                bits = self._bits(x)
                if part < 2:  # the third part is all that is left: there is nothing to round
                    bits = f.op(f"add {_WORDS} {bits}, splat (i32 {1 << 15})")
                    bits = f.op(f"and {_WORDS} {bits}, {_HIGH}")
                nearest = f.op(f"bitcast {_WORDS} {bits} to {kind}")
                rests.append(f.op(f"fsub {kind} {x}, {nearest}"))
                halves.append(bits)
            lower = f.op(f"lshr {_WORDS} {halves[0]}, splat (i32 16)")
            words.append(f.op(f"or {_WORDS} {lower}, {halves[1]}"))
            low, high = rests
        return words

    def _bits(self, x: str) -> str:
        return self.f.op(f"bitcast {self.v.type} {x} to {_WORDS}")


def join(v: Floats, pointer: str, parts: int, stride: Value) -> tuple[str, str]:
    """The numbers of a line of several parts, `stride` bytes from part to part: exactly."""
    f = v.f
    lows, highs = [], []
    for part in reversed(range(parts)):
        words = f.load(_WORDS, pointer, f.mul(stride, part), LINE)
        low = f.op(f"shl {_WORDS} {words}, splat (i32 16)")
        high = f.op(f"and {_WORDS} {words}, {_HIGH}")
        lows.append(f.op(f"bitcast {_WORDS} {low} to {v.type}"))
        highs.append(f.op(f"bitcast {_WORDS} {high} to {v.type}"))
    while len(lows) > 1:
        lows[:2], highs[:2] = [v.add(*lows[:2])], [v.add(*highs[:2])]
    return lows[0], highs[0]
