"""One operator tried out, and models made by hand."""

from __future__ import annotations

import numpy as np
import pytest

import pytflite
from pytflite.tools.building import Graph, build, call


def test_types_follow_from_the_inputs() -> None:
    assert call("ADD", [1.0], [2.0]).dtype == np.float32
    assert call("GREATER", [1, 2], [2, 1]).tolist() == [False, True]
    values, places = call("TOPK_V2", [1.0, 3.0], np.int32(1), outputs=("FLOAT32", "INT32"))
    assert (values.tolist(), places.tolist()) == ([3.0], [1])


def test_inputs_may_be_left_out_or_variable() -> None:
    x, w = [[1.0, 2.0]], [[3.0, 4.0]]
    assert call("FULLY_CONNECTED", x, w, None).tolist() == [[11.0]]
    quantized = call("QUANTIZE", [1.0, -1.0], outputs=("INT8",), quantization=[None, (0.5, 1)])
    assert quantized.tolist() == [3, -1]


def test_custom_operators_get_their_options() -> None:
    assert call("Roll", [1.0, 2.0, 3.0], np.int32(1), np.int32(0)).tolist() == [3.0, 1.0, 2.0]


def test_refusals() -> None:
    with pytest.raises(pytflite.InputError, match="no operator 'NOPE'"):
        call("NOPE", [1.0])
    with pytest.raises(pytflite.InputError, match="have to be told"):
        call("CAST", [1.0])
    with pytest.raises(pytflite.ShapeError):
        call("ADD", [1.0, 2.0], [1.0, 2.0, 3.0])


def test_an_option_may_be_called_name() -> None:
    main, inner = Graph(), Graph("inner")
    x = main.input("x", (1,))
    main.output(main.op("STABLEHLO_COMPOSITE", [x], (1,), name="n", decomposition_subgraph_index=1))
    inner.output(inner.op("NEG", [inner.input("y", (1,))], (1,)))
    assert pytflite.Interpreter(build(main, inner), backend="numpy").run([2.0]).tolist() == [-2.0]
