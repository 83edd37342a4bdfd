"""SOFTMAX of integers, LOG_SOFTMAX and L2_NORMALIZATION."""

from __future__ import annotations

import numpy as np
import pytest

import pytflite
from tests.harness import single_op, tensor
from tests.jit.agreement import agree

SHAPES = [(1, 1), (3, 7), (1, 1001), (200, 3), (5, 4, 64), (2, 4100)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["LOG_SOFTMAX", "L2_NORMALIZATION"])
def test_floats(name: str, shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32) * 5
    x[0, 0] = 0
    agree(single_op(name, [tensor(shape)], [tensor(shape)]), x, ulps=8)


def test_zeros_have_no_direction() -> None:
    x = np.zeros((2, 20), np.float32)
    x[1, 3] = 3
    (y,) = agree(single_op("L2_NORMALIZATION", [tensor(x.shape)], [tensor(x.shape)]), x)
    np.testing.assert_array_equal(y, x / 3)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [0.003, 0.1, 1.0])
@pytest.mark.parametrize(("of", "to"), [("INT8", "INT8"), ("UINT8", "UINT8"), ("INT8", "INT16"),
                                        ("UINT8", "INT16")])  # fmt: skip
@pytest.mark.parametrize("beta", [1.0, 0.3])
def test_softmax(of: str, to: str, scale: float, beta: float, shape: tuple[int, ...]) -> None:
    info, out = np.iinfo(of.lower()), np.iinfo(to.lower())
    steps = out.max - out.min + 1
    model = single_op(
        "SOFTMAX", [tensor(shape, of, scale=scale, zero_point=3)],
        [tensor(shape, to, scale=1 / steps, zero_point=int(out.min))], beta=beta,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    agree(model, rng.integers(info.min, info.max, shape, of.lower(), endpoint=True))
    agree(model, np.full(shape, 5, of.lower()))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("scale", "beta"), [(10 / 65535, 1.0), (0.001, 0.3), (0.1, 2.0)])
def test_softmax_of_int16(shape: tuple[int, ...], scale: float, beta: float) -> None:
    model = single_op(
        "SOFTMAX", [tensor(shape, "INT16", scale=scale)],
        [tensor(shape, "INT16", scale=1 / 32768)], beta=beta,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    agree(model, rng.integers(-32768, 32768, shape).astype(np.int16))
    agree(model, rng.integers(-300, 300, shape).astype(np.int16))
    agree(model, np.full(shape, -7, np.int16))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
def test_l2_normalization_of_bytes(dtype: str, shape: tuple[int, ...]) -> None:
    model = single_op(
        "L2_NORMALIZATION", [tensor(shape, dtype, scale=0.1, zero_point=3)],
        [tensor(shape, dtype, scale=1 / 128, zero_point=128 * (dtype == "UINT8"))],
    )  # fmt: skip
    rng = np.random.default_rng(1)
    info = np.iinfo(dtype.lower())
    x = rng.integers(info.min, info.max, shape, dtype.lower(), endpoint=True)
    agree(model, x)
    agree(model, np.full(shape, 3, dtype.lower()))
    agree(model, np.full(shape, 4, dtype.lower()))
    agree(model, np.full(shape, info.max, dtype.lower()))


@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (1, 3, 2, 7), (2, 5, 7, 96), (1, 1, 0, 4)])
@pytest.mark.parametrize("radius", [0, 2, 5, 40])
@pytest.mark.parametrize("beta", [0.5, 0.75, 1.0])
def test_local_response(radius: int, beta: float, shape: tuple[int, ...]) -> None:
    model = single_op(
        "LOCAL_RESPONSE_NORMALIZATION", [tensor(shape)], [tensor(shape)],
        radius=radius, bias=1.5, alpha=0.3, beta=beta,
    )  # fmt: skip
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32) * 3
    if x.size > 100 and radius < 9:  # NumPy's sums of more go on and on: NaN would not end
        x[0, 0, 0, :3] = np.inf, np.nan, 0
    agree(model, x, ulps=8)


def test_local_response_of_all() -> None:
    """As many sums as there are pairs of channels would never end."""
    shape = 1, 1 << 20
    model = single_op(
        "LOCAL_RESPONSE_NORMALIZATION", [tensor(shape)], [tensor(shape)],
        radius=2**31 - 1, bias=1.0, alpha=1.0, beta=1.0,
    )  # fmt: skip
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    x = np.ones(shape, np.float32)
    np.testing.assert_allclose(interpreter.run(x), x / (1 + shape[1]), rtol=1e-5)
    (row,) = interpreter.backend_report()
    assert row.backend == "numpy" and "radius" in row.reason


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("scale", [0.003, 0.1, 1.0])
@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
def test_log_softmax_of_bytes(dtype: str, scale: float, shape: tuple[int, ...]) -> None:
    info = np.iinfo(dtype.lower())
    model = single_op(
        "LOG_SOFTMAX", [tensor(shape, dtype, scale=scale, zero_point=3)],
        [tensor(shape, dtype, scale=1 / 16, zero_point=int(info.max))],
    )  # fmt: skip
    rng = np.random.default_rng(1)
    agree(model, rng.integers(info.min, info.max, shape, dtype.lower(), endpoint=True))
    agree(model, rng.integers(20, 40, shape).astype(dtype.lower()))
    agree(model, np.full(shape, 5, dtype.lower()))
