"""Timing each operator of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pytflite.model.graph import Array
from pytflite.ops.spec import Key
from pytflite.plan.plan import Step
from pytflite.runtime.engine import Engine
from pytflite.runtime.execution import Read


class StepTime(NamedTuple):
    """What one operator cost: a row of the profile."""

    position: int  # of the operator in its subgraph
    operator: str
    output: str  # name of its first output tensor
    seconds: float  # median over the runs
    macs: int
    bytes: int  # read and written
    backend: str
    subgraph: int = 0
    calls: int = 1  # in one run, of which `seconds` is the sum


class Profile(list[StepTime]):
    """The rows, in order: `pandas.DataFrame(profile)`. In a notebook they are a table."""

    def _repr_html_(self) -> str:
        from pytflite.runtime.html import profile_html

        return profile_html(self)


class _Clock:
    """Collects the times of the steps of one run after another: sums over the run's calls."""

    def __init__(self, subgraphs: bool) -> None:
        self.inside = subgraphs
        self.steps: dict[Key, Step] = {}
        self.times: dict[Key, list[float]] = {}
        self.calls: dict[Key, int] = {}  # in the last run that came to the step
        self._run: dict[Key, list[float]] = {}

    def before(self, step: Step, read: Read) -> None:
        pass

    def after(self, step: Step, read: Read, seconds: float) -> None:
        key = step.node.subgraph, step.node.index
        if self.inside or not key[0]:
            self.steps.setdefault(key, step)
            self._run.setdefault(key, []).append(seconds)

    def end_run(self) -> None:
        """Takes the sums of a run that is over."""
        for key, seconds in self._run.items():
            self.times.setdefault(key, []).append(sum(seconds))
            self.calls[key] = len(seconds)
        self._run.clear()


def profile(
    engine: Engine, arrays: Sequence[Array], runs: int, *, subgraphs: bool = False
) -> Profile:
    """Runs a plan for these arrays several times and times its steps; state goes on as it would.

    Operators that planning has folded, or that are only another view of memory, take no time and
    have no row.

    Args:
        engine, arrays: what runs, on what.
        runs: how often.
        subgraphs: whether operators of called subgraphs have rows, too. Their times are part of
            those of the operators that call.
    """
    plan = engine.plan(0, [a.shape for a in arrays])
    clock = _Clock(subgraphs)
    with engine.context(plan) as context:
        context.set_inputs(arrays)
        engine.execute(context)
        for _ in range(max(runs, 1)):
            engine.execute(context, clock)
            clock.end_run()
    rows = Profile()
    for key in sorted(clock.times, key=lambda key: key[0]):  # within a subgraph as they ran
        step, seconds = clock.steps[key], clock.times[key]
        output = next((t.name for t in step.node.outputs if t is not None), "")
        median = sorted(seconds)[len(seconds) // 2]
        rows.append(
            StepTime(
                key[1], step.node.name, output, median, *step.cost,
                backend="numpy" if step.work is None else "jit",
                subgraph=key[0], calls=clock.calls[key],
            )
        )  # fmt: skip
    return rows
