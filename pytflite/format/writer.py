"""Tables to bytes: the counterpart of `flatbuffer.Decoder`, on the flatbuffers package's Builder.

A table is given as `Decoder.table` returns it: a sequence with one value per field of its
schema, nested tables likewise. Scalars that equal their default are left out, as the format asks.
What lies behind the FlatBuffer (the buffers of files over 2 GB) is given as `Outside`, in the
place of the u64 field that holds its position in the file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from flatbuffers.builder import BuilderSizeError

from pytflite.errors import FormatError
from pytflite.format.flatbuffer import SCALARS, Field

LIMIT = 2**31  # offsets between tables and vtables are signed 32-bit
OUTSIDE_ALIGN = 16
_PACK = {kind: struct.Struct("<" + code) for kind, code in SCALARS.items()}


class Outside:
    """Bytes behind the FlatBuffer, aligned to 16; stands for their position in the file."""

    __slots__ = ("data",)

    def __init__(self, data: np.ndarray[Any, Any] | None) -> None:
        self.data = data


class Encoder:
    """Writes tables of one generated schema.

    Args:
        tables, unions, aligned: `TABLES`, `UNIONS` and `FORCE_ALIGN` of the schema module.
        size: how many bytes to expect; a good guess saves copying.
    """

    def __init__(
        self,
        tables: Mapping[str, Sequence[Field]],
        unions: Mapping[str, Sequence[str | None]],
        aligned: Mapping[tuple[str, str], int],
        *,
        size: int = 1024,
    ) -> None:
        self._tables = tables
        self._unions = unions
        self._aligned = aligned
        self._builder = flatbuffers.Builder(min(size, LIMIT - 1))
        self._outside: list[tuple[int, Outside]] = []  # distance of the field from the end
        self._orders: dict[str, list[int]] = {}

    def encode(self, root: str, identifier: bytes, values: Sequence[Any]) -> Iterator[memoryview]:
        """The pieces of the file in their order: the FlatBuffer, then what lies outside.

        Raises:
            FormatError: a value does not fit its field, or there is more than 2 GB inside.
        """
        try:
            self._builder.Finish(self._table(root, values), identifier)
        except BuilderSizeError:
            raise FormatError(
                "the model does not fit into a FlatBuffer",
                code="format.too-large",
                expected=f"at most {LIMIT} bytes beside the buffers that are marked outside",
            ) from None
        head, data = self._builder.Head(), self._builder.Bytes
        position = len(data) - head
        pieces: list[tuple[int, memoryview]] = []
        places: dict[tuple[int, int], int] = {}
        for distance, outside in self._outside:
            piece = _flat(outside.data)
            # Buffers that share their bytes in memory share them in the file.
            where = (outside.data.ctypes.data if outside.data is not None else 0, len(piece))
            if where not in places:
                padding = -position % OUTSIDE_ALIGN
                pieces += [(padding, piece)]
                places[where] = position + padding
                position += padding + len(piece)
            struct.pack_into("<Q", data, len(data) - distance, places[where])
        yield memoryview(data)[head:]
        for padding, piece in pieces:
            yield memoryview(bytes(padding))
            yield piece

    def _table(self, name: str, values: Sequence[Any]) -> int:
        return self._body(name, values, self._children(name, values))

    def _children(self, name: str, values: Sequence[Any]) -> list[int | None]:
        """Writes all that a table refers to; returns where, slot by slot."""
        fields = self._tables[name]
        if len(values) != len(fields):
            raise FormatError(
                f"a table {name} needs a value for each field",
                code="format.value",
                expected=len(fields),
                found=len(values),
            )
        return [
            None if kind in SCALARS or value is None else self._reference(name, slot, values)
            for slot, ((_, kind, _, _), value) in enumerate(zip(fields, values, strict=True))
        ]

    def _body(self, name: str, values: Sequence[Any], places: list[int | None]) -> int:
        fields = self._tables[name]
        builder = self._builder
        builder.StartObject(len(fields))
        for slot in self._order(name):
            field, kind, default, _ = fields[slot]
            place = places[slot]
            if place is not None:
                builder.PrependUOffsetTRelative(place)
            elif kind not in SCALARS or not self._scalar(name, field, kind, default, values[slot]):
                continue
            builder.Slot(slot)
        return int(builder.EndObject())

    def _order(self, name: str) -> list[int]:
        """The slots of a table, wide ones first, so that it has no holes."""
        order = self._orders.get(name)
        if order is None:
            widths = [-_width(field[1]) for field in self._tables[name]]
            order = self._orders[name] = sorted(range(len(widths)), key=widths.__getitem__)
        return order

    def _scalar(self, table: str, field: str, kind: str, default: Any, value: Any) -> bool:
        """Prepends a scalar; False if it was left to its default."""
        pack = _PACK[kind].pack
        builder = self._builder
        outside = isinstance(value, Outside)
        try:
            packed = bytes(8) if outside else pack(value)
        except struct.error as error:
            raise FormatError(
                f"a value does not fit its field {field} of {table}",
                code="format.value",
                expected=kind,
                found=value,
            ) from error
        # As bytes, for NaN and -0.0 are kept too.
        if default is not None and packed == pack(default) and not outside:
            return False
        builder.Prep(len(packed), 0)
        _place(builder, packed)
        if outside:
            self._outside.append((builder.Offset(), value))
        return True

    def _reference(self, table: str, slot: int, values: Sequence[Any]) -> int:
        """Writes what field `slot` points at; returns where it is."""
        field, kind, _, of = self._tables[table][slot]
        value = values[slot]
        if kind == "string":
            return self._string(value)
        if kind == "table":
            assert of is not None
            return self._table(of, value)
        if kind == "union":
            assert of is not None
            member = self._unions[of][values[slot - 1]]
            assert member is not None
            return self._table(member, value)
        if kind == "[table]":
            assert of is not None
            # The tables of a vector lie together, apart from what they refer to (the data of
            # buffers, say), so that a reader touches few pages.
            children = [self._children(of, v) for v in value]
            tables = [self._body(of, v, c) for v, c in zip(value, children, strict=True)]
            return self._offsets(tables)
        if kind == "[string]":
            return self._offsets([self._string(v) for v in value])
        return self._numbers(table, field, kind, value)

    def _string(self, value: str) -> int:
        return int(self._builder.CreateString(value.encode("utf-8", "surrogateescape")))

    def _offsets(self, places: list[int]) -> int:
        builder = self._builder
        builder.StartVector(4, len(places), 4)
        for place in reversed(places):
            builder.PrependUOffsetTRelative(place)
        return int(builder.EndVector())

    def _numbers(self, table: str, field: str, kind: str, value: Any) -> int:
        dtype = np.dtype("<" + SCALARS[kind[1:-1]])
        array = np.asarray(value)
        exact = array.dtype == dtype or (array.dtype.kind in "fiub" and dtype.kind == "f")
        if array.size and not exact and not np.array_equal(array.astype(dtype), array):
            raise FormatError(
                f"values do not fit the vector {field} of {table}",
                code="format.value",
                expected=kind,
                found=array.dtype,
            )
        data = _flat(array.astype(dtype, copy=False))
        align = max(dtype.itemsize, self._aligned.get((table, field), 1))
        self._builder.StartVector(dtype.itemsize, array.size, align)
        _place(self._builder, data)
        return int(self._builder.EndVector())


def _place(builder: Any, data: bytes | memoryview) -> None:
    """Puts bytes before all others; room and alignment have been seen to."""
    builder.head -= len(data)
    builder.Bytes[builder.head : builder.head + len(data)] = data


def _flat(array: np.ndarray[Any, Any] | None) -> memoryview:
    if array is None or not array.size:
        return memoryview(b"")
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _width(kind: str) -> int:
    return _PACK[kind].size if kind in SCALARS else 4
