"""FULLY_CONNECTED and BATCH_MATMUL of int8 and uint8; only matrices of int8 may be computed."""

from __future__ import annotations

import math

import numpy as np

from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.requantize import rows as constant_rows
from pytflite.jit.lowering.panels import Panels, first_factor, same_constants, second_factor
from pytflite.jit.lowering.products_int8 import (
    TOO_STEEP,
    Ending,
    Factor,
    Layer,
    pack,
    product_work,
)
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.jit.lowering.sums_int8 import Sum
from pytflite.jit.lowering.tiles import Product, columns_of
from pytflite.jit.work import Packed, Slot, Work
from pytflite.model.dtypes import INT8
from pytflite.model.graph import Array
from pytflite.ops import xnnpack
from pytflite.ops.activation import quantized_range
from pytflite.ops.dense.layer_scales import (
    real_multipliers,
    way_of,
    weight_scales,
    zero_points,
)
from pytflite.ops.dense.rescale import FIXED, NEAREST, REAL
from pytflite.ops.quantized import integer_range, multiplier, per_tensor
from pytflite.plan.plan import Step

_ROUNDING = {REAL: "real", FIXED: "fixed", NEAREST: "litert"}


def fully_connected(step: Step, to: Lowering, sum: Sum | None = None) -> Lowered:
    """Rows of x times weights [units, depth]; sum: what is added to that."""
    node, output = step.node, step.output_specs[0]
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    bias = step.input_specs[2] if len(step.input_specs) > 2 else None
    units, depth = weights.static
    if bias is not None and (weights.value is None or bias.value is None):
        return "weights or bias are computed at run time"
    if output.dtype is not x.dtype or len(step.output_specs) > 1:
        return f"there is no compiled kernel for {x.dtype} to {output.dtype}"
    if not weights.size:
        return "its weights are empty"
    way = way_of(node, x, weights, bias, output)
    scales = weight_scales(node, x, weights)
    zero_x, zero_w, zero = zero_points(node, x, weights, output)
    reals = real_multipliers(node, x, scales, output, way)
    limits = quantized_range(node, output, even=way == NEAREST)
    ending = Ending(_ROUNDING[way], zero, *limits, output.dtype.storage.name, sum)
    p = Product(x.size // depth, units, depth, depth, units)
    if weights.value is None:
        if weights.dtype is not INT8 or len(reals) > 1 or sum is not None:
            return "weights of run time are compiled for int8 with one scale"
        size = _panel_size(to, ending.rounding, units, depth)
        return _computed(step, to, p, ending, reals, (zero_x, zero_w), size)
    factor = Factor(
        weights.value.reshape(1, units, depth), zero_w,
        None if bias is None or bias.value is None else bias.value.reshape(-1).astype(np.int64),
        reals, x.dtype.storage.name, zero_x,
    )  # fmt: skip
    positions = (1,) if bias is None else (1, 2)
    return _product(step, to, positions, p, factor, ending)


def batch_matmul(step: Step, to: Lowering) -> Lowered:
    """Stacks of matrices; one large product where y is but one matrix."""
    node, output = step.node, step.output_specs[0]
    x, y = step.input_specs[0], step.input_specs[1]
    assert x is not None and y is not None
    known = [s.quantization for s in (x, y) if s.quantization is not None]
    if output.dtype is not x.dtype or any(q.is_per_channel for q in known):
        return f"there is no compiled kernel for {x.dtype} to {output.dtype} with these scales"
    if not (x.size and y.size):
        return "one of its matrices is empty"
    *stack, m, n = output.static
    k = x.static[-2 if node.options.adj_x else -1]
    if math.prod(y.static[:-2]) == 1:
        m, stack = m * math.prod(stack), []
    of_x, of_y = per_tensor(node, x, 0), per_tensor(node, y, 1)
    made = per_tensor(node, output, node.outputs[0])
    product = np.float32(of_x.scale) * np.float32(of_y.scale)
    reals = np.array([float(product) / made.scale])
    multiplier(node, reals[0])  # or it raises
    rounding = "fixed"
    if xnnpack.takes_products(node, x, y, output):
        scale = xnnpack.product_scale(of_x.scale, of_y.scale, made.scale)
        rounding, reals = "litert", np.array([scale])
    low, high = integer_range(output.dtype)
    ending = Ending(rounding, made.zero_point, low, high, output.dtype.storage.name)
    size = _panel_size(to, rounding, n, k)
    places = (
        stack_places(x.static[:-2], stack) * (m * k),
        stack_places(y.static[:-2], stack) * (-(-n // columns_of(to.target, n)) * size),
        np.arange(math.prod(stack), dtype=np.int64) * (m * n),
    )
    p = Product(m, n, k, k, n, math.prod(stack), offsets=np.stack(places, axis=1))
    if y.value is None:
        zeros = of_x.zero_point, of_y.zero_point
        return _computed(step, to, p, ending, reals, zeros, size)
    values = y.value.reshape(-1, *y.static[-2:])
    values = values if node.options.adj_y else values.swapaxes(1, 2)
    factor = Factor(
        values, of_y.zero_point, None, reals, x.dtype.storage.name, of_x.zero_point
    )  # fmt: skip
    return _product(step, to, (1,), p, factor, ending, first_factor(step, to))


def _panel_size(to: Lowering, rounding: str, n: int, k: int) -> int:
    """Bytes of a panel with its constants."""
    dot = dot_of(to.target)
    each = 4 * len(constant_rows(rounding)) + dot.groups(k) * dot.word
    return columns_of(to.target, n) * each


def _computed(
    step: Step, to: Lowering, p: Product, ending: Ending, reals: Array, zeros: tuple[int, int],
    size: int,
) -> Lowered:  # fmt: skip
    """Panels of y are made in the run, of so many bytes each: all have the same constants."""
    if not ending.stands(reals):
        return TOO_STEEP
    reach = p.k * math.prod(max(zero + 128, 127 - zero) for zero in zeros)
    if reach >= 1 << 31:
        return "its sums might pass an int32"
    constants = Packed(lambda: same_constants(to.target, ending, reals, reach, p.n))
    zero = zeros[0] + dot_of(to.target).offset(unsigned=False)
    panels = Panels(ending.rounding, constants, size, -zero, zero * zeros[1] * p.k)
    second = second_factor(step, to, panels)
    if isinstance(second, str):
        return second
    works, x = first_factor(step, to)
    layer = Layer(x, second[1], to.output(step), "int8", *zeros, unsigned=False)
    return [*works, second[0], product_work(to.target, p, layer, ending)]


def stack_places(shape: tuple[int, ...], stack: list[int]) -> Array:
    """For each matrix of the result, which one of a broadcast factor it comes from: int64."""
    if not stack:  # rows of all matrices are one
        return np.zeros(1, np.int64)
    numbers = np.arange(math.prod(shape), dtype=np.int64).reshape(shape)
    return np.broadcast_to(numbers, stack).reshape(-1)


def _product(
    step: Step, to: Lowering, positions: tuple[int, ...], p: Product, factor: Factor,
    ending: Ending, first: tuple[list[Work], Slot] | None = None,
) -> Lowered:  # fmt: skip
    """The Work, its weights packed when they are needed; first: x, if it is not as it lies."""
    if not ending.stands(factor.reals):
        return TOO_STEEP
    kind = ("int8", ending.alone, factor.x_zero, factor.zero, factor.reals.tobytes())
    packed = to.packed(step, positions, kind, lambda: pack(to.target, factor, ending.alone))
    works, x = first or ([], to.input(step, 0))
    layer = Layer(
        x, packed, to.output(step), factor.x, factor.x_zero, factor.zero,
        factor.weights.dtype == np.uint8,
    )  # fmt: skip
    return [*works, product_work(to.target, p, layer, ending)]


LOWER: dict[str, Lower] = {"FULLY_CONNECTED": fully_connected, "BATCH_MATMUL": batch_matmul}
