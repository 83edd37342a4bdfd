"""Kernels written in Python: compiled on every target, and run as they are."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from pytflite.jit.compiling import assembly
from pytflite.jit.declaration import declare, declared
from pytflite.jit.kernel import kernel
from pytflite.jit.kernels import maths
from pytflite.jit.kernels.intrinsics import accumulate, maximum
from pytflite.jit.kernels.maths import exp
from pytflite.jit.target import BY_NAME, Target
from tests.jit.native import EMULATED, RUNNABLE, call

# And one of another architecture, emulated.
TARGETS = [*RUNNABLE, *(t for t in EMULATED if t.name == "neon" and t not in RUNNABLE)]
targets = pytest.mark.parametrize("target", TARGETS, ids=lambda t: t.name)
F32 = np.float32


BLOCK = 4096


@pytest.fixture(autouse=True)
def sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """This module as one of jit/kernels."""
    monkeypatch.setitem(sys.modules, "pytflite.jit.kernels.sample", sys.modules[__name__])


# --- two examples -------------------------------------------------------------------------------


@declare(x="float32[:, :]", y="float32[:, :]", beta="float32")
def softmax(begin, end, x, y, beta) -> int:
    """A tile is a row."""
    for row in range(begin, end):
        largest = x[row, 0]
        for column in range(1, x.shape[1]):
            largest = maximum(largest, x[row, column])
        total = F32(0)
        for column in range(x.shape[1]):
            e = exp((x[row, column] - largest) * beta)
            y[row, column] = e
            total = accumulate(total, e)
        scale = F32(1) / total
        for column in range(x.shape[1]):
            y[row, column] *= scale
    return 0


@declare(x="uint8[:]", y="uint8[:]", table="uint8[:]")
def lookup(begin, end, x, y, table) -> int:
    """A tile is a block."""
    for i in range(begin * BLOCK, min(end * BLOCK, x.size)):
        y[i] = table[x[i]]
    return 0


@targets
@pytest.mark.parametrize("shape", [(1, 1), (7, 53), (3, 1001), (0, 5)])
def test_softmax(target: Target, shape: tuple[int, int]) -> None:
    x = np.random.default_rng(1).standard_normal(shape).astype(F32) * 5
    y = np.empty_like(x)
    assert call(
        kernel("sample.softmax"), x, *shape, y, *shape, 0.5, target=target, tiles=shape[0]
    ) == 0  # fmt: skip
    e = np.exp(0.5 * x.astype(float))
    np.testing.assert_allclose(y, e / e.sum(1, keepdims=True), rtol=2e-6)


def test_softmax_in_plain_python() -> None:
    x = np.array([[1, 2, 3], [0, 0, np.nan]], F32)
    y = np.empty_like(x)
    assert softmax(0, 2, x, y, F32(1)) == 0
    np.testing.assert_allclose(y[0], [0.09003057, 0.24472847, 0.66524096], rtol=1e-6)
    assert np.isnan(y[1]).all()


@targets
@pytest.mark.parametrize("size", [0, 1, 63, 4096, 10_001])
def test_tables(target: Target, size: int) -> None:
    entries = np.random.default_rng(2).permutation(256).astype(np.uint8)
    x = np.random.default_rng(3).integers(0, 256, size).astype(np.uint8)
    y, tiles = np.zeros_like(x), -(-size // BLOCK)
    assert call(
        kernel("sample.lookup"), x, size, y, size, entries, 256, target=target, tiles=tiles
    ) == 0  # fmt: skip
    np.testing.assert_array_equal(y, entries[x])


# --- the ways of the declaration ----------------------------------------------------------------


@declare(x="dtype[:, :]", scale="float32", size="int64", precise="float64", twice="constant",
         function="constant", scratch="scratch float32[:]", y="float32[:]")  # fmt: skip
def mixed(begin, end, x, scale, size, precise, twice, function, scratch, y) -> int:
    if size < 0:
        return 7
    for row in range(begin, end):
        total = F32(0)
        for column in range(x.shape[1]):
            scratch[column] = F32(x[row, column]) * scale
        for column in range(x.shape[1]):
            total += scratch[column]
        if twice:
            total += total
        y[row] = function(total) + F32(precise)
    return 0


def halved(x: np.float32) -> np.float32:
    return x * F32(0.5)


@targets
@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "float32"])
def test_every_kind(target: Target, dtype: str) -> None:
    settings = {"dtype": dtype, "twice": True, "function": "sample.halved"}
    what = kernel("sample.mixed", **settings)
    x, y = np.arange(12).reshape(3, 4).astype(dtype), np.zeros(3, F32)
    precise = np.float64(0.25).view(np.int64)
    slots = (x, 3, 4, 0.5, 5, precise, 4, y, 3)
    assert call(what, *slots, target=target, begin=1, tiles=3, scratch=16) == 0
    expected = x.sum(1) * 0.5 + 0.25
    expected[0] = 0
    np.testing.assert_array_equal(y, expected)
    assert call(what, x, 3, 4, 0.5, -1, precise, 4, y, 3, target=target, tiles=3) == 7
    plain = np.zeros(3, F32)
    assert mixed(1, 3, x, F32(0.5), 5, 0.25, True, halved, np.zeros(4, F32), plain) == 0
    np.testing.assert_array_equal(plain, expected)


@declare(x="float32[:]", first="scratch float32[:]", second="scratch float32[:]",
         y="float32[:] over x")  # fmt: skip
def doubled(begin, end, x, first, second, y) -> int:
    for i in range(first.size):
        first[i] = F32(1)
    for i in range(second.size):
        second[i] = F32(2)
    for i in range(begin, end):
        y[i] = x[i] * second[0] + first[first.size - 1] - second[second.size - 1] + F32(1)
    return 0


@targets
def test_in_place_or_not(target: Target) -> None:
    x = np.arange(1000, dtype=F32)
    y, expected, what = np.zeros_like(x), 2 * x, kernel("sample.doubled")
    assert call(what, x, 1000, 5, 7, y, 1000, target=target, tiles=1000, scratch=128) == 0
    np.testing.assert_array_equal(y, expected)
    assert call(what, x, 1000, 5, 7, x, 1000, target=target, tiles=1000, scratch=128) == 0
    np.testing.assert_array_equal(x, expected)


def test_declarations_that_are_wrong() -> None:
    with pytest.raises(TypeError, match="is declared"):
        declare(z="float32[:]")(lambda begin, end, x: 0)
    with pytest.raises(ValueError, match="does not know"):
        declared(kernel("sample.softmax", rows=3))
    with pytest.raises(ValueError, match="an element is one of"):
        declared(kernel("sample.softmax", float32="complex64"))


@pytest.mark.parametrize("name", ["i8mm", "dotprod", "neon"])
def test_code_for_other_cpus(name: str) -> None:
    text = assembly(kernel("sample.softmax"), BY_NAME[name])
    assert "fmla\tv" in text


@targets
def test_vectors_are_used(target: Target) -> None:
    text = assembly(kernel("sample.softmax"), target)
    register = {64: "%zmm", 32: "%ymm", 16: "%xmm"}[target.vector]
    multiply = "mulps"
    if target.architecture == "aarch64":
        multiply, register = "fmul\t", ".4s"
    assert any(multiply in line and register in line for line in text.splitlines())
    assert target.vector == 64 or "%zmm" not in text


# --- maths --------------------------------------------------------------------------------------


@declare(x="float32[:]", y="float32[:]", function="constant")
def each(begin, end, x, y, function) -> int:
    for i in range(begin, end):
        y[i] = function(x[i])
    return 0


_TRUE = {
    "exp": np.exp,
    "tanh": np.tanh,
    "logistic": lambda x: np.where(x < F32(-87.33), 0, 1 / (1 + np.exp(-x))),
}


def _units(got: np.ndarray, true: np.ndarray) -> float:
    """The largest error, in units in the last place of the true value (float64)."""
    with np.errstate(all="ignore"):
        rounded = true.astype(F32)
        same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
        unit = np.spacing(np.abs(np.where(np.isfinite(rounded), rounded, 1))).astype(float)
        error = np.where(same, 0, np.abs(got.astype(float) - true) / unit)
    return float(np.nanmax(np.where(np.isnan(error), np.inf, error)))


def _worst(name: str, bits: np.ndarray, target: Target) -> float:
    x = bits.view(F32)
    y = np.empty_like(x)
    what = kernel("sample.each", function=f"maths.{name}")
    assert call(what, x, x.size, y, x.size, target=target, tiles=x.size) == 0
    with np.errstate(all="ignore"):
        return _units(y, _TRUE[name](x.astype(float)))


@targets
@pytest.mark.parametrize("name", _TRUE)
def test_maths(name: str, target: Target) -> None:
    """Every 4001st of all float32 numbers, and those around the ends of ranges."""
    samples = np.arange(0, 2**32, 4001, dtype=np.uint64).astype(np.uint32)
    edges = F32(
        [0, 0.625, 1, 9, 17, 20, 87.33, 88.72284, 88.7229, 89, 103.97, 104.5, np.inf, np.nan]
    )
    around = edges.view(np.uint32)[:, None].astype(np.int64) + np.arange(-40, 40)
    signed = np.concatenate([around, around + 2**31]).ravel() % 2**32
    assert _worst(name, samples, target) <= 2
    assert _worst(name, signed.astype(np.uint32), target) <= 2


def test_maths_in_plain_python() -> None:
    with np.errstate(all="ignore"):
        for x in F32([-200, -1, -1e-30, 0, 0.3, 0.7, 5, 88, 200, np.inf, -np.inf, np.nan]):
            for name, true in _TRUE.items():
                got = getattr(maths, name)(x)
                assert isinstance(got, F32)
                assert _units(np.array([got]), np.array([true(np.float64(x))])) <= 2
