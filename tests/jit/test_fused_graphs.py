"""Graphs at random: what is fused gives what operators alone do, to the bit, and NumPy nearly."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.model.model import Model
from tests.graphs import Graph, build

pytest.importorskip("numba")
_STEPS = {"padding": 0, "stride_w": 1, "stride_h": 1}
_WINDOW = {**_STEPS, "filter_width": 2, "filter_height": 2}
_ALONE = ["RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "HARD_SWISH", "ABS"]
_OTHERS = ["CONV_2D", "DEPTHWISE_CONV_2D", "ADD", "MUL", "PRELU", "MAX_POOL_2D", "PAD"]


class Sampler:
    """A graph of operators that keep the shape [batch, height, width, channels]."""

    def __init__(self, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        self.graph = Graph()
        self.channels = int(rng.choice([3, 8, 16, 20, 24, 33]))
        self.shape = (int(rng.choice([1, 2])), *map(int, rng.integers(2, 12, 2)), self.channels)
        self.made = [self.graph.input("x", self.shape)]

    def model(self) -> Model:
        """Up to 13 operators; some results are outputs, so that they cannot be fused away."""
        seen = []
        for _ in range(int(self.rng.integers(3, 14))):
            self.made.append(self._operator())
            if self.rng.random() < 0.12:
                seen.append(self.made[-1])
        for output in dict.fromkeys([*seen, self.made[-1]]):
            self.graph.output(output)
        return build(self.graph)

    def _operator(self) -> int:
        g, c, shape = self.graph, self.channels, self.shape
        x = int(self.rng.choice(self.made[-3:]))
        name = str(self.rng.choice(_ALONE + _OTHERS))
        fused: dict[str, Any] = {"fused_activation_function": int(self.rng.choice([0, 0, 1, 2, 3]))}
        if name in _ALONE:
            return g.op(name, [x], shape)
        if name in ("ADD", "MUL"):
            other = (
                self._constant(c) if self.rng.random() < 0.3 else int(self.rng.choice(self.made))
            )
            return g.op(name, [x, other], shape, **fused)
        if name == "PRELU":
            return g.op(name, [x, self._constant(1, 1, c)], shape)
        if name == "MAX_POOL_2D":
            return g.op(name, [x], shape, **_WINDOW, **fused)
        if name == "DEPTHWISE_CONV_2D":
            taps = self._constant(1, 3, 3, c)
            return g.op(name, [x, taps, self._constant(c)], shape, **_STEPS, depth_multiplier=1,
                        **fused)  # fmt: skip
        if name == "CONV_2D":
            size = int(self.rng.choice([1, 3]))
            filters = self._constant(c, size, size, c)
            return g.op(name, [x, filters, self._constant(c)], shape, **_STEPS, **fused)
        widths = g.constant(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32))
        padded = g.op("PAD", [x, widths], (shape[0], shape[1] + 2, shape[2] + 2, c))
        steps = {**_STEPS, "padding": 1}
        return g.op("CONV_2D", [padded, self._constant(c, 3, 3, c)], shape, **steps, **fused)

    def _constant(self, *shape: int) -> int:
        inputs = float(np.prod(shape[1:])) if len(shape) == 4 else 4.0
        numbers = self.rng.normal(size=shape) / np.sqrt(inputs)  # nothing grows from layer to layer
        return self.graph.constant(numbers.astype(np.float32))


@pytest.mark.parametrize("seed", range(48))
def test_any_graph(seed: int) -> None:
    sampler = Sampler(seed)
    model = sampler.model()
    x = sampler.rng.normal(size=sampler.shape).astype(np.float32)

    def results(**how: Any) -> list[np.ndarray]:
        interpreter = pytflite.Interpreter(model, **how)
        interpreter.run(x)
        found = interpreter.run(x)  # in memory that is not fresh
        return found if isinstance(found, list) else [found]

    native: dict[str, Any] = {"backend": "jit", "wait": True}
    alone = results(**native, experimental_preserve_all_tensors=True)
    numpy = results(backend="numpy")
    for threads in (1, 2):
        for got, same, near in zip(
            results(**native, num_threads=threads), alone, numpy, strict=True
        ):
            np.testing.assert_array_equal(got, same)
            size = 1 + np.abs(near).max(initial=0)
            np.testing.assert_allclose(got, near, rtol=1e-4, atol=2e-5 * size)


def test_something_is_fused() -> None:
    """The graphs are such that there is much to fuse."""
    fused = 0
    for seed in range(16):
        plan = pytflite.Interpreter(Sampler(seed).model(), backend="jit", wait=True).plan()
        fused += sum(len(step.parts) > 1 for step in plan.steps)
    assert fused > 8
