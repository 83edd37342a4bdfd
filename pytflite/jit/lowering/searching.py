"""ARG_MAX, ARG_MIN, TOPK_V2, WHERE."""

from __future__ import annotations

from math import prod

import numpy as np

from pytflite.jit.kernel import Setting, kernel
from pytflite.jit.kernels.searching import COLUMNS
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.work import Work
from pytflite.model.dtypes import FLOAT16, UINT16, DType
from pytflite.plan.plan import Step

_TILE = 1 << 14  # elements
_SHORT = 128  # columns: beyond, vectors of short numbers are worth a second pass


def _keys(dtype: DType) -> tuple[str, str]:
    """As what type elements are read, and what function makes keys of them."""
    storage = dtype.storage
    if storage.kind == "f":
        return f"int{8 * storage.itemsize}", f"keys.{storage}"
    return ("uint8" if storage.kind == "b" else str(storage)), "keys.plain"


def _backwards(key: str) -> str:
    """The function for the opposite order."""
    return "keys.backwards" if key == "keys.plain" else f"{key}_backwards"


@lowering("ARG_MAX", "ARG_MIN")
def arg_max(step: Step, to: Lowering) -> Lowered:
    """The first of the greatest keys."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    axis = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    if axis is None:
        return RUN_TIME
    shape = source.static
    outer, size, inner = prod(shape[:axis]), shape[axis], prod(shape[axis + 1 :])
    element, key = _keys(source.dtype)
    index = str(target.dtype.storage)
    if step.node.name == "ARG_MIN":
        key = _backwards(key)
    x, y = to.input(step, 0), to.output(step)
    if not target.size:
        return []
    if inner > 1:
        wide = element if element.endswith("64") else "int64" if element == "uint32" else "int32"
        code = kernel("searching.first_of_columns", dtype=element, wide=wide, index=index, key=key)
        slots = (x, outer, size, inner, COLUMNS, y, outer, inner)
        return [Work(code, slots, outer * -(-inner // COLUMNS), COLUMNS * int(wide[-2:]) // 8)]
    ranked: dict[str, Setting] = {}
    narrow = source.dtype.bits <= 16 and source.dtype not in (FLOAT16, UINT16)
    if narrow and size <= 2 * _SHORT:
        ranked = {"ranked": "searching.ranked16", "most": (1 << 16) - 1}
    elif not element.endswith("64") and element != "uint32" and size <= _SHORT:
        ranked = {"ranked": "searching.ranked32", "most": (1 << 32) - 1}
    name = "first_of_short" if ranked else "first_of_rows"
    code = kernel(f"searching.{name}", dtype=element, index=index, key=key, **ranked)
    block = max(1, _TILE // size)
    return [Work(code, (x, outer, size, y, outer, block), tiles=-(-outer // block))]


@lowering("TOPK_V2")
def top_k(step: Step, to: Lowering) -> Lowered:
    """The first of the greatest keys of each row."""
    source, (target, positions) = step.input_specs[0], step.output_specs
    assert source is not None
    if not target.size:
        return []
    size, count = source.static[-1], target.static[-1]
    rows = prod(target.static[:-1])
    element, key = _keys(source.dtype)
    code = kernel(
        "searching.top_of_rows", dtype=element, index=str(positions.dtype.storage), key=key
    )
    block = max(1, _TILE // size)
    slots = (
        to.input(step, 0), rows, size, to.output(step, 0), rows, count, to.output(step, 1), rows,
        count, block,
    )  # fmt: skip
    return [Work(code, slots, tiles=-(-rows // block))]


@lowering("WHERE")
def where(step: Step, to: Lowering) -> Lowered:
    """All places that are not 0, as many as a run has counted."""
    source, (count, rank) = step.input_specs[0], step.output_specs[0].static
    assert source is not None
    if not source.size:
        return []
    bits = 8 * source.dtype.storage.itemsize
    mask = (1 << (bits - 1)) - 1 if source.dtype.is_float else -1  # without the sign
    slots = (
        to.input(step, 0), source.size, np.array(source.static, np.int64), rank, mask,
        to.output(step), count, rank,
    )  # fmt: skip
    return [Work(kernel("searching.places", dtype=f"int{bits}"), slots)]
