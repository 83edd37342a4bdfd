"""Operators that run subgraphs, whose works become part of the caller's.

A call is nothing but these works. Loops and choices are one kernel each, which runs the works of
their subgraphs (emit/control.py). Tensors of a subgraph lie in a room of the calling step.
"""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.jit.called import Subprogram, copied
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.registry import Lowered, Lowering, lowering
from pytflite.jit.work import At, Records, Slot, Work
from pytflite.ops.control.calling import is_true
from pytflite.plan.plan import Step

_LONG = 1 << 22  # multiply-accumulates and bytes from which on threads may be of use
_FOR_THREADS = "its subgraphs have work for several threads"


def _subprogram(step: Step, to: Lowering, subgraph: int, positions: Sequence[int]) -> (
    Subprogram | str
):  # fmt: skip
    """A subgraph for these inputs of a step."""
    specs = [step.input_specs[n] for n in positions]
    return to.subprogram(subgraph, [spec.static for spec in specs if spec is not None])


def _outputs(step: Step, to: Lowering) -> list[At | None]:
    return [to.output(step, n) if i >= 0 else None for n, i in enumerate(step.outputs)]


@lowering("CALL", "STABLEHLO_COMPOSITE")
def call(step: Step, to: Lowering) -> Lowered:
    """The works of the subgraph."""
    assert step.definition.calls is not None
    (subgraph,) = step.definition.calls(step.node)
    return _called(step, to, subgraph, range(len(step.inputs)))


def _called(step: Step, to: Lowering, subgraph: int, positions: Sequence[int]) -> Lowered:
    called = _subprogram(step, to, subgraph, positions)
    if isinstance(called, str):
        return called
    if problem := to.include(called, always=True):
        return problem
    if called.takes:
        to.left(step)
    inputs = [to.input(step, n) for n in positions]
    return called.works(inputs, _outputs(step, to), to.room(step, called.room_bytes))


@lowering("IF", "STABLEHLO_CASE")
def choice(step: Step, to: Lowering) -> Lowered:
    """The branch that is known to be taken, or a kernel that takes one."""
    assert step.definition.calls is not None
    branches = tuple(step.definition.calls(step.node))
    boolean, positions = step.node.name == "IF", range(1, len(step.inputs))
    chooser = step.input_specs[0]
    assert chooser is not None
    if chooser.size != 1:
        return "it has no condition"
    if chooser.value is not None:
        index = int(is_true(chooser.value) if boolean else chooser.value.reshape(-1)[0])
        taken = branches[index] if 0 <= index < len(branches) else branches[-1]
        return _called(step, to, taken, positions)
    inputs, outputs = [to.input(step, n) for n in positions], _outputs(step, to)
    found: list[Subprogram] = []
    for branch in branches:
        called = _subprogram(step, to, branch, positions)
        if isinstance(called, str):
            return called
        if to.threads > 1 and called.work > _LONG:
            return _FOR_THREADS
        if problem := to.include(called):
            return problem
        found.append(called)
    slots: list[Slot] = [to.input(step, 0), to.left(step), len(branches)]
    room = to.room(step, max(called.room_bytes for called in found))
    for called in found:
        slots += [Records(called.works(inputs, outputs, room)), called.work, called.steps]
    return [Work(kernel("control.choice", boolean=boolean), tuple(slots))]


@lowering("WHILE")
def loop(step: Step, to: Lowering) -> Lowered:
    """The outputs hold the values: copied there at first, and after each run of the body."""
    assert step.definition.calls is not None
    every = range(len(step.inputs))
    condition, body = (
        _subprogram(step, to, subgraph, every) for subgraph in step.definition.calls(step.node)
    )
    if isinstance(condition, str):
        return condition
    if isinstance(body, str):
        return body
    if to.threads > 1 and body.work > _LONG:
        return _FOR_THREADS
    if condition.output_bytes(0) != 1:
        return "its condition is not one BOOL"
    if problem := to.include(condition) or to.include(body):
        return problem
    sizes = [spec.nbytes for spec in step.output_specs]
    given = [to.output(step, n) if i >= 0 else to.room(step, sizes[n])
             for n, i in enumerate(step.outputs)]  # fmt: skip
    if len(set(given)) != len(given):
        return "two of its outputs are the same tensor"
    first: list[Work] = []
    last: list[Work] = []
    results: list[At | None] = []
    for n, value in enumerate(given):
        first += copied(to.input(step, n), value, sizes[n])
        stays = body.passed(n) == n
        result = None if stays else to.room(step, sizes[n])
        results.append(result)
        if result is not None:
            last += copied(result, value, sizes[n])
    truth = to.room(step, 1)
    room = to.room(step, max(condition.room_bytes, body.room_bytes))
    limits = step.node.graph.limits if step.node.graph is not None else None
    most = limits.loop_iterations if limits is not None else 0
    slots = (
        Records(condition.works(given, [truth], room)),
        Records((*body.works(given, results, room), *last)),
        truth, to.left(step), most,
        condition.work, condition.steps, body.work, body.steps,
    )  # fmt: skip
    return [*first, Work(kernel("control.loop"), slots)]
