"""The examples that every operator gives, as the documentation shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytflite.ops import catalogue
from pytflite.ops.operator import Definition, Example
from pytflite.tools.catalogue import generate
from tests.harness import assert_same, run_pytflite
from tests.ops.example_models import DEFINITIONS, array_of, inputs_of, model_of

_CASES = [
    pytest.param(definition, example, id=f"{definition.name}-{number}")
    for definition in DEFINITIONS
    for number, example in enumerate(definition.examples)
]


@pytest.mark.parametrize(("definition", "example"), _CASES)
def test_example(definition: Definition, example: Example) -> None:
    inputs = inputs_of(example)
    given = [x for n, x in enumerate(inputs) if x is not None and n not in example.variables]
    got = run_pytflite(model_of(definition, example, inputs), *given)[0]
    for g, want in zip(got, example.outputs, strict=True):
        assert_same(g, array_of(want), ulps=max(4, definition.tolerance))


def test_catalogue_is_what_the_modules_register() -> None:
    assert generate() == Path(catalogue.__file__).read_text(encoding="utf-8")
