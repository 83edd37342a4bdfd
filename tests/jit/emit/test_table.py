"""Entries of tables: one by one, and vectors of bytes at once."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

from pytflite.jit.emit.table import LOOKUP_BLOCK
from pytflite.jit.kernel import kernel
from pytflite.jit.target import Target
from tests.jit.native import EMULATED, NATIVE, call

SIZES = 0, 1, 3, 15, 16, 63, 64, 65, 257, LOOKUP_BLOCK, 2 * LOOKUP_BLOCK + 77


@pytest.mark.parametrize("target", [*NATIVE, *EMULATED[:1]], ids=lambda t: t.name)
@pytest.mark.parametrize(("x_size", "y_size"), [(1, 1), (1, 4), (2, 2), (2, 1)])
def test_entries(target: Target, x_size: int, y_size: int) -> None:
    """Of every value, into new memory and, where sizes are equal, in place."""
    rng = np.random.default_rng(0)
    entries = 1 << (8 * x_size)
    table = rng.integers(0, 1 << (8 * y_size), entries).astype(f"u{y_size}")
    code = kernel("table.lookup", x_size=x_size, y_size=y_size)
    for size in (*SIZES, entries):
        x = rng.permutation(np.arange(size) % entries).astype(f"u{x_size}")
        y = np.full(size + 1, 77, table.dtype)
        tiles = -(-size // LOOKUP_BLOCK)
        call(code, x, y, table, size, target=target, tiles=tiles)
        np.testing.assert_array_equal(y[:size], table[x])
        assert y[size] == 77
        if x_size == y_size:
            want = table[x]
            call(code, x, x, table, size, target=target, tiles=tiles)
            np.testing.assert_array_equal(x, want)
