"""ONE_HOT: each index becomes a vector that is off but for one place.

    output[i, d, k] = on where indices[i, k] == d, else off,  d = 0 .. depth - 1

The new axis goes where `axis` says; -1 puts it last. Inputs: indices (INT32 or INT64), depth (one
INT32 or INT64), on and off (one element each). An index out of range makes a vector that is off
throughout. Any type. Source: ONE_HOT (kernels/one_hot.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import OptionError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.arguments import check_one, constant_integers, integers
from pytflite.ops.moving import check_rank, destination, given
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec


class P(NamedTuple):
    """The indices' shape before and behind the new axis."""

    before: Shape
    behind: Shape


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The indices' shape with the depth put in."""
    indices = inputs[0]
    assert indices is not None
    for number, what in ((2, "on"), (3, "off")):
        spec = inputs[number]
        assert spec is not None
        check_one(node, spec, number, what)
    depth = constant_integers(node, inputs, 1, count=1)
    if depth is not None:
        _check_depth(node, depth[0])
    shape = indices.shape
    if shape is None:
        return (node.output(0, None),)
    axis = _axis(node, len(shape))
    return (node.output(0, (*shape[:axis], None if depth is None else depth[0], *shape[axis:])),)


def _axis(node: Node, rank: int) -> int:
    check_rank(node, rank + 1)
    axis: int = node.options.axis
    if not -1 <= axis <= rank:
        raise node.error(OptionError, "there is no such axis", expected=f"-1 to {rank}", found=axis)
    return rank if axis == -1 else axis


def _check_depth(node: Node, depth: int) -> None:
    if depth < 0:
        raise node.error(
            ShapeError, "the depth is negative", tensor=1, expected="0 or more", found=depth
        )


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Where the new axis goes."""
    indices = inputs[0]
    assert indices is not None
    axis = _axis(node, len(indices.static))
    return P(indices.static[:axis], indices.static[axis:])


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Fills with off, and writes on."""
    indices, on, off = inputs[0], inputs[2], inputs[3]
    depth = integers(inputs[1])[0]
    _check_depth(run.node, depth)
    out = destination(outputs, 0, (*p.before, depth, *p.behind), on.dtype, run)
    out[...] = off.reshape(())
    inside = (indices >= 0) & (indices < depth)
    before, behind = math.prod(p.before), math.prod(p.behind)
    i, k = np.nonzero(inside.reshape((before, behind)))
    d = indices[inside]  # in the same order
    out.reshape((before, depth, behind))[i, d, k] = on.reshape(())
    return given(outputs, [out])


def rows_apart(node: Node, inputs: Sequence[Spec | None]) -> bool:
    """Whether axis 0 is the indices'."""
    indices = inputs[0]
    assert indices is not None
    return bool(indices.rank) and _axis(node, indices.rank or 0) > 0


define(
    "ONE_HOT",
    module=__name__,
    options="OneHotOptions",
    signature=Signature("INT32|INT64, INT32|INT64, T, T -> T", T="*"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    rows_apart=rows_apart,
    examples=(
        Example(
            [np.array([2, 0, 9], np.int32), np.int32(3), 1.0, 0.0],
            [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]],
            {"axis": -1},
        ),
    ),
)
