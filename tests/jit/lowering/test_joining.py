"""Tensors joined, and blocks of them moved to other places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.harness import single_op, tensor
from tests.jit.agreement import agree
from tests.jit.lowering.test_typed import numbers


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("scale", "zero"), [(0.02, 3), (0.011, 250), (1.0, 128), (1e-6, 0), (1e30, 7)]
)
def test_uint8_of_other_scales(scale: float, zero: int, axis: int) -> None:
    """All values of one input; the other is copied."""
    shapes = [(4, 8, 8), (4, 8, 8)]
    shapes[1] = tuple(s + (a == axis) * 5 for a, s in enumerate(shapes[1]))  # type: ignore[assignment]
    out = tuple(s + (a == axis) * t for a, (s, t) in enumerate(zip(*shapes, strict=True)))
    model = single_op(
        "CONCATENATION",
        [tensor(shapes[0], "UINT8", scale=scale, zero_point=zero),
         tensor(shapes[1], "UINT8", scale=0.01, zero_point=100)],
        [tensor(out, "UINT8", scale=0.01, zero_point=100)], axis=axis,
    )  # fmt: skip
    agree(model, np.arange(256, dtype=np.uint8).reshape(4, 8, 8), numbers("uint8", shapes[1]))


def test_ties_of_uint8() -> None:
    """Halves are rounded away from zero."""
    model = single_op(
        "CONCATENATION", [tensor((256,), "UINT8", scale=0.5, zero_point=129)] * 2,
        [tensor((512,), "UINT8", scale=1.0, zero_point=64)],
    )  # fmt: skip
    x = np.arange(256, dtype=np.uint8)
    agree(model, x, x[::-1].copy())


@pytest.mark.parametrize(
    ("shape", "blocks", "amounts"),
    [
        ((2, 6, 4, 3), [3, 2], [[0, 0], [0, 0]]),
        ((1, 5, 4, 3), [3, 4], [[2, 2], [1, 3]]),
        ((2, 9, 5), [2], [[4, 1]]),
        ((1, 1, 4, 1, 2), [1, 2, 3], [[0, 0], [5, 3], [7, 1]]),
        ((3, 4), [], []),
        ((0, 4, 2), [2], [[0, 0]]),
        ((1, 0, 2), [2], [[1, 3]]),
        ((2, 4, 4, 0), [2, 2], [[0, 0], [0, 0]]),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "int8", "int64", "bool"])
def test_space_to_batch_and_back(dtype: str, shape: Any, blocks: Any, amounts: Any) -> None:
    kind, m = dtype.upper(), len(blocks)
    given = {"scale": 0.5, "zero_point": -3} if dtype == "int8" else {}
    seen = zip(shape[1:], blocks, amounts, strict=False)
    deep = (
        shape[0] * int(np.prod(blocks)),
        *((s + sum(a)) // b for s, b, a in seen),
        *shape[m + 1 :],
    )
    arguments = [
        tensor(value=np.array(blocks, np.int32)),
        tensor(value=np.array(amounts, np.int32).reshape(m, 2)),
    ]
    for name, source, target in (
        ("SPACE_TO_BATCH_ND", shape, deep), ("BATCH_TO_SPACE_ND", deep, shape)
    ):  # fmt: skip
        model = single_op(
            name, [tensor(source, kind, **given), *arguments], [tensor(target, kind, **given)]
        )
        agree(model, numbers(dtype, source))
