"""What `single_op` cannot say: scales of blocks, and sparse weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.format.schema import DimensionType
from pytflite.model.dtypes import BY_NAME
from pytflite.model.graph import Buffer, Quantization, Tensor
from pytflite.model.model import Model
from pytflite.model.options import Options
from pytflite.model.writing import write
from tests.harness import pack, single_op, tensor


def with_block_scales(model: Model, number: int, scales: np.ndarray, block: int) -> Model:
    """The model with a tensor of scales added, which the quantization of a tensor names."""
    graph = model.subgraphs[0]
    dtype = BY_NAME[scales.dtype.name.upper()]
    added = Tensor("scales", scales.shape, dtype, len(model.buffers))
    details = Options(
        "BlockwiseQuantization", scales=len(graph.tensors), zero_points=-1, block_size=block
    )
    tensors = [*graph.tensors, added]
    tensors[number] = tensors[number].replace(quantization=Quantization(details=details))
    return reopened(model, tensors, [*model.buffers, Buffer(pack(scales, dtype))])


def blockwise(
    rows: int, units: int, depth: int, block: int, *, dtype: str = "INT4", **options: Any
) -> Model:
    """A layer with scales of blocks."""
    rng = np.random.default_rng(units + depth)
    weights = rng.integers(-8, 8, (units, depth)).astype(np.int8)
    inputs = [
        tensor((rows, depth)), tensor(value=weights, dtype=dtype),
        tensor(value=rng.normal(size=units).astype(np.float32)),
    ]  # fmt: skip
    model = single_op("FULLY_CONNECTED", inputs, [tensor((rows, units))], **options)
    scales = rng.uniform(0.01, 0.1, (units, depth // block)).astype(np.float16)
    return with_block_scales(model, 1, scales, block)


def sparse(model: Model, number: int, block: int) -> Model:
    """The model with a constant matrix stored as rows (CSR) of blocks of so many columns."""
    graph = model.subgraphs[0]
    tensor = graph.tensors[number]
    dense = model.constant(0, number)
    assert dense is not None
    rows, columns = dense.shape
    blocks = dense.reshape(rows, columns // block, block)
    kept = blocks.any(axis=2)
    segments = np.concatenate([[0], kept.sum(axis=1).cumsum()])
    indices = np.concatenate([np.flatnonzero(row) for row in kept])
    levels = [
        Options("DimensionMetadata", format=DimensionType.DENSE, dense_size=rows),
        Options(
            "DimensionMetadata",
            format=DimensionType.SPARSE_CSR,
            array_segments=Options("Int32Vector", values=segments.astype(np.int32)),
            array_indices=Options("Int32Vector", values=indices.astype(np.int32)),
        ),
    ]
    if block > 1:
        levels.append(Options("DimensionMetadata", format=DimensionType.DENSE, dense_size=block))
    sparsity = Options(
        "SparsityParameters",
        traversal_order=list(range(len(levels))),
        block_map=[1] if block > 1 else [],
        dim_metadata=levels,
    )
    tensors, buffers = list(graph.tensors), list(model.buffers)
    tensors[number] = tensor.replace(sparsity=sparsity)
    buffers[tensor.buffer] = Buffer(pack(blocks[kept], tensor.dtype))
    return reopened(model, tensors, buffers)


def reopened(model: Model, tensors: Sequence[Tensor], buffers: Sequence[Buffer]) -> Model:
    """The model with other tensors and buffers, written and read again."""
    graph = model.subgraphs[0].replace(tensors=tuple(tensors))
    return Model.open(write(model.replace(subgraphs=(graph,), buffers=tuple(buffers))))
