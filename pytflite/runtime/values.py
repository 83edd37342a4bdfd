"""What set_tensor takes: arrays of the tensor's own type and shape, as in LiteRT.

run() is more obliging; its rules are in feeding.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pytflite.errors import InputError
from pytflite.model.dtypes import STRING, DType, from_numpy
from pytflite.model.graph import Array, Tensor
from pytflite.ops.spec import Shape
from pytflite.runtime.details import numpy_type
from pytflite.runtime.feeding import to_tensor

# Types that NumPy lacks, by the names that ml_dtypes gives them, and what else may hold them.
_FOREIGN = {
    "BFLOAT16": ("bfloat16", "uint16"),
    "FLOAT8_E4M3FN": ("float8_e4m3fn", "int8", "uint8"),
    "FLOAT8_E5M2": ("float8_e5m2", "int8", "uint8"),
    "INT4": ("int4", "int8"),
    "UINT4": ("uint4", "uint8"),
    "INT2": ("int2", "int8"),
}


def takes_plainly(tensor: Tensor) -> bool:
    """Whether `as_given` leaves arrays of the type that holds the elements as they are."""
    return tensor.dtype.name not in _FOREIGN and not tensor.dtype.is_handle


def as_given(value: Any, tensor: Tensor, index: int) -> Array:
    """An array in the type that holds the tensor's elements.

    Raises:
        InputError: its type is another. The message begins as LiteRT's.
    """
    dtype = tensor.dtype
    array = np.asarray(value)
    if dtype is STRING and array.dtype.kind in "OSU":
        return _strings(array, tensor)
    if dtype.is_handle and dtype is not STRING:
        return np.asarray(value, object)
    if array.dtype.newbyteorder("=") == dtype.storage and dtype.name not in _FOREIGN:
        return array.astype(dtype.storage, copy=False)
    if array.dtype.name in _FOREIGN.get(dtype.name, ()):
        return _foreign(array, tensor)
    raise InputError(
        f"Cannot set tensor: Got value of type {_name(array)} but expected type {dtype} "
        f"for input {index}, name: {tensor.name}",
        code="input.dtype",
        tensor=tensor.name,
        expected=numpy_type(dtype).__name__,
        found=array.dtype.name,
    )


def check_shape(array: Array, expected: Shape, index: int, tensor: Tensor) -> None:
    """Refuses an array of another shape than the tensor's present one.

    Raises:
        InputError: it has. The message begins as LiteRT's.
    """
    if array.shape == expected:
        return
    problem = f"Got {array.ndim} but expected {len(expected)} for input {index}."
    if array.ndim == len(expected):
        pairs = enumerate(zip(array.shape, expected, strict=True))
        dim, got, want = next((n, a, b) for n, (a, b) in pairs if a != b)
        problem = f"Got {got} but expected {want} for dimension {dim} of input {index}."
    raise InputError(
        f"Cannot set tensor: Dimension mismatch. {problem}",
        code="input.shape",
        tensor=tensor.name,
        expected=list(expected),
        found=list(array.shape),
        hint="resize_tensor_input() changes an input's shape"
        if math.prod(array.shape) != math.prod(expected)
        else "reshape() the array",
    )


def _strings(array: Array, tensor: Tensor) -> Array:
    if array.ndim == 0 and array.dtype.kind == "S":
        # NumPy drops zeros at the end of bytes; the one string of a scalar keeps them.
        out = np.empty((), object)
        out[()] = array.tobytes()
        return out
    return to_tensor(array, tensor)[0]


def _foreign(array: Array, tensor: Tensor) -> Array:
    storage = tensor.dtype.storage
    if array.dtype.name in ("int4", "uint4", "int2"):
        return array.astype(storage)
    if tensor.dtype.bits < 8:
        return to_tensor(array, tensor)[0]  # checks the range
    return np.ascontiguousarray(array).view(storage).reshape(array.shape)


def _name(array: Array) -> str:
    """TFLite's name of an array's type."""
    try:
        found: DType = from_numpy(array.dtype)
    except KeyError:
        return array.dtype.name.upper()
    return found.name
