"""What tf.lite.Interpreter says of a tensor: its dictionary of details, its type and shape."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.errors import ModelError
from pytflite.format.schema import DimensionType
from pytflite.model.dtypes import FLOAT8_E4M3FN, FLOAT8_E5M2, STRING, DType
from pytflite.model.graph import Array, Quantization, Tensor
from pytflite.model.model import Model
from pytflite.model.options import Options
from pytflite.ops.spec import Shape

# What LiteRT reports where NumPy has no such type; INT4 and its kin have it in their storage.
_REPORTED: dict[DType, Any] = {
    STRING: np.bytes_,
    FLOAT8_E4M3FN: np.int8,
    FLOAT8_E5M2: np.int8,
}


def tensor_details(
    model: Model, subgraph: int, index: int, shape: Shape, dtype: DType | None = None
) -> dict[str, Any]:
    """The dictionary that get_input_details() and its kin give for one tensor.

    Args:
        model, subgraph, index: which tensor.
        shape: its present shape, which a resize may have changed.
        dtype: its planned type, where the operator decides it against what the file declares.
    """
    tensor = model.subgraphs[subgraph].tensors[index]
    signature = tensor.shape if tensor.shape_signature is None else tensor.shape_signature
    return {
        "name": tensor.name,
        "index": index,
        "shape": _sizes(shape),
        "shape_signature": np.array(signature, np.int32),
        "dtype": numpy_type(dtype or tensor.dtype),
        "quantization": _one_scale(tensor.quantization),
        "quantization_parameters": _quantization_parameters(model, subgraph, tensor),
        "sparsity_parameters": {} if tensor.sparsity is None else _sparsity(tensor.sparsity),
    }


def _sizes(shape: Shape) -> Any:
    """int32 as in tf.lite; sizes that only the shape of an empty tensor can have are int64."""
    return np.array(shape, np.int32 if max(shape, default=0) < 1 << 31 else np.int64)


def numpy_type(dtype: DType) -> Any:
    """The type object that tf.lite reports: np.float32, np.bytes_ for strings ..."""
    return _REPORTED.get(dtype, dtype.storage.type)


def reported_type(tensor: Tensor, array: Array) -> np.dtype[Any]:
    """The type in which tf.lite hands out an array: bytes of FLOAT8 are int8 there."""
    # An operator may have computed another type than the file declares.
    same = tensor.dtype.bits == 8 and array.dtype == tensor.dtype.storage
    return np.dtype(numpy_type(tensor.dtype)) if same else array.dtype


def declared_shape(tensor: Tensor) -> Shape:
    """The shape in the file; unknown sizes, which are -1, are 1, as in LiteRT.

    Raises:
        ModelError: another negative size.
    """
    for sizes in (tensor.shape, tensor.shape_signature or ()):
        if min(sizes, default=0) < -1:
            raise ModelError(
                "a dimension is negative", code="model.shape", tensor=tensor.name, found=sizes
            )
    return tuple(1 if d < 0 else d for d in tensor.shape)


def _one_scale(q: Quantization | None) -> tuple[float, int]:
    """(scale, zero point) of the whole tensor; (0.0, 0) if there is none such."""
    if q is None or q.scale.size != 1:
        return (0.0, 0)
    return (float(q.scale[0]), int(q.zero_point[0]) if q.zero_point.size else 0)


def _quantization_parameters(model: Model, subgraph: int, tensor: Tensor) -> dict[str, Any]:
    q = tensor.quantization
    scales, zeros = np.empty(0, np.float32), np.empty(0, np.int32)
    dimension = block = 0
    if q is not None:
        dimension = q.quantized_dimension
        if q.details is not None and q.details.table == "BlockwiseQuantization":
            # The scales are a tensor of their own, which LiteRT gives flat and as they are.
            block = int(q.details.block_size)
            scales = _flat_constant(model, subgraph, q.details.scales, np.dtype(np.float16))
            if q.details.zero_points > 0:
                zeros = _flat_constant(model, subgraph, q.details.zero_points, np.dtype(np.int32))
        elif q.scale.size:
            scales, zeros = np.array(q.scale, np.float32), _zero_points(q)
    return {
        "scales": scales,
        "zero_points": zeros,
        "quantized_dimension": dimension,
        "block_size": block,
    }


def _flat_constant(model: Model, subgraph: int, index: int, dtype: np.dtype[Any]) -> Array:
    tensors = model.subgraphs[subgraph].tensors
    found = model.constant(subgraph, index) if 0 <= index < len(tensors) else None
    if found is None or found.dtype.kind not in "iuf":  # no numbers
        return np.empty(0, dtype)
    return np.array(found, dtype).reshape(-1)


def _zero_points(q: Quantization) -> Array:
    if q.zero_point.size == q.scale.size:
        return q.zero_point.astype(np.int32)
    return np.zeros(q.scale.size, np.int32)


def _sparsity(sparsity: Options) -> dict[str, Any]:
    """traversal_order, block_map, and for each level its size or its segments and indices."""
    out: dict[str, Any] = {"traversal_order": _int32(sparsity.traversal_order)}
    if sparsity.block_map is not None:
        out["block_map"] = _int32(sparsity.block_map)
    out["dim_metadata"] = [
        {"format": 0, "dense_size": int(level.dense_size)}
        if level.format == DimensionType.DENSE
        else {
            "format": 1,
            "array_segments": _int32(level.array_segments),
            "array_indices": _int32(level.array_indices),
        }
        for level in sparsity.dim_metadata or ()
    ]
    return out


def _int32(values: Any) -> Array:
    """A vector of numbers, or the table that holds one, as int32."""
    values = getattr(values, "values", values)
    return np.array(() if values is None else values, np.int32)
