"""The runtimes that are asked the same: pytflite and, where it is installed, LiteRT."""

from __future__ import annotations

from typing import Any

import pytest

import pytflite.interpreter as ours
from tests.harness import litert, needs_litert

RUNTIMES = [
    pytest.param(ours, id="pytflite"),
    pytest.param(litert, id="litert", marks=needs_litert),
]


@pytest.fixture(params=RUNTIMES)
def runtime(request: pytest.FixtureRequest) -> Any:
    return request.param
