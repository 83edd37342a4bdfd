"""Products on AArch64, under emulation. Sizes leave rests for every tile.

PYTFLITE_EMULATE=neon runs all of the lowerings' own tests there; these are some of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("numba")

from pytflite.jit.target import Target
from tests.harness import single_op, tensor
from tests.jit.aarch64 import DOTPROD, I8MM, NEON, Case, hold, needs_emulator, of, scaled
from tests.ops.dense.models import blockwise

pytestmark = needs_emulator

CASES: dict[str, Callable[[], Case]] = {}


def case(name: str, *arguments: Any, **options: Any) -> None:
    """Adds a row; what its maker takes besides."""
    maker, *rest = arguments
    assert name not in CASES
    CASES[name] = lambda: maker(*rest, **options)


_WINDOW = {"stride_w": 1, "stride_h": 1, "dilation_w_factor": 1, "dilation_h_factor": 1}


def product(
    name: str, dtype: str, shape: tuple[int, ...], weights: tuple[int, ...], *,
    kind: str = "INT8", shift: int = 9, **options: Any,
) -> Case:  # fmt: skip
    """A product with constant weights: of floats, of integers, or (kind INT8) of both."""
    depthwise = name == "DEPTHWISE_CONV_2D"
    channels = weights[-1] if depthwise else weights[0]
    rng = np.random.default_rng(1)
    kind = kind if dtype == "FLOAT32" else dtype
    w = of(kind, *weights, seed=2)
    described = tensor(value=w)
    if kind == "INT8":
        scales = (rng.uniform(0.5, 1, channels) * 2.0**-shift).astype(np.float32)
        scales[::3] = 2.0**-shift  # sums hit ties
        described = tensor(
            value=np.maximum(w, -127), scale=scales, zero_point=np.zeros(channels, int),
            dimension=3 * depthwise,
        )  # fmt: skip
    elif kind == "UINT8":
        described = tensor(value=w, scale=np.float32(2.0**-shift), zero_point=111)
    floats = dtype == "FLOAT32"
    bias = of("FLOAT32", channels) if floats else rng.integers(-999, 999, channels, np.int32)
    inputs = [tensor(shape, dtype, **scaled(dtype, 1.0, 7)), described, tensor(value=bias)]
    if name != "FULLY_CONNECTED":
        options = _WINDOW | options
    model = single_op(name, inputs, [tensor(dtype=dtype, **scaled(dtype, 1.0, 3))], **options)
    return Case(model, (of(dtype, *shape),), 16 if floats and kind == "FLOAT32" else 0)


_SHAPES: dict[str, tuple[Any, ...]] = {
    "1x1": ("CONV_2D", (2, 5, 7, 13), (17, 1, 1, 13)),
    "1x1 deep": ("CONV_2D", (1, 3, 3, 64), (33, 1, 1, 64)),
    "3x3": ("CONV_2D", (1, 9, 11, 20), (24, 3, 3, 20), {"fused_activation_function": 1}),
    "3 channels": ("CONV_2D", (1, 13, 13, 3), (8, 3, 3, 3), {"stride_w": 2, "stride_h": 2}),
    "valid": ("CONV_2D", (2, 7, 8, 5), (9, 2, 4, 5), {"padding": 1}),
    "dilated": ("CONV_2D", (1, 9, 9, 6), (7, 3, 3, 6),
                {"dilation_w_factor": 2, "dilation_h_factor": 2}),
    "groups": ("CONV_2D", (1, 6, 6, 8), (10, 3, 3, 4)),
    "depthwise": ("DEPTHWISE_CONV_2D", (1, 9, 17, 20), (1, 3, 3, 20), {"depth_multiplier": 1}),
    "depthwise 5x5": ("DEPTHWISE_CONV_2D", (2, 12, 13, 35), (1, 5, 5, 35),
                      {"depth_multiplier": 1, "stride_w": 2, "stride_h": 2,
                       "fused_activation_function": 3}),
    "depthwise one": ("DEPTHWISE_CONV_2D", (1, 7, 9, 1), (1, 3, 3, 1), {"depth_multiplier": 1}),
    "multiplier": ("DEPTHWISE_CONV_2D", (1, 7, 9, 3), (1, 3, 3, 12), {"depth_multiplier": 4}),
    "dense": ("FULLY_CONNECTED", (3, 37), (19, 37)),
    "dense row": ("FULLY_CONNECTED", (1, 64), (10, 64), {"fused_activation_function": 1}),
}  # fmt: skip
for _label, (_name, _shape, _weights, *_rest) in _SHAPES.items():
    for _dtype in ("FLOAT32", "INT8", "UINT8"):
        case(f"{_dtype} {_label}", product, _name, _dtype, _shape, _weights, kind="FLOAT32",
             **(_rest[0] if _rest else {}))  # fmt: skip
    if _label not in ("groups", "multiplier", "depthwise one"):
        case(f"hybrid {_label}", product, _name, "FLOAT32", _shape, _weights,
             **(_rest[0] if _rest else {}))  # fmt: skip
case("hybrid asymmetric", product, "FULLY_CONNECTED", "FLOAT32", (5, 37), (19, 37),
     asymmetric_quantize_inputs=True)  # fmt: skip


def matrices(dtype: str, x: tuple[int, ...], y: tuple[int, ...], **options: Any) -> Case:
    """BATCH_MATMUL of inputs, or of an input and a constant for integers."""
    second = of(dtype, *y, seed=1)
    inputs = [tensor(x, dtype, **scaled(dtype, 0.5, 3))]
    if dtype == "FLOAT32":
        model = single_op("BATCH_MATMUL", [*inputs, tensor(y)], [tensor()], **options)
        return Case(model, (of(dtype, *x), second), 16)
    model = single_op("BATCH_MATMUL", [*inputs, tensor(value=second, scale=0.5, zero_point=-4)],
                      [tensor(dtype=dtype, scale=60.0, zero_point=-7)], **options)  # fmt: skip
    return Case(model, (of(dtype, *x),))


def computed(
    dtype: str, x: tuple[int, ...], y: tuple[int, ...], kind: str = "INT8", **options: Any
) -> Case:
    """BATCH_MATMUL of two inputs of integers."""
    inputs = [tensor(x, dtype, **scaled(dtype, 0.5, 3)), tensor(y, kind, **scaled(kind, 0.5, -4))]
    output = tensor(dtype=dtype, **scaled(dtype, 60.0, -7))
    model = single_op("BATCH_MATMUL", inputs, [output], **options)
    return Case(model, (of(dtype, *x), of(kind, *y, seed=1)))


case("INT8 computed matrices", computed, "INT8", (3, 5, 31), (3, 31, 18))
case("INT8 computed matrices turned", computed, "INT8", (2, 1, 9, 8), (3, 17, 8), adj_y=True)
case("INT8 computed matrices turned twice", computed, "INT8", (37, 19), (67, 37), adj_x=True,
     adj_y=True)  # fmt: skip
for _dtype in ("FLOAT32", "INT8"):
    case(f"{_dtype} matrices", matrices, _dtype, (3, 5, 31), (3, 31, 18))
    case(f"{_dtype} matrices turned", matrices, _dtype, (2, 1, 9, 8), (3, 17, 8), adj_y=True)
case("FLOAT32 matrices turned twice", matrices, "FLOAT32", (7, 9), (17, 7), adj_x=True, adj_y=True)


def transposed() -> Case:
    """TRANSPOSE_CONV of float32."""
    inputs = [tensor(value=np.array([2, 6, 10, 9], np.int32)),
              tensor(value=of("FLOAT32", 9, 3, 3, 5)), tensor((2, 3, 5, 5)),
              tensor(value=of("FLOAT32", 9))]  # fmt: skip
    model = single_op("TRANSPOSE_CONV", inputs, [tensor()], padding=0, stride_h=2, stride_w=2)
    return Case(model, (of("FLOAT32", 2, 3, 5, 5),), 16)


case("FLOAT32 transposed", transposed)


def of_blocks(dtype: str) -> Case:
    """FULLY_CONNECTED whose weights have scales of blocks."""
    return Case(blockwise(3, 37, 64, 16, dtype=dtype), (of("FLOAT32", 3, 64),), 8)


case("INT4 of blocks", of_blocks, "INT4")
case("INT8 of blocks", of_blocks, "INT8")


def ties(shift: int) -> Case:
    """Sums around every step of the output: each comes as a bias."""
    real = 2.0**-shift
    sums = np.rint((np.arange(-128, 129) - 5.5)[:, None] / real) + np.arange(-2, 3)
    bias = np.concatenate([sums.reshape(-1), [-(2**31), 2**31 - 1]])
    bias = np.clip(bias, -(2**31), 2**31 - 1).astype(np.int32)
    weights = (np.arange(bias.size) % 2).astype(np.int8)[:, None]
    inputs = [tensor((3, 1), "INT8", scale=1.0), tensor(value=weights, scale=real),
              tensor(value=bias)]  # fmt: skip
    model = single_op("FULLY_CONNECTED", inputs, [tensor(dtype="INT8", scale=1.0, zero_point=5)])
    return Case(model, (np.array([[0], [1], [-1]], np.int8),))


for _shift in (-2, 0, 1, 8, 17):
    case(f"ties {_shift}", ties, _shift)


# Floats have the same code on all.
_ROWS = [
    pytest.param(name, target, id=f"{name}-{target.name}")
    for target in (NEON, DOTPROD, I8MM)
    for name in CASES
    if target is NEON or not name.startswith("FLOAT32")
]


@pytest.mark.parametrize(("name", "target"), _ROWS)
def test_product(name: str, target: Target) -> None:
    hold(CASES[name](), target)
