"""The functions of elementwise kernels: units in the last place, on every target."""

from __future__ import annotations

from collections.abc import Callable
from math import erf
from typing import Any

import numpy as np
import pytest

from pytflite.jit.emit.rows import BLOCK, FEW
from pytflite.jit.kernel import kernel
from pytflite.jit.kernels import angles, maths, powers
from pytflite.jit.target import Target
from tests.jit.native import RUNNABLE, call

pytest.importorskip("llvmlite")
targets = pytest.mark.parametrize("target", RUNNABLE, ids=lambda t: t.name)
F32 = np.float32
F64 = np.float64
LONG = np.longdouble  # where float64's own error would show


def _gelu(x: np.ndarray) -> np.ndarray:
    return x * 0.5 * (1 + np.vectorize(erf)(x / np.sqrt(2)))


def _gelu_approximate(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


TRUE: dict[str, Callable[..., Any]] = {
    "sin": np.sin,
    "cos": np.cos,
    "log": np.log,
    "softplus": lambda x: np.logaddexp(x.astype(LONG), 0),
    "softsign": lambda x: np.where(np.isinf(x), np.nan, x / (1 + np.abs(x))),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
}
BINARY: dict[str, Callable[..., Any]] = {
    "power": lambda a, b: np.power(a.astype(LONG), b.astype(LONG)),
    "atan2": np.arctan2,
}
SPECIAL = F32([
    0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1e-40, -1e-40, 1.1754944e-38, 3.4e38,
    -3.4e38, 1.0, -1.0, 2.0, -2.0, 3.0, -3.0, 0.5, -0.5, 0.99999994, 1.0000001, 8388609.0,
    16777216.0, 1e9,
])  # fmt: skip


def applied(target: Target, expression: str, *operands: np.ndarray) -> np.ndarray:
    """An expression of vectors of one size."""
    size = operands[0].size
    y = np.empty(size, F32)
    code = kernel(
        "elementwise.float32", expression=expression, operands="v" * len(operands), loops=FEW
    )
    slots = [slot for x in operands for slot in (x, 0, 0)]
    assert call(code, y, 1, size, 1, 1, *slots, target=target, tiles=-(-size // BLOCK)) == 0
    return y


def units(got: np.ndarray, true: np.ndarray) -> float:
    """The largest error, in units in the last place of the true value."""
    with np.errstate(all="ignore"):
        rounded = true.astype(F32)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        unit = np.spacing(np.abs(np.where(np.isfinite(rounded), rounded, 1))).astype(F64)
        error = np.where(same, 0, np.abs(got.astype(true.dtype) - true) / unit)
    return float(np.nanmax(np.where(np.isnan(error), np.inf, error)))


def samples(step: int) -> np.ndarray:
    """Some of all float32 numbers, and many near zero points and ends of ranges."""
    some = np.arange(0, 2**32, step, dtype=np.uint64).astype(np.uint32).view(F32)
    rng = np.random.default_rng(0)
    near = rng.uniform(-40, 40, 200_000).astype(F32)
    quarters = (rng.integers(1, 50_000, 100_000) * (np.pi / 2)).astype(F32)
    powers_of_two = np.ldexp(F32(1), np.arange(-126, 128)).astype(F32)
    edges = np.concatenate([powers_of_two, F32([angles.NEAR, 88.72284, 80, 0.70710677])])
    around = edges.view(np.int32)[:, None] + np.arange(-20, 20, dtype=np.int32)
    return np.concatenate([some, near, quarters, around.ravel().view(F32), SPECIAL])


@targets
@pytest.mark.parametrize("name", TRUE)
def test_functions(name: str, target: Target) -> None:
    x = samples(4001)
    with np.errstate(all="ignore"):
        assert units(applied(target, f"{name}(x0)", x), TRUE[name](x.astype(F64))) <= 2


@targets
@pytest.mark.parametrize(
    ("name", "true"), [("gelu", _gelu), ("gelu_approximate", _gelu_approximate)]
)
def test_gelu(name: str, true: Callable[..., Any], target: Target) -> None:
    """Far from -2 within few units; there its two terms cancel, and the error is of x's size."""
    x = np.random.default_rng(0).uniform(-12, 12, 100_000).astype(F32)
    got, want = applied(target, f"{name}(x0)", x), true(x.astype(F64))
    assert units(got[x > 0], want[x > 0]) <= 4
    assert np.abs(got - want)[x < 0].max() <= 2.0**-22


@targets
@pytest.mark.parametrize("name", BINARY)
def test_functions_of_two(name: str, target: Target) -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, (2, 200_000), np.uint32).view(F32)
    bases = rng.uniform(0, 9, 200_000).astype(F32)
    exponents = rng.uniform(-40, 40, 200_000).astype(F32)
    near_one = (1 + rng.normal(size=200_000) * 1e-3).astype(F32)
    large = rng.uniform(-1e5, 1e5, 200_000).astype(F32)
    whole = rng.integers(-30, 30, 200_000).astype(F32)
    pairs = np.stack(np.meshgrid(SPECIAL, SPECIAL)).reshape(2, -1)
    a = np.concatenate([bits[0], bases, near_one, -bases, pairs[0]])
    b = np.concatenate([bits[1], exponents, large, whole, pairs[1]])
    with np.errstate(all="ignore"):
        want = BINARY[name](a.astype(F64), b.astype(F64))
        got = applied(target, f"{name}(x0, x1)", a, b)
        assert units(got, want) <= (1 if name == "power" else 2)
        np.testing.assert_array_equal(np.signbit(got[got == 0]), np.signbit(want[got == 0]))


@targets
@pytest.mark.parametrize("exponent", [1, 2, 3, 7, 10, 1023])
def test_whole_powers(exponent: int, target: Target) -> None:
    from pytflite.ops.elementwise.power import whole_power

    x = np.concatenate([np.random.default_rng(0).normal(size=999).astype(F32), SPECIAL])
    want = np.empty_like(x)
    with np.errstate(all="ignore"):
        whole_power(x, np.array(exponent), want)
    np.testing.assert_array_equal(applied(target, f"whole_power(x0, {exponent})", x), want)


def test_in_plain_python() -> None:
    with np.errstate(all="ignore"):
        for x in F32([-1e30, -300, -1, -1e-30, 0, 0.3, 0.7, 5, 88, 4e4, np.inf, np.nan]):
            for name, true in {"sin": np.sin, "cos": np.cos}.items():
                near, far = (getattr(angles, f"{name}_{way}") for way in ("near", "far"))
                got = near(x) if abs(x) <= angles.NEAR else far(x)
                assert units(np.array([got, far(x)]), np.array([true(F64(x))] * 2)) <= 2
            assert units(np.array([maths.log(x)]), np.array([np.log(F64(x))])) <= 2
            for y in SPECIAL:
                got = powers.power(x, y)
                assert isinstance(got, F32)
                assert units(np.array([got]), np.array([np.power(F64(x), F64(y))])) <= 1
