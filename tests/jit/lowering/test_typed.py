"""Elementwise operators of other types than FLOAT32: to the bit what NumPy answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.errors import DataError
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.native import RUNNABLE

SHAPES = [((3, 37), (3, 37)), ((2, 1, 70), (5, 1)), ((4100,), ())]
# Without denormal numbers, which the CPU takes for zero while kernels run.
SPECIAL = np.array(
    [0.0, -0.0, np.inf, -np.inf, np.nan, 1e-37, 0.5, -0.5, 1.5, 0.49999997, 2.0**31, -(2.0**31),
     2147483520.0, 2.0**63, -(2.0**63), 255.5, 1e20], np.float32,
)  # fmt: skip


def numbers(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Any numbers of a type, the awkward ones first."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if "float" in dtype:
        x = (rng.normal(size=shape) * 40).astype(dtype)
        flat = x.reshape(-1)
        with np.errstate(over="ignore"):
            flat[: SPECIAL.size] = SPECIAL[: flat.size]
        return x
    info = np.iinfo(dtype)
    x = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    x.reshape(-1)[:2] = [info.min, info.max][: x.size]
    return x


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "uint32"])
@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "MAXIMUM", "BITWISE_XOR", "RIGHT_SHIFT"])
def test_plain_integers(name: str, dtype: str, shapes: Any) -> None:
    a, b = (numbers(dtype, s, n) for n, s in enumerate(shapes))
    kind = dtype.upper()
    out = np.broadcast_shapes(*shapes)
    agree(single_op(name, [tensor(s, kind) for s in shapes], [tensor(out, kind)]), a, b)


@pytest.mark.parametrize("activation", [1, 2, 3])
def test_plain_integers_are_clamped(activation: int) -> None:
    model = single_op(
        "ADD", [tensor((50,), "INT32")] * 2, [tensor((50,), "INT32")],
        fused_activation_function=activation,
    )  # fmt: skip
    x = np.arange(-25, 25, dtype=np.int32)
    agree(model, x, x[::-1].copy())


@pytest.mark.parametrize("shapes", SHAPES[:2])
@pytest.mark.parametrize("scales", [(0.3, 0.7, 0.9), (1.0, 0.001, 0.5), (0.5, 0.25, 0.5)])
@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL"])
def test_int16_with_scales(name: str, scales: tuple[float, ...], shapes: Any) -> None:
    a, b = (numbers("int16", s, n) for n, s in enumerate(shapes))
    tensors = [
        tensor(s, "INT16", scale=scale)
        for s, scale in zip((*shapes, np.broadcast_shapes(*shapes)), scales, strict=True)
    ]
    options = {} if name == "MUL" else {"pot_scale_int16": scales[0] == 0.5}
    agree(single_op(name, tensors[:2], tensors[2:], **options), a, b)


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16", "int32", "int64"])
@pytest.mark.parametrize("name", ["EQUAL", "NOT_EQUAL", "LESS", "GREATER_EQUAL"])
def test_comparisons(name: str, dtype: str, shapes: Any) -> None:
    a, b = (numbers(dtype, s, n) for n, s in enumerate(shapes))
    b = b % a.dtype.type(7) if dtype != "float32" else b
    kind = dtype.upper()
    inputs = [tensor(s, kind) for s in shapes]
    agree(single_op(name, inputs, [tensor(np.broadcast_shapes(*shapes), "BOOL")]), a, b)


@pytest.mark.parametrize("dtype", ["INT8", "INT16"])
@pytest.mark.parametrize("name", ["EQUAL", "LESS"])
def test_comparisons_with_scales(name: str, dtype: str) -> None:
    a = numbers(dtype.lower(), (600,))
    inputs = [tensor((600,), dtype, scale=0.5), tensor((600,), dtype, scale=0.25)]
    agree(single_op(name, inputs, [tensor((600,), "BOOL")]), a, a // 2)


@pytest.mark.parametrize("name", ["LOGICAL_AND", "LOGICAL_OR", "EQUAL"])
@pytest.mark.parametrize("shapes", SHAPES)
def test_truth_values(name: str, shapes: Any) -> None:
    a, b = (numbers("bool", s, n) for n, s in enumerate(shapes))
    inputs = [tensor(s, "BOOL") for s in shapes]
    agree(single_op(name, inputs, [tensor(np.broadcast_shapes(*shapes), "BOOL")]), a, b)


def test_not() -> None:
    model = single_op("LOGICAL_NOT", [tensor((99,), "BOOL")], [tensor((99,), "BOOL")])
    agree(model, numbers("bool", (99,)))


@pytest.mark.parametrize("dtype", ["float32", "int8", "int64", "int16", "bool"])
@pytest.mark.parametrize(("name", "shape"), [("SELECT", (5,)), ("SELECT_V2", (5, 1)),
                                             ("SELECT_V2", (5, 70))])  # fmt: skip
def test_select(name: str, shape: tuple[int, ...], dtype: str) -> None:
    x, y = (numbers(dtype, (5, 70), n) for n in range(2))
    kind = dtype.upper()
    model = single_op(
        name, [tensor(shape, "BOOL"), tensor((5, 70), kind), tensor((5, 70), kind)],
        [tensor((5, 70), kind)],
    )  # fmt: skip
    agree(model, numbers("bool", shape), x, y)


@pytest.mark.parametrize("to", ["float32", "bool", "int8", "uint8", "int16", "int32", "int64",
                                "uint32"])  # fmt: skip
@pytest.mark.parametrize("of", ["float32", "float16", "bool", "int8", "uint8", "int16", "uint16",
                                "int32", "int64", "uint32"])  # fmt: skip
def test_cast(of: str, to: str) -> None:
    model = single_op("CAST", [tensor((3, 41), of.upper())], [tensor((3, 41), to.upper())])
    agree(model, numbers(of, (3, 41)))


@pytest.mark.parametrize("slices", [False, True])
@pytest.mark.parametrize("of", ["FLOAT32", "FLOAT16"])
@pytest.mark.parametrize("to", ["INT8", "UINT8", "INT16"])
def test_quantize(of: str, to: str, slices: bool) -> None:
    scale = np.linspace(0.1, 3, 41) if slices else 0.37
    zero = 0 if slices or to == "INT16" else 5
    output = tensor((30, 41), to, scale=scale, zero_point=zero, dimension=1)
    model = single_op("QUANTIZE", [tensor((30, 41), of)], [output])
    agree(model, numbers(of.lower(), (30, 41)))


@pytest.mark.parametrize("to", ["INT8", "INT16", "INT32"])
@pytest.mark.parametrize("of", ["INT8", "INT16", "INT32"])
@pytest.mark.parametrize("ratio", [0.01, 0.7, 1.0, 3.0])
def test_requantize(of: str, to: str, ratio: float) -> None:
    zero = 3 * (of == to == "INT8")
    source = tensor((500,), of, scale=ratio, zero_point=zero)
    model = single_op("QUANTIZE", [source], [tensor((500,), to, scale=1.0, zero_point=-zero)])
    agree(model, numbers(of.lower(), (500,)))


@pytest.mark.parametrize("slices", [False, True])
@pytest.mark.parametrize("of", ["INT8", "UINT8", "INT16", "INT32"])
def test_dequantize(of: str, slices: bool) -> None:
    if slices and of == "INT32":
        pytest.skip("not compiled")
    scale = np.linspace(0.1, 3, 41) if slices else 0.37
    zero = 0 if slices or of == "INT16" else 5
    source = tensor((30, 41), of, scale=scale, zero_point=zero, dimension=1)
    model = single_op("DEQUANTIZE", [source], [tensor((30, 41), "FLOAT32")])
    agree(model, numbers(of.lower(), (30, 41)))


def test_every_float16_becomes_longer() -> None:
    model = single_op("DEQUANTIZE", [tensor((1 << 16,), "FLOAT16")], [tensor((1 << 16,))])
    agree(model, np.arange(1 << 16, dtype=np.uint16).view(np.float16))


PLAIN = ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64"]


@pytest.mark.parametrize("shapes", SHAPES)
@pytest.mark.parametrize("dtype", PLAIN)
@pytest.mark.parametrize("name", ["DIV", "FLOOR_DIV", "FLOOR_MOD"])
def test_divisions(name: str, dtype: str, shapes: Any) -> None:
    """What does not fit wraps around: the least integer divided by -1."""
    a, b = (numbers(dtype, s, n) for n, s in enumerate(shapes))
    b[...] = b % b.dtype.type(50)
    b[...] = np.where(b == 0, 1, b - b.dtype.type(25) * (dtype[0] == "i"))
    b[...] = np.where(b == 0, -1, b)
    kind = dtype.upper()
    inputs = [tensor(s, kind) for s in shapes]
    agree(single_op(name, inputs, [tensor(np.broadcast_shapes(*shapes), kind)]), a, b)


def test_divisions_of_large_numbers() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(-(2**31), 2**31, 9999).astype(np.int32)
    b = np.maximum(rng.integers(-(2**31), 2**31, 9999) >> rng.integers(0, 31, 9999), 1)
    factor = a // b.astype(np.int32) * b.astype(np.int32)  # next to whole quotients
    for numerator in (a, factor, factor - 1, factor + 1):
        for name in ("DIV", "FLOOR_DIV", "FLOOR_MOD"):
            model = single_op(name, [tensor((9999,), "INT32")] * 2, [tensor((9999,), "INT32")])
            agree(model, numerator.astype(np.int32), b.astype(np.int32), cpus=RUNNABLE[:1])


def test_divisions_of_floats() -> None:
    a, b = numbers("float32", (3, 700)), numbers("float32", (3, 700), 1)
    b[b == 0] = 2
    model = single_op("FLOOR_DIV", [tensor((3, 700))] * 2, [tensor((3, 700))])
    agree(model, a, b)


@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
def test_quantised_divisions(dtype: str) -> None:
    a, b = (numbers(dtype.lower(), (70, 90), n) for n in range(2))
    b[b == 3] = 4
    scales = (0.3, 0), (0.7, 3), (0.01, -5 if dtype == "INT8" else 9)
    tensors = [tensor((70, 90), dtype, scale=s, zero_point=z) for s, z in scales]
    model = single_op("DIV", tensors[:2], tensors[2:])
    agree(model, a, b)
    b[5, 5] = 3
    with pytest.raises(DataError):
        pytflite.Interpreter(model, backend="jit", wait=True).run(a, b)


@pytest.mark.parametrize("dtype", PLAIN)
def test_powers(dtype: str) -> None:
    a, b = numbers(dtype, (3, 70)), np.abs(numbers(dtype, (3, 70), 1) % np.dtype(dtype).type(9))
    kind = dtype.upper()
    agree(single_op("POW", [tensor((3, 70), kind)] * 2, [tensor((3, 70), kind)]), a, b)


@pytest.mark.parametrize(
    ("name", "dtype", "bad"),
    [("DIV", "INT32", 0), ("FLOOR_DIV", "INT64", 0), ("FLOOR_MOD", "INT8", 0),
     ("FLOOR_DIV", "FLOAT32", -0.0), ("POW", "INT32", -1)],
)  # fmt: skip
@pytest.mark.parametrize("place", [0, 16_383, 16_384, 40_000])
def test_what_is_refused(name: str, dtype: str, bad: float, place: int) -> None:
    """Wherever it is; and a constant that is fine is not looked at."""
    model = single_op(name, [tensor((40_001,), dtype)] * 2, [tensor((40_001,), dtype)])
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    a, b = (np.ones(40_001, dtype.lower()) for _ in range(2))
    want = interpreter.run(a, b)
    b[place] = bad
    with pytest.raises(DataError):
        interpreter.run(a, b)
    np.testing.assert_array_equal(interpreter.run(a, a), want)
    np.testing.assert_array_equal(want, a * (name != "FLOOR_MOD"))
    fine = single_op(name, [tensor((3,), dtype), tensor(value=a[:3])], [tensor((3,), dtype)])
    agree(fine, a[:3])
    assert len(pytflite.Interpreter(fine, backend="jit", wait=True).plan().steps[0].work or ()) == 1


@pytest.mark.parametrize("dtype", ["INT8", "UINT8", "INT16"])
@pytest.mark.parametrize("name", ["SQRT", "RSQRT"])
def test_roots(name: str, dtype: str) -> None:
    """Of negative numbers there are none."""
    zero = {"INT8": -128, "UINT8": 100, "INT16": 0}[dtype]
    x = numbers(dtype.lower(), (9000,)).astype(np.int32)
    x = np.maximum(x, zero).astype(dtype.lower())
    source = tensor((9000,), dtype, scale=0.1, zero_point=zero)
    target = tensor((9000,), dtype, scale=0.01, zero_point=0 if dtype == "INT16" else 3)
    model = single_op(name, [source], [target])
    agree(model, x)
    if dtype != "INT8":
        x[8999] = zero - 1
        with pytest.raises(DataError):
            pytflite.Interpreter(model, backend="jit", wait=True).run(x)


@pytest.mark.parametrize("dtype", ["float32", *PLAIN])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_sums_of_many(dtype: str, count: int) -> None:
    arrays = [numbers(dtype, (3, 70), n) for n in range(count)]
    t = tensor((3, 70), dtype.upper())
    agree(single_op("ADD_N", [t] * count, [t]), *arrays)


def test_sums_of_too_many() -> None:
    model = single_op("ADD_N", [tensor((3,))] * 200, [tensor((3,))])
    interpreter = pytflite.Interpreter(model, backend="jit", wait=True)
    assert interpreter.backend == "numpy"
    np.testing.assert_array_equal(interpreter.run(*[np.ones(3, np.float32)] * 200), [200] * 3)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_signs(dtype: str) -> None:
    t = tensor((99,), dtype.upper())
    x = numbers(dtype, (99,)) // 3
    x[5:9] = 0
    agree(single_op("SIGN", [t], [t]), x)
