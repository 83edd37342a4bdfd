"""CUMSUM, REVERSE_SEQUENCE, BUCKETIZE."""

from __future__ import annotations

from math import prod

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.kernels.sequences import BLOCK, COLUMNS
from pytflite.jit.lowering.elements import bits_of, numbers_of
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.lowering.typed import unknown
from pytflite.jit.work import Work
from pytflite.plan.plan import Step


@lowering("CUMSUM")
def cumsum(step: Step, to: Lowering) -> Lowered:
    """Sums along an axis; the parts of complex numbers are columns."""
    source = step.input_specs[0]
    assert source is not None
    found = numbers_of(source.dtype)
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    if found is None:
        return unknown(source.dtype)
    if p.axis is None:
        return RUN_TIME
    element, parts = found
    shape = source.static
    sizes = prod(shape[: p.axis]), shape[p.axis], prod(shape[p.axis + 1 :]) * parts
    if not source.size:
        return []
    x, y = to.input(step, 0), to.output(step)
    rows, size, columns = sizes
    if columns == 1:
        block = max(1, BLOCK // size)
        code = kernel(
            "sequences.sums_of_rows", dtype=element, exclusive=p.exclusive, reverse=p.reverse
        )
        return [Work(code, (x, rows, size, y, rows, size, block), tiles=-(-rows // block))]
    code = kernel("sequences.running_sums", dtype=element, exclusive=p.exclusive, reverse=p.reverse)
    slots = (x, *sizes, y, *sizes)
    return [Work(code, slots, tiles=rows * -(-columns // COLUMNS))]


@lowering("REVERSE_SEQUENCE")
def reverse_sequence(step: Step, to: Lowering) -> Lowered:
    """Axes around the batch's and the sequence's are joined."""
    source, lengths = step.input_specs[0], step.input_specs[1]
    assert source is not None and lengths is not None
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    if not source.size:
        return "compiled for tensors with elements"  # lengths are checked all the same
    element, parts = bits_of(source.dtype)
    first, second = sorted((p.batch, p.sequence))
    shape = source.static
    sizes = (
        prod(shape[:first]), shape[first], prod(shape[first + 1 : second]), shape[second],
        prod(shape[second + 1 :]) * parts,
    )  # fmt: skip
    slots = (
        to.input(step, 0), *sizes, to.input(step, 1), lengths.size, to.output(step), *sizes,
    )  # fmt: skip
    code = kernel(
        "sequences.reverse", dtype=element, index=str(lengths.dtype.storage),
        batch_first=p.batch < p.sequence,
    )  # fmt: skip
    return [Work(code, slots, tiles=sizes[0] * sizes[1])]


@lowering("BUCKETIZE")
def bucketize(step: Step, to: Lowering) -> Lowered:
    """Integers are compared as float32, float64 with the boundaries as they are."""
    source = step.input_specs[0]
    assert source is not None
    found = numbers_of(source.dtype)
    boundaries = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    if found is None:
        return unknown(source.dtype)
    if np.isnan(boundaries).any():
        return "compiled for boundaries that are numbers"
    compared = "sequences.plain" if source.dtype.is_float else "sequences.single"
    code = kernel("sequences.buckets", dtype=found[0], compared=compared)
    size = source.size
    slots = (to.input(step, 0), size, boundaries, boundaries.size, to.output(step), size)
    return [Work(code, slots, tiles=-(-size // BLOCK))]
