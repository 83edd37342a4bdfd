"""From what people pass to run() to the arrays that the graph takes, and back.

The rules (per input; docs/architecture.md tells why):

* a Python scalar or list becomes the tensor's type if nothing is lost;
* floats on a quantised input are quantised, half away from zero, saturating;
* float64 becomes float32; integers on a float input are cast;
* integers of another type are accepted if every value fits;
* one missing leading dimension of size 1 is added; nothing else is reshaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import InputError
from pytflite.model.dtypes import BFLOAT16, BOOL, STRING, DType
from pytflite.model.graph import Array, Tensor
from pytflite.ops.rounding import round_away

_INT_LIMITS = {"INT4": (-8, 7), "INT2": (-2, 1), "UINT4": (0, 15)}


def to_tensor(value: Any, tensor: Tensor) -> tuple[Array, bool]:
    """An array of the tensor's type, and whether floats were quantised to get it.

    Raises:
        InputError: the value does not fit the type; it names the tensor, what was expected and
            what was found.
    """
    dtype = tensor.dtype
    if dtype is STRING:
        return _strings(value, tensor), False
    array: Array = np.asarray(value, object if dtype.is_handle else None)
    if array.dtype == dtype.storage and dtype.name not in _INT_LIMITS:
        return array, False
    kind = array.dtype.kind
    if array.dtype.name == "bfloat16" and dtype is BFLOAT16:
        return array.view(np.uint16), False
    if kind not in "fiubc":
        raise _unfit(tensor, array, f"numbers that fit {dtype}")
    if dtype.is_integer:
        if kind == "f":
            if tensor.is_quantized:
                return _quantize(array, tensor), True
            if isinstance(value, np.ndarray):
                raise _unfit(tensor, array, f"integers ({dtype})")
            if not np.all(np.isfinite(array)) or np.any(array != np.trunc(array)):
                raise _unfit(tensor, array, f"whole numbers ({dtype})")
        elif kind == "c":
            raise _unfit(tensor, array, f"integers ({dtype})")
        return _fitting(array, tensor), False
    if dtype is BOOL:
        if kind != "b":
            raise _unfit(tensor, array, "booleans (compare, as in x != 0)")
        return array, False
    if dtype is BFLOAT16:
        return _bfloat16(array), False
    if kind == "c" and dtype.storage.kind != "c":
        raise _unfit(tensor, array, f"real numbers ({dtype})")
    return array.astype(dtype.storage), False


def _strings(value: Any, tensor: Tensor) -> Array:
    array = np.asarray(value, object) if not isinstance(value, np.ndarray) else value
    out = np.empty(array.shape, object)
    for place, item in zip(np.ndindex(array.shape), array.reshape(-1).tolist(), strict=True):
        if isinstance(item, str):
            item = item.encode()
        if not isinstance(item, (bytes, bytearray)):
            raise InputError(
                "a string tensor takes str or bytes",
                code="input.dtype",
                tensor=tensor.name,
                expected="STRING",
                found=type(item).__name__,
            )
        out[place] = bytes(item)
    return out


def _quantize(array: Array, tensor: Tensor) -> Array:
    """round(x / scale) + zero_point, half away from zero, saturating."""
    if np.isnan(array).any():
        raise InputError(
            "NaN cannot be quantised",
            code="input.nan",
            tensor=tensor.name,
            expected=f"numbers to be quantised to {tensor.dtype}",
            found=f"{int(np.isnan(array).sum())} NaN",
        )
    q = tensor.quantization
    assert q is not None
    shape = [1] * max(array.ndim, 1)
    if q.is_per_channel:
        shape[q.quantized_dimension - len(tensor.shape)] = -1
    scale = q.scale.astype(np.float64).reshape(shape)
    zero = (q.zero_point if q.zero_point.size else np.zeros(1, np.int64)).reshape(shape)
    low, high = integer_range(tensor.dtype)
    levels = round_away(array.astype(np.float64) / scale) + zero
    clipped: Array = np.clip(levels, low, high).astype(tensor.dtype.storage)
    return clipped.reshape(array.shape)


def dequantize(array: Array, tensor: Tensor) -> Array:
    """scale * (q - zero_point) as float32."""
    q = tensor.quantization
    if q is None or not q.scale.size:
        return array
    shape = [1] * max(array.ndim, 1)
    if q.is_per_channel:
        shape[q.quantized_dimension - len(tensor.shape)] = -1
    zero = (q.zero_point if q.zero_point.size else np.zeros(1, np.int64)).reshape(shape)
    real = (array.astype(np.int64) - zero) * q.scale.astype(np.float64).reshape(shape)
    return real.astype(np.float32).reshape(array.shape)


def integer_range(dtype: DType) -> tuple[int, int]:
    """Least and greatest value of an integer type."""
    if dtype.name in _INT_LIMITS:
        return _INT_LIMITS[dtype.name]
    info = np.iinfo(dtype.storage)
    return int(info.min), int(info.max)


def _fitting(array: Array, tensor: Tensor) -> Array:
    low, high = integer_range(tensor.dtype)
    if array.size and (array.min() < low or array.max() > high):
        raise _unfit(
            tensor, array, f"{tensor.dtype}, from {low} to {high}",
            found=f"values from {array.min()} to {array.max()}",
        )  # fmt: skip
    return array.astype(tensor.dtype.storage)


def _bfloat16(array: Array) -> Array:
    """Bit patterns of the nearest bfloat16 (ties to even)."""
    bits = array.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(array), np.uint16(0x7FC0), rounded.astype(np.uint16))


def fit_shape(array: Array, declared: Sequence[int]) -> Array:
    """The array with one missing leading dimension of size 1 added, if that is what is missing."""
    if array.ndim == len(declared) - 1 and declared[0] in (1, -1):
        return array[None]
    return array


def _unfit(tensor: Tensor, array: Array, expected: str, found: str | None = None) -> InputError:
    return InputError(
        "the input has the wrong type",
        code="input.dtype",
        tensor=tensor.name,
        expected=expected,
        found=found or f"{array.dtype}",
    )
