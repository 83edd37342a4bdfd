"""Products of int8 by matrices of the run: BATCH_MATMUL, FULLY_CONNECTED, equal to NumPy's."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import pytflite
from pytflite.jit.lowering.panels import TOO_SPARSE
from pytflite.jit.target import Target
from tests.harness import single_op, tensor
from tests.jit.lowering.test_products_int8 import SIZES, cpus, integers, same
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled, reasons


@cpus
@pytest.mark.parametrize("constant", [True, False])
@settings(max_examples=8)
@given(data=st.data())
def test_batch_matmul(cpu: Target, constant: bool, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    stack = data.draw(st.sampled_from([((), ()), ((3,), ()), ((2, 3), (3,)), ((2, 1), (2, 3))]))
    m, k, n = data.draw(SIZES), data.draw(SIZES), data.draw(SIZES)
    adj_x, adj_y = data.draw(st.booleans()), data.draw(st.booleans())
    y = integers(rng, "INT8", (*stack[1], *((n, k) if adj_y else (k, n))))
    x = integers(rng, "INT8", (*stack[0], *((k, m) if adj_x else (m, k))))
    zeros = [int(v) for v in integers(rng, "INT8", (2,))]
    zeros[1] = data.draw(st.sampled_from([0, zeros[1]]))
    given = {"value": y} if constant else {"shape": y.shape, "dtype": "INT8"}
    model = single_op(
        "BATCH_MATMUL",
        [tensor(x.shape, "INT8", scale=0.5, zero_point=zeros[0]),
         tensor(**given, scale=0.5, zero_point=zeros[1])],
        [tensor(dtype="INT8", scale=2.0 ** data.draw(st.integers(2, 9)), zero_point=-7)],
        adj_x=adj_x, adj_y=adj_y,
    )  # fmt: skip
    same(model, cpu, *([x] if constant else [x, y]))


@cpus
@settings(max_examples=10)
@given(data=st.data())
def test_layers_whose_weights_are_computed(cpu: Target, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    m, k, n = data.draw(SIZES), data.draw(SIZES), data.draw(SIZES)
    x, w = integers(rng, "INT8", (m, k)), integers(rng, "INT8", (n, k))
    zeros = [int(v) for v in integers(rng, "INT8", (2,))]
    zeros[1] = data.draw(st.sampled_from([0, zeros[1]]))
    model = single_op(
        "FULLY_CONNECTED",
        [tensor(x.shape, "INT8", scale=0.5, zero_point=zeros[0]),
         tensor(w.shape, "INT8", scale=0.5, zero_point=zeros[1])],
        [tensor(dtype="INT8", scale=2.0 ** data.draw(st.integers(2, 9)), zero_point=-7)],
        fused_activation_function=data.draw(st.sampled_from([0, 1])),
    )  # fmt: skip
    same(model, cpu, x, w)


def test_computed_matrices_that_stay() -> None:
    """Products that are left to NumPy: of panels far larger than y, of sums beyond an int32."""
    sides = (40_000, 1, 1), (40_000, 1, 1)
    many = [tensor(shape, "INT8", scale=0.5, zero_point=1) for shape in sides]
    deep = [
        tensor(shape, "INT8", scale=0.5, zero_point=-128) for shape in ((1, 33_100), (33_100, 1))
    ]
    for inputs, why in ((many, TOO_SPARSE), (deep, "its sums might pass an int32")):
        model = single_op("BATCH_MATMUL", inputs, [tensor(dtype="INT8", scale=99.0, zero_point=0)])
        xs = [np.ones(side.shape, np.int8) for side in inputs]
        interpreter = compiled(model, RUNNABLE[0])
        assert why in reasons(interpreter, *(x.shape for x in xs))
        want = pytflite.Interpreter(model, backend="numpy").run(*xs)
        np.testing.assert_array_equal(interpreter.run(*xs), want)
