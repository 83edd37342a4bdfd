"""Pooling that tells where elements come from, and what puts them back; custom operators."""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import Work
from pytflite.model.graph import Array
from pytflite.ops.custom.max_pool_with_argmax import P
from pytflite.plan.plan import Step


@lowering("MaxPoolingWithArgmax2D", "MaxPoolWithArgmax", "FlexMaxPoolWithArgmax")
def pool(step: Step, to: Lowering) -> Lowered:
    """A tile is a window."""
    source, (target, positions) = step.input_specs[0], step.output_specs
    assert source is not None
    if not target.size:
        return []
    p: P = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    within = isinstance(p.origin, float)
    rows, columns = p.rows, p.columns
    first = _table(p.first[..., 0])
    origin = first if isinstance(p.origin, float) else _table(p.origin[..., 0])
    low, high = p.limits
    numbers = (
        rows.filter, columns.filter, rows.stride, columns.stride, rows.before, columns.before,
        *p.steps, p.per_image,
    )  # fmt: skip
    limits = np.array(
        [-np.inf if low is None else low, np.inf if high is None else high], np.float32
    )
    count, channels = target.size // source.static[3], source.static[3]
    slots = (
        to.input(step, 0), *source.static, first, *first.shape, origin, *origin.shape,
        float(p.origin) if isinstance(p.origin, float) else 0.0, to.output(step, 0), count,
        channels, to.output(step, 1), count, channels, np.array(numbers, np.int64), len(numbers),
        limits, 2,
    )  # fmt: skip
    code = kernel("pooled_places.pool", index=str(positions.dtype.storage), within=within)
    return [Work(code, slots, tiles=count)]


def _table(values: Array) -> Array:
    return np.ascontiguousarray(values, np.int64)


@lowering("MaxUnpooling2D", "LiteRtMaxUnpooling2D")
def unpool(step: Step, to: Lowering) -> Lowered:
    """A tile is an image."""
    source, indices = step.input_specs
    assert source is not None and indices is not None
    target = step.output_specs[0]
    if not target.size or not source.size:
        return "compiled for tensors with elements"
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    none = np.zeros(0, np.int64)
    rows, columns = (none if t is None else _table(t).reshape(-1) for t in (p.rows, p.columns))
    batch, *image = target.static
    slots = (
        to.input(step, 0), *source.static, to.input(step, 1), *source.static, to.output(step),
        batch, target.size // batch, rows, rows.size, columns, columns.size,
        np.array(p.filter, np.int64), 2, np.array(image, np.int64), 3,
    )  # fmt: skip
    code = kernel("pooled_places.unpool", index=str(indices.dtype.storage))
    return [Work(code, slots, tiles=batch)]
