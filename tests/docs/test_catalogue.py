"""The catalogue's pages and all pictures come out, and their examples say what is so."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from docs.making.operator_example import examples_of, program_of
from docs.making.operator_page import definitions, escaped, page_of
from docs.making.pictures import PICTURES
from docs.making.snippets import run_page
from pytflite.ops.registry import BUILTINS

ALL = definitions()


SHOWN = {name: examples_of(group[0]) for name, group in ALL.items()}


@pytest.mark.parametrize("name", [name for name, shown in SHOWN.items() if shown])
def test_example_as_printed(name: str) -> None:
    start = "import numpy as np\nfrom pytflite.tools.building import call\n"
    for shown in SHOWN[name]:
        outputs = shown.outputs if len(shown.outputs) > 1 else shown.outputs[0]
        page = f"```python\n{start}{shown.text}\n```\n```output\n{outputs!r}\n```"
        assert run_page(page, name) == (1, [])


@pytest.mark.parametrize("name", [n for n in ALL if program_of(n) is not None])
def test_program(name: str) -> None:
    text, _ = page_of(name, ALL[name])
    assert run_page(text, name) == (1, [])


@pytest.mark.parametrize("name", ["CONV_2D", "TANH", "IF", "UNIQUE", "FlexErf", "Roll"])
def test_page(name: str) -> None:
    file, group = next((f, g) for f, g in ALL.items() if any(d.name == name for d in g))
    text, picture = page_of(file, group)
    ElementTree.fromstring(picture)
    assert f"]({file}.svg)" in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Types", "## Options", "## Quantised form", "## Example", "## What it costs",
    ]  # fmt: skip
    run_page(text, name)


def test_every_builtin_has_something_to_run() -> None:
    without = [
        name
        for name, definition in BUILTINS.items()
        if not definition.examples and program_of(name) is None
    ]
    assert not without


def test_few_pages_have_nothing_to_run() -> None:
    assert sum(not shown and program_of(n) is None for n, shown in SHOWN.items()) < 40


def test_no_two_pages_share_a_file() -> None:
    assert len({name.lower() for name in ALL}) == len(ALL)
    assert {d.name for group in ALL.values() for d in group} >= set(BUILTINS)


@pytest.mark.parametrize("path", PICTURES)
def test_picture(path: str) -> None:
    ElementTree.fromstring(PICTURES[path]())


def test_text_has_no_meaning_in_markdown() -> None:
    assert escaped("a*b_c [d] `e*f`") == r"a\*b\_c \[d\] `e*f`"
