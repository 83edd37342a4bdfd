"""GATHER, GATHER_ND, EMBEDDING_LOOKUP, RESIZE_NEAREST_NEIGHBOR, RESIZE_BILINEAR."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from pytflite.jit.emit.bilinear import TABLES
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.lowering.typed import unknown
from pytflite.jit.work import Slot, Work
from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.arguments import constant_integers
from pytflite.ops.resize.nearest_neighbor import P as Nearest
from pytflite.ops.resize.positions import float_axis, integer_axis, nearest_axis
from pytflite.ops.spec import Shape
from pytflite.ops.xnnpack import takes_resize
from pytflite.plan.plan import Step

_TILE = 1 << 14  # bytes
_SHORT = 64  # bytes that are copied at once
_ROUNDINGS = {"FLOAT32": "float", "INT8": "away", "INT16": "away", "UINT8": "terms"}
_AXES = {"float": float_axis, "terms": float_axis, "away": integer_axis, "up": nearest_axis}
_EMPTY = "compiled for tensors with elements"


@lowering("GATHER")
def gather(step: Step, to: Lowering) -> Lowered:
    """Slices along one axis."""
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    count = _size(step, 1) // max(p.batch, 1)
    return _slices(step, to, (0, 1), p.outer, count, [p.size], p.inner)


@lowering("GATHER_ND")
def gather_nd(step: Step, to: Lowering) -> Lowered:
    """Slices by index vectors."""
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    if not p.sizes:
        return "compiled for index vectors of at least one index"
    return _slices(step, to, (0, 1), 1, _size(step, 1) // len(p.sizes), list(p.sizes), p.inner)


@lowering("EMBEDDING_LOOKUP")
def embedding_lookup(step: Step, to: Lowering) -> Lowered:
    """Rows of a table, as they are or multiplied with scales."""
    table, target = step.input_specs[1], step.output_specs[0]
    assert table is not None
    shape = table.static
    if table.dtype is not target.dtype:
        return _scaled_rows(step, to, shape)
    return _slices(step, to, (1, 0), 1, _size(step, 0), [shape[0]], prod(shape[1:]))


def _scaled_rows(step: Step, to: Lowering, shape: Shape) -> Lowered:
    """The work of kernels/embedding.py."""
    target = step.output_specs[0]
    if target.dtype is not FLOAT32:
        return unknown(target.dtype)
    if not target.size or not shape[0]:
        return _EMPTY
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    scales = np.atleast_1d(np.ascontiguousarray(p.scale))
    scales = scales.reshape(scales.shape[0], -1)
    count, blocks = _size(step, 0), scales.shape[1]
    size = prod(shape[1:]) // blocks
    slots = (
        to.input(step, 0), count, to.input(step, 1), shape[0], blocks, size, scales, *scales.shape,
        to.output(step), count, blocks, size,
    )  # fmt: skip
    # UINT8 holds int8, too.
    return [Work(kernel("embedding.rows"), slots, tiles=count)]


def _size(step: Step, position: int) -> int:
    spec = step.input_specs[position]
    assert spec is not None
    return spec.size


def _slices(
    step: Step, to: Lowering, positions: tuple[int, int], outer: int, count: int,
    sizes: Sequence[int], inner: int,
) -> Lowered:  # fmt: skip
    """The work of emit/taking.py's slices.

    Args:
        positions: of the tensor, and of the indices, among the inputs.
        outer: how often indices are used again. count: of index vectors that follow each other.
        sizes: that they point into. inner: elements of a slice.
    """
    target, indices = step.output_specs[0], step.input_specs[positions[1]]
    assert indices is not None
    if not target.size or 0 in sizes:
        return _EMPTY  # indices are checked all the same
    size = inner * target.dtype.storage.itemsize
    units = target.size // inner
    group = max(1, _TILE // size)
    slots: list[Slot] = [
        to.input(step, positions[0]), to.output(step), to.input(step, positions[1]),
        units, group, outer, count, prod(sizes), size,
    ]  # fmt: skip
    for d, extent in enumerate(sizes):
        slots += [extent, prod(sizes[d + 1 :])]
    code = kernel(
        "taking.slices", depth=len(sizes), index=indices.dtype.storage.itemsize, run=_run(size),
        once=units == count,
    )  # fmt: skip
    return [Work(code, tuple(slots), tiles=-(-units // group))]


def _run(size: int) -> int:
    return size if size <= _SHORT else -1


@lowering("RESIZE_NEAREST_NEIGHBOR")
def nearest(step: Step, to: Lowering) -> Lowered:
    """Pixels that tables list."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    if constant_integers(step.node, step.input_specs, 1) is None:
        return RUN_TIME
    p: Nearest = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    if p.tables is None:
        return _EMPTY
    batch, height, width, channels = source.static
    _, high, wide, _ = target.static
    rows, columns = p.tables
    size = channels * source.dtype.storage.itemsize
    slots = (
        to.input(step, 0), to.output(step), _table(rows // width, np.int64),
        _table(columns, np.int64), height, width, high, wide, size,
    )  # fmt: skip
    return [Work(kernel("taking.pixels", run=_run(size)), slots, tiles=batch * high)]


def _table(values: Array, dtype: type) -> Array:
    return np.ascontiguousarray(values, dtype).reshape(-1)


@lowering("RESIZE_BILINEAR")
def bilinear(step: Step, to: Lowering) -> Lowered:
    """A tile is a row of the output."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    rounding = _ROUNDINGS.get(source.dtype.name)
    if rounding is None:
        return unknown(source.dtype)
    if constant_integers(step.node, step.input_specs, 1) is None:
        return RUN_TIME
    if takes_resize(step.node, source, step.input_specs[1], target):
        rounding = "up"
    axis = _AXES[rounding]
    if not target.size:
        return _EMPTY
    batch, height, width, channels = source.static
    _, high, wide, _ = target.static
    rows, columns = axis(step.node, height, high), axis(step.node, width, wide)
    kind = np.int32 if rounding in ("away", "up") else np.float32
    tables = [
        _table(table * (1 if name.endswith("weight") else scale),
               kind if name.endswith("weight") else np.int64)
        for tables, scale in ((rows, 1), (columns, channels))
        for name, table in zip(TABLES, tables, strict=True)
    ]  # fmt: skip
    line = width * channels
    slots = (to.input(step, 0), to.output(step), height, line, high, wide, channels, *tables)
    code = kernel("bilinear.resize", dtype=source.dtype.name.lower(), rounding=rounding)
    scratch = 4 * line * (1 + (rounding == "terms"))
    return [Work(code, slots, tiles=batch * high, scratch=scratch)]
