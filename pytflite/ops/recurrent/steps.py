"""The steps of a sequence: their order, and how many a run may take."""

from __future__ import annotations

from pytflite.errors import LimitError
from pytflite.ops.operator import Run


def in_order(numbers: range, backwards: bool) -> range:
    """The numbers, or the same from the end."""
    return numbers[::-1] if backwards else numbers


def check_steps(steps: int, run: Run) -> None:
    """Refuses a sequence that is too long: it need not take much memory to take for ever.

    Raises:
        LimitError: more steps than the limits allow.
    """
    if steps > run.limits.loop_iterations:
        raise run.node.error(
            LimitError,
            "more steps than the limits allow",
            code="limit.loop",
            tensor=0,
            expected=f"at most {run.limits.loop_iterations}",
            found=steps,
            hint="raise Limits.loop_iterations if you trust the model",
        )
