"""The comparison of the two backends sees a kernel that is wrong."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("numba")

import pytflite
from pytflite.jit.emit import elementwise, requantize
from tests.harness import single_op, tensor
from tests.jit.here import Library, compiled_here
from tests.jit.native import NATIVE

pytestmark = pytest.mark.skipif(not NATIVE, reason="there are no kernels for this CPU")


def differs(model: pytflite.Model, *inputs: np.ndarray) -> bool:
    context = compiled_here(model, Library(), NATIVE[0], *inputs)
    want = pytflite.Interpreter(model, backend="numpy").run(*inputs)
    return not np.array_equal(context.arrays[context.plan.outputs[0]], want)


@pytest.mark.parametrize("wrong", [False, True])
def test_a_sum_that_is_a_difference(wrong: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    model = single_op("ADD", [tensor((4, 9)), tensor((4, 9))], [tensor((4, 9))])
    if wrong:
        monkeypatch.setitem(elementwise.FUNCTIONS, "add", lambda a, b: a - b)
    x = np.arange(36, dtype=np.float32).reshape(4, 9)
    assert differs(model, x, x[::-1].copy()) is wrong


@pytest.mark.parametrize("wrong", [False, True])
def test_ties_that_are_rounded_to_even(wrong: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """One step of int8 in some outputs is enough."""
    if wrong:
        monkeypatch.setattr(
            requantize.Finisher, "doubtful", lambda self, off: self.f.compare("ne", 0, 0)
        )
    rng = np.random.default_rng(0)
    weights = rng.integers(-127, 128, (64, 64)).astype(np.int8)
    model = single_op(
        "CONV_2D",
        [
            tensor((1, 50, 50, 64), "INT8", scale=0.5, zero_point=0),
            tensor(value=weights.reshape(64, 1, 1, 64), scale=2.0**-10),
        ],
        [tensor((1, 50, 50, 64), "INT8", scale=1.0, zero_point=0)],
        stride_w=1, stride_h=1, padding=1,
    )  # fmt: skip
    x = rng.integers(-128, 128, (1, 50, 50, 64)).astype(np.int8)
    assert differs(model, x) is wrong
