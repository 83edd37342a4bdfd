"""FULLY_CONNECTED and BATCH_MATMUL in float32."""

from __future__ import annotations

import math

import numpy as np

from pytflite.jit.lowering.packing import as_float32, pack
from pytflite.jit.lowering.products import Ending, matrices_work, product_work
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.jit.lowering.tiles import Product, columns_of, splits_of
from pytflite.jit.work import Packed
from pytflite.model.graph import Array
from pytflite.ops.activation import bounds
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Step

_ITEM = 4


def fully_connected(step: Step, to: Lowering, ending: Ending | None = None) -> Lowered:
    """Rows of x times weights [units, depth]. ending: of a step that does more."""
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    units, depth = weights.static
    bias = step.input_specs[2] if len(step.input_specs) > 2 else None
    if not depth:
        return "it sums nothing"
    p = Product(x.size // depth, units, depth, depth * _ITEM, units * _ITEM)
    ending, output = ending or Ending(bounds(step.node)), to.output(step)
    values, constant = as_float32(weights), as_float32(bias)
    x_place = to.input(step, 0)
    if values is None or (bias is not None and constant is None):
        tensors, rows = (x_place, to.input(step, 1), output), (0, depth * _ITEM)
        of_bias = None if bias is None else to.input(step, 2)
        return [matrices_work(to.target, p, (False, True), rows, tensors, of_bias, ending)]
    positions = (1,) if bias is None else (1, 2)
    p = p._replace(splits=splits_of(to.target, to.precision, p.m, depth, units))
    packed = _packed(step, to, positions, values.T[None], constant, p.splits)
    return [product_work(to.target, p, (x_place, packed, output), ending)]


def batch_matmul(step: Step, to: Lowering) -> Lowered:
    """Stacks of matrices; one large product where y is but one matrix."""
    x, y = step.input_specs[0], step.input_specs[1]
    assert x is not None and y is not None
    turned = bool(step.node.options.adj_x), bool(step.node.options.adj_y)
    *stack, m, n = step.output_specs[0].static
    k = x.static[-2 if turned[0] else -1]
    if math.prod(y.static[:-2]) == 1 and not turned[0]:
        m, stack = m * math.prod(stack), []
    p = Product(m, n, k, k * _ITEM, n * _ITEM, math.prod(stack))
    of_x, of_y = _places(x.static[:-2], stack), _places(y.static[:-2], stack)
    of_output = np.arange(p.parts, dtype=np.int64) * (m * n * _ITEM)
    place, output = to.input(step, 0), to.output(step)
    values = as_float32(y)
    if values is not None and values.size and not turned[0]:
        matrix = values.reshape(-1, *values.shape[-2:])
        split = matrix.swapaxes(1, 2) if turned[1] else matrix
        p = p._replace(splits=splits_of(to.target, to.precision, m, k, n))
        packed = _packed(step, to, (1,), split, None, p.splits)
        columns = columns_of(to.target, n)
        size = -(-n // columns) * p.panel_bytes(columns)
        p = p._replace(offsets=np.stack([of_x * (m * k * _ITEM), of_y * size, of_output], 1))
        return [product_work(to.target, p, (place, packed, output), Ending())]
    offsets = np.stack([of_x * (m * k * _ITEM), of_y * (k * n * _ITEM), of_output], 1)
    rows = m * _ITEM, (k if turned[1] else n) * _ITEM
    p = p._replace(offsets=offsets)
    tensors = place, to.input(step, 1), output
    return [matrices_work(to.target, p, turned, rows, tensors, None, Ending())]


def _places(shape: Shape, stack: list[int]) -> Array:
    """For each matrix of the result, which one of a broadcast factor it comes from: int64."""
    if not stack:  # rows of all matrices are one
        return np.zeros(1, np.int64)
    numbers = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    return np.broadcast_to(numbers, stack).reshape(-1)


def _packed(
    step: Step, to: Lowering, positions: tuple[int, ...], split: Array, bias: Array | None,
    splits: int,
) -> Packed:  # fmt: skip
    """Panels of the weights [parts, k, n]."""
    columns = columns_of(to.target, split.shape[-1])
    kind = "panels", columns, split.shape, splits
    return to.packed(step, positions, kind, lambda: pack(split, bias, columns, splits))


LOWER: dict[str, Lower] = {"FULLY_CONNECTED": fully_connected, "BATCH_MATMUL": batch_matmul}
