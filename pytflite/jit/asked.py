"""Asked: what the lowerings of one plan's steps ask; and asking them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from pytflite.errors import TFLiteError
from pytflite.jit.called import COPY, Subprogram, checked, copied
from pytflite.jit.kernel import Kernel
from pytflite.jit.lowering.registry import STATEFUL, Lowered, find_lowering
from pytflite.jit.work import At, Packed, Work, kernels_of
from pytflite.model.graph import Array
from pytflite.ops.catalogue import CUSTOM_MODULES
from pytflite.ops.registry import is_ours
from pytflite.ops.spec import Shape, Spec
from pytflite.ops.variables.variable import handle_of
from pytflite.plan.alignment import ALIGNMENT
from pytflite.plan.backend import Drafts
from pytflite.plan.memory import lay_out
from pytflite.plan.plan import CELLS, LEFT, ROOMS, SHARED, Plan, Step
from pytflite.plan.resource import Resource

if TYPE_CHECKING:
    from pytflite.jit.backend import Compiled
    from pytflite.ops.random.distributions import Stream

T = TypeVar("T")

_WARNED: set[tuple[str, str]] = set()  # operators and reasons that have been told once
_LONGEST = 20_000  # works of subgraphs in one program
_NO_KERNEL = "there is no compiled kernel for this operator"


class Asked:
    """What lowerings ask, while one plan is lowered.

    Args:
        backend: for which it is lowered.
        drafts: plans of called subgraphs.
        outer: who asks for this plan, if it is one of those.
    """

    def __init__(self, backend: Compiled, drafts: Drafts, outer: Asked | None = None) -> None:
        self.target = backend.target
        self.precision = backend.precision
        self.threads = backend.threads
        self._backend = backend
        self._drafts = drafts
        self._model = backend.model
        self._cells: dict[object, Resource] = {}
        self._cell_bytes = 0
        self._resources: dict[Step, Resource] = {}
        self._rooms: dict[Step, int] = {}
        self._shared: dict[Step, dict[int, int]] = {}
        self._keys: dict[Hashable, int] = {}
        self._taking: set[Step] = set()  # from what is left
        self._spent = 0, 0  # work and steps of subgraphs that are done in each run
        self._length = 0  # works of subgraphs
        self._known: dict[tuple[int, tuple[Shape, ...]], Subprogram | str] = (
            {} if outer is None else outer._known
        )

    def make_native(self, step: Step, works: Sequence[Work]) -> None:
        """Gives a step its works, and what else they need."""
        step.make_native(tuple(works))
        step.resource = self._resources.get(step)
        step.room = self._rooms.get(step, 0)
        step.shared = self._shared.get(step, {})

    def give(self, step: Step, other: Step) -> None:
        """What a step has asked for is another's, which it stood for."""
        if step is not other:
            _give(self._resources, step, other)
            _give(self._rooms, step, other)
            _give(self._shared, step, other)

    def kernels(self, steps: Mapping[Step, Lowered]) -> dict[Step, tuple[Kernel, ...]]:
        """The kernels that each of these steps needs, if it becomes native."""
        return {
            step: (*kernels_of(works), *((COPY,) if step in self._taking else ()))
            for step, works in steps.items()
            if not isinstance(works, str)
        }

    def finish(self, plan: Plan, steps: Sequence[Step]) -> None:
        """Tells a plan what its native steps need together."""
        plan.cell_bytes = self._cell_bytes
        plan.work, plan.run_steps = self._spent
        taking = [step for step in steps if step in self._taking and step.work is not None]
        plan.takes = bool(taking)
        for step in taking[:1]:
            limits = np.array([self._drafts.limits.macs, self._drafts.limits.steps], np.int64)
            step.work = (*copied(limits, At(LEFT), limits.nbytes), *(step.work or ()))

    def input(self, step: Step, position: int) -> At | Array:
        """A slot for an input: its place in the arena, or the array of a constant."""
        spec = step.input_specs[position]
        assert spec is not None
        return At(step.inputs[position]) if spec.value is None else spec.value

    def output(self, step: Step, position: int = 0) -> At:
        """A slot for an output."""
        return At(step.outputs[position])

    def packed(
        self, step: Step, positions: Sequence[int], kind: object, make: Callable[[], Array]
    ) -> Packed:
        """What `make` gives for constant inputs, made once for all interpreters of the model."""
        model = self._model  # alone: what is packed may outlive this
        keys = tuple(step.node.input_keys[p] for p in positions)
        if any(key is None or model.constant(*key) is None for key in keys):
            return Packed(make)  # computed by planning: it may be another for other shapes

        def made() -> Array:
            array = make()
            for key in keys:
                if key is not None:
                    model.let_go(*key)
            return array

        packed: Packed = model.derived.setdefault((keys, kind, self.target), Packed(made))
        return packed

    def cell(self, step: Step, spec: Spec, *, assigns: bool = False) -> At | None:
        """A slot for the resource variable of a step, whose handle is its first input."""
        given = step.input_specs[0]
        if given is None or given.value is None:
            return None
        handle, shape, dtype = handle_of(given.value), spec.static, spec.dtype.storage
        cell = self._cells.get(handle)
        if cell is None:
            cell = self._cells[handle] = Resource(handle, self._cell_bytes, shape, dtype, assigns)
            self._cell_bytes += -(-spec.nbytes // ALIGNMENT) * ALIGNMENT
        if (cell.shape, cell.dtype) != (shape, dtype):
            return None
        self._resources[step] = cell._replace(assigns=assigns)
        return At(CELLS, cell.offset)

    def stream(self, step: Step, key: object, spec: Spec) -> At:
        """A slot for what a step keeps from run to run."""
        size, dtype = spec.static, spec.dtype.storage
        self._resources[step] = Resource(key, self._cell_bytes, size, dtype, False, True)
        self._cell_bytes += -(-spec.nbytes // ALIGNMENT) * ALIGNMENT
        return At(CELLS, self._resources[step].offset)

    def random(self, step: Step, stream: Stream) -> At:
        """A slot for where a stream of random numbers stands, which the step moves on."""
        at = Resource(
            stream.key, self._cell_bytes, (3,), np.dtype(np.uint64), False, random=stream
        )  # fmt: skip
        self._resources[step] = at
        self._cell_bytes += ALIGNMENT
        return At(CELLS, at.offset)

    def room(self, step: Step, size: int) -> At:
        """A slot for memory of the step's own while its kernels run."""
        offset = self._rooms.get(step, 0)
        self._rooms[step] = offset + max(1, -(-size // ALIGNMENT)) * ALIGNMENT
        return At(ROOMS - step.node.index, offset)

    def shared(self, step: Step, key: Hashable, size: int) -> At:
        """A slot for memory of this name, from the first step that asks for it to the last."""
        index = SHARED - self._keys.setdefault(key, len(self._keys))
        self._shared.setdefault(step, {})[index] = size
        return At(index)

    def subprogram(self, subgraph: int, shapes: Sequence[Shape]) -> Subprogram | str:
        """A called subgraph as works, or why it cannot be."""
        if not self._backend.fuses:
            return "it calls its subgraphs, for others to look on"
        key = subgraph, tuple(shapes)
        if key not in self._known:
            self._known[key] = self._subprogram(*key)
        return self._known[key]

    def _subprogram(self, subgraph: int, shapes: Sequence[Shape]) -> Subprogram | str:
        plan, steps = self._drafts.draft(subgraph, shapes)
        inner = Asked(self._backend, self._drafts, self)
        parts: list[Step] = []
        for step in self._backend.fused(steps, plan.outputs):
            for part, works in lowered(step, inner):
                if isinstance(works, str):
                    return f"subgraph {subgraph}, {part.node.name}: {works}"
                inner.make_native(part, works)
                parts.append(part)
        plan.steps = tuple(parts)
        if problem := checked(plan, plan.steps):
            return problem
        lay_out(plan)
        macs, moved = plan.cost
        work, count = inner._spent
        takes = bool(inner._taking)
        return Subprogram(plan, work + macs + moved, count + len(plan.steps) + 1, takes)

    def include(self, called: Subprogram, *, always: bool = False) -> str:
        """Counts a subgraph that becomes part of the program; why that is too much, or "".

        always: it is done in each run, and never takes from what is left.
        """
        length = self._length + called.length
        if length > _LONGEST:
            return "the program would be too long"
        if always:
            limits = self._drafts.limits
            work, steps = self._spent[0] + called.work, self._spent[1] + called.steps
            if work > limits.macs or steps > limits.steps:
                return "its subgraphs take more work than the limits allow"
            self._spent = work, steps
        self._length = length
        return ""

    def left(self, step: Step) -> At:
        """A slot for the work and the steps that a run may still spend; the step takes from it."""
        self._taking.add(step)
        return At(LEFT)


def _give(asked: dict[Step, T], step: Step, other: Step) -> None:
    if step in asked:
        asked[other] = asked.pop(step)


def lowered(step: Step, to: Asked) -> list[tuple[Step, Lowered]]:
    """The step with its work, or its parts each with theirs if it cannot be done at once."""
    found = _lower(step, to)
    if isinstance(found, str) and step.parts:
        return [pair for part in step.parts for pair in lowered(part, to)]
    return [(step, found)]


def _lower(step: Step, to: Asked) -> Lowered:
    if not is_ours(step.definition):
        return _NO_KERNEL
    asks = step
    try:
        step = _as_builtin(step)
    except TFLiteError as error:
        return error.problem
    lower = find_lowering(step.node.name)
    if lower is None:
        return _NO_KERNEL
    if step.dynamic:
        return "its shapes are known only at run time"
    if any(spec.variable for spec in step.output_specs):
        return "it writes a variable tensor"
    stateful = step.node.name in STATEFUL
    for spec in (*step.input_specs, *step.output_specs):
        if spec is None or (
            stateful and spec.is_static and (spec.variable or spec.dtype.is_handle)
        ):
            continue
        if spec.variable or spec.dtype.is_handle or not spec.is_static:
            return "it has a variable tensor, a handle, or a size known only at run time"
    try:
        with np.errstate(all="ignore"):  # scales may be anything
            found = lower(step, to)
        to.give(step, asks)
        return found
    except TFLiteError as error:
        return error.problem  # prepare will say the same
    except Exception as error:
        reason = f"its lowering failed: {type(error).__name__}: {error}"
        if (step.node.name, reason) not in _WARNED:
            _WARNED.add((step.node.name, reason))
            warnings.warn(f"{step.node.label}: {reason}", RuntimeWarning, stacklevel=2)
        return reason


def _as_builtin(step: Step) -> Step:
    """A step whose custom operator is a builtin one as a step of that."""
    if step.definition.name not in CUSTOM_MODULES:
        return step
    from pytflite.ops.custom.translation import builtin_of

    found = builtin_of(step.definition, step.node, step.input_specs)
    if found is None:
        return step
    definition, node, specs, order = found
    inputs = tuple(step.inputs[i] if isinstance(i, int) else -1 for i in order)
    return Step(node, definition, inputs, step.outputs, tuple(specs), step.output_specs)
