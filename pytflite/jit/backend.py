"""Compiled: the compiled backend as plans see it.

A plan's steps are lowered to Work where there is a lowering; where all kernels of a plan are at
hand its native steps become a Program, and until then (they are compiled in the background) the
NumPy kernels answer.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pytflite.jit.kept import KeptPlans
from pytflite.jit.kernel import Kernel
from pytflite.jit.library import LIBRARY
from pytflite.jit.program import Program
from pytflite.jit.records import RUNNERS, SINGLE
from pytflite.jit.target import Target, host_targets, physical_cores, withheld
from pytflite.model.model import Model
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Plan, Step

if TYPE_CHECKING:
    from pytflite.jit.builder import Key
    from pytflite.plan.backend import Drafts

# What lowers is loaded when something is lowered: a recalled plan needs none of it.

_NOT_YET = "its kernel is not compiled yet"


def unavailable() -> str:
    """Why there are no compiled kernels on this machine; "" if there are."""
    if not host_targets():
        return "there are no kernels for this CPU"
    return ""


def working_target() -> tuple[Target | None, str]:
    """The best target of this process that works here, and why it is no better one.

    A small kernel is compiled and tried out for each, as the backend does.
    """
    from pytflite.jit.trial import SELF_TEST

    told = [withheld()] if withheld() else []
    for target in host_targets():
        LIBRARY.wait([SELF_TEST], target)
        reason = LIBRARY.failures.get((SELF_TEST, target), "")
        if not reason:
            return target, "; ".join(told)
        told.append(f"{target.name} does not work here: {reason}")
    return None, "; ".join(told)


def _parted(keys: Sequence[Key]) -> tuple[list[Kernel], Target]:
    """What a plan awaits: kernels, all for one target."""
    return [kernel for kernel, _ in keys], keys[0][1]


class Compiled:
    """Lowers plans of one model to programs for one CPU.

    Args:
        model: whose plans.
        precision: "float32", "high" or "medium".
        threads: that may share a run; None is as many as there are physical cores.
        wait: plan only when the kernels are compiled.
        fuses: whether one kernel may do several operators.
        target: for which CPU; None is this one: the best of its targets that works.

    Attributes:
        numerics: how integers are rounded, if nothing but the model and what is here decides what
            a plan is: plans are kept on the disk then.
    """

    numerics: str | None = None

    def __init__(
        self, model: Model, precision: str = "float32", threads: int | None = None,
        wait: bool = False, *, fuses: bool = True, target: Target | None = None,
    ) -> None:  # fmt: skip
        found = (target,) if target else host_targets()
        if not found:
            raise ValueError(unavailable())
        self.library = LIBRARY
        self.target, *self._lower_targets = found
        self._fallen = "" if target else withheld()  # why it is not the best target
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
        self._fall()
        if not self.wait and self._is_cold():
            plan.awaited = [(SINGLE, self.target)]
            for step in steps:
                step.reason = _NOT_YET
            return list(steps)
        from pytflite.jit.asked import Asked, lowered

        while True:
            to = Asked(self, drafts)
            groups = [pair for s in self.fused(steps, plan.outputs) for pair in lowered(s, to)]
            needed = to.kernels(dict(groups))
            kernels = dict.fromkeys(k for each in needed.values() for k in each)
            if needed:
                kernels.update(dict.fromkeys(RUNNERS))
                if self.wait:
                    self.library.wait(kernels, self.target)
            if not self._fall():
                break
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
                    step.reason = self._fallen
                    result.append(step)
                    continue
                told = [failure for k in missing if (failure := failures[k])]
                reason = told[0] if told else _NOT_YET
            for part in step.operators:
                part.reason = reason
                result.append(part)
        target = self.target
        plan.awaited = [(k, target) for k in kernels if k not in found and failures[k] is None]
        to.finish(plan, result)
        return result

    def _is_cold(self) -> bool:
        """Whether not even the runner is at hand: then it is too early to ask what else is."""
        found = self.library.find((SINGLE,), self.target)
        return not found and (SINGLE, self.target) not in self.library.failures

    def _fall(self) -> bool:
        """Takes the next target if this one turns out not to work here; whether it does so."""
        target, left = self.target, self._lower_targets
        told = [self._fallen] if self._fallen else []
        while left and (reason := self.library.useless(target)):
            told.append(f"{target.name} does not work here: {reason}")
            target, *left = left
        if target is self.target or self.library.useless(target):
            return False  # it works, or what is wrong has nothing to do with targets
        self.target, self._lower_targets, self._fallen = target, left, "; ".join(told)
        return True

    def apart(self) -> Compiled:
        """The same backend, which leaves each operator a step of its own."""
        made = Compiled(
            self.model, self.precision, self.threads, self.wait, fuses=False, target=self.target
        )
        made._lower_targets, made._fallen = list(self._lower_targets), self._fallen
        return made

    def arrived(self, keys: Sequence[Key]) -> bool:
        """Whether there is nothing to wait for any more."""
        kernels, target = _parted(keys)
        found = self.library.find(kernels, target)
        return all(k in found or (k, target) in self.library.failures for k in kernels)

    def wait_for(self, keys: Sequence[Key]) -> None:
        """Returns when they are compiled, or known to fail."""
        self.library.wait(*_parted(keys))

    def request(self, keys: Sequence[Key]) -> None:
        """Has kernels compiled in the background, once the first runs are over."""
        from pytflite.jit.patience import PATIENCE

        if PATIENCE.is_over():
            self.library.request(*_parted(keys))

    def link(self, plan: Plan) -> Program | None:
        """The program of a plan whose tensors have their places."""
        from pytflite.jit.tabulation import tabulate

        tables = tabulate(plan)
        if tables is None:
            return None
        addresses = self.library.find((*RUNNERS, *tables.kernels), self.target)
        return Program(tables, addresses, self.threads)

    def recall(self, subgraph: int, shapes: Sequence[Shape]) -> Plan | None:
        """A bare plan that an earlier process has kept, or None."""
        kept = self._kept()
        return None if kept is None or subgraph else kept.recall(shapes, self.threads)

    def keep(self, plan: Plan) -> None:
        """Keeps a plan for later processes, if that can be done."""
        kept = self._kept()
        if kept is not None:
            kept.keep(plan)

    def _kept(self) -> KeptPlans | None:
        if self.numerics is None:
            return None
        settings = self.numerics, self.precision
        return KeptPlans(self.model, self.library, self.target, settings)

    def fused(self, steps: Sequence[Step], outputs: Collection[int]) -> Sequence[Step]:
        """The steps, in order, some of them fused; outputs are read after the run."""
        from pytflite.jit.fusion import fuse
        from pytflite.jit.seen import mark

        if self.fuses:
            steps = fuse(steps, outputs)
            mark(steps, outputs)
        return steps
