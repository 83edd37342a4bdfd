"""Holds the compiled backend against NumPy's, on every target that this CPU can run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import pytflite
from pytflite.jit.target import Target
from tests.harness import assert_same
from tests.jit.native import RUNNABLE
from tests.jit.targets import compiled, reasons


def agree(
    model: Any, *inputs: np.ndarray, ulps: int = 0, cpus: Sequence[Target] = RUNNABLE
) -> list[np.ndarray]:
    """Runs a model whose every step must be compiled; the outputs.

    Args:
        ulps: by how many spacings of the largest number floats may differ; 0: no bit.
        cpus: whose kernels.
    """
    want = _outputs(pytflite.Interpreter(model, backend="numpy").run(*inputs))
    for cpu in cpus:
        interpreter = compiled(model, cpu)
        assert not reasons(interpreter, *(x.shape for x in inputs)), cpu.name
        for got, wanted in zip(_outputs(interpreter.run(*inputs)), want, strict=True):
            if ulps:
                assert_same(got, wanted, ulps=ulps)
            else:
                np.testing.assert_array_equal(got, wanted, strict=True)
    return want


def _outputs(result: Any) -> list[np.ndarray]:
    return result if isinstance(result, list) else [result]
