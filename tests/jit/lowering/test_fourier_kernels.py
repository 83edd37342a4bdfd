"""RFFT2D, and what comes of complex numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled, reasons

pytest.importorskip("numba")


def transform(shape: tuple[int, ...], lengths: tuple[int, int]) -> object:
    out = (*shape[:-2], lengths[0], lengths[1] // 2 + 1)
    return single_op(
        "RFFT2D", [tensor(shape), tensor(value=np.int32(lengths))], [tensor(out, "COMPLEX64")]
    )


@pytest.mark.parametrize("width", [64, 128, 256, 512, 1024, 2048, 4096])
@pytest.mark.parametrize("given", [0, 1, 63, 400, 5000])
def test_rows(width: int, given: int) -> None:
    """Cut, or padded with zeros; as accurate as NumPy, which computes in double, too."""
    x = np.random.default_rng(width).normal(size=(3, 1, given)).astype(np.float32)
    (got,) = agree(transform(x.shape, (1, width)), x, ulps=1)
    exact = np.fft.rfft(x[:, :, :width].astype(np.float64), width)
    assert np.abs(got - exact).max() <= np.spacing(np.abs(exact).max().astype(np.float32))


@pytest.mark.parametrize("shape", [(2, 3, 70), (1, 1, 64), (3, 9, 10), (2, 0, 5), (2, 5, 0)])
@pytest.mark.parametrize("high", [1, 2, 4, 8, 32])
def test_matrices(shape: tuple[int, ...], high: int) -> None:
    x = np.random.default_rng(high).normal(size=shape).astype(np.float32)
    agree(transform(shape, (high, 64)), x, ulps=1)


def test_what_a_transform_is_not_compiled_for() -> None:
    for lengths in ((1, 96), (3, 64), (1, 8), (1 << 12, 1 << 12)):
        interpreter = compiled(transform((1, 2, 2), lengths), RUNNABLE[0])
        assert "powers of two" in str(reasons(interpreter, (1, 2, 2))) or lengths[0] > 3


def test_special_numbers() -> None:
    x = np.zeros((6, 1, 64), np.float32)
    x[0, 0, 5] = np.nan
    x[1, 0, 0] = 3e38
    x[1, 0, 32] = 3e38  # too large for float32 in sum
    x[2, 0, 1] = 1e-45
    x[3] = -0.0
    agree(transform(x.shape, (1, 64)), x, ulps=1)


@pytest.mark.parametrize("size", [0, 1, 7, 4096, 10_000])
@pytest.mark.parametrize("name", ["REAL", "IMAG", "COMPLEX_ABS"])
def test_parts(name: str, size: int) -> None:
    rng = np.random.default_rng(size)
    z = (rng.normal(size=size) + 1j * rng.normal(size=size)).astype(np.complex64)
    odd = [np.inf, -np.inf, np.nan, 0.0, -0.0, 3e38, 1e-45, 1e-30, 1.0]
    pairs = np.array([complex(a, b) for a in odd for b in odd], np.complex64)
    z[: pairs.size] = pairs[:size]
    exact = name != "COMPLEX_ABS"
    for part in (z, pairs) if size else (z,):
        model = single_op(name, [tensor(part.shape, "COMPLEX64")], [tensor(part.shape)])
        agree(model, part, ulps=0 if exact else 1)


def test_absolute_values_are_about_an_ulp_from_the_truth() -> None:
    rng = np.random.default_rng(0)
    scale = 10.0 ** rng.uniform(-44, 38, size=20_000)
    z = (rng.normal(size=(20_000, 2)) * scale[:, None] / 5).astype(np.float32)
    model = single_op("COMPLEX_ABS", [tensor((20_000,), "COMPLEX64")], [tensor((20_000,))])
    exact = np.hypot(*z.T.astype(np.float64))
    for cpu in RUNNABLE:
        got = compiled(model, cpu).run(z.view(np.complex64).reshape(-1))
        assert (np.abs(got - exact) <= 1.25 * np.spacing(exact.astype(np.float32))).all()
