"""SLICE against LiteRT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytflite import Interpreter, ShapeError
from tests.harness import check, needs_litert, single_op, tensor
from tests.ops.shape.samples import COMMON, EVERY, deferred, run_once, sample

SHAPES = st.lists(st.sampled_from([1, 2, 3, 4]), min_size=1, max_size=5).map(tuple)


@needs_litert
@settings(max_examples=25)
@given(SHAPES, st.sampled_from(COMMON), st.sampled_from(["INT32", "INT64"]), st.data())
def test_boxes(shape: tuple[int, ...], dtype: str, kind: str, data: st.DataObject) -> None:
    storage = kind.lower()
    begins = [data.draw(st.integers(0, d - 1)) for d in shape]
    sizes = [
        data.draw(st.sampled_from([-1, *range(1, d - b + 1)]))
        for d, b in zip(shape, begins, strict=True)
    ]
    x, begin, size = sample(shape, dtype), np.array(begins, storage), np.array(sizes, storage)
    output = tensor(None, dtype)
    inputs = [tensor(shape, dtype), tensor(value=begin), tensor(value=size)]
    check(single_op("SLICE", inputs, [output]), x)
    inputs = [tensor(shape, dtype), tensor(begin.shape, kind), tensor(size.shape, kind)]
    model = single_op("SLICE", inputs, [output])
    check(model, x, begin, size)
    check(deferred(model, x, begin, size)[0], *deferred(model, x, begin, size)[1])


@needs_litert
def test_strings() -> None:
    x = np.array([[b"a", b"bc"], [b"", b"def"]])
    arguments = [tensor(value=np.array(v, np.int32)) for v in ([0, 1], [2, 1])]
    model = single_op("SLICE", [tensor((2, 2), "STRING"), *arguments], [tensor(None, "STRING")])
    check(model, x)


@pytest.mark.parametrize("dtype", EVERY)
def test_every_type(dtype: str) -> None:
    x = sample((3, 4), dtype)
    arguments = [tensor(value=np.array(v, np.int32)) for v in ([1, 0], [-1, 3])]
    model = single_op("SLICE", [tensor((3, 4), dtype), *arguments], [tensor((1,), dtype)])
    np.testing.assert_array_equal(run_once(model, x)[0], x[1:, :3])


def test_shape_is_known_where_only_begin_is_computed() -> None:
    inputs = [tensor((3, 4)), tensor((2,), "INT32"), tensor(value=np.array([2, 1], np.int32))]
    interpreter = Interpreter(single_op("SLICE", inputs, [tensor((1,))]))
    interpreter.allocate_tensors()
    assert interpreter.get_output_details()[0]["shape"].tolist() == [2, 1]
    x = sample((3, 4))
    got = interpreter.run(x, np.array([1, 3], np.int32))
    np.testing.assert_array_equal(got, x[1:3, 3:4])


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize(
    ("begin", "size"),
    [([0, 0], [3, 1]), ([-1, 0], [1, 1]), ([3, 0], [-1, 1]), ([0, 0], [-2, 1]), ([0], [1])],
)
def test_refuses(begin: list[int], size: list[int], constant: bool) -> None:
    values = [np.array(begin, np.int32), np.array(size, np.int32)]
    arguments = [tensor(value=v) if constant else tensor(v.shape, "INT32") for v in values]
    model = single_op("SLICE", [tensor((2, 3)), *arguments], [tensor((1,))])
    with pytest.raises(ShapeError, match="SLICE"):
        run_once(model, np.zeros((2, 3), np.float32), *([] if constant else values))


def test_refuses_matrices() -> None:
    argument = tensor(value=np.zeros((1, 2), np.int32))
    model = single_op("SLICE", [tensor((2, 3)), argument, argument], [tensor((1,))])
    with pytest.raises(ShapeError):
        Interpreter(model).allocate_tensors()


def test_arguments_that_are_computed_are_counted_when_they_are_there() -> None:
    model = single_op(
        "SLICE", [tensor((2, 3)), tensor((1,), "INT32"), tensor((2,), "INT32")], [tensor((2, 3))]
    )
    interpreter = Interpreter(model)
    interpreter.allocate_tensors()
    with pytest.raises(ShapeError, match="number of values"):
        interpreter.run(np.zeros((2, 3), np.float32), np.int32([0]), np.int32([1, 1]))
