"""Products of float32 matrices, and convolutions as such products (gemm.py has the loops).

    output = clamp(bias[n] + sum over k of x[m, k] * weights[k, n])
    output = clamp_after(output + residual)                           if one is added

A panel is [1 + k, columns]: the bias, then the weights, `columns` being one or two vectors. micro
keeps rows x vectors of sums in registers, started with the bias. For each k it loads a vector of
weights or two, and one float of each row into all lanes:

                 w0      w1              AVX-512: 14 x 2 sums, 2 weights, 1 row:   31 of 32
    x[0, k]  |  s00  |  s01  |           AVX2:     6 x 2                           15 of 16
    x[1, k]  |  s10  |  s11  |           NEON:     8 x 2
       ...                               SSE2:     4 x 2

A sum waits four cycles for its predecessor, so with few rows k is dealt out to `chains` sums of
each output, added up at the end. With many, there is time to fetch the next panel on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pytflite.jit.emit import gather, gemm, turning, windows
from pytflite.jit.emit import panels_float32 as packing
from pytflite.jit.emit.floats import Floats
from pytflite.jit.ir import Function, Module, Value
from pytflite.jit.target import Target

# After those of gemm.py (and gather.py).
SLOTS = ("ptr residual", "float low", "float high", "float low_after", "float high_after")
EXTRA = ("ptr output", "i64 k", *SLOTS)  # what micro takes besides
End = Callable[[Value, list[str]], list[str]]
Store = Callable[[Value, list[str]], None]
_CLAMPS = {"none": (False, False), "low": (True, False), "both": (True, True)}


class Settings(NamedTuple):
    """What all these kernels have in common.

    Attributes:
        rows, vectors: sums that are kept in registers.
        tail: vectors that the last panel uses; masked: of which the last one in part.
        chains: sums of an output.
        clamp: which bounds apply: "none", "low" or "both".
        residual: which apply after the residual is added; "" if none is.
    """

    rows: int
    vectors: int
    tail: int
    masked: bool
    chains: int
    clamp: str
    residual: str

    @property
    def ahead(self) -> bool:
        """Whether the next panel is fetched meanwhile."""
        return self.chains == 1


def product(module: Module, target: Target, **settings: Any) -> None:
    """Rows of a matrix times packed weights."""
    s = Settings(**settings)
    form = gemm.Form(s.rows, s.vectors * target.lanes, 4, None, EXTRA, ahead=s.ahead)
    f = module.kernel(*gemm.SLOTS, *gemm.AHEAD, *SLOTS)
    gemm.product(f, form, last=_micros(module, target, s, form))


def convolution(
    module: Module, target: Target, *, runs: bool, short: int, taps: bool, **settings: Any
) -> None:
    """Windows times packed weights.

    Args:
        runs, short: as in gather.Form.
        taps: as in gemm.Form.
    """
    s = Settings(**settings)
    f = module.kernel(*gemm.SLOTS, *gather.SLOTS, *windows.SLOTS, *gemm.AHEAD, *SLOTS)
    gathers = gather.Form(target, runs, True, short=short)
    columns = s.vectors * target.lanes
    form = gemm.Form(s.rows, columns, 4, gathers, EXTRA, direct=True, taps=taps, ahead=s.ahead)
    gemm.product(f, form, last=_micros(module, target, s, form))


def matrices(
    module: Module, target: Target, *, x_turned: bool, weights_turned: bool, bias: bool,
    **settings: Any,
) -> None:  # fmt: skip
    """A matrix times one that is packed in the run.

    Args:
        x_turned: x is [k, m]. weights_turned: weights are [n, k].
        bias: there is one.
    """
    s = Settings(**settings)
    f = module.kernel(*gemm.SLOTS, *packing.SLOTS, *SLOTS)
    if x_turned or weights_turned:
        turning.turn(module, target)
    packing.pack(module, target, s.vectors, turned=weights_turned, bias=bias)
    form = gemm.Form(s.rows, s.vectors * target.lanes, 4, None, EXTRA, turns=x_turned)
    last = _micros(module, target, s, form)
    gemm.product(f, form, last=last, panel=packing.packer(s.vectors * target.lanes, weights_turned))


def windows_of_matrices(
    module: Module, target: Target, *, runs: bool, short: int, bias: bool, **settings: Any
) -> None:
    """Windows times weights [n, k] that are packed in the run.

    Args:
        runs, short: as in gather.Form.
        bias: there is one.
    """
    s = Settings(**settings)
    f = module.kernel(*gemm.SLOTS, *gather.SLOTS, *packing.SLOTS, *SLOTS)
    turning.turn(module, target)
    packing.pack(module, target, s.vectors, turned=True, bias=bias)
    columns = s.vectors * target.lanes
    form = gemm.Form(s.rows, columns, 4, gather.Form(target, runs, True, short=short), EXTRA)
    last = _micros(module, target, s, form)
    gemm.product(f, form, last=last, panel=packing.packer(columns, turned=True))


def _micros(module: Module, target: Target, s: Settings, form: gemm.Form) -> bool:
    """Writes @micro, and @micro_last if the last panel is another; whether it is."""
    special = s.masked or s.tail != s.vectors
    both = ("micro", s.vectors, False), ("micro_last", s.tail, s.masked)
    for name, wide, some in both[: 1 + special]:
        f = module.function(name, *form.takes)
        micro = Micro(f, target, s.rows, wide, s.vectors, some, ahead=form.ahead)
        if s.residual:
            micro.fetch_residual()
        micro.finish(micro.sums(s.chains, segments=form.direct), s.clamp, s.residual)
    return special


class Micro:
    """Writes one function that computes `rows` x `wide` vectors of outputs.

    Attributes:
        rows, wide: how many. stride: vectors of a row of the panel. masked: whether the last
            vector counts in part. ahead: whether it fetches the next panel.
        step: rows for which the table of segments has addresses.
    """

    def __init__(
        self, f: Function, target: Target, rows: int, wide: int, stride: int, masked: bool,
        *, ahead: bool = False, step: int = 0,
    ) -> None:  # fmt: skip
        self.f = f
        self.v = Floats(f, target)
        self.rows = rows
        self.wide = wide
        self.stride = stride * self.v.bytes
        self.masked = masked
        self.ahead = ahead
        self.step = step or rows

    def fetch_residual(self) -> None:
        """Asks for what is added last."""
        for r in range(self.rows):
            other = self.same_place("%residual", gemm.outputs(self.f, r))
            for n in range(self.wide):
                gemm.fetch(self.f, self.f.at(other, n * self.v.bytes), level=1)

    def sums(self, chains: int, *, segments: bool) -> list[str]:
        """Bias plus products, row by row; of rows that are segments, segment by segment."""
        f, v = self.f, self.v
        bias = [v.load("%panel", n * v.bytes) for n in range(self.wide)]
        weights = f.at("%panel", self.stride)
        outputs = self.rows * self.wide
        sums = [bias[n % self.wide] for n in range(outputs)]
        sums += ["zeroinitializer"] * (outputs * (chains - 1))
        if segments:
            with f.loop(0, "%segment_count", 1, *((v.type, s) for s in sums)) as loop:
                pointers = [gemm.segment(f, loop.index, r, self.step) for r in range(self.rows)]
                panel = weights, f.mul(loop.index, "%run")
                loop.carry(*self.run("%run", pointers, panel, loop.carried, chains))
            sums = loop.results
        else:
            pointers = [gemm.row(f, r) for r in range(self.rows)]
            sums = self.run("%k", pointers, (weights, "0"), sums, chains)
        first = sums[:outputs]
        for chain in range(1, chains):
            more = sums[outputs * chain : outputs * (chain + 1)]
            first = [v.add(a, b) for a, b in zip(first, more, strict=True)]
        return first

    def run(
        self, size: str, pointers: list[str], panel: tuple[str, str], sums: list[str], chains: int
    ) -> list[str]:
        """Adds `size` products to the sums.

        panel: its weights, and the number of the first that are used.
        """
        f, kind = self.f, self.v.type
        weights, first = panel
        weights = f.at(weights, f.mul(first, self.stride))
        outputs = self.rows * self.wide
        whole = size if chains == 1 else f.op(f"and i64 {size}, -{chains}")
        with f.loop(0, whole, chains, *((kind, s) for s in sums)) as loop:
            if self.ahead:
                gemm.fetch_next(f, f.add(first, loop.index))
            carried: list[str] = []
            for chain in range(chains):
                own = loop.carried[outputs * chain : outputs * (chain + 1)]
                k = f.add(loop.index, chain) if chain else loop.index
                carried += self.products(pointers, weights, k, own)
            loop.carry(*carried)
        if chains == 1:
            return loop.results
        rest = loop.results[outputs:]
        with f.loop(whole, size, 1, *((kind, s) for s in loop.results[:outputs])) as loop:
            loop.carry(*self.products(pointers, weights, loop.index, loop.carried))
        return [*loop.results, *rest]

    def products(self, pointers: list[str], weights: str, k: str, sums: list[str]) -> list[str]:
        """The products of one k, added to the sums."""
        f, v = self.f, self.v
        place = f.at(weights, f.mul(k, self.stride))
        vectors = [v.load(place, n * v.bytes) for n in range(self.wide)]
        at = f.mul(k, 4)
        added = []
        for r, pointer in enumerate(pointers):
            x = v.broadcast(f.at(pointer, at))
            for n, w in enumerate(vectors):
                added.append(v.multiply_add(x, w, sums[r * self.wide + n]))
        return added

    def finish(self, sums: list[str], clamp: str, residual: str) -> None:
        """Clamps, adds the residual and stores, as many rows as there are.

        The residual may lie where the outputs go. Where a row ends within a vector, what follows
        can be loaded only when its store is over: so all is loaded before anything is stored.
        """
        end, store = self.ends(clamp, residual)
        rows = [end(r, sums[r * self.wide : (r + 1) * self.wide]) for r in range(self.rows)]
        for r, outputs in enumerate(rows):
            with self.f.when(self.f.compare("sgt", "%count", r)):
                store(r, outputs)

    def ends(self, clamp: str, residual: str) -> tuple[End, Store]:
        """What makes outputs of the sums of a row, and what stores them."""
        f, v = self.f, self.v
        last = self.wide - 1
        mask = v.mask(f.sub("%width", last * v.lanes)) if self.masked else ""
        bounds = self.bounds(clamp, "%low", "%high")
        after = self.bounds(residual, "%low_after", "%high_after") if residual else ()

        def end(row: Value, sums: list[str]) -> list[str]:
            outputs = [self.clamped(y, bounds) for y in sums]
            if not residual:
                return outputs
            other = self.same_place("%residual", self.place(row))
            added = [
                v.load_some(mask, other, n * v.bytes)
                if mask and n == last
                else v.load(other, n * v.bytes)
                for n in range(self.wide)
            ]
            return [self.clamped(v.add(y, z), after) for y, z in zip(outputs, added, strict=True)]

        def store(row: Value, outputs: list[str]) -> None:
            place = self.place(row)
            for n, y in enumerate(outputs):
                if mask and n == last:
                    v.store_some(y, mask, place, n * v.bytes)
                else:
                    v.store(y, place, n * v.bytes)

        return end, store

    def place(self, row: Value) -> str:
        """Where the outputs of a row go."""
        return gemm.outputs(self.f, row)

    def same_place(self, other: str, place: str) -> str:
        """Where a place of the output would be in another tensor of its shape."""
        f = self.f
        at, output = (f.op(f"ptrtoint ptr {pointer} to i64") for pointer in (place, "%output"))
        return f.at(other, f.sub(at, output))

    def bounds(self, clamp: str, low: str, high: str) -> tuple[str, ...]:
        """The bounds that apply, in all lanes: none, the lower, or both."""
        return tuple(
            self.v.splat(b) for b, there in zip((low, high), _CLAMPS[clamp], strict=True) if there
        )

    def clamped(self, x: str, bounds: tuple[str, ...]) -> str:
        """x within the bounds."""
        for bound, limit in zip(bounds, (self.v.at_least, self.v.at_most), strict=False):
            x = limit(x, bound)
        return x
