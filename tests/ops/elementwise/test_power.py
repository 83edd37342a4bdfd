"""POW, ATAN2, ADD_N against LiteRT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytflite.errors import DataError, ModelError, ShapeError
from tests.harness import check, needs_litert, run_pytflite, single_op, tensor
from tests.ops.elementwise.pairs import numbers, pairs_of_shapes, refused, stretched


@needs_litert
@given(pairs_of_shapes(), st.data())
@settings(max_examples=25)
def test_pow_of_floats(shapes: Any, data: st.DataObject) -> None:
    model = single_op("POW", [tensor(s) for s in shapes], [tensor(stretched(shapes))])
    a, b = (numbers(data, s, "FLOAT32") for s in shapes)
    check(model, np.abs(a), b, ulps=4)


@needs_litert
@pytest.mark.parametrize("exponent", [1, 2, 3, 5, 8, 13, 40, 0, -2, 0.5, 2.5])
def test_pow_by_one_number(exponent: float) -> None:
    a = np.linspace(-2, 3, 200, dtype=np.float32).reshape(20, 10)
    model = single_op("POW", [tensor(a.shape), tensor(())], [tensor(a.shape)])
    check(model, a, np.float32(exponent), ulps=4)


def test_pow_of_much() -> None:
    a = np.linspace(0.5, 1.5, 100_000, dtype=np.float32)
    model = single_op("POW", [tensor(a.shape), tensor(value=np.float32([3]))], [tensor(a.shape)])
    np.testing.assert_array_equal(run_pytflite(model, a)[0][0], (a * a) * a)


@needs_litert
def test_pow_of_integers() -> None:
    a, b = np.int32([[-3, 2, 0, 7]]), np.int32([[0], [1], [3], [9]])
    t = [tensor(x.shape, "INT32") for x in (a, b)]
    check(single_op("POW", t, [tensor((4, 4), "INT32")]), a, b)
    check(single_op("POW", [t[0], tensor((1,), "INT32")], [t[0]]), a, np.int32([11]))


def test_pow_of_integers_wraps() -> None:
    t = tensor((2,), "INT32")
    got = run_pytflite(single_op("POW", [t, t], [t]), np.int32([3, 2]), np.int32([21, 32]))[0][0]
    np.testing.assert_array_equal(got, np.int64([3**21, 0]).astype(np.int32))


def test_pow_by_negative_integers() -> None:
    t = tensor((2,), "INT32")
    with pytest.raises(DataError, match="POW") as caught:
        run_pytflite(single_op("POW", [t, t], [t]), np.int32([3, 2]), np.int32([1, -1]))
    assert caught.value.code == "data.exponent"


@needs_litert
@pytest.mark.parametrize("dtype", ["FLOAT32", "FLOAT64"])
def test_atan2(dtype: str) -> None:
    t = tensor((7, 7), dtype)
    edge = np.array([-np.inf, -2, -0.0, 0.0, 1, 3, np.inf], t.dtype.storage)
    y, x = (np.ascontiguousarray(v) for v in np.meshgrid(edge, edge, indexing="ij"))
    check(single_op("ATAN2", [t, t], [t]), y, x, ulps=2)


def test_atan2_broadcasts_and_narrow_floats() -> None:
    for dtype in ("FLOAT16", "FLOAT32"):
        kind = tensor(dtype=dtype).dtype.storage
        model = single_op("ATAN2", [tensor((2, 1), dtype), tensor((2,), dtype)],
                          [tensor((2, 2), dtype)])  # fmt: skip
        y, x = np.array([[1], [2]], kind), np.array([3, -1], kind)
        got = run_pytflite(model, y, x)[0][0]
        np.testing.assert_allclose(got, np.arctan2(y, x).astype(kind), rtol=1e-3)


@needs_litert
@pytest.mark.parametrize("dtype", ["FLOAT32", "INT32"])
@pytest.mark.parametrize("count", [2, 3, 7])
def test_add_n(dtype: str, count: int) -> None:
    rng = np.random.default_rng(count)
    t = tensor((2, 3), dtype)
    arrays = [
        rng.integers(-(1 << 31), 1 << 31, (2, 3)).astype(t.dtype.storage) for _ in range(count)
    ]
    check(single_op("ADD_N", [t] * count, [t]), *arrays, ulps=2)


def test_add_n_of_one_and_of_equal_tensors() -> None:
    t = tensor((2,))
    x = np.float32([1, 2])
    np.testing.assert_array_equal(run_pytflite(single_op("ADD_N", [t], [t]), x)[0][0], x)


def test_add_n_refusals() -> None:
    t = tensor((2,))
    error = refused(single_op("ADD_N", [t, t, tensor((1,))], [t]), ShapeError)
    assert error.tensor == "input2"
    refused(single_op("ADD_N", [t, t, None], [t]), ModelError, "op.arity")


@needs_litert
def test_square_roots() -> None:
    """As C's pow has them: NumPy's power takes its square root, which is another for these."""
    x = np.float32([-np.inf, -0.0, 0.0, 4.0, np.inf, np.nan, -1.0, 1e-42])
    check(single_op("POW", [tensor((8,)), tensor(value=np.float32(0.5))], [tensor((8,))]), x)
