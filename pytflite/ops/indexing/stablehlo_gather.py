"""STABLEHLO_GATHER: boxes of a tensor, from starts that a tensor lists.

    output[.. b .., .. o ..] = operand[s(b) + o],   s(b) = min(max(start, 0), n - slice_sizes)

`start_indices` (INT32 or INT64) holds start vectors along its axis `index_vector_dim`; if that is
its rank, single starts. Component k of a vector is the start along axis start_index_map[k] of the
operand, the other starts are 0. b stands for the other axes of start_indices. o counts within the
box, whose axes collapsed_slice_dims (of size 1) are dropped; the rest become the axes offset_dims
of the output, and the axes b what is left, both in order. Starts are clamped so that the box lies
inside. Any type. Source: STABLEHLO_GATHER (kernels/stablehlo_gather.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from pytflite.errors import OptionError
from pytflite.model.graph import Array
from pytflite.ops.indexing.dynamic_update_slice import check_box
from pytflite.ops.indexing.positions import batch_of
from pytflite.ops.moving import check_rank, destination, given
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec


class P(NamedTuple):
    """How the boxes are found and arranged.

    Attributes:
        shape: of the output.
        vector_dim: axis of the start vectors, or None for single starts.
        axes: of the operand, for each component of a vector.
        greatest: start along each axis of the operand.
        sizes: of a box.
        gathered: shape of all boxes before their axes are arranged.
        order: of the output's axes among those.
    """

    shape: Shape
    vector_dim: int | None
    axes: tuple[int, ...]
    greatest: Shape
    sizes: Shape
    gathered: Shape
    order: tuple[int, ...]


class Options(NamedTuple):
    """The options as tuples."""

    offset_dims: tuple[int, ...]
    collapsed: tuple[int, ...]
    start_index_map: tuple[int, ...]
    vector_dim: int
    sizes: tuple[int, ...]


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The axes b and the box's, arranged."""
    operand, starts = inputs[0], inputs[1]
    assert operand is not None
    assert starts is not None
    options = _options(node)
    if operand.shape is None or starts.shape is None:
        return (node.output(0, None),)
    check_box(node, operand.shape, options.sizes)
    batch = batch_of(
        node, starts.shape, options.vector_dim, len(options.start_index_map),
        "start_indices", "start_index_map",
    )  # fmt: skip
    kept = [d for axis, d in enumerate(options.sizes) if axis not in options.collapsed]
    rank = check_rank(node, len(batch) + len(kept))
    if len(kept) != len(options.offset_dims) or any(d >= rank for d in options.offset_dims):
        raise node.error(
            OptionError,
            "offset_dims does not say where the box's axes go",
            expected=f"{len(kept)} ascending axes below {rank}",
            found=options.offset_dims,
        )
    batches, boxes = iter(batch), iter(kept)
    shape = [next(boxes if axis in options.offset_dims else batches) for axis in range(rank)]
    return (node.output(0, shape),)


def _options(node: Node) -> Options:
    """The options, as far as they do not depend on shapes.

    Raises:
        OptionError: axes repeated, out of order or out of range.
    """
    o = node.options
    options = Options(
        tuple(o.offset_dims or ()),
        tuple(o.collapsed_slice_dims or ()),
        tuple(o.start_index_map or ()),
        o.index_vector_dim,
        tuple(o.slice_sizes or ()),
    )
    rank = len(options.sizes)
    for name, axes, most in (
        ("offset_dims", options.offset_dims, None),
        ("collapsed_slice_dims", options.collapsed, rank),
    ):
        if list(axes) != sorted(set(axes)) or any(a < 0 or (most and a >= most) for a in axes):
            raise node.error(
                OptionError,
                f"{name} makes no sense",
                expected="ascending axes",
                found=axes,
            )
    mapped = options.start_index_map
    inside = all(0 <= a < rank for a in (*mapped, *options.collapsed))
    if not inside or len(set(mapped)) != len(mapped):
        raise node.error(
            OptionError,
            "start_index_map makes no sense",
            expected=f"distinct axes from 0 to {rank - 1}",
            found=mapped,
        )
    if any(options.sizes[a] != 1 for a in options.collapsed):
        raise node.error(
            OptionError,
            "an axis that is dropped is not of size 1",
            expected=f"1 at {options.collapsed}",
            found=options.sizes,
        )
    return options


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Which starts there can be, and the order of the output's axes."""
    operand, starts = inputs[0], inputs[1]
    assert operand is not None
    assert starts is not None
    options = _options(node)
    shape, sizes, at = operand.static, options.sizes, options.vector_dim
    check_rank(node, 2 * len(shape))
    batch = starts.static[:at] + starts.static[at + 1 :]
    kept = tuple(d for a, d in enumerate(sizes) if a not in options.collapsed)
    rank = len(batch) + len(kept)
    batches, boxes = iter(range(len(batch))), iter(range(len(batch), rank))
    return P(
        outputs[0].static,
        None if at == len(starts.static) else at,
        options.start_index_map,
        tuple(n - size for n, size in zip(shape, sizes, strict=True)),
        sizes,
        batch + kept,
        tuple(next(boxes if a in options.offset_dims else batches) for a in range(rank)),
    )


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Takes the boxes out of a view of all boxes, and arranges the axes."""
    operand, starts = inputs[0], inputs[1]
    out = destination(outputs, 0, p.shape, operand.dtype, run)
    if out.size:
        vectors = (
            starts[..., None] if p.vector_dim is None else np.moveaxis(starts, p.vector_dim, -1)
        )
        where = [np.zeros(vectors.shape[:-1], np.intp) for _ in p.sizes]
        for k, axis in enumerate(p.axes):
            where[axis] = np.clip(vectors[..., k], 0, p.greatest[axis])
        possible = tuple(n + 1 for n in p.greatest)
        every = as_strided(operand, possible + p.sizes, operand.strides * 2, writeable=False)
        # A scalar has no axis that would carry the starts' axes over.
        boxes = every[tuple(where)] if where else np.broadcast_to(operand, vectors.shape[:-1])
        out[...] = boxes.reshape(p.gathered).transpose(p.order)
    return given(outputs, [out])


define(
    "STABLEHLO_GATHER",
    module=__name__,
    options="StablehloGatherOptions",
    signature=Signature("T, INT8|INT16|INT32|INT64|UINT8|UINT16|UINT32 -> T", T="*"),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    examples=(
        Example(
            [[[1, 2], [3, 4], [5, 6]], np.array([[2], [0]], np.int32)],
            [[[5, 6], [1, 2]]],
            {
                "offset_dims": [1],
                "collapsed_slice_dims": [0],
                "start_index_map": [0],
                "index_vector_dim": 1,
                "slice_sizes": [1, 2],
            },
        ),
    ),
)
