"""Long-running load in little: memory, handles and threads stay."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tests.fuzz.soak import grown, soak

without = pytest.mark.skipif(find_spec("numba") is None, reason="there is no compiled backend")


@pytest.mark.parametrize("backend", ["numpy", pytest.param("jit", marks=without)])
def test_nothing_grows(backend: str) -> None:
    before, after, runs = soak(12, 3, backend=backend)
    assert runs > 100
    assert not grown(before, after)
