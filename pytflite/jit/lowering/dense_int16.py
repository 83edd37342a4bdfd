"""FULLY_CONNECTED and BATCH_MATMUL of int16 by int8 or int16; only matrices may be computed."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from pytflite.jit.lowering.dense_int8 import stack_places
from pytflite.jit.lowering.panels import Panels, first_factor, second_factor
from pytflite.jit.lowering.products_int16 import (
    ITEM,
    Ending,
    Factor,
    Source,
    pack,
    panel_size,
    product_work,
)
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.jit.lowering.requantizing import pack_constants
from pytflite.jit.lowering.requantizing_wide import TOO_LARGE, fits, make_wide_constants
from pytflite.jit.lowering.tiles import Product, columns_of
from pytflite.jit.work import Slot, Work
from pytflite.model.dtypes import INT16
from pytflite.model.graph import Array
from pytflite.ops.activation import quantized_range
from pytflite.ops.dense.layer_scales import real_multipliers, weight_scales, wraps, zero_points
from pytflite.ops.dense.rescale import FIXED, REAL, WIDE
from pytflite.ops.quantized import integer_range, per_tensor
from pytflite.plan.plan import Step

_HALF = 128  # magnitude of half a weight


def fully_connected(step: Step, to: Lowering) -> Lowered:
    """Rows of x times weights [units, depth]."""
    node, output = step.node, step.output_specs[0]
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    bias = step.input_specs[2] if len(step.input_specs) > 2 else None
    units, depth = weights.static
    if weights.value is None or (bias is not None and bias.value is None):
        return "weights or bias are computed at run time"
    if not weights.size:
        return "its weights are empty"
    declared = node.inputs[1]
    sparse = declared is not None and declared.sparsity is not None
    way = WIDE if weights.dtype is INT16 else FIXED if sparse else REAL
    narrow = wraps(node, x, weights, bias)
    if way == FIXED and not narrow:
        return "sparse weights are summed in 64 bits"
    rounding = {WIDE: "wide", FIXED: "narrow", REAL: "double_narrow" if narrow else "double"}[way]
    _, zero_w, _ = zero_points(node, x, weights, output)
    scales = weight_scales(node, x, weights)
    factor = Factor(
        weights.value.astype(np.int32).reshape(1, units, depth) - zero_w,
        None if bias is None or bias.value is None else bias.value.reshape(-1),
        real_multipliers(node, x, scales, output, way),
    )  # fmt: skip
    p = Product(x.size // depth, units, depth, depth * ITEM, units * ITEM)
    ending = Ending(rounding, *quantized_range(node, output), weights.dtype is INT16)
    return _product(step, to, (1,) if bias is None else (1, 2), p, factor, ending)


def batch_matmul(step: Step, to: Lowering) -> Lowered:
    """Stacks of matrices; one large product where y is but one matrix."""
    node, output = step.node, step.output_specs[0]
    x, y = step.input_specs[0], step.input_specs[1]
    assert x is not None and y is not None
    if not (x.size and y.size):
        return "one of its matrices is empty"
    known = [s.quantization for s in (x, y, output) if s.quantization is not None]
    if any(q.zero_point.any() for q in known):
        return "its zero points are not 0"
    *stack, m, n = output.static
    k = x.static[-2 if node.options.adj_x else -1]
    if math.prod(y.static[:-2]) == 1:
        m, stack = m * math.prod(stack), []
    several = y.quantization is not None and y.quantization.is_per_channel
    of_y = 0.0 if several else per_tensor(node, y, 1).scale  # as ops/dense/batch_matmul.py tells
    product = np.float32(per_tensor(node, x, 0).scale) * np.float32(of_y)
    reals = np.array([float(product) / per_tensor(node, output, node.outputs[0]).scale])
    ending = Ending("wide", *integer_range(output.dtype), y.dtype is INT16)
    size = n * k * ITEM
    if y.value is not None or y.dtype is not INT16:
        size = -(-n // columns_of(to.target, n)) * panel_size(to.target, n, k, ending)
    places = (
        stack_places(x.static[:-2], stack) * (m * k * ITEM),
        stack_places(y.static[:-2], stack) * size,
        np.arange(math.prod(stack), dtype=np.int64) * (m * n * ITEM),
    )
    p = Product(
        m, n, k, k * ITEM, n * ITEM, math.prod(stack), offsets=np.stack(places, axis=1)
    )  # fmt: skip
    turned = bool(node.options.adj_y)
    if y.value is None:
        return _computed(step, to, p, reals, ending)
    values = y.value.reshape(-1, *y.static[-2:])
    factor = Factor(values if turned else values.swapaxes(1, 2), None, reals)
    return _product(step, to, (1,), p, factor, ending, first_factor(step, to))


def _computed(step: Step, to: Lowering, p: Product, reals: Array, ending: Ending) -> Lowered:
    """Panels of y are made in the run: all have the same constants."""
    if not fits(ending.rounding, reals):
        return TOO_LARGE
    columns = columns_of(to.target, p.n)
    made = make_wide_constants(ending.rounding, reals, np.zeros(columns, np.int64))
    constants = pack_constants(ending.rounding, made, columns, np.arange(columns))
    if not ending.halves:
        size = panel_size(to.target, p.n, p.k, ending)
        second = second_factor(step, to, Panels(ending.rounding, constants, size, words=True))
        if isinstance(second, str):
            return second
        works, x = first_factor(step, to)
        tensors: tuple[Slot, Slot, Slot] = x, second[1], to.output(step)
        return [*works, second[0], product_work(to.target, p, tensors, ending, _HALF)]
    works, x = first_factor(step, to)
    turned = bool(step.node.options.adj_y)
    source = Source(constants, (p.k if turned else p.n) * ITEM, turned)
    tensors = x, to.input(step, 1), to.output(step)
    return [*works, product_work(to.target, p, tensors, ending, _HALF, source)]


def _product(
    step: Step, to: Lowering, positions: tuple[int, ...], p: Product, factor: Factor,
    ending: Ending, first: tuple[list[Work], Slot] | None = None,
) -> Lowered:  # fmt: skip
    """The Work, its weights packed when they are needed; first: x, if it is not as it lies."""
    if not fits(ending.rounding, factor.reals):
        return TOO_LARGE
    values = factor.weights
    largest = max(int(values.max(initial=1)), -int(values.min(initial=0)))
    if ending.halves:
        largest = max(_HALF, (largest + 128) >> 8)
    kind = ("int16", ending, factor.reals.tobytes())
    packed = to.packed(step, positions, kind, partial(pack, to.target, factor, ending))
    works, x = first or ([], to.input(step, 0))
    tensors = x, packed, to.output(step)
    return [*works, product_work(to.target, p, tensors, ending, largest)]


LOWER: dict[str, Lower] = {"FULLY_CONNECTED": fully_connected, "BATCH_MATMUL": batch_matmul}
