"""SCATTER_ND, SPARSE_TO_DENSE, UNSORTED_SEGMENT_*, ONE_HOT, DYNAMIC_UPDATE_SLICE."""

from __future__ import annotations

from math import prod

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.kernels.scattering import COLUMNS
from pytflite.jit.lowering.copying import Copy, copy_work, strides_of
from pytflite.jit.lowering.elements import bits_of, numbers_of
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.lowering.typed import unknown
from pytflite.jit.work import Slot, Work
from pytflite.model.graph import Array
from pytflite.ops.indexing.segments import start_of
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Step

_EMPTY = "compiled for tensors with elements"
_TILE = 1 << 14  # bytes


def _rows(
    step: Step, to: Lowering, *, indices: int, sizes: Shape, x: int, start: Slot, combine: str,
    element: str, inner: int, skip: bool = False,
) -> Lowered:  # fmt: skip
    """The work of scattering.rows.

    Args:
        indices, x: positions among the inputs.
        sizes: that index vectors point into.
        start: what all elements are before; one element.
        inner: elements of a row, counted in `element`s.
    """
    listed, rows = step.input_specs[indices], step.input_specs[x]
    assert listed is not None and rows is not None
    depth = len(sizes)
    count = prod(listed.static) // depth if depth else 0
    if not depth or not count or not inner or 0 in sizes:
        return _EMPTY  # indices are checked all the same
    several = rows.size * rows.dtype.storage.itemsize > inner * np.dtype(element).itemsize
    total = prod(sizes)
    slots = (
        to.input(step, indices), count, depth, np.array(sizes, np.int64), depth,
        np.array(strides_of(sizes), np.int64), depth, to.input(step, x), count if several else 1,
        inner, int(several), start, 1, to.output(step), total * inner, inner,
    )  # fmt: skip
    code = kernel(
        "scattering.rows", index=str(listed.dtype.storage), dtype=element,
        combine=f"scattering.{combine}", skip=skip,
    )  # fmt: skip
    return [Work(code, slots, tiles=-(-inner // COLUMNS))]


@lowering("SCATTER_ND")
def scatter_nd(step: Step, to: Lowering) -> Lowered:
    """Added up from zero."""
    indices, target = step.input_specs[0], step.output_specs[0]
    assert indices is not None
    found = numbers_of(target.dtype)
    if found is None:
        return unknown(target.dtype)
    element, parts = found
    depth = indices.static[-1]
    boolean = target.dtype.name == "BOOL"
    return _rows(
        step, to, indices=0, sizes=target.static[:depth], x=1, start=np.zeros(1, element),
        combine="either" if boolean else "plus", element=element,
        inner=prod(target.static[depth:]) * parts,
    )  # fmt: skip


@lowering("SPARSE_TO_DENSE")
def sparse_to_dense(step: Step, to: Lowering) -> Lowered:
    """One element each, or the same for all."""
    target = step.output_specs[0]
    element, parts = bits_of(target.dtype)
    if parts > 1:
        return unknown(target.dtype)
    return _rows(
        step, to, indices=0, sizes=target.static, x=2, start=to.input(step, 3), combine="second",
        element=element, inner=1,
    )  # fmt: skip


_SEGMENTS = {
    "SUM": ("plus", "0"), "PROD": ("times", "1"), "MAX": ("greater", "least"),
    "MIN": ("less", "greatest"),
}  # fmt: skip


@lowering(*(f"UNSORTED_SEGMENT_{name}" for name in _SEGMENTS))
def unsorted_segments(step: Step, to: Lowering) -> Lowered:
    """Rows with a negative number are left out."""
    target = step.output_specs[0]
    combine, first = _SEGMENTS[step.node.name.rpartition("_")[2]]
    found = numbers_of(target.dtype)
    if found is None or found[1] > 1:
        return unknown(target.dtype)
    element, _ = found
    start: Array = np.full(1, start_of(first, target.dtype.storage), element)
    return _rows(
        step, to, indices=1, sizes=target.static[:1], x=0, start=start, combine=combine,
        element=element, inner=prod(target.static[1:]), skip=True,
    )  # fmt: skip


@lowering("ONE_HOT")
def one_hot(step: Step, to: Lowering) -> Lowered:
    """All off, then some on."""
    indices, target = step.input_specs[0], step.output_specs[0]
    assert indices is not None
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    element, parts = bits_of(target.dtype)
    if parts > 1:
        return unknown(target.dtype)
    before, behind = prod(p.before), prod(p.behind)
    depth = target.static[len(p.before)]
    if not target.size:
        return []
    slots = (
        to.input(step, 0), before, behind, to.input(step, 2), 1, to.input(step, 3), 1,
        to.output(step), target.size, depth,
    )  # fmt: skip
    code = kernel("scattering.one_hot", index=str(indices.dtype.storage), dtype=element)
    return [Work(code, slots, tiles=before)]


def _rows_of(box: Shape, shape: Shape, parts: int) -> tuple[int, int, int]:
    """The last axes of a box that lie side by side in a tensor of this shape are a row.

    The first of them, the elements of a row (of so many parts), and how many rows there are.
    """
    axis = len(box)
    while axis and (axis == len(box) or box[axis] == shape[axis]):
        axis -= 1
    return axis, prod(box[axis:]) * parts, prod(box[:axis])


def slice_at(step: Step, to: Lowering) -> Lowered:
    """SLICE whose begin is computed."""
    source, begin = step.input_specs[:2]
    assert source is not None and begin is not None
    shape, box = source.static, step.output_specs[0].static
    if not prod(box) or not box:
        return _EMPTY  # begin is checked all the same
    element, parts = bits_of(source.dtype)
    axis, row, count = _rows_of(box, shape, parts)
    block = max(1, _TILE // (row * np.dtype(element).itemsize))
    greatest = np.subtract(shape, box, dtype=np.int64)
    slots = (
        to.input(step, 0), source.size * parts, np.array(box[:axis], np.int64), axis,
        np.array(strides_of(shape), np.int64) * parts, len(shape), to.input(step, 1), len(shape),
        greatest, len(shape), to.output(step), count, row, block,
    )  # fmt: skip
    code = kernel("scattering.box_out", dtype=element, index=str(begin.dtype.storage))
    return [Work(code, slots, tiles=-(-count // block))]


@lowering("DYNAMIC_UPDATE_SLICE")
def update_slice(step: Step, to: Lowering) -> Lowered:
    """The operand, unless it is there already; then the box."""
    operand, update, starts = step.input_specs
    assert operand is not None and update is not None and starts is not None
    element, parts = bits_of(operand.dtype)
    shape, box = operand.static, update.static
    whole = copy_work(
        to.input(step, 0), to.output(step), Copy((operand.size,), (1,), (1,)), operand.dtype
    )
    if isinstance(whole, str) or not update.size:
        return whole
    axis, row, count = _rows_of(box, shape, parts)
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    strides = np.array(strides_of(shape), np.int64) * parts
    block = max(1, _TILE // (row * np.dtype(element).itemsize))
    slots = (
        to.input(step, 1), count, row, np.array(box[:axis], np.int64), axis, strides, len(shape),
        to.input(step, 2), len(shape), np.array(p.greatest, np.int64), len(shape), to.output(step),
        operand.size * parts, block,
    )  # fmt: skip
    code = kernel("scattering.box", dtype=element, index=str(starts.dtype.storage))
    return [*whole, Work(code, slots, tiles=-(-count // block))]
