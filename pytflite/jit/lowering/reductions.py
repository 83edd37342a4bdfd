"""SUM, MEAN, REDUCE_MAX and their kin, to the bit where they are integers."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from pytflite.jit.emit import folding_columns, folding_rows
from pytflite.jit.emit.combining import ENDINGS, Form
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.lowering.typed import Number, unknown
from pytflite.jit.work import Work
from pytflite.ops.fixed_point import quantize_multiplier, scaling
from pytflite.ops.quantized import integer_range
from pytflite.ops.reduction.quantized import nearest_of
from pytflite.ops.reduction.reduce import P
from pytflite.ops.spec import Shape, Spec
from pytflite.plan.plan import Step

_HOW = {
    "SUM": "sum", "MEAN": "sum", "REDUCE_PROD": "product", "REDUCE_MAX": "max",
    "REDUCE_MIN": "min", "REDUCE_ANY": "max", "REDUCE_ALL": "min",
}  # fmt: skip
_OF_TRUTH = {"sum": "max", "product": "min"}  # "or" and "and"
_TYPES = ("FLOAT32", "INT8", "UINT8", "INT16", "INT32", "INT64", "BOOL")
_TILE = 1 << 12  # elements read
_WIDTH = 1024  # columns ...
_SHARES = 8  # ... or so many blocks of them, for threads
_LONG = 1 << 13  # bytes of a row that is combined alone


class Ending(NamedTuple):
    """What follows the sum, with its numbers."""

    name: str = ""
    numbers: tuple[Number, ...] = ()


@lowering(*_HOW)
def reduction(step: Step, to: Lowering) -> Lowered:
    """One pass over the input."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    if source.dtype.name not in _TYPES:
        return unknown(source.dtype)
    how = _HOW[step.node.name]
    if source.dtype.name == "BOOL":
        how = _OF_TRUTH.get(how, how)
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    if p.axes is None or p.how is None:
        return "compiled for options that are constants"
    if not source.size:
        return "compiled for tensors with elements"
    sizes = five(source.static, p.axes)
    if sizes is None:
        return "compiled for at most two groups of axes that are combined"
    ending = _ending(step.node.name, p, source, target)
    if isinstance(ending, str):
        return ending
    k0, r0, k1, r1, k2 = sizes
    dtype, squares = source.dtype.name.lower(), bool(step.parts)
    form = Form(dtype, how, ending.name, squares, to.target)
    way, width, whole = "columns", _WIDTH, 1
    lanes = folding_columns.taken(form, k2)
    if k2 == 1:
        lanes = folding_rows.taken(form, r1)
        several = folding_rows.at_once(form, lanes)
        way = "row"
        if r0 == 1 and r1 < folding_rows.SHORT:
            way, lanes = "short", 0
        elif r0 == 1 and r1 * form.size <= _LONG and k0 * k1 >= several > 1:
            way, whole = "several", several
    elif k0 * k1 < _SHARES and r0 * r1 * k2 > _TILE:
        vector = folding_columns.width(form)
        width = min(width, vector * -(-k2 // (vector * _SHARES)))
    blocks = -(-k2 // width)
    units = k0 * k1 * blocks
    group = max(1, _TILE // (r0 * r1 * min(k2, width)))
    group = -(-group // whole) * whole
    code = kernel(
        "reduction.fold", dtype=dtype, how=how, ending=ending.name, way=way, lanes=lanes,
        twice=r0 > 1, squares=squares,
    )  # fmt: skip
    assert len(ending.numbers) == len(ENDINGS[ending.name])
    slots = (
        to.input(step, 0), to.output(step), units, group, blocks, width, r0, k1, r1, k2,
        *ending.numbers,
    )  # fmt: skip
    return [Work(code, slots, tiles=-(-units // group))]


def five(shape: Shape, axes: tuple[int, ...]) -> Shape | None:
    """Sizes [k0, r0, k1, r1, k2] of a shape; None if more groups of axes are combined."""
    groups = [1]  # kept and combined by turns, the first kept
    for axis, size in enumerate(shape):
        if size == 1:
            continue
        combined = axis in axes
        if combined == (len(groups) % 2 == 0):
            groups[-1] *= size
        else:
            groups.append(size)
    if len(groups) % 2 == 0:
        groups.append(1)
    if len(groups) > 5:
        return None
    while len(groups) < 5:  # nothing combined twice
        groups[:0] = [1, 1]
    assert prod(groups) == prod(shape)
    return tuple(groups)


def _ending(name: str, p: P, source: Spec, target: Spec) -> Ending | str:
    assert p.how is not None
    scales, n = p.scales, p.how.elements
    small = source.dtype.is_integer and source.dtype.bits <= 16
    if name not in ("SUM", "MEAN", "REDUCE_PROD"):
        return Ending()
    if small and name != "REDUCE_PROD" and n << (source.dtype.bits + 1) >= 1 << 31:
        return "its sums do not fit into 32 bits"
    if scales is None:
        return Ending("mean", (n,)) if name == "MEAN" else Ending()
    low, high = integer_range(target.dtype)
    zero = scales.out_zero_point
    if name == "REDUCE_PROD":
        return "products with scales are not compiled"
    if name == "SUM":  # as quantized.total
        scale = np.float32(scales.scale) / np.float32(scales.out_scale)
        bias = np.float32(-scales.zero_point) * scale * np.float32(n)
        return Ending("total", (float(scale), float(bias), float(zero), float(low), float(high)))
    if p.nearest:
        return Ending("nearest", (*nearest_of(scales, n), float(low), float(high)))
    m, shift = quantize_multiplier(scales.scale / scales.out_scale)  # as quantized.mean
    by = min(n.bit_length() - 1, 32, 31 + shift)
    numbers = scaling((m << by) // n, shift - by)
    five_ = max(shift - by, 0), (m << by) // n, *(int(v) for v in numbers[2:])
    return Ending("rescaled", (n * scales.zero_point, *five_, low - zero, high - zero, zero))
