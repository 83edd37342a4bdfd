"""Ragged tensors, words and n-grams: against definitions in Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytflite import (
    DataError,
    Interpreter,
    LimitError,
    Limits,
    Model,
    ModelError,
    OptionError,
    ShapeError,
)
from pytflite.format.flexbuffer import encode
from pytflite.ops.strings.whitespace_tokenizer import words
from tests.harness import run_pytflite, single_op, tensor
from tests.ops.custom.node_defs import flex_options


def described(x: np.ndarray) -> Any:
    return tensor(x.shape, "STRING" if x.dtype == object else tensor(value=x).dtype.name)


def strings(*texts: bytes) -> np.ndarray:
    return np.array([*texts, None], object)[:-1]


# --- RaggedTensorToTensor ---

SPLITS, ROWIDS, FIRST = "ROW_SPLITS", "VALUE_ROWIDS", "FIRST_DIM_SIZE"


def padding(kinds: list[str], arrays: list[np.ndarray], rank: int, *, flex: bool = False) -> Model:
    name = "RaggedTensorToTensor"
    return single_op(
        "Flex" + name if flex else name,
        [described(x) for x in arrays],
        [tensor((1,) * rank, described(arrays[1]).dtype.name)],
        custom_options=flex_options(name, row_partition_types=kinds)
        if flex else encode({"row_partition_types": kinds}),
    )  # fmt: skip


def pad(kinds: list[str], *arrays: Any, flex: bool = False) -> np.ndarray:
    given = [np.asarray(x) for x in arrays]
    rank = len(kinds) - (FIRST in kinds) + max(given[1].ndim, 1)
    result: np.ndarray = run_pytflite(padding(kinds, given, rank, flex=flex), *given)[-1][0]
    return result


@given(st.integers(0, 9999), st.integers(1, 3), st.booleans(), st.booleans())
def test_padding(seed: int, levels: int, first: bool, flex: bool) -> None:
    """Nested lists, cut into values and partitions, then put together by hand."""
    rng = np.random.default_rng(seed)
    rows = int(rng.integers(0, 4))
    kinds, parts = ([FIRST], [np.array(rows, np.int64)]) if first else ([], [])
    lengths, count = [], rows
    for level in range(levels):
        lengths.append(rng.integers(0, 4, count))
        count = int(lengths[-1].sum())
        if level or first:
            kinds.append(str(rng.choice([SPLITS, ROWIDS])))
        else:
            kinds.append(SPLITS)
        parts.append(
            np.concatenate([[0], np.cumsum(lengths[-1])]) if kinds[-1] == SPLITS
            else np.repeat(np.arange(len(lengths[-1])), lengths[-1])
        )  # fmt: skip
    inner = tuple(rng.integers(1, 3, int(rng.integers(0, 2))))
    values = rng.integers(1, 99, (count, *inner))
    shape = np.array([*rng.integers(-1, 4, levels + 1), *inner])
    places = [(i,) for i in range(rows)]
    for sizes in lengths:
        places = [(*p, j) for p, n in zip(places, sizes, strict=True) for j in range(n)]
    sizes = [rows if shape[0] < 0 else shape[0]]
    for level in range(levels):
        widest = max(lengths[level], default=0)
        if kinds[level + first] == SPLITS and not flex:
            widest = max(1, widest)
        sizes.append(widest if shape[level + 1] < 0 else shape[level + 1])
    want = np.full((*sizes, *inner), -7)
    for place, value in zip(places, values, strict=True):
        if all(p < s for p, s in zip(place, sizes, strict=True)):
            want[place] = value
    parts = [p.astype(np.int64) for p in parts]
    got = pad(kinds, shape, values, np.array(-7), *parts, flex=flex)
    np.testing.assert_array_equal(got, want)


def test_padding_strings_and_default_elements() -> None:
    splits = np.int32([0, 2, 2, 3])
    got = pad([SPLITS], np.int32(-1), strings(b"a", b"b", b"c"), strings(b"-"), splits)
    assert got.tolist() == [[b"a", b"b"], [b"-", b"-"], [b"c", b"-"]]
    got = pad([SPLITS], np.int32(-1), np.ones((3, 2), np.float32), np.float32([5, 6]), splits)
    np.testing.assert_array_equal(got[1], [[5, 6], [5, 6]])
    got = pad([FIRST], np.int64(-1), np.float32([1, 2]), np.float32(0), np.int64(2))
    assert got.tolist() == [1, 2]


def test_the_least_width() -> None:
    empty = np.int64([0, 0, 0])
    values = np.zeros(0, np.int32)
    assert pad([SPLITS], np.int64(-1), values, np.int32(9), empty).tolist() == [[9], [9]]
    flexible = pad([SPLITS], np.int64(-1), values, np.int32(9), empty, flex=True)
    assert flexible.shape == (2, 0)


V = np.int32([1, 2, 3])


@pytest.mark.parametrize(
    ("kinds", "arrays", "error"),
    [
        ([SPLITS], [np.int64(-1), V, np.int32(0), np.int64([0, 2])], DataError),
        ([SPLITS], [np.int64(-1), V, np.int32(0), np.int64([0, 4, 3])], DataError),
        ([SPLITS], [np.int64(-1), V, np.int32(0), np.int64([1, 3])], DataError),
        ([SPLITS], [np.int64(-1), V, np.int32(0), np.int64([])], DataError),
        ([SPLITS], [np.int64(-1), V, np.int32(0), np.int64([0, 1 << 40])], LimitError),
        ([FIRST, SPLITS], [np.int64(-1), V, np.int32(0), np.int64(2), np.int64([0, 3])], DataError),
        ([FIRST, ROWIDS], [np.int64(-1), V, np.int32(0), np.int64(2), np.int64([0, 1, 2])],
         DataError),
        ([FIRST, ROWIDS], [np.int64(-1), V, np.int32(0), np.int64(2), np.int64([-1, 0, 1])],
         DataError),
        ([FIRST, ROWIDS], [np.int64(-1), V, np.int32(0), np.int64(-2), np.int64([0, 0, 0])],
         DataError),
        ([FIRST], [np.int64(-1), V, np.int32(0), np.int64(2)], DataError),
        ([FIRST, ROWIDS], [np.int64(-1), V, np.int32(0), np.int64(1 << 50), np.int64([0, 0, 0])],
         LimitError),
        ([SPLITS], [np.int64([2, 2, 2]), V, np.int32(0), np.int64([0, 3])], ShapeError),
        ([SPLITS], [np.int64([-1, -1, 3]), V[:, None], np.int32(0), np.int64([0, 3])], ShapeError),
        ([SPLITS], [np.int64(-1), V[:, None], np.int32([1, 2]), np.int64([0, 3])], ShapeError),
        ([SPLITS], [np.int64(-1), np.int32(3), np.int32(0), np.int64([0, 3])], ShapeError),
        ([ROWIDS], [np.int64(-1), V, np.int32(0), np.int64([0, 0, 0])], OptionError),
        ([SPLITS, FIRST], [np.int64(-1), V, np.int32(0), np.int64([0, 3]), np.int64(3)],
         OptionError),
        (["RAGGED"], [np.int64(-1), V, np.int32(0), np.int64([0, 3])], OptionError),
        ([SPLITS, SPLITS], [np.int64(-1), V, np.int32(0), np.int64([0, 3])], OptionError),
    ],
)  # fmt: skip
def test_padding_refusals(kinds: list[str], arrays: list[Any], error: Any) -> None:
    with pytest.raises(error, match="RaggedTensorToTensor"):
        pad(kinds, *arrays)


def test_padding_shapes_that_are_constant() -> None:
    arrays = [V, np.int32(0), np.int64([0, 2, 3])]
    inputs = [tensor(value=np.int64([-1, 4])), *map(described, arrays)]
    model = single_op(
        "RaggedTensorToTensor", inputs, [tensor((1, 1), "INT32")],
        custom_options=encode({"row_partition_types": [SPLITS]}),
    )  # fmt: skip
    interpreter = Interpreter(model)
    assert interpreter.plan().steps[0].output_specs[0].shape == (None, 4)
    assert interpreter.run(*arrays).tolist() == [[1, 2, 0, 0], [3, 0, 0, 0]]


# --- RaggedRange ---


def ranges(*arrays: np.ndarray, splits: str = "INT64") -> list[np.ndarray]:
    kind = tensor(value=arrays[0]).dtype.name if arrays[0].dtype != np.float64 else "FLOAT64"
    model = single_op(
        "RaggedRange", [tensor(x.shape, kind) for x in arrays],
        [tensor((1,), splits), tensor((1,), kind)],
    )  # fmt: skip
    return run_pytflite(model, *arrays)[-1]


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(-4, 4).filter(bool)),
                max_size=5), st.sampled_from([np.int32, np.int64]))  # fmt: skip
def test_ranges_of_integers(rows: list[tuple[int, int, int]], dtype: Any) -> None:
    columns = [np.array([r[n] for r in rows], dtype) for n in range(3)]
    splits, values = ranges(*columns)
    want = [list(range(*row)) for row in rows]
    assert values.tolist() == [v for row in want for v in row]
    assert splits.tolist() == [0, *np.cumsum([len(row) for row in want])]
    assert values.dtype == dtype


def test_ranges_of_floats_add_up() -> None:
    start, limit, delta = (np.array(v, np.float32) for v in (0.0, [1.0, 0.5], 0.1))
    splits, values = ranges(start, limit, delta, splits="INT32")
    assert splits.tolist() == [0, 10, 15] and splits.dtype == np.int32
    total, want = np.float32(0), []
    for _ in range(10):
        want.append(total)
        total += np.float32(0.1)
    np.testing.assert_array_equal(values[:10], want)
    splits, values = ranges(*(np.array(v) for v in ([2.0, 1.0], 1.0, -0.5)))
    assert splits.tolist() == [0, 2, 2] and values.tolist() == [2.0, 1.5]


def test_range_refusals() -> None:
    one = np.int64([1])
    for bad in ((one, one, one * 0), (one, one * (1 << 62), one), (one * 0, one * 9, one * 0)):
        with pytest.raises((DataError, LimitError), match="RaggedRange"):
            ranges(*bad)
    for numbers in ((0.0, np.inf, 1.0), (0.0, np.nan, 1.0), (0.0, 1.0, np.nan), (0.0, 1.0, 0.0)):
        with pytest.raises(DataError, match="RaggedRange"):
            ranges(*(np.array([v]) for v in numbers))
    with pytest.raises(ShapeError, match="same rows"):
        ranges(np.int32([1, 2]), np.int32([1, 2, 3]), np.int32([1]))
    with pytest.raises(ShapeError):
        ranges(np.int32([[1, 2]]), np.int32([1]), np.int32([1]))


# --- tftext:WhitespaceTokenizer ---


def cutting(shape: Any, outputs: int) -> Model:
    return single_op(
        "tftext:WhitespaceTokenizer", [tensor(shape, "STRING")],
        [tensor((1,), "STRING"), *[tensor((1,), "INT64")] * (outputs - 1)],
    )  # fmt: skip


def test_words() -> None:
    assert words(b"  two\twords \n") == [b"two", b"words"]
    assert words(b"") == [] and words(b" \r\v\f") == []
    spaces = "\u00a0\u1680\u2003\u2028\u202f\u205f\u3000\ufeff\x85"
    assert words("x".join(["", *spaces, ""]).encode()) == [b"x"] * 10
    assert words("a\u200bb".encode()) == ["a\u200bb".encode()]
    assert words("\U0001f600 \u4f60".encode()) == ["\U0001f600".encode(), "\u4f60".encode()]
    assert words(b"ok b\xffc d") == [b"ok", b"b"]
    assert words("ok \ufffd d".encode()) == [b"ok"]
    assert words(b"cut \xe4\xbd") == [b"cut"]
    assert words(b"\xed\xa0\x80 a\0b") == [b"\xed\xa0\x80", b"a\0b"]  # half of a pair is let pass


def test_padded_words() -> None:
    x = strings(b"a b", b"", b"c", b"d e f").reshape(2, 2)
    (got,) = run_pytflite(cutting((2, 2), 1), x)[0]
    assert got.tolist() == [[[b"a", b"b", b""], [b""] * 3], [[b"c", b"", b""], [b"d", b"e", b"f"]]]
    (got,) = run_pytflite(cutting((0,), 1), strings())[0]
    assert got.shape == (0, 0)
    (got,) = run_pytflite(cutting((), 1), np.array(b"a b", object))[0]
    assert got.tolist() == [b"a", b"b"]


def test_ragged_words() -> None:
    x = strings(b"a b", b"", b"c", b"d e f", b"g", b"").reshape(2, 3)
    values, outer, inner = run_pytflite(cutting((2, 3), 3), x)[0]
    assert values.tolist() == [b"a", b"b", b"c", b"d", b"e", b"f", b"g"]
    assert outer.tolist() == [0, 3, 6] and inner.tolist() == [0, 2, 2, 3, 6, 7, 7]
    with pytest.raises(ModelError, match="Whitespace"):
        Interpreter(cutting((2, 3), 2)).allocate_tensors()


# --- tftext:Ngrams ---

OPTIONS: dict[str, Any] = {
    "width": 2, "axis": -1, "reduction_type": "STRING_JOIN", "string_separator": " ",
}  # fmt: skip


def grams(inputs: list[Any], outputs: int | None = None, **options: Any) -> Model:
    given = {k: v for k, v in (OPTIONS | options).items() if v is not None}
    count = len(inputs) if outputs is None else outputs
    return single_op(
        "tftext:Ngrams", [tensor(s, "INT64" if n else "STRING") for n, s in enumerate(inputs)],
        [tensor((1,), "INT64" if n else "STRING") for n in range(count)],
        custom_options=encode(given),
    )  # fmt: skip


@given(st.integers(0, 4), st.integers(1, 5))
def test_grams(count: int, width: int) -> None:
    rows = [[b"%d%d" % (r, i) for i in range(count)] for r in range(2)]
    x = strings(*rows[0], *rows[1]).reshape(2, count)
    (got,) = run_pytflite(grams([(2, count)], width=width, string_separator="-"), x)[0]
    want = [[b"-".join(row[i : i + width]) for i in range(count - width + 1)] for row in rows]
    assert got.tolist() == want if count >= width else got.shape == (2, 0)


def test_ragged_grams() -> None:
    x = strings(b"a", b"b", b"c", b"d", b"e", b"f")
    outer, inner = np.int64([0, 2, 3]), np.int64([0, 3, 3, 6])
    values, first, second = run_pytflite(grams([(6,), (3,), (4,)]), x, outer, inner)[0]
    assert values.tolist() == [b"a b", b"b c", b"d e", b"e f"]
    assert first.tolist() == outer.tolist() and second.tolist() == [0, 2, 2, 4]


def test_gram_refusals() -> None:
    x = strings(b"a", b"b", b"c")
    for splits in ([0, 4], [0, 2, 1], [-1, 3], []):
        with pytest.raises(DataError, match="rows"):
            run_pytflite(grams([(3,), (len(splits),)]), x, np.int64(splits))
    for options in (
        {"width": 0}, {"width": None}, {"axis": 0}, {"axis": None}, {"reduction_type": "SUM"},
        {"string_separator": 3},
    ):  # fmt: skip
        with pytest.raises(OptionError, match="Ngrams"):
            Interpreter(grams([(3,)], **options)).allocate_tensors()
    with pytest.raises(ModelError):
        Interpreter(grams([(3,), (2,)], outputs=1)).allocate_tensors()
    with pytest.raises(ShapeError):
        Interpreter(grams([()])).allocate_tensors()
    with pytest.raises(ShapeError):
        Interpreter(grams([(3,), (2, 1)])).allocate_tensors()
    long = strings(*[b"x" * 100] * 100)
    with pytest.raises(LimitError, match="n-grams"):
        Interpreter(grams([(100,)], width=50), limits=Limits(string_bytes=100_000)).run(long)


def test_a_constant_shape() -> None:
    """The output has its place before the run."""
    values, default = np.array([5, 8, 2, 18, 80], np.int64), np.array(-7, np.int64)
    parts = np.array([0, 2, 4, 5], np.int64)
    model = single_op(
        "RaggedTensorToTensor",
        [tensor(value=np.array([2, 3], np.int64)), *map(described, (values, default, parts))],
        [tensor((2, 3), "INT64")],
        custom_options=encode({"row_partition_types": [SPLITS]}),
    )
    for (got,) in run_pytflite(model, values, default, parts):
        np.testing.assert_array_equal(got, [[5, 8, -7], [2, 18, -7]])
