"""Protocol buffers: fields and numbers, and what is malformed."""

from __future__ import annotations

import pytest

from pytflite import FormatError
from pytflite.format.protobuf import fields, floating, signed, varint
from tests.ops.strings.sentencepiece_files import message
from tests.ops.strings.sentencepiece_files import varint as written_varint


def test_protocol_buffers() -> None:
    data = message((1, 300), (2, b"ab"), (3, 1.5), (4, -1)) + b"\x29" + bytes(range(8))
    got = list(fields(data))
    assert got[:2] == [(1, 0, 300), (2, 2, b"ab")]
    assert floating(int(got[2][2])) == 1.5 and signed(int(got[3][2])) == -1
    assert got[4] == (5, 1, int.from_bytes(bytes(range(8)), "little"))
    for value in (0, 127, 128, (1 << 64) - 1):
        assert varint(written_varint(value), 0) == (value, len(written_varint(value)))


@pytest.mark.parametrize("data", [b"\x08", b"\x08" + b"\xff" * 11, b"\x12\x05abc", b"\x0d123",
                                  b"\x09123", b"\x0b", b"\x0f"])  # fmt: skip
def test_malformed_protocol_buffers(data: bytes) -> None:
    with pytest.raises(FormatError, match="protocol buffer is malformed"):
        list(fields(data))
