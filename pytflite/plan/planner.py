"""From a subgraph and input shapes to a Plan: one forward pass, then memory.

For each operator in order: find its definition, check types and options, infer the outputs. If
all inputs are constant (or infer gave the values, as SHAPE does), it is folded: evaluated now.
Otherwise it becomes a Step and prepare is called. Last, every tensor gets a place in the arena.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.errors import LimitError, ModelError
from pytflite.format.verifier import verify_quantization
from pytflite.model.graph import Array, Operator, Tensor
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.ops.operator import Definition
from pytflite.ops.spec import Shape, Spec
from pytflite.plan.backend import Backend
from pytflite.plan.checks import TensorChecks
from pytflite.plan.folding import Allowance, computes_once, fold, may_fold
from pytflite.plan.guard import check_size, guard
from pytflite.plan.keeping import computed, keep_constants, needed
from pytflite.plan.memory import lay_out
from pytflite.plan.nodes import Lookup, definition_of, make_node
from pytflite.plan.plan import Plan, Step
from pytflite.plan.purity import Purity
from pytflite.plan.rest import Part, Rest, is_unknown
from pytflite.plan.sharing import shared


class Planner:
    """Makes plans for the subgraphs of one model.

    Args:
        model: the model.
        lookup: finds definitions: `lookup(name, custom)`.
        limits: what a plan may take.
        preserve: give every tensor memory of its own, so that all can be read after a run.
        numerics: how integers are rounded: "reference" or "litert".
        backend: makes steps native where it can.
    """

    def __init__(
        self, model: Model, lookup: Lookup, limits: Limits, *, preserve: bool = False,
        numerics: str = "reference", backend: Backend | None = None,
    ) -> None:  # fmt: skip
        self.model = model
        self.lookup = lookup
        self.limits = limits
        self.preserve = preserve
        self.numerics = numerics
        self.backend = backend
        self._purity = Purity(model, lookup)
        self._checks = TensorChecks(model)
        self.begin_anew()

    def begin_anew(self) -> None:
        """Makes the lock, and forgets what other threads were doing (they end in a fork)."""
        self._calls: list[int] = []  # subgraphs being inferred: finds recursion
        self._planned = 0  # operators looked at
        # Outputs of called subgraphs, while one plan is made: two calls each, ten levels deep,
        # are a thousand calls.
        self._inferred: dict[Any, tuple[tuple[Spec, ...], tuple[Spec, ...]]] = {}
        self._folding = Allowance(0)
        # Steps whose shapes only a run knows infer while they run, from several threads.
        self._lock = threading.RLock()

    def plan(self, subgraph: int, shapes: Sequence[Shape]) -> Plan:
        """The plan of a subgraph for inputs of these shapes.

        Raises:
            ShapeError, OptionError, DTypeError, ...: an operator refuses what it is given.
            UnsupportedOperatorError: an operator that nothing here implements.
            LimitError: more memory or work than the limits allow.
        """
        return self._made(*self.draft(subgraph, shapes))

    def plan_part(self, subgraph: int, part: Part, inputs: Sequence[Spec]) -> Plan:
        """The plan of operators of a subgraph for inputs such as these, some of them known."""
        plan, steps = self.draft_part(subgraph, part, inputs)
        plan.late = sum(step.cost.macs for step in steps if step.node.index in part.late)
        return self._made(plan, steps)

    def draft_part(
        self, subgraph: int, part: Part, inputs: Sequence[Spec]
    ) -> tuple[Plan, list[Step]]:
        """Its steps, which have neither P nor memory yet."""
        with self._lock:
            plan, steps = self._forward(subgraph, inputs, part)
        return plan, needed(steps, plan)

    def _made(self, plan: Plan, steps: list[Step]) -> Plan:
        """The plan of steps, with P, kernels, and places of tensors."""
        backend = self.backend
        if backend is not None:
            backend = backend.apart() if self.preserve else backend
            steps = backend.lower(plan, steps, self)
        for step in steps:
            if step.work is None or step.definition.calls is not None:
                self._prepare(step)
        plan.steps = tuple(steps)
        plan.pure = all(step.pure for step in steps) and not plan.variables
        self._check_cost(plan)
        if backend is not None and not self.preserve and any(map(is_unknown, steps)):
            plan.rest = Rest(plan, plan.steps, computed(plan, self.model))
        keep_constants(plan)
        lay_out(plan, preserve=self.preserve)
        if plan.arena_bytes + plan.scratch_bytes > self.limits.arena_bytes:
            raise LimitError(
                "the model needs more memory than the limits allow",
                code="limit.arena",
                expected=f"at most {self.limits.arena_bytes} bytes",
                found=f"{plan.arena_bytes + plan.scratch_bytes} bytes",
                hint="raise Limits.arena_bytes if you trust the model",
            )
        if backend is not None:
            plan.program = backend.link(plan)
        return plan

    def draft(self, subgraph: int, shapes: Sequence[Shape]) -> tuple[Plan, list[Step]]:
        """The steps of such a plan, which have neither P nor memory yet."""
        graph = self.model.subgraphs[subgraph]
        specs = [
            Spec(shape, graph.tensors[index].dtype, graph.tensors[index].quantization)
            for index, shape in zip(graph.inputs, shapes, strict=True)
        ]
        with self._lock:
            plan, steps = self._forward(subgraph, specs)
        return plan, needed(steps, plan)

    def infer(self, subgraph: int, inputs: Sequence[Spec]) -> tuple[Spec, ...]:
        """Outputs of a subgraph for inputs such as these (for operators that call one)."""
        key = (subgraph, *((s.shape, s.dtype, id(s.quantization), id(s.value)) for s in inputs))
        with self._lock:
            known = self._inferred.get(key) if self._calls else None
            if known is None:
                plan, _ = self._forward(subgraph, inputs)
                outputs = tuple(plan.specs[i].replace(value=None) for i in plan.outputs)
                # With the inputs, whose ids are not given to others then.
                known = self._inferred[key] = outputs, tuple(inputs)
            if not self._calls:
                self._inferred = {}
        return known[0]

    def subgraph_arity(self, subgraph: int) -> tuple[int, int] | None:
        """Numbers of inputs and outputs of a subgraph, or None if there is none such."""
        if not 0 <= subgraph < len(self.model.subgraphs):
            return None
        graph = self.model.subgraphs[subgraph]
        return len(graph.inputs), len(graph.outputs)

    def constant(self, subgraph: int, index: int) -> Array | None:
        """The value of a constant tensor, or None if there is none such."""
        if not 0 <= index < len(self.model.subgraphs[subgraph].tensors):
            return None
        return self.model.constant(subgraph, index)

    def subgraph_operators(self, subgraph: int) -> tuple[str, ...]:
        """Names of the operators of a subgraph, in order; none if there is none such."""
        if not 0 <= subgraph < len(self.model.subgraphs):
            return ()
        return tuple(operator.name for operator in self.model.subgraphs[subgraph].operators)

    def custom_operator(self, name: str) -> Definition | None:
        """A custom operator as this interpreter knows it, or None."""
        return self.lookup(name, True)

    def _forward(
        self, subgraph: int, inputs: Sequence[Spec], part: Part | None = None
    ) -> tuple[Plan, list[Step]]:
        graph, late = self.model.subgraphs[subgraph], part is not None
        if part is None:
            part = Part(0, graph.inputs, graph.outputs, {})
        if subgraph in self._calls or len(self._calls) >= self.limits.call_depth:
            chain = " -> ".join(map(str, [*self._calls, subgraph]))
            raise ModelError(
                "subgraphs call each other without end", code="model.recursion", found=chain
            )
        if not self._calls:
            self._planned = -sum(len(g.operators) for g in self.model.subgraphs)
            self._folding = Allowance(self.model.size, late=late)
            self._inferred = {}
        self._calls.append(subgraph)
        try:
            given = zip(part.inputs, inputs, strict=True)
            open_inputs = tuple(i for i, spec in given if spec.value is None)
            plan = Plan(subgraph, open_inputs, part.outputs)
            plan.specs.update(part.known)
            for index, spec in zip(part.inputs, inputs, strict=True):
                tensor = graph.tensors[index]
                check_size(self.limits, spec, tensor.name)
                if spec.dtype is not tensor.dtype:
                    raise ModelError(
                        "a subgraph is given another type than its input has",
                        code="op.dtype",
                        tensor=tensor.name,
                        expected=tensor.dtype,
                        found=spec.dtype,
                    )
                plan.specs[index] = spec
            steps: list[Step] = []
            for number in range(part.first, len(graph.operators)):
                made = graph.operators[number].outputs
                if not made or any(index not in part.known for index in made):
                    shapes = part.shapes if number == part.first else ()
                    self._operator(plan, steps, number, graph.operators[number], shapes)
            for index in part.outputs:
                if self._spec(plan, index) is None:
                    raise _no_data(graph.tensors[index], f"output of subgraph {subgraph}")
            plan.variables = tuple(i for i, s in plan.specs.items() if s.variable)
            for index in plan.variables:  # they begin as their zero point, used or not
                verify_quantization(graph.tensors[index])
            return plan, steps
        finally:
            self._calls.pop()

    def _operator(
        self, plan: Plan, steps: list[Step], number: int, operator: Operator,
        shapes: Sequence[Shape] = (),
    ) -> None:  # fmt: skip
        """Adds a step, or folds it. shapes: of the outputs, where infer cannot say them."""
        self._count_operator()
        node = make_node(self.model, plan.subgraph, number, operator, self)
        definition = definition_of(node, operator, self.lookup)
        inputs = []
        for position, index in enumerate(operator.inputs):
            spec = self._spec(plan, index) if index >= 0 else None
            if index >= 0 and spec is None:
                raise _no_data(node.inputs[position], node.label)
            inputs.append(spec)
        definition.signature.check(node, inputs)
        outputs = tuple(guard(node, definition.infer, node, inputs))
        self._checks.check(node)  # after infer, whose errors say more
        if len(outputs) != len(operator.outputs):
            raise node.error(
                ModelError,
                "wrong number of outputs",
                code="op.arity",
                expected=len(outputs),
                found=len(operator.outputs),
            )
        if shapes:
            outputs = tuple(s.replace(shape=d) for s, d in zip(outputs, shapes, strict=True))
        for tensor, spec in zip(node.outputs, outputs, strict=True):
            if tensor is not None:
                check_size(self.limits, spec, tensor.name)
        outputs = tuple(map(_kept, outputs, node.outputs))
        step = Step(node, definition, operator.inputs, operator.outputs, tuple(inputs), outputs)
        written = [k for s, k in zip(outputs, node.output_keys, strict=True) if s.variable]
        step.pure = self._purity.of_operator(node, definition) and not written
        if written and computes_once(step):
            step.once = written[0]
        if may_fold(step, self._folding):
            outputs = guard(node, fold, step, self.limits)
            plan.folded += 1
        else:
            # Asked now: it may depend on constants that prepare takes and that are let go then.
            apart = definition.rows_apart
            step.rows_apart = guard(node, apart, node, inputs) if callable(apart) else apart
            steps.append(step)
        for index, spec in zip(operator.outputs, outputs, strict=True):
            if index >= 0:
                plan.specs[index] = spec

    def _count_operator(self) -> None:
        """Subgraphs that call each other twice are looked at twice as often on each level."""
        self._planned += 1
        if self._planned > self.limits.planned_operators:
            raise LimitError(
                "planning takes more work than the limits allow",
                code="limit.planning",
                expected=f"at most {self.limits.planned_operators} operators of called subgraphs",
                hint="raise Limits.planned_operators if you trust the model",
            )

    def _spec(self, plan: Plan, index: int) -> Spec | None:
        """What is known of a tensor: computed, constant, or a variable; None if it has no data."""
        spec = plan.specs.get(index)
        if spec is None:
            tensor = self.model.subgraphs[plan.subgraph].tensors[index]
            value = None
            if not tensor.is_variable:
                value = self.model.constant(plan.subgraph, index)
                if value is None and tensor.shape and min(tensor.shape) == 0:
                    check_size(self.limits, Spec(tensor.shape, tensor.dtype), tensor.name)
                    value = np.empty(tensor.shape, tensor.dtype.storage)  # nothing to be given
                if value is None:
                    return None
            spec = Spec(tensor.shape, tensor.dtype, tensor.quantization, value, tensor.is_variable)
            check_size(self.limits, spec, tensor.name)
            self._checks.warn_of_dimension(tensor)
            plan.specs[index] = spec
        return spec

    def _prepare(self, step: Step) -> None:
        if step.dynamic:
            return
        node, definition = step.node, step.definition
        step.p = shared(guard(node, definition.prepare, node, step.input_specs, step.output_specs))
        if definition.scratch is not None:
            step.scratch = definition.scratch(step.p)

    def _check_cost(self, plan: Plan) -> None:
        macs, moved = plan.cost
        plan.work += macs + moved
        plan.run_steps += len(plan.steps)
        if macs > self.limits.macs:
            raise LimitError(
                "the model needs more work than the limits allow",
                code="limit.macs",
                expected=f"at most {self.limits.macs} multiply-accumulates",
                found=macs,
                hint="raise Limits.macs if you trust the model",
            )


def _kept(spec: Spec, tensor: Tensor | None) -> Spec:
    """An output as what it is: variable tensors may be written, and keep what they are given."""
    if tensor is None or not tensor.is_variable or not spec.is_static:
        return spec
    return spec.replace(value=None, variable=True)


def _no_data(tensor: Tensor | None, where: str) -> ModelError:
    name = tensor.name if tensor is not None else None
    return ModelError(
        "a tensor is read before anything writes it",
        code="model.no-data",
        operator=where,
        tensor=name,
        expected="a constant, an input, or the output of an earlier operator",
    )
