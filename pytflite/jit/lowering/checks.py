"""Elements that an operator refuses: zero divisors, negative exponents ..."""

from __future__ import annotations

import numpy as np

from pytflite.jit.emit.check import CHECK_BLOCK
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import Lowering
from pytflite.jit.lowering.typed import type_name, unknown
from pytflite.jit.work import Work
from pytflite.plan.plan import Step


def refusal(
    step: Step, to: Lowering, position: int, how: str, bound: int
) -> list[Work] | str:  # fmt: skip
    """Work that ends the run if an element of an input is "less" than a bound, or "equal" to it.

    Returns:
        Nothing to do for constants that are fine; a sentence for those that are not.
    """
    spec = step.input_specs[position]
    assert spec is not None
    if spec.value is not None:
        wrong = spec.value == bound if how == "equal" else spec.value < bound
        return "it refuses its constants" if np.any(wrong) else []
    name = type_name(spec.dtype)
    if name is None:
        return unknown(spec.dtype)
    code = kernel("check.elements", dtype=name, how=how)
    slots = (to.input(step, position), spec.size, bound)
    return [Work(code, slots, tiles=-(-spec.size // CHECK_BLOCK))]
