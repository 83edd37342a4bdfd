"""Subprogram: a called subgraph as works, to be done in the midst of the caller's.

Its tensors lie in one room, which the calling step gives; its inputs and outputs are the caller's
tensors themselves where that can be.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from pytflite.jit.kernel import kernel
from pytflite.jit.work import At, Records, Slot, Work, kernels_of, once
from pytflite.plan.plan import LEFT, Plan, Step

COPY = kernel("move.strided", rank=1, size=1, run=-1)


def copied(source: Slot, target: At, size: int) -> list[Work]:
    """Bytes from one place to another."""
    return [Work(COPY, (source, target, size, 1, 1))] if size else []


def beyond(slot: Slot, offset: int) -> Slot:
    """A slot so many bytes further."""
    if isinstance(slot, At):
        return At(slot.tensor, slot.offset + offset)
    assert isinstance(slot, np.ndarray)
    return np.ascontiguousarray(slot).reshape(-1).view(np.uint8)[offset:] if offset else slot


class Subprogram:
    """The native steps of a subgraph, laid out in a room of their own.

    Attributes:
        room_bytes: how large that is.
        work, steps: what a run of it costs, as a call would.
        takes: whether it takes from what LEFT holds.
    """

    def __init__(self, plan: Plan, work: int, steps: int, takes: bool) -> None:
        self._plan = plan
        self.room_bytes = plan.arena_bytes
        self.work = work
        self.steps = steps
        self.takes = takes

    @property
    def length(self) -> int:
        """How many works there are."""
        return sum(1 for step in self._plan.steps for _ in kernels_of(step.work or ()))

    def output_bytes(self, number: int) -> int:
        """Size of an output."""
        return self._plan.specs[self._plan.outputs[number]].nbytes

    def passed(self, number: int) -> int:
        """The number of the input that an output is; -1 if it is none."""
        plan = self._plan
        root = self._root(plan.outputs[number])
        return plan.inputs.index(root) if root in plan.inputs else -1

    def works(
        self, inputs: Sequence[Slot], outputs: Sequence[At | None], room: At
    ) -> tuple[Work, ...]:
        """The works on these inputs; outputs that nobody asks for may be None."""
        plan = self._plan
        places: dict[int, Slot] = dict(zip(plan.inputs, inputs, strict=True))
        late: list[tuple[int, At]] = []  # outputs to be copied at the end
        for index, target in zip(plan.outputs, outputs, strict=True):
            root = self._root(index)
            if target is None:
                continue
            whole = root in plan.offsets and plan.specs[root].nbytes == plan.specs[index].nbytes
            if whole and root not in places:
                places[root] = target
            else:
                late.append((index, target))

        def place(slot: At) -> Slot:
            tensor, offset = slot
            if tensor == LEFT:  # there is one for all
                return slot
            root = self._root(tensor)
            if root in places:
                return beyond(places[root], offset)
            found = plan.offsets if tensor >= 0 else plan.places
            return At(room.tensor, room.offset + found[tensor] + offset)

        def moved(work: Work) -> Work:
            slots: list[Slot] = []
            for slot in work.slots:
                if isinstance(slot, At):
                    slots.append(place(slot))
                elif isinstance(slot, Records):
                    slots.append(Records(tuple(map(moved, slot.works))))
                else:
                    slots.append(slot)
            return work._replace(slots=tuple(slots))

        made: set[Hashable] = set()
        works = [moved(w) for s in plan.steps if not s.alias for w in once(s.work or (), made)]
        for index, target in late:
            spec = plan.specs[index]
            source: Slot = spec.value if spec.value is not None else place(At(index))
            if source != target if isinstance(source, At) else True:
                works += copied(source, target, spec.nbytes)
        return tuple(works)

    def _root(self, index: int) -> int:
        return self._plan.aliases.get(index, index)


def checked(plan: Plan, steps: Sequence[Step]) -> str:
    """Why such native steps cannot be done within others; "" if they can."""
    if plan.variables or any(step.cells or step.resource for step in steps):
        return "it calls operators that keep state"
    if len(set(plan.inputs)) != len(plan.inputs):
        return "two inputs of a subgraph are the same tensor"
    if any(plan.specs[i].dtype.is_handle for i in (*plan.inputs, *plan.outputs)):
        return "it passes strings or handles to a subgraph"
    return ""
