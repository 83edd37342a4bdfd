"""TRANSPOSE: axes in another order.

    output[i_perm[0], i_perm[1], ...] = input[i_0, i_1, ...],  output.shape[k] = shape[perm[k]]

The second input (INT32 or INT64) is the permutation; negative axes count from the end. Any type,
any rank. Source: TRANSPOSE (kernels/transpose.cc).

Axes that stay neighbours are merged first, so that few are left. If the last one moves, elements
that follow each other in the output lie far apart in the input; then it is done in tiles, each of
which fits the cache:

    input  [..., i, ..., j]            j runs fastest here
    output [..., j, ..., i]            and i here: a tile is TILE of i times TILE of j
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy import copyto

from pytflite.errors import ShapeError
from pytflite.model.graph import Array
from pytflite.ops.arguments import check_vector, constant_integers, integers
from pytflite.ops.axes import normalize_axis
from pytflite.ops.moving import destination, given
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec

TILE = 128
_SMALL = 1 << 15  # elements that the cache holds without tiles


class P(NamedTuple):
    """The permutation after merging.

    Attributes:
        output: shape of the output.
        shape: of the input, merged.
        permutation: of that.
        tiled: the axis of the merged output that is the input's last, if tiles are worthwhile.
    """

    output: Shape
    shape: Shape
    permutation: tuple[int, ...]
    tiled: int | None


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The input's sizes in their new order."""
    source = inputs[0]
    assert source is not None
    shape = source.shape
    check_vector(node, inputs, 1)
    perm = constant_integers(node, inputs, 1, count=None if shape is None else len(shape))
    if shape is None:
        return (node.output(0, None),)
    if perm is None:
        return (node.output(0, [None] * len(shape)),)
    return (node.output(0, [shape[a] for a in normalize_permutation(node, perm, len(shape))]),)


def normalize_permutation(node: Node, perm: Sequence[int], rank: int) -> tuple[int, ...]:
    """The permutation with axes from 0 to rank - 1.

    Raises:
        ShapeError: it is none of all the axes.
    """
    axes = tuple(normalize_axis(node, a, rank, tensor=1) for a in perm)
    if sorted(axes) != list(range(rank)):
        raise node.error(
            ShapeError,
            "not a permutation of the axes",
            tensor=1,
            expected=f"each of 0 to {rank - 1} once",
            found=list(perm),
        )
    return axes


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P | None:
    """Merges axes; None where the permutation is computed at run time."""
    source = inputs[0]
    assert source is not None
    perm = constant_integers(node, inputs, 1)
    return None if perm is None else planned(node, source.static, perm)


def planned(node: Node, shape: Shape, perm: Sequence[int]) -> P:
    """P for an input shape and a permutation."""
    axes = normalize_permutation(node, perm, len(shape))
    output = tuple(shape[a] for a in axes)
    merged, order = merge(shape, axes)
    last = len(order) - 1
    tiled = None
    if last > 0 and order[last] != last and math.prod(merged) > _SMALL:
        tiled = order.index(last)
    return P(output, merged, order, tiled)


def merge(shape: Shape, axes: Sequence[int]) -> tuple[Shape, tuple[int, ...]]:
    """Without axes of size 1, and with those as one that stay neighbours in order."""
    groups: list[list[int]] = []
    kept = [a for a in range(len(shape)) if shape[a] != 1]
    after = dict(pairwise(kept))
    for a in axes:
        if shape[a] == 1:
            continue
        if groups and after.get(groups[-1][-1]) == a:
            groups[-1].append(a)
        else:
            groups.append([a])
    in_input = sorted(groups)
    return (
        tuple(math.prod(shape[a] for a in group) for group in in_input),
        tuple(in_input.index(group) for group in groups),
    )


def evaluate(p: P | None, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """One strided copy, in tiles if need be."""
    x = inputs[0]
    if p is None:
        p = planned(run.node, x.shape, integers(inputs[1]))
    out = destination(outputs, 0, p.output, x.dtype, run)
    source = x.reshape(p.shape).transpose(p.permutation)
    target = out.reshape(source.shape)
    if p.tiled is None:
        copyto(target, source)
    else:
        copy_tiles(target, source, p.tiled)
    return given(outputs, [out])


def copy_tiles(target: Array, source: Array, axis: int) -> None:
    """Copies tile by tile of the last axis and of `axis`, in which the source is contiguous."""
    whole = (slice(None),) * axis
    for i in range(0, target.shape[axis], TILE):
        rows: tuple[Any, ...] = (*whole, slice(i, i + TILE), ...)
        to, of = target[rows], source[rows]
        for j in range(0, target.shape[-1], TILE):
            copyto(to[..., j : j + TILE], of[..., j : j + TILE])


def rows_apart(node: Node, inputs: Sequence[Spec | None]) -> bool:
    """Whether axis 0 stays."""
    source: Any = inputs[0]
    perm = constant_integers(node, inputs, 1)
    if not perm or source.rank is None:
        return False
    return perm[0] in (0, -source.rank)


define(
    "TRANSPOSE",
    module=__name__,
    options="TransposeOptions",
    signature=Signature("T, INT32|INT64 -> T", T="*"),
    versions=(1, 9),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    rows_apart=rows_apart,
    examples=(
        Example([[[1, 2, 3], [4, 5, 6]], np.array([1, 0], np.int32)], [[[1, 4], [2, 5], [3, 6]]]),
    ),
)
