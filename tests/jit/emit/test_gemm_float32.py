"""What lowerings of single operators do not ask of the float32 product: the residual."""

from __future__ import annotations

import numpy as np
import pytest

from pytflite.jit.lowering.packing import panels
from pytflite.jit.lowering.products import Ending, product_work
from pytflite.jit.lowering.tiles import Product, columns_of
from pytflite.jit.target import Target
from tests.jit.native import RUNNABLE, call

cpus = pytest.mark.parametrize("cpu", RUNNABLE, ids=lambda target: target.name)


@cpus
@pytest.mark.parametrize("in_place", [False, True])
@pytest.mark.parametrize("shape", [(1, 5, 3), (29, 7, 40), (50, 30, 33), (100, 3, 64)])
def test_residual(cpu: Target, in_place: bool, shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(3)
    m, k, n = shape
    x, weights, bias, residual = (
        rng.integers(-8, 9, size).astype(np.float32) for size in ((m, k), (k, n), (n,), (m, n))
    )
    out = residual.copy() if in_place else np.full((m, n), np.nan, np.float32)
    ending = Ending((0, None), out if in_place else residual, (-1, 6))
    packed = panels(weights[None], bias, columns_of(cpu, n))
    p = Product(m, n, k, 4 * k, 4 * n)
    work = product_work(cpu, p, (x, packed, out), ending)
    call(work.kernel, *work.slots, target=cpu, tiles=work.tiles, scratch=work.scratch)
    want = np.clip(np.maximum(x @ weights + bias, 0) + residual, -1, 6)
    np.testing.assert_array_equal(out, want)
