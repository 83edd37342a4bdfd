"""Operators that move elements and compute nothing: each is some strided copies.

copying.py makes them; more operators are in joining.py and blocks.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from pytflite.jit.lowering.copying import (
    Copy,
    all_works,
    constant,
    copy_work,
    source_and_target,
    strides_of,
)
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.lowering.scattering import slice_at
from pytflite.jit.work import Slot
from pytflite.model.dtypes import UINT8
from pytflite.ops.arguments import constant_integers
from pytflite.ops.shape.strided_slice import numpy_index
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Step


@lowering("TRANSPOSE")
def transpose(step: Step, to: Lowering) -> Lowered:
    """Axis i of the output is axis p[i] of the input."""
    source, target = source_and_target(step)
    axes = constant(step, 1)
    if axes is None:
        return RUN_TIME
    order = [int(a) % len(source.static) for a in axes.reshape(-1)]
    strides = strides_of(source.static)
    copy = Copy(target.static, tuple(strides[a] for a in order), strides_of(target.static))
    return copy_work(to.input(step, 0), to.output(step), copy, source.dtype)


@lowering("PAD", "PADV2")
def pad(step: Step, to: Lowering) -> Lowered:
    """The input in the middle; around it slabs of one value, axis by axis."""
    source, target = source_and_target(step)
    widths = constant(step, 1)
    if widths is None:
        return RUN_TIME
    fill: Slot
    if len(step.inputs) > 2:
        fill = to.input(step, 2)
    else:
        zero = target.zero_point if target.dtype.is_integer and target.quantization else 0
        fill = np.full(1, zero, target.dtype.storage)
    before = [int(w) for w in widths.reshape(-1, 2)[:, 0]]
    shape, strides = target.static, strides_of(target.static)
    works = []
    box, corner = list(shape), [0] * len(shape)  # what is not written yet
    for axis, (first, size) in enumerate(zip(before, source.static, strict=True)):
        for start, count in ((0, first), (first + size, shape[axis] - first - size)):
            slab, at = list(box), list(corner)
            slab[axis], at[axis] = count, start
            offset = sum(a * s for a, s in zip(at, strides, strict=True))
            copy = Copy(tuple(slab), (0,) * len(slab), strides, y_offset=offset)
            works.append(copy_work(fill, to.output(step), copy, target.dtype))
        box[axis], corner[axis] = size, first
    offset = sum(a * s for a, s in zip(before, strides, strict=True))
    copy = Copy(source.static, strides_of(source.static), strides, y_offset=offset)
    works.append(copy_work(to.input(step, 0), to.output(step), copy, target.dtype))
    return all_works(works)


@lowering("SLICE")
def slice_box(step: Step, to: Lowering) -> Lowered:
    """A box of the input."""
    source, target = source_and_target(step)
    begin = constant(step, 1)
    if begin is None:
        return slice_at(step, to)
    strides = strides_of(source.static)
    offset = sum(int(b) * s for b, s in zip(begin.reshape(-1), strides, strict=True))
    copy = Copy(target.static, strides, strides_of(target.static), x_offset=offset)
    return copy_work(to.input(step, 0), to.output(step), copy, source.dtype)


@lowering("BROADCAST_TO", "TILE")
def repeat(step: Step, to: Lowering) -> Lowered:
    """The input again and again along some axes."""
    source, target = source_and_target(step)
    given = (1,) * (len(target.static) - len(source.static)) + source.static
    sizes: list[int] = []
    x: list[int] = []
    for count, size, stride in zip(target.static, given, strides_of(given), strict=True):
        if not count:
            return []
        sizes += [count // size, size]
        x += [0, stride]
    copy = Copy(tuple(sizes), tuple(x), strides_of(tuple(sizes)))
    return copy_work(to.input(step, 0), to.output(step), copy, source.dtype)


@lowering("RESHAPE", "SQUEEZE", "EXPAND_DIMS")
def reshape(step: Step, to: Lowering) -> Lowered:
    """The same elements. Planning lets most of these share memory, and then nothing is done."""
    source, _ = source_and_target(step)
    copy = Copy((source.size,), (1,), (1,))
    return copy_work(to.input(step, 0), to.output(step), copy, source.dtype)


@lowering("STRIDED_SLICE")
def strided_slice(step: Step, to: Lowering) -> Lowered:
    """The elements that NumPy's index takes."""
    source, _ = source_and_target(step)
    begin, end, strides = (constant_integers(step.node, step.input_specs, n) for n in (1, 2, 3))
    if begin is None or end is None or strides is None:
        return RUN_TIME
    index = numpy_index(step.node, source.static, begin, end, strides)
    walk, offset, sizes = [], 0, []
    known = zip(source.static, strides_of(source.static), strict=True)
    for entry in index:
        if entry is None or entry is ...:
            continue  # an axis of size 1 adds nothing; the rest follows below
        size, stride = next(known)
        if isinstance(entry, slice):
            taken = range(*entry.indices(size))
            offset += (taken.start if taken else 0) * stride
            walk.append(taken.step * stride)
            sizes.append(len(taken))
        else:
            offset += entry * stride
    for size, stride in known:
        walk.append(stride)
        sizes.append(size)
    copy = Copy(tuple(sizes), tuple(walk), strides_of(tuple(sizes)), x_offset=offset)
    return copy_work(to.input(step, 0), to.output(step), copy, source.dtype)


@lowering("MIRROR_PAD")
def mirror_pad(step: Step, to: Lowering) -> Lowered:
    """The input in the middle; then parts of the output, backwards."""
    source, target = source_and_target(step)
    if constant(step, 1) is None:
        return RUN_TIME
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    shape, strides = target.static, strides_of(target.static)
    offset, _, _ = _box(p.border.inside, shape)
    middle = Copy(source.static, strides_of(source.static), strides, y_offset=offset)
    works = [copy_work(to.input(step, 0), to.output(step), middle, source.dtype)]
    for box, mirrored in p.copies:
        (y_offset, y, sizes), (x_offset, x, _) = (_box(b, shape) for b in (box, mirrored))
        copy = Copy(sizes, x, y, x_offset, y_offset)
        works.append(copy_work(to.output(step), to.output(step), copy, source.dtype))
    return all_works(works)


@lowering("REVERSE_V2")
def reverse(step: Step, to: Lowering) -> Lowered:
    """Some axes backwards."""
    source, target = source_and_target(step)
    if constant(step, 1) is None:
        return RUN_TIME
    index = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    offset, strides, sizes = _box(index, source.static)
    copy = Copy(sizes, strides, strides_of(target.static), x_offset=offset)
    return copy_work(to.input(step, 0), to.output(step), copy, source.dtype)


def _box(index: Sequence[slice], shape: Shape) -> tuple[int, tuple[int, ...], Shape]:
    """Offset, strides and sizes of what slices take of an array, all in elements."""
    whole = (*index, *[slice(None)] * (len(shape) - len(index)))
    ranges = [range(size)[part] for part, size in zip(whole, shape, strict=True)]
    strides = strides_of(shape)
    offset = sum(r.start * s for r, s in zip(ranges, strides, strict=True) if r)
    walk = tuple(r.step * s for r, s in zip(ranges, strides, strict=True))
    return offset, walk, tuple(map(len, ranges))


@lowering("FILL")
def fill(step: Step, to: Lowering) -> Lowered:
    """One element again and again."""
    target = step.output_specs[0]
    copy = Copy((target.size,), (0,), (1,))
    return copy_work(to.input(step, 1), to.output(step), copy, target.dtype)


@lowering("ZEROS_LIKE")
def zeros_like(step: Step, to: Lowering) -> Lowered:
    """What stands for zero, everywhere."""
    source, target = source_and_target(step)
    small = target.dtype.is_integer and target.dtype.itemsize <= 2
    quantized = small and (source.is_quantized or target.is_quantized)
    zero = np.full(1, target.zero_point if quantized else 0, target.dtype.storage)
    copy = Copy((target.size,), (0,), (1,))
    return copy_work(zero, to.output(step), copy, target.dtype)


@lowering("BITCAST")
def bitcast(step: Step, to: Lowering) -> Lowered:
    """The same bytes, where they are not in one place."""
    source, _ = source_and_target(step)
    copy = Copy((source.size * source.dtype.itemsize,), (1,), (1,))
    return copy_work(to.input(step, 0), to.output(step), copy, UINT8)


@lowering("MATRIX_DIAG", "MATRIX_SET_DIAG")
def diagonal(step: Step, to: Lowering) -> Lowered:
    """The matrices, or zeros; then their diagonals."""
    target = step.output_specs[0]
    rows, columns = target.static[-2:]
    if step.node.name == "MATRIX_DIAG":
        before: Slot = np.zeros(1, target.dtype.storage)
        stride = 0
    else:
        before, stride = to.input(step, 0), 1
    whole = Copy((target.size,), (stride,), (1,))
    size = min(rows, columns)
    copy = Copy((prod(target.static[:-2]), size), (size, 1), (rows * columns, columns + 1))
    last = to.input(step, len(step.inputs) - 1)
    return all_works(
        [
            copy_work(before, to.output(step), whole, target.dtype),
            copy_work(last, to.output(step), copy, target.dtype),
        ]
    )
