"""How near operators come to what the machine can do."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pytflite.jit.emit.dot import dot_of
from pytflite.jit.kernel import kernel
from pytflite.jit.target import Target
from pytflite.tools import benchmarking, roofline
from pytflite.tools.doodle import model_path
from tests.jit.native import RUNNABLE, call

pytest.importorskip("numba")


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
def test_peak_of_floats_multiplies_and_adds(target: Target) -> None:
    sums = np.full(64 * target.lanes, 0.5, np.float32)
    call(kernel("peak.float32"), sums, 8, target=target)
    np.testing.assert_array_equal(sums[: 2 * target.lanes], 0.5)  # the factors
    np.testing.assert_array_equal(sums[2 * target.lanes : 14 * target.lanes], 0.5 + 8 * 0.25)


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda target: target.name)
def test_peak_of_integers_does_as_many_products_as_it_says(target: Target) -> None:
    sums = np.zeros(64 * target.lanes, np.int32)
    width = dot_of(target).width
    sums.view(f"i{width}")[: 2 * target.vector // width] = 1
    before = sums.copy()
    call(kernel("peak.int8"), sums, 5, target=target)
    assert int((sums - before).sum()) == 5 * roofline.products(target, "int8")


def test_least_time_is_that_of_what_takes_longer() -> None:
    roof = roofline.Roof({"float32": 1e9, "int8": 4e9}, ((100, 1e6), (1000, 1e5)))
    assert roof.least_time("float32", 1000, 0) == pytest.approx(1e-6)
    assert roof.least_time("int8", 1000, 100) == pytest.approx(1e-4)
    assert roof.least_time("int8", 0, 5000) == pytest.approx(5e-2)


def test_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roofline, "_ROUNDS", 1000)
    monkeypatch.setattr(roofline, "_COPIES", (1 << 14, 1 << 16))
    monkeypatch.setattr(roofline, "_TRIES", 2)
    found = benchmarking.measure(
        model_path("int8"), runs=2, warmup=1, seconds=1, threads=1, profile=True, roofline=True
    )
    assert min(found["roof"]["macs"].values()) > 0
    sizes = list(found["roof"]["bandwidth"])
    assert all(a < b for a, b in pairwise(sizes))
    assert found["operators"] and all(o["peak"] > 0 for o in found["operators"])
