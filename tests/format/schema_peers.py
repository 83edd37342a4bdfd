"""What code that flatc generated says of the schema, held against a parsed .fbs file.

The peers (the `tflite` package, ai-edge-litert's schema module) are asked by behaviour: a recording
builder hears in which slot and with which default each Add function writes, and tables built from
our schema are read back through the peer's accessors.
"""

from __future__ import annotations

import importlib
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import flatbuffers

SCHEMA = Path(__file__).parents[2] / "schema"
sys.path.insert(0, str(SCHEMA))
fbs = importlib.import_module("fbs")
generate = importlib.import_module("generate")
sys.path.remove(str(SCHEMA))

PREPEND = {
    "bool": "Bool", "i8": "Int8", "u8": "Uint8", "i16": "Int16", "u16": "Uint16", "i32": "Int32",
    "u32": "Uint32", "i64": "Int64", "u64": "Uint64", "f32": "Float32", "f64": "Float64",
}  # fmt: skip
# Fits every width, is no field's default, and is not below 127, where the `tflite` package's
# hand-made OperatorCode.BuiltinCode answers with the deprecated field instead.
PROBE = 127


class Recorder:
    """Stands in for flatbuffers.Builder and notes (method, slot, default) of the last call."""

    def __init__(self) -> None:
        self.call: tuple[Any, ...] = ()

    def __getattr__(self, method: str) -> Callable[..., None]:
        def record(*arguments: Any) -> None:
            self.call = (method, *arguments)

        return record


def camel(name: str) -> str:
    """Name of a field's accessor, as flatc forms it."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def plain_enums(peer: ModuleType) -> dict[str, dict[str, int]]:
    """Classes of nothing but integers: the enums, and the type numbers of the unions."""
    found = {}
    for name, value in vars(peer).items():
        if isinstance(value, type):
            members = {k: v for k, v in vars(value).items() if not k.startswith("_")}
            if members and all(isinstance(v, int) for v in members.values()):
                found[name] = members
    return found


def peer_tables(peer: ModuleType) -> dict[str, type[Any]]:
    return {
        name: value
        for name, value in vars(peer).items()
        if isinstance(value, type) and hasattr(value, "GetRootAs")
    }


def compare(parsed: Any, peer: ModuleType) -> tuple[list[str], list[str]]:
    """What differs from the peer, and what the peer does not know."""
    wrong: list[str] = []
    unknown: list[str] = []
    known = plain_enums(peer)
    ours = {name: dict(enum.values) for name, enum in parsed.enums.items()}
    for name, members in parsed.unions.items():
        ours[name] = {"NONE": 0, **{member: i for i, member in enumerate(members, 1)}}
    for enum, values in known.items():
        for member, number in values.items():
            if ours.get(enum, {}).get(member) != number:
                wrong.append(f"{enum}.{member}: {number} to the peer")
    for enum, values in ours.items():
        unknown += [f"{enum}.{m}" for m in values if m not in known.get(enum, {})]
    tables = peer_tables(peer)
    wrong += [f"table {name} is missing" for name in tables if name not in parsed.tables]
    for table in parsed.tables:
        if table not in tables:
            unknown.append(table)
            continue
        fields = generate.entries(parsed, table)
        slots = slot_count(peer, table)
        unknown += [f"{table}.{field[0]}" for field in fields[slots:]]
        if len(fields) < slots:
            wrong.append(f"{table}: the peer has {slots} slots, we have {len(fields)}")
        deprecated = {f.name for f in parsed.tables[table] if "deprecated" in f.attributes}
        wrong += written_differently(peer, table, fields[:slots], deprecated)
        wrong += read_differently(tables[table], table, fields[:slots], deprecated)
    return wrong, unknown


def slot_count(peer: ModuleType, table: str) -> int:
    recorder = Recorder()
    getattr(peer, f"{table}Start")(recorder)
    return int(recorder.call[1])


def written_differently(
    peer: ModuleType, table: str, fields: list[Any], deprecated: set[str]
) -> Iterator[str]:
    """Slot, width and default of each Add function against ours."""
    theirs: dict[str, tuple[Any, ...]] = {}
    for function in vars(peer):
        if function.startswith(f"{table}Add"):
            recorder = Recorder()
            getattr(peer, function)(recorder, 1)
            theirs[function.removeprefix(f"{table}Add")] = recorder.call
    for slot, (name, kind, default, _) in enumerate(fields):
        call = theirs.pop(camel(name), None)
        if call is None:
            if name not in deprecated:
                yield f"{table}.{name}: the peer has no such field"
        elif kind in PREPEND:
            if (call[0], call[1], call[3]) != (f"Prepend{PREPEND[kind]}Slot", slot, default):
                yield f"{table}.{name}: slot {slot}, {kind}, {default}; the peer has {call}"
        elif call[:2] != ("PrependUOffsetTRelativeSlot", slot):
            yield f"{table}.{name}: slot {slot}, {kind}; the peer has {call}"
    yield from (f"{table}: the peer's {name} is missing" for name in theirs)


def read_differently(
    reader: type[Any], table: str, fields: list[Any], deprecated: set[str]
) -> Iterator[str]:
    """Tables with no slot, then with one slot filled by our schema, read by the peer."""
    for slot, (name, kind, default, of) in enumerate(fields):
        if name in deprecated:
            continue
        accessor = camel(name)
        if not hasattr(reader, accessor):
            yield f"{table}.{name}: the peer has no accessor {accessor}"
            continue
        empty = reader.GetRootAs(build(len(fields), slot, None))
        filled = reader.GetRootAs(build(len(fields), slot, kind))
        try:
            if kind in PREPEND and (seen := getattr(empty, accessor)()) != default:
                yield f"{table}.{name}: default {default}, the peer's is {seen}"
            seen, expected = probe(filled, accessor, kind, of)
        except (AttributeError, TypeError, IndexError, struct.error) as error:
            yield f"{table}.{name}: {kind} cannot be read by the peer: {error}"
        else:
            if seen != expected:
                yield f"{table}.{name}: {kind} {of}, the peer reads {seen}, not {expected}"


def build(slots: int, slot: int, kind: str | None) -> bytearray:
    """A table with one slot filled (none if kind is None): scalars PROBE, vectors [1, 0, 1]."""
    builder = flatbuffers.Builder(0)
    offset = 0
    if kind in ("string", "table", "union"):
        offset = child(builder, kind)
    elif kind in ("[table]", "[string]"):
        inner = child(builder, kind.strip("[]"))
        builder.StartVector(4, 1, 4)
        builder.PrependUOffsetTRelative(inner)
        offset = builder.EndVector()
    elif kind is not None and kind.startswith("["):
        scalar = PREPEND[kind.strip("[]")]
        size = getattr(flatbuffers.number_types, f"{scalar}Flags").bytewidth
        builder.StartVector(size, 3, size)
        for value in (1, 0, 1):
            getattr(builder, f"Prepend{scalar}")(value)
        offset = builder.EndVector()
    builder.StartObject(slots)
    if kind in PREPEND:
        getattr(builder, f"Prepend{PREPEND[kind]}Slot")(slot, kind == "bool" or PROBE, None)
    elif kind is not None:
        builder.PrependUOffsetTRelativeSlot(slot, offset, 0)
    builder.Finish(builder.EndObject())
    data: bytearray = builder.Output()
    return data


def child(builder: flatbuffers.Builder, kind: str) -> int:
    """Offset of the string "one", or of an empty table."""
    if kind == "string":
        return int(builder.CreateString("one"))
    builder.StartObject(0)
    return int(builder.EndObject())


def probe(filled: Any, accessor: str, kind: str, of: str | None) -> tuple[Any, Any]:
    """What the peer reads from a table of `build`, and what it should."""
    read = getattr(filled, accessor)
    if kind in PREPEND:
        return read(), kind == "bool" or PROBE
    if kind == "string":
        return read(), b"one"
    if kind == "table":
        return type(read()).__name__, of
    if kind == "union":
        return type(read()).__name__, "Table"
    count = getattr(filled, f"{accessor}Length")()
    if kind == "[table]":
        return (count, type(read(0)).__name__), (1, of)
    if kind == "[string]":
        return (count, read(0)), (1, b"one")
    return (count, [read(i) for i in range(count)]), (3, [1, 0, 1])
