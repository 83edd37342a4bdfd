"""The BASIC cell of LSTM: x and h side by side, a product, and the cell."""

from __future__ import annotations

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.kernels.basic_lstm import COLUMNS
from pytflite.jit.lowering.copying import Copy, plain_copy
from pytflite.jit.lowering.packing import as_float32, pack
from pytflite.jit.lowering.products import Ending, product_work
from pytflite.jit.lowering.registry import Lowered, Lowering
from pytflite.jit.lowering.tiles import Product, columns_of, splits_of
from pytflite.jit.work import At, Slot, Work
from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.gemmlowp import logistic_table, tanh_table
from pytflite.ops.recurrent.lstm_basic import BIAS, WEIGHTS, C, H, X
from pytflite.plan.plan import Step

_ITEM = 4


def lower(step: Step, to: Lowering) -> Lowered:
    """The works, and those that keep h and c where these are variable tensors."""
    specs = [spec for spec in step.input_specs if spec is not None]
    if specs[WEIGHTS].value is None or specs[BIAS].value is None:
        return "compiled for constant weights"
    (batch, depth), units = specs[X].static, specs[H].static[1]
    if not batch * units:
        return "it computes nothing"
    h, c, both, gates = (to.output(step, number) for number in range(4))
    x = specs[X].dtype
    works: list[Work] = []
    for number, size, begin in ((X, depth, 0), (H, units, depth)):
        strides = (size, 1), (depth + units, 1)
        works += plain_copy(
            to.input(step, number), both, Copy((batch, size), *strides, 0, begin), x
        )
    make = _floats if x is FLOAT32 else _integers
    works += make(step, to, (batch, depth + units, units), (both, gates))
    rows = (
        gates, batch, 4 * units, to.input(step, C), batch, units, h, batch, units, c, batch, units,
    )  # fmt: skip
    if x is FLOAT32:
        works.append(Work(kernel("basic_lstm.floats"), rows, batch))
    else:
        tables = logistic_table(3), 1 << 16, tanh_table(3), 1 << 16
        works.append(Work(kernel("basic_lstm.integers"), (*rows, *tables), batch))
    for source, number in ((h, H), (c, C)):
        if specs[number].variable:
            whole = Copy((batch * units,), (1,), (1,))
            works += plain_copy(source, At(step.inputs[number]), whole, specs[number].dtype)
    return works


def _floats(
    step: Step, to: Lowering, sizes: tuple[int, int, int], tensors: tuple[At, At]
) -> list[Work]:
    """The product in float32."""
    batch, depth, units = sizes
    weights, bias = (as_float32(step.input_specs[n]) for n in (WEIGHTS, BIAS))
    assert weights is not None
    n = 4 * units
    splits = splits_of(to.target, to.precision, batch, depth, n)
    columns = columns_of(to.target, n)
    packed = to.packed(
        step, (WEIGHTS, BIAS), ("panels", columns, splits),
        lambda: pack(weights.T[None], bias, columns, splits),
    )  # fmt: skip
    p = Product(batch, n, depth, depth * _ITEM, n * _ITEM, splits=splits)
    return [product_work(to.target, p, (tensors[0], packed, tensors[1]), Ending())]


def _integers(
    step: Step, to: Lowering, sizes: tuple[int, int, int], tensors: tuple[At, At]
) -> list[Work]:
    """The product in fixed point."""
    batch, depth, units = sizes
    weights, bias = (step.input_specs[n] for n in (WEIGHTS, BIAS))
    assert weights is not None and weights.value is not None
    assert bias is not None and bias.value is not None
    p = step.definition.prepare(step.node, step.input_specs, step.output_specs)
    values, zero_point, n = weights.value, p.zero_point, 4 * units

    def centred() -> Array:
        return values.astype(np.int16) - np.int16(zero_point)

    packed = to.packed(step, (WEIGHTS,), ("centred", zero_point), centred)
    slots: tuple[Slot, ...] = (
        tensors[0], batch, depth, packed, n, depth, bias.value, n, tensors[1], batch, n,
        int(p.scale.m), int(p.scale.shift),
    )  # fmt: skip
    return [Work(kernel("basic_lstm.products"), slots, -(-n // COLUMNS))]
