"""What only a run knows the shapes of is compiled once they come again; answers are NumPy's."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from pytflite import Interpreter
from pytflite.errors import DataError, LimitError, TFLiteError
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from tests.graphs import Graph, build

pytest.importorskip("llvmlite")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 8)).astype(np.float32)
WEIGHTS = RNG.normal(size=(5, 8)).astype(np.float32)


def sliced() -> Model:
    """relu(x)[:n] times weights, by an index, and as one row; n and relu(x) come out, too."""
    g = Graph()
    x, n, at = g.input("x", (6, 8)), g.input("n", (2,), "INT32"), g.input("at", (1,), "INT32")
    y = g.op("RELU", [x], (6, 8))
    zero = g.constant(np.int32([0, 0]))
    part = g.op("STRIDED_SLICE", [y, zero, n, g.constant(np.int32([1, 1]))], (1, 8),
                begin_mask=0, end_mask=2)  # fmt: skip
    product = g.op("FULLY_CONNECTED", [part, g.constant(WEIGHTS)], (1, 5))
    size = g.op("SHAPE", [product], (2,), "INT32", out_type=2)
    both = g.op("REDUCE_PROD", [size, g.constant(np.int32([0]))], (1,), "INT32", keep_dims=True)
    g.output(g.op("RESHAPE", [product, both], (5,)))
    g.output(g.op("GATHER", [product, at], (1, 5), axis=0))
    g.output(y)
    g.output(size)
    return build(g)


def given(n: int, at: int = 0) -> list[np.ndarray]:
    return [X, np.int32([n, 0]), np.int32([at])]


def both(model: Model, **options: Any) -> tuple[Interpreter, Interpreter]:
    return (
        Interpreter(model, backend="jit", wait=True, **options),
        Interpreter(model, backend="numpy", **options),
    )


def same(native: Interpreter, plain: Interpreter, *inputs: np.ndarray) -> None:
    got, want = native.run(*inputs), plain.run(*inputs)
    for a, b in zip(got, want, strict=True) if isinstance(want, list) else [(got, want)]:
        if b.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6, strict=True)
        else:
            np.testing.assert_array_equal(a, b, strict=True)


def kinds(interpreter: Interpreter) -> dict[str, str]:
    return {row.operator: row.backend for row in interpreter.backend_report()}


def test_the_rest_is_native_when_shapes_are_known() -> None:
    native, plain = both(sliced())
    assert kinds(native)["STRIDED_SLICE"] == "numpy"
    same(native, plain, *given(3))
    found = kinds(native)
    assert set(found.values()) == {"jit"} and "FULLY_CONNECTED" in found
    assert "SHAPE" not in found  # folded
    for n in (3, 6, 1, 3, 2, 6):
        same(native, plain, *given(n))
    rows = {row.operator: row.backend for row in native.profile(*given(3), runs=1)}
    assert rows["FULLY_CONNECTED"] == rows["GATHER"] == "jit"


def test_shapes_have_to_come_again() -> None:
    native, plain = both(sliced())
    plan = native.plan()
    assert plan.rest is not None
    for n in range(1, 7):
        same(native, plain, *given(n))
    assert plan.rest.made == 1
    same(native, plain, *given(5))
    assert plan.rest.made == 2
    for _ in range(20):
        for n in range(1, 7):
            same(native, plain, *given(n))
    assert plan.rest.made == 6 and len(plan.rest.plans) == 6


def test_few_plans_are_kept() -> None:
    g = Graph()
    x, n = g.input("x", (1,)), g.input("n", (1,), "INT32")
    g.output(g.op("EXP", [g.op("TILE", [x, n], (1,))], (1,)))
    native, plain = both(build(g))
    for n in range(12):
        for _ in range(n + 1):
            same(native, plain, np.float32([2]), np.int32([n]))
    rest = native.plan().rest
    assert rest is not None and len(rest.plans) == 8 and rest.made == 12
    kept = [p for p in rest.plans.values() if p is not None]
    assert all(p.kept for p in kept)


def test_without_waiting_it_is_the_second_time() -> None:
    interpreter = Interpreter(sliced(), backend="jit", wait=False)
    interpreter.compile()
    rest = interpreter.plan().rest
    assert rest is not None
    for made in (0, 1, 1):
        interpreter.run(*given(3))
        assert rest.made == made


def test_what_is_only_turned_is_where_it_was() -> None:
    """An output that is another view of what the first part computed."""
    g = Graph()
    x, shape = g.input("x", (6,)), g.input("s", (2,), "INT32")
    g.output(g.op("RESHAPE", [g.op("EXP", [x], (6,)), shape], (1, 1)))
    native, plain = both(build(g))
    for sizes in ([2, 3], [2, 3], [6, 1], [6, 1], [2, 3]):
        for _ in range(2):
            x = RNG.normal(size=6).astype(np.float32)
            same(native, plain, x, np.int32(sizes))


def test_bad_data_are_refused_as_ever() -> None:
    native, plain = both(sliced())
    same(native, plain, *given(3))
    for _ in range(2):
        for interpreter in (native, plain):
            with pytest.raises(DataError, match="GATHER"):
                interpreter.run(*given(3, at=3))
    same(native, plain, *given(3, at=2))


def test_what_does_not_fit_is_told_by_the_operator() -> None:
    g = Graph()
    x, shape = g.input("x", (6,)), g.input("s", (2,), "INT32")
    g.output(g.op("EXP", [g.op("RESHAPE", [x, shape], (1, 1))], (1, 1)))
    native, plain = both(build(g))
    x = np.arange(6, dtype=np.float32)
    for sizes in ([2, 3], [4, 2], [3, 2], [4, 2], [-1, 2], [2, 3]):
        errors = []
        for interpreter in (native, plain):
            try:
                interpreter.run(x, np.int32(sizes))
            except TFLiteError as error:
                errors.append(str(error))
        assert len(set(errors)) == len(errors) / 2
        if not errors:
            same(native, plain, x, np.int32(sizes))


def test_an_operator_that_never_says_its_shape_is_passed_over() -> None:
    """UNIQUE, whose count only it knows; what follows it is compiled."""
    g = Graph()
    x = g.input("x", (12,))
    unique, places = g.tensor((1,)), g.tensor((12,), "INT32")
    g.add("UNIQUE", [g.op("RELU", [x], (12,))], (unique, places), idx_out_type=2)
    g.output(g.op("EXP", [unique], (1,)))
    g.output(places)
    native, plain = both(build(g))
    x = RNG.integers(0, 4, 12).astype(np.float32)
    for _ in range(3):
        same(native, plain, x)
    assert kinds(native) == {"RELU": "jit", "UNIQUE": "numpy", "EXP": "jit"}
    same(native, plain, -x)
    same(native, plain, np.zeros_like(x))


@pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "int64", "float16", "float32",
                                   "float64"])  # fmt: skip
def test_places_are_counted_first(dtype: str) -> None:
    """WHERE, of -0 and NaN, too; and what takes its rows."""
    g = Graph()
    mask, x = g.input("mask", (4, 5), dtype.upper()), g.input("x", (4, 5))
    rows = g.op("WHERE", [mask], (1, 2), "INT64")
    g.output(g.op("EXP", [g.op("GATHER_ND", [x, rows], (1,))], (1,)))
    g.output(rows)
    native, plain = both(build(g))
    numbers = RNG.normal(size=(4, 5)).astype(np.float32)
    some = [0, 0, 1, -1, 3] if "float" not in dtype else [0.0, -0.0, np.nan, -1e-7, np.inf]
    mask = RNG.choice(np.array(some, dtype), (4, 5))
    for given in (mask, mask, mask[::-1], np.zeros_like(mask), np.ones_like(mask), mask):
        for _ in range(3):
            same(native, plain, np.ascontiguousarray(given), numbers)
    assert kinds(native) == {"WHERE": "jit", "GATHER_ND": "jit", "EXP": "jit"}


def test_one_rest_in_another() -> None:
    g = Graph()
    x, n, m = g.input("x", (9,)), g.input("n", (1,), "INT32"), g.input("m", (4, 4))
    zero = g.constant(np.int32([0]))
    y = g.op("EXP", [g.op("SLICE", [x, zero, n], (1,))], (1,))
    rows = g.op("WHERE", [g.op("GREATER", [m, g.constant(np.float32(0))], (4, 4), "BOOL")], (1, 2),
                "INT64")  # fmt: skip
    picked = g.op("GATHER_ND", [m, rows], (1,))
    g.output(g.op("CONCATENATION", [y, picked], (1,), axis=0))
    native, plain = both(build(g))
    x, m = RNG.normal(size=9).astype(np.float32), RNG.normal(size=(4, 4)).astype(np.float32)
    for n in (4, 4, 2, 2, 2, 4, 0):
        same(native, plain, x, np.int32([n]), m)
        same(native, plain, x, np.int32([n]), np.abs(m))
    assert kinds(native)["CONCATENATION"] == "jit"


def test_weights_are_what_they_were() -> None:
    """What planning computed before is not computed again, however large."""
    g = Graph()
    x, n = g.input("x", (6, 600)), g.input("n", (2,), "INT32")
    part = g.op("SLICE", [x, g.constant(np.int32([0, 0])), n], (1, 600))
    weights = RNG.normal(size=(1000, 600)).astype(np.float16)
    wide = g.op("DEQUANTIZE", [g.constant(weights)], (1000, 600))
    g.output(g.op("FULLY_CONNECTED", [part, wide], (1, 1000)))
    native, plain = both(build(g))
    x = RNG.normal(size=(6, 600)).astype(np.float32)
    for n in (2, 2, 5, 5):
        got, want = native.run(x, np.int32([n, 600])), plain.run(x, np.int32([n, 600]))
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3)
    assert kinds(native) == {"SLICE": "jit", "FULLY_CONNECTED": "jit"}


def test_observers_see_the_same() -> None:
    native, plain = both(sliced())
    for interpreter in (native, plain):
        interpreter.run(*given(3))
    seen: dict[str, list[str]] = {}
    for name, interpreter in (("jit", native), ("numpy", plain)):
        order = seen[name] = []
        with interpreter.add_hook(after=lambda m, order=order: order.append(m.operator)):
            interpreter.run(*given(3))
    assert [o for o in seen["numpy"] if o in seen["jit"]] == seen["jit"]
    traces = [i.trace(*given(3)) for i in (native, plain)]
    assert set(traces[0]) == set(traces[1])
    watched = native.trace(*given(3), watch="fully*")
    (name,) = watched
    np.testing.assert_allclose(watched[name], traces[1][name], rtol=1e-5)


def test_the_calls_of_tf_lite() -> None:
    native, plain = both(sliced())
    for n in (3, 3, 5, 5, 5, 2):
        found = []
        for interpreter in (native, plain):
            interpreter.allocate_tensors()
            details = interpreter.get_input_details()
            for detail, value in zip(details, given(n), strict=True):
                interpreter.set_tensor(detail["index"], value)
            interpreter.invoke()
            found.append([interpreter.get_tensor(d["index"])
                          for d in interpreter.get_output_details()])  # fmt: skip
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_many_threads() -> None:
    native, plain = both(sliced())
    want = {n: plain.run(*given(n)) for n in range(1, 7)}

    def work(seed: int) -> bool:
        for n in np.random.default_rng(seed).integers(1, 7, 100).tolist():
            for a, b in zip(native.run(*given(n)), want[n], strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
        return True

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(work, range(6)))


def test_copies() -> None:
    native, plain = both(sliced())
    same(native, plain, *given(3))
    same(pickle.loads(pickle.dumps(native)), plain, *given(3))
    same(native.clone(), plain, *given(3))


def test_in_a_subgraph() -> None:
    g = Graph()
    x, n = g.input("x", (6, 8)), g.input("n", (1,), "INT32")
    condition = g.op("GREATER", [g.op("REDUCE_MAX", [n, g.constant(np.int32([0]))], (), "INT32"),
                                 g.constant(np.int32(2))], (), "BOOL")  # fmt: skip
    g.output(g.op("IF", [condition, x, n], (1, 8), then_subgraph_index=1, else_subgraph_index=2))
    branches = []
    for name in ("EXP", "TANH"):
        b = Graph()
        y, m = b.input("y", (6, 8)), b.input("m", (1,), "INT32")
        size = b.op("CONCATENATION", [m, b.constant(np.int32([8]))], (2,), "INT32", axis=0)
        part = b.op("SLICE", [y, b.constant(np.int32([0, 0])), size], (1, 8))
        b.output(b.op(name, [part], (1, 8)))
        branches.append(b)
    native, plain = both(build(g, *branches))
    for n in (1, 1, 4, 4, 1, 4, 3):
        same(native, plain, X, np.int32([n]))


def test_words_pass_through() -> None:
    g = Graph()
    words, n = g.input("w", (3,), "STRING"), g.input("n", (1,), "INT32")
    x = g.input("x", (6,))
    part = g.op("EXP", [g.op("SLICE", [x, g.constant(np.int32([0])), n], (1,))], (1,))
    g.output(part)
    g.output(g.op("RESHAPE", [words, g.constant(np.int32([3, 1]))], (3, 1), "STRING"))
    native, plain = both(build(g))
    for n in (2, 2, 3, 3):
        inputs = np.array([b"a", b"bc", b""], object), np.int32([n]), X.reshape(-1)[:6]
        got, want = native.run(*inputs), plain.run(*inputs)
        np.testing.assert_allclose(got[0], want[0], rtol=1e-6)
        assert got[1].tolist() == want[1].tolist()


def test_work_counts_as_on_numpy() -> None:
    cost = 3 * 8 * 5
    for macs, fine in ((cost, True), (cost - 1, False)):
        for interpreter in both(sliced(), limits=Limits(macs=macs)):
            for _ in range(2):
                if fine:
                    interpreter.run(*given(3))
                else:
                    with pytest.raises(LimitError):
                        interpreter.run(*given(3))
