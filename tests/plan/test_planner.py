"""Planning: folding, aliases, what is kept, purity, and refusals."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import pytflite
from pytflite import Interpreter, LimitError, Limits, ModelWarning, UnsupportedOperatorError
from pytflite.errors import QuantizationError
from pytflite.format.flexbuffer import encode
from pytflite.model.dtypes import INT8
from pytflite.model.graph import Quantization, Tensor
from pytflite.model.model import Model
from tests.graphs import Graph, build
from tests.harness import single_op, tensor
from tests.ops.custom.node_defs import Kind, flex_options


def flatten_by_shape() -> Model:
    """x.reshape(x.shape[0], -1), as converters spell it out."""
    g = Graph()
    x = g.input("x", (2, 3, 4), signature=(-1, 3, 4))
    shape = g.op("SHAPE", [x], (3,), "INT32", out_type=2)
    first = g.op(
        "STRIDED_SLICE",
        [shape, *(g.constant(np.int32([n])) for n in (0, 1, 1))],
        (), "INT32", shrink_axis_mask=1,
    )  # fmt: skip
    wanted = g.op("PACK", [first, g.constant(np.int32(-1))], (2,), "INT32", values_count=2)
    g.output(g.op("RESHAPE", [x, wanted], (2, 12)))
    return build(g)


def test_shape_arithmetic_vanishes() -> None:
    interpreter = Interpreter(flatten_by_shape())
    plan = interpreter.plan()
    assert [s.node.name for s in plan.steps] == ["RESHAPE"] and plan.folded == 3
    assert plan.steps[0].alias  # no copy either
    assert interpreter.run(np.zeros((5, 3, 4))).shape == (5, 12)


def test_constants_that_are_packed_are_let_go() -> None:
    g = Graph()
    x = g.input("x", (1, 8))
    half = g.constant(np.ones((16, 8), np.float16))
    weights = g.op("DEQUANTIZE", [half], (16, 8))
    g.output(g.op("FULLY_CONNECTED", [x, weights], (1, 16)))
    plan = Interpreter(build(g)).plan()
    assert [s.node.name for s in plan.steps] == ["FULLY_CONNECTED"]
    assert weights not in plan.constants
    assert all(s.value is None for s in plan.specs.values())


def test_a_large_fill_is_not_folded() -> None:
    g = Graph()
    x = g.input("x", (1,))
    big = g.op("FILL", [g.constant(np.int32([1 << 20])), g.constant(np.float32(2))], (1 << 20,))
    g.output(g.op("ADD", [big, x], (1 << 20,)))
    plan = Interpreter(build(g)).plan()
    assert [s.node.name for s in plan.steps] == ["FILL", "ADD"]


def test_what_nobody_reads_is_not_run() -> None:
    g = Graph()
    x = g.input("x", (4,))
    g.op("EXP", [x], (4,))
    g.output(g.op("NEG", [x], (4,)))
    assert [s.node.name for s in Interpreter(build(g)).plan().steps] == ["NEG"]


def test_elementwise_chains_run_in_place() -> None:
    g = Graph()
    x = g.input("x", (1000,))
    y = x
    for name in ("ABS", "NEG", "SQUARE", "NEG"):
        y = g.op(name, [y], (1000,))
    g.output(y)
    plan = Interpreter(build(g)).plan()
    assert plan.arena_bytes <= 2 * 4096  # the input, and one more


def test_preserving_keeps_tensors_apart() -> None:
    g = Graph()
    x = g.input("x", (64,))
    first = g.op("NEG", [x], (64,))
    g.output(g.op("ABS", [first], (64,)))
    interpreter = Interpreter(build(g), experimental_preserve_all_tensors=True)
    plan = interpreter.plan()
    assert len(set(plan.offsets.values())) == 3


def test_plans_are_kept_for_eight_shapes() -> None:
    interpreter = Interpreter(flatten_by_shape())
    for batch in range(1, 12):
        interpreter.run(np.zeros((batch, 3, 4)))
    assert len(interpreter._engine._plans[0]) == 8


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(tensor_bytes=1000), "limit.tensor"),
        (Limits(arena_bytes=2000), "limit.arena"),
        (Limits(macs=1000), "limit.macs"),
    ],
)
def test_limits(limits: Limits, code: str) -> None:
    g = Graph()
    x = g.input("x", (1, 500))
    g.output(g.op("FULLY_CONNECTED", [x, g.constant(np.ones((4, 500), np.float32))], (1, 4)))
    model = build(g)
    with pytest.raises(LimitError) as caught:
        Interpreter(model, limits=limits).allocate_tensors()
    assert caught.value.code == code and "Limits" in str(caught.value)
    Interpreter(model, limits=Limits.none()).allocate_tensors()


def test_limits_are_values() -> None:
    assert Limits() == Limits() and Limits(macs=5) != Limits()
    assert Limits(macs=5).replace(macs=Limits().macs) == Limits()
    assert "macs=5" in repr(Limits(macs=5))
    with pytest.raises(TypeError, match="no limit"):
        Limits(nonsense=1)


def test_newer_versions_are_named() -> None:
    g = Graph()
    x = g.input("x", (4,))
    g.output(g.op("NEG", [x], (4,), version=99))
    with pytest.raises(UnsupportedOperatorError) as caught:
        Interpreter(build(g)).allocate_tensors()
    assert caught.value.found == 99


@pytest.mark.parametrize(
    ("name", "options", "shown"),
    [
        ("TheirOp", encode({"depth": 3, "mode": "same"}), "{'depth': 3, 'mode': 'same'}"),
        ("FlexTheirOp", flex_options("TheirOp", depth=3, T=Kind(1)), "{'depth': 3, 'T': 1}"),
        ("FlexTheirOp", flex_options("TheirOp", text="x" * 9999), "xxx..."),
        ("FlexTheirOp", b"no FlexBuffer", "of 13 bytes"),
        ("TheirOp", bytes(5), "of 5 bytes"),
    ],
)
def test_unknown_custom_operators_show_their_options(name: str, options: bytes, shown: str) -> None:
    model = single_op(name, [tensor((2,)), tensor((3,))], [tensor((2,))], custom_options=options)
    with pytest.raises(UnsupportedOperatorError) as caught:
        Interpreter(model).allocate_tensors()
    message = str(caught.value)
    assert f"custom op: {name} with options " in message and shown in message
    assert f"@pytflite.operator({name!r}) on a function f(x0, x1, **options)" in message
    assert len(message) < 3000
    without = single_op(name, [tensor((2,))], [tensor((2,))], custom_options=b"")
    with pytest.raises(UnsupportedOperatorError, match=f"custom op: {name};"):
        Interpreter(without).allocate_tensors()


def test_a_variable_begins_as_a_zero_point_that_fits() -> None:
    """Even one that no operator uses."""
    g = Graph()
    g.output(g.op("NEG", [g.input("x", (2,))], (2,)))
    model = build(g)
    graph = model.subgraphs[0]
    for point, fits in ((-128, True), (-129, False), (300, False)):
        kept = Tensor(
            "kept", (2,), INT8, is_variable=True,
            quantization=Quantization(np.float32([1]), np.int64([point]), 0),
        )  # fmt: skip
        count = len(graph.tensors)
        changed = graph.replace(tensors=(*graph.tensors, kept), outputs=(*graph.outputs, count))
        interpreter = Interpreter(model.replace(subgraphs=(changed,)))
        if fits:
            np.testing.assert_array_equal(interpreter.run(np.zeros(2))[1], [point, point])
        else:
            with pytest.raises(QuantizationError, match="does not fit"):
                interpreter.run(np.zeros(2))


def test_harmless_breach_is_a_warning(shared_models: Path) -> None:
    interpreter = Interpreter(shared_models / "tflite-micro__person_detect.tflite")
    with pytest.warns(ModelWarning, match="dimension 3"):
        interpreter.allocate_tensors()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Interpreter(shared_models / "tiny__vww_96_int8.tflite").allocate_tensors()


def test_every_public_model_plans_or_says_why(shared_models: Path) -> None:
    refused = {}
    for path in sorted(shared_models.glob("*.tflite")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ModelWarning)
                Interpreter(path).plan()
        except pytflite.TFLiteError as error:
            refused[path.name] = error.code
    assert not [name for name, code in refused.items() if code == "internal"], refused
    assert len(refused) < 45, refused
