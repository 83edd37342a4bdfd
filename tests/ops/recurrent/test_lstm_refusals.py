"""What LSTM operators refuse, and that they refuse or run whatever they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytflite import Interpreter
from pytflite.errors import (
    DTypeError,
    InternalError,
    ModelError,
    OptionError,
    QuantizationError,
    ShapeError,
    TFLiteError,
)
from pytflite.model.graph import Quantization
from tests.harness import TensorOf, needs_litert, run_litert, run_pytflite, single_op, tensor
from tests.ops.recurrent.lstm_models import (
    Cell,
    input_of,
    intermediates_of,
    output_of,
    sequence,
    state_of,
    weights_of,
)
from tests.ops.shape.samples import deferred

UNIDIRECTIONAL, LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM"
BIDIRECTIONAL = "BIDIRECTIONAL_SEQUENCE_LSTM"
FULL = Cell(units=4, outputs=3, projection=True, projection_bias=True, peephole=True, norm=True)
INTEGER = FULL._replace(weights="INTEGER")


class Parts:
    """All that an operator's model is made of, to be changed before it is built."""

    def __init__(self, name: str, cell: Cell) -> None:
        rng = np.random.default_rng(0)
        self.name = name
        self.options: dict[str, Any] = {"fused_activation_function": 4}
        self.inner: list[TensorOf] = intermediates_of(cell, rng)
        tensors, norm = weights_of(rng, cell)
        self.inputs: list[Any]
        self.outputs = [output_of(cell)]
        if name == BIDIRECTIONAL:
            self.inputs = [tensor((3, cell.batch, cell.depth)), *tensors, *tensors,
                           *state_of(cell), *state_of(cell), *[None] * 9]  # fmt: skip
            self.outputs *= 2
        else:
            shape = (cell.batch, 3, cell.depth) if name == UNIDIRECTIONAL else (2, cell.depth)
            self.inputs = [input_of(cell, *shape), *tensors, *state_of(cell), *norm]
        self.version = 3

    def interpreter(self) -> Interpreter:
        model = single_op(
            self.name, self.inputs, self.outputs, version=self.version,
            intermediates=self.inner, **self.options,
        )  # fmt: skip
        return Interpreter(model)


def put(number: int, value: TensorOf | None) -> Callable[[Parts], None]:
    """Another input."""

    def change(parts: Parts) -> None:
        parts.inputs[number] = value

    return change


def option(**options: Any) -> Callable[[Parts], None]:
    """Other options."""

    def change(parts: Parts) -> None:
        parts.options |= options

    return change


def inner(count: int, **replaced: TensorOf | None) -> Callable[[Parts], None]:
    """Another number of intermediate tensors, or others."""

    def change(parts: Parts) -> None:
        parts.inner = [replaced.get(f"t{i}", parts.inner[i % 5]) for i in range(count)]

    return change


def floats(*shape: int, **more: Any) -> TensorOf:
    return tensor(value=np.ones(shape, np.float32), **more)


def int8(*shape: int, **more: Any) -> TensorOf:
    return tensor(value=np.ones(shape, np.int8), **({"scale": 0.01} | more))


def without(*numbers: int) -> Callable[[Parts], None]:
    def change(parts: Parts) -> None:
        for number in numbers:
            parts.inputs[number] = None

    return change


def fewer(parts: Parts) -> None:
    del parts.inputs[-1:]


def merge(parts: Parts) -> None:
    parts.options["merge_outputs"] = True


REFUSED = [
    # The number of inputs and outputs, and which go together.
    (UNIDIRECTIONAL, FULL, fewer, ModelError, "op.arity"),
    (LSTM, FULL, fewer, ModelError, "op.arity"),
    (BIDIRECTIONAL, FULL, fewer, ModelError, "op.arity"),
    (BIDIRECTIONAL, FULL, merge, ModelError, "op.arity"),
    (UNIDIRECTIONAL, FULL, without(1), ModelError, "op.arity"),
    (UNIDIRECTIONAL, FULL, without(9), ModelError, "op.arity"),
    (UNIDIRECTIONAL, FULL, without(12), ModelError, "op.arity"),
    (UNIDIRECTIONAL, FULL, without(16), ModelError, "op.arity"),
    (UNIDIRECTIONAL, FULL, without(23), ModelError, "op.arity"),
    (UNIDIRECTIONAL, FULL, without(2), DTypeError, "op.dtype"),
    (BIDIRECTIONAL, FULL, put(45, floats(4, 2)), ModelError, "op.arity"),
    (UNIDIRECTIONAL, INTEGER, inner(4), ModelError, "op.arity"),
    (LSTM, INTEGER, inner(11), ModelError, "op.arity"),
    (LSTM, INTEGER._replace(exponent=-15, norm=False), inner(12), ModelError, "op.arity"),
    # Options.
    (UNIDIRECTIONAL, FULL, option(cell_clip=-1.0), OptionError, "op.option"),
    (LSTM, FULL, option(proj_clip=float("nan")), OptionError, "op.option"),
    (BIDIRECTIONAL, FULL, option(fused_activation_function=9), OptionError, "op.option"),
    (LSTM, FULL, option(kernel_type=2), OptionError, "op.option"),
    # Shapes.
    (UNIDIRECTIONAL, FULL, put(0, tensor((2, 5))), ShapeError, "op.shape"),
    (LSTM, FULL, put(0, tensor((2, 3, 5))), ShapeError, "op.shape"),
    (BIDIRECTIONAL, FULL, put(0, tensor((2, 5))), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(0, tensor((2, 3, 6))), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(0, tensor((3, 3, 5))), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(2, floats(4, 6)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(4, floats(4)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(6, floats(4, 4)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(8, floats(0, 3)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(8, floats(4, 0)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(7, floats(4)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(10, floats(5)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(13, floats(4, 1)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(16, floats(4, 3)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(17, floats(4)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(18, tensor((2, 4), variable=True)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(19, tensor((2, 3), variable=True)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, FULL, put(22, floats(3)), ShapeError, "op.shape"),
    (UNIDIRECTIONAL, Cell(), put(8, floats(4, 3)), ShapeError, "op.shape"),
    (BIDIRECTIONAL, FULL, put(39, tensor((3, 2, 4))), ShapeError, "op.shape"),
    (BIDIRECTIONAL, FULL, put(41, floats(4, 2)), ShapeError, "op.shape"),
    # State.
    (UNIDIRECTIONAL, FULL, put(18, tensor((2, 3))), ModelError, "op.state"),
    (LSTM, FULL, put(19, floats(2, 4)), ModelError, "op.state"),
    # Types.
    (UNIDIRECTIONAL, FULL, put(3, int8(4, 5)), DTypeError, "op.dtype"),
    (UNIDIRECTIONAL, FULL, put(6, int8(4, 3)), DTypeError, "op.dtype"),
    (UNIDIRECTIONAL, Cell("INT8"), put(6, int8(4)), DTypeError, "op.dtype"),
    # Quantisation.
    (UNIDIRECTIONAL, Cell("INT8"), put(2, int8(4, 5, scale=None)), QuantizationError, None),
    (UNIDIRECTIONAL, Cell("INT8"), put(2, int8(4, 5, scale=[1.0] * 4)), QuantizationError, None),
    (UNIDIRECTIONAL, INTEGER, put(0, tensor((2, 3, 5), "INT8")), QuantizationError, None),
    (UNIDIRECTIONAL, INTEGER, inner(5, t4=tensor((1,), "INT8")), QuantizationError, None),
    (UNIDIRECTIONAL, INTEGER, inner(5, t2=None), QuantizationError, None),
    (UNIDIRECTIONAL, INTEGER, put(2, tensor((4, 5), "INT8", scale=1)), ModelError, "op.constant"),
    (UNIDIRECTIONAL, INTEGER._replace(exponent=-31), lambda p: None, QuantizationError, None),
    (
        UNIDIRECTIONAL,
        INTEGER._replace(exponent=-16, coupled=True),
        lambda p: None,
        QuantizationError,
        None,
    ),
    (
        UNIDIRECTIONAL,
        INTEGER,
        put(19, tensor((2, 4), "INT16", scale=0.0003, variable=True)),
        QuantizationError,
        None,
    ),
]


@pytest.mark.parametrize(("name", "cell", "change", "kind", "code"), REFUSED)
def test_refused(
    name: str, cell: Cell, change: Callable[[Parts], None], kind: type[TFLiteError], code: str
) -> None:
    parts = Parts(name, cell)
    change(parts)
    with pytest.raises(kind, match=name) as caught:
        parts.interpreter().allocate_tensors()
    assert caught.value.code == (code or "op.quantization")


def test_what_refusals_start_from_is_right() -> None:
    for name, cell, *_ in REFUSED:
        if cell.exponent == -11:
            Parts(name, cell).interpreter().allocate_tensors()


SHAPES = [(4, 3), (4, 5), (3, 4), (3,), (2, 4), (1, 1), (0, 5), (4, 0), (4, 5, 1), (4096,)]
DTYPES = ["FLOAT32", "INT8", "UINT8", "INT16", "INT32", "FLOAT16", "BOOL"]


@st.composite
def wrong_tensors(draw: st.DrawFn) -> TensorOf | None:
    """Any tensor, or none."""
    if draw(st.booleans()) and draw(st.booleans()):
        return None
    shape = draw(st.sampled_from([(), *SHAPES, (2, 3, 5)]))
    dtype = draw(st.sampled_from(DTYPES))
    variable = draw(st.booleans())
    value = None
    if not variable and draw(st.booleans()):
        value = np.ones(shape, tensor(dtype=dtype).dtype.storage)
    scale = draw(st.sampled_from([None, 0.1, 2.0**-11, 0.0, -1.0, np.inf, np.nan, 1e-38, 3e38]))
    return tensor(
        shape, dtype, value=value, scale=scale, zero_point=draw(st.sampled_from([0, 5, 999])),
        variable=variable,
    )  # fmt: skip


@settings(max_examples=150)
@given(
    st.sampled_from([UNIDIRECTIONAL, LSTM, BIDIRECTIONAL]),
    st.sampled_from(["FLOAT32", "INT8", "INTEGER"]),
    st.dictionaries(st.integers(0, 23), wrong_tensors(), min_size=1, max_size=3),
    st.dictionaries(st.integers(0, 11), wrong_tensors(), max_size=2),
    st.fixed_dictionaries(
        {
            "fused_activation_function": st.sampled_from([4, 0, 1, 5, 77]),
            "cell_clip": st.sampled_from([0.0, 1e-30, 3.4e38, float("inf"), -1.0]),
            "proj_clip": st.sampled_from([0.0, 0.3, float("nan")]),
        }
    ),
)
def test_refused_or_run(
    name: str, weights: str, wrong: dict[int, Any], inside: dict[int, Any], options: dict[str, Any]
) -> None:
    """Nothing but a TFLiteError may come of a model with something wrong, and none of ours."""
    weights = "FLOAT32" if name == BIDIRECTIONAL and weights == "INTEGER" else weights
    parts = Parts(name, FULL._replace(weights=weights))
    parts.options |= options
    for number, value in wrong.items():
        parts.inputs[number] = value
    for number, value in inside.items():
        if value is not None and number < len(parts.inner):
            parts.inner[number] = value
    try:
        interpreter = parts.interpreter()
        interpreter.allocate_tensors()
        interpreter.invoke()
    except InternalError:
        raise
    except TFLiteError:
        pass


@needs_litert
@pytest.mark.parametrize("weights", ["FLOAT32", "INT8"])
def test_weights_that_are_not_constant(weights: str) -> None:
    """The cell is then put together in each run."""
    cell = Cell(weights, 2, 5, 4, 3, peephole=True, projection=True, norm=True)
    rng = np.random.default_rng(0)
    tensors, norm = weights_of(rng, cell)
    given = {n: t for n, t in enumerate(tensors, 1) if t is not None and n in (2, 5, 13, 16)}
    for number, t in given.items():
        tensors[number - 1] = TensorOf(t.shape, t.dtype, None, t.quantization, False)
    model = single_op(
        UNIDIRECTIONAL,
        [input_of(cell, 2, 3, 5), *tensors, *state_of(cell), *norm],
        [output_of(cell)],
        version=3,
        fused_activation_function=4,
    )
    x = rng.uniform(-1, 1, (2, 3, 5)).astype(np.float32)
    arrays = [x, *(t.value for t in given.values())]
    for want, got in zip(
        run_litert(model, *arrays, times=3), run_pytflite(model, *arrays, times=3), strict=True
    ):
        np.testing.assert_allclose(got[0], want[0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", [UNIDIRECTIONAL, LSTM])
@pytest.mark.parametrize("weights", ["FLOAT32", "INT8", "INTEGER"])
def test_shapes_known_at_run_time(name: str, weights: str) -> None:
    model, x = sequence(Cell(weights), 0, name=name)
    late, given = deferred(model, x)
    for want, got in zip(
        run_pytflite(model, x, times=3), run_pytflite(late, *given, times=3), strict=True
    ):
        if weights == "INTEGER":
            np.testing.assert_array_equal(got[0], want[0])
        else:  # compiled kernels take the sums in another order, where shapes are known
            np.testing.assert_allclose(got[0], want[0], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", [(0, 3, 5), (2, 0, 5)])
def test_nothing_to_do(shape: tuple[int, ...]) -> None:
    """No rows, or no steps: an empty output, and the state as it was."""
    cell = Cell(batch=shape[0])
    model, _ = sequence(cell, 0, time=shape[1])
    (out,), _ = run_pytflite(model, np.zeros(shape, np.float32))
    assert out.shape == (*shape[:2], 4)


def test_state_can_be_reset_and_has_any_shape() -> None:
    cell = Cell()
    rng = np.random.default_rng(0)
    tensors, _ = weights_of(rng, cell)
    model = single_op(
        UNIDIRECTIONAL,
        [input_of(cell, 2, 3, 5), *tensors, *state_of(cell, flat=True)],
        [output_of(cell)],
        version=3,
        fused_activation_function=4,
    )
    x = rng.uniform(-1, 1, (2, 3, 5)).astype(np.float32)
    interpreter = Interpreter(model)
    first, second = interpreter.run(x).copy(), interpreter.run(x).copy()
    assert not np.array_equal(first, second)
    interpreter.reset_all_variables()
    np.testing.assert_array_equal(interpreter.run(x), first)


@pytest.mark.parametrize("weights", ["FLOAT32", "INT8", "INTEGER"])
def test_an_empty_input(weights: str) -> None:
    """The cell then computes from its state alone."""
    model, x = sequence(Cell(weights, depth=0), 0)
    (first,), (second,) = run_pytflite(model, x)
    assert first.shape == (2, 3, 4)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("weights", ["INT8", "INTEGER"])
@pytest.mark.parametrize("scale", [3e38, 1e-38, 1e-45])
def test_scales_at_the_ends_of_float32(weights: str, scale: float) -> None:
    """Products of scales that are infinite or zero are refused, or harmless."""
    for number in range(24):
        parts = Parts(UNIDIRECTIONAL, FULL._replace(weights=weights))
        t = parts.inputs[number]
        q = Quantization([scale], [0])
        parts.inputs[number] = TensorOf(t.shape, t.dtype, t.value, q, t.variable)
        try:
            interpreter = parts.interpreter()
            interpreter.allocate_tensors()
            interpreter.invoke()
        except InternalError:
            raise
        except TFLiteError as error:
            assert error.code == "op.quantization"
