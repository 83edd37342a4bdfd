"""Products with the ADD after them, and convolutions of which a stride passes over outputs."""

from __future__ import annotations

import numpy as np
import pytest

import pytflite
from tests.fuzz.guarded_steps import check_steps
from tests.graphs import Graph, build
from tests.jit.fusing import RELU, RNG, agrees, conv

pytest.importorskip("numba")


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("filters", [3, 40])
def test_sum_of_a_convolution_and_its_input(size: int, order: int, filters: int) -> None:
    """The residual is read by the product, too: the sum must not be written over it."""
    g = Graph()
    shape = 2, 7, 6, filters
    x = g.op("ABS", [g.input("x", shape)], shape)
    y, _ = conv(g, x, shape, filters, size)
    g.output(g.op("ADD", [y, x][::order], shape, **RELU))
    agrees(build(g), RNG.normal(size=shape).astype(np.float32), ["ABS", "ADD"])


@pytest.mark.parametrize("width", [5, 28, 32, 33, 50])
def test_sum_of_two_convolutions(width: int) -> None:
    """The later one makes it, over what the other has made; each output once."""
    g = Graph()
    size = 1, 9, width, 8
    x = g.input("x", size)
    a, shape = conv(g, x, size, 24)
    b, _ = conv(g, x, size, 24, 3, **RELU)
    g.output(g.op("ADD", [a, b], shape, **RELU))
    array = RNG.normal(size=size).astype(np.float32)
    steps = agrees(build(g), array, ["CONV_2D", "ADD"])
    assert steps[1].definition.in_place


def test_sum_of_a_dense_layer() -> None:
    g = Graph()
    x, r = g.input("x", (5, 12)), g.input("r", (5, 33))
    w = g.constant(RNG.normal(size=(33, 12)).astype(np.float32))
    y = g.op("FULLY_CONNECTED", [x, w], (5, 33))
    g.output(g.op("ADD", [r, y], (5, 33)))
    arrays = [RNG.normal(size=s).astype(np.float32) for s in ((5, 12), (5, 33))]
    model = build(g)
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert [s.node.name for s in compiled.plan().steps] == ["ADD"]
    want = pytflite.Interpreter(model, backend="numpy").run(*arrays)
    np.testing.assert_allclose(compiled.run(*arrays), want, rtol=2e-5, atol=2e-5)


def test_what_others_read_is_no_part_of_a_sum() -> None:
    g = Graph()
    x = g.input("x", (1, 4, 4, 8))
    y, shape = conv(g, x, (1, 4, 4, 8), 8)
    g.output(g.op("ADD", [y, x], shape))
    g.output(g.op("NEG", [y], shape))
    plan = pytflite.Interpreter(build(g), backend="jit", wait=True).plan()
    assert all(not step.parts for step in plan.steps)


def test_broadcast_sums_stay_apart() -> None:
    g = Graph()
    y, shape = conv(g, g.input("x", (1, 4, 4, 8)), (1, 4, 4, 8), 8)
    g.output(g.op("ADD", [y, g.input("r", (1, 1, 1, 8))], shape))
    plan = pytflite.Interpreter(build(g), backend="jit", wait=True).plan()
    assert [step.node.name for step in plan.steps] == ["CONV_2D", "ADD"]


@pytest.mark.parametrize("shape", [(1, 8, 8, 16), (2, 7, 5, 20), (1, 2, 2, 8), (1, 1, 9, 8)])
@pytest.mark.parametrize("strides", [(2, 2), (3, 3), (2, 3), (4, 6)])
def test_what_a_stride_passes_over(shape: tuple[int, ...], strides: tuple[int, int]) -> None:
    """The end of a stage of a ResNet: two convolutions of one tap look at every second pixel."""
    g = Graph()
    x = g.input("x", shape)
    a, inner = conv(g, x, shape, 8, 3, **RELU)
    b, _ = conv(g, a, inner, shape[3])
    s = g.op("ADD", [b, x], shape, **RELU)
    for stride in strides:
        g.output(conv(g, s, shape, 12, 1, stride)[0])
    array = RNG.normal(size=shape).astype(np.float32)
    steps = agrees(build(g), array, ["CONV_2D", "ADD", "CONV_2D", "CONV_2D"])
    assert check_steps(build(g)) == 4
    every = int(np.gcd(*strides))
    assert [step.seen for step in steps] == [(every, every)] * 2 + [(1, 1)] * 2


def test_what_is_asked_for_is_computed() -> None:
    """A tensor that is an output, or that something else reads, is there in full."""
    g = Graph()
    x = g.input("x", (1, 6, 6, 8))
    a, shape = conv(g, x, (1, 6, 6, 8), 8)
    b, _ = conv(g, a, shape, 8, 3)
    c, _ = conv(g, b, shape, 8)
    g.output(conv(g, c, shape, 4, 1, 2)[0])
    g.output(c)
    array = RNG.normal(size=(1, 6, 6, 8)).astype(np.float32)
    steps = agrees(build(g), array, ["CONV_2D"] * 4)
    assert {step.seen for step in steps} == {(1, 1)}
