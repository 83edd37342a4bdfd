"""Products fetch the weights of the next one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

import pytflite
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
