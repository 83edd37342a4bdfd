"""Functions of one small value as tables.

An operator on each element of an 8-bit tensor has 256 results, one on 16 bits has 65536: they are
computed once, by the operator's own definition, and looked up. `lookup` makes the table (or, for
16 bits and few elements, keeps the function instead), `Lookup.apply` uses it.

TFLite's own tables, which decide the bits of its results:
    256 entries   y[q] = clamp(round(f(scale * (q - zero)) / scale_out) + zero_out)
    513 entries   int16: f at every 128th value, and the straight line between two of them
Source: kernels/internal/common.h (LUTPopulate, LUTLookup).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from pytflite.model.dtypes import DType
from pytflite.model.graph import Array
from pytflite.ops.quantized import PerTensor
from pytflite.ops.rounding import round_away

Function = Callable[[Array], Array]

# Elements looked up at a time: temporaries of this size stay in the cache.
_BLOCK = 1 << 15
# From here on a table for 16 bits is worth making: it is paid for after eight runs at most.
_MANY = 1 << 13


class Lookup(NamedTuple):
    """A function of the elements of one tensor; picklable.

    Attributes:
        function: from an array of the input's storage type to the output's (any integers that
            fit it); used where there is no table.
        octets: the results as bytes, where both types have 8 bits.
        values: the results for all patterns of the input type, as an array.
        result: the output's storage type.
    """

    function: Function
    octets: bytes | None
    values: Array | None
    result: np.dtype[Any]

    def apply(self, x: Array, out: Array) -> None:
        """out = function(x), element by element. `out` may be x itself."""
        if self.values is None and self.octets is None:
            np.copyto(out, self.function(x), casting="unsafe")
            return
        flat, into = x.reshape(-1), out.reshape(-1)
        for start in range(0, flat.size, _BLOCK):
            part, place = flat[start : start + _BLOCK], into[start : start + _BLOCK]
            if self.octets is not None:
                found = part.tobytes().translate(self.octets)
                place[...] = np.frombuffer(found, self.result)
            else:
                assert self.values is not None
                index = part.view(f"u{part.itemsize}")
                np.take(self.values, index, out=place, mode="clip")


def lookup(function: Function, dtype: DType, result: DType, size: int) -> Lookup:
    """A table of `function`, or the function itself where a table would cost more.

    Args:
        function: of arrays, element by element, picklable.
        dtype, result: types of input and output; the input has 8 or 16 bits in memory.
        size: elements of the tensor.
    """
    storage = result.storage
    if dtype.itemsize > 1 and size <= _MANY:
        return Lookup(function, None, None, storage)
    values = function(every_value(dtype)).astype(storage, copy=False)
    if dtype.itemsize == storage.itemsize == 1:
        return Lookup(function, values.tobytes(), None, storage)
    values.flags.writeable = False
    return Lookup(function, None, values, storage)


def every_value(dtype: DType) -> Array:
    """All values of an 8 or 16-bit type, each at the position of its bits read as unsigned."""
    bits = 8 * dtype.itemsize
    return np.arange(1 << bits, dtype=f"u{dtype.itemsize}").view(dtype.storage)


def through_float(
    q: Array, function: Function, source: PerTensor, target: PerTensor, dtype: DType
) -> Array:
    """Dequantised, `function` of float32, quantised again: the 256-entry table's definition.

    Results that no integer holds saturate, where the reference's conversion is undefined.
    """
    x = np.float32(source.scale) * (q.astype(np.int32) - source.zero_point).astype(np.float32)
    inverse = np.float32(1) / np.float32(target.scale)
    y = round_away(function(x) * inverse) + np.float32(target.zero_point)
    info = np.iinfo(dtype.storage)
    result: Array = np.clip(y, info.min, info.max).astype(dtype.storage)
    return result


def via_double(function: Function, x: Array) -> Array:
    """The float32 nearest to what a float64 function gives: what a good libm's float32 one does.

    NumPy's own float32 functions may be an ulp or two off, which shows in tables of 16 bits.
    """
    result: Array = function(x.astype(np.float64)).astype(x.dtype)
    return result


def table_513(
    function: Function, source: PerTensor, target: PerTensor, kind: type[np.floating[Any]]
) -> Array:
    """`function` at 513 points of an int16 tensor's range, as int16.

    Each entry but the last is moved by half of what the straight line to the next one misses in
    the middle.

    Args:
        function: of float arrays of `kind`.
        source, target: quantisation of input and output (SOFTMAX's own have other zero points).
        kind: np.float32, or np.float64: how the reference computes this table.
    """
    scale, unit = kind(source.scale), kind(target.scale)
    lowest = scale * kind(-32768 - source.zero_point)
    highest = scale * kind(32767 - source.zero_point)
    span = unit * kind(32767 - target.zero_point) - unit * kind(-32768 - target.zero_point)
    inverse = kind(65536) / span
    step = (highest - lowest) / kind(512)
    points = lowest + np.arange(513).astype(kind) * step
    value = round_away(function(points[:-1]) * inverse)
    middle = round_away(function(points[:-1] + step / kind(2)) * inverse)
    line = round_away((function(points[1:]) * inverse + value) / kind(2))
    entries = value - round_away((line - middle) / kind(2))
    # Where the function is infinite, so is the correction: it saturates without it.
    entries = np.where(np.isnan(entries), value, entries)
    last = round_away(function(np.array([highest], kind)) * inverse)
    result: Array = np.clip(np.concatenate([entries, last]), -32768, 32767).astype(np.int16)
    return result


def interpolate(q: Array, table: Array) -> Array:
    """Looks int16 values up in a table of 513 entries, with 7 bits between two of them."""
    index = (q >> 7) + np.int16(256)
    base = table[index]
    rise = (table[index + np.int16(1)] - base).astype(np.int32)  # wraps, as the reference's int16
    rise *= q & np.int16(0x7F)
    rise += 64
    rise >>= 7
    rise += base
    result: Array = rise.astype(np.int16)
    return result


def interpolated(
    function: Function, source: PerTensor, target: PerTensor, size: int, dtype: DType
) -> Lookup:
    """The lookup of an int16 operator that TFLite computes with a 513-entry table in float32."""
    table = table_513(function, source, target, np.float32)
    table.flags.writeable = False
    return lookup(partial(interpolate, table=table), dtype, dtype, size)
