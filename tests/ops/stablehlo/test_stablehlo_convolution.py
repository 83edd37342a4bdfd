"""STABLEHLO_CONVOLUTION against its definition, element by element; and against CONV_2D and
TRANSPOSE_CONV, which it contains. LiteRT does not run it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytflite import Interpreter, LimitError, OptionError, ShapeError
from pytflite.model.model import Model
from tests.harness import single_op, tensor
from tests.ops.shape.samples import deferred, run_once

NHWC = {
    "input_batch_dimension": 0, "input_feature_dimension": 3, "input_spatial_dimensions": [1, 2],
    "kernel_input_feature_dimension": 2, "kernel_output_feature_dimension": 3,
    "kernel_spatial_dimensions": [0, 1], "output_batch_dimension": 0,
    "output_feature_dimension": 3, "output_spatial_dimensions": [1, 2],
    "feature_group_count": 1, "batch_group_count": 1,
}  # fmt: skip


def convolution(x: Any, kernel: Any, types: Any = ("FLOAT32",) * 3, **options: Any) -> Model:
    return single_op(
        "STABLEHLO_CONVOLUTION",
        [tensor(x, types[0]), tensor(kernel, types[1])],
        [tensor((1,), types[2])],
        **{**NHWC, **options},
    )


def naive(x: np.ndarray, w: np.ndarray, strides: Any, padding: Any, base: Any, dilations: Any,
          reversal: Any, groups: int, batch_groups: int) -> np.ndarray:  # fmt: skip
    """The definition; x is [batch, ..., channels], w [..., channels, filters]."""
    space, rank = x.shape[1:-1], len(strides)
    sizes = [max(0, (n - 1) * b + 1 if n else 0) + low + high
             for n, b, (low, high) in zip(space, base, padding, strict=True)]  # fmt: skip
    framed = np.zeros((x.shape[0], *sizes, x.shape[-1]), np.float64)
    for at in np.ndindex(*space):
        place = tuple(i * b + low for i, b, (low, _) in zip(at, base, padding, strict=True))
        if all(0 <= p < s for p, s in zip(place, sizes, strict=True)):
            framed[(slice(None), *place)] = x[(slice(None), *at)]
    taps, (channels, filters) = w.shape[:rank], w.shape[rank:]
    counts = [max(0, (n - ((k - 1) * d + 1)) // s + 1)
              for n, k, d, s in zip(sizes, taps, dilations, strides, strict=True)]  # fmt: skip
    batch = x.shape[0] // batch_groups
    out = np.zeros((batch, *counts, filters), np.float64)
    for b, *o, f in np.ndindex(*out.shape):
        group = f // (filters // groups)
        part = f // (filters // batch_groups)
        total = 0.0
        for tap in np.ndindex(*taps):
            at = [p * s + k * d for p, s, k, d in zip(o, strides, tap, dilations, strict=True)]
            turned = [n - 1 - k if r else k for n, k, r in zip(taps, tap, reversal, strict=True)]
            for c in range(channels):
                total += (framed[(part * batch + b, *at, group * channels + c)]
                          * w[(*turned, c, f)])  # fmt: skip
        out[(b, *o, f)] = total
    return out


@settings(max_examples=120)
@given(st.data())
def test_against_the_definition(data: st.DataObject) -> None:
    rank = data.draw(st.integers(0, 3))

    def draw(*bounds: int) -> list[int]:
        return [data.draw(st.integers(*bounds)) for _ in range(rank)]

    space, taps = draw(1, 5), draw(1, 3)
    strides, base, dilations = draw(1, 2), draw(1, 2), draw(1, 2)
    padding = [tuple(data.draw(st.integers(-1, 2)) for _ in range(2)) for _ in range(rank)]
    reversal = [data.draw(st.booleans()) for _ in range(rank)]
    groups, batch_groups = data.draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (3, 1), (1, 2)]))
    channels, filters = data.draw(st.integers(1, 2)), data.draw(st.integers(1, 2))
    batch = data.draw(st.integers(1, 2)) * batch_groups
    filters *= groups * batch_groups
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    x = rng.normal(size=(batch, *space, channels * groups)).astype(np.float32)
    w = rng.normal(size=(*taps, channels, filters)).astype(np.float32)
    if any((n - 1) * b + 1 + sum(p) < 0 for n, b, p in zip(space, base, padding, strict=True)):
        return
    want = naive(x, w, strides, padding, base, dilations, reversal, groups, batch_groups)
    # Any order of dimensions: place[k] is where the k-th of batch, space, features goes.
    places = [data.draw(st.permutations(range(rank + 2))) for _ in range(3)]
    x, w = (np.moveaxis(a, range(rank + 2), p) for a, p in zip((x, w), places, strict=False))
    model = convolution(
        x.shape, w.shape, window_strides=strides, padding=np.ravel(padding).astype(int).tolist(),
        lhs_dilation=base, rhs_dilation=dilations, window_reversal=reversal,
        input_batch_dimension=places[0][0], input_feature_dimension=places[0][-1],
        input_spatial_dimensions=places[0][1:-1],
        kernel_input_feature_dimension=places[1][-2], kernel_output_feature_dimension=places[1][-1],
        kernel_spatial_dimensions=places[1][:-2],
        output_batch_dimension=places[2][0], output_feature_dimension=places[2][-1],
        output_spatial_dimensions=places[2][1:-1],
        feature_group_count=groups, batch_group_count=batch_groups,
    )  # fmt: skip
    got = run_once(model, x, w)[0]
    wanted = np.moveaxis(want, range(rank + 2), places[2])
    assert got.shape == wanted.shape
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-4)
    later, inputs = deferred(model, x, w)
    np.testing.assert_array_equal(run_once(later, *inputs)[0], got)


def test_is_conv_2d() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(2, 9, 7, 6)).astype(np.float32)
    w = rng.normal(size=(3, 3, 6, 5)).astype(np.float32)
    theirs = single_op(
        "CONV_2D",
        [tensor(x.shape), tensor((5, 3, 3, 6)), tensor(value=np.zeros(5, np.float32))],
        [tensor((1, 1, 1, 1))],
        padding=0, stride_h=2, stride_w=2,
    )  # fmt: skip
    want = run_once(theirs, x, w.transpose(3, 0, 1, 2))[0]
    model = convolution(x.shape, w.shape, window_strides=[2, 2], padding=[1, 1, 1, 1])
    np.testing.assert_allclose(run_once(model, x, w)[0], want, rtol=1e-4, atol=1e-5)


def test_depthwise() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(1, 6, 6, 4)).astype(np.float32)
    w = rng.normal(size=(3, 3, 1, 8)).astype(np.float32)
    theirs = single_op(
        "DEPTHWISE_CONV_2D",
        [tensor(x.shape), tensor((1, 3, 3, 8)), tensor(value=np.zeros(8, np.float32))],
        [tensor((1, 1, 1, 1))],
        padding=1, stride_h=1, stride_w=1, depth_multiplier=2,
    )  # fmt: skip
    want = run_once(theirs, x, w.reshape(1, 3, 3, 8))[0]
    model = convolution(x.shape, w.shape, feature_group_count=4)
    np.testing.assert_allclose(run_once(model, x, w)[0], want, rtol=1e-4, atol=1e-5)


def test_integers_are_exact() -> None:
    rng = np.random.default_rng(5)
    x, w = (rng.integers(-128, 128, s).astype(np.int8) for s in ((1, 5, 5, 64), (3, 3, 64, 3)))
    ones = [(0, 0)] * 2, [1, 1]
    want = naive(x, w, ones[1], ones[0], ones[1], ones[1], [False] * 2, 1, 1)
    for types, kind in ((("INT8", "INT8", "INT32"), np.int32), (("INT8",) * 3, np.int8)):
        got = run_once(convolution(x.shape, w.shape, types), x, w)[0]
        np.testing.assert_array_equal(got, want.astype(np.int64).astype(kind))
    wide = x.astype(np.int64) << 40, w.astype(np.int64) << 10
    got = run_once(convolution(x.shape, w.shape, ("INT64",) * 3), *wide)[0]
    np.testing.assert_array_equal(got, want.astype(np.int64) << 50)


def test_nothing_to_sum() -> None:
    model = convolution((1, 4, 4, 0), (3, 3, 0, 2))
    got = run_once(model, np.zeros((1, 4, 4, 0), np.float32), np.zeros((3, 3, 0, 2), np.float32))
    np.testing.assert_array_equal(got[0], np.zeros((1, 2, 2, 2)))
    for x, w in (((0, 4, 4, 1), (3, 3, 1, 2)), ((1, 2, 4, 1), (3, 3, 1, 2)),
                 ((1, 4, 4, 1), (3, 3, 1, 0))):  # fmt: skip
        inputs = np.zeros(x, np.float32), np.zeros(w, np.float32)
        assert run_once(convolution(x, w), *inputs)[0].size == 0


def test_refuses() -> None:
    x, w = (1, 5, 5, 4), (3, 3, 4, 2)
    for other, options, error in (
        ((3, 3, 3, 2), {}, ShapeError),
        ((3, 3, 2, 3), {"feature_group_count": 2}, ShapeError),
        (w, {"batch_group_count": 2}, ShapeError),
        (w, {"feature_group_count": 2, "batch_group_count": 2}, OptionError),
        (w, {"feature_group_count": 0}, OptionError),
        (w, {"window_strides": [1]}, OptionError),
        (w, {"window_strides": [0, 1]}, OptionError),
        (w, {"lhs_dilation": [1, -1]}, OptionError),
        (w, {"rhs_dilation": [0, 1]}, OptionError),
        (w, {"padding": [0, 0]}, OptionError),
        (w, {"padding": [-4, -4, 0, 0]}, ShapeError),
        (w, {"input_spatial_dimensions": [1]}, OptionError),
        (w, {"input_spatial_dimensions": [1, 1]}, OptionError),
        (w, {"kernel_spatial_dimensions": [0, 4]}, OptionError),
        (w, {"output_batch_dimension": -1}, OptionError),
        ((3, 3, 4), {}, ShapeError),
        (w, {"padding": [1 << 40, 1 << 40, 0, 0], "window_strides": [1 << 41, 1]}, LimitError),
    ):
        with pytest.raises(error):
            Interpreter(convolution(x, other, **options)).allocate_tensors()
