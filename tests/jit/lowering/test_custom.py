"""Custom operators of ours on the compiled backend."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import pytflite
from tests.graphs import Graph, build
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled, reasons
from tests.ops.custom.node_defs import flex_options

pytest.importorskip("numba")
RNG = np.random.default_rng(0)


def numbers(*shape: int) -> np.ndarray:
    x = RNG.normal(size=shape).astype(np.float32) * 3
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 3e38], np.float32)
    x.reshape(-1)[: special.size] = special[: x.size]
    return x


@pytest.mark.parametrize("name", ["Bsign", "LceBsign", "LqceBsign"])
def test_signs(name: str) -> None:
    x = numbers(5, 33)
    x[1, 0] = -np.float32(np.nan)
    agree(single_op(name, [tensor(x.shape)], [tensor(x.shape)]), x)


def test_signs_of_bytes() -> None:
    x = np.arange(-128, 128, dtype=np.int8)
    agree(single_op("Bsign", [tensor(x.shape, "INT8")], [tensor(x.shape, "INT8")]), x)


def test_transposed_convolutions_with_a_bias() -> None:
    """MediaPipe's, which is TRANSPOSE_CONV with its inputs in another order."""
    x, w, b = (RNG.normal(size=s).astype(np.float32) for s in ((2, 5, 4, 8), (3, 3, 3, 8), (3,)))
    weights = [tensor(value=w), tensor(value=b)]
    model = single_op(
        "Convolution2DTransposeBias", [tensor(x.shape), *weights], [tensor()],
        custom_options=struct.pack("<3i", 1, 2, 2),
    )  # fmt: skip
    agree(model, x, ulps=16)


def test_operators_of_tensorflow_that_are_builtin_ones() -> None:
    """Their attributes become options, and some of their inputs."""
    x = numbers(3, 4, 5)
    axis = tensor(value=np.array(1, np.int32))
    concat = single_op(
        "FlexConcatV2", [tensor(x.shape), tensor(x.shape), axis], [tensor((3, 8, 5))],
        custom_options=flex_options("ConcatV2"),
    )  # fmt: skip
    agree(concat, x, x[::-1].copy())
    sizes = tensor(value=np.array([7, 9], np.int32))
    resize = single_op(
        "FlexResizeBilinear", [tensor((1, 4, 5, 3)), sizes], [tensor((1, 7, 9, 3))],
        custom_options=flex_options("ResizeBilinear", half_pixel_centers=True),
    )  # fmt: skip
    agree(resize, RNG.normal(size=(1, 4, 5, 3)).astype(np.float32), ulps=4)


_UNARY = (
    "Abs Neg Square Sqrt Rsqrt Floor Ceil Sign Exp Tanh Log Elu Sin Cos Softplus Softsign Selu "
    "Reciprocal Inv Round Rint Sigmoid Relu Relu6 LeakyRelu"
)
_BINARY = "Add AddV2 Sub Mul Div RealDiv SquaredDifference Pow Atan2"


@pytest.mark.parametrize("name", _UNARY.split())
def test_functions_of_tensorflow(name: str) -> None:
    x = numbers(3, 700)
    model = single_op(
        f"Flex{name}", [tensor(x.shape)], [tensor(x.shape)], custom_options=flex_options(name)
    )
    agree(model, x, ulps=4)
    plain = single_op(
        f"Flex{name}", [tensor((9,), "FLOAT16")], [tensor((9,), "FLOAT16")],
        custom_options=flex_options(name),
    )  # fmt: skip
    assert reasons(compiled(plain, RUNNABLE[0]), (9,)) == ["compiled for FLOAT32 alone"]


@pytest.mark.parametrize("name", _BINARY.split())
def test_functions_of_two_of_tensorflow(name: str) -> None:
    x, y = numbers(3, 700), numbers(3, 1)
    model = single_op(
        f"Flex{name}", [tensor(x.shape), tensor(y.shape)], [tensor(x.shape)],
        custom_options=flex_options(name),
    )  # fmt: skip
    agree(model, x, y, ulps=4)


def test_filters_that_are_computed() -> None:
    """Where the kernels need memory that the builtin operator asks for."""
    x, w, b = (RNG.normal(size=s).astype(np.float32) for s in ((1, 5, 6, 3), (4, 3, 3, 3), (4,)))
    model = single_op(
        "Convolution2DTransposeBias", [tensor(a.shape) for a in (x, w, b)], [tensor()],
        custom_options=struct.pack("<3i", 1, 2, 2),
    )  # fmt: skip
    agree(model, x, w, b, ulps=16)


def test_variables_of_tensorflow() -> None:
    g = Graph()
    x = g.input("x", (3,))
    names = flex_options("VarHandleOp", container="", shared_name="v")
    handle = g.op("FlexVarHandleOp", [], (), "RESOURCE", custom_options=names)
    g.op("FlexAssignVariableOp", [handle, g.op("EXP", [x], (3,))], None)
    g.output(g.op("FlexReadVariableOp", [handle], (3,)))
    native, plain = (
        pytflite.Interpreter(build(g), backend=b, wait=b == "jit") for b in ("jit", "numpy")
    )
    for _ in range(3):
        given = RNG.normal(size=3).astype(np.float32)
        np.testing.assert_allclose(native.run(given), plain.run(given), rtol=1e-6)
    states = [list(i._engine.state.resources.values()) for i in (native, plain)]
    np.testing.assert_allclose(states[0], states[1], rtol=1e-6)
