"""Which tensors need memory, for how long, and which may share it."""

from __future__ import annotations

from pytflite.ops.spec import Spec
from pytflite.plan.alignment import ALIGNMENT
from pytflite.plan.arena import Block, lower_bound, place
from pytflite.plan.plan import CELLS, LEFT, ROOMS, Plan, Step


def lay_out(plan: Plan, *, preserve: bool = False) -> None:
    """Fills in the offsets, aliases and sizes of a plan.

    Inputs and outputs of the graph live throughout, so that a caller can invoke again without
    setting the inputs, and read the outputs at leisure. `preserve`: so does everything.
    """
    end = len(plan.steps)
    first, last = _lifetimes(plan)
    pinned = {i for i in (*plan.inputs, *plan.outputs) if i in first}
    for index in list(first) if preserve else pinned:
        last[index] = end
    roots: dict[int, int] = {}

    def root(index: int) -> int:
        while index in roots:
            index = roots[index]
        return index

    for number, step in enumerate(plan.steps):
        for output, source in _sharing(step, preserve):
            if output not in first or output in roots:
                continue
            holder = root(source)
            if holder not in first or plan.specs[holder].variable:
                continue  # a constant, a variable, or of unknown size
            if not step.alias and (last[holder] > number or holder in pinned):
                continue  # somebody still reads what would be overwritten
            if plan.specs[holder].nbytes < plan.specs[output].nbytes:
                continue
            if not step.alias and not _element_by_element(plan.specs[source], plan.specs[output]):
                continue  # what is overwritten is read again
            if holder != output:
                roots[output] = holder
                last[holder] = max(last[holder], last[output])
                if output in pinned:
                    pinned.add(holder)
        # An alias whose input has no place of its own is evaluated after all: it copies.
        step.alias = step.alias and step.outputs[0] in roots
    plan.aliases = {index: root(index) for index in roots}
    blocks = [
        Block(index, plan.specs[index].nbytes, first[index], last[index])
        for index in first
        if index not in roots
    ]
    blocks += _rooms(plan)
    offsets, plan.arena_bytes = place(blocks)
    plan.offsets = {index: offset for index, offset in offsets.items() if index >= 0}
    plan.places = {index: offset for index, offset in offsets.items() if index < 0}
    for index, holder in plan.aliases.items():
        plan.offsets[index] = plan.offsets[holder]
    plan.lower_bound = lower_bound(blocks)
    plan.scratch_bytes = max(
        (-(-step.scratch // ALIGNMENT) * ALIGNMENT for step in plan.steps), default=0
    )


def _rooms(plan: Plan) -> list[Block]:
    """Memory that is no tensor's."""
    end = len(plan.steps)
    rooms = [
        Block(ROOMS - step.node.index, step.room, number, number)
        for number, step in enumerate(plan.steps)
        if step.room
    ]
    shared: dict[int, Block] = {}
    for number, step in enumerate(plan.steps):
        for index, size in step.shared.items():
            first = shared.get(index, Block(index, size, number, number)).first
            shared[index] = Block(index, size, first, number)
    rooms += shared.values()
    if plan.cell_bytes:
        rooms.append(Block(CELLS, plan.cell_bytes, -1, end))
    if plan.takes:
        rooms.append(Block(LEFT, 16, -1, end))
    return rooms


def _lifetimes(plan: Plan) -> tuple[dict[int, int], dict[int, int]]:
    """First and last step of each tensor that gets a place in the arena."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}

    def begins(index: int, number: int) -> None:
        spec = plan.specs[index]
        if spec.is_static and spec.value is None and not (spec.variable or spec.dtype.is_handle):
            first[index] = last[index] = number

    for index in plan.inputs:
        begins(index, -1)
    for number, step in enumerate(plan.steps):
        for index in step.cells:
            first[index], last[index] = -1, len(plan.steps)
        for index in step.inputs:
            if index in first and not plan.specs[index].variable:
                last[index] = number
        for index in step.outputs:
            if index >= 0:
                begins(index, number)
    return first, last


def _element_by_element(source: Spec, output: Spec) -> bool:
    """Whether element i of the output ends no later in memory than element i of the source.

    A source that is stretched (broadcast) has fewer elements, and each is read several times.
    """
    return source.size == output.size and source.dtype.itemsize >= output.dtype.itemsize


def _sharing(step: Step, preserve: bool) -> list[tuple[int, int]]:
    """Pairs (output, input) of tensors that the operator allows to lie in one place."""
    definition = step.definition
    if step.dynamic:
        return []
    if definition.alias:
        step.alias = True
        return [(step.outputs[0], step.inputs[0])]
    if preserve:
        return []
    return [
        (step.outputs[o], step.inputs[i])
        for o, i in definition.in_place
        if i < len(step.inputs) and step.inputs[i] >= 0
    ]
