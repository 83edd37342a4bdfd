"""Which form of requantisation serves, at the edges of what makes it exact.

A form that is chosen wrongly gives a wrong step in one of millions of sums, or takes twice the
time: neither shows in tests of results at random.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from pytflite.ops import requantize as forms
from pytflite.ops.requantize import Requantizer, requantizer
from pytflite.ops.requantize_forms import Integers
from tests.ops.test_requantize import around_steps, expected, run

INT8 = {"zero_point": 3, "low": -128, "high": 127, "bits": 8}
INT16 = {"zero_point": 0, "low": -32768, "high": 32767, "bits": 16}


def made(reals: Any, bias: Any, bound: int, **more: Any) -> Requantizer:
    return requantizer(reals, bias, bound, **{**INT8, **more})


def is_narrow(*args: Any, **more: Any) -> bool:
    q = made(*args, **{"elements": 1 << 13, **more})
    assert q.floats is not None
    return q.floats.narrow


def test_sums_that_may_wrap() -> None:
    """An int32 with the bias added; what float64 holds, of int64."""
    assert made([0.003], [0], (1 << 31) - 1).floats is not None
    assert made([0.003], [0], 1 << 31).floats is None
    assert made([0.003, 0.003], [0, (1 << 31) - 5], 1000).floats is None
    assert made([0.003], np.array([-(1 << 31)], np.int32), 1000).floats is None
    wide = {**INT16, "wide": True}
    assert made([2.0**-24], [0], (1 << 53) - 1, **wide).floats is not None
    assert made([2.0**-24], [0], 1 << 53, **wide).floats is None


def test_results_that_leave_int32() -> None:
    wide = {**INT16, "wide": True}
    for reals in ([2.0**-10], [2.0**-10, 2.0**-20]):
        bias = [0] * len(reals)
        assert made(reals, bias, (1 << 40) - 1, **wide).floats is not None
        assert made(reals, bias, 1 << 40, **wide).floats is None


def test_no_channels() -> None:
    q = made([0.1], np.zeros(0, np.int64), 1000)
    assert run(q, np.zeros((3, 0), np.int32), "int8").shape == (3, 0)


@pytest.mark.parametrize(
    ("numbers", "wide", "zero_point", "undoubted"),
    [
        (INT8, False, 0, 13),  # 2^(31 + s) times some 385 outputs
        (INT8, False, -128, 12),  # some 513 of them
        (INT8, False, -127, 12),  # a little more than 512
        (INT8, False, -126, 13),  # a little more than 511
        (INT16, False, 0, 5),
        (INT16, True, 0, 21),  # 2^(15 + s) times 98,000
    ],
)
def test_what_needs_a_trial(
    numbers: dict[str, int], wide: bool, zero_point: int, undoubted: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked: list[list[int]] = []

    def agree(q: Any, floats: Any, channels: np.ndarray, reach: int) -> bool:
        asked.append(channels.tolist())
        return False

    monkeypatch.setattr(forms, "_agree", agree)
    more = {**numbers, "wide": wide, "zero_point": zero_point}
    sure, doubtful = 1.5 * 2.0 ** -(undoubted + 1), 1.5 * 2.0 ** -(undoubted + 2)
    assert made([sure, 0.7, sure], [0, 0, 0], 1 << 20, **more).floats is not None and not asked
    assert made([sure, doubtful, sure], [0, 0, 0], 1 << 20, **more).floats is None
    assert asked == [[1]]


def test_when_float32_is_tried() -> None:
    assert is_narrow([0.01], [0], 1 << 20)
    assert not is_narrow([0.01], [0], 1 << 20, elements=(1 << 13) - 1)
    assert not is_narrow([0.01], [0], 1 << 20, **INT16)
    assert not is_narrow([0.01], [0], 1 << 20, wide=True)
    assert is_narrow([0.01], [0], 1 << 24)
    assert not is_narrow([0.01], [0], (1 << 24) + 1)  # sums no longer exact
    large = 0.75 + 2.0**-11
    edge = math.ceil((1 << 21) / large)
    for reals in ([large], [large, 0.01]):
        bias = [0] * len(reals)
        assert is_narrow(reals, bias, edge - 1)
        assert not is_narrow(reals, bias, edge)  # too large for the rounding's trick
    reals = 0.013 * 2.0 ** np.arange(5)
    assert is_narrow(reals[:4], [0] * 4, 1 << 20)
    assert not is_narrow(reals, [0] * 5, 1 << 20)


@pytest.mark.parametrize("elements", [0, 1 << 13])
@pytest.mark.parametrize("reals", [[0.5, 0.25], [0.02, 0.005, 0.01], [0.7, 0.375], [0.5, 0.5]])
def test_channels_that_differ(reals: list[float], elements: int) -> None:
    """In the shift alone, or in whether they are rounded twice; with ties of both signs."""
    q = made(reals, [0] * len(reals), 1 << 14, elements=elements)
    assert q.floats is not None
    acc = np.repeat(np.arange(-(1 << 14), 1 << 14)[:, None], len(reals), axis=1)
    want = expected(np.array(reals), np.zeros(len(reals), int), 3, -128, 127, acc, False)
    np.testing.assert_array_equal(run(q, acc, "int8"), want)


def test_a_bias_of_more_bits_than_float32_holds() -> None:
    bias = np.array([(1 << 24) + 1, -(1 << 28) - 3])
    q = made([0.5, 0.25], bias, 1 << 12)
    assert q.floats is not None and not q.floats.narrow
    acc = np.arange(-(1 << 11), 1 << 11)[:, None] - bias
    want = expected(np.array([0.5, 0.25]), bias, 3, -128, 127, acc, False)
    np.testing.assert_array_equal(run(q, acc, "int8"), want)


@pytest.mark.parametrize("real", [0.99999, 0.9999, 1 - 2.0**-20])
def test_wide_multipliers_near_one(real: float) -> None:
    """Which 16 bits hold as 0x7FFF, the most they can."""
    reals, bias = np.array([real]), np.array([0])
    q = made(reals, bias, 1 << 20, **INT16, wide=True)
    assert q.floats is not None
    acc = around_steps(reals, bias, 0, -32768, 32767, 1 << 16, 7)
    want = expected(reals, bias, 0, -32768, 32767, acc, True)
    np.testing.assert_array_equal(run(q, acc, "int16"), want)


@pytest.mark.parametrize("step", [-227, -226, -100, 0, 26, 27])
@pytest.mark.parametrize("side", [0, 1])
def test_a_trial_looks_at_both_sides_of_every_step(
    step: int, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error at a single sum there is found; outputs go from 227 below to 27 above zero."""
    numbers = Integers(np.array([1 << 30]), np.array([-6]), np.zeros(1, np.int64), False)  # 2^-7
    q = Requantizer(numbers, None, -127, 127, 100, 256)
    floats, channel = forms._float64(q), np.array([0])
    assert forms._agree(q, floats, channel, 1 << 20)
    acc = int((step - 0.5) * 128) + side
    by_floats = forms.by_floats

    def wrong_once(q: Any, floats: Any, sums: np.ndarray, out: np.ndarray, work: Any) -> None:
        by_floats(q, floats, sums, out, work)
        out[sums == acc] += 1

    monkeypatch.setattr(forms, "by_floats", wrong_once)
    looked_at = -227 < step <= 27
    assert forms._agree(q, floats, channel, 1 << 20) != looked_at
    assert forms._agree(q, floats, channel, abs(acc) - 1)  # no sum comes so far
