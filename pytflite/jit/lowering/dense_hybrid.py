"""FULLY_CONNECTED of float32 by integer weights: rows are quantised in the run."""

from __future__ import annotations

import math

import numpy as np

from pytflite.format.schema import ActivationFunctionType as Activation
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.gemm import ENTRY
from pytflite.jit.emit.quantising import NUMBERS
from pytflite.jit.emit.requantize import rows
from pytflite.jit.kernel import Slot, Work, kernel
from pytflite.jit.lowering.products import Product, columns_of, epilogue, scratch_row
from pytflite.jit.lowering.products_int8 import tile_of, words_of
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.jit.lowering.requantizing import pack_constants
from pytflite.jit.target import Target
from pytflite.model.graph import Array
from pytflite.ops.activation import Bounds, bounds
from pytflite.ops.blockwise import is_blockwise
from pytflite.ops.dense.float_product import signed
from pytflite.ops.dense.layer_scales import weight_scales, weight_zero
from pytflite.plan.plan import Step

_UNCLAMPED = (Activation.TANH, Activation.SIGN_BIT)


def fully_connected(step: Step, to: Lowering) -> Lowered:
    """Rows of x times weights [units, depth]."""
    node = step.node
    x, weights = step.input_specs[0], step.input_specs[1]
    assert x is not None and weights is not None
    bias = step.input_specs[2] if len(step.input_specs) > 2 else None
    units, depth = weights.static
    if weights.value is None or (bias is not None and bias.value is None):
        return "weights or bias are computed at run time"
    if is_blockwise(weights):
        return "its weights have scales of blocks"
    if int(node.options.fused_activation_function) in _UNCLAMPED:
        return "its activation is not compiled"
    if not weights.size:
        return "its weights are empty"
    scales = weight_scales(node, x, weights)
    weight_zero(node, x, weights)
    values = signed(weights.value)
    offset = None if bias is None or bias.value is None else bias.value.reshape(-1)

    def make() -> Array:
        return pack(to.target, values, scales, offset)

    packed = to.packed(step, (1,) if bias is None else (1, 2), ("hybrid",), make)
    asymmetric = bool(node.options.asymmetric_quantize_inputs)
    p = Product(x.size // depth, units, depth, depth, 4 * units)
    place = to.input(step, 0), packed, to.output(step)
    return [_work(to.target, p, place, bounds(node), asymmetric=asymmetric)]


def pack(target: Target, weights: Array, scales: Array, bias: Array | None) -> Array:
    """Panels: bytes [panels, panel]."""
    units = weights.shape[0]
    columns = columns_of(target, units)
    places = np.arange(units)
    sums = weights.sum(axis=1, dtype=np.int64)
    constants = {
        "bias": (-dot_of(target).offset(unsigned=False) * sums).astype(np.int32),
        "sums": sums.astype(np.int32),
        "scale": np.broadcast_to(scales.astype(np.float32), (units,)),
        "offset": np.zeros(units, np.float32) if bias is None else bias.astype(np.float32),
    }
    head = pack_constants("hybrid", constants, columns, places)
    words = words_of(target, weights[None], places)
    return np.concatenate(
        [head.reshape(len(head), -1).view(np.uint8), words.reshape(len(head), -1)], axis=1
    )


def _work(
    target: Target, p: Product, tensors: tuple[Slot, Slot, Slot], limits: Bounds, *,
    asymmetric: bool,
) -> Work:  # fmt: skip
    dot = dot_of(target)
    groups = -(-p.k // dot.group)
    place = -(-(p.k + target.lanes) // target.lanes) * target.lanes * dot.width
    place = max(place, dot.row(p.k))
    p = p._replace(x_row=scratch_row(place + NUMBERS))
    tile = tile_of(target, p)
    panels = -(-p.n // tile.columns)
    panel_bytes = (4 * len(rows("hybrid")) + dot.groups(p.k) * dot.word) * tile.columns
    row_blocks = -(-p.m // tile.row_block)
    panel_blocks = -(-panels // tile.panel_block)
    made = kernel(
        "gemm_hybrid.product", rows=tile.rows, vectors=tile.vectors, tail=tile.tail,
        masked=tile.masked, chains=tile.chains, asymmetric=asymmetric, clamp=epilogue(limits),
    )  # fmt: skip
    slots = (
        *tensors, np.zeros(3, np.int64), p.m, p.n, groups, p.x_row, p.output_row, panel_bytes,
        tile.row_block, row_blocks, tile.panel_block, panel_blocks,
        place, p.k, *(float(b or 0) for b in limits),
    )  # fmt: skip
    scratch = tile.row_block * (p.x_row + ENTRY)
    return Work(made, slots, math.prod((row_blocks, panel_blocks)), scratch)


LOWER: dict[str, Lower] = {"FULLY_CONNECTED": fully_connected}
