"""What steps cost: multiply-accumulates, and bytes read and written."""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.ops.operator import Cost, Definition
from pytflite.ops.spec import Node, Spec
from pytflite.plan.plan import Plan, Step


def cost_of_plan(plan: Plan) -> Cost:
    """Sum over the steps."""
    costs = [cost_of_step(step) for step in plan.steps]
    return Cost(sum(c.macs for c in costs), sum(c.bytes for c in costs))


def cost_of_step(step: Step) -> Cost:
    """Of what is seen; zero where shapes are unknown."""
    if step.parts:
        macs = sum(cost_of_step(part).macs for part in step.parts)
        cost = Cost(macs, _bytes((*step.input_specs, *step.output_specs)))
    else:
        cost = cost_of(step.definition, step.node, step.input_specs, step.output_specs)
    return cost._replace(macs=cost.macs // (step.seen[0] * step.seen[1]))


def cost_of(
    definition: Definition, node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]
) -> Cost:
    """Work of one evaluation; zero where shapes are unknown."""
    specs = [s for s in (*inputs, *outputs) if s is not None]
    if not all(s.is_static for s in specs):
        return Cost(0, 0)
    if definition.cost is not None:
        return definition.cost(node, inputs, outputs)
    return Cost(0, _bytes(specs))


def _bytes(specs: Sequence[Spec | None]) -> int:
    """Of tensors of known shapes."""
    return sum(s.nbytes for s in specs if s is not None)
