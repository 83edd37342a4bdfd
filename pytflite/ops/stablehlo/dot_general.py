"""STABLEHLO_DOT_GENERAL: products of matrices, their axes chosen by the options.

    output[b, i, j] = sum over k of lhs[b, i, k] * rhs[b, j, k]

b stands for the batching dimensions, k for the contracting ones, both paired as the options list
them; i and j for what remains of lhs and rhs, in order. Sizes of pairs are alike.

    floats of all widths     summed in FLOAT32, or FLOAT64 where that takes part; rounded once
    integers                 as they are, whatever their scales; the output's type, wrapping around
    COMPLEX64, COMPLEX128, BOOL ("or" of "and")

precision_config makes no difference. LiteRT does not run it. Source: STABLEHLO_DOT_GENERAL;
StableHLO's specification.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import OptionError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.moving import check_rank
from pytflite.ops.operator import Cost, Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec
from pytflite.ops.stablehlo.products import ROWS, TYPES, Sums, check_axes, numbers, sums_of


class Side(NamedTuple):
    """The dimensions of an operand, by their role."""

    batch: Shape
    contracted: Shape
    free: Shape


class P(NamedTuple):
    """How the operands become stacks of matrices.

    Attributes:
        x, y: their dimensions as [batch, free, contracted] and [batch, contracted, free].
        sizes: batch, rows, depth and columns.
    """

    x: Shape
    y: Shape
    sizes: tuple[int, int, int, int]
    sums: Sums


def _side(node: Node, name: str, rank: int) -> Side:
    batch = numbers(node, f"{name}_batching_dimensions")
    contracted = numbers(node, f"{name}_contracting_dimensions")
    check_axes(node, f"the {name} dimensions", batch + contracted, rank, all=False)
    used = {*batch, *contracted}
    return Side(batch, contracted, tuple(axis for axis in range(rank) if axis not in used))


def _sides(node: Node, inputs: Sequence[Spec | None]) -> tuple[Side, Side] | None:
    """Both operands', or None while a rank is unknown.

    Raises:
        OptionError: the lists do not go together. ShapeError: nor do the sizes.
    """
    x, y = inputs
    assert x is not None and y is not None
    if x.shape is None or y.shape is None:
        return None
    left, right = _side(node, "lhs", len(x.shape)), _side(node, "rhs", len(y.shape))
    for what in ("batch", "contracted"):
        a, b = getattr(left, what), getattr(right, what)
        if len(a) != len(b):
            raise node.error(OptionError, f"the {what} dimensions do not pair", expected=a, found=b)
        for m, n in zip(a, b, strict=True):
            if None not in (x.shape[m], y.shape[n]) and x.shape[m] != y.shape[n]:
                raise node.error(
                    ShapeError, f"the {what} dimensions differ in size", tensor=1,
                    expected=f"{x.shape[m]}, as dimension {m} of lhs",
                    found=f"{y.shape[n]} of dimension {n}",
                )  # fmt: skip
    check_rank(node, len(left.batch) + len(left.free) + len(right.free))
    return left, right


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """Batch, what remains of lhs, what remains of rhs."""
    sides = _sides(node, inputs)
    x, y = inputs
    if sides is None:
        return (node.output(0, None),)
    assert x is not None and x.shape is not None and y is not None and y.shape is not None
    left, right = sides
    shape = [x.shape[axis] for axis in (*left.batch, *left.free)]
    return (node.output(0, [*shape, *(y.shape[axis] for axis in right.free)]),)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """The order of dimensions."""
    x, y = inputs
    sides = _sides(node, inputs)
    assert x is not None and y is not None and sides is not None
    left, right = sides
    sizes = (
        math.prod(x.static[a] for a in left.batch), math.prod(x.static[a] for a in left.free),
        math.prod(x.static[a] for a in left.contracted),
        math.prod(y.static[a] for a in right.free),
    )  # fmt: skip
    return P(
        left.batch + left.free + left.contracted,
        right.batch + right.contracted + right.free,
        sizes,
        sums_of(x, y, outputs[0].dtype, sizes[2]),
    )


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """One product of stacks of matrices."""
    batch, rows, depth, columns = p.sizes
    x = p.sums.factor(p.sums.x, inputs[0]).transpose(p.x).reshape(batch, rows, depth)
    y = p.sums.factor(p.sums.y, inputs[1]).transpose(p.y).reshape(batch, depth, columns)
    out = outputs[0].reshape(batch, rows, columns)
    if out.dtype == p.sums.kind:
        np.matmul(x, y, out=out)
    else:
        p.sums.store(np.matmul(x, y), out)
    return None


def cost(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
    """A product for each element of the output and step of the sum."""
    p = prepare(node, inputs, outputs)
    return Cost.of(math.prod(p.sizes), inputs, outputs)


define(
    "STABLEHLO_DOT_GENERAL",
    module=__name__,
    options="StablehloDotGeneralOptions",
    signature=Signature(*ROWS, **TYPES),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    cost=cost,
    tolerance=16,
    examples=(
        Example(
            [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]],
            [[[26.0, 30.0], [38.0, 44.0]]],
            {"lhs_contracting_dimensions": [0], "rhs_contracting_dimensions": [0]},
        ),
    ),
)
