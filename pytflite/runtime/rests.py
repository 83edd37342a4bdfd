"""What a run does with the rest of its plan (plan/rest.py): finds out where that begins and what
its shapes follow from, and has it planned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pytflite.errors import TFLiteError
from pytflite.model.graph import Array
from pytflite.ops.spec import Spec
from pytflite.plan.plan import Plan, Step
from pytflite.plan.rest import Part, Rest, is_unknown
from pytflite.runtime.engine import PLANS_KEPT, Engine

if TYPE_CHECKING:
    from pytflite.plan.planner import Planner

_APART = 8  # inputs of which it is found out whether their numbers count


def kept_plan(engine: Engine, plan: Plan, part: Part, arrays: Sequence[Array]) -> Plan | None:
    """What `Engine.plan_rest` gives; for one thread at a time."""
    rest, backend = plan.rest, engine.backend
    if rest is None or rest.part is not part or backend is None:
        return None  # another thread has found out that it begins later
    key = rest.key(arrays)
    found = rest.plans.get(key)
    if found is None or engine.outdated(found):
        if found is None and not rest.is_worth(key, eager=backend.wait):
            return None
        made = _plan_of(rest, plan, arrays, engine.planner)
        if rest.part is not part or not plan.kept:
            return made
        engine.forget(found)
        key = rest.key(arrays)  # by numbers, too, that are known to count now
        engine.forget(rest.keep(key, made, PLANS_KEPT))
        if made is None:
            return None
        made.kept, found = True, made
    rest.plans.move_to_end(key)
    rest.latest = found
    return found


def _plan_of(rest: Rest, plan: Plan, arrays: Sequence[Array], planner: Planner) -> Plan | None:
    """A new plan of the rest of a plan whose inputs are such in this run; None if there is none.

    If even so its first step does not know its shapes, the rest moves on to a later one.
    """
    try:
        if rest.values is None:
            rest.values = _values(rest, plan, arrays, planner)
            if rest.values is None:
                rest.move_on()
                return None
        specs = _specs(rest, plan, arrays, rest.values)
        return planner.plan_part(plan.subgraph, _part(rest, arrays), specs)
    except TFLiteError:
        return None  # the operators say it better, one by one


def _part(rest: Rest, arrays: Sequence[Array]) -> Part:
    """The part, with shapes that follow from these arrays."""
    return rest.part._replace(shapes=rest.shapes(arrays))


def _specs(
    rest: Rest, plan: Plan, arrays: Sequence[Array], values: Sequence[int]
) -> list[Spec]:  # fmt: skip
    """The inputs of the part, some of them with their numbers."""
    specs = []
    for n, (index, array) in enumerate(zip(rest.part.inputs, arrays, strict=True)):
        value = None
        if n in values:
            value = np.array(array)
            value.flags.writeable = False
        specs.append(plan.specs[index].replace(shape=array.shape, value=value))
    return specs


def _values(
    rest: Rest, plan: Plan, arrays: Sequence[Array], planner: Planner
) -> tuple[int, ...] | None:  # fmt: skip
    """The inputs whose numbers say more of the shapes, as few as do; None if even so the first step
    does not know its own."""

    def unknown(values: Sequence[int]) -> list[Step]:
        specs = _specs(rest, plan, arrays, values)
        _, steps = planner.draft_part(plan.subgraph, part, specs)
        return [step for step in steps if is_unknown(step)]

    values: list[int] = []
    part = _part(rest, arrays)
    left = unknown(values)
    if left:
        candidates = rest.small(arrays)
        least = unknown(candidates)
        if len(least) < len(left):
            values, left = candidates, least
            for n in candidates[:_APART]:
                fewer = [v for v in values if v != n]
                if len(unknown(fewer)) == len(left):
                    values = fewer
    if any(step.node.index == rest.part.first for step in left):
        return None
    return tuple(values)


def steps_of(plan: Plan) -> Iterator[Step]:
    """The steps of a plan, the last ones as they were when they were planned last."""
    rest = plan.rest
    if rest is None or rest.step is None or rest.latest is None:
        yield from plan.steps
        return
    for step in plan.steps:
        if step is rest.step:
            break
        yield step
    yield from steps_of(rest.latest)
