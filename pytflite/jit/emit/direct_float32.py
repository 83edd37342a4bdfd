"""Convolutions of float32 with few channels (direct.py has the loops; gemm_float32.py the panels).

A word is a float: brought into all lanes, it meets one or two vectors of weights.
"""

from __future__ import annotations

from pytflite.jit.emit import direct, gather, gemm_float32
from pytflite.jit.emit.direct import Shape, Word
from pytflite.jit.ir import Function, Module, Value
from pytflite.jit.target import Target

EXTRA = ("ptr output", *gemm_float32.SLOTS)  # what micro takes besides


def convolution(
    module: Module, target: Target, *, rows: int, step: int, unroll: int, whole: bool,
    vectors: int, tail: int, masked: bool, clamp: str, residual: str,
) -> None:  # fmt: skip
    """Windows in lines times packed weights.

    Args:
        rows, step, unroll, whole: as in direct.Shape.
        vectors, tail, masked, clamp, residual: as in gemm_float32.Settings.
    """
    shape = Shape(rows, step, unroll, whole)
    copies = gather.Form(target, True, True)
    form = direct.Form(shape, vectors * target.lanes, 4, copies, EXTRA)
    special = masked or tail != vectors
    f = module.kernel(*direct.SLOTS, *gemm_float32.SLOTS)
    direct.convolution(f, form, last=special)
    both = ("micro", vectors, False), ("micro_last", tail, masked)
    for name, wide, some in both[: 1 + special]:
        micro = Micro(module.function(name, *direct.MICRO, *EXTRA), target, shape, wide, vectors,
                      some)  # fmt: skip
        micro.compute(clamp, residual)


class Micro(gemm_float32.Micro):
    """Writes one function that computes `shape.rows` x `wide` vectors of outputs."""

    def __init__(
        self, f: Function, target: Target, shape: Shape, wide: int, stride: int, masked: bool
    ) -> None:
        super().__init__(f, target, shape.rows, wide, stride, masked)
        self.shape = shape

    def compute(self, clamp: str, residual: str) -> None:
        """All of it."""
        f, v = self.f, self.v
        bias = [v.load("%panel", n * v.bytes) for n in range(self.wide)]
        word = Word(v.type, 4, self.stride, v.broadcast, self._weights, v.multiply_add)
        weights = f.at("%panel", self.stride)
        sums = direct.sums(f, word, self.shape, weights, bias * self.rows)
        end, store = self.ends(clamp, residual)
        rows = [end(r, sums[r * self.wide : (r + 1) * self.wide]) for r in range(self.rows)]
        for r, outputs in enumerate(rows):
            store(r, outputs)

    def _weights(self, place: str, offset: int) -> list[str]:
        return [self.v.load(place, offset + n * self.v.bytes) for n in range(self.wide)]

    def place(self, row: Value) -> str:
        """Where the outputs of a row go."""
        return direct.outputs(self.f, row)
