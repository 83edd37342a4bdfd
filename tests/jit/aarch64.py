"""Cases for tests on AArch64, under emulation: models of one operator, and what holds them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from pytflite.jit.target import BY_NAME, Target
from pytflite.model.model import Model
from tests.harness import assert_same
from tests.jit.agreement import agree
from tests.jit.emulated import emulator
from tests.jit.guarded import run_guarded
from tests.jit.targets import compiled

NEON, DOTPROD, I8MM = (BY_NAME[name] for name in ("neon", "dotprod", "i8mm"))
needs_emulator = pytest.mark.skipif(
    emulator("aarch64") is None, reason="qemu-aarch64 is not installed here"
)


class Case(NamedTuple):
    """A model of one operator and its inputs; by how many ulps floats may differ."""

    model: Model
    inputs: tuple[np.ndarray, ...]
    ulps: int = 0


def hold(given: Case, target: Target) -> None:
    """Against the NumPy backend; where it is one step, with arrays between forbidden pages."""
    model, inputs, ulps = given
    want = agree(model, *inputs, ulps=ulps, cpus=[target])
    steps = compiled(model, target)._engine.plan(0, tuple(x.shape for x in inputs)).steps
    if len(steps) == len(want) == 1 and not steps[0].alias:
        for at_end in (True, False):
            got = run_guarded(model, target, *inputs, at_end=at_end)
            assert_same(got, want[0], ulps=ulps)


def of(dtype: str, *shape: int, seed: int = 0) -> np.ndarray:
    """Any numbers of a type."""
    rng = np.random.default_rng(seed)
    if dtype == "FLOAT32":
        return rng.normal(size=shape, scale=2).astype(np.float32)
    if dtype == "BOOL":
        return rng.random(shape) < 0.5
    kind = np.iinfo(dtype.lower())
    return rng.integers(kind.min, kind.max, shape, kind.dtype, endpoint=True)


def scaled(dtype: str, scale: float, zero: int) -> dict[str, Any]:
    """Quantisation of a tensor; none of floats."""
    return {} if dtype == "FLOAT32" else {"scale": scale, "zero_point": zero}
