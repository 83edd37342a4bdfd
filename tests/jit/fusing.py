"""Convolutions for models, and whether fused steps give what operators alone do."""

from __future__ import annotations

from typing import Any

import numpy as np

import pytflite
from pytflite.model.model import Model
from tests.graphs import Graph

RNG = np.random.default_rng(0)
RELU = {"fused_activation_function": 1}


def conv(g: Graph, x: int, shape: tuple[int, ...], filters: int, size: int = 1, stride: int = 1,
         **options: Any) -> tuple[int, tuple[int, ...]]:  # fmt: skip
    """A CONV_2D with padding SAME; its output and the shape of that."""
    w = g.constant(RNG.normal(size=(filters, size, size, shape[3])).astype(np.float32) / 3)
    bias = g.constant(RNG.normal(size=filters).astype(np.float32))
    out = shape[0], -(-shape[1] // stride), -(-shape[2] // stride), filters
    y = g.op("CONV_2D", [x, w, bias], out, padding=0, stride_w=stride, stride_h=stride, **options)
    return y, out


def agrees(model: Model, x: Any, names: list[str]) -> list[Any]:
    """Compiled steps have these names, give what operators alone do, and NumPy; the steps."""
    compiled = pytflite.Interpreter(model, backend="jit", wait=True)
    steps = list(compiled.plan().steps)
    assert [s.node.name for s in steps] == names
    assert all(s.work is not None for s in steps)
    apart: dict[str, Any] = {
        "backend": "jit",
        "wait": True,
        "experimental_preserve_all_tensors": True,
    }
    ours, same, theirs = (
        run if isinstance(run := made.run(x), list) else [run]
        for made in (
            compiled,
            pytflite.Interpreter(model, **apart),
            pytflite.Interpreter(model, backend="numpy"),
        )
    )
    for got, alone, want in zip(ours, same, theirs, strict=True):
        np.testing.assert_array_equal(got, alone)
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)
    return steps
