"""From the bytes of a buffer to the array of a constant tensor.

Plain types are views on the file. Copies are made, once, of what cannot be a view: INT4, INT2
and UINT4 (unpacked, lowest bits first), strings, sparse tensors (made dense), and data that are
not aligned to their type.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from pytflite.errors import ModelError
from pytflite.format.schema import DimensionType
from pytflite.model.dtypes import INT2, INT4, STRING, UINT4, is_known
from pytflite.model.graph import Array, Tensor
from pytflite.model.options import Options

# A sparse tensor may grow this much on becoming dense, or to this many bytes.
_MAX_GROWTH = 1024
_SMALL = 1 << 26


def constant_array(tensor: Tensor, data: Array) -> Array:
    """The value of a constant tensor, read-only.

    Args:
        tensor: its description.
        data: uint8 [bytes], the buffer.

    Raises:
        ModelError: the buffer does not fit shape and type.
    """
    if any(d < 0 for d in tensor.shape):
        raise ModelError(
            "a constant tensor has an unknown dimension",
            code="model.constant-shape",
            tensor=tensor.name,
            found=tensor.shape,
        )
    if tensor.dtype is STRING:
        array = _shaped(tensor, _strings(tensor, data), tensor.shape)
    elif tensor.dtype.is_handle or not is_known(tensor.dtype):
        raise ModelError(
            "a tensor of this type cannot be constant",
            code="model.constant-type",
            tensor=tensor.name,
            found=tensor.dtype,
        )
    elif tensor.sparsity is not None:
        array = _dense(tensor, data, tensor.sparsity)
    else:
        array = _shaped(tensor, _elements(tensor, data, math.prod(tensor.shape)), tensor.shape)
    array.flags.writeable = False
    return array


def _shaped(tensor: Tensor, array: Array, shape: Sequence[int]) -> Array:
    """Reshapes; NumPy refuses ranks above 64, and huge dimensions even beside one of size 0."""
    try:
        return array.reshape(shape)
    except ValueError as error:
        raise ModelError(
            "a constant tensor has an impossible shape",
            code="model.constant-shape",
            tensor=tensor.name,
            found=f"{len(shape)} dimensions, {list(shape[:8])}",
        ) from error


def _elements(tensor: Tensor, data: Array, count: int) -> Array:
    """The first `count` elements; a buffer may be longer only by padding of packed types."""
    dtype = tensor.dtype
    if dtype.bits >= 8:
        need = count * dtype.itemsize
        if data.size != need:
            raise _wrong_size(tensor, need, data.size)
        array = data.view(dtype.storage)
        return array if array.flags.aligned else array.copy()
    per_byte = 8 // dtype.bits
    need = -(-count // per_byte)
    if data.size < need:
        raise _wrong_size(tensor, need, data.size)
    shifts = np.arange(0, 8, dtype.bits, dtype=np.uint8)
    fields = (data[:need, None] >> shifts) & np.uint8((1 << dtype.bits) - 1)
    flat = fields.reshape(-1)[:count]
    if dtype is UINT4:
        return flat
    assert dtype in (INT4, INT2)
    sign = np.uint8(1 << (dtype.bits - 1))
    return ((flat ^ sign).view(np.int8) - np.int8(sign)).astype(np.int8)


def _wrong_size(tensor: Tensor, need: int, found: int) -> ModelError:
    return ModelError(
        "the buffer of a constant tensor has the wrong size",
        code="model.constant-size",
        tensor=tensor.name,
        expected=f"{need} bytes for {tensor.dtype} {list(tensor.shape)}",
        found=f"{found} bytes",
    )


def _strings(tensor: Tensor, data: Array) -> Array:
    """int32 count, count + 1 int32 offsets from the start of the buffer, the bytes."""
    raw = data.tobytes()
    bad = ModelError(
        "the buffer of a string tensor is malformed",
        code="model.strings",
        tensor=tensor.name,
        expected="count, count + 1 rising offsets, bytes",
    )
    if len(raw) < 8:
        raise bad
    count = int(np.frombuffer(raw, "<i4", 1)[0])
    if count < 0 or 4 * (count + 2) > len(raw):
        raise bad
    offsets = np.frombuffer(raw, "<i4", count + 1, 4).tolist()
    if offsets[0] < 4 * (count + 2) or offsets[-1] > len(raw):
        raise bad
    if count != math.prod(tensor.shape):
        raise ModelError(
            "a string tensor holds the wrong number of strings",
            code="model.strings",
            tensor=tensor.name,
            expected=f"{math.prod(tensor.shape)} for shape {list(tensor.shape)}",
            found=count,
        )
    array = np.empty(count, object)
    for i, (start, stop) in enumerate(pairwise(offsets)):
        if stop < start:
            raise bad
        array[i] = raw[start:stop]
    return array


def _dense(tensor: Tensor, data: Array, sparsity: Options) -> Array:
    """Unpacks the tree of dense and compressed (CSR) levels that SparsityParameters describe.

    Level i lists dimension `traversal_order[i]`; numbers at or above the rank are the inner
    dimensions of blocks, and `block_map` says which dimension each of those blocks.
    """
    rank = len(tensor.shape)
    order = list(sparsity.traversal_order or ())
    blocks = list(sparsity.block_map or ())
    levels = list(sparsity.dim_metadata or ())
    if (
        sorted(order) != list(range(rank + len(blocks)))
        or len(levels) != len(order)
        or any(not 0 <= b < rank for b in blocks)
    ):
        raise _bad_sparsity(tensor, "traversal_order and block_map do not fit the rank")
    expanded = list(tensor.shape)  # outer sizes, then block sizes
    for level, dim in zip(levels, order, strict=True):
        if dim >= rank:
            size = level.dense_size
            if level.format != DimensionType.DENSE or size < 1:
                raise _bad_sparsity(tensor, "block dimensions have to be dense")
            block = blocks[dim - rank]
            if expanded[block] % size:
                raise _bad_sparsity(tensor, f"dimension {block} is no multiple of its block")
            expanded[block] //= size
            expanded.append(size)
    # The block sizes were appended in traversal order; put them at their own numbers.
    inner = [dim for dim in order if dim >= rank]
    sizes = expanded[:rank] + [expanded[rank + inner.index(rank + b)] for b in range(len(blocks))]
    total = math.prod(sizes)
    if total * np.dtype(np.int64).itemsize > max(_SMALL, _MAX_GROWTH * data.size):
        raise _bad_sparsity(tensor, f"{total} elements out of {data.size} bytes")
    where = np.zeros(1, np.int64)  # position of each entry of the level above in the dense array
    strides = _strides([sizes[d] for d in range(len(sizes))])
    for level, dim in zip(levels, order, strict=True):
        if level.format == DimensionType.DENSE and where.size * sizes[dim] > total:
            raise _bad_sparsity(tensor, "a position is listed twice")
        where = _descend(tensor, level, where, sizes[dim], strides[dim])
    listed = np.zeros(total, bool)
    listed[where] = True
    if np.count_nonzero(listed) != where.size:
        raise _bad_sparsity(tensor, "a position is listed twice")
    values = _elements(tensor, data, where.size)
    dense = np.zeros(total, tensor.dtype.storage)
    dense[where] = values
    shaped = _shaped(tensor, dense, sizes)
    axes: list[int] = []
    for dim in range(rank):
        axes.append(dim)
        axes += [rank + i for i, b in enumerate(blocks) if b == dim]
    # ascontiguousarray makes a vector of a scalar.
    return np.ascontiguousarray(shaped.transpose(axes)).reshape(tensor.shape)


def _descend(tensor: Tensor, level: Options, where: Array, size: int, stride: int) -> Array:
    """Positions of the children of every entry at one level of the tree."""
    if level.format == DimensionType.DENSE:
        if level.dense_size != size:
            raise _bad_sparsity(tensor, f"a dense level of {level.dense_size} for {size}")
        return (where[:, None] + np.arange(size, dtype=np.int64) * stride).reshape(-1)
    if level.array_segments is None or level.array_indices is None:
        raise _bad_sparsity(tensor, "a compressed level has no segments or indices")
    segments, indices = (
        np.empty(0, np.int64) if vector.values is None else vector.values.astype(np.int64)
        for vector in (level.array_segments, level.array_indices)
    )
    counts = np.diff(segments)
    if (
        segments.size != where.size + 1
        or segments[0] != 0
        or segments[-1] != indices.size
        or (counts < 0).any()
        or ((indices < 0) | (indices >= size)).any()
    ):
        raise _bad_sparsity(tensor, "segments or indices of a compressed level are out of range")
    return np.repeat(where, counts) + indices * stride


def _strides(sizes: list[int]) -> list[int]:
    strides, step = [], 1
    for size in reversed(sizes):
        strides.append(step)
        step *= size
    return strides[::-1]


def _bad_sparsity(tensor: Tensor, problem: str) -> ModelError:
    return ModelError(f"bad sparsity: {problem}", code="model.sparsity", tensor=tensor.name)
