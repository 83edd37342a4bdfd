"""Compiled: the compiled backend as plans see it.

A plan's steps are lowered to Work where there is a lowering; where all kernels of a plan are at
hand its native steps become a Program, and until then (they are compiled in the background) the
NumPy kernels answer.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Sequence

from pytflite.errors import TFLiteError
from pytflite.jit.fusion import fuse
from pytflite.jit.kernel import At, Kernel, Packed, Work
from pytflite.jit.library import LIBRARY
from pytflite.jit.lowering.registry import STATEFUL, Lowered, find_lowering
from pytflite.jit.program import RUNNERS, Program
from pytflite.jit.target import Target, host_target
from pytflite.jit.threads import physical_cores
from pytflite.model.graph import Array
from pytflite.model.model import Model
from pytflite.ops.catalogue import CUSTOM_MODULES
from pytflite.ops.registry import is_ours
from pytflite.plan.plan import Plan, Step

_WARNED: set[tuple[str, str]] = set()  # operators and reasons that have been told once
_NO_KERNEL = "there is no compiled kernel for this operator"


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
        self._model = model

    # --- what the planner asks ------------------------------------------------------------------

    def lower(
        self, steps: Sequence[Step], outputs: Collection[int]
    ) -> tuple[list[Step], Sequence[Kernel]]:
        """Makes steps native where there is a lowering, and its kernels are at hand.

        Args:
            steps: in order.
            outputs: tensors that are read after the run, and so must be computed.

        Returns:
            The steps, and kernels that are still to be compiled.
        """
        groups = [pair for s in self._fused(steps, outputs) for pair in self._lowered(s)]
        native = {s: tuple(w) for s, w in groups if not isinstance(w, str)}
        kernels = dict.fromkeys(w.kernel for work in native.values() for w in work)
        if native:
            kernels.update(dict.fromkeys(RUNNERS))
            if self.wait:
                self.library.wait(kernels, self.target)
        found = self.library.find(kernels, self.target)
        failures = {k: self.library.failures.get((k, self.target)) for k in kernels}
        result: list[Step] = []
        for step, lowered in groups:
            if isinstance(lowered, str):
                reason = lowered
            else:
                missing = [k for k in (*RUNNERS, *(w.kernel for w in lowered)) if k not in found]
                if not missing:
                    step.make_native(native[step])
                    result.append(step)
                    continue
                told = [failure for k in missing if (failure := failures[k])]
                reason = told[0] if told else "its kernel is not compiled yet"
            for part in step.parts or (step,):
                part.reason = reason
                result.append(part)
        awaited = [k for k in kernels if k not in found and failures[k] is None]
        return result, awaited

    def apart(self) -> Compiled:
        """The same backend, which leaves each operator a step of its own."""
        return Compiled(
            self._model, self.precision, self.threads, self.wait, fuses=False, target=self.target
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
            if step.work is not None:
                step.records = len(works), len(works) + len(step.work)
                works += step.work
        if all(step.work is None for step in plan.steps):
            return None
        addresses = self.library.find([*RUNNERS, *{w.kernel for w in works}], self.target)
        return Program(works, plan.offsets, addresses, self.threads)

    def _fused(self, steps: Sequence[Step], outputs: Collection[int]) -> Sequence[Step]:
        return fuse(steps, outputs) if self.fuses else steps

    def _lowered(self, step: Step) -> list[tuple[Step, Lowered]]:
        """The step with its work, or its parts each with theirs if it cannot be done at once."""
        lowered = self._lower(step)
        if isinstance(lowered, str) and step.parts:
            return [pair for part in step.parts for pair in self._lowered(part)]
        return [(step, lowered)]

    def _lower(self, step: Step) -> Lowered:
        if not is_ours(step.definition):
            return _NO_KERNEL
        try:
            step = _as_builtin(step)
        except TFLiteError as error:
            return error.problem
        lower = find_lowering(step.node.name)
        if lower is None:
            return _NO_KERNEL
        if step.dynamic:
            return "its shapes are known only at run time"
        stateful = step.node.name in STATEFUL
        for spec in (*step.input_specs, *step.output_specs):
            if spec is None or (spec.variable and stateful and spec.is_static):
                continue
            if spec.variable or spec.dtype.is_handle or not spec.is_static:
                return "it has a variable tensor, a handle, or a size known only at run time"
        try:
            return lower(step, self)
        except TFLiteError as error:
            return error.problem  # prepare will say the same
        except Exception as error:
            reason = f"its lowering failed: {type(error).__name__}: {error}"
            if (step.node.name, reason) not in _WARNED:
                _WARNED.add((step.node.name, reason))
                warnings.warn(f"{step.node.label}: {reason}", RuntimeWarning, stacklevel=2)
            return reason

    # --- what lowerings ask ---------------------------------------------------------------------

    def input(self, step: Step, position: int) -> At | Array:
        """A slot for an input: its place in the arena, or the array of a constant."""
        spec = step.input_specs[position]
        assert spec is not None
        return At(step.inputs[position]) if spec.value is None else spec.value

    def output(self, step: Step, position: int = 0) -> At:
        """A slot for an output."""
        return At(step.outputs[position])

    def packed(
        self, step: Step, positions: Sequence[int], kind: object, make: Callable[[], Array]
    ) -> Packed:
        """What `make` gives for constant inputs, made once for all interpreters of the model."""
        keys = tuple(step.node.input_keys[p] for p in positions)
        if any(key is None or self._model.constant(*key) is None for key in keys):
            return Packed(make)  # computed by planning: it may be another for other shapes

        def made() -> Array:
            array = make()
            for key in keys:
                if key is not None:
                    self._model.let_go(*key)
            return array

        packed: Packed = self._model.derived.setdefault((keys, kind, self.target), Packed(made))
        return packed


def _as_builtin(step: Step) -> Step:
    """A step whose custom operator is a builtin one as a step of that."""
    if step.definition.name not in CUSTOM_MODULES:
        return step
    from pytflite.ops.custom.translation import builtin_of

    found = builtin_of(step.definition, step.node, step.input_specs)
    if found is None:
        return step
    definition, node, specs, order = found
    inputs = tuple(step.inputs[i] if isinstance(i, int) else -1 for i in order)
    return Step(node, definition, inputs, step.outputs, tuple(specs), step.output_specs)
