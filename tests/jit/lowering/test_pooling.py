"""Pooling on the compiled backend, against NumPy's."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import pytflite
from tests.harness import single_op, tensor

pytest.importorskip("numba")


def pooled(name: str, x: np.ndarray, dtype: str, **options: Any) -> tuple[Any, Any]:
    """What the compiled backend and NumPy's answer."""
    quantized = {} if dtype == "FLOAT32" else {"scale": 0.1, "zero_point": 3 * (dtype != "INT16")}
    dims = [
        -(-size // s) if options["padding"] == 0 else (size - f) // s + 1
        for size, f, s in zip(
            x.shape[1:3],
            (options["filter_height"], options["filter_width"]),
            (options["stride_h"], options["stride_w"]),
            strict=True,
        )
    ]
    model = single_op(
        name, [tensor(x.shape, dtype, **quantized)],
        [tensor((x.shape[0], *dims, x.shape[3]), dtype, **quantized)], **options,
    )  # fmt: skip
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert compiled.backend == "jit"
    return compiled.run(x), pytflite.Interpreter(model, backend="numpy").run(x)


@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
@pytest.mark.parametrize("dtype", ["FLOAT32", "INT8", "UINT8", "INT16"])
@pytest.mark.parametrize("activation", [0, 1, 3])
@settings(max_examples=12)
@given(data=st.data())
def test_pooling(name: str, dtype: str, activation: int, data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    channels = data.draw(st.sampled_from([1, 3, 15, 16, 17, 64, 70]))
    padding = data.draw(st.integers(0, 1))
    most = (height, width) if padding else (5, 5)
    filters = [data.draw(st.integers(1, m)) for m in most]
    strides = [data.draw(st.integers(1, 3)) for _ in range(2)]
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    storage = {"FLOAT32": np.float32, "INT8": np.int8, "UINT8": np.uint8, "INT16": np.int16}[dtype]
    x = (rng.normal(size=(2, height, width, channels)) * 60).astype(storage)
    got, want = pooled(
        name, x, dtype, padding=padding, fused_activation_function=activation,
        filter_height=filters[0], filter_width=filters[1], stride_h=strides[0], stride_w=strides[1],
    )  # fmt: skip
    if dtype == "FLOAT32":
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-5)
    else:
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("activation", [0, 1, 3])
@pytest.mark.parametrize(("padding", "channels"), [(0, 3), (1, 70), (0, 16)])
def test_roots_of_mean_squares(activation: int, padding: int, channels: int) -> None:
    x = np.random.default_rng(0).normal(size=(2, 9, 8, channels)).astype(np.float32) * 3
    got, want = pooled(
        "L2_POOL_2D", x, "FLOAT32", padding=padding, fused_activation_function=activation,
        filter_height=3, filter_width=2, stride_h=2, stride_w=1,
    )  # fmt: skip
    np.testing.assert_allclose(got, want, rtol=1e-6)


def test_nan_never_wins() -> None:
    x = np.full((1, 2, 2, 20), np.nan, np.float32)
    x[0, 1, 1] = 3
    got, want = pooled(
        "MAX_POOL_2D", x, "FLOAT32", padding=1, filter_height=2, filter_width=2,
        stride_h=1, stride_w=1,
    )  # fmt: skip
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(got, np.full((1, 1, 1, 20), 3, np.float32))


@pytest.mark.parametrize("channels", [1, 3, 64, 70, 200, 300])
def test_means_are_quotients(channels: int) -> None:
    """To the last bit, infinities and NaN too, though they are found without division."""
    x = np.random.default_rng(channels).normal(size=(1, 9, 8, channels)).astype(np.float32)
    x[0, 0, 0, 0], x[0, 4, 4, 0], x[0, 8, 7, 0] = np.inf, np.nan, -np.inf
    x[0, 2, 2, 0] = 3e38
    model = single_op(
        "AVERAGE_POOL_2D", [tensor(x.shape)], [tensor(x.shape)], padding=0, stride_w=1,
        stride_h=1, filter_width=3, filter_height=1,
    )  # fmt: skip
    got = pytflite.Interpreter(model, backend="jit", wait=True).run(x)
    with np.errstate(all="ignore"):
        want = pytflite.Interpreter(model, backend="numpy").run(x)
    np.testing.assert_array_equal(got, want)
