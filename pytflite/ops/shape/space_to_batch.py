"""SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND: blocks of positions become batch entries, and back.

    [n, s_1 .. s_m, rest] <-> [b_1 .. b_m n, s_1 / b_1 .. s_m / b_m, rest]
    deep[(d_1 .. d_m) n + i, y_1 .. y_m] = wide[i, y_1 b_1 + d_1 .. y_m b_m + d_m]

with (d_1 .. d_m) counted like a number whose last digit runs fastest. Inputs: the tensor, the block
shape [m], and amounts [m, 2], by which SPACE_TO_BATCH_ND pads `wide` beforehand (with its real
zero, as PAD does), and BATCH_TO_SPACE_ND crops it afterwards. All INT32 or INT64.
LiteRT takes ranks 3 and 4 with m = rank - 2; here m is anything from 0 to rank - 1. Any type but
handles; a quantised output of 8 or 16 bits must have the input's scale and zero point. Source:
SPACE_TO_BATCH_ND (kernels/space_to_batch_nd.cc), BATCH_TO_SPACE_ND (kernels/batch_to_space_nd.cc).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy import copyto

from pytflite.errors import ShapeError
from pytflite.model.dtypes import INT8, INT16, UINT8
from pytflite.model.graph import Array
from pytflite.ops.arguments import (
    Pairs,
    check_vector,
    constant_integers,
    constant_pairs,
    integers,
    pairs,
)
from pytflite.ops.moving import PLAIN, check_rank, destination, given
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.quantized import same_quantization
from pytflite.ops.shape.border import Border, border, padded, surround, zero_of
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec

PartialShape = tuple[int | None, ...]


class Layout(NamedTuple):
    """The two tensors cut up so that one is the other with its axes permuted.

    Attributes:
        output: shape of the operator's output.
        wide: of the wide tensor, cut: [n, y_1, d_1 .. y_m, d_m, rest].
        deep: of the deep one: [d_1 .. d_m, n, y_1 .. y_m, rest].
        axes: of `deep`, in the order of `wide`.
        border: between the wide tensor and what is seen of it outside; None if they are the same.
    """

    output: Shape
    wide: Shape
    deep: Shape
    axes: tuple[int, ...]
    border: Border | None


class P(NamedTuple):
    """The layout if it is constant, the value that is padded with, the element type."""

    layout: Layout | None
    zero: Any
    itemsize: int


def _arguments(
    node: Node, inputs: Sequence[Spec | None]
) -> tuple[PartialShape | None, Shape | None, Pairs | None]:
    """Input shape, block shape and amounts, each None where it is not known.

    Raises:
        ShapeError: they do not fit each other, or a block is not positive.
    """
    source = inputs[0]
    assert source is not None
    if source.dtype in (INT8, UINT8, INT16):
        same_quantization(node, source, node.output(0, None), node.outputs[0], of="the input")
    count = check_vector(node, inputs, 1)
    if count is not None and source.rank is not None and count >= source.rank:
        raise node.error(
            ShapeError,
            "the block has too many sizes",
            tensor=1,
            expected=f"at most {max(source.rank - 1, 0)}, for an input of rank {source.rank}",
            found=count,
        )
    blocks = constant_integers(node, inputs, 1)
    if blocks is not None:
        _check_blocks(node, blocks)
    return source.shape, blocks, constant_pairs(node, inputs, 2, count)


def _check_blocks(node: Node, blocks: Shape) -> None:
    if blocks and min(blocks) < 1:
        raise node.error(
            ShapeError,
            "a block size is not positive",
            tensor=1,
            expected="1 or more",
            found=list(blocks),
        )


ShapeOf = Callable[[Node, PartialShape, Shape, Pairs], PartialShape]


def infer(shape_of: ShapeOf, node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The deep shape, or the wide one, cropped."""
    shape, blocks, amounts = _arguments(node, inputs)
    if shape is None or blocks is None or amounts is None:
        return (node.output(0, None if shape is None else [None] * len(shape)),)
    return (node.output(0, shape_of(node, shape, blocks, amounts)),)


def deep_shape(node: Node, shape: PartialShape, blocks: Shape, amounts: Pairs) -> PartialShape:
    """[b_1 .. b_m n, (s_1 + padding) / b_1 .., rest].

    Raises:
        ShapeError: an axis cannot be cut into blocks.
    """
    m = len(blocks)
    wide = padded(shape[1 : m + 1], amounts)
    for axis, (size, block) in enumerate(zip(wide, blocks, strict=True), 1):
        if size is not None and size % block:
            raise _uneven(node, axis, block, size)
    cut = [None if s is None else s // b for s, b in zip(wide, blocks, strict=True)]
    n = shape[0]
    return (None if n is None else n * math.prod(blocks), *cut, *shape[m + 1 :])


def _uneven(node: Node, axis: int, block: int, size: int) -> Exception:
    return node.error(
        ShapeError,
        "an axis cannot be cut into blocks",
        tensor=0,
        expected=f"a multiple of {block} at axis {axis}, with its padding",
        found=size,
    )


def wide_shape(node: Node, shape: PartialShape, blocks: Shape, amounts: Pairs) -> PartialShape:
    """[n / (b_1 .. b_m), s_1 b_1 - cropping .., rest].

    Raises:
        ShapeError: the batch cannot be spread over the blocks, or more is cropped than there is.
    """
    m, n = len(blocks), shape[0]
    if n is not None and n % math.prod(blocks):
        raise _uneven(node, 0, math.prod(blocks), n)
    sizes: list[int | None] = []
    for axis, (s, b, crop) in enumerate(zip(shape[1 : m + 1], blocks, amounts, strict=True), 1):
        sizes.append(None if s is None else s * b - sum(crop))
        if s is not None and s * b < sum(crop):
            raise node.error(
                ShapeError,
                "more is cropped than there is",
                tensor=2,
                expected=f"at most {s * b} at axis {axis}",
                found=crop,
            )
    return (None if n is None else n // math.prod(blocks), *sizes, *shape[m + 1 :])


def prepare_deep(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Where everything goes, and what stands for zero."""
    shape, blocks, amounts = _arguments(node, inputs)
    zero = zero_of(node, outputs[0])
    layout = None
    if shape is not None and blocks is not None and amounts is not None:
        deep = outputs[0].static
        layout = layout_of(node, deep, deep, blocks, amounts)
    return P(layout, zero, outputs[0].dtype.itemsize)


def prepare_wide(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Where everything goes."""
    shape, blocks, amounts = _arguments(node, inputs)
    layout = None
    if shape is not None and blocks is not None and amounts is not None:
        deep = tuple(d for d in shape if d is not None)
        layout = layout_of(node, outputs[0].static, deep, blocks, amounts)
    return P(layout, None, outputs[0].dtype.itemsize)


def layout_of(node: Node, output: Shape, deep: Shape, blocks: Shape, amounts: Pairs) -> Layout:
    """The layout for the deep shape. Axes whose block is 1 are not cut."""
    m = len(blocks)
    n = deep[0] // math.prod(blocks)
    cut = [k for k in range(m) if blocks[k] > 1]
    first = len(cut) + 1  # axis of y_1 in the cut deep tensor
    wide = [n]
    axes = [len(cut)]
    for k in range(m):
        wide.append(deep[k + 1])
        axes.append(first + k)
        if blocks[k] > 1:
            wide.append(blocks[k])
            axes.append(cut.index(k))
    rest = deep[m + 1 :]
    around = None
    if any(sum(amount) for amount in amounts):
        widths = ((0, 0), *amounts, *((0, 0),) * len(rest))
        whole = (n, *(s * b for s, b in zip(deep[1 : m + 1], blocks, strict=True)), *rest)
        seen = tuple(s - b - a for s, (b, a) in zip(whole, widths, strict=True))
        around = border(seen, widths)
    check_rank(node, len(wide) + len(rest))
    axes.extend(range(first + m, first + m + len(rest)))
    return Layout(
        output,
        (*wide, *rest),
        (*(blocks[k] for k in cut), n, *deep[1 : m + 1], *rest),
        tuple(axes),
        around,
    )


def eval_deep(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Pads, if need be, and copies once."""
    x, layout = inputs[0], p.layout
    if layout is None:
        blocks, amounts = _at_run_time(inputs, run)
        deep = tuple(d for d in deep_shape(run.node, x.shape, blocks, amounts) if d is not None)
        layout = layout_of(run.node, deep, deep, blocks, amounts)
    out = destination(outputs, 0, layout.output, x.dtype, run)
    wide = x
    if layout.border is not None:
        wide = _padded_memory(layout.border, x, run)
        surround(x, layout.border, p.zero, wide)
    copyto(out.reshape(layout.deep).transpose(layout.axes), wide.reshape(layout.wide))
    return given(outputs, [out])


def eval_wide(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Copies once, and crops, if need be."""
    x, layout = inputs[0], p.layout
    if layout is None:
        blocks, amounts = _at_run_time(inputs, run)
        shape = wide_shape(run.node, x.shape, blocks, amounts)
        seen = tuple(d for d in shape if d is not None)
        layout = layout_of(run.node, seen, x.shape, blocks, amounts)
    out = destination(outputs, 0, layout.output, x.dtype, run)
    wide = out if layout.border is None else _padded_memory(layout.border, x, run)
    copyto(wide.reshape(layout.wide), x.reshape(layout.deep).transpose(layout.axes))
    if layout.border is not None:
        copyto(out, wide[layout.border.inside])
    return given(outputs, [out])


def _at_run_time(inputs: Inputs, run: Run) -> tuple[Shape, Pairs]:
    """Block shape and amounts, one of which at least is no constant."""
    blocks = integers(inputs[1])
    _check_blocks(run.node, blocks)
    return blocks, pairs(run.node, 2, integers(inputs[2]))


def _padded_memory(at: Border, x: Array, run: Run) -> Array:
    """Memory for the wide tensor. Strings are Python objects, which scratch memory cannot hold."""
    return (run.empty if x.dtype.hasobject else run.scratch)(at.shape, x.dtype)


def scratch(p: P) -> int:
    """The wide tensor, where more of it is made than is given or wanted."""
    if p.layout is None or p.layout.border is None:
        return 0
    return math.prod(p.layout.border.shape) * p.itemsize


_TYPES = Signature("T, INT32|INT64, INT32|INT64 -> T", T=PLAIN)
define(
    "SPACE_TO_BATCH_ND",
    module=__name__,
    options="SpaceToBatchNDOptions",
    signature=_TYPES,
    versions=(1, 4),
    infer=partial(infer, deep_shape),
    prepare=prepare_deep,
    eval=eval_deep,
    scratch=scratch,
    examples=(
        Example(
            [
                [[[[1], [2], [3]]]],
                np.array([1, 2], np.int32),
                np.array([[0, 0], [1, 0]], np.int32),
            ],
            [[[[[0], [2]]], [[[1], [3]]]]],
        ),
    ),
)
define(
    "BATCH_TO_SPACE_ND",
    module=__name__,
    options="BatchToSpaceNDOptions",
    signature=_TYPES,
    versions=(1, 4),
    infer=partial(infer, wide_shape),
    prepare=prepare_wide,
    eval=eval_wide,
    scratch=scratch,
    examples=(
        Example(
            [
                [[[[0], [2]]], [[[1], [3]]]],
                np.array([1, 2], np.int32),
                np.array([[0, 0], [1, 0]], np.int32),
            ],
            [[[[[1], [2], [3]]]]],
        ),
    ),
)
