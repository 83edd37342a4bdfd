"""Blockwise quantization: a scale for every few consecutive elements of a row.

    real[row, i] = scale[row, i // block] * q[row, i]

The scales are a constant tensor of their own, FLOAT16 [rows, blocks], which the quantization
details name by index; no operator has it among its inputs. Zero points are 0: LiteRT's kernels
read none, whatever the details say. Source: BlockwiseQuantization in the schema,
kernels/fully_connected.cc (EvalBlockwise4Bit), kernels/embedding_lookup.cc (EvalBlockwise).
"""

from __future__ import annotations

import numpy as np

from pytflite.errors import QuantizationError
from pytflite.model.dtypes import FLOAT16, FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.narrow_floats import bfloat16_to_float32, float32_to_bfloat16
from pytflite.ops.spec import Node, Spec


def is_blockwise(spec: Spec) -> bool:
    """Whether a tensor is quantized by blocks."""
    q = spec.quantization
    return q is not None and q.details is not None and q.details.table == "BlockwiseQuantization"


def block_scales(node: Node, spec: Spec, tensor: int) -> Array:
    """Scales of a matrix that is quantized by blocks along its rows.

    Args:
        node, spec: the operator, and the matrix, of static shape.
        tensor: number of the input that the matrix is.

    Returns:
        float32 [rows, blocks].

    Raises:
        QuantizationError: no matrix, or block size and scales do not fit it.
    """
    assert spec.quantization is not None and spec.quantization.details is not None
    details = spec.quantization.details
    size = int(details.block_size)
    if spec.rank != 2 or size < 1 or spec.static[1] % size:
        raise node.error(
            QuantizationError,
            "the blocks do not fit the tensor",
            tensor=tensor,
            expected="a matrix whose rows are multiples of the block size",
            found=f"blocks of {size} for shape {list(spec.static)}",
        )
    rows, depth = spec.static
    scales = None
    if node.graph is not None:
        scales = node.graph.constant(node.subgraph, int(details.scales))
    if scales is None or scales.dtype not in _FLOATS or scales.size != rows * (depth // size):
        raise node.error(
            QuantizationError,
            "the scales of the blocks are missing or do not fit",
            tensor=tensor,
            expected=f"a constant FLOAT16 tensor of {rows * (depth // size)} elements",
            found="none" if scales is None else f"{scales.dtype} {list(scales.shape)}",
        )
    return scales.astype(np.float32).reshape(rows, depth // size)


def scales_as_shipped(node: Node, spec: Spec, tensor: int) -> Array:
    """Those of `block_scales` rounded to bfloat16, as LiteRT as shipped (XNNPACK) does."""
    return bfloat16_to_float32(float32_to_bfloat16(block_scales(node, spec, tensor)))


_FLOATS = (FLOAT16.storage, FLOAT32.storage)


def dequantize_rows(rows: Array, scales: Array, out: Array) -> None:
    """out = rows with each block multiplied by its scale.

    Args:
        rows: integers [n, depth].
        scales: float32 [n, blocks].
        out: float32 [n, depth].
    """
    blocks = (scales.shape[0], scales.shape[1], -1) if scales.size else (*scales.shape, 1)
    np.multiply(rows.reshape(blocks), scales[:, :, None], out=out.reshape(blocks))
