"""Convolutions of int8 and uint8 with few channels (direct.py has the loops; gemm_int8.py the
panels, in which each row of taps takes whole words).

A word is a group of inputs (dot.py), changed as instructions want them when lines are copied.
"""

from __future__ import annotations

from pytflite.jit.emit import direct, gather, gemm_int8, requantize, residual_int8, some_bytes
from pytflite.jit.emit.direct import Shape, Word
from pytflite.jit.emit.dot import by_rows, dot_of, load_weights, multiply_add, word_in_all_lanes
from pytflite.jit.ir import Function, Module, Value
from pytflite.jit.target import Target


def convolution(
    module: Module, target: Target, *, rows: int, step: int, unroll: int, whole: bool,
    vectors: int, tail: int, masked: bool, x: str, rounding: str, signed: bool, output: str,
    adds: bool = False,
) -> None:  # fmt: skip
    """Windows in lines times packed weights.

    Args:
        rows, step, unroll, whole: as in direct.Shape.
        vectors, tail, masked, x, rounding, signed, output, adds: as in gemm_int8.product.
    """
    target = by_rows(target)
    shape = Shape(rows, step, unroll, whole)
    copies = gather.Form(target, True, False, dot_of(target).change(unsigned=x == "uint8"))
    extra = *requantize.SLOTS, *(residual_int8.EXTRA if adds else ())
    form = direct.Form(shape, vectors * target.lanes, 1, copies, extra)
    finish = requantize.Form(rounding, signed, output == "uint8")
    special = masked or tail != vectors
    after = residual_int8.SLOTS if adds else ()
    f = module.kernel(*direct.SLOTS, *requantize.SLOTS, *after)
    direct.convolution(f, form, last=special)
    both = ("micro", vectors, False), ("micro_last", tail, masked)
    for name, wide, some in both[: 1 + special]:
        m = module.function(name, *direct.MICRO, *extra)
        micro = Words(m, target, shape, (wide, vectors), some, finish, adds)
        micro.finish(micro.products(micro.bias()))
    some_bytes.movers(module, target, masked=masked, loads=adds)


class Words(gemm_int8.Micro):
    """Writes one function that computes `shape.rows` x `wide` vectors of outputs.

    Args:
        sizes: wide, and how many vectors a row of the panel has.
    """

    def __init__(
        self, f: Function, target: Target, shape: Shape, sizes: tuple[int, int], masked: bool,
        form: requantize.Form, adds: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(f, target, (shape.rows, *sizes), masked, form, adds)
        self.shape = shape
        self.count = shape.rows

    def products(self, first: list[str]) -> list[str]:
        """Sums of all products; first: what each vector of a row begins with."""
        f, size = self.f, dot_of(self.target).word
        weights = f.at("%panel", 4 * len(requantize.rows(self.form.rounding)) * self.columns)
        word = Word(self.kind, size, size * self.columns, self._x, self._weights, self._multiply)
        return direct.sums(f, word, self.shape, weights, first * self.rows)

    def bias(self) -> list[str]:
        """Of each vector."""
        return [self.finisher.constant("bias", n, self.kind) for n in range(self.wide)]

    def _x(self, place: str, offset: int) -> str:
        return word_in_all_lanes(self.f, self.target, self.f.at(place, offset))

    def _weights(self, place: str, offset: int) -> list[str]:
        size = dot_of(self.target).word * self.target.lanes
        return [load_weights(self.f, self.target, place, offset + n * size)
                for n in range(self.wide)]  # fmt: skip

    def _multiply(self, x: str, weights: str, total: str) -> str:
        return multiply_add(self.f, self.target, total, x, weights)

    def place(self, row: Value) -> str:
        """Where the outputs of a row go."""
        return direct.outputs(self.f, row)
