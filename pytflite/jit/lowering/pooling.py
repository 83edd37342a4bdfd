"""AVERAGE_POOL_2D, MAX_POOL_2D and L2_POOL_2D."""

from __future__ import annotations

from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import Work
from pytflite.ops.activation import bounds
from pytflite.ops.pooling.pool_2d import limits_of, static_windows
from pytflite.plan.plan import Step

_EXACT = 1 << 22  # sums below this have exact means in float32
_FEW = 9  # taps that the code knows
_TYPES = {"FLOAT32": "float32", "INT8": "int8", "UINT8": "uint8", "INT16": "int16"}
_INFINITY = float("inf")


@lowering("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D")
def pool(step: Step, to: Lowering) -> Lowered:
    """A tile is a row of the output."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    dtype = _TYPES.get(source.dtype.name)
    if dtype is None:
        return f"there is no compiled kernel for {source.dtype.name}"
    rows, columns = static_windows(step.node, source)
    mean, squares = step.node.name != "MAX_POOL_2D", step.node.name == "L2_POOL_2D"
    taps = min(rows.filter, rows.input) * min(columns.filter, columns.input)
    if mean and source.dtype.is_integer and taps << source.dtype.bits >= _EXACT:
        return "its windows are so large that float32 has no exact means"
    low, high = bounds(step.node)
    clamps = low is not None
    limits: tuple[float, float] | tuple[int, int]
    if source.dtype.is_integer:
        limits = limits_of(step.node, source, target) if clamps else (0, 0)
    else:
        limits = float(low or 0), _INFINITY if high is None else float(high)
    batch, height, width, channels = source.static
    slots = (
        to.input(step, 0), to.output(step), height, width, channels, rows.output, columns.output,
        rows.filter, columns.filter, rows.stride, columns.stride, rows.before, columns.before,
        *limits,
    )  # fmt: skip
    short = mean and source.dtype.is_integer and taps << source.dtype.bits < 1 << 15
    inside = not (rows.before or rows.after or columns.before or columns.after)
    known = inside and rows.filter * columns.filter <= _FEW
    code = kernel(
        "pooling.pool", dtype=dtype, mean=mean, squares=squares, clamps=clamps, short=short,
        taps_h=known * rows.filter, taps_w=known * columns.filter,
    )  # fmt: skip
    return [Work(code, slots, tiles=batch * rows.output if target.size else 0)]
