"""Products with weights that have scales of blocks, on the compiled backend."""

from __future__ import annotations

import numpy as np
import pytest

import pytflite
from tests.harness import assert_same
from tests.jit.agreement import agree
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled
from tests.ops.dense.models import blockwise

pytest.importorskip("numba")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["INT4", "INT8"])
@pytest.mark.parametrize("activation", [0, 1, 3])
@pytest.mark.parametrize(
    ("rows", "units", "depth", "block"),
    [
        (1, 37, 64, 32),
        (3, 64, 256, 16),
        (20, 130, 96, 8),
        (70, 16, 64, 64),
        (2, 17, 8192, 4096),
        (3, 18, 2048, 2048),
        (2, 9, 24, 4),
    ],
)
def test_scales_of_blocks(
    rows: int, units: int, depth: int, block: int, activation: int, dtype: str
) -> None:
    model = blockwise(rows, units, depth, block, dtype=dtype, fused_activation_function=activation)
    x = RNG.normal(size=(rows, depth)).astype(np.float32)
    x[-1, 3] = np.inf if rows > 20 else 0
    agree(model, x, ulps=8)


def test_blocks_that_are_no_words() -> None:
    """They stay on NumPy where a CPU multiplies more numbers at once."""
    model = blockwise(3, 5, 18, 6)
    x = RNG.normal(size=(3, 18)).astype(np.float32)
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    for cpu in RUNNABLE:
        assert_same(compiled(model, cpu).run(x), want, ulps=8)
