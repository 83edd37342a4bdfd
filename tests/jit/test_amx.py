"""Products in AMX's tiles, to the bit against NumPy's: on tiles in software, or the CPU's own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

pytest.importorskip("numba")

import pytflite
from pytflite.jit.target import BY_NAME
from pytflite.model.model import Model
from tests.harness import single_op, tensor
from tests.jit.amx import emulate
from tests.jit.here import Library, compiled_here
from tests.jit.native import NATIVE

AMX, VBMI = BY_NAME["amx"], BY_NAME["avx512vbmi"]
pytestmark = pytest.mark.skipif(VBMI not in NATIVE, reason="this CPU has no AVX-512 VBMI")
RNG = np.random.default_rng(0)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    tiles = None if AMX in NATIVE else emulate(monkeypatch)
    yield Library()
    del tiles


def check(
    library: Library, model: Model, xs: np.ndarray | list[np.ndarray], *emitters: str
) -> None:
    """One operator in tiles gives what NumPy gives."""
    xs = xs if isinstance(xs, list) else [xs]
    context = compiled_here(model, library, AMX, *xs)
    (bound,) = context.bound
    assert [work.kernel.emitter for work in bound.step.work or ()] == [*emitters]
    want = pytflite.Interpreter(model, backend="numpy").run(*xs)
    np.testing.assert_array_equal(context.arrays[context.plan.outputs[0]], want)


@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@pytest.mark.parametrize("channels", [9, 64, 70])
@pytest.mark.parametrize("filters", [5, 24, 64])
@pytest.mark.parametrize("taps", [1, 3])
def test_convolution(library: Library, dtype: str, channels: int, filters: int, taps: int) -> None:
    storage = np.int8 if dtype == "INT8" else np.uint8
    limits = np.iinfo(storage)
    weights = RNG.integers(limits.min, limits.max, (filters, taps, taps, channels)).astype(storage)
    model = single_op(
        "CONV_2D",
        [
            tensor((1, 9, 7, channels), dtype, scale=0.1, zero_point=3),
            tensor(value=weights, scale=0.02, zero_point=0 if dtype == "INT8" else 117),
            tensor(value=RNG.integers(-999, 999, filters).astype(np.int32), scale=0.002),
        ],
        [tensor((1, 9, 7, filters), dtype, scale=0.7, zero_point=5)],
        stride_w=1, stride_h=1, padding=0,
    )  # fmt: skip
    x = RNG.integers(limits.min, limits.max + 1, (1, 9, 7, channels)).astype(storage)
    plain = taps == 1 and dtype == "INT8" and channels % 4 == 0
    emitter = f"gemm_amx.{'product' if plain else 'convolution'}"
    if dtype == "INT8" and taps == 1 and filters == 5 and channels <= 64:  # not worth tiles
        emitter = "direct_int8.convolution"
    check(library, model, x, emitter)


@pytest.mark.parametrize("zero", [0, 9])
@pytest.mark.parametrize("sizes", [(33, 64, 50), (40, 19, 70)])
def test_computed_matrices(library: Library, zero: int, sizes: tuple[int, int, int]) -> None:
    m, k, n = sizes
    xs = [RNG.integers(-128, 128, shape).astype(np.int8) for shape in ((2, m, k), (2, k, n))]
    model = single_op(
        "BATCH_MATMUL",
        [
            tensor(xs[0].shape, "INT8", scale=0.1, zero_point=-7),
            tensor(xs[1].shape, "INT8", scale=0.03, zero_point=zero),
        ],
        [tensor(dtype="INT8", scale=3.9, zero_point=2)],
    )  # fmt: skip
    plain = not zero and k % 4 == 0
    check(library, model, xs, "panels_int8.pack",
          f"gemm_amx.{'product' if plain else 'convolution'}")  # fmt: skip


@pytest.mark.parametrize("rows", [16, 33, 100])
@pytest.mark.parametrize("depth", [4, 64, 132])
def test_fully_connected(library: Library, rows: int, depth: int) -> None:
    weights = RNG.integers(-127, 128, (50, depth)).astype(np.int8)
    model = single_op(
        "FULLY_CONNECTED",
        [
            tensor((rows, depth), "INT8", scale=0.1, zero_point=-7),
            tensor(value=weights, scale=0.03),
        ],
        [tensor((rows, 50), "INT8", scale=0.9, zero_point=2)],
    )  # fmt: skip
    x = RNG.integers(-128, 128, (rows, depth)).astype(np.int8)
    check(library, model, x, "gemm_amx.product")
