"""Protocol buffers, as far as reading them goes.

A message is a sequence of fields, each a key `number << 3 | wire type` and a value: wire type 0 a
varint, 1 eight bytes, 2 a length and as many bytes, 5 four bytes; 3 and 4 enclose a group, which
nothing uses any more. A varint has seven bits in a byte, the lowest first, and in each but the
last the highest bit set. Of a field that may occur once the last one counts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from pytflite.errors import FormatError

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5
_SIZES = {EIGHT: 8, FOUR: 4}

Value = int | bytes
Field = tuple[int, int, Value]  # number, wire type, an unsigned number or bytes


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message, in order.

    Raises:
        FormatError: they do not fill the data as they should.
    """
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = varint(data, at)
            yield number, wire, value
            continue
        size = _SIZES.get(wire)
        if size is None:
            if wire != BYTES:
                raise malformed(f"wire type {wire}")
            size, at = varint(data, at)
        if size > end - at:
            raise malformed(f"{size} bytes where {end - at} are left")
        chunk = data[at : at + size]
        at += size
        yield number, wire, chunk if wire == BYTES else int.from_bytes(chunk, "little")


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The varint at a place, of which 64 bits count, and the place behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            break
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & ((1 << 64) - 1), at
    raise malformed("a number without an end")


def signed(value: int) -> int:
    """A varint as an int64."""
    return value - (1 << 64) if value >> 63 else value


def floating(value: int) -> float:
    """Four bytes as a float32."""
    number: float = struct.unpack("<f", struct.pack("<I", value))[0]
    return number


def malformed(problem: str) -> FormatError:
    """The error for data that are no message."""
    return FormatError(
        "a protocol buffer is malformed", code="protobuf.malformed", found=problem
    )  # fmt: skip
