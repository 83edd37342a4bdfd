"""Normalisations along the last axis: SOFTMAX, LOG_SOFTMAX and L2_NORMALIZATION of floats and
integers, LOCAL_RESPONSE_NORMALIZATION of floats."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pytflite.jit.emit.softmax_int8 import ENTRY
from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.kernels.local_response import DIVIDES, POWER, ROOT
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import Packed, Slot, Work
from pytflite.model.dtypes import FLOAT32, INT8, INT16, UINT8
from pytflite.ops.normalization.log_softmax import constants_of
from pytflite.ops.normalization.softmax import every_exp, exp_multiplier, exp_table, inverse_table
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step

_TILE = 4096  # elements
_FAR = 64  # neighbours that are added one by one; NumPy's sums go on from each to the next


@lowering("SOFTMAX")
def softmax(step: Step, to: Lowering) -> Lowered:
    """A tile is some rows."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    if source.dtype in (INT8, UINT8):
        return _int8(step, to, source, target)
    beta = float(step.node.options.beta)
    if source.dtype is INT16:
        tables = Packed(lambda: every_exp(source, beta)), 1 << 16, inverse_table(), 513
        return _whole_rows(step, to, source, "integer_rows.softmax_int16", tables)
    if source.dtype is not FLOAT32 or target.dtype is not FLOAT32:
        return f"there is no compiled kernel for {source.dtype.name}"
    if not beta > 0:
        return "its beta is not positive"
    return _rows(step, to, source, "normalization.softmax", beta, scaled=beta != 1)


@lowering("LOG_SOFTMAX", "L2_NORMALIZATION")
def normalization(step: Step, to: Lowering) -> Lowered:
    """The same."""
    source = step.input_specs[0]
    assert source is not None
    if source.dtype in (INT8, UINT8) and step.node.name == "L2_NORMALIZATION":
        return _whole_rows(
            step, to, source, "integer_rows.l2_normalization", (source.zero_point,),
            dtype=source.dtype.name.lower(), unsigned=source.dtype is UINT8,
        )  # fmt: skip
    if source.dtype in (INT8, UINT8):
        c, info = (
            constants_of(step.node, source, step.output_specs[0]),
            np.iinfo(source.dtype.storage),
        )
        tables = (np.ascontiguousarray(t, np.int64) for t in (c.table.scaled, c.table.term))
        sized = (slot for table in tables for slot in (table, table.size))
        numbers = c.reach, *c.back, int(info.min), int(info.max)
        (work,) = _whole_rows(
            step, to, source, "integer_rows.log_softmax", (*sized, *numbers),
            dtype=source.dtype.name.lower(),
        )  # fmt: skip
        rows = -(-_TILE // max(source.static[-1], 1))
        sizes = 256, rows, rows, rows  # bytes; and three numbers of each row
        scratch = 256 + 3 * (-(-8 * rows // 64) * 64)
        return [work._replace(slots=(*work.slots, *sizes), scratch=scratch)]
    if source.dtype is not FLOAT32:
        return f"there is no compiled kernel for {source.dtype.name}"
    return _rows(step, to, source, f"normalization.{step.node.name.lower()}")


@lowering("LOCAL_RESPONSE_NORMALIZATION")
def local_response_normalization(step: Step, to: Lowering) -> Lowered:
    """The same."""
    source, options = step.input_specs[0], step.node.options
    assert source is not None
    if source.dtype is not FLOAT32:
        return f"there is no compiled kernel for {source.dtype.name}"
    columns = source.static[-1]
    radius = min(int(options.radius), max(columns - 1, 0))
    if radius > _FAR:
        return f"compiled for a radius of at most {_FAR}"
    beta = float(np.float32(options.beta))
    how = {1.0: DIVIDES, 0.5: ROOT}.get(beta, POWER)
    numbers = radius, float(options.bias), float(options.alpha), beta
    (work,) = _whole_rows(step, to, source, "local_response.rows", numbers, how=how)
    sizes = columns + 2 * radius, columns
    scratch = sum(-(-4 * size // 64) * 64 for size in sizes)
    return [work._replace(slots=(*work.slots, *sizes), scratch=scratch)]


def _whole_rows(
    step: Step, to: Lowering, source: Spec, emitter: str, more: Iterable[Slot], **settings: Setting
) -> list[Work]:
    """Work of a kernel in jit/kernels: arrays of rows, its own slots, rows of a tile."""
    columns = source.static[-1]
    rows = source.size // columns if columns else 0
    group = max(1, _TILE // max(columns, 1))
    slots: list[Slot] = [to.input(step, 0), rows, columns, to.output(step), rows, columns]
    return [Work(kernel(emitter, **settings), (*slots, *more, group), tiles=-(-rows // group))]


def _rows(
    step: Step, to: Lowering, source: Spec, emitter: str, *numbers: Slot, **settings: Setting
) -> list[Work]:
    columns = source.static[-1]
    rows = source.size // columns if columns else 0
    group = max(1, _TILE // max(columns, 1))
    slots = (to.input(step, 0), to.output(step), rows, columns, group, *numbers)
    return [Work(kernel(emitter, **settings), slots, tiles=-(-rows // group))]


def _int8(step: Step, to: Lowering, source: Spec, target: Spec) -> list[Work]:
    """The tables that the NumPy kernel has, in one."""
    found = exp_multiplier(step.node, float(step.node.options.beta), source.scale)
    exps = exp_table(found)
    table = np.ascontiguousarray(exps.exp | exps.term << 32, np.int64)
    works = _rows(
        step, to, source, "softmax_int8.rows", table, x_signed=source.dtype is INT8,
        y_signed=target.dtype.storage.kind == "i", y_size=target.dtype.itemsize,
    )  # fmt: skip
    return [work._replace(scratch=ENTRY * source.static[-1]) for work in works]
