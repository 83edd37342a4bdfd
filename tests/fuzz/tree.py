"""A model's file as nested lists, one value per field, and back to bytes without any check."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from pytflite.format.flatbuffer import Decoder, Tables
from pytflite.format.schema import FORCE_ALIGN, IDENTIFIER, ROOT, TABLES, UNIONS
from pytflite.format.writer import Encoder

Values = list[Any]
Place = tuple[str, Values, int]  # table, its values, slot
SLOTS = {table: {f[0]: slot for slot, f in enumerate(fields)} for table, fields in TABLES.items()}


def parse(data: bytes) -> Values:
    """The root table and all below it."""
    decoder = Decoder(memoryview(data), TABLES, UNIONS, lists=frozenset(TABLES))
    values: Values = _plain(decoder.root(ROOT, IDENTIFIER))
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, (list, Tables)):
        return [_plain(v) for v in value]
    return list(value) if isinstance(value, tuple) else value


def copied(value: Any) -> Any:
    """A copy of the tree; arrays are never written into, and shared."""
    return [copied(v) for v in value] if type(value) is list else value


def build(values: Values) -> bytes:
    """The file; FormatError where a value does not fit its field."""
    return b"".join(Encoder(TABLES, UNIONS, FORCE_ALIGN).encode(ROOT, IDENTIFIER, values))


def defaults(table: str) -> Values:
    """A table with nothing in it."""
    return [default for _, _, default, _ in TABLES[table]]


def get(table: str, values: Values, field: str) -> Any:
    """A field by name."""
    return values[SLOTS[table][field]]


def put(table: str, values: Values, /, **fields: Any) -> None:
    """Sets fields by name."""
    for field, value in fields.items():
        values[SLOTS[table][field]] = value


def places(table: str, values: Values) -> Iterator[Place]:
    """Every field of a table and of all below it."""
    for slot, (_, kind, _, of) in enumerate(TABLES[table]):
        yield table, values, slot
        value = values[slot]
        if value is None:
            continue
        if kind == "table":
            yield from places(str(of), value)
        elif kind == "[table]":
            for each in value:
                yield from places(str(of), each)
        elif kind == "union":
            member = UNIONS[str(of)][values[slot - 1]]
            if member is not None and len(TABLES[member]) == len(value):
                yield from places(member, value)


class Draft:
    """A model being changed: its tree, and short ways to its parts."""

    def __init__(self, values: Values) -> None:
        self.values = values

    @property
    def subgraphs(self) -> list[Values]:
        """Of the model."""
        found: list[Values] = get("Model", self.values, "subgraphs") or []
        return found

    @property
    def tensors(self) -> list[Values]:
        """Of all subgraphs."""
        return [t for g in self.subgraphs for t in get("SubGraph", g, "tensors") or ()]

    @property
    def operators(self) -> list[Values]:
        """Of all subgraphs."""
        return [o for g in self.subgraphs for o in get("SubGraph", g, "operators") or ()]

    @property
    def codes(self) -> list[Values]:
        """Operator codes."""
        found: list[Values] = get("Model", self.values, "operator_codes") or []
        return found

    def data(self, tensor: Values) -> Any:
        """The bytes of a constant, or None."""
        buffers = get("Model", self.values, "buffers") or []
        index = get("Tensor", tensor, "buffer")
        return get("Buffer", buffers[index], "data") if index < len(buffers) else None

    def set_data(self, tensor: Values, data: bytes | None) -> None:
        """Gives a tensor a buffer of its own (or, with None, the empty one)."""
        buffers = get("Model", self.values, "buffers")
        if buffers is None:
            buffers = []
            put("Model", self.values, buffers=buffers)
        if not buffers:
            buffers.append(defaults("Buffer"))
        if data is None:
            put("Tensor", tensor, buffer=0)
            return
        buffer = defaults("Buffer")
        put("Buffer", buffer, data=np.frombuffer(data, np.uint8))
        buffers.append(buffer)
        put("Tensor", tensor, buffer=len(buffers) - 1)


def shape_of(tensor: Values) -> Sequence[int]:
    """Its dims."""
    return get("Tensor", tensor, "shape") or []
