"""Which backend answers for the operators of a plan."""

from __future__ import annotations

from typing import NamedTuple

from pytflite.plan.plan import Plan
from pytflite.runtime.rests import steps_of


class StepBackend(NamedTuple):
    """Which backend answers for one operator: a row of backend_report()."""

    position: int  # of the operator in its subgraph
    operator: str
    output: str
    backend: str
    reason: str  # for "numpy"; for "jit", why not with the best instructions of this CPU


def backends_of(plan: Plan, reason: str) -> list[StepBackend]:
    """A row for each step of a plan.

    What only a run knows the shapes of is told as it was in the last one.

    Args:
        reason: why there is no compiled backend; "" if there is one.
    """
    return [
        StepBackend(
            step.node.index,
            step.node.name,
            next((t.name for t in step.node.outputs if t is not None), ""),
            "numpy" if step.work is None else "jit",
            reason or step.reason,
        )
        for step in steps_of(plan)
    ]
