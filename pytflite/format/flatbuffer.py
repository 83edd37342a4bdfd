"""Zero-copy, bounds-checked reading of any FlatBuffer.

A FlatBuffer is a tree of tables. A table begins with a signed offset back to its *vtable*, a
list of uint16 that says where in the table each field lies (0: absent, so the default holds):

    vtable:  | its size | table's size | offset of field 0 | offset of field 1 | ...
    table:   | i32: table - vtable | inline scalars, and u32 offsets to strings, vectors, tables

`Decoder.table` turns one table into a list of Python values, one per field of its schema (the
generated `TABLES`). All offsets are checked before they are followed. Vectors of numbers come
back as read-only NumPy views on the bytes, vectors of tables as `Tables`, which decode as they
are iterated. Tables of one kind nearly always share a vtable, so its checked form, a `_Layout`,
is kept, and a table costs one `struct.unpack_from` and one call per reference.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pytflite.errors import FormatError

Field = tuple[str, str, "int | float | bool | None", "str | None"]
Reader = Callable[["Decoder", int, Any, int], Any]  # position, what is there, depth -> value

SCALARS = {
    "bool": "?", "i8": "b", "u8": "B", "i16": "h", "u16": "H", "i32": "i",
    "u32": "I", "i64": "q", "u64": "Q", "f32": "f", "f64": "d",
}  # fmt: skip
VECTOR_TYPES = {f"[{kind}]": np.dtype("<" + code) for kind, code in SCALARS.items()}
LISTED = ("[i32]", "[i64]", "[bool]")
_MAX_DEPTH = 64
# What a table costs of the budget: its own four bytes at least.
_TABLE_COST = 4
_U16 = struct.Struct("<H").unpack_from
_U32 = struct.Struct("<I").unpack_from
_I32 = struct.Struct("<i").unpack_from
# Shapes and the like are short.
_SHORT = {
    dtype.char: [struct.Struct(f"<{count}{dtype.char}").unpack_from for count in range(9)]
    for dtype in map(VECTOR_TYPES.__getitem__, LISTED)
}


class _Layout:
    """A checked vtable of one kind of table."""

    __slots__ = ("defaults", "references", "scalars", "size", "unions", "unpack")
    size: int  # bytes of the table
    unpack: Callable[[memoryview, int], tuple[Any, ...]]  # all that is inline
    defaults: list[Any]
    scalars: list[tuple[int, int]]  # slot, index in the unpacked tuple
    references: list[tuple[int, int, int, Reader, Any]]  # slot, index, offset, how, what
    unions: list[tuple[int, int, int, Sequence[str | None]]]  # slot, index, offset, members


class Tables:
    """A vector of tables, decoded one by one whenever it is iterated."""

    __slots__ = ("_decoder", "_depth", "_name", "_starts")

    def __init__(self, decoder: Decoder, name: str, starts: list[int], depth: int) -> None:
        self._decoder = decoder
        self._name = name
        self._starts = starts
        self._depth = depth

    def __len__(self) -> int:
        return len(self._starts)

    def __iter__(self) -> Iterator[list[Any]]:
        table, name, depth = self._decoder.table, self._name, self._depth
        for start in self._starts:
            yield table(start, name, depth)


class Decoder:
    """Reads tables out of `data` by the generated schema.

    Args:
        data: the bytes, read-only.
        tables, unions: `TABLES` and `UNIONS` of a generated schema module.
        lists: tables whose short vectors of integers are wanted as tuples of Python ints
            (shapes and the like); all other vectors of numbers become NumPy views.
        later: (table, field) of vectors whose position alone is wanted, for `vector_at`: not
            even their lengths are read, for in a mapped file that would touch every page.

    The work is bounded by the size of the data: offsets may share what they point at, but not
    so as to describe more than there is.
    """

    def __init__(
        self,
        data: memoryview,
        tables: Mapping[str, Sequence[Field]],
        unions: Mapping[str, Sequence[str | None]],
        *,
        lists: frozenset[str] = frozenset(),
        later: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self.data = data
        self.end = len(data)
        self._tables = tables
        self._unions = unions
        self._lists = lists
        self._later = later
        self._layouts: dict[str, dict[int, _Layout]] = {name: {} for name in tables}
        self._budget = self.end + 4096

    def root(self, name: str, identifier: bytes) -> list[Any]:
        """Decodes the root table, after the file identifier at bytes 4 to 8 has been checked."""
        if self.end < 8:
            raise FormatError(
                "the file is too short to be a FlatBuffer",
                code="format.truncated",
                expected="at least 8 bytes",
                found=f"{self.end} bytes",
            )
        found = bytes(self.data[4:8])
        if found != identifier:
            raise FormatError(
                "the file identifier is wrong",
                code="format.identifier",
                expected=identifier,
                found=found,
                hint="is this a .tflite file?",
            )
        return self.table(_U32(self.data, 0)[0], name, 0)

    def table(self, position: int, name: str, depth: int) -> list[Any]:
        """Decodes the table at `position`: a list with one value per field of its schema."""
        data = self.data
        if position + 4 > self.end:
            raise self._outside(f"table {name}", position, 4)
        vtable = position - _I32(data, position)[0]
        layout = self._layouts[name].get(vtable) or self._layout(name, vtable)
        if position + layout.size > self.end:
            raise self._outside(f"table {name}", position, layout.size)
        if depth > _MAX_DEPTH:
            raise FormatError("tables nest too deeply", code="format.depth", expected=_MAX_DEPTH)
        self._spend(_TABLE_COST)
        inline = layout.unpack(data, position)
        values = layout.defaults.copy()
        for slot, index in layout.scalars:
            values[slot] = inline[index]
        for slot, index, offset, read, what in layout.references:
            values[slot] = read(self, position + offset + inline[index], what, depth + 1)
        for slot, index, offset, members in layout.unions:
            number = values[slot - 1]
            member = members[number] if number < len(members) else None
            # A union of a kind that this schema does not know keeps its number only.
            if member is not None:
                values[slot] = self.table(position + offset + inline[index], member, depth + 1)
        return values

    def _count(self, position: int, itemsize: int) -> int:
        """Length of the vector at `position`, after the whole of it is known to be inside."""
        if position + 4 > self.end:
            raise self._outside("vector", position, 4)
        count: int = _U32(self.data, position)[0]
        if position + 4 + count * itemsize > self.end:
            raise self._outside(f"vector of {count}", position, 4 + count * itemsize)
        return count

    def _string(self, position: int, _what: None = None, _depth: int = 0) -> str:
        start = position + 4
        count = self._count(position, 1)
        self._spend(1 + count // 8)
        return str(self.data[start : start + count], "utf-8", "surrogateescape")

    def _place(self, position: int, _what: None, _depth: int) -> int:
        if position + 4 > self.end:
            raise self._outside("vector", position, 4)
        return position

    def _array(
        self, position: int, dtype: np.dtype[Any], _depth: int
    ) -> np.ndarray[tuple[Any, ...], np.dtype[Any]]:
        return np.ndarray(self._count(position, dtype.itemsize), dtype, self.data, position + 4)

    def _numbers(self, position: int, dtype: np.dtype[Any], _depth: int) -> tuple[Any, ...]:
        count = self._count(position, dtype.itemsize)
        self._spend(count)
        if count < 9:
            return _SHORT[dtype.char][count](self.data, position + 4)
        return struct.unpack_from(f"<{count}{dtype.char}", self.data, position + 4)

    def _starts(self, position: int) -> list[int]:
        """Where the elements of a vector of offsets are."""
        count = self._count(position, 4)
        self._spend(count)
        offsets = struct.unpack_from(f"<{count}I", self.data, position + 4)
        places = range(position + 4, position + 4 + 4 * count, 4)
        return [place + offset for place, offset in zip(places, offsets, strict=True)]

    def _strings(self, position: int, _what: None, _depth: int) -> list[str]:
        return [self._string(start) for start in self._starts(position)]

    def _table_vector(self, position: int, name: str, depth: int) -> Tables:
        return Tables(self, name, self._starts(position), depth)

    def _reader(self, table: str, field: Field) -> tuple[Reader, Any]:
        """The method that reads a field, and what it has to be told.

        Not a bound one: layouts would hold the decoder, and so the file, in a cycle.
        """
        name, kind, _, of = field
        if (table, name) in self._later:
            return Decoder._place, None
        if kind in VECTOR_TYPES:
            listed = table in self._lists and kind in LISTED
            return (Decoder._numbers if listed else Decoder._array), VECTOR_TYPES[kind]
        readers: dict[str, Reader] = {
            "string": Decoder._string,
            "table": Decoder.table,
            "[string]": Decoder._strings,
            "[table]": Decoder._table_vector,
        }
        return readers[kind], of

    def _layout(self, name: str, vtable: int) -> _Layout:
        if vtable < 0 or vtable + 4 > self.end:
            raise self._outside(f"vtable of {name}", vtable, 4)
        vtable_size = _U16(self.data, vtable)[0]
        table_size = _U16(self.data, vtable + 2)[0]
        if vtable_size < 4 or vtable_size % 2 or table_size < 4:
            raise FormatError(
                f"the vtable of {name} is malformed",
                code="format.vtable",
                found=f"sizes {vtable_size} and {table_size} at byte {vtable}",
            )
        if vtable + vtable_size > self.end:
            raise self._outside(f"vtable of {name}", vtable, vtable_size)
        present = min(len(self._tables[name]), (vtable_size - 4) // 2)
        offsets = struct.unpack_from(f"<{present}H", self.data, vtable + 4)
        layout = self._layouts[name][vtable] = self._compile(name, offsets, table_size)
        return layout

    def _compile(self, name: str, offsets: Sequence[int], size: int) -> _Layout:
        """One struct format over all that is inline, in the order of the offsets."""
        fields = self._tables[name]
        layout = _Layout()
        layout.size = size
        layout.defaults = [default for _, _, default, _ in fields]
        layout.scalars, layout.references, layout.unions = [], [], []
        parts = ["<"]
        cursor = 0
        present = sorted((offset, slot) for slot, offset in enumerate(offsets) if offset)
        for index, (offset, slot) in enumerate(present):
            _, kind, _, of = fields[slot]
            code = SCALARS.get(kind, "I")
            width = struct.calcsize("<" + code)
            if offset < max(cursor, 4) or offset + width > size:
                raise FormatError(
                    f"field {fields[slot][0]} of {name} overlaps another or leaves its table",
                    code="format.field",
                    expected=f"offset from {max(cursor, 4)} to {size - width}",
                    found=offset,
                )
            parts.append(f"{offset - cursor}x{code}")
            cursor = offset + width
            if kind in SCALARS:
                layout.scalars.append((slot, index))
            elif kind == "union":
                layout.unions.append((slot, index, offset, self._unions[of or ""]))
            else:
                layout.references.append((slot, index, offset, *self._reader(name, fields[slot])))
        layout.unpack = struct.Struct("".join(parts)).unpack_from
        return layout

    def _spend(self, amount: int) -> None:
        self._budget -= amount
        if self._budget < 0:
            raise FormatError(
                "the file describes far more than its size can hold",
                code="format.bomb",
                hint="many offsets point to the same data",
            )

    def _outside(self, what: str, position: int, size: int) -> FormatError:
        return _outside(what, position, size, self.end)


def vector_at(data: memoryview, position: int) -> np.ndarray[tuple[Any, ...], np.dtype[np.uint8]]:
    """The vector of bytes at a position that `Decoder` gave for one of its `later` fields.

    Raises:
        FormatError: it does not end within the data.
    """
    count: int = _U32(data, position)[0]
    if position + 4 + count > len(data):
        raise _outside(f"vector of {count}", position, 4 + count, len(data))
    return np.ndarray(count, np.uint8, data, position + 4)


def _outside(what: str, position: int, size: int, end: int) -> FormatError:
    return FormatError(
        f"{what} lies outside the file",
        code="format.offset",
        expected=f"within {end} bytes",
        found=f"bytes {position} to {position + size}",
    )


def as_view(data: Any) -> memoryview:
    """A flat, read-only view of bytes on anything with the buffer protocol."""
    view = memoryview(data)
    if view.nbytes == 0:
        return memoryview(b"")
    if not view.c_contiguous:
        raise FormatError("the buffer is not contiguous", code="format.buffer")
    return view.cast("B").toreadonly()
