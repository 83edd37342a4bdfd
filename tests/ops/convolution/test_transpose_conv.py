"""TRANSPOSE_CONV against LiteRT, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytflite import DataError, Interpreter, LimitError, OptionError, ShapeError, TFLiteError
from pytflite.ops.convolution.transposed import axis_phases
from pytflite.ops.windows import Window
from tests.harness import check, needs_litert, run_pytflite, single_op, tensor
from tests.ops.convolution.layers import KINDS, Case, case

SAME, VALID = 0, 1


def transposed(c: Case, shape: tuple[int, ...] | None, **options: Any) -> Any:
    """A model; `shape` of the output is an input of its own if None."""
    wanted = tensor((4,), "INT32") if shape is None else tensor(value=np.int32(shape))
    return single_op(
        "TRANSPOSE_CONV", [wanted, c.filter, c.input, c.bias], [c.output],
        **{"stride_w": 1, "stride_h": 1, "padding": SAME, **options},
    )  # fmt: skip


@needs_litert
@pytest.mark.parametrize("kind", [k for k in KINDS if "int4" not in k])
@pytest.mark.parametrize("activation", [0, 1, 3])
def test_types_and_activations(kind: str, activation: int) -> None:
    c = case(kind, (2, 4, 5, 6), (8, 3, 3, 6), 0, activation)
    model = transposed(
        c, (2, 8, 9, 8), stride_w=2, stride_h=2, fused_activation_function=activation
    )
    check(model, c.x, ulps=16 if activation == 0 else 128)


@needs_litert
@given(
    kind=st.sampled_from(["float", "int8 by channel", "uint8", "int16", "hybrid by channel"]),
    batch=st.integers(1, 2),
    size=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    taps=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    channels=st.integers(1, 6),
    filters=st.integers(1, 6),
    stride=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    padding=st.sampled_from([SAME, VALID]),
    dynamic=st.booleans(),
    seed=st.integers(0, 99),
)
def test_windows(
    kind: str, batch: int, size: tuple[int, int], taps: tuple[int, int], channels: int,
    filters: int, stride: tuple[int, int], padding: int, dynamic: bool, seed: int,
) -> None:  # fmt: skip
    """`size` is the output's."""
    if padding == VALID:
        size = tuple(max(s, t) for s, t in zip(size, taps, strict=True))  # type: ignore[assignment]
        small = [(s + d - t) // d for s, d, t in zip(size, stride, taps, strict=True)]
    else:
        small = [-(-s // d) for s, d in zip(size, stride, strict=True)]
    c = case(kind, (batch, *small, channels), (filters, *taps, channels), 0, seed)
    shape = (batch, *size, filters)
    model = transposed(
        c, None if dynamic else shape, stride_h=stride[0], stride_w=stride[1], padding=padding
    )
    check(model, *([np.int32(shape)] if dynamic else []), c.x, ulps=16)


@needs_litert
@pytest.mark.parametrize("kind", ["float", "int8 by channel"])
def test_many_blocks(kind: str) -> None:
    c = case(kind, (1, 30, 40, 16), (24, 4, 4, 16), 0)
    check(transposed(c, (1, 60, 80, 24), stride_w=2, stride_h=2), c.x, ulps=16)
    c = case(kind, (1, 300, 1, 16), (24, 4, 1, 16), 0)
    check(transposed(c, (1, 600, 1, 24), stride_h=2), c.x, ulps=16)


@needs_litert
@pytest.mark.parametrize(("bias", "announced"), [("INT64", 0), ("INT64", 4), ("INT32", 2)])
def test_bias_types_of_int16(bias: str, announced: int) -> None:
    c = case("int16 by channel", (1, 3, 3, 8), (5, 3, 3, 8), 0, bias_type=bias)
    model = transposed(c, (1, 6, 6, 5), stride_w=2, stride_h=2, quantized_bias_type=announced)
    check(model, c.x)


@needs_litert
@pytest.mark.parametrize("kind", ["float", "int8", "hybrid", "int16"])
def test_without_bias(kind: str) -> None:
    c = case(kind, (1, 3, 3, 4), (5, 3, 3, 4), 0)
    model = single_op(
        "TRANSPOSE_CONV", [tensor(value=np.int32([1, 6, 6, 5])), c.filter, c.input], [c.output],
        stride_w=2, stride_h=2,
    )  # fmt: skip
    check(model, c.x, ulps=16)


@pytest.mark.parametrize("kind", ["float", "int8 by channel"])
def test_filters_computed_at_run_time(kind: str) -> None:
    c = case(kind, (1, 3, 3, 4), (5, 3, 3, 4), 0)
    d = case(kind, (1, 3, 3, 4), (5, 3, 3, 4), 0, constant=False)
    want = run_pytflite(transposed(c, (1, 6, 6, 5), stride_w=2, stride_h=2), c.x)[0][0]
    model = transposed(
        c._replace(filter=d.filter, bias=d.bias), (1, 6, 6, 5), stride_w=2, stride_h=2
    )
    got = run_pytflite(model, c.filter.value, c.x, c.bias.value)[0][0]
    if kind == "float":  # compiled kernels take the sums in another order
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("kind", ["float", "int8", "int4", "hybrid int4"])
def test_strides_beyond_the_filter(kind: str) -> None:
    """Outputs that no tap reaches are the bias alone."""
    c = case(kind, (1, 2, 2, 3), (4, 1, 1, 3), 0)
    got = run_pytflite(transposed(c, (1, 2000, 2000, 4), stride_w=1000, stride_h=1000), c.x)[0][0]
    dense = transposed(c, (1, 2, 2, 4))
    q = c.input.quantization
    nothing = np.full_like(c.x, 0 if q is None else q.zero_point[0])
    want = np.broadcast_to(run_pytflite(dense, nothing)[0][0][0, 0, 0], got.shape).copy()
    want[:, ::1000, ::1000] = run_pytflite(dense, c.x)[0][0]
    if kind == "float":
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    else:
        np.testing.assert_array_equal(got, want)


@given(
    input=st.integers(0, 9), stride=st.integers(1, 6), filter=st.integers(1, 6),
    dilation=st.integers(1, 6), before=st.integers(0, 5),
)  # fmt: skip
def test_phases(input: int, stride: int, filter: int, dilation: int, before: int) -> None:
    """Every tap of every input element reaches the output that it should, once."""
    output = 3
    window = Window(input, output, filter, stride, dilation, before)
    want = {
        (i * stride + k * dilation - before, i, k)
        for i in range(output)
        for k in range(filter)
        if 0 <= i * stride + k * dilation - before < input
    }
    got = []
    for outputs, taps, seen in axis_phases(window):
        assert seen.stride == 1 and seen.input == output
        for number, at in enumerate(range(input)[outputs]):
            for tap in range(seen.filter):
                i = number + tap * seen.dilation - seen.before
                if 0 <= i < output:
                    got.append((at, i, taps[tap]))
    assert len(got) == len(set(got)) and set(got) == want


REFUSED: dict[str, tuple[type[TFLiteError], tuple[int, ...], dict[str, Any]]] = {
    "stride": (OptionError, (1, 6, 6, 5), {"stride_w": 0}),
    "padding": (OptionError, (1, 6, 6, 5), {"padding": 3}),
    "rank": (ShapeError, (1, 6, 6), {}),
    "batch": (ShapeError, (2, 6, 6, 5), {}),
    "filters": (ShapeError, (1, 6, 6, 4), {}),
    "size": (ShapeError, (1, 7, 6, 5), {}),
    "negative": (ShapeError, (1, -6, 6, 5), {}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    error, shape, options = REFUSED[name]
    c = case("float", (1, 3, 3, 4), (5, 3, 3, 4), 0)
    options = {"stride_w": 2, "stride_h": 2, **options}
    for wanted in [shape] + [None] * (error is OptionError):
        with pytest.raises(error, match="TRANSPOSE_CONV"):
            Interpreter(transposed(c, wanted, **options)).allocate_tensors()


@pytest.mark.parametrize("shape", [(1, 7, 6, 5), (2, 6, 6, 5), (1, 6, 6, 4), (1, -6, 6, 5)])
def test_refused_at_run_time(shape: tuple[int, ...]) -> None:
    c = case("float", (1, 3, 3, 4), (5, 3, 3, 4), 0)
    with pytest.raises(DataError, match="TRANSPOSE_CONV"):
        run_pytflite(transposed(c, None, stride_w=2, stride_h=2), np.int32(shape), c.x)


def test_refused_channels() -> None:
    c = case("float", (1, 3, 3, 4), (5, 3, 3, 3), 0)
    with pytest.raises(ShapeError, match="channels"):
        Interpreter(transposed(c, (1, 3, 3, 5))).allocate_tensors()


def test_refused_strides() -> None:
    """As many phases as that would take longer than anybody waits."""
    c = case("float", (1, 1, 1, 1), (1, 300, 300, 1), 0)
    with pytest.raises(LimitError, match="strides"):
        Interpreter(transposed(c, (1, 300, 300, 1), stride_w=300, stride_h=300)).allocate_tensors()
