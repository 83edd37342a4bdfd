"""State that operators write: the converter's LSTM cells in FLOAT16 begin so, against LiteRT.

There the cell's state is a variable tensor and the output of a DEQUANTIZE of a constant. LiteRT
dequantises constants in the first run and never again, so that the state goes on from there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.format.schema import BuiltinOperator
from pytflite.model.dtypes import FLOAT16, FLOAT32
from pytflite.model.graph import Buffer, Operator, OperatorCode, Tensor
from pytflite.model.model import Model
from pytflite.model.writing import write
from tests.harness import assert_same, needs_litert
from tests.ops.recurrent.lstm_models import Cell, sequence
from tests.ops.recurrent.test_unidirectional_sequence_lstm import ATOL, ULPS

STATES = (np.full((2, 3), 0.5), np.array([[0.25, -0.75, 1], [0, 2, -0.1]]))
SOURCES = ["DEQUANTIZE", "NEG"]


def with_written_state(operator: str, *, constant: bool) -> tuple[Model, np.ndarray]:
    """An LSTM whose state the operator makes, of constants or of inputs; and x."""
    model, x = sequence(Cell(batch=2, depth=4, units=3, outputs=3), 0, time=1)
    graph = model.subgraphs[0]
    (lstm,) = graph.operators
    tensors, buffers, inputs = list(graph.tensors), list(model.buffers), list(graph.inputs)
    dtype = FLOAT16 if operator == "DEQUANTIZE" else FLOAT32
    code = OperatorCode(getattr(BuiltinOperator, operator), None, 2 if dtype is FLOAT16 else 1)
    writers = []
    for number, value in zip(lstm.inputs[18:20], STATES, strict=True):
        buffer = len(buffers) if constant else 0
        if constant:
            buffers.append(Buffer(value.astype(dtype.storage).tobytes()))
        else:
            inputs.append(len(tensors))
        writers.append(Operator(code, (len(tensors),), (number,), None))
        tensors.append(Tensor(f"source{number}", tensors[number].shape, dtype, buffer))
    graph = graph.replace(
        tensors=tuple(tensors), operators=(*writers, lstm), inputs=tuple(inputs)
    )  # fmt: skip
    changed = model.replace(
        subgraphs=(graph,), operator_codes=(*model.operator_codes, code), buffers=tuple(buffers)
    )
    return Model.open(write(changed)), x


def outputs(interpreter: Any, x: np.ndarray) -> list[np.ndarray]:
    """Three runs, two after the variables are reset, and one after memory is allocated again."""
    interpreter.allocate_tensors()
    found = []

    def run() -> None:
        for details, value in zip(interpreter.get_input_details(), (x, *STATES), strict=False):
            interpreter.set_tensor(details["index"], value.astype(details["dtype"]))
        interpreter.invoke()
        found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))

    for times, then in (
        (3, interpreter.reset_all_variables),
        (2, interpreter.allocate_tensors),
        (1, lambda: None),
    ):
        for _ in range(times):
            run()
        then()
    return found


def ours(model: Model, backend: str) -> pytflite.Interpreter:
    if backend == "jit":
        pytest.importorskip("llvmlite")
    return pytflite.Interpreter(model, backend=backend, wait=True)


@needs_litert
@pytest.mark.parametrize("backend", ["numpy", "jit"])
@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("operator", SOURCES)
def test_as_litert_has_it(operator: str, constant: bool, backend: str) -> None:
    from ai_edge_litert.interpreter import Interpreter

    model, x = with_written_state(operator, constant=constant)
    want = outputs(Interpreter(model_content=bytes(write(model))), x)
    for g, w in zip(outputs(ours(model, backend), x), want, strict=True):
        assert_same(g, w, ulps=ULPS, atol=ATOL)


@pytest.mark.parametrize("backend", ["numpy", "jit"])
def test_dequantised_once(backend: str) -> None:
    """As a state that was set before the first run, and is zeros after a reset."""
    model, x = with_written_state("DEQUANTIZE", constant=True)
    plain, _ = sequence(Cell(batch=2, depth=4, units=3, outputs=3), 0, time=1)
    given = ours(plain, backend)
    given.allocate_tensors()
    for index, value in zip(plain.subgraphs[0].operators[0].inputs[18:20], STATES, strict=True):
        given.set_tensor(index, value.astype(np.float16).astype(np.float32))
    for g, w in zip(outputs(ours(model, backend), x), outputs(given, x), strict=True):
        np.testing.assert_array_equal(g, w, strict=True)


def test_written_in_each_run() -> None:
    """An operator that LiteRT does not spare writes each time; and a clone begins anew."""
    model, x = with_written_state("NEG", constant=True)
    first, *others = outputs(ours(model, "numpy"), x)
    for other in others:
        np.testing.assert_array_equal(other, first)
    once = pytflite.Interpreter(with_written_state("DEQUANTIZE", constant=True)[0])
    first = once.run(x)
    assert not np.array_equal(once.run(x), first)
    np.testing.assert_array_equal(once.clone().run(x), first)
