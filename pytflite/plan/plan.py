"""Plan and Step: a subgraph made ready for one set of input shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from pytflite.model.graph import Array
from pytflite.ops.spec import Key, Node, Shape, Spec

if TYPE_CHECKING:  # loaded when something is planned, which a recalled plan need not be
    from pytflite.ops.operator import Cost, Definition
    from pytflite.plan.backend import Program
    from pytflite.plan.resource import Resource
    from pytflite.plan.rest import Rest

# Memory that is no tensor's, among the indices of tensors: of a plan's resource variables; for the
# work and the steps that native loops and choices may still spend; and, from ROOMS downwards, of
# the operators with kernels that need some while they run (Step.room), or share it (Step.shared).
CELLS, LEFT, ROOMS, SHARED = -2, -3, -4, -(1 << 40)


class Refused(Exception):  # noqa: N818  no error yet: the NumPy kernels say what is wrong
    """A native step found data that it must refuse."""


class Step:
    """One operator, ready to be evaluated.

    `inputs` and `outputs` are tensor indices of the subgraph (-1: left out); `p` is what prepare
    made. If `dynamic`, the input shapes are known only at run time, and infer and prepare are
    called then. If `work` is not None the step is native: a backend's kernels compute it, which are
    the `records` (from, to) of the plan's program; if it is None, `reason` says why. A native step
    may do several operators at once, its `parts`; the node is that of the last, or of the one that
    has taken in others (a PAD before it, an activation after it). Of `seen`, rows and columns, only
    every so many outputs of a convolution are looked at: a backend may leave out others.
    """

    __slots__ = (
        "alias",
        "cells",
        "definition",
        "dynamic",
        "input_specs",
        "inputs",
        "node",
        "once",
        "output_specs",
        "outputs",
        "p",
        "parts",
        "pure",
        "reason",
        "records",
        "resource",
        "room",
        "rows_apart",
        "scratch",
        "seen",
        "shared",
        "unused_inputs",
        "work",
    )

    def __init__(
        self,
        node: Node,
        definition: Definition,
        inputs: tuple[int, ...],
        outputs: tuple[int, ...],
        input_specs: tuple[Spec | None, ...],
        output_specs: tuple[Spec, ...],
    ) -> None:
        self.node = node
        self.definition = definition
        self.inputs = inputs
        self.outputs = outputs
        self.input_specs = input_specs
        self.output_specs = output_specs
        self.dynamic = any(s is not None and not s.is_static for s in input_specs)
        self.alias = False
        self.pure = definition.pure and definition.calls is None
        self.rows_apart = False
        self.p: Any = None
        self.scratch = 0
        self.seen = 1, 1
        self.work: Sequence[Any] | None = None
        self.parts: tuple[Step, ...] = ()
        self.records = (0, 0)
        self.once: Key | None = None  # the variable tensor that the first run alone computes
        self.cells: tuple[int, ...] = ()  # variable tensors that the kernels of a native step use
        self.resource: Resource | None = None  # that the kernels of a native step use
        self.room = 0  # bytes of the arena that the kernels of a native step need
        self.shared: dict[int, int] = {}  # the same of what steps share: index -> bytes
        self.reason = ""
        # Constant inputs that prepare took into P: eval gets None for them.
        self.unused_inputs = frozenset(
            i
            for i in definition.packs
            if i < len(input_specs) and (s := input_specs[i]) is not None and s.value is not None
        )

    def make_native(self, work: Sequence[Any]) -> None:
        """Gives the step its kernels, which hold all constants."""
        self.work = work
        self.cells = tuple(
            index
            for index, spec in zip(self.inputs, self.input_specs, strict=True)
            if spec is not None and spec.variable
        )
        if self.definition.calls is None:  # who looks on sees the operators that it calls
            self.unused_inputs = frozenset(
                n for n, s in enumerate(self.input_specs) if s is not None and s.value is not None
            )

    @property
    def operators(self) -> Iterator[Step]:
        """Steps of one operator each: what this one does, one after the other."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.operators

    @property
    def cost(self) -> Cost:
        """Multiply-accumulates and bytes of what is seen; zero where shapes are unknown."""
        from pytflite.plan.cost import cost_of_step

        return cost_of_step(self)

    def __repr__(self) -> str:
        return f"<Step {self.node.label}>"


class Plan:
    """A subgraph made ready for one set of input shapes. Immutable, shared by threads.

    Attributes:
        subgraph: its index.
        specs: what is known of each tensor that occurs, by index.
        steps: in order.
        constants: arrays of constant and folded tensors that eval or the caller may read.
        offsets: byte offset in the arena of each planned tensor, by index.
        aliases: tensors that are another tensor's memory: index -> index of the root.
        arena_bytes, scratch_bytes: memory that a context needs.
        lower_bound: greatest sum of tensors alive at once, before alignment.
        pure: no state, no calls, no random streams: runs may overlap.
        folded: number of operators that planning has computed.
        work, run_steps: of one run when another subgraph calls it: multiply-accumulates and
            bytes moved, and operators.
        takes: whether there are native loops or choices, which take from what LEFT holds.
        program: the native steps, or None if there are none.
        cell_bytes: memory of the resource variables that native steps use.
        places: offsets of memory in the arena that is no tensor's.
        awaited: kernels with which a new plan would have more native steps.
        rest: what to do where steps have shapes that only a run knows; None if none have.
        kept: whether others who ask are given the same plan.
        late: multiply-accumulates that count in the run, if it is the plan of such a rest.
        bare: whether it was recalled from the disk: then it has no steps, only a program that does
            them all, and knows the tensors that are inputs and outputs.
    """

    __slots__ = (
        "aliases",
        "arena_bytes",
        "awaited",
        "bare",
        "cell_bytes",
        "constants",
        "folded",
        "inputs",
        "kept",
        "late",
        "lower_bound",
        "offsets",
        "outputs",
        "places",
        "program",
        "pure",
        "rest",
        "run_steps",
        "scratch_bytes",
        "specs",
        "steps",
        "subgraph",
        "takes",
        "variables",
        "work",
    )

    def __init__(self, subgraph: int, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        self.subgraph = subgraph
        self.inputs = inputs
        self.outputs = outputs
        self.specs: dict[int, Spec] = {}
        self.steps: tuple[Step, ...] = ()
        self.constants: dict[int, Array] = {}
        self.offsets: dict[int, int] = {}
        self.aliases: dict[int, int] = {}
        self.places: dict[int, int] = {}
        self.cell_bytes = 0
        self.variables: tuple[int, ...] = ()
        self.arena_bytes = 0
        self.scratch_bytes = 0
        self.lower_bound = 0
        self.pure = True
        self.folded = 0
        self.work = 0
        self.run_steps = 0
        self.takes = False
        self.program: Program | None = None
        self.awaited: Sequence[Any] = ()
        self.bare = False
        self.rest: Rest | None = None
        self.late = 0
        self.kept = False

    @property
    def input_shapes(self) -> tuple[Shape, ...]:
        """Shapes that it was made for."""
        return tuple(self.specs[i].static for i in self.inputs)

    @property
    def cost(self) -> Cost:
        """Sum over the steps."""
        from pytflite.plan.cost import cost_of_plan

        return cost_of_plan(self)

    def __repr__(self) -> str:
        return (
            f"<Plan of subgraph {self.subgraph} for {list(self.input_shapes)}: "
            f"{len(self.steps)} steps, arena of {self.arena_bytes} bytes>"
        )
