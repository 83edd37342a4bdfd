"""NodeDef: the protocol buffer in which TensorFlow's operators (Flex*) keep their attributes.

Of NodeDef (format/protobuf.py tells how messages are written) only what is needed is read:

    NodeDef    op 2, attr 5 (entries: key 1, value 2)
    AttrValue  list 1, s 2, i 3, f 4, b 5, type 6, shape 7; its ListValue has the same numbers
    TensorShapeProto  dim 2 (size 1), unknown_rank 3
Source: tensorflow/core/framework/{node_def,attr_value,tensor_shape}.proto.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from pytflite.format.protobuf import (
    BYTES,
    EIGHT,
    FOUR,
    VARINT,
    fields,
    floating,
    malformed,
    signed,
    varint,
)

_MOST = 1 << 16  # fields of a message: far more than any attribute has


def attributes_of(data: bytes) -> tuple[str, dict[str, Any]]:
    """The operator's name, and its attributes.

    Strings are str (bytes if they are not UTF-8), types TensorFlow's numbers, shapes tuples with
    -1 for unknown sizes (None for unknown rank), lists lists; what else there is, is left out.

    Raises:
        FormatError: not a well-formed message.
    """
    name, attributes = "", {}
    for number, value in _fields(data):
        if number == 2:
            name = str(_bytes(value), "utf-8", "replace")
        elif number == 5:
            entry = dict(_fields(_bytes(value)))
            key = str(_bytes(entry.get(1, b"")), "utf-8", "replace")
            attributes[key] = _attribute(_bytes(entry.get(2, b"")))
    return name, attributes


def _attribute(data: bytes) -> Any:
    for number, value in _fields(data):
        if number == 1:
            return _list(_bytes(value))
        if number in _SCALARS:
            return _SCALARS[number](value)
    return None


def _list(data: bytes) -> list[Any]:
    values: list[Any] = []
    for number, value in _fields(data):
        if number in _PACKED and isinstance(value, bytes):
            values += [_SCALARS[number](v) for v in _PACKED[number](value)]
        elif number in _SCALARS:
            values.append(_SCALARS[number](value))
    return values


def _text(value: Any) -> str | bytes:
    data = _bytes(value)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _signed(value: Any) -> int:
    return signed(_int(value))


def _float(value: Any) -> float:
    if not isinstance(value, float):
        raise malformed("a float is no four bytes")
    return value


def _shape(value: Any) -> tuple[int, ...] | None:
    sizes = []
    for number, field in _fields(_bytes(value)):
        if number == 3 and _int(field):
            return None
        if number == 2:
            sizes.append(_signed(dict(_fields(_bytes(field))).get(1, 0)))
    return tuple(sizes)


_SCALARS = {
    2: _text, 3: _signed, 4: _float, 5: lambda v: bool(_int(v)), 6: _signed, 7: _shape,
}  # fmt: skip


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field: int, float (of four bytes), bytes, or None (eight bytes)."""
    for count, (number, wire, value) in enumerate(fields(data), 1):
        if count > _MOST:
            raise malformed("more fields than any attribute has")
        yield number, _READ[wire](value)


_READ: dict[int, Any] = {VARINT: int, EIGHT: lambda _: None, BYTES: bytes, FOUR: floating}


def _varints(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        value, at = varint(data, at)
        yield value


def _floats(data: bytes) -> Iterator[float]:
    return iter(struct.unpack(f"<{len(data) // 4}f", data[: len(data) // 4 * 4]))


_PACKED: dict[int, Any] = {3: _varints, 4: _floats, 5: _varints, 6: _varints}


def _int(value: Any) -> int:
    if not isinstance(value, int):
        raise malformed("an integer is no varint")
    return value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise malformed("a string or message has no length")
    return value
