"""Products fetch the weights of the next one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.jit.lowering.ahead import ahead
from pytflite.jit.lowering.tiles import Tile
from pytflite.jit.program import Program
from tests.graphs import Graph, build

pytest.importorskip("numba")


def test_who_follows_whom() -> None:
    """Each product knows its own weights and the next one's; after the last comes the first."""
    g = Graph()
    y = g.input("x", (1, 20, 20, 16))
    for channels, filters in ((16, 16), (16, 32), (32, 16)):
        w = g.constant(np.ones((filters, 1, 1, channels), np.float32))
        y = g.op("CONV_2D", [y, w], (1, 20, 20, filters), padding=1, stride_w=1, stride_h=1)
    g.output(y)
    interpreter = pytflite.Interpreter(build(g), backend="jit", wait=True)
    program = interpreter.plan().program
    assert isinstance(program, Program)
    known = [a for a in program.tables.constants if a.dtype == np.float32 and a.ndim == 4]
    assert sorted(Counter(a.shape[2] - 1 for a in known).items()) == [(16, 4), (32, 2)]
    x = np.ones((1, 20, 20, 16), np.float32)
    np.testing.assert_array_equal(interpreter.run(x), np.full((1, 20, 20, 16), 16.0 * 16 * 32))


@pytest.mark.parametrize("hybrid", [False, True])
def test_weights_of_bytes(hybrid: bool) -> None:
    """What is added to a product is passed over."""
    rng = np.random.default_rng(0)
    kind: dict[str, Any] = {} if hybrid else {"scale": [0.5], "zero_point": [1]}
    dtype = "FLOAT32" if hybrid else "INT8"
    g = Graph()
    x = g.input("x", (1, 8, 8, 48), dtype, **kind)

    def weights(*shape: int) -> int:
        return g.constant(rng.integers(-127, 128, shape, np.int8), scale=[0.01], zero_point=[0])

    def product(y: int) -> int:
        inputs = [y, weights(48, 1, 1, 48)]
        return g.op(
            "CONV_2D", inputs, (1, 8, 8, 48), dtype, output=kind, padding=1, stride_w=1, stride_h=1
        )

    y = product(x)
    y = g.op("ADD", [y, x], (1, 8, 8, 48), dtype, output=kind)
    g.output(product(y))
    model = build(g)
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    program = interpreter.plan().program
    assert isinstance(program, Program)
    addresses = Counter(a.ctypes.data for a in program.tables.constants if a.nbytes > 48 * 48)
    assert sorted(addresses.values())[-2:] == [2, 2]
    value = rng.integers(-100, 100, (1, 8, 8, 48)).astype(np.float32 if hybrid else np.int8)
    want = pytflite.Interpreter(model, backend="numpy").run(value)
    np.testing.assert_allclose(interpreter.run(value), want, rtol=1e-6)


@pytest.mark.parametrize(("m", "most"), [(1, 64), (14, 64), (14, 128), (49, 128), (200, 128)])
def test_all_of_a_panel(m: int, most: int) -> None:
    """The micros of a block fetch the panel, each of them not more than it may."""
    tile = Tile(14, 2, 32, 2, masked=False, chains=1, row_block=98, panel_block=1)
    k, panel = 100, 100 * 128 + 768
    each, _ = ahead(m, tile, panel, k, most)
    calls = -(-min(m, 98) // 14)
    assert each == most or calls * k * each >= panel > calls * k * (each - 1)
