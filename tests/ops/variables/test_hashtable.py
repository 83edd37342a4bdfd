"""HASHTABLE and its kin against LiteRT, where only the default resolver has them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytflite import DataError, DTypeError, Interpreter, Model, OptionError, ShapeError
from pytflite.format.schema import TensorType
from pytflite.ops.variables import hashtable
from tests.graphs import Graph, build
from tests.harness import check, needs_litert

DEFAULT = "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
TYPES = {"INT64": TensorType.INT64, "STRING": TensorType.STRING}


def objects(values: Any, dtype: str) -> np.ndarray:
    return (
        np.array([*values, None], object)[:-1] if dtype == "STRING" else np.array(values, np.int64)
    )


def table(graph: Graph, number: int, keys: str, values: str) -> int:
    return graph.op(
        "HASHTABLE", [], (1,), "RESOURCE", table_id=number, key_dtype=TYPES[keys],
        value_dtype=TYPES[values],
    )  # fmt: skip


def model(
    keys: Any, values: Any, shape: Any, default: Any, *, kind: str = "INT64", times: int = 1,
    size: bool = True, once: bool = True,
) -> Model:  # fmt: skip
    """Looks keys up in a table that CALL_ONCE (or the graph itself) fills.

    Args:
        kind: type of the keys.
        times: how often it is filled.
    """
    other = "STRING" if kind == "INT64" else "INT64"
    main, init = Graph(), Graph("init")
    if once:
        main.op("CALL_ONCE", [], None, init_subgraph_index=1)
    filled = init if once else main
    for _ in range(times):
        filled.op(
            "HASHTABLE_IMPORT",
            [table(filled, 4, kind, other), filled.constant(objects(keys, kind), dtype=kind),
             filled.constant(objects(values, other), dtype=other)],
            None,
        )  # fmt: skip
    asked = main.input("keys", shape, kind)
    handle = table(main, 4, kind, other)
    given = main.constant(objects([default], other), dtype=other)
    main.output(main.op("HASHTABLE_FIND", [handle, asked, given], shape, other))
    if size:
        main.output(main.op("HASHTABLE_SIZE", [handle], (1,), "INT64"))
    return build(main, init) if once else build(main)


@needs_litert
@given(
    st.lists(
        st.tuples(st.integers(-5, 5), st.text("abc\u00e9", max_size=3)), min_size=1, max_size=8
    ),
    st.lists(st.integers(-6, 6), min_size=1, max_size=6),
)
def test_integers_to_strings(pairs: list[tuple[int, str]], asked: list[int]) -> None:
    """Of equal keys the first counts; what is not there becomes the default."""
    keys, values = zip(*pairs, strict=True)
    texts = [v.encode() for v in values]
    check(model(keys, texts, (len(asked),), b"?"), np.array(asked, np.int64), resolver=DEFAULT)


@needs_litert
@given(
    st.lists(st.tuples(st.text("abc\u00e9", max_size=2), st.integers(-(1 << 60), 1 << 60)),
             min_size=1, max_size=8),
    st.lists(st.text("abc\u00e9", max_size=2), min_size=1, max_size=6),
)  # fmt: skip
def test_strings_to_integers(pairs: list[tuple[str, int]], asked: list[str]) -> None:
    keys, values = zip(*pairs, strict=True)
    texts, wanted = [k.encode() for k in keys], [k.encode() for k in asked]
    check(
        model(texts, values, (len(asked),), -1, kind="STRING"), objects(wanted, "STRING"),
        resolver=DEFAULT,
    )  # fmt: skip


@needs_litert
@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (1, 1, 4)])
def test_shapes_of_keys(shape: Any) -> None:
    asked = np.arange(np.prod(shape, dtype=int), dtype=np.int64).reshape(shape)
    check(model([1, 3], [b"one", b"three"], shape, b""), asked, resolver=DEFAULT)


@needs_litert
@pytest.mark.parametrize("once", [True, False])
def test_a_table_is_filled_once(once: bool) -> None:
    case = model([1, 2], [b"a", b"b"], (3,), b"-", times=2, once=once)
    check(case, np.int64([2, 3, 1]), times=3, resolver=DEFAULT)


@needs_litert
def test_the_size_of_a_table_that_nobody_filled() -> None:
    graph = Graph()
    graph.output(graph.op("HASHTABLE_SIZE", [table(graph, 1, "INT64", "STRING")], (1,), "INT64"))
    (got,) = check(build(graph), resolver=DEFAULT)
    assert got.tolist() == [0]


def two_tables() -> Model:
    graph = Graph()
    asked = graph.input("keys", (2,), "INT64")
    for number in (1, 2):
        handle = table(graph, number, "INT64", "STRING")
        keys = graph.constant(np.int64([number, 5]))
        values = graph.constant(objects([b"own", b"%d" % number], "STRING"), dtype="STRING")
        graph.op("HASHTABLE_IMPORT", [handle, keys, values], None)
        default = graph.constant(objects([b"none"], "STRING"), dtype="STRING")
        graph.output(graph.op("HASHTABLE_FIND", [handle, asked, default], (2,), "STRING"))
    return build(graph)


@needs_litert
def test_two_tables() -> None:
    first, second = check(two_tables(), np.int64([1, 5]), resolver=DEFAULT)
    assert first.tolist() == [b"own", b"1"] and second.tolist() == [b"none", b"2"]


def test_tables_belong_to_the_interpreter() -> None:
    graph = Graph()
    keys, asked = graph.input("new", (1,), "INT64"), graph.input("asked", (1,), "INT64")
    handle = table(graph, 3, "INT64", "STRING")
    value = graph.constant(objects([b"x"], "STRING"), dtype="STRING")
    default = graph.constant(objects([b"-"], "STRING"), dtype="STRING")
    graph.op("HASHTABLE_IMPORT", [handle, keys, value], None)
    graph.output(graph.op("HASHTABLE_FIND", [handle, asked, default], (1,), "STRING"))
    one, two = Interpreter(build(graph)), Interpreter(build(graph))
    first, second = np.int64([1]), np.int64([2])
    assert one.run(first, first).tolist() == [b"x"]
    assert one.run(second, second).tolist() == [b"-"]  # it is full already
    assert two.run(second, second).tolist() == [b"x"]
    assert pickle.loads(pickle.dumps(one)).run(second, first).tolist() == [b"x"]
    assert one.clone().run(second, second).tolist() == [b"x"]


def test_a_table_that_nobody_filled() -> None:
    graph = Graph()
    asked = graph.input("keys", (2,), "INT64")
    default = graph.constant(objects([b"-"], "STRING"), dtype="STRING")
    handle = table(graph, 1, "INT64", "STRING")
    graph.output(graph.op("HASHTABLE_FIND", [handle, asked, default], (2,), "STRING"))
    with pytest.raises(DataError, match="before it is filled") as caught:
        Interpreter(build(graph)).run(np.int64([1, 2]))
    assert caught.value.code == "data.unassigned"


def test_nothing() -> None:
    found, size = Interpreter(model([], [], (0,), b"-")).run(np.zeros(0, np.int64))
    assert found.shape == (0,) and size.tolist() == [0]


def importing(keys: Any, values: Any, *, types: tuple[str, str] = ("INT64", "STRING"),
              handle: Any = None) -> Model:  # fmt: skip
    """Fills a table with constants, arrays or shapes of inputs."""
    graph = Graph()
    inputs = []
    for name, source, kind in (("k", keys, types[0]), ("v", values, types[1])):
        if isinstance(source, tuple):
            inputs.append(graph.input(name, source, kind))
        else:
            inputs.append(graph.constant(objects(source, kind), dtype=kind))
    number = handle(graph) if handle else table(graph, 1, "INT64", "STRING")
    graph.op("HASHTABLE_IMPORT", [number, *inputs], None)
    graph.output(graph.op("HASHTABLE_SIZE", [number], (1,), "INT64"))
    return build(graph)


def test_refusals() -> None:
    with pytest.raises(ShapeError, match="different shapes"):
        Interpreter(importing([1, 2], [b"a"])).allocate_tensors()
    with pytest.raises(DTypeError, match="other types"):
        Interpreter(importing([b"a"], [1], types=("STRING", "INT64"))).allocate_tensors()
    with pytest.raises(DTypeError):
        Interpreter(importing([1], [2], types=("INT64", "INT64"))).allocate_tensors()
    two = importing([1], [b"a"], handle=lambda g: g.input("h", (2,), "RESOURCE"))
    with pytest.raises(ShapeError, match="one handle"):
        Interpreter(two).allocate_tensors()
    graph = Graph()
    graph.output(graph.op("HASHTABLE", [], (1,), "RESOURCE", key_dtype=TensorType.FLOAT32))
    with pytest.raises(OptionError, match="such types"):
        Interpreter(build(graph)).allocate_tensors()
    graph = Graph()
    none = graph.constant(objects([], "STRING"), dtype="STRING")
    keys = graph.input("k", (1,), "INT64")
    handle = table(graph, 1, "INT64", "STRING")
    graph.output(graph.op("HASHTABLE_FIND", [handle, keys, none], (1,), "STRING"))
    with pytest.raises(ShapeError, match="default"):
        Interpreter(build(graph)).allocate_tensors()


def test_keys_and_values_whose_numbers_only_a_run_knows() -> None:
    graph = Graph()
    some, mask = graph.input("some", (4,), "INT64"), graph.input("mask", (4,), "BOOL")
    places = graph.op("WHERE", [mask], (1, 1), "INT64")
    flat = graph.op("RESHAPE", [places, graph.constant(np.int32([-1]))], (1,), "INT64")
    keys = graph.op("GATHER", [some, flat], (1,), "INT64", version=2)
    values = graph.constant(objects([b"a", b"b"], "STRING"), dtype="STRING")
    handle = table(graph, 1, "INT64", "STRING")
    graph.op("HASHTABLE_IMPORT", [handle, keys, values], None)
    graph.output(graph.op("HASHTABLE_SIZE", [handle], (1,), "INT64"))
    model, x = build(graph), np.int64([5, 6, 7, 8])
    assert Interpreter(model).run(x, np.array([1, 0, 1, 0], bool)).tolist() == [2]
    with pytest.raises((DataError, ShapeError), match="HASHTABLE_IMPORT"):
        Interpreter(model).run(x, np.array([1, 1, 1, 0], bool))


def test_handles_are_known_when_a_model_is_planned() -> None:
    names = [step.node.name for step in Interpreter(two_tables()).plan().steps]
    assert names.count("HASHTABLE_IMPORT") == 2 and "HASHTABLE" not in names
    with pytest.raises(AssertionError, match="folded"):
        hashtable.eval_table(None, [], [None], None)  # type: ignore[arg-type]  it asks nothing
