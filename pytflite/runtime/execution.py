"""Execution: the loop over the steps of a plan, and who looks on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, Protocol

import numpy as np

from pytflite.errors import TFLiteError
from pytflite.model.dtypes import STRING
from pytflite.model.graph import Array
from pytflite.ops.limits import Limits
from pytflite.ops.operator import EndOfRun
from pytflite.ops.spec import Node, Spec
from pytflite.plan.cost import cost_of
from pytflite.plan.guard import empty_within, exhausted, guard, internal
from pytflite.plan.plan import Plan, Refused, Step
from pytflite.plan.rest import Part, Rest
from pytflite.plan.sharing import shared
from pytflite.runtime.blas import BLAS, Running
from pytflite.runtime.context import BoundStep, Context
from pytflite.runtime.state import State
from pytflite.runtime.stretches import BoundStretch

_PREPARED_SHAPES = 8  # sets of input shapes for which a dynamic step keeps its P


Read = Callable[[int], "Array | None"]  # a tensor of the running subgraph, by index


class Observer(Protocol):
    """Who looks on while a plan runs. It sees the steps of called subgraphs, too."""

    def before(self, step: Step, read: Read) -> None:
        """A step is about to be evaluated."""
        ...

    @property
    def inside(self) -> bool:
        """Whether it looks at the steps of called subgraphs."""
        ...

    def after(self, step: Step, read: Read, seconds: float) -> None:
        """A step has been evaluated; its inputs may be overwritten by now."""
        ...


class _Interrupted(BaseException):
    """Carries what an observer raised out of a run: it is no fault of the operator."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class Caller(Protocol):
    """Who can run another subgraph (the engine)."""

    def call(
        self, subgraph: int, inputs: Sequence[Array], state: State, depth: int,
        observers: Sequence[Observer] = (),
    ) -> list[Array]:  # fmt: skip
        """Runs it in memory of its own."""
        ...

    def plan_rest(self, plan: Plan, part: Part, arrays: Sequence[Array]) -> Plan | None:
        """The plan of what is left of a run that knows its shapes by now, if there is one."""
        ...

    def run_within(
        self, context: Context, state: State, depth: int, observers: Sequence[Observer] = ()
    ) -> Execution:
        """Runs another plan in the midst of a run."""
        ...

    def charge(self, work: int, steps: int) -> None:
        """Takes work off what the run may do; refuses what goes beyond the limits."""
        ...


class Execution:
    """One run of one context. It is the `run` that eval sees."""

    __slots__ = ("_caller", "_depth", "_observers", "context", "limits", "node", "state")

    def __init__(
        self, context: Context, state: State, caller: Caller, limits: Limits, depth: int = 0,
        observers: Sequence[Observer] = (),
    ) -> None:  # fmt: skip
        self.context = context
        self._caller = caller
        self._depth = depth
        self._observers = observers
        self.state = state
        self.limits = limits
        self.node: Node = context.bound[0].node if context.bound else _NO_NODE

    def execute(self) -> None:
        """Evaluates all steps in order, before the eyes of the observers.

        Raises:
            TFLiteError: an operator refused its data, or failed.
            EndOfRun: an operator ended the run.
            Refused: a native step refuses its data.
        """
        self.context.loose.clear()
        try:
            with np.errstate(all="ignore"):
                if self._observers:
                    self._observed()
                    return
                rest = self.context.plan.rest
                for bound in self.context.bound:
                    self.node = bound.node
                    if bound.plain:
                        made = bound.eval(bound.p, bound.inputs, bound.outputs, self)
                        if made is not None:
                            self._settle(bound, made)
                    elif isinstance(bound, BoundStep):
                        if rest is not None and bound.step is rest.step and self._planned(rest):
                            break
                        self._general(bound)
        except (TFLiteError, EndOfRun, Refused):
            raise
        except (MemoryError, RecursionError) as error:
            raise exhausted(self.node, error) from error
        except Exception as error:
            raise internal(self.node, error) from error

    def complete(self, threads: int) -> None:
        """A whole run: `execute()`, NumPy's matrix products with so many threads.

        An operator may end it: what that leaves of the outputs is zero. What an observer raises
        comes out as it is.
        """
        running = Running()
        try:
            BLAS.enter(running, threads)
            self.execute()
        except EndOfRun:
            self._blank()
        except _Interrupted as interrupted:
            raise interrupted.error from None
        finally:
            BLAS.leave(running)

    def _blank(self) -> None:
        """Zeros for the outputs that an ended run did not compute."""
        context, plan = self.context, self.context.plan
        steps = [step.node for step in plan.steps]
        for step in plan.steps[steps.index(self.node) + 1 :]:
            for index, spec, tensor in zip(
                step.outputs, step.output_specs, step.node.outputs, strict=True
            ):
                if index in plan.outputs and tensor is not None:
                    shape = spec.static if spec.is_static else tensor.shape
                    place = context.arrays.get(index)
                    if place is None:
                        place = context.loose[index] = np.empty(shape, spec.dtype.storage)
                    place[...] = b"" if spec.dtype is STRING else 0

    def _observed(self) -> None:
        inside = any(observer.inside for observer in self._observers)
        rest = self.context.plan.rest
        for bound in self.context.opened if inside else self.context.apart:
            self.node = bound.node
            if rest is not None and bound.step is rest.step and self._planned(rest):
                break
            self._show(lambda o, step=bound.step: o.before(step, self._read))
            start = perf_counter()
            if bound.plain:
                made = bound.eval(bound.p, bound.inputs, bound.outputs, self)
                if made is not None:
                    self._settle(bound, made)
            elif isinstance(bound, BoundStep):
                self._general(bound)
            seconds = perf_counter() - start
            self._show(lambda o, step=bound.step, s=seconds: o.after(step, self._read, s))

    def _planned(self, rest: Rest) -> bool:
        """Does the rest of the run by a plan of its own, if there is one."""
        part, context = rest.part, self.context
        arrays = [self.tensor(index) for index in part.inputs]
        plan = self._caller.plan_rest(context.plan, part, arrays)
        if plan is None:
            return False
        self._caller.charge(plan.late, 0)
        inner = context.of_rest(plan)
        for index, array in zip(part.inputs, arrays, strict=True):
            if index in inner.lent or index not in plan.inputs:
                continue
            place = inner.arrays.get(index)
            if place is None:
                inner.arrays[index] = array  # strings have no place in the arena
            else:
                place[...] = array
        done = self._caller.run_within(inner, self.state, self._depth, self._observers)
        for index in plan.outputs:
            place = context.arrays.get(index)
            if place is None:
                context.loose[index] = done.tensor(index)
            else:
                place[...] = done.tensor(index)
        return True

    def _show(self, call: Callable[..., None]) -> None:
        for observer in self._observers:
            try:
                call(observer)
            except Exception as error:
                raise _Interrupted(error) from None

    def _read(self, index: int) -> Array | None:
        """A tensor for an observer; None if it has no value by now."""
        plan = self.context.plan
        if index in plan.specs and plan.specs[index].variable:
            return self.tensor(index)
        return self.context.tensor(index)

    def _general(self, bound: BoundStep) -> None:
        """A step with state, or with sizes that only this run knows."""
        step = bound.step
        if step.once is not None:
            if step.once in self.state.initialised:
                return
            self.state.initialised |= {step.once}
        inputs = list(bound.inputs)
        for n, index in enumerate(step.inputs):
            if inputs[n] is None and index >= 0 and n not in step.unused_inputs:
                inputs[n] = self.tensor(index)
        p, specs = bound.p, step.output_specs
        if step.dynamic:
            specs, p = self._prepare(bound, inputs)
        outputs = list(bound.outputs)
        for n, spec in enumerate(specs):
            if outputs[n] is None and spec.is_static and not spec.dtype.is_handle:
                outputs[n] = self.empty(spec.static, spec.dtype.storage)
        returned = bound.eval(p, inputs, outputs, self)
        self._settle(bound, outputs if returned is None else returned)

    def _settle(self, bound: BoundStep | BoundStretch, results: Sequence[Any]) -> None:
        """Puts where it belongs what an eval has made elsewhere."""
        context = self.context
        for place, index, result in zip(bound.outputs, bound.step.outputs, results, strict=True):
            if index < 0 or result is place:
                continue
            if place is not None:
                if result.shape != place.shape:
                    raise ValueError(f"made {result.shape}, inferred {place.shape}")
                place[...] = result
            elif context.plan.specs[index].variable:
                self.state.variables[context.plan.subgraph, index] = np.array(result)
            else:
                context.loose[index] = np.asarray(result)

    def tensor(self, index: int) -> Array:
        """A tensor that has a value by now: computed, constant, or a variable."""
        found = self.context.tensor(index)
        if found is not None:
            return found
        plan = self.context.plan
        return self.state.variable((plan.subgraph, index), plan.specs[index])

    def _prepare(
        self, bound: BoundStep, inputs: Sequence[Array | None]
    ) -> tuple[tuple[Spec, ...], Any]:
        """infer and prepare for the shapes of this run; what it costs is charged to the run."""
        step = bound.step
        shapes = tuple(None if a is None else a.shape for a in inputs)
        found = bound.prepared.get(shapes)
        if found is None:
            specs = [
                None if spec is None else spec if spec.value is not None
                else spec.replace(shape=array.shape if array is not None else spec.shape)
                for spec, array in zip(step.input_specs, inputs, strict=True)
            ]  # fmt: skip
            definition = step.definition
            outputs = tuple(guard(step.node, definition.infer, step.node, specs))
            cost = guard(step.node, cost_of, definition, step.node, specs, outputs)
            self._caller.charge(cost.macs, 0)
            p = shared(guard(step.node, definition.prepare, step.node, specs, outputs))
            if len(bound.prepared) >= _PREPARED_SHAPES:
                bound.prepared.pop(next(iter(bound.prepared)), None)
            bound.prepared[shapes] = outputs, p, cost.macs
            return outputs, p
        outputs, p, macs = found
        self._caller.charge(macs, 0)
        return outputs, p

    def call(self, subgraph: int, inputs: Sequence[Array]) -> list[Array]:
        """Runs another subgraph; the outputs are the caller's own."""
        return self._caller.call(subgraph, inputs, self.state, self._depth + 1, self._observers)

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Memory for an output whose size is known only now."""
        return empty_within(self.limits, self.node, shape, dtype)

    def scratch(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Working memory, uninitialised, until this eval returns."""
        announced = self.context.scratch(shape, dtype)
        # What only this run knows the size of is held against the limits, too.
        return announced if announced is not None else self.empty(shape, dtype)


_NO_NODE = Node("", 0, (), ())
