"""tf.Example: features by name, a protocol buffer.

    Example    features 1
    Features   feature 1 (entries: name 1, Feature 2)
    Feature    one of bytes_list 1, float_list 2, int64_list 3, each with values 1

Numbers may be packed: one field that holds them all. Of several features of one name the last
counts. Source: TensorFlow's example_proto_fast_parsing (in LiteRT, kernels/parse_example), which
takes no other order of a feature's name and value, and one packed field only, nor does this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pytflite.format.protobuf import BYTES, FOUR, VARINT, Value, fields, malformed, varint
from pytflite.model.graph import Array

# Kind of a feature, as the number of its list.
STRINGS, FLOATS, INTEGERS = 1, 2, 3


def features(example: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Names and values, not read yet, in the order in which they lie.

    Raises:
        FormatError: no well-formed example.
    """
    for number, wire, message in fields(example):
        if (number, wire) != (1, BYTES):
            continue
        for entry in _values(message, BYTES):
            parts = list(fields(_bytes(entry)))
            if [part[:2] for part in parts] != [(1, BYTES), (2, BYTES)]:
                raise malformed("a feature that is no pair of name and value")
            yield _bytes(parts[0][2]), _bytes(parts[1][2])


def kind_of(feature: bytes) -> tuple[int, bytes] | None:
    """Kind and list of a feature; None if it is empty.

    Raises:
        FormatError: malformed, or of an unknown kind.
    """
    for number, wire, values in fields(feature):
        if wire != BYTES or number not in _READERS:
            raise malformed(f"a feature of kind {number}")
        return number, _bytes(values)
    return None


def values_of(kind: int, data: bytes) -> Array:
    """The values of a list.

    Raises:
        FormatError: malformed.
    """
    return _READERS[kind](data)


def _bytes(value: Value) -> bytes:
    assert isinstance(value, bytes)  # the wire type says so
    return value


def _values(message: Value, wire: int) -> Iterator[Value]:
    """The values of fields 1 of one wire type; there may be no others."""
    for number, found, value in fields(_bytes(message)):
        if (number, found) != (1, wire):
            raise malformed(f"field {number} of wire type {found} among values")
        yield value


def _strings(data: bytes) -> Array:
    found = list(_values(data, BYTES))
    array = np.empty(len(found), object)
    array[:] = found
    return array


def _packed(data: bytes) -> bytes | None:
    """The content of the field that holds all numbers, if they are packed."""
    for number, wire, value in fields(data):
        return _bytes(value) if (number, wire) == (1, BYTES) else None
    return b""


def _floats(data: bytes) -> Array:
    packed = _packed(data)
    if packed is not None:
        return np.frombuffer(packed, "<f4", count=len(packed) // 4).astype(np.float32)
    return np.array(list(_values(data, FOUR)), "<u4").view("<f4").astype(np.float32)


def _integers(data: bytes) -> Array:
    packed = _packed(data)
    if packed is None:
        return np.array(list(_values(data, VARINT)), np.uint64).view(np.int64)
    found, at = [], 0
    while at < len(packed):
        value, at = varint(packed, at)
        found.append(value)
    return np.array(found, np.uint64).view(np.int64)


_READERS: dict[int, Callable[[Any], Array]] = {
    STRINGS: _strings, FLOATS: _floats, INTEGERS: _integers,
}  # fmt: skip
