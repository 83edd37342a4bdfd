"""Rest: the steps of a plan whose shapes only a run knows, to be planned once it knows them.

A plan ends, as far as it can say sizes, at the first operator whose output's shape follows from
data. A run that comes there knows the shapes, and what numbers they follow from. For shapes that
come again the operators from there on get a plan of their own, in which all is as constant as it
is in others: shapes are folded, steps are native.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytflite.model.dtypes import INT32, INT64, RESOURCE, VARIANT
from pytflite.model.graph import Array
from pytflite.ops.spec import Shape, Spec

if TYPE_CHECKING:
    from pytflite.plan.plan import Plan, Step

_SMALL = 16  # elements of what may be a shape
_SEEN = 64  # shapes that are remembered without a plan
_TRIED = 4  # steps that are tried as the first


class Part(NamedTuple):
    """Operators of a subgraph, from one to the last.

    Attributes:
        first: the number of the first.
        inputs: tensors that they read and operators before them make.
        outputs: those of the subgraph's outputs that they make.
        known: constants that planning computed before them.
        late: those whose work is known when their inputs are, and counts then.
        shapes: of the outputs of the first one, if a run knows them only from data.
    """

    first: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    known: dict[int, Spec]
    late: frozenset[int] = frozenset()
    shapes: tuple[Shape, ...] = ()


class Rest:
    """Where the rest of a plan begins, and its plans.

    Args:
        plan: whose rest. steps: its steps, in order.
        known: constants that planning computed.

    Attributes:
        step: with which it begins, as far as is known by now; None: there is no rest after all.
        values: inputs of the part whose numbers the plans depend on; None: this is not known yet.
        plans: by the key of the inputs, the latest used last; None: there cannot be any.
        made: how many there ever were.
        latest: the plan that was used last.
    """

    def __init__(self, plan: Plan, steps: Sequence[Step], known: dict[int, Spec]) -> None:
        self._plan, self._steps = plan, steps
        self._places = _places(plan, steps)[:_TRIED]
        read = _read(steps[self._places[0] :]) if self._places else set()
        self._known = {index: spec for index, spec in known.items() if index in read}
        self.plans: OrderedDict[Hashable, Plan | None] = OrderedDict()
        self._seen: dict[Hashable, int] = {}
        self.made = 0
        self.latest: Plan | None = None
        self.move_on()

    def move_on(self) -> None:
        """Begins later: even when all before it is known, this step does not say its shapes."""
        self.step: Step | None = None
        self.values: tuple[int, ...] | None = None
        self._seen.clear()
        self.plans.clear()
        if self._places:
            number = self._places.pop(0)
            self.part = self._part(number)
            self.step = self._steps[number]

    def _part(self, number: int) -> Part:
        plan, own = self._plan, self._steps[number:]
        made = {i for step in own for i in step.outputs}
        given = [i for i in sorted(_read(own)) if i not in made and i in plan.specs]
        computed = {i for step in self._steps[:number] for i in step.outputs} | {*plan.inputs}
        return Part(
            own[0].node.index,
            tuple(i for i in given if i in computed),
            tuple(i for i in dict.fromkeys(plan.outputs) if i in made),
            {i: self._known[i] for i in given if i in self._known},
            frozenset(step.node.index for step in own if step.dynamic),
        )

    def key(self, arrays: Sequence[Array]) -> Hashable:
        """What the inputs of the part have in common with those that have the same plan."""
        values = [arrays[n].tobytes() for n in self.values or ()]
        return (*(a.shape for a in arrays), *values, *self.shapes(arrays))

    def shapes(self, arrays: Sequence[Array]) -> tuple[Shape, ...]:
        """Of the outputs of the first step, if they follow from data alone."""
        step, given = self.step, dict(zip(self.part.inputs, arrays, strict=True))
        if step is None or step.definition.sizes is None or not given.keys() >= {*step.inputs}:
            return ()
        return step.definition.sizes([given[index] for index in step.inputs])

    def small(self, arrays: Sequence[Array]) -> list[int]:
        """Inputs of the part that may be shapes, or numbers that make some."""
        return [
            n
            for n, (index, array) in enumerate(zip(self.part.inputs, arrays, strict=True))
            if self._plan.specs[index].dtype in (INT32, INT64) and array.size <= _SMALL
        ]

    def is_worth(self, key: Hashable, *, eager: bool) -> bool:
        """Whether to make a plan for such inputs: the more there were, the more often they must
        have come. eager: the first one is made at once."""
        if key in self.plans:
            return False  # there is none
        if len(self._seen) >= _SEEN:
            self._seen.clear()
        seen = self._seen[key] = self._seen.get(key, 0) + 1
        return seen > self.made + (not eager)

    def keep(self, key: Hashable, plan: Plan | None, most: int) -> Plan | None:
        """Keeps a plan, or that there is none; the one that is let go for it."""
        self._seen.pop(key, None)
        self.made += key not in self.plans
        self.plans[key] = plan
        return self.plans.popitem(last=False)[1] if len(self.plans) > most else None


def is_unknown(step: Step) -> bool:
    """Whether only a run knows the shape of an input or output."""
    return step.dynamic or not all(spec.is_static for spec in step.output_specs)


def _read(steps: Sequence[Step]) -> set[int]:
    """Tensors that steps read."""
    return {i for step in steps for part in step.operators for i in part.inputs if i >= 0}


def _places(plan: Plan, steps: Sequence[Step]) -> list[int]:
    """Numbers of the steps at which a rest may begin, without state in it."""
    whole = len(steps)
    begin = max((n + 1 for n in range(whole) if not _is_plain(plan, steps[n])), default=0)
    return [
        n
        for n in range(begin, whole)
        if is_unknown(steps[n]) and _parts(steps, n) == (steps[n].node.index, True)
    ]


def _parts(steps: Sequence[Step], number: int) -> tuple[int, bool]:
    """The first operator from a step on, and whether all before it are done before it."""

    def indices(some: Sequence[Step]) -> list[int]:
        return [p.node.index for step in some for p in step.operators]

    first = min(indices(steps[number:]))
    return first, max(indices(steps[:number]), default=-1) < first


def _is_plain(plan: Plan, step: Step) -> bool:
    tensors = [i for part in step.operators for i in (*part.inputs, *part.outputs)]
    specs = [plan.specs[i] for i in tensors if i in plan.specs]
    return step.pure and not any(s.variable or s.dtype in (RESOURCE, VARIANT) for s in specs)
