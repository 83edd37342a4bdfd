"""CONV_3D and CONV_3D_TRANSPOSE against LiteRT, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytflite import DataError, Interpreter, OptionError, ShapeError, TFLiteError
from tests.harness import assert_same, check, needs_litert, run_pytflite, single_op, tensor

SAME, VALID = 0, 1
Triple = tuple[int, int, int]
triples = st.tuples(*[st.integers(1, 3)] * 3)


def options_of(stride: Triple, dilation: Triple, padding: int) -> dict[str, int]:
    options = {"padding": padding}
    for name, s, d in zip("dhw", stride, dilation, strict=True):
        options |= {f"stride_{name}": s, f"dilation_{name}_factor": d}
    return options


def arrays(seed: int, *shapes: tuple[int, ...]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def conv(x: np.ndarray, w: np.ndarray, bias: np.ndarray | None, **options: int) -> Any:
    inputs = [tensor(x.shape), tensor(value=w)]
    inputs += [] if bias is None else [tensor(value=bias)]
    defaults = options_of((1, 1, 1), (1, 1, 1), SAME)
    return single_op("CONV_3D", inputs, [tensor((1,) * 5)], **{**defaults, **options})


def transposed(
    shape: tuple[int, ...] | None, x: np.ndarray, w: np.ndarray, bias: np.ndarray | None,
    **options: int,
) -> Any:  # fmt: skip
    wanted = tensor((5,), "INT32") if shape is None else tensor(value=np.int32(shape))
    inputs = [wanted, tensor(value=w), tensor(x.shape)]
    inputs += [] if bias is None else [tensor(value=bias)]
    defaults = options_of((1, 1, 1), (1, 1, 1), SAME)
    return single_op("CONV_3D_TRANSPOSE", inputs, [tensor((1,) * 5)], **{**defaults, **options})


@needs_litert
@settings(max_examples=40)
@given(
    size=st.tuples(*[st.integers(1, 7)] * 3), taps=triples, stride=triples, dilation=triples,
    padding=st.sampled_from([SAME, VALID]), bias=st.booleans(), activation=st.integers(0, 3),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_windows(
    size: Triple, taps: Triple, stride: Triple, dilation: Triple, padding: int, bias: bool,
    activation: int, seed: int,
) -> None:  # fmt: skip
    if padding == VALID:
        size = tuple(max(s, (t - 1) * d + 1) for s, t, d in zip(size, taps, dilation, strict=True))  # type: ignore[assignment]  # three of them
    x, w, b = arrays(seed, (2, *size, 3), (*taps, 3, 4), (4,))
    options = options_of(stride, dilation, padding)
    model = conv(x, w, b if bias else None, fused_activation_function=activation, **options)
    check(model, x, ulps=16 if activation == 0 else 128)


@needs_litert
@settings(max_examples=40)
@given(
    size=st.tuples(*[st.integers(1, 8)] * 3), taps=triples, stride=triples, dilation=triples,
    padding=st.sampled_from([SAME, VALID]), bias=st.booleans(), dynamic=st.booleans(),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_transposed_windows(
    size: Triple, taps: Triple, stride: Triple, dilation: Triple, padding: int, bias: bool,
    dynamic: bool, seed: int,
) -> None:  # fmt: skip
    """`size` is the output's."""
    spans = [(t - 1) * d + 1 for t, d in zip(taps, dilation, strict=True)]
    if padding == VALID:
        size = tuple(max(s, p) for s, p in zip(size, spans, strict=True))  # type: ignore[assignment]
        small = [(s + t - p) // t for s, t, p in zip(size, stride, spans, strict=True)]
    else:
        small = [-(-s // t) for s, t in zip(size, stride, strict=True)]
    x, w, b = arrays(seed, (2, *small, 3), (*taps, 4, 3), (4,))
    shape = (2, *size, 4)
    options = options_of(stride, dilation, padding)
    model = transposed(None if dynamic else shape, x, w, b if bias else None, **options)
    check(model, *([np.int32(shape)] if dynamic else []), x, ulps=16)


@needs_litert
def test_many_blocks() -> None:
    x, w, b = arrays(1, (1, 5, 33, 40, 8), (3, 3, 3, 8, 16), (16,))
    check(conv(x, w, b), x, ulps=16)
    x, w, b = arrays(1, (1, 3, 17, 20, 8), (2, 4, 4, 16, 8), (16,))
    shape = (1, 6, 34, 40, 16)
    check(transposed(shape, x, w, b, **options_of((2, 2, 2), (1, 1, 1), SAME)), x, ulps=16)


def test_filters_computed_at_run_time() -> None:
    x, w, b = arrays(1, (1, 3, 4, 5, 2), (2, 2, 2, 2, 3), (3,))
    defaults = options_of((1, 1, 1), (1, 1, 1), SAME)
    model = single_op("CONV_3D", [tensor(x.shape), tensor(w.shape), tensor(b.shape)],
                      [tensor((1,) * 5)], **defaults)  # fmt: skip
    want = run_pytflite(conv(x, w, b), x)[0][0]
    assert_same(run_pytflite(model, x, w, b)[0][0], want, ulps=4)  # both ways of the compiled one


REFUSED: dict[str, tuple[type[TFLiteError], tuple[int, ...], dict[str, int]]] = {
    "stride": (OptionError, (2, 2, 2, 3, 4), {"stride_d": 0}),
    "dilation": (OptionError, (2, 2, 2, 3, 4), {"dilation_d_factor": 0}),
    "channels": (ShapeError, (2, 2, 2, 4, 4), {}),
    "rank": (ShapeError, (2, 2, 3, 4), {}),
    "bias": (ShapeError, (2, 2, 2, 3, 5), {}),
    "large filter": (ShapeError, (9, 2, 2, 3, 4), {"padding": VALID}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    error, shape, options = REFUSED[name]
    x, w, b = arrays(0, (1, 4, 4, 4, 3), shape, (4,))
    with pytest.raises(error, match="CONV_3D"):
        Interpreter(conv(x, w, b, **options)).allocate_tensors()


def test_refused_transposed() -> None:
    x, w, b = arrays(0, (1, 4, 4, 4, 3), (2, 2, 2, 4, 3), (4,))
    for shape in ((1, 5, 4, 4, 4), (2, 4, 4, 4, 4), (1, 4, 4, 4, 3), (1, 4, 4, 4)):
        with pytest.raises(ShapeError, match="CONV_3D_TRANSPOSE"):
            Interpreter(transposed(shape, x, w, b)).allocate_tensors()
    with pytest.raises(DataError, match="CONV_3D_TRANSPOSE"):
        run_pytflite(transposed(None, x, w, b), np.int32([1, 5, 4, 4, 4]), x)
