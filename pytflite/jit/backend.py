"""Compiled: the compiled backend as plans see it.

A plan's steps are lowered to Work where there is a lowering; where all kernels of a plan are at
hand its native steps become a Program, and until then (they are compiled in the background) the
NumPy kernels answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytflite.jit.asked import Asked, lowered
from pytflite.jit.fusion import fuse
from pytflite.jit.kernel import Kernel, Work, kernels_of
from pytflite.jit.library import LIBRARY
from pytflite.jit.program import RUNNERS, Program
from pytflite.jit.seen import mark
from pytflite.jit.target import Target, host_target
from pytflite.jit.threads import physical_cores
from pytflite.model.model import Model
from pytflite.plan.plan import Drafts, Plan, Step


def unavailable() -> str:
    """Why there are no compiled kernels on this machine; "" if there are."""
    if host_target() is None:
        return "there are no kernels for this CPU"
    return ""


class Compiled:
    """Lowers plans of one model to programs for one CPU.

    Args:
        model: whose plans.
        precision: "float32", "high" or "medium".
        threads: that may share a run; None is as many as there are physical cores.
        wait: plan only when the kernels are compiled.
        fuses: whether one kernel may do several operators.
        target: for which CPU; None is this one.
    """

    def __init__(
        self, model: Model, precision: str = "float32", threads: int | None = None,
        wait: bool = False, *, fuses: bool = True, target: Target | None = None,
    ) -> None:  # fmt: skip
        found = target or host_target()
        if found is None:
            raise ValueError(unavailable())
        self.library = LIBRARY
        self.target = found
        self.precision = precision
        self.threads = threads or physical_cores()
        self.wait = wait
        self.fuses = fuses
        self.model = model

    # --- what the planner asks ------------------------------------------------------------------

    def lower(self, plan: Plan, steps: Sequence[Step], drafts: Drafts) -> list[Step]:
        """Makes steps native where there is a lowering, and its kernels are at hand.

        Args:
            plan: whose steps; it is told which kernels are still to be compiled.
            steps: in order.
            drafts: plans of called subgraphs.
        """
        to = Asked(self, drafts)
        groups = [pair for s in self.fused(steps, plan.outputs) for pair in lowered(s, to)]
        needed = to.kernels(dict(groups))
        kernels = dict.fromkeys(k for each in needed.values() for k in each)
        if needed:
            kernels.update(dict.fromkeys(RUNNERS))
            if self.wait:
                self.library.wait(kernels, self.target)
        found = self.library.find(kernels, self.target)
        failures = {k: self.library.failures.get((k, self.target)) for k in kernels}
        result: list[Step] = []
        for step, work in groups:
            if isinstance(work, str):
                reason = work
            else:
                missing = [k for k in (*RUNNERS, *needed[step]) if k not in found]
                if not missing:
                    to.make_native(step, work)
                    result.append(step)
                    continue
                told = [failure for k in missing if (failure := failures[k])]
                reason = told[0] if told else "its kernel is not compiled yet"
            for part in step.parts or (step,):
                part.reason = reason
                result.append(part)
        plan.awaited = [k for k in kernels if k not in found and failures[k] is None]
        to.finish(plan, result)
        return result

    def apart(self) -> Compiled:
        """The same backend, which leaves each operator a step of its own."""
        return Compiled(
            self.model, self.precision, self.threads, self.wait, fuses=False, target=self.target
        )

    def arrived(self, kernels: Sequence[Kernel]) -> bool:
        """Whether there is nothing to wait for any more."""
        found = self.library.find(kernels, self.target)
        return all(k in found or (k, self.target) in self.library.failures for k in kernels)

    def wait_for(self, kernels: Sequence[Kernel]) -> None:
        """Returns when they are compiled, or known to fail."""
        self.library.wait(kernels, self.target)

    def request(self, kernels: Sequence[Kernel]) -> None:
        """Has kernels compiled in the background."""
        self.library.request(kernels, self.target)

    def link(self, plan: Plan) -> Program | None:
        """The program of a plan whose tensors have their places."""
        works: list[Work] = []
        for step in plan.steps:
            if step.work is not None and not step.alias:
                step.records = len(works), len(works) + len(step.work)
                works += step.work
        if all(step.work is None for step in plan.steps):
            return None
        addresses = self.library.find([*RUNNERS, *kernels_of(works)], self.target)
        return Program(works, {**plan.offsets, **plan.places}, addresses, self.threads)

    def fused(self, steps: Sequence[Step], outputs: Collection[int]) -> Sequence[Step]:
        """The steps, in order, some of them fused; outputs are read after the run."""
        if self.fuses:
            steps = fuse(steps, outputs)
            mark(steps, outputs)
        return steps
