"""FULLY_CONNECTED of weights in other formats: scales of blocks, sparse, shuffled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pytflite import Interpreter
from pytflite.errors import OptionError, QuantizationError, ShapeError
from pytflite.format.schema import ActivationFunctionType as Activation
from pytflite.model.model import Model
from pytflite.ops import hybrid
from tests.harness import (
    assert_same,
    check,
    needs_litert,
    run_litert,
    run_pytflite,
    single_op,
    tensor,
)
from tests.ops.dense.models import blockwise, sparse, with_block_scales

RNG = np.random.default_rng(11)


@needs_litert
@pytest.mark.parametrize(("rows", "units", "depth", "block"), [(2, 4, 64, 32), (5, 8, 96, 32)])
@pytest.mark.parametrize("activation", [Activation.NONE, Activation.RELU])
def test_blockwise_as_litert_as_shipped(
    rows: int, units: int, depth: int, block: int, activation: int
) -> None:
    """The reference kernel gives the bias alone here."""
    model = blockwise(rows, units, depth, block, fused_activation_function=activation)
    check(model, RNG.normal(size=(rows, depth)).astype(np.float32), resolver="AUTO", ulps=32)


@needs_litert
def test_a_published_blockwise_layer(shared_models: Path) -> None:
    model = Model.open(shared_models / "LiteRT__qwen_fc_blockwise_quantized.tflite")
    inputs = [
        RNG.normal(size=model.subgraphs[0].tensors[i].shape).astype(np.float32)
        for i in model.subgraphs[0].inputs
    ]
    got = run_pytflite(model, *inputs, times=1)[0]
    for g, want in zip(got, run_litert(model, *inputs, times=1, resolver="AUTO")[0], strict=True):
        assert_same(g, want, ulps=64)


def test_large_blockwise_weights_stay_integers(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = blockwise(3, 6, 64, 16), RNG.normal(size=(3, 64)).astype(np.float32)
    want = run_pytflite(model, x)[0][0]
    monkeypatch.setattr(hybrid, "CONVERT_ONCE", 10)
    assert_same(run_pytflite(model, x)[0][0], want)


def test_blocks_that_do_not_fit() -> None:
    with pytest.raises(QuantizationError, match="FULLY_CONNECTED"):
        Interpreter(blockwise(2, 4, 40, 16)).allocate_tensors()
    inputs = [tensor((2, 64)), tensor((4, 64), "INT4")]
    computed = single_op("FULLY_CONNECTED", inputs, [tensor((2, 4))])
    scales = np.ones((4, 4), np.float16)
    with pytest.raises(QuantizationError, match="must be constant"):
        Interpreter(with_block_scales(computed, 1, scales, 16)).allocate_tensors()


def pruned(units: int, depth: int, block: int, dtype: str) -> np.ndarray:
    """Weights of which about half the blocks are zero."""
    kept = np.repeat(RNG.random((units, depth // block)) < 0.5, block, axis=1)
    kept[0, :block] = True
    if dtype == "FLOAT32":
        return (RNG.normal(size=kept.shape) * kept).astype(np.float32)
    return (RNG.integers(-127, 128, kept.shape) * kept).astype(np.int8)


@needs_litert
@pytest.mark.parametrize("block", [1, 4])
def test_sparse_floats(block: int) -> None:
    weights = pruned(6, 16, block, "FLOAT32")
    model = single_op(
        "FULLY_CONNECTED",
        [tensor((3, 16)), tensor(value=weights), tensor(value=np.ones(6, np.float32))],
        [tensor((3, 6))],
    )
    check(sparse(model, 1, block), RNG.normal(size=(3, 16)).astype(np.float32))


@needs_litert
@pytest.mark.parametrize("per_unit", [False, True])
def test_sparse_quantized_weights_take_fixed_point(per_unit: bool) -> None:
    scale = RNG.uniform(0.01, 0.02, 8) if per_unit else 0.013
    model = single_op(
        "FULLY_CONNECTED",
        [tensor((400, 48), "INT8", scale=0.02, zero_point=3),
         tensor(value=pruned(8, 48, 16, "INT8"), scale=scale),
         tensor(value=RNG.integers(-999, 999, 8).astype(np.int32), scale=np.float32(scale) * 0.02)],
        [tensor((400, 8), "INT8", scale=0.11, zero_point=-4)],
    )  # fmt: skip
    check(sparse(model, 1, 16), RNG.integers(-128, 128, (400, 48)).astype(np.int8), times=1)


def test_sparse_quantized_weights_whose_scales_do_not_go_together() -> None:
    """Their product is taken in float32."""
    model = single_op(
        "FULLY_CONNECTED",
        [tensor((4, 48), "INT8", scale=3e38), tensor(value=pruned(8, 48, 16, "INT8"), scale=3e38)],
        [tensor((4, 8), "INT8", scale=3e38)],
    )
    with pytest.raises(QuantizationError, match="input, weights and output do not go together"):
        Interpreter(sparse(model, 1, 16)).allocate_tensors()


@needs_litert
@pytest.mark.parametrize("asymmetric", [False, True])
def test_sparse_hybrid(asymmetric: bool) -> None:
    model = single_op(
        "FULLY_CONNECTED",
        [tensor((4, 48)), tensor(value=pruned(8, 48, 16, "INT8"), scale=0.02)],
        [tensor((4, 8))],
        asymmetric_quantize_inputs=asymmetric,
    )
    check(sparse(model, 1, 16), RNG.normal(size=(4, 48)).astype(np.float32), ulps=16)


def shuffled(rows: int, units: int, depth: int, **options: Any) -> Model:
    """A layer with shuffled weights, and its second output."""
    weights = RNG.integers(0, 256, (units, depth)).astype(np.uint8)
    return single_op(
        "FULLY_CONNECTED",
        [tensor((rows, depth), "UINT8", scale=0.02, zero_point=128),
         tensor(value=weights, scale=0.03, zero_point=128),
         tensor(value=RNG.integers(-999, 999, units).astype(np.int32), scale=0.0006)],
        [tensor((rows, units), "INT16", scale=0.004), tensor((rows, depth), "UINT8")],
        **({"weights_format": 1} | options),
    )  # fmt: skip


@needs_litert
@pytest.mark.parametrize("rows", [1, 4])
@pytest.mark.parametrize("activation", [Activation.NONE, Activation.RELU6])
def test_shuffled(rows: int, activation: int) -> None:
    model = shuffled(rows, 8, 48, fused_activation_function=activation)
    check(model, RNG.integers(0, 256, (rows, 48)).astype(np.uint8), times=1)


@needs_litert
def test_shuffled_takes_any_number_of_rows() -> None:
    """LiteRT computes nothing for other batches than 1 and 4."""
    x = RNG.integers(0, 256, (3, 32)).astype(np.uint8)
    model = shuffled(3, 4, 32)
    got = run_pytflite(model, x)[0][0]
    one = model.subgraphs[0]
    row = one.tensors[0].replace(shape=(1, 32)), one.tensors[3].replace(shape=(1, 4))
    work = one.tensors[4].replace(shape=(1, 32))
    tensors = (row[0], one.tensors[1], one.tensors[2], row[1], work)
    single = model.replace(subgraphs=(one.replace(tensors=tensors),))
    want = [run_litert(single, x[i : i + 1])[0][0][0] for i in range(3)]
    np.testing.assert_array_equal(got, want)


def test_shuffled_refusals() -> None:
    for model, error in (
        (shuffled(1, 6, 32), ShapeError),
        (shuffled(1, 4, 24), ShapeError),
        (shuffled(1, 4, 32, weights_format=0), OptionError),
        (shuffled(1, 4, 32, weights_format=5), OptionError),
    ):
        with pytest.raises(error, match="FULLY_CONNECTED"):
            Interpreter(model).allocate_tensors()
