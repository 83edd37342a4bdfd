"""Products of float32 rows, quantised on their way into scratch, and matrices of 8-bit integers.

    q[m, k] = round(x[m, k] / scale[m]) + zero[m]             ops/hybrid.py, to the bit
    output = clamp(scale[m] * scale[n] * sum over k of (q[m, k] - zero[m]) * weights[k, n] + bias)

Rows in scratch are as dot.py wants them; behind each lie its numbers (quantising.py). A panel is
[constants, columns]: `bias`, in integers, makes up for what is added to q to have it unsigned;
`sums` of the weights, for zero; `scale`; `offset`, the layer's bias. Then follow the weights, as in
gemm_int8.py, whose sums these are.

Convolutions get pictures that are quantised (quantised_pictures.py), and the numbers of each.
"""

from __future__ import annotations

from pytflite.jit.emit import gather, gemm, requantize
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.floats import Floats
from pytflite.jit.emit.gemm_int8 import Micro, fetches, in_pairs
from pytflite.jit.emit.quantising import FILL, NUMBERS, SCALE, ZERO, Quantiser
from pytflite.jit.ir import Function, Module
from pytflite.jit.target import Target

# After those of gemm.py: where a row's numbers lie, elements of a row, and bounds.
SLOTS = ("i64 sum_place", "i64 depth", "float low", "float high")


def product(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, asymmetric: bool, clamp: str, quantised: bool,
) -> None:  # fmt: skip
    """Rows of floats times packed weights.

    Args:
        rows ... chains: as in gemm_int8.product.
        asymmetric: rows are quantised with a zero point.
        clamp: which bounds apply: "none", "low" or "both".
        quantised: by the kernel `rows`, for several products.
    """
    extra = ("i64 k", *SLOTS)
    pairs = in_pairs(target, rows)
    makes = None if quantised else make_rows
    form = gemm.Form(
        rows, vectors * target.lanes, 4, None, extra, makes=makes, pairs=pairs,
        ahead=fetches(target, chains),
    )  # fmt: skip
    f = module.kernel(*gemm.SLOTS, *gemm.AHEAD, *SLOTS)
    special = masked or tail != vectors
    gemm.product(f, form, last=special)
    if not quantised:
        Quantiser(module, target, asymmetric=asymmetric)
    for name, wide, some in [("micro", vectors, False), ("micro_last", tail, masked)][
        : 1 + special
    ]:
        m = module.function(name, *form.takes)
        finish, sizes = requantize.Form("hybrid", False, False), (rows, wide, vectors)
        micro = HybridMicro(m, target, sizes, some, finish, ahead=form.ahead)
        micro.give(micro.sums(chains, rows=asymmetric), clamp)


def rows(module: Module, target: Target, *, asymmetric: bool) -> None:
    """Quantises rows for products. A tile is `block` of them, which are x_row bytes long each."""
    f = module.kernel(
        "ptr x", "ptr to", "i64 m", "i64 block", "i64 depth", "i64 x_row", "i64 sum_place"
    )
    Quantiser(module, target, asymmetric=asymmetric)
    with f.loop("%begin", "%end") as tile:
        first = f.mul(tile.index, "%block")
        place = f.at("%to", f.mul(first, "%x_row"))
        make_rows(f, "%x", place, first, f.min(f.sub("%m", first), "%block"))


def pixels(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, asymmetric: bool, clamp: str,
) -> None:  # fmt: skip
    """Pixels of quantised pictures, which have a scale each, times packed weights."""
    columns, pairs, change = vectors * target.lanes, in_pairs(target, rows), change_of(target)
    copies = gather.Form(target, True, False, change) if change or pairs else None
    form = gemm.Form(
        rows, columns, 4, None, _EXTRA, copies, meets=meet, pairs=pairs,
        ahead=fetches(target, chains),
    )  # fmt: skip
    _pictures(module, target, form, (vectors, tail, masked, chains), clamp, asymmetric=asymmetric)


def convolution(
    module: Module, target: Target, *, rows: int, vectors: int, tail: int, masked: bool,
    chains: int, asymmetric: bool, clamp: str, runs: bool, short: int,
) -> None:  # fmt: skip
    """Windows, gathered from quantised pictures.

    Args:
        runs, short: as in gather.Form.
    """
    gathers = gather.Form(target, runs, False, change_of(target), short)
    columns, pairs = vectors * target.lanes, in_pairs(target, rows)
    form = gemm.Form(
        rows, columns, 4, gathers, _EXTRA, meets=meet, pairs=pairs, ahead=fetches(target, chains)
    )
    _pictures(module, target, form, (vectors, tail, masked, chains), clamp, asymmetric=asymmetric)


def change_of(target: Target) -> str:
    """What is to be done to numbers of quantised pictures, which are bytes."""
    return "wide" if dot_of(target).width > 1 else ""


# A kernel's slots for quantised pictures, and what micro takes of one.
PICTURE_SLOTS = ("ptr numbers", "float low", "float high")
PICTURE = ("ptr own", "float low", "float high")
_EXTRA = ("i64 k", *PICTURE)


def _pictures(
    module: Module, target: Target, form: gemm.Form, sizes: tuple[int, int, bool, int],
    clamp: str, *, asymmetric: bool,
) -> None:  # fmt: skip
    vectors, tail, masked, chains = sizes
    gathering = gather.SLOTS[:-1] if form.gathers else ()  # the fill is found in the run
    special = masked or tail != vectors
    f = module.kernel(*gemm.SLOTS, *gathering, *gemm.AHEAD, *PICTURE_SLOTS)
    gemm.product(f, form, last=special)
    names = [("micro", vectors, False), ("micro_last", tail, masked)]
    for name, wide, some in names[: 1 + special]:
        m = module.function(name, *form.takes)
        finish, own = requantize.Form("hybrid", False, False), (form.rows, wide, vectors)
        micro = PictureMicro(m, target, own, some, finish, ahead=form.ahead)
        micro.give(micro.sums(chains, rows=asymmetric), clamp)


def meet(f: Function, picture: str) -> None:
    """Finds the numbers of a picture."""
    f.do(f"%own = getelementptr i8, ptr %numbers, i64 {f.mul(picture, NUMBERS)}")
    f.do(f"%fill = load i64, ptr {f.at('%own', FILL)}, align 8")


def make_rows(f: Function, x: str, place: str, first: str, count: str) -> None:
    """Quantises rows, each step for all of them."""
    line = f.mul("%depth", 4)
    first_row = f.at(x, f.mul(first, line))
    first_numbers = f.at(place, "%sum_place")
    for name in ("measure", "choose", "quantise"):
        with f.loop(0, count) as loop:
            moved = f.mul(loop.index, "%x_row")
            numbers = f"ptr {f.at(first_numbers, moved)}"
            row = f"ptr {f.at(first_row, f.mul(loop.index, line))}", "i64 %depth"
            of_name: dict[str, tuple[str, ...]] = {
                "measure": (*row, numbers),
                "choose": (numbers,),
                "quantise": (f"ptr {f.at(place, moved)}", *row, numbers),
            }
            f.call("void", name, *of_name[name])


class HybridMicro(Micro):
    """Writes one function that computes `rows` x `wide` vectors of outputs."""

    def of_row(self, number: str, n: int) -> str:
        """-zero times the sum of the weights."""
        sums = self.finisher.constant("sums", n, self.kind)
        return self.f.op(f"mul {self.kind} {number}, {sums}")

    def give(self, sums: list[str], clamp: str) -> None:
        """Scales, adds the bias, clamps and stores."""
        kind = f"<{self.target.lanes} x float>"
        self.put([self.f.op(f"sitofp {self.kind} {total} to {kind}") for total in sums], clamp)

    def put(self, totals: list[str], clamp: str) -> None:
        """The same for sums in float32."""
        f, v = self.f, Floats(self.f, self.target)
        low, high = v.splat("%low"), v.splat("%high")
        last = self.wide - 1
        mask = v.mask(f.sub("%width", last * v.lanes)) if self.masked else ""
        for r in range(self.rows):
            scales = self.scales(r)
            output = self.place(r)
            for n in range(self.wide):
                y = totals[r * self.wide + n]
                for scale in scales[n]:
                    y = f.op(f"fmul {v.type} {y}, {scale}")
                y = v.add(y, self.finisher.constant("offset", n))
                y = v.at_least(y, low) if clamp != "none" else y
                y = v.at_most(y, high) if clamp == "both" else y
                if mask and n == last:
                    v.store_some(y, mask, output, n * v.bytes)
                else:
                    v.store(y, output, n * v.bytes)

    def scales(self, row: int) -> list[list[str]]:
        """What each vector of a row is multiplied by: the row's scale, then the columns'."""
        own = self.of_its_row(row)
        return [[own, self.finisher.constant("scale", n)] for n in range(self.wide)]

    def of_its_row(self, row: int) -> str:
        """The scale that a row was quantised with."""
        place = self.f.add("%sum_place", SCALE)
        return Floats(self.f, self.target).broadcast(self.f.at(gemm.row(self.f, row), place))


class PictureMicro(HybridMicro):
    """All rows have the numbers of their picture, whose scale is multiplied with the columns'."""

    def row_numbers(self, pointers: list[str]) -> list[str]:
        """-zero."""
        zero = self.f.load("i32", "%own", ZERO)
        return [self.f.splat("i32", self.target.lanes, zero)] * len(pointers)

    def scales(self, row: int) -> list[list[str]]:
        """Of all columns."""
        v, f = Floats(self.f, self.target), self.f
        own = v.broadcast("%own", SCALE)
        of_columns = [self.finisher.constant("scale", n) for n in range(self.wide)]
        return [[f.op(f"fmul {v.type} {of}, {own}")] for of in of_columns]
