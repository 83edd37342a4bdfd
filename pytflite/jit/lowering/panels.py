"""Integer products of matrices that are computed in the run: what makes them ready."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.gemm_int16 import in_words
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.copying import Copy, plain_copy
from pytflite.jit.lowering.products_int8 import Ending
from pytflite.jit.lowering.registry import Lowering
from pytflite.jit.lowering.requantizing import make_constants, pack_constants
from pytflite.jit.lowering.tiles import columns_of, vectors_of
from pytflite.jit.target import Target
from pytflite.jit.work import At, Slot, Work
from pytflite.model.graph import Array
from pytflite.plan.plan import Step

_SPREAD = 64  # times the matrix: what its panels may take, ...
_SMALL = 1 << 20  # ... or so many bytes
TOO_SPARSE = "panels of its second matrix would take too much memory"


class Panels(NamedTuple):
    """What panels of int8 are, besides the numbers.

    Attributes:
        rounding, constants: of a panel. size: its bytes.
        factor, plus: as in emit/panels_int8.py.
        words: for products of int16.
    """

    rounding: str
    constants: Slot
    size: int
    factor: int = 0
    plus: int = 0
    words: bool = False


def same_constants(target: Target, ending: Ending, reals: Array, reach: int, n: int) -> Array:
    """Those of a panel all of whose columns have the same; the bias lacks what the weights add."""
    made = make_constants(
        ending.rounding, reals, np.zeros(1, np.int64), ending.range(target, reach)
    )  # fmt: skip
    columns = columns_of(target, n)
    whole = {name: np.broadcast_to(value, columns) for name, value in made.items()}
    return pack_constants(ending.rounding, whole, columns, np.arange(columns))


def first_factor(step: Step, to: Lowering) -> tuple[list[Work], Slot]:
    """x as [..., m, k], and what turns it if it is not."""
    x, place = step.input_specs[0], to.input(step, 0)
    assert x is not None
    if step.node.name != "BATCH_MATMUL" or not step.node.options.adj_x:
        return [], place
    *stack, k, m = x.static
    turned = to.room(step, x.nbytes)
    sizes = math.prod(stack), m, k
    copy = Copy(sizes, (k * m, 1, m), (k * m, k, 1))
    return plain_copy(place, turned, copy, x.dtype), turned


def second_factor(step: Step, to: Lowering, panels: Panels) -> tuple[Work, At] | str:
    """Panels of all matrices of y, and what makes them."""
    y = step.input_specs[1]
    turned = step.node.name != "BATCH_MATMUL" or bool(step.node.options.adj_y)  # [..., n, k]
    assert y is not None
    *stack, n, k = y.static if turned else (*y.static[:-2], y.static[-1], y.static[-2])
    target = to.target
    columns, dot = columns_of(target, n), dot_of(in_words(target) if panels.words else target)
    count = -(-n // columns)
    tiles = math.prod(stack) * count
    if tiles * panels.size > max(_SMALL, _SPREAD * y.nbytes):
        return TOO_SPARSE
    place = to.room(step, tiles * panels.size)
    code = kernel(
        "panels_int8.pack", vectors=vectors_of(target, n),
        tail=-(-(n - (count - 1) * columns) // target.lanes), rounding=panels.rounding,
        turned=turned, words=panels.words,
    )  # fmt: skip
    slots = (
        place, to.input(step, 1), panels.constants, count, n, k, dot.groups(k), y.static[-1],
        n * k, panels.size, panels.factor, panels.plus,
    )  # fmt: skip
    return Work(code, slots, tiles), place
