"""The wire format: modules against .fbs files, and both against code that flatc generated.

How the peers (the `tflite` package, ai-edge-litert's schema module) are asked is told in
schema_peers.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pytflite.format import metadata_schema, schema
from pytflite.format.enumeration import Enumeration
from tests.format.schema_peers import (
    PREPEND,
    SCHEMA,
    compare,
    fbs,
    generate,
    peer_tables,
    plain_enums,
)

PEERS = ("tflite", "ai_edge_litert.schema_py_generated")


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = pytest.importorskip(
        request.param, reason=f"{request.param} is not installed: nothing to compare with"
    )
    return module


@pytest.fixture
def parsed() -> Any:
    return fbs.parse((SCHEMA / "tflite.fbs").read_text(encoding="utf-8"))


# ---- the generated modules ------------------------------------------------------------------


@pytest.mark.parametrize("path", generate.generate(), ids=lambda path: path.name)
def test_committed_module_is_what_the_generator_writes(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == generate.generate()[path]


@pytest.mark.parametrize("module", [schema, metadata_schema], ids=["tflite", "metadata"])
def test_module_is_consistent(module: ModuleType) -> None:
    kinds = {*PREPEND, "string", "table"}
    assert module.ROOT in module.TABLES
    for table, fields in module.TABLES.items():
        for slot, (name, kind, default, of) in enumerate(fields):
            where = f"{table}.{name}"
            assert kind.strip("[]") in kinds | {"union"}, where
            assert (default is None) == (kind not in PREPEND), where
            if kind.strip("[]") == "table":
                assert of in module.TABLES, where
            elif kind == "union":
                assert of in module.UNIONS, where
                assert fields[slot - 1] == (f"{name}_type", "u8", 0, of), where
            else:
                assert of is None or of in module.ENUMS or of in module.UNIONS, where
    for members in module.UNIONS.values():
        assert members[0] is None
        assert set(members[1:]) <= module.TABLES.keys()
    for table, name in module.FORCE_ALIGN:
        assert any(f[0] == name and f[1].startswith("[") for f in module.TABLES[table])


def test_identifiers() -> None:
    assert (schema.ROOT, schema.IDENTIFIER) == ("Model", b"TFL3")
    assert (metadata_schema.ROOT, metadata_schema.IDENTIFIER) == ("ModelMetadata", b"M001")
    assert list(schema.BuiltinOperator.names().values()) == list(range(210))


def test_enumeration_names_values() -> None:
    assert schema.Padding.names() == {"SAME": 0, "VALID": 1}
    assert schema.Padding.name_of(1) == "VALID"
    assert schema.Padding.name_of(77) == "77"
    assert schema.BuiltinOperator.name_of(3) == "CONV_2D"
    assert schema.Padding.names() == {"SAME": 0, "VALID": 1}, "the cache is not a member"
    assert Enumeration.names() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("struct A { x: int; }", "line 1: unknown declaration 'struct'"),
        ("table A {\n  x: int\n}", "line 2: expected ';'"),
        ("table A { x: Missing; }", "A.x: type 'Missing'"),
        ("table A { x: int; x: int; }", "names a field twice"),
        ("table A {}\ntable A {}", "line 2: A is declared twice"),
        ("enum E: byte { A = 1, B = 1 }", "E.B = 1 is declared twice"),
        ("enum E: float { A }", "enum E over 'float'"),
        ("union U { Missing }", "union U: Missing is not a table"),
        ("table A { x: int (key); }", "unknown attribute 'key'"),
        ("table A {", "unexpected end of file"),
        ("table A {} ?", "cannot read '\\?'"),
        ("table A {} root_type A;", "file_identifier of four"),
    ],
)
def test_parser_refuses(text: str, message: str) -> None:
    with pytest.raises(fbs.FbsError, match=message):
        fbs.parse(text)


# ---- comparison with a peer -----------------------------------------------------------------


def test_agrees_with_the_peer(peer: ModuleType, parsed: Any) -> None:
    wrong, unknown = compare(parsed, peer)
    print(f"{peer.__name__} does not know {len(unknown)}:", *unknown, sep="\n  ")
    assert wrong == []
    assert len(peer_tables(peer)) >= 165
    assert len(plain_enums(peer)["BuiltinOperator"]) >= 206


def _swap(table: str, first: str, second: str) -> Callable[[Any], None]:
    def change(parsed: Any) -> None:
        fields = parsed.tables[table]
        i, j = (next(k for k, f in enumerate(fields) if f.name == n) for n in (first, second))
        fields[i], fields[j] = fields[j], fields[i]

    return change


def _field(table: str, name: str, /, **values: Any) -> Callable[[Any], None]:
    def change(parsed: Any) -> None:
        field = next(f for f in parsed.tables[table] if f.name == name)
        for attribute, value in values.items():
            assert getattr(field, attribute) != value
            setattr(field, attribute, value)

    return change


def _union_member(parsed: Any) -> None:
    parsed.unions["BuiltinOptions"].remove("LSTMOptions")


def _enum_value(parsed: Any) -> None:
    parsed.enums["TensorType"].values["INT8"] = 99


def _drop_deprecated(parsed: Any) -> None:
    del parsed.tables["ResizeBilinearOptions"][0]  # new_height


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (_swap("Conv2DOptions", "stride_w", "stride_h"), "Conv2DOptions.stride_h"),
        (_swap("Tensor", "shape", "shape_signature"), "Tensor.shape"),
        (
            _field("Conv2DOptions", "dilation_w_factor", default=None),
            "Conv2DOptions.dilation_w_factor",
        ),
        (_field("Operator", "debug_metadata_index", default="0"), "Operator.debug_metadata_index"),
        (_field("RandomOptions", "seed", type="int"), "RandomOptions.seed"),
        (
            _field("QuantizationParameters", "zero_point", type="int"),
            "QuantizationParameters.zero_point",
        ),
        (_field("SubGraph", "tensors", type="Buffer"), "SubGraph.tensors"),
        (_field("Buffer", "data", vector=False), "Buffer.data"),
        (_field("Model", "description", name="comment"), "Model.comment"),
        (_union_member, "BuiltinOptions.LSTMOptions"),
        (_enum_value, "TensorType.INT8"),
        (_drop_deprecated, "ResizeBilinearOptions.align_corners"),
    ],
)
def test_comparison_sees_a_wrong_schema(
    change: Callable[[Any], None], named: str, peer: ModuleType, parsed: Any
) -> None:
    changed = copy.deepcopy(parsed)
    change(changed)
    wrong, _ = compare(changed, peer)
    assert any(line.startswith(named) for line in wrong), wrong
