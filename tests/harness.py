"""Models of one operator, and LiteRT as the oracle.

    model = single_op("CONV_2D", [tensor((1, 4, 4, 2)), tensor(value=w), tensor(value=b)],
                      [tensor()], stride_w=1, stride_h=1)
    check(model, x)

`check` runs the model on pytflite and on LiteRT's reference kernels, twice each, and compares:
integers, booleans and strings to the bit, floats within a stated number of ulps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

import pytflite
from pytflite.format.schema import BuiltinOperator
from pytflite.model.dtypes import BY_NAME, DType, from_numpy
from pytflite.model.graph import Buffer, Operator, OperatorCode, Quantization, Subgraph, Tensor
from pytflite.model.model import Model
from pytflite.model.options import Options
from pytflite.model.writing import write
from pytflite.ops.registry import find
from pytflite.tools.building import pack

try:
    from ai_edge_litert import interpreter as litert
except ImportError:  # musl, free-threaded or new Pythons: stored expectations have to do
    litert = None

needs_litert = pytest.mark.skipif(litert is None, reason="no ai-edge-litert wheel here")


class TensorOf:
    """A tensor for `single_op`: constant if it has a value."""

    def __init__(self, shape: Sequence[int] | None, dtype: DType, value: Any,
                 quantization: Quantization | None, variable: bool) -> None:  # fmt: skip
        self.shape = tuple(shape or ())
        self.has_shape = shape is not None
        self.dtype = dtype
        self.value = value
        self.quantization = quantization
        self.variable = variable


def tensor(
    shape: Sequence[int] | None = None,
    dtype: str | None = None,
    *,
    value: Any = None,
    scale: Any = None,
    zero_point: Any = 0,
    dimension: int = 0,
    variable: bool = False,
    quantization: Quantization | None = None,
) -> TensorOf:
    """Describes a tensor. Type and shape default to those of `value`, and to FLOAT32."""
    if value is not None:
        value = np.asarray(value)
        if value.dtype == np.float64:
            value = value.astype(np.float32)
        shape = value.shape if shape is None else shape
    kind = BY_NAME[dtype] if dtype else None
    if kind is None:
        kind = BY_NAME["FLOAT32"] if value is None else from_numpy(value.dtype)
    if quantization is None and scale is not None:
        scales = np.atleast_1d(np.asarray(scale, np.float32))
        zeros = np.broadcast_to(np.asarray(zero_point, np.int64), scales.shape)
        quantization = Quantization(scales, zeros, dimension)
    return TensorOf(shape, kind, value, quantization, variable)


def single_op(
    name: str,
    inputs: Sequence[TensorOf | None],
    outputs: Sequence[TensorOf],
    *,
    version: int | None = None,
    custom_options: bytes | None = None,
    intermediates: Sequence[TensorOf] = (),
    table: str | None = None,
    **options: Any,
) -> Model:
    """A model of one operator. Inputs without a value are the model's inputs.

    Args:
        name: 'CONV_2D'; a name that the schema lacks makes a custom operator.
        version: the newest that we define, if not given.
        options: fields of the operator's option table (`table`, by default the definition's).
    """
    builtin = BuiltinOperator.names().get(name)
    definition = find(name, custom=builtin is None)
    tensors: list[Tensor] = []
    buffers = [Buffer()]

    def add(t: TensorOf | None, role: str) -> int:
        if t is None:
            return -1
        buffer = 0
        if t.value is not None:
            buffer = len(buffers)
            buffers.append(Buffer(pack(t.value, t.dtype)))
        tensors.append(Tensor(f"{role}{len(tensors)}", t.shape, t.dtype, buffer, t.quantization,
                              t.variable, has_rank=t.has_shape))  # fmt: skip
        return len(tensors) - 1

    ins = [add(t, "input") for t in inputs]
    outs = [add(t, "output") for t in outputs]
    inner = tuple(add(t, "intermediate") for t in intermediates)
    given = tuple(
        i for i, t in zip(ins, inputs, strict=True)
        if t is not None and t.value is None and not t.variable
    )  # fmt: skip
    if version is None:
        version = definition.versions[1] if definition is not None and builtin is not None else 1
    table = table or (definition.options if definition is not None else None)
    code = (
        OperatorCode(builtin, None, version)
        if builtin is not None
        else OperatorCode(BuiltinOperator.CUSTOM, name, version)
    )
    operator = Operator(
        code, tuple(ins), tuple(outs),
        Options(table, **options) if table is not None else None,
        custom_options, inner or None,
    )  # fmt: skip
    graph = Subgraph("main", tuple(tensors), given, tuple(outs), (operator,))
    model = Model((graph,), (code,), tuple(buffers))
    return Model.open(write(model))


def run_pytflite(model: Model, *inputs: Any, times: int = 2) -> list[list[np.ndarray]]:
    """Outputs of each of several invocations."""
    interpreter = pytflite.Interpreter(model)
    return _run(interpreter, inputs, times)


def run_litert(model: Model, *inputs: Any, times: int = 2, resolver: str = "BUILTIN_REF",
               custom: Sequence[Any] = ()) -> list[list[np.ndarray]]:  # fmt: skip
    """The same on LiteRT; by default on its reference kernels."""
    interpreter = litert.Interpreter(
        model_content=write(model),
        num_threads=1,
        experimental_op_resolver_type=litert.OpResolverType[resolver],
    )
    return _run(interpreter, inputs, times)


def _run(interpreter: Any, inputs: Sequence[Any], times: int) -> list[list[np.ndarray]]:
    details = interpreter.get_input_details()
    arrays = [np.asarray(x) for x in inputs]
    for d, x in zip(details, arrays, strict=True):
        if tuple(d["shape"]) != x.shape:
            interpreter.resize_tensor_input(d["index"], list(x.shape))
    interpreter.allocate_tensors()
    results = []
    for _ in range(times):
        for d, x in zip(details, arrays, strict=True):
            if x.size:
                interpreter.set_tensor(d["index"], x)
        interpreter.invoke()
        results.append([_output(interpreter, d) for d in interpreter.get_output_details()])
    return results


def _output(interpreter: Any, details: dict[str, Any]) -> np.ndarray:
    shape = tuple(int(d) for d in details["shape"])
    if 0 in shape:  # LiteRT does not hand out arrays without elements
        text = details["dtype"] in (np.bytes_, np.object_)
        return np.zeros(shape, object if text else details["dtype"])
    array = np.array(interpreter.get_tensor(details["index"]))
    if isinstance(interpreter, pytflite.Interpreter):
        # tf.lite hands out the bytes of FLOAT8 as int8; the tests know them as bit patterns.
        stored = interpreter.model.main.tensors[details["index"]].dtype.storage
        if {array.dtype, stored} == {np.dtype(np.int8), np.dtype(np.uint8)}:
            array = array.view(stored)
    return array


def check(
    model: Model, *inputs: Any, ulps: int = 8, times: int = 2, resolver: str = "BUILTIN_REF",
    atol: float = 0.0,
) -> list[np.ndarray]:  # fmt: skip
    """Compares pytflite with LiteRT on a model, and returns pytflite's outputs.

    Args:
        ulps: by how many float32 spacings of the largest magnitude in the output floats may
            differ (sums in another order differ by that).
        resolver: which of LiteRT's kernels; name another where the reference is known to be wrong.
        atol: absolute tolerance on top, to be justified where it is used.
    """
    want = run_litert(model, *inputs, times=times, resolver=resolver)
    got = run_pytflite(model, *inputs, times=times)
    for got_run, want_run in zip(got, want, strict=True):
        for g, w in zip(got_run, want_run, strict=True):
            assert_same(g, w, ulps=ulps, atol=atol)
    return got[-1]


def assert_same(got: np.ndarray, want: np.ndarray, *, ulps: int = 8, atol: float = 0.0) -> None:
    """Equal shape, type and values: to the bit for all but floats."""
    assert got.shape == want.shape, (got.shape, want.shape)
    if want.dtype.kind in "OSU":
        assert [bytes(v) for v in got.reshape(-1)] == [bytes(v) for v in want.reshape(-1)]
        return
    assert got.dtype.name == want.dtype.name or want.dtype.name in ("bfloat16", "int4"), (
        got.dtype, want.dtype,
    )  # fmt: skip
    if want.dtype.kind not in "fc":
        np.testing.assert_array_equal(got.view(want.dtype) if want.dtype.kind == "V" else got, want)
        return
    finite = np.isfinite(want)
    np.testing.assert_array_equal(np.where(finite, 0, got), np.where(finite, 0, want))
    largest = float(np.abs(want[finite]).max()) if finite.any() else 0.0
    top = np.asarray(largest, np.abs(want).dtype)
    # The greatest number of a type has no spacing above it: an infinite one would hide anything.
    top = np.minimum(top, np.nextafter(np.finfo(top.dtype).max, top.dtype.type(0)))
    spacing = float(np.spacing(top))
    np.testing.assert_allclose(got[finite], want[finite], rtol=0, atol=ulps * spacing + atol)
