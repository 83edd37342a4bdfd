"""RNN and SVDF operators on the compiled backend, run after run, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytflite.format.schema import ActivationFunctionType as Activation
from tests.harness import single_op, tensor
from tests.jit.lowering.test_lstm_kernels import KINDS, check, close, near, quantised, same
from tests.ops.recurrent.test_rnn import both_ways, cell, floats, sequence
from tests.ops.recurrent.test_svdf import Sizes, svdf

pytest.importorskip("llvmlite")

WEIGHTS = st.sampled_from(["FLOAT32", "INT8", "UINT8"])
ACTIVATIONS = st.integers(0, 5)


@settings(max_examples=12)
@given(WEIGHTS, st.tuples(*[st.integers(1, 20)] * 4), ACTIVATIONS, st.booleans(), st.booleans())
def test_rnn(
    kind: str, sizes: tuple[int, int, int, int], activation: int, asymmetric: bool, time_major: bool
) -> None:
    model, x = sequence(
        np.random.default_rng(sum(sizes)), kind, sizes, time_major=time_major,
        asymmetric_quantize_inputs=asymmetric, fused_activation_function=activation,
    )  # fmt: skip
    check(model, x, how=quantised if kind != "FLOAT32" or activation == 5 else close)


@pytest.mark.parametrize("kind", ["FLOAT32", "INT8"])
@pytest.mark.parametrize("units", [16, 33, 130])
def test_one_step(kind: str, units: int) -> None:
    rng = np.random.default_rng(units)
    model = single_op(
        "RNN", [tensor((3, 7)), *cell(rng, kind, 7, units, 3)], [tensor((3, units))],
        fused_activation_function=Activation.TANH,
    )  # fmt: skip
    check(model, floats(rng, 3, 7), how=close if kind == "FLOAT32" else quantised)


@pytest.mark.parametrize("kind", ["FLOAT32", "INT8"])
@pytest.mark.parametrize("mode", ["none", "cross", "apart"])
@pytest.mark.parametrize(("time_major", "merged"), [(True, False), (True, True), (False, True)])
def test_both_ways(kind: str, mode: str, time_major: bool, merged: bool) -> None:
    model, inputs = both_ways(
        np.random.default_rng(3), kind, (2, 4, 5, 18, 7), mode, time_major=time_major,
        merge_outputs=merged, fused_activation_function=Activation.TANH,
    )  # fmt: skip
    check(model, *inputs, how=KINDS[kind])


@pytest.mark.parametrize(("batch", "time"), [(0, 3), (2, 0)])
@pytest.mark.parametrize("kind", ["FLOAT32", "INT8"])
def test_nothing_to_do(kind: str, batch: int, time: int) -> None:
    rng = np.random.default_rng(0)
    inputs = [tensor((batch, time, 3)), *cell(rng, kind, 3, 5, batch)]
    model = single_op("UNIDIRECTIONAL_SEQUENCE_RNN", inputs, [tensor((batch, time, 5))])
    check(model, floats(rng, batch, time, 3), how=same)


SIZES = st.tuples(
    st.integers(0, 3), st.integers(1, 20), st.integers(1, 12), st.integers(1, 3), st.integers(1, 40)
)


@settings(max_examples=15)
@given(SIZES, WEIGHTS, ACTIVATIONS, st.booleans(), st.booleans())
def test_svdf_of_floats(
    sizes: Sizes, kind: str, activation: int, bias: bool, asymmetric: bool
) -> None:
    rng = np.random.default_rng(sum(sizes))
    model = svdf(
        rng, kind, sizes, bias=bias, fused_activation_function=activation,
        asymmetric_quantize_inputs=asymmetric,
    )  # fmt: skip
    check(model, floats(rng, *sizes[:2]), how=near if activation != 5 else quantised, times=4)


@settings(max_examples=15)
@given(SIZES, st.booleans(), st.integers(0, 99))
def test_svdf_of_integers(sizes: Sizes, bias: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = svdf(rng, "INTEGER", sizes, bias=bias)
    check(model, rng.integers(-128, 128, sizes[:2]).astype(np.int8), how=same, times=4)


def test_svdf_whose_sums_wrap() -> None:
    rng = np.random.default_rng(1)
    time = np.full((2, 8), -(1 << 15), np.int16)
    features = tensor(value=np.full((2, 64), 127, np.int8), scale=1.0)
    model = svdf(
        rng, "INTEGER", (1, 64, 8, 2, 1), changes={1: features, 2: tensor(value=time, scale=1.0)}
    )
    check(model, np.full((1, 64), 127, np.int8), how=same, times=9)


def test_hybrid_svdf_with_floats_for_time() -> None:
    rng = np.random.default_rng(2)
    model = svdf(rng, "INT8", (2, 3, 4, 2, 3), changes={2: tensor(value=floats(rng, 6, 4))})
    check(model, floats(rng, 2, 3), how=same, times=3)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_svdf_of_what_is_no_number(value: float) -> None:
    rng = np.random.default_rng(2)
    for kind in ("FLOAT32", "INT8"):
        model = svdf(rng, kind, (2, 20, 5, 2, 9))
        x = floats(rng, 2, 20)
        x[1, 3] = value
        check(model, x, how=near, times=3)
