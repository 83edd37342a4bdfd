"""The greatest and the least elements: ARG_MAX, ARG_MIN, TOPK_V2."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pytflite.jit.target import Target
from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.native import RUNNABLE

TYPES = [
    "float16", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32",
    "int64", "uint64",
]  # fmt: skip


def _cpus(dtype: str) -> list[Target]:
    """All, or one where the kernel's code is another type's but for the type."""
    return RUNNABLE if dtype in ("float32", "int8", "uint8") else RUNNABLE[:1]


def awkward(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Numbers many of which are equal; NaN, both zeros and infinities among floats."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if "float" in dtype:
        tiny = np.finfo(dtype).smallest_subnormal
        some = [np.nan, -np.nan, 0.0, -0.0, np.inf, -np.inf, 1, -1, 2, tiny, -tiny]
        return rng.choice(np.array(some, dtype), shape)
    info = np.iinfo(dtype)
    some = [info.min, info.max, info.min + 1, info.max - 1, 0, 1, 2]
    return rng.choice(np.array(some, dtype), shape)


@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
@pytest.mark.parametrize("dtype", [*TYPES, "bool"])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((7, 5), 1), ((300, 21), -1), ((2, 9, 300), 1), ((40,), 0), ((4, 3, 1), 1), ((0, 3), 1)],
)
def test_arg(name: str, dtype: str, shape: tuple[int, ...], axis: int) -> None:
    out = np.empty(shape).sum(axis).shape
    kind, number = ("INT64", 4) if dtype == "uint8" else ("INT32", 2)
    model = single_op(
        name, [tensor(shape, dtype.upper()), tensor(value=np.int32(axis))], [tensor(out, kind)],
        output_type=number,
    )  # fmt: skip
    agree(model, awkward(dtype, shape, 1), cpus=_cpus(dtype))


@pytest.mark.parametrize("name", ["ARG_MAX", "ARG_MIN"])
@pytest.mark.parametrize("value", [np.nan, -np.inf, np.inf, -0.0])
def test_arg_of_equal_numbers(name: str, value: float) -> None:
    """Where nothing is better than the worst there is."""
    x = np.full((4, 6), np.nan, np.float32)
    x[1, 2:] = x[2, 3:5] = x[3] = value
    for axis, out in ((1, (4,)), (0, (6,))):
        model = single_op(
            name, [tensor(x.shape), tensor(value=np.int32(axis))], [tensor(out, "INT32")],
            output_type=2,
        )  # fmt: skip
        agree(model, x)


@pytest.mark.parametrize("size", [65535, 65536, 65537, 100_000])
def test_arg_of_long_rows(size: int) -> None:
    model = single_op(
        "ARG_MAX", [tensor((2, size), "INT8"), tensor(value=np.int32(1))], [tensor((2,), "INT32")],
        output_type=2,
    )  # fmt: skip
    x = np.zeros((2, size), np.int8)
    x[1, -1] = 1
    (found,) = agree(model, x)
    assert found.tolist() == [0, size - 1]


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("shape", "count"),
    [((7, 12), 5), ((2, 3, 30), 30), ((1, 700), 11), ((40,), 1), ((3, 4), 0), ((0, 4), 2)],
)
def test_top_k(dtype: str, shape: Any, count: int) -> None:
    kind = "INT16" if dtype == "int8" else "INT32"
    out = (*shape[:-1], count)
    model = single_op(
        "TOPK_V2", [tensor(shape, dtype.upper()), tensor(value=np.int32(count))],
        [tensor(out, dtype.upper()), tensor(out, kind)],
    )  # fmt: skip
    for seed in range(3):
        agree(model, awkward(dtype, shape, seed), cpus=_cpus(dtype))
    rng = np.random.default_rng(0)
    agree(model, (rng.normal(size=shape) * 1000).astype(np.int16).astype(dtype), cpus=_cpus(dtype))
