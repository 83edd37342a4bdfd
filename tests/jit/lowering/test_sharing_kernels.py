"""Pictures that several convolutions quantise in the run are quantised once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.model.model import Model
from tests.graphs import Graph, build

pytest.importorskip("numba")


def branches(shape: tuple[int, ...], filters: int) -> Model:
    """Three convolutions of one picture, the last one after an operator that is not theirs."""
    rng = np.random.default_rng(5)
    g = Graph()
    x = g.input("x", shape)
    outputs = []
    for taps in (1, 3, 1):
        kernel = rng.integers(-127, 128, (filters, taps, taps, shape[3])).astype(np.int8)
        scale = rng.uniform(0.01, 0.02, filters).astype(np.float32)
        weights = g.constant(kernel, scale=scale, zero_point=np.zeros(filters, int))
        bias = g.constant(rng.normal(size=filters).astype(np.float32))
        y = g.op("CONV_2D", [x, weights, bias], (*shape[:3], filters), padding=0, stride_w=1,
                 stride_h=1, dilation_w_factor=1, dilation_h_factor=1)  # fmt: skip
        outputs.append(g.op("ABS", [y], (*shape[:3], filters)))
    for y in outputs:
        g.output(y)
    return build(g)


def works_of(interpreter: Any) -> list[str]:
    """Emitters of the works that run."""
    tables = interpreter.plan().program.tables
    return [tables.kernels[number].emitter for number in tables.records[:, 0]]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(1, 5, 4, 8), (2, 40, 41, 20), (3, 1, 1, 3)])
def test_once(shape: tuple[int, ...], threads: int) -> None:
    model = branches(shape, 33)
    compiled = pytflite.Interpreter(model, backend="jit", wait=True, num_threads=threads)
    works = works_of(compiled)
    assert works.count("quantised_pictures.ends") == 1
    assert works.count("quantised_pictures.quantise") == 1
    rng = np.random.default_rng(1)
    for _ in range(20):  # the number of threads that share is tried first
        x = rng.normal(size=shape).astype(np.float32) * rng.uniform(0.1, 10)
        want = pytflite.Interpreter(model, backend="numpy").run(x)
        for a, b in zip(compiled.run(x), want, strict=True):
            np.testing.assert_array_equal(a, b)
    trace = compiled.trace(x)  # step by step
    np.testing.assert_array_equal(trace[model.outputs[2].name], want[2])


def kinds(shape: tuple[int, ...]) -> Model:
    """A product of pixels, windows in lines, gathered ones, and single channels, two of them."""
    rng = np.random.default_rng(6)
    channels = shape[3]
    g = Graph()
    x = g.input("x", shape)
    layers: list[tuple[str, tuple[int, ...], dict[str, int]]] = [
        ("CONV_2D", (33, 1, 1, channels), {}),
        ("CONV_2D", (16, 3, 3, channels), {}),
        ("CONV_2D", (16, 3, 3, channels), {"dilation_w_factor": 2}),
        ("DEPTHWISE_CONV_2D", (1, 3, 3, channels), {"depth_multiplier": 1}),
        ("DEPTHWISE_CONV_2D", (1, 5, 3, 2 * channels), {"depth_multiplier": 2}),
    ]
    for name, sizes, options in layers:
        deep = name.startswith("D")
        filters = sizes[3 if deep else 0]
        scale = rng.uniform(0.01, 0.02, 1 if deep else filters).astype(np.float32)
        kernel = rng.integers(-127, 128, sizes).astype(np.int8)
        weights = g.constant(kernel, scale=scale, zero_point=np.zeros(scale.size, int))
        bias = g.constant(rng.normal(size=filters).astype(np.float32))
        options = {"dilation_w_factor": 1, "dilation_h_factor": 1, **options}
        y = g.op(name, [x, weights, bias], (*shape[:3], filters), padding=0, stride_w=1,
                 stride_h=1, **options)  # fmt: skip
        g.output(g.op("ABS", [y], (*shape[:3], filters)))
    return build(g)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("shape", [(1, 33, 40, 16), (3, 64, 65, 5), (2, 28, 28, 48)])
def test_all_kinds_share(shape: tuple[int, ...], threads: int) -> None:
    model = kinds(shape)
    compiled = pytflite.Interpreter(model, backend="jit", wait=True, num_threads=threads)
    works = works_of(compiled)
    assert works.count("quantised_pictures.ends") == 1
    assert works.count("quantised_pictures.quantise") == 1
    assert {"depthwise_hybrid.tiled", "depthwise_hybrid.general"} < set(works)
    rng = np.random.default_rng(1)
    x = rng.normal(size=shape).astype(np.float32)
    for number in range(20):
        x = x * np.float32(rng.uniform(0.5, 2))
        x[number % len(x), 0, 0, 0] = (np.nan, np.inf, 1)[number % 3]
        with np.errstate(all="ignore"):
            want = pytflite.Interpreter(model, backend="numpy").run(x)
        for a, b in zip(compiled.run(x), want, strict=True):
            np.testing.assert_array_equal(a, b)
        x[number % len(x), 0, 0, 0] = 0.5


@pytest.mark.parametrize("asymmetric", [False, True])
@pytest.mark.parametrize("rows", [1, 5, 70])
def test_rows(rows: int, *, asymmetric: bool) -> None:
    """Dense layers of one input share its rows, one that sees them as longer rows does not."""
    rng = np.random.default_rng(rows)
    g = Graph()
    x = g.input("x", (2 * rows, 24))
    for units, depth in ((7, 24), (64, 24), (40, 48)):
        kernel = rng.integers(-127, 128, (units, depth)).astype(np.int8)
        weights = g.constant(kernel, scale=np.float32([0.02]), zero_point=np.zeros(1, int))
        shape = (48 * rows // depth, units)
        y = g.op("FULLY_CONNECTED", [x, weights, -1], shape,
                 asymmetric_quantize_inputs=asymmetric)  # fmt: skip
        g.output(g.op("ABS", [y], shape))
    model = build(g)
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    assert works_of(compiled).count("gemm_hybrid.rows") == 2
    array = rng.normal(size=(2 * rows, 24)).astype(np.float32)
    array[0, 3] = np.inf
    with np.errstate(all="ignore"):
        want = pytflite.Interpreter(model, backend="numpy").run(array)
    for a, b in zip(compiled.run(array), want, strict=True):
        np.testing.assert_array_equal(a, b)
