"""An activation after an operator of floats is done by that operator."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from tests.fuzz.guarded_steps import check_steps
from tests.graphs import Graph, build
from tests.jit.fusing import RELU, RNG, agrees, conv

pytest.importorskip("numba")
_NONE, _RELU, _N1, _6 = range(4)
SPECIAL = np.array([np.nan, np.inf, -np.inf, -0.0, 0.0, -1.0, 1e-40, 7.0], np.float32)


def operator(g: Graph, name: str, fused: int) -> tuple[int, tuple[int, ...]]:
    """An operator of one input [1, 6, 6, 8]; its output."""
    shape = 1, 6, 6, 8
    x = g.input("x", shape)
    option = {"fused_activation_function": fused}
    if name == "CONV_2D":
        return conv(g, x, shape, 20, 3, **option)
    if name == "ADD":
        return g.op(name, [x, g.constant(RNG.normal(size=8).astype(np.float32))], shape,
                    **option), shape  # fmt: skip
    if name in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
        window = {"filter_width": 2, "filter_height": 2, "stride_w": 1, "stride_h": 1}
        return g.op(name, [x], (1, 5, 5, 8), padding=1, **window, **option), (1, 5, 5, 8)
    steps = {"stride_w": 1, "stride_h": 1, "padding": 0}
    if name == "DEPTHWISE_CONV_2D":
        w = g.constant(RNG.normal(size=(1, 3, 3, 8)).astype(np.float32))
        return g.op(name, [x, w], shape, **steps, depth_multiplier=1, **option), shape
    if name == "TRANSPOSE_CONV":
        w = g.constant(RNG.normal(size=(5, 3, 3, 8)).astype(np.float32))
        size = g.constant(np.array((1, 6, 6, 5), np.int32))
        return g.op(name, [size, w, x], (1, 6, 6, 5), **steps, version=4, **option), (1, 6, 6, 5)
    w = g.constant(RNG.normal(size=(7, 8)).astype(np.float32))
    kept = {"keep_num_dims": True}
    return g.op(name, [x, w], (1, 6, 6, 7), **kept, **option), (1, 6, 6, 7)


@pytest.mark.parametrize("activation", ["RELU", "RELU6", "RELU_N1_TO_1"])
@pytest.mark.parametrize("fused", [_NONE, _RELU, _N1, _6])
@pytest.mark.parametrize(
    "name",
    [
        "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV", "ADD", "MAX_POOL_2D",
        "AVERAGE_POOL_2D",
    ],
)  # fmt: skip
def test_one_step(name: str, fused: int, activation: str) -> None:
    """Unless no fused activation has the bounds of both: 0 and 1."""
    g = Graph()
    y, shape = operator(g, name, fused)
    g.output(g.op(activation, [y], shape))
    model = build(g)
    x = 4 * RNG.normal(size=(1, 6, 6, 8)).astype(np.float32)
    mixed = fused != _NONE and (fused == _N1) != (activation == "RELU_N1_TO_1")
    if mixed and name == "ADD":  # elementwise operators are one step in any case
        names, parts = [activation], [2]
    else:
        names, parts = ([name, activation], [0, 0]) if mixed else ([name], [2])
    steps = agrees(model, x, names)
    assert [len(step.parts) for step in steps] == parts
    assert check_steps(model) == len(steps)
    x[0, 2, 2:4] = SPECIAL
    compiled = pytflite.Interpreter(model, backend="jit", wait=True).run(x)
    np.testing.assert_allclose(
        compiled, pytflite.Interpreter(model, backend="numpy").run(x), rtol=2e-5, atol=2e-5
    )


def test_after_padding_and_before_a_sum() -> None:
    """PAD, CONV_2D, RELU are one step; so are CONV_2D, RELU, ADD, RELU6."""
    g = Graph()
    x = g.input("x", (1, 6, 6, 8))
    widths = g.constant(np.array([[0, 0], [1, 2], [0, 1], [0, 0]], np.int32))
    p = g.op("PAD", [x, widths], (1, 9, 7, 8))
    w = g.constant(RNG.normal(size=(8, 3, 3, 8)).astype(np.float32))
    a = g.op("CONV_2D", [p, w], (1, 7, 5, 8), padding=1, stride_w=1, stride_h=1)
    a = g.op("RELU", [a], (1, 7, 5, 8))
    b, shape = conv(g, a, (1, 7, 5, 8), 8)
    b = g.op("RELU", [b], shape)
    g.output(g.op("RELU6", [g.op("ADD", [b, a], shape)], shape))
    model = build(g)
    steps = agrees(model, RNG.normal(size=(1, 6, 6, 8)).astype(np.float32), ["CONV_2D", "ADD"])
    names = [[part.node.name for part in step.operators] for step in steps]
    assert names == [["PAD", "CONV_2D", "RELU"], ["CONV_2D", "RELU", "ADD", "RELU6"]]
    assert check_steps(model) == 2


def test_an_output_names_it() -> None:
    """What a profile shows of both is the activation's output."""
    g = Graph()
    y, shape = conv(g, g.input("x", (1, 4, 4, 8)), (1, 4, 4, 8), 8)
    g.output(g.op("RELU", [y], shape, output={"name": "features"}))
    (step,) = pytflite.Interpreter(build(g), backend="jit", wait=True).plan().steps
    assert step.node.label == 'CONV_2D #0 -> "features"'


@pytest.mark.parametrize("reader", ["an operator", "the caller"])
def test_what_others_read_stays(reader: str) -> None:
    g = Graph()
    y, shape = conv(g, g.input("x", (1, 4, 4, 8)), (1, 4, 4, 8), 8)
    g.output(g.op("RELU", [y], shape))
    g.output(g.op("EXP", [y], shape) if reader == "an operator" else y)
    steps = pytflite.Interpreter(build(g), backend="jit", wait=True).plan().steps
    assert all(not step.parts for step in steps)


def test_bytes_stay_apart() -> None:
    """An activation of bytes may have scales of its own."""
    g = Graph()
    about: dict[str, Any] = {"scale": 0.1, "zero_point": 0}
    x = g.input("x", (1, 4), "INT8", **about)
    w = g.constant(np.ones((3, 4), np.int8), scale=0.1)
    y = g.op("FULLY_CONNECTED", [x, w], (1, 3), "INT8", output=about)
    g.output(g.op("RELU", [y], (1, 3), "INT8", output={"scale": 0.2, "zero_point": -128}))
    agrees(build(g), np.array([[1, -9, 3, 60]], np.int8), ["FULLY_CONNECTED", "RELU"])


def test_a_whole_block() -> None:
    """A residual block as some converters leave it, on rows that end within a vector."""
    g = Graph()
    x = g.input("x", (2, 9, 10, 24))
    a, shape = conv(g, x, (2, 9, 10, 24), 24, 3)
    b, _ = conv(g, g.op("RELU", [a], shape), shape, 24, **RELU)
    g.output(g.op("RELU", [g.op("ADD", [x, b], shape)], shape))
    array = RNG.normal(size=(2, 9, 10, 24)).astype(np.float32)
    agrees(build(g), array, ["CONV_2D", "ADD"])
