"""Sums, products and squares of bytes in float32: all pairs, on all targets."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite.jit.lowering import pair_formulas
from pytflite.jit.lowering.pair_formulas import PROVEN, Formula, constants
from tests.harness import single_op, tensor
from tests.jit.agreement import agree

_ALL = np.arange(256, dtype=np.uint8)
_SCALES = (0.05, 0.05, 0.05), (0.021, 0.013, 0.0317), (0.5, 0.5, 0.5), (0.1, 0.05, 0.11)
_ZEROS = (3, 3, 3), (-128, 127, -128), (127, -128, 127), (-7, 100, 19)


def _operator(
    name: str, dtype: str, scales: tuple[float, ...], zeros: tuple[int, ...],
    shapes: tuple[tuple[int, ...], ...], **options: Any,
) -> Any:  # fmt: skip
    low = 0 if dtype == "INT8" else 128
    specs = [
        tensor(shape, dtype, scale=s, zero_point=z + low)
        for shape, s, z in zip(shapes, scales, zeros, strict=True)
    ]
    return single_op(name, specs[:2], specs[2:], **options)


@pytest.mark.parametrize("dtype", ["INT8", "UINT8"])
@pytest.mark.parametrize("name", ["ADD", "SUB", "MUL", "SQUARED_DIFFERENCE"])
@pytest.mark.parametrize("scales", _SCALES)
@pytest.mark.parametrize("zeros", _ZEROS)
def test_all_pairs(
    name: str, dtype: str, scales: tuple[float, ...], zeros: tuple[int, ...]
) -> None:  # fmt: skip
    if name == "SQUARED_DIFFERENCE" and dtype == "UINT8":
        pytest.skip("the operator knows INT8")
    a, b = (x.reshape(-1).view(dtype.lower()) for x in np.meshgrid(_ALL, _ALL))
    agree(_operator(name, dtype, scales, zeros, ((65536,),) * 3), a, b)


@pytest.mark.parametrize("activation", [1, 3])
@pytest.mark.parametrize("name", ["ADD", "MUL"])
def test_bounds(name: str, activation: int) -> None:
    a, b = (x.reshape(-1).view(np.int8) for x in np.meshgrid(_ALL, _ALL))
    model = _operator(
        name, "INT8", (0.1, 0.07, 0.12), (5, -9, -100), ((65536,),) * 3,
        fused_activation_function=activation,
    )  # fmt: skip
    agree(model, a, b)


@pytest.mark.parametrize(
    "shapes",
    [((9, 64), (64,)), ((7, 1), (1, 5)), ((6, 511), (511,)), ((4, 63), (4, 1)), ((3, 200), (1, 1)),
     ((2, 3, 80), (3, 1)), ((1,), (1,)), ((5, 9, 16), (1, 1, 16)), ((4097,), (4097,)),
     ((2, 5, 512), (512,)), ((0, 3), (1, 3))],
)  # fmt: skip
@pytest.mark.parametrize("name", ["ADD", "MUL"])
def test_rows_of_all_lengths(name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    rng = np.random.default_rng(len(shapes[0]))
    a, b = (rng.integers(-128, 128, shape).astype(np.int8) for shape in shapes)
    whole = np.broadcast_shapes(*shapes)
    agree(_operator(name, "INT8", (0.1, 0.07, 0.12), (5, -9, 30), (*shapes, whole)), a, b)
    if 0 not in whole:
        agree(_operator(name, "INT8", (0.07, 0.1, 0.12), (5, -9, 30), (*shapes[::-1], whole)), b, a)


def test_where_nothing_is_proven(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies next to ties is looked up."""
    monkeypatch.setattr(pair_formulas, "_proven", lambda *_, **__: None)
    a, b = (x.reshape(-1).view(np.int8) for x in np.meshgrid(_ALL, _ALL))
    for name in ("ADD", "MUL"):
        agree(_operator(name, "INT8", (0.05, 0.05, 0.05), (5, -9, 30), ((65536,),) * 3), a, b)


@pytest.mark.parametrize("fused", [True, False])
def test_proofs(fused: bool) -> None:
    """Of sums with usual scales there is one; and none of what is not a sum."""
    values = _ALL.view(np.int8)
    for p, q in ((1.0, 1.0), (0.5, 0.25), (0.3, 0.7), (0.123, 1.9)):
        formula = Formula("add", (p, q), (3, -4), 7, -128, 127)
        real = formula.real(values[:, None], values[None, :]) * (1 + 1e-9)  # ties are ties
        table = np.clip(np.trunc(real + np.copysign(0.5, real)) + 7, -128, 127).astype(np.int8)
        found = constants(formula, values, table, fused=fused)
        assert found[-1] == PROVEN
        a, b = np.repeat(values, 256), np.tile(values, 256)
        np.testing.assert_array_equal(
            formula.rounded(found[:-1], a, b, fused=fused), table.reshape(-1)
        )
        table[5, 9] ^= 16
        assert constants(formula, values, table, fused=fused)[-1] < 1
