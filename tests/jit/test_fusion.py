"""Steps that do the work of several operators give what these give one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.model.model import Model
from pytflite.ops.registry import BUILTINS, find
from tests.graphs import Graph, build

pytest.importorskip("numba")
RNG = np.random.default_rng(0)


def padded(dtype: str, name: str, widths: Any, filter_size: int, stride: int, same: bool) -> Model:
    """PAD, then a convolution."""
    g = Graph()
    quantized = dtype != "FLOAT32"
    about: dict[str, Any] = {"scale": 0.1, "zero_point": 5} if quantized else {}
    x = g.input("x", (1, 7, 6, 8), dtype, **about)
    rows, columns = (s + sum(w) for s, w in zip((7, 6), widths, strict=True))
    shape = (1, rows, columns, 8)
    constant = g.constant(np.array([[0, 0], *widths, [0, 0]], np.int32))
    y = g.op("PAD", [x, constant], shape, dtype, output=about)
    filters = (1 if name.startswith("DEPTH") else 4, filter_size, filter_size, 8)
    weights = RNG.integers(-9, 9, filters)
    w = g.constant(
        weights.astype(np.int8 if quantized else np.float32),
        **({"scale": 0.2} if quantized else {}),
    )
    bias = g.constant(
        np.arange(filters[0] if filters[0] > 1 else 8).astype(
            np.int32 if quantized else np.float32
        ),
        **({"scale": 0.02} if quantized else {}),
    )

    def count(size: int) -> int:
        return -(-size // stride) if same else (size - filter_size) // stride + 1

    out = (1, count(rows), count(columns), 8 if filters[0] == 1 else 4)
    g.output(g.op(
        name, [y, w, bias], out, dtype, version=3,
        output={"scale": 1.5, "zero_point": -3} if quantized else {},
        padding=0 if same else 1, stride_w=stride, stride_h=stride,
        **({"depth_multiplier": 1} if name.startswith("DEPTH") else {}),
    ))  # fmt: skip
    return build(g)


@pytest.mark.parametrize("dtype", ["FLOAT32", "INT8"])
@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize("widths", [((0, 1), (0, 1)), ((1, 1), (2, 0)), ((4, 3), (0, 5))])
@pytest.mark.parametrize(
    ("filter_size", "stride", "same"), [(3, 2, False), (3, 1, True), (1, 2, False)]
)
def test_padding(
    dtype: str, name: str, widths: Any, filter_size: int, stride: int, same: bool
) -> None:
    model = padded(dtype, name, widths, filter_size, stride, same)
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert [s.node.name for s in compiled.plan().steps] == [name]
    x: Any = RNG.normal(size=(1, 7, 6, 8)).astype(np.float32)
    if dtype == "INT8":
        x = RNG.integers(-128, 128, (1, 7, 6, 8)).astype(np.int8)
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    if dtype == "INT8":
        np.testing.assert_array_equal(compiled.run(x), want)
    else:
        np.testing.assert_allclose(compiled.run(x), want, rtol=1e-5, atol=1e-4)


def test_padding_that_others_see_is_a_step_of_its_own() -> None:
    model = padded("FLOAT32", "CONV_2D", ((1, 1), (1, 1)), 3, 1, False)
    main = model.main
    seen = model.replace(
        subgraphs=(main.replace(outputs=(*main.outputs, main.operators[0].outputs[0])),)
    )
    compiled = pytflite.Interpreter(seen, backend="jit", wait=True)
    assert len(compiled.plan().steps) == 2


def test_what_reads_state_stays_in_its_place() -> None:
    """MUL would read the variable later, in the place of the ADD that it could be fused with."""
    g = Graph()
    x = g.input("x", (2, 3))
    state = g.tensor((2, 3), variable=True)
    moved = g.op("MUL", [x, state], (2, 3))
    g.output(g.op("ADD", [moved, x], (2, 3)))
    plan = pytflite.Interpreter(build(g), backend="jit", wait=True).plan()
    assert [step.parts for step in plan.steps] == [(), ()]


@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
def test_functions_of_one_byte(dtype: str) -> None:
    """relu(x) * logistic(hard_swish(x)) is one table, to the bit."""
    low, high = (-128, 127) if dtype == "INT8" else (0, 255)
    g = Graph()
    x = g.input("x", (3, 50), dtype, scale=0.1, zero_point=low + 100)
    about = {"scale": 0.1, "zero_point": low + 100}
    h = g.op("HARD_SWISH", [x], (3, 50), dtype, output=about)
    s = g.op("LOGISTIC", [h], (3, 50), dtype, output={"scale": 1 / 256, "zero_point": low})
    r = g.op("RELU", [x], (3, 50), dtype, output=about)
    g.output(g.op("MUL", [r, s], (3, 50), dtype, output={"scale": 0.07, "zero_point": low}))
    model = build(g)
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert [len(step.parts) for step in compiled.plan().steps] == [4]
    array = RNG.integers(low, high + 1, (3, 50)).astype(np.int8 if low else np.uint8)
    want = pytflite.Interpreter(model, backend="numpy").run(array)
    np.testing.assert_array_equal(compiled.run(array), want)
    trace = compiled.trace(array)
    np.testing.assert_array_equal(trace[model.outputs[0].name], want)


def test_what_users_define_is_no_part_of_a_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator that has been replaced is the user's, alone and among others."""
    monkeypatch.setitem(BUILTINS, "TANH", find("TANH"))
    pytflite.operator("TANH", override=True, infer=lambda x: x.shape)(lambda x: x + 7)
    g = Graph()
    y = g.op("TANH", [g.input("x", (4, 4))], (4, 4))
    g.output(g.op("RELU", [y], (4, 4)))
    x = RNG.normal(size=(4, 4)).astype(np.float32)
    interpreter = pytflite.Interpreter(build(g), backend="jit", wait=True)
    np.testing.assert_array_equal(interpreter.run(x), np.maximum(x + 7, 0))
    assert [row.backend for row in interpreter.backend_report()] == ["numpy", "jit"]


def test_long_chains_of_what_is_used_twice() -> None:
    """Each of sixty operators is written once, however often its result is read."""
    g = Graph()
    y = g.input("x", (40,))
    for _ in range(30):
        y = g.op("MUL", [y, y], (40,))
        y = g.op("LEAKY_RELU", [y], (40,), alpha=0.5)
    g.output(y)
    model, array = build(g), np.linspace(0.9, 1.1, 40, dtype=np.float32)
    fused = pytflite.Interpreter(model, backend="jit", wait=True)
    assert len(fused.plan().steps) == 1
    want = pytflite.Interpreter(model, backend="numpy").run(array)
    np.testing.assert_array_equal(fused.run(array), want)


@pytest.mark.parametrize("square", ["MUL", "SQUARE"])
@pytest.mark.parametrize("name", ["SUM", "MEAN"])
@pytest.mark.parametrize(
    ("shape", "axes"), [((3, 5, 70), [2]), ((9, 7), [1]), ((2, 30, 5), [1]), ((4, 6, 2, 9), [0, 2])]
)
def test_sums_of_squares(name: str, square: str, shape: tuple[int, ...], axes: list[int]) -> None:
    """The bits that the two have apart; who looks on sees the squares."""
    g = Graph()
    x = g.input("x", shape)
    y = g.op(square, [x, x] if square == "MUL" else [x], shape)
    left = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    g.output(g.op(name, [y, g.constant(np.array(axes, np.int32))], left, keep_dims=True))
    model = build(g)
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert [len(step.parts) for step in compiled.plan().steps] == [2]
    for special in (None, np.nan, np.inf, 1e18):
        array = RNG.normal(size=shape).astype(np.float32)
        if special is not None:
            array.reshape(-1)[3] = special
        got = compiled.run(array)
        trace = compiled.trace(array)
        np.testing.assert_array_equal(got, trace[model.outputs[0].name])
        np.testing.assert_array_equal(trace[model.subgraphs[0].tensors[y].name], array * array)
        want = pytflite.Interpreter(model, backend="numpy").run(array)
        np.testing.assert_allclose(got, want, rtol=1e-6)


@pytest.mark.parametrize("why", ["seen", "clamped", "two factors", "greatest"])
def test_squares_that_are_written(why: str) -> None:
    """Others see them, or they are none, or are not summed."""
    g = Graph()
    x, other = g.input("x", (4, 40)), g.input("other", (4, 40))
    clamped = {"fused_activation_function": 1} if why == "clamped" else {}
    y = g.op("MUL", [x, other if why == "two factors" else x], (4, 40), **clamped)
    name = "REDUCE_MAX" if why == "greatest" else "SUM"
    g.output(g.op(name, [y, g.constant(np.array([1], np.int32))], (4,)))
    if why == "seen":
        g.output(y)
    model = build(g)
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert [len(step.parts) for step in compiled.plan().steps] == [0, 0]
    a, b = (RNG.normal(size=(4, 40)).astype(np.float32) for _ in range(2))
    want = pytflite.Interpreter(model, backend="numpy").run(a, b)
    got = compiled.run(a, b)
    for one, wanted in zip(*(r if isinstance(r, list) else [r] for r in (got, want)), strict=True):
        np.testing.assert_allclose(one, wanted, rtol=1e-5, atol=1e-6)
