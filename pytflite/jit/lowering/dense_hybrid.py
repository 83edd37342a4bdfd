"""FULLY_CONNECTED of float32 by integer weights: rows are quantised in the run."""

from __future__ import annotations

import numpy as np

from pytflite.format.schema import ActivationFunctionType as Activation
from pytflite.jit.emit.dot import dot_of
from pytflite.jit.emit.gemm import ENTRY
from pytflite.jit.emit.gemm_blockwise import TIMES, head, one_by_one
from pytflite.jit.emit.quantising import NUMBERS
from pytflite.jit.emit.requantize import rows
from pytflite.jit.kernel import Kernel, kernel
from pytflite.jit.lowering.ahead import ahead
from pytflite.jit.lowering.products import epilogue, scratch_row
from pytflite.jit.lowering.products_int8 import tile_of, words_of
from pytflite.jit.lowering.quantised import rows_of
from pytflite.jit.lowering.registry import Lower, Lowered, Lowering
from pytflite.jit.lowering.requantizing import pack_constants
from pytflite.jit.lowering.tiles import Product, Tile, columns_of
from pytflite.jit.target import Target
from pytflite.jit.work import Slot, Work
from pytflite.model.dtypes import INT4
from pytflite.model.graph import Array
from pytflite.ops.activation import Bounds, bounds
from pytflite.ops.blockwise import is_blockwise, scales_as_shipped
from pytflite.ops.dense.float_product import signed
from pytflite.ops.dense.layer_scales import weight_scales, weight_zero
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Step

_LONGEST = 1 << 11  # nibbles of a block, whose sum is an int16
_LEAST = 2.0**-100  # scales
_LOWER = np.uint32(0x0F0F0F0F)
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
    if int(node.options.fused_activation_function) in _UNCLAMPED:
        return "its activation is not compiled"
    if not weights.size:
        return "its weights are empty"
    blockwise = is_blockwise(weights)
    target = one_by_one(to.target) if blockwise else to.target
    if blockwise:
        scales = scales_as_shipped(node, weights, 1)
        if depth // scales.shape[1] % dot_of(target).group:
            return "its blocks are not whole words"
        nibbles = _in_nibbles(target, weights, scales)
    else:
        scales = weight_scales(node, x, weights)
        weight_zero(node, x, weights)
    values = signed(weights.value)
    offset = None if bias is None or bias.value is None else bias.value.reshape(-1)

    def make() -> Array:
        if blockwise:
            return pack_blocks(target, values, scales, offset, nibbles=nibbles)
        return pack(to.target, values, scales, offset)

    packed = to.packed(step, (1,) if bias is None else (1, 2), ("hybrid", blockwise), make)
    p = Product(x.size // depth, units, depth, depth, 4 * units)
    place = to.input(step, 0), packed, to.output(step)
    if blockwise:
        blocks = scales.shape[1]
        return [_blocks_work(target, p, place, bounds(node), blocks, nibbles=nibbles)]
    asymmetric = bool(node.options.asymmetric_quantize_inputs)
    return _works(step, to, p, place, bounds(node), asymmetric=asymmetric)


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


def _in_nibbles(target: Target, weights: Spec, scales: Array) -> bool:
    """Whether weights with scales [units, blocks] are packed so."""
    dot, block = dot_of(target), weights.static[1] // scales.shape[1]
    if weights.dtype is not INT4 or dot.width > 1 or block % (2 * dot.group) or block > _LONGEST:
        return False
    return bool(np.abs(scales).min() >= _LEAST)


def pack_blocks(
    target: Target, weights: Array, scales: Array, bias: Array | None, *, nibbles: bool
) -> Array:
    """Panels of gemm_blockwise.py: bytes [panels, panel]. scales: [units, blocks]."""
    units, blocks = scales.shape
    columns, dot = columns_of(target, units), dot_of(target)
    panels = -(-units // columns)
    parts = weights.reshape(units, blocks, -1)
    sums = parts.sum(axis=2, dtype=np.int64)
    made = np.zeros((head(nibbles=nibbles), panels * columns, blocks), np.int32)
    bits = (scales.astype(np.float32) / np.float32(TIMES if nibbles else 1)).view(np.int32)
    if nibbles:
        made[0, :units] = bits | (sums & 0xFFFF)
    else:
        made[:, :units] = sums, bits
    heads = made.reshape(-1, panels, columns, blocks).transpose(1, 3, 0, 2)
    padded = np.zeros((panels * columns, blocks, parts.shape[2]), f"i{dot.width}")
    padded[:units] = parts
    words = padded.view(f"u{dot.word}").reshape(panels, columns, blocks, -1).transpose(0, 2, 3, 1)
    if nibbles:
        pairs = words.reshape(panels, blocks, -1, 2, columns)
        words = (pairs[:, :, :, 0] & _LOWER) | ((pairs[:, :, :, 1] & _LOWER) << 4)
    both = (
        np.ascontiguousarray(part).view(np.uint8).reshape(panels, blocks, -1)
        for part in (heads, words)
    )
    offset = np.zeros((panels, columns), np.float32)
    if bias is not None:
        offset.reshape(-1)[:units] = bias
    body = np.concatenate(list(both), axis=2).reshape(panels, -1)
    return np.concatenate([offset.view(np.uint8), body], axis=1)


def _blocks_work(
    target: Target, p: Product, tensors: tuple[Slot, Slot, Slot], limits: Bounds, blocks: int, *,
    nibbles: bool,
) -> Work:  # fmt: skip
    dot = dot_of(target)
    words = p.k // blocks // dot.group
    p, tile, place = _tiled(target, p)
    high = max(n for n in range(1, max(2, tile.rows // 2 + 1)) if tile.row_block % n == 0)
    made = kernel(
        "gemm_blockwise.product", rows=high, vectors=tile.vectors, tail=tile.tail,
        masked=tile.masked, clamp=epilogue(limits), nibbles=nibbles,
    )  # fmt: skip
    block_bytes = (4 * head(nibbles=nibbles) + words * dot.word // (1 + nibbles)) * tile.columns
    panel_bytes = 4 * tile.columns + blocks * block_bytes
    ends = *(float(b or 0) for b in limits), blocks, words, block_bytes
    return _made(made, tensors, p, tile, panel_bytes, blocks * words, (place, p.k, *ends))


def _works(
    step: Step, to: Lowering, p: Product, tensors: tuple[Slot, Slot, Slot], limits: Bounds, *,
    asymmetric: bool,
) -> list[Work]:  # fmt: skip
    """The product, and what quantises its rows unless an earlier step did."""
    target = to.target
    p, tile, place = _tiled(target, p)
    works: list[Work] = []
    quantised = not dot_of(target).pairs  # which are put together in scratch
    if quantised:
        works, rows_at = rows_of(step, to, p, place, asymmetric=asymmetric)
        tensors = rows_at, *tensors[1:]
    panel_bytes = 4 * len(rows("hybrid")) + dot_of(target).groups(p.k) * dot_of(target).word
    made = kernel(
        "gemm_hybrid.product", rows=tile.rows, vectors=tile.vectors, tail=tile.tail,
        masked=tile.masked, chains=tile.chains, asymmetric=asymmetric, clamp=epilogue(limits),
        quantised=quantised,
    )  # fmt: skip
    panel_bytes *= tile.columns
    groups = -(-p.k // dot_of(target).group)
    fetched = ahead(p.m, tile, panel_bytes, groups, dot_of(target).word * tile.columns)
    ends = *fetched, place, p.k, *(float(b or 0) for b in limits)
    return [*works, _made(made, tensors, p, tile, panel_bytes, groups, ends)]


def _tiled(target: Target, p: Product) -> tuple[Product, Tile, int]:
    """Rows as they lie in scratch, what suits them, and where their numbers lie."""
    place = -(-(p.k + target.lanes) // target.lanes) * target.lanes * dot_of(target).width
    place = max(place, dot_of(target).row(p.k))
    p = p._replace(x_row=scratch_row(place + NUMBERS))
    return p, tile_of(target, p), place


def _made(
    code: Kernel, tensors: tuple[Slot, Slot, Slot], p: Product, tile: Tile, panel_bytes: int,
    groups: int, ends: tuple[Slot, ...],
) -> Work:  # fmt: skip
    """The work of a kernel. groups: words of a row; ends: slots after gemm.SLOTS."""
    panels = -(-p.n // tile.columns)
    row_blocks = -(-p.m // tile.row_block)
    panel_blocks = -(-panels // tile.panel_block)
    slots = (
        *tensors, np.zeros(3, np.int64), p.m, p.n, groups, p.x_row, p.output_row, panel_bytes,
        tile.row_block, row_blocks, tile.panel_block, panel_blocks, *ends,
    )  # fmt: skip
    scratch = tile.row_block * (p.x_row + ENTRY)
    return Work(code, slots, row_blocks * panel_blocks, scratch)


LOWER: dict[str, Lower] = {"FULLY_CONNECTED": fully_connected}
