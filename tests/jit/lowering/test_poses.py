"""Poses of people."""

from __future__ import annotations

import numpy as np
import pytest

import pytflite
from pytflite.errors import DataError
from tests.jit.agreement import agree
from tests.ops.custom.test_posenet_decoder import CHANNELS, OPTIONS, PEAKS, PEOPLE, maps, model_of


@pytest.mark.parametrize(
    "changes",
    [{}, {"max_detections": 1}, {"max_detections": 0}, {"score_threshold": 0.95},
     {"score_threshold": 0.0}, {"score_threshold": 2.0}, {"nms_radius": 0.0},
     {"nms_radius": 1000.0}],
)  # fmt: skip
def test_people(changes: dict[str, float]) -> None:
    for people in (PEOPLE, [PEOPLE[0], PEOPLE[0]]):
        agree(model_of(3, OPTIONS | changes), *maps(people, PEAKS)[:3])


@pytest.mark.parametrize("seed", range(4))
def test_noise(seed: int) -> None:
    """Points are everywhere, offsets lead outside, and many odds are equal."""
    rng = np.random.default_rng(seed)
    shape = maps(PEOPLE, PEAKS)[0].shape[:3]
    given = [
        (rng.integers(-9, 9, (*shape, c)) / 4 if seed % 2 else rng.normal(size=(*shape, c)) * 3)
        for c in CHANNELS[:3]
    ]
    model = model_of(3, OPTIONS | {"score_threshold": 0.2, "max_detections": 20})
    agree(model, *(m.astype(np.float32) for m in given))


def test_bytes() -> None:
    given = maps(PEOPLE, PEAKS)[:3]
    quantised = [np.clip(np.round(m / 1.5) + 128, 0, 255).astype(np.uint8) for m in given]
    agree(model_of(3, dtype="UINT8", scale=1.5, zero_point=128), *quantised)


def test_numbers_that_are_none() -> None:
    for which in range(3):
        given = maps(PEOPLE, PEAKS)[:3]
        given[which][0, -1, -1, -1] = np.inf
        with pytest.raises(DataError, match="finite"):
            pytflite.Interpreter(model_of(3), backend="jit", wait=True).run(*given)
