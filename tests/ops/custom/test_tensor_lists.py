"""Lists of tensors, after LiteRT's kernels/variants and the cases of their tests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite import DataError, Interpreter, OptionError, ShapeError
from pytflite.errors import TFLiteError
from pytflite.format.flexbuffer import encode
from pytflite.format.schema import TensorType
from pytflite.model.dtypes import BY_NAME
from pytflite.ops.custom.tensor_list import TensorList, variant
from tests.graphs import Graph, build
from tests.harness import single_op, tensor
from tests.ops.custom.node_defs import Kind, flex_options

ANY = np.int32(-1)  # a shape input that says nothing


def scalars(*shape: int) -> np.ndarray:
    return np.array(shape, np.int32)


def call(name: str, *inputs: Any, out: Any = "VARIANT", shape: Any = (), custom: bytes = b"",
         handles: int = 0) -> Any:  # fmt: skip
    """One operator on lists and arrays; lists come back as TensorList."""
    arrays = [variant(x) if isinstance(x, TensorList) else np.asarray(x) for x in inputs]
    ins = [
        tensor(a.shape, "VARIANT" if isinstance(x, TensorList) else tensor(value=a).dtype.name)
        for a, x in zip(arrays, inputs, strict=True)
    ]
    outs = [tensor((), "VARIANT")] * handles + [tensor(shape, out)]
    model = single_op(name, ins, outs, custom_options=custom or None)
    got = Interpreter(model).run(*arrays)
    results = [
        a[()] if a.dtype == object and a.ndim == 0 else a
        for a in (got if isinstance(got, list) else [got])
    ]
    return results if len(results) > 1 else results[0]


def listed(shape: Any, length: int, dtype: str = "INT32", **items: Any) -> TensorList:
    """A list with the items `_0`, `_3` ..."""
    kind = BY_NAME[dtype]
    found = {int(k[1:]): np.asarray(v, kind.storage) for k, v in items.items()}
    return TensorList(kind, shape, length, found)


def items_of(value: TensorList) -> dict[int, Any]:
    return {i: item.tolist() for i, item in sorted(value.items.items())}


@pytest.mark.parametrize("dtype", ["INT32", "FLOAT32", "BOOL", "INT64"])
def test_reserve(dtype: str) -> None:
    number = getattr(TensorType, dtype)
    for custom in (bytes([number]), bytes([number, 0, 0, 0]), encode({"element_dtype": number})):
        got = call("TensorListReserve", scalars(2, -1), np.int32(5), custom=custom)
        assert (got.dtype.name, got.shape, got.length, got.items) == (dtype, (2, -1), 5, {})
    assert call("TensorListReserve", ANY, np.int32(2**31 - 1), custom=custom).shape is None
    number = {"INT32": 3, "FLOAT32": 1, "BOOL": 10, "INT64": 9}[dtype]
    flex = flex_options("TensorListReserve", element_dtype=Kind(number))
    got = call("FlexTensorListReserve", ANY, np.int32(1), custom=flex)
    assert got.length == 1 and got.dtype.name == dtype


@pytest.mark.parametrize("custom", [b"", bytes([99]), encode({"element_dtype": "INT32"})])
def test_reserve_refuses_options(custom: bytes) -> None:
    with pytest.raises(OptionError):
        call("TensorListReserve", ANY, np.int32(1), custom=custom)


def test_reserve_refuses_data() -> None:
    custom = bytes([TensorType.INT32])
    with pytest.raises(DataError):
        call("TensorListReserve", ANY, np.int32(-1), custom=custom)
    with pytest.raises(ShapeError):
        call("TensorListReserve", ANY, np.int32([1, 2]), custom=custom)
    with pytest.raises(DataError):
        call("TensorListReserve", np.ones(40, np.int32), np.int32(1), custom=custom)
    for flex in (flex_options("x"), flex_options("x", element_dtype=Kind(77)), b"junk" * 9):
        with pytest.raises(OptionError):
            call("FlexTensorListReserve", ANY, np.int32(1), custom=flex)


def test_empty_and_resize() -> None:
    got = call("EmptyTensorList", scalars(2), np.int32(9), custom=bytes([TensorType.INT32]))
    assert (got.length, got.shape) == (0, (2,))
    source = listed((2,), 3, _0=[1, 2], _2=[3, 4])
    assert items_of(call("TensorListResize", source, np.int32(2))) == {0: [1, 2]}
    assert call("TensorListResize", source, np.int32(9)).length == 9


def test_from_tensor() -> None:
    x = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    got = call("TensorListFromTensor", x, scalars(3, -1))
    assert (got.shape, got.length) == ((3, -1), 2)
    assert items_of(got) == {0: x[0].tolist(), 1: x[1].tolist()}
    got = call("TensorListFromTensor", np.int32([7, 8]), scalars())
    assert items_of(got) == {0: 7, 1: 8} and got.items[0].shape == ()
    with pytest.raises(DataError):
        call("TensorListFromTensor", x, scalars(2, 2))
    with pytest.raises(ShapeError):
        call("TensorListFromTensor", np.float32(1), scalars())


def test_set_item_makes_another_list() -> None:
    source = listed(None, 2, _0=[1, 2])
    got = call("TensorListSetItem", source, np.int32(1), np.int32([3, 4]))
    assert items_of(got) == {0: [1, 2], 1: [3, 4]} and items_of(source) == {0: [1, 2]}
    got = call("TensorListSetItem", got, np.int32(0), np.int32([5, 6, 7]))
    assert items_of(got)[0] == [5, 6, 7]
    got = call("TensorListSetItem", source, np.int32(4), np.int32([3]))
    assert got.length == 5
    with pytest.raises(DataError) as caught:
        call("TensorListSetItem", source, np.int32(-1), np.int32([3]))
    assert caught.value.code == "data.index"
    with pytest.raises(DataError):
        call("TensorListSetItem", source, np.int32(0), np.float32([3]))


def test_set_item_of_tensorflow() -> None:
    source = listed((2,), 2)
    flex = flex_options("TensorListSetItem")
    with pytest.raises(DataError):
        call("FlexTensorListSetItem", source, np.int32(2), np.int32([1, 2]), custom=flex)
    with pytest.raises(DataError):
        call("FlexTensorListSetItem", source, np.int32(0), np.int32([1, 2, 3]), custom=flex)
    flex = flex_options("TensorListSetItem", resize_if_index_out_of_bounds=True)
    got = call("FlexTensorListSetItem", source, np.int32(2), np.int32([1, 2]), custom=flex)
    assert got.length == 3


def test_push_and_pop() -> None:
    pushed = call("TensorListPushBack", listed((2,), 1, _0=[1, 2]), np.int32([3, 4]))
    assert items_of(pushed) == {0: [1, 2], 1: [3, 4]}
    rest, last = call("TensorListPopBack", pushed, ANY, out="INT32", handles=1)
    assert items_of(rest) == {0: [1, 2]} and rest.length == 1 and last.tolist() == [3, 4]
    rest, last = call("TensorListPopBack", listed((2,), 1), ANY, out="INT32", handles=1)
    assert rest.length == 0 and last.tolist() == [0, 0]
    with pytest.raises(DataError):
        call("TensorListPopBack", listed((2,), 0), ANY, out="INT32", handles=1)
    with pytest.raises(DataError):
        call("TensorListPushBack", listed(None, 0), np.float32(1))


@pytest.mark.parametrize(
    ("source", "shape", "want"),
    [
        (listed(None, 2, _1=[5, 6]), ANY, [5, 6]),
        (listed(None, 2, _1=7), ANY, 7),
        (listed((2, -1), 2), scalars(-1, 1), [[0], [0]]),
        (listed(None, 2), scalars(3), [0, 0, 0]),
        (listed((-1,), 2, _0=[1, 2]), ANY, [0, 0]),
        (listed((), 2), ANY, 0),
    ],
)
def test_get_item(source: TensorList, shape: np.ndarray, want: Any) -> None:
    got = call("TensorListGetItem", source, np.int32(1), shape, out="INT32")
    assert got.tolist() == want and got.dtype == np.int32


def test_get_item_of_a_declared_shape() -> None:
    source = listed(None, 2, _1=[5, 6])
    for index, want in ((1, [5, 6]), (0, [0, 0])):
        got = call("TensorListGetItem", source, np.int32(index), ANY, out="INT32", shape=(2,))
        assert got.tolist() == want
    with pytest.raises(DataError):
        call("TensorListGetItem", source, np.int32(1), ANY, out="INT32", shape=(3,))


@pytest.mark.parametrize(
    ("source", "index", "shape"),
    [
        (listed(None, 2), 0, ANY),
        (listed((2,), 2), 0, scalars(3)),
        (listed((2,), 2), 2, ANY),
        (listed((2,), 2), -1, ANY),
        (listed((-1,), 3, _0=[1], _1=[1, 2]), 2, ANY),
        (listed((1,), 1, "FLOAT32"), 0, ANY),
    ],
)
def test_get_item_refuses(source: TensorList, index: int, shape: np.ndarray) -> None:
    with pytest.raises(DataError):
        call("TensorListGetItem", source, np.int32(index), shape, out="INT32")


@pytest.mark.parametrize(
    ("source", "shape", "want"),
    [
        (listed(None, 2, _0=[1, 2], _1=[3, 4]), ANY, [[1, 2], [3, 4]]),
        (listed((-1,), 2, _1=[3, 4]), ANY, [[0, 0], [3, 4]]),
        (listed(None, 2), scalars(2), [[0, 0], [0, 0]]),
        (listed(None, 2, _0=1, _1=2), ANY, [1, 2]),
        (listed((), 3), ANY, [0, 0, 0]),
        (listed(None, 2, _0=[1]), scalars(1), [1, 0]),
        (listed((2,), 0), ANY, []),
    ],
)
def test_stack(source: TensorList, shape: np.ndarray, want: Any) -> None:
    got = call("TensorListStack", source, shape, out="INT32", shape=(2, 2))
    assert got.tolist() == want


def test_stack_of_tensorflow_keeps_a_dimension_of_1() -> None:
    got = call("FlexTensorListStack", listed(None, 2, _0=[1]), scalars(1), out="INT32")
    assert got.tolist() == [[1], [0]]


def test_stack_of_nothing_has_a_shape() -> None:
    got = call("TensorListStack", listed((3, 2), 0), ANY, out="INT32")
    assert got.shape == (0, 3, 2)


@pytest.mark.parametrize(
    ("source", "shape"),
    [
        (listed(None, 2), ANY),
        (listed((1,), 2), scalars(3)),
        (listed(None, 2, _0=[1, 2], _1=[3]), scalars(2)),
        (listed(None, 2, _0=[1]), scalars(2)),
        (listed((2,), 2), scalars(2, 1)),
        (listed((2,), 0, "INT64"), ANY),
    ],
)
def test_stack_refuses(source: TensorList, shape: np.ndarray) -> None:
    with pytest.raises(DataError):
        call("TensorListStack", source, shape, out="INT32")


def test_a_stack_beyond_the_limits() -> None:
    with pytest.raises(TFLiteError) as caught:
        call("TensorListStack", listed((2**20,), 2**31 - 1), ANY, out="INT32")
    assert caught.value.code == "limit.tensor"


def test_length_and_element_shape() -> None:
    assert call("TensorListLength", listed(None, 3), out="INT32").tolist() == 3
    for shape, want in ((None, -1), ((), []), ((2, -1), [2, -1])):
        got = call("TensorListElementShape", listed(shape, 3), out="INT32")
        assert got.tolist() == want and got.dtype == np.int32


@pytest.mark.parametrize("dtype", ["INT32", "FLOAT32"])
def test_add_n(dtype: str) -> None:
    a = listed((-1,), 3, dtype, _0=[1, 2], _1=[5, 6])
    b = listed((2,), 3, dtype, _0=[10, 20])
    got = call("VariantAddN", a, b, a)
    assert items_of(got) == {0: [12, 24], 1: [10, 12]} and got.shape == (2,) and got.length == 3
    stacked = call("TensorListStack", got, ANY, out=dtype)
    assert stacked.tolist() == [[12, 24], [10, 12], [0, 0]]


@pytest.mark.parametrize(
    "other",
    [
        listed((2,), 2), listed((2,), 3, "FLOAT32"), listed((2, 2), 3), listed((-1,), 3, _0=[1]),
        listed((-1,), 3),
    ],
)  # fmt: skip
def test_add_n_refuses(other: TensorList) -> None:
    with pytest.raises(DataError):
        call("VariantAddN", listed((-1,), 3, _0=[1, 2]), other)


def test_zeros_like() -> None:
    got = call("VariantZerosLike", listed((-1,), 3, _1=[1, 2]))
    assert items_of(got) == {1: [0, 0]} and (got.length, got.shape) == (3, (-1,))


def test_what_is_no_list() -> None:
    model = single_op("TensorListLength", [tensor((), "VARIANT")], [tensor((), "INT32")])
    handle = np.empty((), object)
    handle[()] = "a list"
    with pytest.raises(DataError):
        Interpreter(model).run(handle)


def test_a_loop_that_fills_a_list() -> None:
    """for i in range(n): list[i] = x * i; stack."""
    main, condition, body = Graph(), Graph("condition"), Graph("body")
    x, n = main.input("x", (2,)), main.input("n", (), "INT32")
    shape, zero = main.constant(np.int32([2])), main.constant(np.int32(0))
    filled = main.op(
        "TensorListReserve", [shape, n], (), "VARIANT", custom_options=bytes([TensorType.FLOAT32])
    )
    for graph in (condition, body):
        graph.input("i", (), "INT32"), graph.input("n", (), "INT32")
        graph.input("list", (), "VARIANT"), graph.input("x", (2,))
    condition.output(condition.op("LESS", [0, 1], (), "BOOL"))
    as_float = body.op("CAST", [0], ())
    product = body.op("MUL", [3, as_float], (2,))
    after = body.op("TensorListSetItem", [2, 0, product], (), "VARIANT")
    body.output(body.op("ADD", [0, body.constant(np.int32(1))], (), "INT32"))
    for tensor_number in (1, after, 3):
        body.output(tensor_number)
    outs = [main.tensor((), d) for d in ("INT32", "INT32", "VARIANT", "FLOAT32")]
    main.add("WHILE", (zero, n, filled, x), outs, cond_subgraph_index=1, body_subgraph_index=2)
    main.output(main.op("TensorListStack", [outs[2], shape], (2, 2)))
    main.output(main.op("TensorListLength", [outs[2]], (), "INT32"))
    interpreter = Interpreter(build(main, condition, body))
    for n_value in (3, 5):
        stacked, length = interpreter.run(np.float32([1, 2]), np.int32(n_value))
        assert stacked.tolist() == [[i, 2 * i] for i in range(n_value)] and length == n_value
