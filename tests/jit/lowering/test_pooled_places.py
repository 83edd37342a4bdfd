"""Pooling with the places of what it found, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.errors import DataError
from pytflite.format.flexbuffer import encode
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.ops.custom.test_max_pool_with_argmax import pool_struct
from tests.ops.custom.test_max_unpooling import unpooling

SHAPES = [
    ((2, 7, 6, 19), (3, 2), (2, 1)),
    ((1, 4, 4, 1), (1, 1), (3, 3)),
    ((1, 5, 5, 4), (4, 4), (1, 2)),
]


def images(shape: Any) -> np.ndarray:
    """Many equal numbers; windows without any number."""
    x = np.random.default_rng(0).integers(-4, 4, shape).astype(np.float32)
    x[0, :3, :3] = np.nan
    x[0, 3:, 3:] = -np.inf
    return x


@pytest.mark.parametrize(("shape", "filter", "stride"), SHAPES)
@pytest.mark.parametrize("padding", [1, 2])
@pytest.mark.parametrize("activation", [0, 1, 3])
def test_taps(shape: Any, filter: Any, stride: Any, padding: int, activation: int) -> None:
    model = single_op(
        "MaxPoolingWithArgmax2D", [tensor(shape)], [tensor(), tensor()],
        custom_options=pool_struct(padding, stride, filter, activation),
    )  # fmt: skip
    agree(model, images(shape))


@pytest.mark.parametrize(("shape", "filter", "stride"), SHAPES)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize(("kind", "batch"), [("INT32", False), ("INT64", True)])
def test_positions(
    shape: Any, filter: Any, stride: Any, padding: str, kind: str, batch: bool
) -> None:
    options = {
        "ksize": [1, *filter, 1], "strides": [1, *stride, 1], "padding": padding,
        "include_batch_in_index": batch,
    }  # fmt: skip
    model = single_op(
        "MaxPoolWithArgmax", [tensor(shape)], [tensor(), tensor((), kind)],
        custom_options=encode(options),
    )  # fmt: skip
    agree(model, images(shape))


def test_unpooling_of_taps() -> None:
    shape, filter = (2, 3, 4, 5), (2, 3)
    model = unpooling(shape, "FLOAT32", pool_struct(1, filter, filter))
    taps = np.random.default_rng(0).integers(0, 6, shape).astype(np.float32)
    for shift in (0.0, 0.1, 0.9, -0.5):
        if shift >= 0 or taps.min() > 0:
            agree(model, images(shape), taps + np.float32(shift))


def test_unpooling_of_positions() -> None:
    """Several elements for one place."""
    shape = (2, 3, 4, 5)
    for name in ("MaxUnpooling2D", "LiteRtMaxUnpooling2D"):
        model = unpooling(shape, "INT32", pool_struct(2, (2, 2), (3, 2)), name)
        places = np.random.default_rng(0).integers(0, 7 * 8 * 5, shape, np.int32)
        agree(model, images(shape), places)


@pytest.mark.parametrize("kind", ["FLOAT32", "INT32"])
def test_places_out_of_range(kind: str) -> None:
    model = unpooling((1, 1, 1, 1), kind, pool_struct(1, (2, 2), (2, 2)))
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    x = np.ones((1, 1, 1, 1), np.float32)
    bad = [4, -1, 2**31 - 1] if kind == "INT32" else [4.0, -1.0, np.nan, np.inf, -1e20]
    for place in bad:
        with pytest.raises(DataError):
            interpreter.run(x, np.full(x.shape, place, kind.lower()))
    assert interpreter.run(x, np.full(x.shape, 3, kind.lower())).reshape(-1).tolist() == [
        0,
        0,
        0,
        1,
    ]
