"""Context: the memory in which one plan runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from pytflite.model.graph import Array
from pytflite.plan.alignment import aligned, on_huge_pages
from pytflite.plan.plan import CELLS, LEFT, Plan, Step
from pytflite.runtime.stretches import BoundResources, BoundStretch, BoundVariables, Cells

if TYPE_CHECKING:
    from pytflite.ops.spec import Spec
    from pytflite.plan.backend import BoundProgram

_RESTS_KEPT = 2  # plans of the rest of a run for which a context keeps memory


class BoundStep:
    """A step with the arrays of one context."""

    __slots__ = ("eval", "inputs", "node", "outputs", "p", "plain", "prepared", "step")

    def __init__(self, step: Step, arrays: dict[int, Array]) -> None:
        self.step = step
        self.node = step.node
        self.eval = step.definition.eval
        self.p = step.p
        self.inputs = [
            None if i < 0 or n in step.unused_inputs else arrays.get(i)
            for n, i in enumerate(step.inputs)
        ]
        self.outputs = [arrays.get(i) if i >= 0 else None for i in step.outputs]
        # Everything known and in place: eval can be called without another look.
        self.plain = (
            not step.dynamic
            and all(
                a is not None or i < 0 or n in step.unused_inputs
                for n, (i, a) in enumerate(zip(step.inputs, self.inputs, strict=True))
            )
            and all(a is not None for a in self.outputs)
        )
        self.prepared: dict[Any, tuple[tuple[Spec, ...], Any, int]] = {}  # with its MACs


class Context:
    """Memory for one run at a time of one plan.

    Args:
        plan: what runs.
        lent: inputs of the plan that lie in the memory of another context.

    `arrays` holds the tensors that have a place in the arena, and the constants; `loose` those of
    the last run whose size was known only then. `whole`, if it is not None, does what the loop over
    `bound` would do; so does `stateful`, which advances the state, once the subgraphs `once` have
    run. `left` is what native loops and choices have left of work and steps.
    """

    __slots__ = (
        "_apart",
        "_cells",
        "_program",
        "_resources",
        "_rests",
        "_scratch",
        "arrays",
        "bound",
        "left",
        "lent",
        "loose",
        "once",
        "plan",
        "stateful",
        "whole",
    )

    def __init__(self, plan: Plan, lent: Mapping[int, Array] | None = None) -> None:
        self.plan = plan
        self.lent = lent or {}
        arena = on_huge_pages(plan.arena_bytes)
        self._scratch = aligned(plan.scratch_bytes)
        self.arrays: dict[int, Array] = dict(plan.constants)
        self._cells = Cells()
        start = plan.places.get(CELLS, 0)
        self._resources = arena[start : start + plan.cell_bytes]
        start = plan.places.get(LEFT, 0)
        self.left = arena[start : start + 16 * plan.takes].view(np.int64)
        for index, offset in plan.offsets.items():
            spec = plan.specs[index]
            flat = self._bytes(index, arena[offset : offset + spec.nbytes])
            places = self._cells.arrays if spec.variable else self.arrays
            places[index] = flat.view(spec.dtype.storage).reshape(spec.static)
        self.loose: dict[int, Array] = {}
        self._rests: dict[Plan, Context] = {}
        self._program = plan.program.bind(arena) if plan.program is not None else None
        if self._program is not None:
            for index, array in self.lent.items():
                offset = plan.offsets[index]
                self._program.borrow(range(offset, offset + array.nbytes), array)
        self.bound = self._bind(together=True)
        self.whole = self._in_one_call()
        self.stateful, self.once = self._on_state()
        self._apart: list[BoundStep | BoundStretch] | None = None

    def _bytes(self, index: int, own: Array) -> Array:
        """Where a tensor lies: in these bytes of the arena, unless it is lent, or part of such."""
        lent = self.lent.get(self.plan.aliases.get(index, index))
        return own if lent is None else lent.reshape(-1).view(np.uint8)[: own.size]

    def of_rest(self, plan: Plan) -> Context:
        """Memory for the rest of a run, which begins with tensors of this one."""
        context = self._rests.pop(plan, None)
        if context is None:
            lent = {i: self.arrays[i] for i in plan.inputs if i in self.plan.offsets}
            context = Context(plan, lent)
        if plan.kept:
            self._rests[plan] = context  # the latest last
        while len(self._rests) > _RESTS_KEPT:
            del self._rests[next(iter(self._rests))]
        return context

    def set_inputs(self, inputs: Iterable[Array]) -> None:
        """Copies arrays of the planned shapes and types into their places."""
        arrays = self.arrays
        for index, array in zip(self.plan.inputs, inputs, strict=True):
            place = arrays.get(index)
            if place is None:
                arrays[index] = array  # strings and handles have no place in the arena
            else:
                place[...] = array

    @property
    def apart(self) -> list[BoundStep | BoundStretch]:
        """The bound steps one by one, for those who look on."""
        if self._program is None:
            return self.bound
        if self._apart is None:
            self._apart = self._bind(together=False)
        return self._apart

    @property
    def opened(self) -> list[BoundStep | BoundStretch]:
        """The same, where those that call subgraphs do so before all eyes."""
        return [
            BoundStep(bound.step, self.arrays)
            if isinstance(bound, BoundStretch) and bound.step.definition.calls is not None
            else bound
            for bound in self.apart
        ]

    def _bind(self, *, together: bool) -> list[BoundStep | BoundStretch]:
        program = self._program
        steps = [step for step in self.plan.steps if not step.alias]
        if program is None:
            return [BoundStep(step, self.arrays) for step in steps]
        bound: list[BoundStep | BoundStretch] = []
        # A stretch has variable tensors or resource variables, not both.
        mixed = any(step.resource is not None for step in steps)
        kinds = groupby(steps, lambda step: (step.work is not None, mixed and bool(step.cells)))
        for (native, _), group in kinds:
            if not native:
                bound += [BoundStep(step, self.arrays) for step in group]
            elif together:
                bound.append(self._stretch(list(group), program))
            else:
                bound += [self._stretch([step], program) for step in group]
        return bound

    def _stretch(self, steps: list[Step], program: BoundProgram) -> BoundStretch:
        if any(step.cells for step in steps):
            return BoundVariables(steps, program, self._cells)
        if any(step.resource is not None for step in steps):
            return BoundResources(steps, program, self._resources)
        return BoundStretch(steps, program)

    def _in_one_call(self) -> Callable[[], None] | None:
        """What runs the whole plan, where that is one native call that leaves nothing behind."""
        if self.plan.bare:
            program = self.plan.program
            assert program is not None
            assert self._program is not None
            return self._program.stretch(*program.whole)
        alone = self.bound[0] if len(self.bound) == 1 else None
        if isinstance(alone, BoundStretch) and self.plan.pure and not self.plan.awaited:
            return alone.run
        return None

    def _on_state(self) -> tuple[BoundResources | BoundVariables | None, frozenset[int]]:
        """The one native call that the plan is but for CALL_ONCE, and what that runs."""
        native = [b for b in self.bound if isinstance(b, (BoundResources, BoundVariables))]
        others: list[Any] = [b for b in self.bound if b not in native]
        whole = len(native) == 1 and all(b.node.name == "CALL_ONCE" for b in others)
        if not whole or self.plan.awaited:
            return None, frozenset()
        return native[0], frozenset(b.p for b in others)

    def tensor(self, index: int) -> Array | None:
        """A tensor's array after a run, or None if it has none."""
        found = self.loose.get(index)
        return found if found is not None else self.arrays.get(index)

    def scratch(self, shape: tuple[int, ...], dtype: Any) -> Array | None:
        """Working memory for one eval, as far as it was announced; beyond, None."""
        dtype = np.dtype(dtype)
        size = dtype.itemsize
        for d in shape:
            size *= d
        if size > self._scratch.size:
            return None
        block: Array = self._scratch[:size].view(dtype).reshape(shape)
        return block
