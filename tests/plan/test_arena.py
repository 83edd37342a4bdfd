"""Placement of tensors: nothing alive at once overlaps, and little is wasted."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytflite import Interpreter, ModelWarning, TFLiteError
from pytflite.plan.alignment import ALIGNMENT
from pytflite.plan.arena import Block, lower_bound, place

blocks = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(-1, 30), st.integers(0, 12)), max_size=25
).map(lambda rows: [Block(n, size, first, first + life)
                    for n, (size, first, life) in enumerate(rows)])  # fmt: skip


def overlaps(offsets: dict[int, int], given: list[Block]) -> list[tuple[Block, Block]]:
    found = []
    for n, a in enumerate(given):
        for b in given[n + 1 :]:
            together = a.first <= b.last and b.first <= a.last
            apart = (
                offsets[a.tensor] + a.size <= offsets[b.tensor]
                or offsets[b.tensor] + b.size <= offsets[a.tensor]
            )
            if together and not apart:
                found.append((a, b))
    return found


@given(blocks)
def test_nothing_alive_at_once_overlaps(given: list[Block]) -> None:
    offsets, total = place(given)
    assert not overlaps(offsets, given)
    assert total >= lower_bound(given)
    for block in given:
        assert offsets[block.tensor] % ALIGNMENT == 0
        assert offsets[block.tensor] >= 0
        assert offsets[block.tensor] + block.size <= total


def test_an_overlap_is_noticed() -> None:
    two = [Block(0, 100, 0, 3), Block(1, 100, 2, 5)]
    assert overlaps({0: 0, 1: 64}, two)
    assert not overlaps({0: 0, 1: 128}, two)


def test_lower_bound() -> None:
    assert lower_bound([]) == 0
    assert lower_bound([Block(0, 10, 0, 1), Block(1, 20, 1, 2), Block(2, 5, 3, 3)]) == 30


def test_public_models_waste_little(shared_models: Path) -> None:
    """Planned peak within 5 % of the greatest sum alive at once (before alignment, from 64 KB)."""
    wasteful, planned = [], 0
    for path in sorted(shared_models.glob("*.tflite")):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ModelWarning)
                plan = Interpreter(path).plan()
        except TFLiteError:
            continue
        planned += 1
        if plan.lower_bound > 64 << 10:
            # Alignment may add up to 63 bytes to each tensor alive at the peak.
            slack = ALIGNMENT * len(plan.offsets)
            if plan.arena_bytes > 1.05 * plan.lower_bound + min(slack, 0.01 * plan.lower_bound):
                wasteful.append((path.name, plan.arena_bytes / plan.lower_bound))
    assert planned > 100
    assert not wasteful, wasteful


@pytest.mark.parametrize("count", [3000])
def test_large_graphs_are_placed_quickly(count: int) -> None:
    chain = [Block(n, 1000 + n % 7, n - 1, n) for n in range(count)]
    offsets, total = place(chain)
    assert total <= 1.05 * lower_bound(chain) + 4 * ALIGNMENT
    assert len(offsets) == count
