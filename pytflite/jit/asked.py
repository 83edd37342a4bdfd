"""Asked: what the lowerings of one plan's steps ask; and asking them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytflite.errors import TFLiteError
from pytflite.jit.kernel import At, Packed
from pytflite.jit.lowering.registry import STATEFUL, Lowered, find_lowering
from pytflite.model.graph import Array
from pytflite.ops.catalogue import CUSTOM_MODULES
from pytflite.ops.registry import is_ours
from pytflite.ops.spec import Spec
from pytflite.ops.variables.variable import handle_of
from pytflite.plan.arena import ALIGNMENT
from pytflite.plan.plan import CELLS, Resource, Step

if TYPE_CHECKING:
    from pytflite.jit.backend import Compiled

_WARNED: set[tuple[str, str]] = set()  # operators and reasons that have been told once
_NO_KERNEL = "there is no compiled kernel for this operator"


class Asked:
    """What lowerings ask, while one plan is lowered.

    Attributes:
        resources: the resource variables of steps.
        cell_bytes: what these take together.
    """

    def __init__(self, backend: Compiled) -> None:
        self.target = backend.target
        self.precision = backend.precision
        self.resources: dict[Step, Resource] = {}
        self.cell_bytes = 0
        self._model = backend.model
        self._cells: dict[object, Resource] = {}

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
        keys = tuple(step.node.input_keys[p] for p in positions)
        if any(key is None or self._model.constant(*key) is None for key in keys):
            return Packed(make)  # computed by planning: it may be another for other shapes

        def made() -> Array:
            array = make()
            for key in keys:
                if key is not None:
                    self._model.let_go(*key)
            return array

        packed: Packed = self._model.derived.setdefault((keys, kind, self.target), Packed(made))
        return packed

    def cell(self, step: Step, spec: Spec, *, assigns: bool = False) -> At | None:
        """A slot for the resource variable of a step, whose handle is its first input."""
        given = step.input_specs[0]
        if given is None or given.value is None:
            return None
        handle, shape, dtype = handle_of(given.value), spec.static, spec.dtype.storage
        cell = self._cells.get(handle)
        if cell is None:
            cell = self._cells[handle] = Resource(handle, self.cell_bytes, shape, dtype, assigns)
            self.cell_bytes += -(-spec.nbytes // ALIGNMENT) * ALIGNMENT
        if (cell.shape, cell.dtype) != (shape, dtype):
            return None
        self.resources[step] = cell._replace(assigns=assigns)
        return At(CELLS, cell.offset)


def lowered(step: Step, to: Asked) -> list[tuple[Step, Lowered]]:
    """The step with its work, or its parts each with theirs if it cannot be done at once."""
    found = _lower(step, to)
    if isinstance(found, str) and step.parts:
        return [pair for part in step.parts for pair in lowered(part, to)]
    return [(step, found)]


def _lower(step: Step, to: Asked) -> Lowered:
    if not is_ours(step.definition):
        return _NO_KERNEL
    try:
        step = _as_builtin(step)
    except TFLiteError as error:
        return error.problem
    lower = find_lowering(step.node.name)
    if lower is None:
        return _NO_KERNEL
    if step.dynamic:
        return "its shapes are known only at run time"
    stateful = step.node.name in STATEFUL
    for spec in (*step.input_specs, *step.output_specs):
        if spec is None or (
            stateful and spec.is_static and (spec.variable or spec.dtype.is_handle)
        ):
            continue
        if spec.variable or spec.dtype.is_handle or not spec.is_static:
            return "it has a variable tensor, a handle, or a size known only at run time"
    try:
        return lower(step, to)
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
