"""Convolutions of float pictures with few channels by integer filters: lines are copied (direct.py)
of pictures that are quantised (quantised_pictures.py), whose numbers are as in gemm_hybrid.py.
"""

from __future__ import annotations

from pytflite.jit.emit import direct, gather, gemm_hybrid, requantize
from pytflite.jit.emit.direct import Shape
from pytflite.jit.emit.direct_int8 import Words
from pytflite.jit.emit.dot import by_rows
from pytflite.jit.ir import Module
from pytflite.jit.target import Target


def convolution(
    module: Module, target: Target, *, rows: int, step: int, unroll: int, whole: bool,
    vectors: int, tail: int, masked: bool, asymmetric: bool, clamp: str,
) -> None:  # fmt: skip
    """Windows in lines times packed weights.

    Args:
        rows, step, unroll, whole: as in direct.Shape.
        vectors, tail, masked, asymmetric, clamp: as in gemm_hybrid.product.
    """
    target = by_rows(target)
    shape = Shape(rows, step, unroll, whole)
    copies = gather.Form(target, True, False, gemm_hybrid.change_of(target))
    extra = gemm_hybrid.PICTURE
    form = direct.Form(shape, vectors * target.lanes, 4, copies, extra, gemm_hybrid.meet)
    finish = requantize.Form("hybrid", False, False)
    special = masked or tail != vectors
    f = module.kernel(*direct.SLOTS[:-1], *gemm_hybrid.PICTURE_SLOTS)
    direct.convolution(f, form, last=special)
    both = ("micro", vectors, False), ("micro_last", tail, masked)
    for name, wide, some in both[: 1 + special]:
        m = module.function(name, *direct.MICRO, *extra)
        micro = Micro(m, target, shape, (wide, vectors), some, finish)
        micro.give(micro.products(micro.first(asymmetric=asymmetric)), clamp)


class Micro(Words, gemm_hybrid.PictureMicro):
    """All rows have the numbers of their picture."""

    def first(self, *, asymmetric: bool) -> list[str]:
        """What sums begin with: the bias, and what makes up for the zero point."""
        bias = self.bias()
        if not asymmetric:
            return bias
        (number,) = self.row_numbers([""])
        return [
            self.f.op(f"add {self.kind} {b}, {self.of_row(number, n)}") for n, b in enumerate(bias)
        ]
