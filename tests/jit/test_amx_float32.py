"""Products of float32 in AMX's tiles, by parts of bfloat16: on tiles in software, or the CPU's own.

Where numbers can be split, against the product in float64; where not, to the bit against FMA.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import pytflite
from pytflite.jit.emit.bfloat16 import LEAST, LIMIT, NORMAL
from pytflite.jit.lowering import tiles as tile_rules
from pytflite.jit.lowering.packing import pack
from pytflite.jit.lowering.products import Ending, product_work
from pytflite.jit.lowering.tiles import Product, columns_of, splits_of
from pytflite.jit.target import BY_NAME, cpu_features
from tests.harness import single_op, tensor
from tests.jit.amx import emulate
from tests.jit.guarded import run_guarded
from tests.jit.native import NATIVE, call
from tests.jit.targets import compiled, reasons

AMX = BY_NAME["amx"]
pytestmark = pytest.mark.skipif(
    not {"avx512f", "avx512_bf16"} <= cpu_features(), reason="this CPU has no bfloat16"
)
FMA, MEDIUM, HIGH, FULL = 0, 1, 2, 3  # parts
# Errors of a product, of its magnitude: of rounding in float32, of two parts, and of one.
ERRORS = {"float32": 2.0**-24, "high": 2.0**-15, "medium": 2.0**-7}
precisions = pytest.mark.parametrize("precision", list(ERRORS))
several = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
_SIZES = st.sampled_from([1, 2, 3, 7, 16, 17, 31, 32, 33, 48, 64, 70])


@pytest.fixture(autouse=True)
def tiles(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels for AMX run."""
    if AMX not in NATIVE:
        emulate(monkeypatch)
    yield


@pytest.fixture
def all_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Products of any size are multiplied in tiles."""
    monkeypatch.setattr(tile_rules, "_LEAST", dict.fromkeys((MEDIUM, HIGH, FULL), (1, 1, 1)))


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Normal numbers."""
    return rng.standard_normal(shape).astype(np.float32)


def multiply(
    parts: int, x: np.ndarray, weights: np.ndarray, bias: np.ndarray | None = None,
    ending: Ending | None = None,
) -> np.ndarray:  # fmt: skip
    """One product, by a kernel."""
    (m, k), n = x.shape, weights.shape[1]
    output = np.full((m, n), np.nan, np.float32)
    packed = pack(weights[None], bias, columns_of(AMX, n), parts)
    p = Product(m, n, k, 4 * k, 4 * n, splits=parts)
    work = product_work(AMX, p, (np.ascontiguousarray(x), packed, output), ending or Ending())
    call(work.kernel, *work.slots, target=AMX, tiles=work.tiles, scratch=work.scratch)
    return output


def check(
    name: str, precision: str, constants: list[Any], x: np.ndarray, depth: int, *, at_end: bool,
    **options: Any,
) -> None:  # fmt: skip
    """One operator, between forbidden pages, against NumPy's; `depth` products an output."""

    def model(values: list[Any], **chosen: Any) -> Any:
        given = [tensor(value=c) if c is not None else None for c in values]
        return single_op(name, [tensor(x.shape), *given], [tensor()], **chosen)

    own = model(constants, **options)
    options.pop("fused_activation_function", None)
    magnitudes = model([np.abs(c) if c is not None else None for c in constants], **options)
    (step,) = compiled(own, AMX, precision=precision)._engine.plan(0, [x.shape]).steps
    assert step.work is not None
    assert {work.kernel.emitter.partition(".")[0] for work in step.work} == {"gemm_bfloat16"}
    got = run_guarded(own, AMX, x, at_end=at_end, precision=precision)
    want = pytflite.Interpreter(own, backend="numpy").run(x)
    reach = pytflite.Interpreter(magnitudes, backend="numpy").run(np.abs(x))
    error = ERRORS[precision] + 2 * (depth + 2) * ERRORS["float32"]
    assert (np.abs(got.astype(np.float64) - want) <= error * reach).all()


_TAPS = st.sampled_from([(1, 1), (3, 3), (2, 4), (1, 3), (5, 1)])


@precisions
@pytest.mark.parametrize("activation", [0, 1, 3])
@several
@given(data=st.data())
def test_convolution(all_sizes: None, precision: str, activation: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    channels, groups = data.draw(_SIZES.filter(lambda c: c > 1)), data.draw(st.sampled_from([1, 2]))
    filters, taps = data.draw(_SIZES) * groups, data.draw(_TAPS)
    padding = data.draw(st.integers(0, 1))
    sizes = [data.draw(st.integers(t, 10)) for t in taps]
    dilation = data.draw(st.sampled_from([1, 1, 2])) if padding == 0 else 1
    stride = data.draw(st.integers(1, 3)) if dilation == 1 else 1
    x = floats(rng, data.draw(st.integers(1, 2)), *sizes, channels * groups)
    check(
        "CONV_2D", precision, [floats(rng, filters, *taps, channels), floats(rng, filters)], x,
        channels * taps[0] * taps[1], at_end=data.draw(st.booleans()), padding=padding,
        stride_h=stride, stride_w=stride, dilation_h_factor=dilation, dilation_w_factor=dilation,
        fused_activation_function=activation,
    )  # fmt: skip


@precisions
@several
@given(data=st.data())
def test_fully_connected(all_sizes: None, precision: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    rows, depth, units = data.draw(_SIZES), data.draw(_SIZES), data.draw(_SIZES)
    bias = floats(rng, units) if data.draw(st.booleans()) else None
    check(
        "FULLY_CONNECTED", precision, [floats(rng, units, depth), bias], floats(rng, rows, depth),
        depth, at_end=data.draw(st.booleans()), fused_activation_function=1,
    )  # fmt: skip


@precisions
@several
@given(data=st.data())
def test_batch_matmul(all_sizes: None, precision: str, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    m, k, n = data.draw(_SIZES), data.draw(_SIZES), data.draw(_SIZES)
    of_x, of_y = data.draw(st.sampled_from([((), ()), ((3,), (3,)), ((2, 1), (1, 3)), ((4,), ())]))
    adj_y = data.draw(st.booleans())
    y = floats(rng, *of_y, *((n, k) if adj_y else (k, n)))
    check(
        "BATCH_MATMUL", precision, [y], floats(rng, *of_x, m, k), k,
        at_end=data.draw(st.booleans()), adj_x=False, adj_y=adj_y,
    )  # fmt: skip


def test_transposed_convolution(all_sizes: None) -> None:
    rng = np.random.default_rng(5)
    model = single_op(
        "TRANSPOSE_CONV",
        [
            tensor(value=np.array([1, 12, 14, 40], np.int32)),
            tensor(value=floats(rng, 40, 4, 4, 33)), tensor((1, 6, 7, 33)), None,
        ],
        [tensor()], padding=0, stride_h=2, stride_w=2,
    )  # fmt: skip
    x = floats(rng, 1, 6, 7, 33)
    want = pytflite.Interpreter(model, backend="numpy").run(x)
    np.testing.assert_allclose(run_guarded(model, AMX, x), want, atol=1e-4)


@pytest.mark.parametrize("in_place", [False, True])
def test_residual(in_place: bool) -> None:
    rng = np.random.default_rng(3)
    x, weights, residual = (
        rng.integers(-8, 9, size).astype(np.float32) for size in ((50, 100), (100, 40), (50, 40))
    )
    want = np.clip(np.maximum(x @ weights, 0) + residual, -1, 6)
    packed = pack(weights[None], None, columns_of(AMX, 40), FULL)
    output = residual.copy() if in_place else np.full((50, 40), np.nan, np.float32)
    ending = Ending((0, None), output if in_place else residual, (-1, 6))
    p = Product(50, 40, 100, 400, 160, splits=FULL)
    work = product_work(AMX, p, (x, packed, output), ending)
    call(work.kernel, *work.slots, target=AMX, tiles=work.tiles, scratch=work.scratch)
    np.testing.assert_array_equal(output, want)


@pytest.mark.parametrize("shape", [(40, 96, 40), (33, 300, 48), (32, 500, 33)])
@pytest.mark.parametrize("positive", [False, True])
def test_errors_are_at_most_twice_those_of_fma(shape: tuple[int, int, int], positive: bool) -> None:
    m, k, n = shape
    errors: dict[int, list[np.ndarray]] = {FMA: [], FULL: []}
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x, weights, bias = floats(rng, m, k), floats(rng, k, n), floats(rng, n)
        x = np.abs(x) if positive else x
        exact = x.astype(np.float64) @ weights + bias
        for parts, found in errors.items():
            found.append(np.abs(multiply(parts, x, weights, bias) - exact))
    by_fma, by_parts = (np.concatenate(found) for found in errors.values())
    assert np.median(by_parts) <= 2 * np.median(by_fma)
    assert np.max(by_parts) <= 2 * np.max(by_fma)


@pytest.mark.parametrize(("parts", "least", "most"), [(HIGH, 1e-7, 2e-5), (MEDIUM, 1e-4, 1e-2)])
def test_lower_precision(parts: int, least: float, most: float) -> None:
    rng = np.random.default_rng(1)
    x, weights = floats(rng, 64, 400), floats(rng, 400, 64)
    exact = x.astype(np.float64) @ weights
    error = np.abs(multiply(parts, x, weights) - exact).max() / np.abs(exact).max()
    assert least < error < most


LARGE = [np.nan, np.inf, -np.inf, LIMIT, -1e30, 3e38]
TINY = [LEAST / 2, -NORMAL]


@pytest.mark.parametrize("parts", [HIGH, FULL])
@pytest.mark.parametrize("value", [*LARGE, *TINY])
def test_rows_that_cannot_be_split_are_multiplied_by_fma(parts: int, value: float) -> None:
    rng = np.random.default_rng(2)
    x, weights, bias = floats(rng, 50, 100), floats(rng, 100, 70), floats(rng, 70)
    if parts == HIGH:  # whose weights have two parts
        weights = (weights.view(np.uint32) & 0xFFFF0000).view(np.float32)
    x[49, 99] = value
    np.testing.assert_array_equal(
        multiply(parts, x, weights, bias), multiply(FMA, x, weights, bias)
    )


@pytest.mark.parametrize("parts", [HIGH, FULL])
@pytest.mark.parametrize("value", [*LARGE, *TINY])
def test_weights_that_cannot_be_split_are_multiplied_by_fma(parts: int, value: float) -> None:
    rng = np.random.default_rng(2)
    x, weights, bias = floats(rng, 50, 100), floats(rng, 100, 70), floats(rng, 70)
    split = multiply(parts, x, weights, bias)
    weights[17, 40] = value
    if value in TINY:  # so are those beside it
        weights[:, 40] = bias[40] = 0
        weights[10:20, 40] = value
    got = multiply(parts, x, weights, bias)
    np.testing.assert_array_equal(got[:, 32:64], multiply(FMA, x, weights, bias)[:, 32:64])
    np.testing.assert_array_equal(got[:, :32], split[:, :32])
    np.testing.assert_array_equal(got[:, 64:], split[:, 64:])


@pytest.mark.parametrize("where", ["weight", "bias"])
def test_tiny_weights_beside_others_are_split(where: str) -> None:
    rng = np.random.default_rng(7)
    x, weights, bias = floats(rng, 50, 100), floats(rng, 100, 40), floats(rng, 40)
    weights[:, ::3] *= np.float32(1e-33)
    if where == "weight":
        bias[:] = 0
        weights[5] = 1
    exact = x.astype(np.float64) @ weights + bias
    by_parts, by_fma = (multiply(parts, x, weights, bias) for parts in (FULL, FMA))
    assert np.abs(by_parts - exact).max() <= np.abs(by_fma - exact).max()
    tiny = np.s_[:, ::3]
    assert np.abs(by_parts - exact)[tiny].max() <= np.abs(by_fma - exact)[tiny].max()
    assert (by_parts != by_fma).any()


def test_only_the_block_of_such_a_row_is_multiplied_by_fma() -> None:
    rng = np.random.default_rng(4)
    x, weights = floats(rng, 1000, 96), floats(rng, 96, 32)
    split = multiply(FULL, x, weights)
    x[0, 0] = np.inf
    got = multiply(FULL, x, weights)
    assert np.isinf(got[0]).all()
    np.testing.assert_array_equal(got[:300], multiply(FMA, x, weights)[:300])
    np.testing.assert_array_equal(got[500:], split[500:])
    assert (got[500:] != multiply(FMA, x, weights)[500:]).any()


@pytest.mark.parametrize("bias", [np.nan, np.inf, 1e38, 1e-36])
def test_a_bias_of_any_value(bias: float) -> None:
    weights, x = np.zeros((64, 40), np.float32), np.ones((32, 64), np.float32)
    got = multiply(FULL, x, weights, np.full(40, bias, np.float32))
    np.testing.assert_array_equal(got, np.full((32, 40), bias, np.float32))


@pytest.mark.parametrize("parts", [MEDIUM, HIGH, FULL])
@pytest.mark.parametrize("where", ["x", "weights", "bias"])
def test_denormal_numbers_are_zero(parts: int, where: str) -> None:
    rng = np.random.default_rng(8)
    arrays = {"x": floats(rng, 40, 64), "weights": floats(rng, 64, 40), "bias": floats(rng, 40)}
    arrays[where].reshape(-1)[3:7] = 0
    arrays[where].reshape(-1)[30:38] = LEAST
    zero = multiply(parts, **arrays)
    arrays[where].reshape(-1)[3:7] = np.array([1e-45, -1e-45, 1.1e-38, -1e-40], np.float32)
    got = multiply(parts, **arrays)
    np.testing.assert_array_equal(got, zero)
    assert (got != multiply(FMA, **arrays)).any()  # they were multiplied in tiles


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 2.0**126])
def test_one_part_passes_what_is_no_number(value: float) -> None:
    x, weights = np.zeros((20, 40), np.float32), np.ones((40, 24), np.float32)
    x[7, 9] = value
    got = multiply(MEDIUM, x, weights)
    np.testing.assert_array_equal(got[7], np.full(24, value, np.float32))
    assert not np.delete(got, 7, 0).any()


@pytest.mark.parametrize("dilation", [1, 2])
def test_windows_that_cannot_be_split_are_multiplied_by_fma(dilation: int) -> None:
    """In place (rows of 96 numbers) and gathered (at the padding)."""
    rng = np.random.default_rng(6)
    x = floats(rng, 1, 16, 14, 32)
    x[0, 8, 7, 3] = np.inf
    model = single_op(
        "CONV_2D", [tensor(x.shape), tensor(value=floats(rng, 40, 3, 3, 32)), None], [tensor()],
        padding=0, stride_h=1, stride_w=1, dilation_h_factor=dilation, dilation_w_factor=dilation,
    )  # fmt: skip
    assert not reasons(compiled(model, AMX), x.shape)
    got = run_guarded(model, AMX, x)
    want = run_guarded(model, BY_NAME["avx512"], x)
    np.testing.assert_array_equal(got, want)


def test_which_products_are_split() -> None:
    large = 196, 512, 512
    assert [splits_of(AMX, p, *large) for p in ERRORS] == [FULL, HIGH, MEDIUM]
    assert not any(splits_of(BY_NAME["avx512vnni"], p, *large) for p in ERRORS)
    assert not any(splits_of(AMX, p, 1, 512, 512) for p in ERRORS)
    assert splits_of(AMX, "float32", 12544, 32, 64) == FMA  # splitting costs what tiles save
    assert splits_of(AMX, "high", 12544, 32, 64) == HIGH
    assert splits_of(AMX, "float32", 3136, 144, 24) == FMA
