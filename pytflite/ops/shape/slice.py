"""SLICE: a box out of a tensor.

    output[i_0, i_1, ...] = input[begin[0] + i_0, begin[1] + i_1, ...],  output.shape = size

begin and size are INT32 or INT64 vectors with one value an axis; a size of -1 reaches to the end.
The box must lie inside. Where begin is computed and size is constant without a -1, the output's
shape is known all the same. Any type. Source: SLICE (kernels/slice.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.errors import ShapeError
from pytflite.model.graph import Array
from pytflite.ops.arguments import check_count, check_vector, constant_integers, integers
from pytflite.ops.moving import deliver
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec

Box = tuple[slice, ...]


class P(NamedTuple):
    """begin and size where they are constant, and the box if both are."""

    begin: Shape | None
    size: Shape | None
    box: Box | None


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The sizes asked for."""
    source = inputs[0]
    assert source is not None
    check_vector(node, inputs, 1)
    check_vector(node, inputs, 2)
    begin, size = (_constant(node, inputs, number, source.rank) for number in (1, 2))
    if source.shape is None:
        return (node.output(0, size if size is not None and -1 not in size else None),)
    unknown = (None,) * len(source.shape)
    sizes = [
        _size(node, axis, d, b, s)
        for axis, (d, b, s) in enumerate(
            zip(source.shape, begin or unknown, size or unknown, strict=True)
        )
    ]
    return (node.output(0, sizes),)


def _constant(
    node: Node, inputs: Sequence[Spec | None], number: int, count: int | None
) -> Shape | None:
    """begin or size if it is constant.

    A computed one is counted when it is there: where the file leaves sizes open, shapes that do not
    fit are planned for until the real ones are known.
    """
    spec = inputs[number]
    if spec is None or spec.value is None:
        return None
    return constant_integers(node, inputs, number, count=count)


def _size(
    node: Node, axis: int, whole: int | None, begin: int | None, size: int | None
) -> int | None:
    """The output's size along an axis, as far as it is known; None among the arguments likewise.

    Raises:
        ShapeError: the box reaches outside.
    """
    least = max(begin or 0, 0) + max(size or 0, 0)
    wrong_begin = begin is not None and begin < 0
    wrong_size = size is not None and size < -1
    if wrong_begin or wrong_size or (whole is not None and least > whole):
        raise node.error(
            ShapeError,
            "the slice reaches outside the tensor",
            tensor=0,
            expected=f"from 0 to {'the end' if whole is None else whole} along axis {axis}",
            found=f"begin {'?' if begin is None else begin}, size {'?' if size is None else size}",
        )
    if size != -1:
        return size
    return None if whole is None or begin is None else whole - begin


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """The box, or as much of it as is constant."""
    source = inputs[0]
    assert source is not None
    begin = constant_integers(node, inputs, 1)
    size = constant_integers(node, inputs, 2)
    box = None
    if begin is not None and size is not None:
        box = box_of(node, source.static, begin, size)
    return P(begin, size, box)


def box_of(node: Node, shape: Shape, begin: Shape, size: Shape) -> Box:
    """The slices of a box that begins somewhere and has this size.

    Raises:
        ShapeError: it reaches outside.
    """
    sizes = [_size(node, k, *z) for k, z in enumerate(zip(shape, begin, size, strict=True))]
    return tuple(slice(b, b + (s or 0)) for b, s in zip(begin, sizes, strict=True))


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Copies the box."""
    x, box = inputs[0], p.box
    if box is None:
        for k in (1, 2):
            check_count(run.node, k, inputs[k].shape, x.ndim)
        begin = integers(inputs[1]) if p.begin is None else p.begin
        size = integers(inputs[2]) if p.size is None else p.size
        box = box_of(run.node, x.shape, begin, size)
    return deliver(x[(*box, ...)], outputs, run)


def rows_apart(node: Node, inputs: Sequence[Spec | None]) -> bool:
    """Whether the box holds all of axis 0."""
    source = inputs[0]
    assert source is not None
    begin = constant_integers(node, inputs, 1)
    size = constant_integers(node, inputs, 2)
    if not begin or not size or not source.shape:
        return False
    return begin[0] == 0 and size[0] in (-1, source.shape[0])


define(
    "SLICE",
    module=__name__,
    options="SliceOptions",
    signature=Signature("T, I, I -> T", T="*", I="INT32|INT64"),
    versions=(1, 8),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    rows_apart=rows_apart,
    examples=(
        Example(
            [[[1, 2, 3], [4, 5, 6]], np.array([0, 1], np.int32), np.array([2, -1], np.int32)],
            [[[2, 3], [5, 6]]],
        ),
    ),
)
