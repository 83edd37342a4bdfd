"""Engine: plans and contexts of one interpreter, kept for reuse, and state."""

from __future__ import annotations

from _thread import RLock, _local  # threading's, without what takes half a millisecond to load
from collections import OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from pytflite.errors import InternalError, LimitError
from pytflite.model.graph import Array
from pytflite.model.model import Model
from pytflite.ops.limits import Limits
from pytflite.ops.spec import Key, Shape
from pytflite.plan.plan import Plan, Refused
from pytflite.runtime import forking
from pytflite.runtime.context import Context
from pytflite.runtime.state import State

if TYPE_CHECKING:  # loaded when something is planned, which a recalled plan need not be
    from pytflite.plan.backend import CompiledBackend
    from pytflite.plan.nodes import Lookup
    from pytflite.plan.planner import Planner
    from pytflite.plan.rest import Part
    from pytflite.runtime.execution import Execution, Observer

PLANS_KEPT = 8  # per subgraph
CONTEXTS_KEPT = 4  # idle ones per plan


class _Left(_local):
    """What a thread's present run may still do, and whether that is to explain a refusal."""

    work = 0
    steps = 0
    explaining = False


class Engine:
    """Runs the subgraphs of one model. Safe to use from several threads.

    Runs of pure plans overlap, each in a context of its own; a run that may change state holds
    `lock`.
    """

    def __init__(
        self,
        model: Model,
        lookup: Lookup,
        limits: Limits,
        *,
        preserve: bool = False,
        numerics: str = "reference",
        threads: int = 1,
        backend: CompiledBackend | None = None,
    ) -> None:
        self.model = model
        self.limits = limits
        self.threads = threads
        self._left = _Left()
        self.state = State()
        self.observers: tuple[Observer, ...] = ()  # of every run; replaced, never changed
        self._lookup = lookup
        self.backend = backend
        self._preserve = preserve
        self._numerics = numerics
        # Made now where it will be needed: a fork in the middle of another thread's imports leaves
        # these locked in the child.
        self._own_planner: Planner | None = None
        self._execution: type[Execution]  # from when there is a planner
        self._plans: defaultdict[int, OrderedDict[tuple[Shape, ...], Plan]] = defaultdict(
            OrderedDict
        )
        # Of each subgraph the shapes and the plan that were asked for last, if nothing is awaited.
        self._latest: dict[int, tuple[tuple[Shape, ...], Plan]] = {}
        self.begin_anew()
        if backend is None or not model.stamp:
            self._own_planner = self._new_planner(preserve, backend)
        forking.tell(self)

    def begin_anew(self) -> None:
        """Makes the locks, and forgets what other threads were doing (they end in a fork)."""
        self.lock = RLock()
        self.tensors_lock = RLock()  # of the tensors that tf.lite's calls share
        self._planning = RLock()
        self._idle: dict[int, list[Context]] = {}  # by id of the plan
        if self._own_planner is not None:
            self._own_planner.begin_anew()

    def pause(self, seconds: float) -> bool:
        """Keeps other threads from planning, if none plans within that time."""
        return self._planning.acquire(timeout=seconds)

    def resume(self) -> None:
        """Lets other threads plan again."""
        self._planning.release()

    @property
    def planner(self) -> Planner:
        """Of the plans that are kept."""
        if self._own_planner is None:
            self._own_planner = self._new_planner(self._preserve, self.backend)
        return self._own_planner

    def _new_planner(self, preserve: bool, backend: CompiledBackend | None) -> Planner:
        from pytflite.plan.planner import Planner
        from pytflite.runtime.execution import Execution

        self._execution = Execution
        return Planner(
            self.model, self._lookup, self.limits, preserve=preserve, numerics=self._numerics,
            backend=backend,
        )  # fmt: skip

    def plan(
        self, subgraph: int, shapes: Sequence[Shape], *, preserve: bool = False, bare: bool = False
    ) -> Plan:
        """The plan for these input shapes, made at most once while it is kept.

        Args:
            subgraph: its index.
            shapes: of its inputs.
            preserve: a plan in which all tensors keep their values; these are not kept.
            bare: whether one without steps will do, to be run and no more.
        """
        key = tuple(shapes)
        latest = self._latest.get(subgraph)
        if bare and latest is not None and latest[0] == key and not self.observers:
            return latest[1]
        explaining = self._left.explaining
        if explaining or (preserve and not self._preserve):
            planner = self._new_planner(preserve, None if explaining else self.backend)
            return planner.plan(subgraph, key)
        with self._planning:
            plans = self._plans[subgraph]
            plan = plans.get(key)
            bare = bare and not self.observers
            if plan is None or (plan.bare and not bare) or self.outdated(plan):
                self.forget(plan)
                plans.pop(key, None)
                plan = self._planned(subgraph, key, bare)
                if len(plans) >= PLANS_KEPT:
                    _, old = plans.popitem(last=False)
                    self.forget(old)
                plans[key] = plan
                plan.kept = True
            else:
                plans.move_to_end(key)
            if not plan.awaited:
                self._latest[subgraph] = key, plan
            return plan

    def _planned(self, subgraph: int, shapes: Sequence[Shape], bare: bool) -> Plan:
        backend = None if self._preserve else self.backend
        recalled = backend.recall(subgraph, shapes) if backend is not None and bare else None
        if recalled is not None:
            return recalled
        plan = self.planner.plan(subgraph, shapes)
        if backend is not None and plan.program is not None:
            backend.keep(plan)
        return plan

    def forget(self, plan: Plan | None) -> None:
        """Lets go of the memory of a plan that is not kept any more."""
        if plan is not None:
            plan.kept = False
            self._idle.pop(id(plan), None)
            for rest in plan.rest.plans.values() if plan.rest is not None else ():
                self.forget(rest)

    def plan_rest(self, plan: Plan, part: Part, arrays: Sequence[Array]) -> Plan | None:
        """The plan of the part of a plan that is left when a run knows its shapes; None if there is
        none (yet): then its steps are done one by one.

        Args:
            plan: of which it is the rest.
            arrays: the inputs of the part in this run.
        """
        from pytflite.runtime.rests import kept_plan

        with self._planning:
            return kept_plan(self, plan, part, arrays)

    def outdated(self, plan: Plan) -> bool:
        """Whether a new plan for the same shapes would have more native steps, or those that the
        observers of now wait for."""
        backend = self.backend
        if plan.bare:
            return bool(self.observers)
        return backend is not None and bool(plan.awaited) and backend.arrived(plan.awaited)

    @contextmanager
    def context(self, plan: Plan) -> Iterator[Context]:
        """Memory for one run of a plan, from those that are idle or new."""
        context = self.take(plan)
        try:
            yield context
        finally:
            self.give_back(context)

    def take(self, plan: Plan) -> Context:
        """What `context` gives, for those who give it back themselves: it takes half the time."""
        try:
            return self._idle[id(plan)].pop()
        except (KeyError, IndexError):
            return Context(plan)

    def give_back(self, context: Context) -> None:
        """Keeps a context for the next run, if its plan is kept."""
        plan = context.plan
        context.loose.clear()
        idle = self._idle.get(id(plan))
        if idle is None:
            with self._planning:
                if not plan.kept:
                    return
                idle = self._idle.setdefault(id(plan), [])
        if len(idle) < CONTEXTS_KEPT:
            idle.append(context)

    def execute(self, context: Context, *observers: Observer) -> None:
        """Runs a context whose inputs are set; adopts the new state if it succeeds."""
        if context.whole is not None and not (observers or self.observers):
            try:
                context.whole()  # no state, no product of NumPy's, nothing to count
            except Refused:
                self._explain(context)
            return
        if context.stateful is not None and not (observers or self.observers):
            with self.lock:
                if context.once <= self.state.initialised:
                    try:
                        context.stateful.advance(self.state)
                    except Refused:
                        self._explain(context)
                    return
        observers = (*self.observers, *observers)
        self._left.work, self._left.steps = self.limits.macs, self.limits.steps
        try:
            if context.plan.pure:
                run = self._execution(context, self.state, self, self.limits, 0, observers)
                run.complete(self.threads)
                return
            with self.lock:
                state = self.state.successor()
                run = self._execution(context, state, self, self.limits, 0, observers)
                run.complete(self.threads)
                self.state = state
        except Refused:
            self._explain(context)
        finally:
            if context.plan.awaited and self.backend is not None:
                self.backend.request(context.plan.awaited)  # after the first answer, not before

    def _explain(self, refused: Context) -> None:
        """Runs a context's plan on the NumPy kernels, which say what is wrong with the data."""
        if self._left.explaining:
            raise InternalError("a compiled kernel ran where none should")
        plan = refused.plan
        self._left.explaining = True
        try:
            context = Context(self.plan(plan.subgraph, plan.input_shapes))
            context.set_inputs([refused.arrays[i] for i in plan.inputs])
            self.execute(context)
        finally:
            self._left.explaining = False
        raise InternalError(
            "a compiled kernel refused data that its operator accepts",
            hint="please report this, with the model if you can; backend='numpy' runs it",
        )

    def set_variable(self, key: Key, value: Array) -> None:
        """Gives a variable tensor a value."""
        with self.lock:
            state = self.state.successor()
            state.variables[key] = np.array(value)
            self.state = state

    def forget_variables(self, subgraph: int) -> None:
        """Makes the variable tensors of a subgraph as new."""
        with self.lock:
            kept = {k: v for k, v in self.state.variables.items() if k[0] != subgraph}
            self.state = self.state.forgetting(kept, self.state.streams)

    def charge(self, work: int, steps: int) -> None:
        """Takes work off what the run of this thread may do.

        Raises:
            LimitError: more than the limits allow.
        """
        left = self._left
        left.work -= work
        left.steps -= steps
        if left.work < 0:
            raise _exhausted("macs", self.limits.macs)
        if left.steps < 0:
            raise _exhausted("steps", self.limits.steps)

    def tensor(self, context: Context, index: int) -> Array | None:
        """A tensor's array after a run (not a copy), or None if it was not kept."""
        found = context.tensor(index)
        if found is None:
            spec = context.plan.specs.get(index)
            if spec is not None and spec.variable:
                with self.lock:
                    return self.state.variable((context.plan.subgraph, index), spec)
        return found

    def call(
        self, subgraph: int, inputs: Sequence[Array], state: State, depth: int,
        observers: Sequence[Observer] = (),
    ) -> list[Array]:  # fmt: skip
        """Runs a subgraph on behalf of an operator, within the state of its run."""
        if depth > self.limits.call_depth:
            raise LimitError(
                "subgraphs call each other too deeply",
                code="limit.depth",
                expected=f"at most {self.limits.call_depth}",
            )
        plan = self.plan(subgraph, [a.shape for a in inputs])
        self.charge(plan.work, plan.run_steps + 1)
        context = self.take(plan)
        try:
            context.set_inputs(inputs)
            execution = self.run_within(context, state, depth, observers)
            return [np.array(execution.tensor(i)) for i in plan.outputs]
        finally:
            self.give_back(context)

    def run_within(
        self, context: Context, state: State, depth: int, observers: Sequence[Observer] = ()
    ) -> Execution:
        """Runs a plan, whose inputs are set, in the midst of a run, whose state it shares."""
        plan = context.plan
        execution = self._execution(context, state, self, self.limits, depth, observers)
        if context.whole is not None and not observers:
            context.whole()
        else:
            execution.execute()
        if plan.takes:
            work, steps = context.left.tolist()
            self.charge(self.limits.macs - work, self.limits.steps - steps)
        if plan.awaited and self.backend is not None:
            self.backend.request(plan.awaited)
        return execution


def _exhausted(limit: str, most: int) -> LimitError:
    return LimitError(
        "the run takes more work than the limits allow",
        code="limit.work",
        expected=f"at most {most} ({limit})",
        hint=f"raise Limits.{limit} if you trust the model",
    )
