"""Mathematical functions of one input against LiteRT, NumPy and their definitions."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytflite.errors import DataError, DTypeError, QuantizationError
from pytflite.model.dtypes import BFLOAT16
from pytflite.ops.elementwise.unary import ROWS
from pytflite.ops.narrow_floats import narrow, widen
from tests.harness import check, needs_litert, run_litert, run_pytflite, single_op, tensor
from tests.ops.elementwise.every_value import (
    check_integers,
    floats,
    quantized_op,
    refused,
    resolver,
    scales,
    version,
)

REAL = {
    "ABS": np.abs, "NEG": np.negative, "SIN": np.sin, "COS": np.cos, "LOG": np.log,
    "SQRT": np.sqrt, "RSQRT": lambda x: 1 / np.sqrt(x), "SQUARE": np.square, "EXP": np.exp,
    "FLOOR": np.floor, "CEIL": np.ceil, "ROUND": np.rint, "SIGN": np.sign,
    "ZEROS_LIKE": np.zeros_like,
}  # fmt: skip
QUANTIZED = ["ABS", "LOG", "SQRT", "RSQRT", "EXP"]


def test_every_row_is_tested() -> None:
    assert ROWS.keys() == REAL.keys()


@needs_litert
@pytest.mark.parametrize("name", REAL)
def test_float32(name: str) -> None:
    x = floats(1)
    if name in ("SIN", "COS"):
        x = np.clip(x, -1e4, 1e4)  # LiteRT's libm and NumPy reduce large angles alike, but slowly
    if name == "ROUND":
        x = x[np.abs(x) < 2**31]  # beyond, LiteRT's kernel overflows an int
    row = ROWS[name]
    # Each number on its own: the tolerance is one of ulps, and must not hide behind large results.
    model = single_op(name, [tensor(x.shape)], [tensor(x.shape)], version=1)
    got = check(model, x, resolver=resolver(name), ulps=row.tolerance, times=1)[0]
    with np.errstate(all="ignore"):
        want = REAL[name](x.astype(np.float64)).astype(np.float32)
    number = np.isfinite(want)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(want))
    close = np.abs(got[number] - want[number]) <= row.tolerance * np.spacing(np.abs(want[number]))
    assert close.all(), (x[number][~close], got[number][~close], want[number][~close])


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("size", [40, 20_000])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_narrow_floats(name: str, size: int) -> None:
    """Computed in float32 and rounded once, in small tensors and by table in large ones."""
    x32 = np.abs(np.random.default_rng(2).standard_normal(size)).astype(np.float32) + 0.01
    want = REAL[name](x32.astype(np.float16).astype(np.float64)).astype(np.float16)
    model = single_op(name, [tensor((size,), "FLOAT16")], [tensor((size,), "FLOAT16")])
    (got,) = run_pytflite(model, x32.astype(np.float16), times=1)[0]
    np.testing.assert_allclose(got.astype(float), want.astype(float), rtol=1e-3, atol=1e-7)

    bits = narrow(BFLOAT16, x32)
    model = single_op(name, [tensor((size,), "BFLOAT16")], [tensor((size,), "BFLOAT16")])
    (got,) = run_pytflite(model, bits, times=1)[0]
    want = REAL[name](widen(BFLOAT16, bits).astype(np.float64))
    got = widen(BFLOAT16, np.asarray(got).view(np.uint16))
    np.testing.assert_allclose(got, want, rtol=5e-3, atol=1e-7)


@needs_litert
@pytest.mark.parametrize("name", ["FLOOR", "ROUND", "NEG"])
@pytest.mark.parametrize("dtype", ["FLOAT16", "BFLOAT16"])
def test_narrow_floats_as_litert(name: str, dtype: str) -> None:
    x = np.clip(floats(3, 200), -60000, 60000)
    x = x.astype(np.float16) if dtype == "FLOAT16" else narrow(BFLOAT16, x)
    model = single_op(name, [tensor(x.shape, dtype)], [tensor(x.shape, dtype)])
    if dtype == "FLOAT16":
        check(model, x, resolver=resolver(name), ulps=0)
        return
    (got,) = run_pytflite(model, x, times=1)[0]
    typed = x.view(pytest.importorskip("ml_dtypes").bfloat16)
    (want,) = run_litert(model, typed, times=1, resolver=resolver(name))[0]
    np.testing.assert_array_equal(widen(BFLOAT16, got), want.astype(np.float32))


@needs_litert
@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("ABS", "INT32"), ("ABS", "INT16"), ("NEG", "INT8"), ("NEG", "INT16"), ("NEG", "INT32"),
        ("NEG", "INT64"), ("SIGN", "INT32"), ("SIGN", "FLOAT64"), ("ZEROS_LIKE", "INT64"),
    ],
)  # fmt: skip
def test_plain_integers(name: str, dtype: str) -> None:
    kind = tensor(dtype=dtype).dtype.storage
    x = np.array([[0, 1, -1, 5, -100]], kind)
    if kind.kind == "i":
        x = np.append(x, np.array([[np.iinfo(kind).min, np.iinfo(kind).max]], kind), axis=1)
    if name == "ABS" and dtype == "INT32":
        # The reference resolver's ABS is older than int32.
        model = single_op(name, [tensor(x.shape, dtype)], [tensor(x.shape, dtype)], version=5)
        check(model, x, resolver="BUILTIN_WITHOUT_DEFAULT_DELEGATES")
        return
    model = single_op(
        name, [tensor(x.shape, dtype)], [tensor(x.shape, dtype)], version=version(name)
    )
    check(
        model, x, resolver="BUILTIN_WITHOUT_DEFAULT_DELEGATES" if name == "ABS" else "BUILTIN_REF"
    )


@needs_litert
@pytest.mark.parametrize("name", QUANTIZED)
@pytest.mark.parametrize("dtype", ["INT8", "INT16"])
@settings(max_examples=15)
@given(data=st.data())
def test_quantized(name: str, dtype: str, data: st.DataObject) -> None:
    source, target = data.draw(scales(dtype)), data.draw(scales(dtype))
    kind = tensor(dtype=dtype).dtype.storage
    low = int(np.iinfo(kind).min)
    if name in ("SQRT", "RSQRT"):
        low = source["zero_point"]
    x = np.arange(low, np.iinfo(kind).max + 1).astype(kind)
    if name == "EXP":
        # Where e^x is infinite LiteRT converts it to an integer, which C does not define.
        source["scale"] = min(source["scale"], 80 / max(1, int(x[-1]) - source["zero_point"]))
        target["scale"] = max(
            target["scale"],
            np.exp(source["scale"] * (int(x[-1]) - source["zero_point"])) / 1e9,
        )
    check_integers(name, dtype, source, target, x)


@needs_litert
def test_abs_of_equal_scales_is_not_rescaled() -> None:
    same = {"scale": 0.5, "zero_point": -3}
    check_integers("ABS", "INT8", same, same | {"zero_point": 7})


def test_results_beyond_every_integer_saturate() -> None:
    x = np.array([-10, 100, 127], np.int8)
    model = quantized_op("EXP", "INT8", x.shape, {"scale": 1.0}, {"scale": 1e-6})
    assert run_pytflite(model, x)[0][0].tolist() == [45, 127, 127]
    x = np.array([10_000, 32767], np.int16)
    model = quantized_op("EXP", "INT16", x.shape, {"scale": 0.01}, {"scale": 1e-3})
    assert run_pytflite(model, x)[0][0].tolist() == [32767, 32767]


def test_zeros_of_a_quantised_tensor() -> None:
    scale = {"scale": 0.5, "zero_point": 9}
    model = quantized_op("ZEROS_LIKE", "INT8", (3,), scale, scale)
    assert run_pytflite(model, np.arange(3, dtype=np.int8))[0][0].tolist() == [9, 9, 9]


@pytest.mark.parametrize(
    ("name", "dtype", "zero"), [("SQRT", "INT8", 3), ("RSQRT", "INT8", 3), ("RSQRT", "INT16", 0)]
)
def test_negative_numbers_have_no_root(name: str, dtype: str, zero: int) -> None:
    scale = {"scale": 0.1, "zero_point": zero}
    model = quantized_op(name, dtype, (2,), scale, {"scale": 0.1})
    with pytest.raises(DataError, match="negative") as caught:
        run_pytflite(model, np.array([zero - 1, 5], tensor(dtype=dtype).dtype.storage))
    assert caught.value.code == "data" and name in caught.value.operator


@pytest.mark.parametrize("name", REAL)
def test_shapes_and_dynamic_batch(name: str) -> None:
    for shape in ((), (0, 3), (1, 1, 1, 1, 1, 1, 2), (2, 3)):
        x = np.full(shape, 4, np.float32)
        model = single_op(name, [tensor(shape)], [tensor(shape)])
        (got,) = run_pytflite(model, x, times=1)[0]
        np.testing.assert_allclose(got, REAL[name](x.astype(np.float64)), rtol=1e-6)
    model = single_op(name, [tensor((1, 3))], [tensor((1, 3))])
    assert run_pytflite(model, np.ones((5, 3), np.float32), times=1)[0][0].shape == (5, 3)


def op(name: str, dtype: str, given: Any = None, wanted: Any = None) -> Any:
    return single_op(
        name, [tensor((2,), dtype, **(given or {}))], [tensor((2,), dtype, **(wanted or {}))]
    )


def test_refusals() -> None:
    refused(op("LOG", "INT8"), QuantizationError)
    refused(op("ABS", "INT8", {"scale": 0.1}), QuantizationError)
    refused(op("EXP", "INT16", {"scale": 0.1, "zero_point": 1}, {"scale": 0.1}), QuantizationError)
    refused(op("EXP", "INT8", {"scale": np.inf}, {"scale": 0.1}), QuantizationError)
    refused(op("ABS", "INT8", {"scale": 3e38}, {"scale": 1e-38}), QuantizationError)
    refused(op("RSQRT", "INT8", {"scale": 1e-40}, {"scale": 1e-40}), QuantizationError)
    refused(op("SIN", "INT32"), DTypeError)


def test_prepared_things_can_be_pickled() -> None:
    for name in QUANTIZED:
        for dtype in ("INT8", "INT16"):
            model = quantized_op(name, dtype, (20_000,), {"scale": 0.01}, {"scale": 0.02})
            x = np.arange(100).astype(tensor(dtype=dtype).dtype.storage)
            with np.errstate(all="ignore"):
                p = _prepared(model)
                copy = pickle.loads(pickle.dumps(p))
                want, got = np.empty_like(x), np.empty_like(x)
                p.function(x, want)
                copy.function(x, got)
            np.testing.assert_array_equal(got, want)


def _prepared(model: Any) -> Any:
    from pytflite.ops.registry import BUILTINS
    from pytflite.ops.spec import Node, Spec

    graph = model.subgraphs[0]
    operator = graph.operators[0]
    source, target = graph.tensors[operator.inputs[0]], graph.tensors[operator.outputs[0]]
    node = Node(operator.name, 1, [source], [target])
    specs = [Spec(t.shape, t.dtype, t.quantization) for t in (source, target)]
    return BUILTINS[operator.name].prepare(node, specs[:1], specs[1:])
