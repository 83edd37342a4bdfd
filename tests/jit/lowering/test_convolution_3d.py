"""CONV_3D and CONV_3D_TRANSPOSE on the compiled backend, against NumPy's."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.native import RUNNABLE

pytest.importorskip("numba")
SIZES = st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 7))
_ULPS = {0: 16, 1: 16, 3: 128}  # of the largest output, which RELU6 makes small beside the sums
FEW = st.tuples(*[st.integers(1, 3)] * 3)


def model(
    size: Any, filter: Any, stride: Any, dilation: Any, channels: tuple[int, int], **more: Any
) -> tuple[Any, np.ndarray]:
    """One layer, and an input."""
    rng = np.random.default_rng(sum(size) + sum(filter))
    x = rng.normal(size=(2, *size, channels[0])).astype(np.float32)
    w = rng.normal(size=(*filter, *channels)).astype(np.float32)
    b = rng.normal(size=channels[1]).astype(np.float32)
    names = zip("dhw", stride, dilation, strict=True)
    options = {f"stride_{a}": s for a, s, _ in names}
    options |= {f"dilation_{a}_factor": d for a, d in zip("dhw", dilation, strict=True)}
    weights = [tensor(value=w), tensor(value=b) if more.pop("bias", True) else None]
    return single_op("CONV_3D", [tensor(x.shape), *weights], [tensor()], **options, **more), x


@settings(max_examples=60)
@given(size=SIZES, filter=FEW, stride=FEW, dilation=FEW, same=st.booleans(), bias=st.booleans(),
       channels=st.sampled_from([(1, 1), (3, 5), (16, 20), (8, 70)]),
       activation=st.sampled_from([0, 1, 3]))  # fmt: skip
def test_sizes(
    size: Any, filter: Any, stride: Any, dilation: Any, same: bool, bias: bool, channels: Any,
    activation: int,
) -> None:  # fmt: skip
    if not same and any(
        s < (f - 1) * d + 1 for s, f, d in zip(size, filter, dilation, strict=True)
    ):
        return  # there is no output
    made, x = model(
        size, filter, stride, dilation, channels, padding=int(not same), bias=bias,
        fused_activation_function=activation,
    )  # fmt: skip
    agree(made, x, ulps=_ULPS[activation], cpus=RUNNABLE[:1])


@pytest.mark.parametrize("activation", [0, 1, 3])
def test_layers(activation: int) -> None:
    made, x = model(
        (8, 14, 14), (3, 3, 3), (1, 1, 1), (1, 1, 1), (16, 32), padding=0,
        fused_activation_function=activation,
    )  # fmt: skip
    agree(made, x, ulps=_ULPS[activation])


def test_infinities() -> None:
    made, x = model((4, 5, 5), (3, 3, 3), (1, 1, 1), (1, 1, 1), (4, 8), padding=0)
    x[0, 1, 2, 2, 0], x[1, 0, 0, 0, 1] = np.inf, np.nan
    agree(made, x, ulps=16)


def transposed(
    size: Any, filter: Any, stride: Any, dilation: Any, channels: tuple[int, int], **more: Any
) -> tuple[Any, np.ndarray]:
    """One layer, and an input."""
    rng = np.random.default_rng(sum(size) + sum(filter))
    x = rng.normal(size=(2, *size, channels[0])).astype(np.float32)
    w = rng.normal(size=(*filter, *channels[::-1])).astype(np.float32)
    b = rng.normal(size=channels[1]).astype(np.float32)
    options = {f"stride_{a}": s for a, s in zip("dhw", stride, strict=True)}
    options |= {f"dilation_{a}_factor": d for a, d in zip("dhw", dilation, strict=True)}
    if more["padding"] == 0:
        sizes = [s * by for s, by in zip(size, stride, strict=True)]
    else:
        sizes = [
            (s - 1) * by + (f - 1) * d + 1
            for s, by, f, d in zip(size, stride, filter, dilation, strict=True)
        ]
    shape = tensor(value=np.array([2, *sizes, channels[1]], np.int32))
    inputs = [shape, tensor(value=w), tensor(x.shape)]
    inputs.append(tensor(value=b) if more.pop("bias", True) else None)
    return single_op("CONV_3D_TRANSPOSE", inputs, [tensor()], **options, **more), x


@settings(max_examples=60)
@given(size=SIZES, filter=FEW, stride=FEW, dilation=FEW, same=st.booleans(), bias=st.booleans(),
       channels=st.sampled_from([(1, 1), (3, 5), (16, 20), (8, 70)]),
       activation=st.sampled_from([0, 1, 3]))  # fmt: skip
def test_sizes_of_transposed(
    size: Any, filter: Any, stride: Any, dilation: Any, same: bool, bias: bool, channels: Any,
    activation: int,
) -> None:  # fmt: skip
    made, x = transposed(
        size, filter, stride, dilation, channels, padding=int(not same), bias=bias,
        fused_activation_function=activation,
    )  # fmt: skip
    agree(made, x, ulps=_ULPS[activation], cpus=RUNNABLE[:1])


@pytest.mark.parametrize("activation", [0, 1, 3])
def test_transposed_layers(activation: int) -> None:
    made, x = transposed(
        (4, 9, 9), (3, 3, 3), (2, 2, 2), (1, 1, 1), (16, 32), padding=0,
        fused_activation_function=activation,
    )  # fmt: skip
    agree(made, x, ulps=_ULPS[activation])


def test_infinities_of_transposed() -> None:
    made, x = transposed((4, 5, 5), (3, 3, 3), (1, 2, 1), (1, 1, 1), (4, 8), padding=1)
    x[0, 1, 2, 2, 0], x[1, 0, 0, 0, 1] = np.inf, np.nan
    agree(made, x, ulps=16)
