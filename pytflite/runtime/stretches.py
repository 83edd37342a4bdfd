"""Stretches: native steps that follow each other, bound to the memory of one context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pytflite.model.graph import Array
from pytflite.plan.plan import Refused, Step
from pytflite.runtime.state import State, place_of, value_of

if TYPE_CHECKING:
    from pytflite.plan.backend import BoundProgram
    from pytflite.plan.resource import Resource
    from pytflite.runtime.state import Held


class BoundStretch:
    """One call of the plan's program."""

    __slots__ = ("inputs", "node", "outputs", "p", "plain", "run", "step")

    def __init__(self, steps: Sequence[Step], program: BoundProgram) -> None:
        self.step = steps[0]
        self.node = self.step.node
        self.p = None
        self.inputs: Sequence[Array | None] = ()
        self.outputs: Sequence[Array | None] = ()
        self.plain = True
        self.run = program.stretch(steps[0].records[0], steps[-1].records[1])

    def eval(self, p: Any, inputs: Any, outputs: Any, run: Any) -> None:
        """Runs the kernels, whose parameters hold all that they need."""
        self.run()


class Cells:
    """Where a context has variable tensors for its native steps, by index.

    Attributes:
        arrays: memory in the arena.
        holds: what they are copies of, as far as they are copies of anything. Mostly a run finds
            them as the last one left them, and has nothing to bring there.
    """

    __slots__ = ("arrays", "holds")

    def __init__(self) -> None:
        self.arrays: dict[int, Array] = {}
        self.holds: dict[int, Array] = {}


class BoundVariables(BoundStretch):
    """Steps with variable tensors, which are brought into the arena and back."""

    __slots__ = ("_cells", "_specs")

    def __init__(self, steps: Sequence[Step], program: BoundProgram, cells: Cells) -> None:
        super().__init__(steps, program)
        self._cells = cells
        self._specs = {
            i: spec
            for step in steps
            for i, spec in zip(step.inputs, step.input_specs, strict=True)
            if i in step.cells and spec is not None
        }

    def eval(self, p: Any, inputs: Any, outputs: Any, run: Any) -> None:
        """Runs the kernels on the state of the run."""
        self.advance(run.state)

    def advance(self, state: State) -> None:
        """Runs the kernels on the variables of a state, which has their new values then.

        Raises:
            Refused: a kernel found data that it must refuse; the state is as it was.
        """
        arrays, holds, graph = self._cells.arrays, self._cells.holds, self.node.subgraph
        for index, spec in self._specs.items():
            value = state.variable((graph, index), spec)
            if holds.pop(index, None) is not value:
                arrays[index][...] = value
        self.run()
        for index in self._specs:
            state.variables[graph, index] = holds[index] = arrays[index].copy()


class BoundResources(BoundStretch):
    """Steps with resource variables, whose values are in cells of the arena meanwhile.

    A run leaves a copy of all cells as the new state. Mostly the next one finds its cells as it
    left them, and has nothing to bring there.
    """

    __slots__ = ("_content", "_holds", "_layout", "_places")

    def __init__(self, steps: Sequence[Step], program: BoundProgram, cells: Array) -> None:
        super().__init__(steps, program)
        first: dict[Any, Resource] = {}
        for step in steps:
            if step.resource is not None:
                first.setdefault(step.resource.handle, step.resource)
        self._layout: Sequence[Resource] = tuple(first.values())
        self._content = cells.data
        self._places = [place_of(resource, cells) for resource in self._layout]
        self._holds: Held | None = None  # what the cells are a copy of

    def eval(self, p: Any, inputs: Any, outputs: Any, run: Any) -> None:
        """Runs the kernels on the state of the run."""
        self.advance(run.state)

    def advance(self, state: State) -> None:
        """Runs the kernels on the variables of a state, which has their new values then.

        Raises:
            Refused: a kernel found data that it must refuse, or a variable is not there; the state
                is as it was.
        """
        held = state.held
        if held is None or held is not self._holds:
            self._bring(state)
        self._holds = None
        self.run()
        state.held = self._holds = self._layout, self._content.tobytes()

    def _bring(self, state: State) -> None:
        """Fills the cells; what the state held in another form is among its resources then."""
        held = state.held
        if held is not None and held[0] == self._layout:
            self._layout = held[0]
            self._content[:] = held[1]
            return
        for resource, place in zip(self._layout, self._places, strict=True):
            value = value_of(resource, state)
            if value is not None:
                place[...] = value
            elif resource.stream:
                place[...] = 0
            elif resource.random is not None:
                from pytflite.ops.random.distributions import beginning

                place[...] = beginning(resource.random)
            elif not resource.assigns:
                raise Refused(f"there is no value of {resource.handle} as it is read")
