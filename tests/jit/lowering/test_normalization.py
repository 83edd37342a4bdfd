"""SOFTMAX of integers, LOG_SOFTMAX and L2_NORMALIZATION."""

from __future__ import annotations

import numpy as np
import pytest

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
