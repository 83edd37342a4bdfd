"""An operator of the file as infer and prepare see it: its Node, and its Definition."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pytflite.errors import FormatError, OptionError, UnsupportedOperatorError
from pytflite.format.schema import ENUMS, TABLES
from pytflite.model.graph import Operator, Tensor
from pytflite.model.model import Model
from pytflite.model.options import Options
from pytflite.ops.operator import Definition
from pytflite.ops.spec import Graph, Node

Lookup = Callable[[str, bool], "Definition | None"]  # (name, whether it is custom)

_ENUM_FIELDS: dict[str, list[tuple[str, dict[int, str]]]] = {}
_MOST_SHOWN = 2000  # characters of options in an error


def make_node(model: Model, subgraph: int, number: int, operator: Operator, graph: Graph) -> Node:
    """An operator with its tensors, and its options decoded."""
    tensors = model.subgraphs[subgraph].tensors

    def pick(indices: Sequence[int]) -> list[Tensor | None]:
        return [tensors[i] if i >= 0 else None for i in indices]

    def keys(indices: Sequence[int]) -> list[tuple[int, int] | None]:
        return [(subgraph, i) if i >= 0 else None for i in indices]

    intermediates = operator.intermediates or ()
    node = Node(
        operator.name,
        operator.code.version,
        pick(operator.inputs),
        pick(operator.outputs),
        operator.options,
        custom_bytes=operator.custom_options.tobytes()
        if operator.custom_options is not None
        else b"",
        intermediates=pick(intermediates),
        input_keys=keys(operator.inputs),
        output_keys=keys(operator.outputs),
        intermediate_keys=keys(intermediates),
        index=number,
        subgraph=subgraph,
        graph=graph,
    )
    if operator.code.is_custom and node.custom_bytes:
        node.custom = _decoded(node.custom_bytes)
    return node


def _decoded(data: bytes) -> dict[str, Any]:
    """The options of a custom operator, if they are a FlexBuffer map, as nearly all are."""
    from pytflite.format.flexbuffer import decode

    try:
        options = decode(data)
    except FormatError:
        return {}  # a layout of the author's own: the operator reads node.custom_bytes
    return options if isinstance(options, dict) else {}


def definition_of(node: Node, operator: Operator, lookup: Lookup) -> Definition:
    """What the operator means; gives the node its default options if it has none.

    Raises:
        UnsupportedOperatorError: nothing here implements the operator, or this version of it.
        OptionError: the options are another operator's, or name what no enum has.
    """
    custom = operator.code.is_custom
    definition: Definition | None = lookup(node.name, custom)
    if definition is None:
        raise unsupported(node, custom)
    first, last = definition.versions
    if not custom and not first <= node.version <= last:
        raise node.error(
            UnsupportedOperatorError,
            f"version {node.version} of {node.name} is not known",
            expected=f"{first} to {last}",
            found=node.version,
        )
    if definition.options is not None:
        if node.options is None:
            node.options = Options(definition.options)
        elif node.options.table != definition.options:
            raise node.error(
                OptionError,
                "the options are those of another operator",
                expected=definition.options,
                found=node.options.table,
            )
        else:
            _check_enums(node)
    return definition


def _check_enums(node: Node) -> None:
    """Refuses a number that the enum of its field does not name."""
    for field, allowed in _enum_fields(node.options.table):
        found = getattr(node.options, field)
        if found not in allowed:
            raise node.error(
                OptionError,
                f"{field} is a number without a meaning",
                expected=", ".join(allowed.values()),
                found=found,
            )


def _enum_fields(table: str) -> list[tuple[str, dict[int, str]]]:
    """The fields of a table of options that are enums, and the enums: number -> name."""
    found = _ENUM_FIELDS.get(table)
    if found is None:
        found = _ENUM_FIELDS[table] = [
            (field, {number: name for name, number in ENUMS[of].names().items()})
            for field, kind, _, of in TABLES[table]
            if of in ENUMS and not kind.startswith("[")
        ]
    return found


def unsupported(node: Node, custom: bool) -> UnsupportedOperatorError:
    """The error for an operator without a definition, with the lines that would register it."""
    if not custom:
        error = node.error(UnsupportedOperatorError, f"the operator {node.name} is not supported")
    else:
        options = f" with options {_shown(node)}" if node.custom_bytes else ""
        arguments = ", ".join(f"x{i}" for i in range(len(node.inputs)))
        error = node.error(
            UnsupportedOperatorError,
            f"Encountered unresolved custom op: {node.name}{options}",
            hint=f"register it: @pytflite.operator({node.name!r}) on a function "
            f"f({arguments}, **options) of arrays that returns {len(node.outputs)} array(s)",
        )
    assert isinstance(error, UnsupportedOperatorError)
    return error


def _shown(node: Node) -> str:
    """The options of a custom operator for a person to read: decoded, if we can."""
    from pytflite.ops.custom.tensorflow import attributes

    try:
        options = dict(attributes(node))
    except OptionError:  # of a Flex operator: that it is not supported is the greater news
        options = {}
    text = str(options) if options else f"of {len(node.custom_bytes)} bytes"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."
