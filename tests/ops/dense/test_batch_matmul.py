"""BATCH_MATMUL against LiteRT."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytflite import Interpreter
from pytflite.errors import DTypeError, QuantizationError, ShapeError
from pytflite.model.model import Model
from tests.harness import (
    TensorOf,
    assert_same,
    check,
    needs_litert,
    run_pytflite,
    single_op,
    tensor,
)

RANGES = {"INT8": (-128, 128), "INT16": (-(1 << 15), 1 << 15)}


def numbers(rng: np.random.Generator, dtype: str, shape: Any) -> np.ndarray:
    """Random values of a type, over all that it has."""
    if dtype == "FLOAT32":
        return rng.normal(size=shape).astype(np.float32)
    return rng.integers(*RANGES[dtype], shape).astype(dtype.lower())


@st.composite
def shapes(draw: Any, stacked: int = 3) -> tuple[tuple[int, ...], tuple[int, ...], bool, bool]:
    """Shapes of x and y that go together, at most so many dimensions stacked, and the options."""
    m, k, n = (draw(st.integers(1, 5)) for _ in range(3))
    common = [draw(st.integers(1, 3)) for _ in range(draw(st.integers(0, stacked)))]
    stacks = []
    for _ in range(2):
        first = draw(st.integers(0, len(common)))
        stacks.append([d if draw(st.booleans()) else 1 for d in common[first:]])
    adj_x, adj_y = draw(st.booleans()), draw(st.booleans())
    x, y = ((k, m) if adj_x else (m, k)), ((n, k) if adj_y else (k, n))
    return (*stacks[0], *x), (*stacks[1], *y), adj_x, adj_y


def product(x: TensorOf, y: TensorOf, output: str | TensorOf = "FLOAT32", **options: Any) -> Model:
    out = tensor((1, 1), output) if isinstance(output, str) else output
    return single_op("BATCH_MATMUL", [x, y], [out], **options)


@needs_litert
@settings(max_examples=40)
@given(shapes=shapes(), constant=st.booleans(), seed=st.integers(0, 99))
def test_floats(shapes: Any, constant: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x_shape, y_shape, adj_x, adj_y = shapes
    x, y = numbers(rng, "FLOAT32", x_shape), numbers(rng, "FLOAT32", y_shape)
    right = tensor(value=y) if constant else tensor(y_shape)
    model = product(tensor(x_shape), right, adj_x=adj_x, adj_y=adj_y)
    check(model, *([x] if constant else [x, y]))


@needs_litert
@settings(max_examples=40)
@given(
    # With more than one dimension stacked, LiteRT takes the scales of other rows.
    shapes=shapes(stacked=1), constant=st.booleans(), asymmetric=st.booleans(),
    per_unit=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_hybrid(shapes: Any, constant: bool, asymmetric: bool, per_unit: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x_shape, y_shape, adj_x, adj_y = shapes
    x, y = numbers(rng, "FLOAT32", x_shape), numbers(rng, "INT8", y_shape)
    axis = len(y_shape) - (2 if adj_y else 1)
    scale = rng.uniform(0.01, 0.1, y_shape[axis]) if per_unit else 0.03
    right = tensor(y_shape, "INT8", value=y if constant else None, scale=scale, dimension=axis)
    model = product(
        tensor(x_shape), right, adj_x=adj_x, adj_y=adj_y, asymmetric_quantize_inputs=asymmetric
    )
    check(model, *([x] if constant else [x, y]))


def test_hybrid_of_stacks_of_stacks() -> None:
    """As if each matrix were alone, also when y has changed since the last run."""
    rng = np.random.default_rng(1)
    for asymmetric in (False, True):
        options = {"asymmetric_quantize_inputs": asymmetric}
        right = tensor((2, 1, 5, 6), "INT8", scale=0.1)
        whole = Interpreter(product(tensor((2, 3, 4, 5)), right, **options))
        single = product(tensor((4, 5)), tensor((5, 6), "INT8", scale=0.1), **options)
        for _ in range(2):
            x, y = numbers(rng, "FLOAT32", (2, 3, 4, 5)), numbers(rng, "INT8", (2, 1, 5, 6))
            got = whole.run(x, y)
            for i, j in np.ndindex(2, 3):
                want = run_pytflite(single, x[i, j], y[i, 0], times=1)[0][0]
                assert_same(np.ascontiguousarray(got[i, j]), want, ulps=2)


@needs_litert
@pytest.mark.parametrize(
    "types", [("INT8", "INT8", "INT8"), ("INT16", "INT16", "INT16"), ("INT16", "INT8", "INT16")]
)
@settings(max_examples=25)
@given(shapes=shapes(), constant=st.booleans(), seed=st.integers(0, 99))
def test_quantized(types: tuple[str, str, str], shapes: Any, constant: bool, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x_shape, y_shape, adj_x, adj_y = shapes
    kinds = dict(zip("xyo", types, strict=True))
    zeros = [0 if types[0] == "INT16" else int(z) for z in rng.integers(-128, 128, 3)]
    scales = {"INT8": 0.02, "INT16": 0.001}
    x, y = numbers(rng, kinds["x"], x_shape), numbers(rng, kinds["y"], y_shape)
    spread = 3 * scales[types[0]] * scales[types[1]] * RANGES[types[0]][1] * RANGES[types[1]][1]
    right = tensor(y_shape, kinds["y"], value=y if constant else None,
                   scale=scales[types[1]], zero_point=zeros[1])  # fmt: skip
    model = product(
        tensor(x_shape, kinds["x"], scale=scales[types[0]], zero_point=zeros[0]),
        right,
        tensor((1, 1), kinds["o"], scale=spread / RANGES[types[2]][1], zero_point=zeros[2]),
        adj_x=adj_x, adj_y=adj_y,
    )  # fmt: skip
    check(model, *([x] if constant else [x, y]), times=1)


@needs_litert
@settings(max_examples=15)
@given(shapes=shapes(), seed=st.integers(0, 99))
def test_sums_as_they_are(shapes: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x_shape, y_shape, adj_x, adj_y = shapes
    model = product(
        tensor(x_shape, "INT8", scale=0.1, zero_point=3),
        tensor(y_shape, "INT8", scale=0.1, zero_point=-5), "INT32", adj_x=adj_x, adj_y=adj_y,
    )  # fmt: skip
    check(model, numbers(rng, "INT8", x_shape), numbers(rng, "INT8", y_shape), times=1)


@needs_litert
@pytest.mark.parametrize("kind", ["INT8", "INT16"])
def test_several_scales_count_as_none(kind: str) -> None:
    """As LiteRT has it, whose published models quantise y column by column all the same."""
    rng = np.random.default_rng(3)
    y = tensor(value=numbers(rng, "INT8", (3, 5)), scale=[1, 2, 3, 4, 5], dimension=1)
    zero = 7 if kind == "INT8" else 0
    model = product(
        tensor((2, 3), kind, scale=1, zero_point=zero), y,
        tensor((2, 5), kind, scale=1, zero_point=zero),
    )  # fmt: skip
    check(model, numbers(rng, kind, (2, 3)))


@needs_litert
def test_several_scales_of_x_count_as_none() -> None:
    rng = np.random.default_rng(4)
    x = tensor(value=numbers(rng, "INT8", (4, 3)), scale=[1, 2, 3, 4], dimension=0)
    y, output = (tensor(shape, "INT8", scale=1, zero_point=7) for shape in ((3, 5), (4, 5)))
    check(product(x, y, output), numbers(rng, "INT8", (3, 5)))


@needs_litert
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("kinds", [("INT8", "INT8"), ("INT16", "INT16")])
def test_long_sums_and_many_outputs(kinds: tuple[str, str], constant: bool) -> None:
    rng = np.random.default_rng(2)
    x, y = numbers(rng, kinds[0], (300, 1500)), numbers(rng, kinds[1], (1500, 250))
    zero = 0 if kinds[0] == "INT16" else -128
    right = tensor(y.shape, kinds[1], value=y if constant else None, scale=0.1, zero_point=zero)
    model = product(
        tensor(x.shape, kinds[0], scale=0.1, zero_point=zero),
        right,
        tensor((300, 250), kinds[0], scale=3000, zero_point=zero),
    )
    check(model, *([x] if constant else [x, y]), times=1)


@pytest.mark.parametrize("types", [("FLOAT32", "FLOAT32"), ("FLOAT32", "INT8"), ("INT8", "INT8")])
def test_nothing_to_sum_up_and_no_outputs(types: tuple[str, str]) -> None:
    for x, y in (
        ((2, 3, 0), (0, 4)),
        ((0, 3, 2), (2, 4)),
        ((2, 0, 2), (2, 2, 4)),
        ((3, 2), (2, 0)),
    ):
        q: list[dict[str, Any]] = [
            {} if t == "FLOAT32" else {"scale": 0.5, "zero_point": z}
            for t, z in zip(types, (3, 0), strict=True)
        ]
        output = tensor((1, 1), types[0], **q[0])
        model = product(tensor(x, types[0], **q[0]), tensor(y, types[1], **q[1]), output)
        a, b = (
            np.zeros(s, tensor(dtype=t).dtype.storage) for s, t in zip((x, y), types, strict=True)
        )
        got = run_pytflite(model, a, b)[0][0]
        want = np.matmul(a, b)
        assert_same(got, want + want.dtype.type(3 if types[0] == "INT8" else 0))


@pytest.mark.parametrize(
    ("model", "error"),
    [
        (product(tensor((2, 3)), tensor((4, 5))), ShapeError),
        (product(tensor((2, 3)), tensor((3, 5)), adj_y=True), ShapeError),
        (product(tensor((3,)), tensor((3, 5))), ShapeError),
        (product(tensor((2, 2, 3)), tensor((4, 3, 5))), ShapeError),
        (product(tensor((2, 3)), tensor((3, 5), "INT8")), QuantizationError),
        (product(tensor((2, 3)), tensor((3, 5), "INT8", scale=[1, 2, 3])), QuantizationError),
        (product(tensor((2, 3)), tensor((3, 5), "INT8", scale=1, zero_point=1)),
         QuantizationError),
        (product(tensor((2, 3), "INT8", scale=1), tensor((3, 5), "INT8", scale=1), "INT8"),
         QuantizationError),
        (product(tensor((2, 3), "INT16", scale=1, zero_point=1), tensor((3, 5), "INT16", scale=1),
                 tensor((2, 5), "INT16", scale=1)), QuantizationError),
        (product(tensor((2, 3), "INT8"), tensor((3, 5)), "FLOAT32"), DTypeError),
        (  # the product of the scales is no float32
            single_op(
                "BATCH_MATMUL",
                [tensor((2, 3), "INT8", scale=3e38), tensor((3, 5), "INT8", scale=3e38)],
                [tensor((2, 5), "INT8", scale=3e38)],
            ),
            QuantizationError,
        ),
    ],
)  # fmt: skip
def test_refusals(model: Model, error: type[Exception]) -> None:
    with pytest.raises(error, match="BATCH_MATMUL"):
        Interpreter(model).allocate_tensors()


def test_a_batch_runs_matrix_by_matrix() -> None:
    interpreter = Interpreter(product(tensor((1, 2, 3)), tensor(value=np.ones((3, 4), "f4"))))
    assert interpreter.run(np.ones((5, 2, 3), np.float32)).shape == (5, 2, 4)
