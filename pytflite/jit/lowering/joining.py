"""Tensors joined along an axis, and cut: CONCATENATION, PACK, SPLIT, SPLIT_V, UNPACK."""

from __future__ import annotations

from math import prod

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.copying import (
    Copy,
    all_works,
    constant,
    copy_work,
    moved,
    source_and_target,
    strides_of,
)
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.work import Work
from pytflite.model.dtypes import UINT8
from pytflite.ops.axes import normalize_axis
from pytflite.ops.shape.concatenation import multiplier, pair
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Step

_TILE = 1 << 14  # bytes


@lowering("CONCATENATION")
def concatenation(step: Step, to: Lowering) -> Lowered:
    """Inputs one behind the other along an axis."""
    target = step.output_specs[0]
    if int(step.node.options.fused_activation_function):
        return "compiled without a fused activation"
    axis = normalize_axis(step.node, int(step.node.options.axis), len(target.static))
    works, at = [], 0
    strides = strides_of(target.static)
    for position, spec in enumerate(step.input_specs):
        assert spec is not None
        shape = spec.static or (1,)
        if spec.dtype is UINT8 and pair(spec) != pair(target):
            works.append(_rescaled(step, to, position, shape, axis, at))
        else:
            copy = Copy(shape, strides_of(shape), strides, y_offset=at * strides[axis])
            works.append(copy_work(to.input(step, position), to.output(step), copy, spec.dtype))
        at += shape[axis]
    return all_works(works)


def _rescaled(
    step: Step, to: Lowering, position: int, shape: Shape, axis: int, at: int
) -> list[Work] | str:
    """An input of another scale than the output's, whose rows begin at `at`."""
    source, target = step.input_specs[position], step.output_specs[0]
    assert source is not None
    scale, bias = multiplier(pair(source), pair(target))
    if not np.isfinite([scale, bias]).all():
        return "its scales are extreme"
    rows, size, width = prod(shape[:axis]), prod(shape[axis:]), prod(target.static[axis:])
    if not rows * size:
        return []
    place = moved(to.output(step), at * prod(shape[axis + 1 :]))
    block = max(1, _TILE // size)
    slots = (
        to.input(step, position), rows, size, place, (rows - 1) * width + size, width, block,
        float(scale), float(bias), float(target.zero_point),
    )  # fmt: skip
    return [Work(kernel("rescaling.rows"), slots, tiles=-(-rows // block))]


@lowering("SPLIT", "SPLIT_V")
def split(step: Step, to: Lowering) -> Lowered:
    """Pieces along an axis, an output each."""
    data, axes = (1, 0) if step.node.name == "SPLIT" else (0, 2)
    source, axis = step.input_specs[data], constant(step, axes)
    assert source is not None
    if axis is None:
        return RUN_TIME
    along = int(axis.reshape(-1)[0]) % len(source.static)
    strides = strides_of(source.static)
    works, at = [], 0
    for position, target in enumerate(step.output_specs):
        copy = Copy(target.static, strides, strides_of(target.static), x_offset=at * strides[along])
        works.append(copy_work(to.input(step, data), to.output(step, position), copy, source.dtype))
        at += target.static[along]
    return all_works(works)


@lowering("PACK")
def pack(step: Step, to: Lowering) -> Lowered:
    """Inputs stacked along a new axis."""
    target = step.output_specs[0]
    axis = normalize_axis(step.node, int(step.node.options.axis), len(target.static))
    strides = strides_of(target.static)
    works = []
    for position, spec in enumerate(step.input_specs):
        assert spec is not None
        kept = strides[:axis] + strides[axis + 1 :]
        copy = Copy(spec.static, strides_of(spec.static), kept, y_offset=position * strides[axis])
        works.append(copy_work(to.input(step, position), to.output(step), copy, spec.dtype))
    return all_works(works)


@lowering("UNPACK")
def unpack(step: Step, to: Lowering) -> Lowered:
    """The slices along an axis, an output each."""
    source, _ = source_and_target(step)
    axis = normalize_axis(step.node, int(step.node.options.axis), len(source.static))
    strides = strides_of(source.static)
    kept = strides[:axis] + strides[axis + 1 :]
    works = [
        copy_work(
            to.input(step, 0), to.output(step, position),
            Copy(target.static, kept, strides_of(target.static), x_offset=position * strides[axis]),
            source.dtype,
        )
        for position, target in enumerate(step.output_specs)
    ]  # fmt: skip
    return all_works(works)
