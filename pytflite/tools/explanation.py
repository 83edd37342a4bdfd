"""`pytflite explain-op`: what an operator computes, and where it lives."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from pytflite.errors import InputError
from pytflite.format.schema import TABLES
from pytflite.ops.operator import Definition
from pytflite.ops.registry import BUILTINS, CUSTOM, find, load_all
from pytflite.tools.terminal import console, heading, print_json, table


def explain(name: str) -> dict[str, Any]:
    """The facts of one operator as plain values.

    Raises:
        InputError: there is no such operator; close names are suggested.
    """
    definition = find(name.upper()) or find(name, custom=True)
    if definition is None:
        load_all()
        known = {n.lower(): n for n in (*BUILTINS, *CUSTOM)}
        close = [known[n] for n in get_close_matches(name.lower(), known, 5, 0.5)]
        raise InputError(
            f"there is no operator {name!r}", code="input.operator",
            hint=f"did you mean {', '.join(close)}?" if close
            else "pytflite explain-op lists all",
        )  # fmt: skip
    return facts_of(definition)


def facts_of(definition: Definition) -> dict[str, Any]:
    """What docs/operators.md and this command tell of an operator."""
    return {
        "name": definition.name,
        "custom": definition.name in CUSTOM,
        "versions": list(definition.versions),
        "types": [row.text for row in definition.signature.rows],
        "where": dict(definition.signature.where),
        "options": [] if definition.options is None
        else [field[0] for field in TABLES[definition.options]],
        "pure": definition.pure,
        "exactness": exactness(definition),
        "module": definition.module,
        "file": definition.module.replace(".", "/") + ".py",
        "doc": definition.doc.strip(),
    }  # fmt: skip


def exactness(definition: Definition) -> str:
    """How results compare with LiteRT's reference kernels."""
    if definition.tolerance:
        return f"integers to the bit, floats within {definition.tolerance} ulps"
    return "to the bit"


def show(name: str | None, *, as_json: bool) -> None:
    """Prints one operator, or the list of all."""
    if name is None:
        _show_all(as_json)
        return
    facts = explain(name)
    if as_json:
        print_json(facts)
        return
    heading(facts["name"], " (custom)" if facts["custom"] else "")
    console.print(facts["doc"])
    console.print()
    first, last = facts["versions"]
    _row("versions", f"{first} to {last}")
    for text in facts["types"]:
        _row("types", text)
    for variable, types in facts["where"].items():
        _row("", f"{variable} in {'any' if types == '*' else types}")
    _row("options", ", ".join(facts["options"]) or "none")
    _row("exactness", facts["exactness"])
    _row("defined in", facts["file"])


def _row(label: str, text: str) -> None:
    console.print(f"{label:>10}  {text}", soft_wrap=True)


def _show_all(as_json: bool) -> None:
    load_all()
    definitions: Sequence[Definition] = sorted(
        (*BUILTINS.values(), *CUSTOM.values()), key=lambda d: (d.name in CUSTOM, d.name)
    )
    if as_json:
        print_json([facts_of(d) for d in definitions])
        return
    rows = table(f"{len(definitions)} operators", "operator", "versions", "defined in")
    for d in definitions:
        first, last = d.versions
        versions = "custom" if d.name in CUSTOM else f"{first} to {last}"
        rows.add_row(d.name, versions, d.module.replace(".", "/") + ".py")
    console.print(rows)
