"""Small models for both runtimes, opened in either."""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.model.graph import Signature
from pytflite.model.model import Model
from pytflite.model.writing import write
from tests.graphs import Graph, build


def opened(runtime: Any, model: Model, *, allocate: bool = True, **more: Any) -> Any:
    interpreter = runtime.Interpreter(model_content=write(model), **more)
    if allocate:
        interpreter.allocate_tensors()
    return interpreter


def reversing() -> Model:
    """A fully connected layer without bias that reverses four numbers."""
    g = Graph()
    x = g.input("input", (1, 4))
    weights = g.constant(np.eye(4, dtype=np.float32)[::-1], name="weights")
    g.output(g.op("FULLY_CONNECTED", [x, weights, -1], (1, 4), output={"name": "output"}))
    return build(g)


def counting() -> Model:
    """Two signatures on two subgraphs: x + y, and x * y."""
    graphs = []
    for operator in ("ADD", "MUL"):
        g = Graph(operator.lower())
        x, y = g.input(f"{operator.lower()}_x", (1,)), g.input(f"{operator.lower()}_y", (1,))
        g.output(g.op(operator, [x, y], (1,)))
        graphs.append(g)
    return build(
        *graphs,
        signatures=[
            Signature("add", {"y": 1, "x": 0}, {"sum": 2}),
            Signature("multiply", {"y": 1, "x": 0}, {"product": 2}, 1),
        ],
    )


def no_quantization(details: dict[str, Any]) -> None:
    assert details["quantization"] == (0.0, 0)
    parameters = details["quantization_parameters"]
    assert parameters["scales"].dtype == np.float32 and parameters["scales"].size == 0
    assert parameters["zero_points"].dtype == np.int32 and parameters["zero_points"].size == 0
    assert parameters["quantized_dimension"] == 0 and parameters["block_size"] == 0
