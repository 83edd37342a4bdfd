"""What lives from run to run: variable tensors, resources, streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.model.dtypes import INT8, STRING
from pytflite.model.graph import Array
from pytflite.ops.spec import Key, Spec
from pytflite.plan.plan import Resource

# Resource variables as native steps left them: what lies where, in which bytes.
Held = tuple[Sequence[Resource], bytes]


class State:
    """The state of an interpreter, as of one moment.

    Values are replaced and never written into, so that `successor()` is a shallow copy: a run
    works on the successor, and the interpreter adopts it when the run has succeeded.

    Attributes:
        variables: variable tensors.
        initialised: subgraphs that CALL_ONCE has run, and variable tensors that are computed once.
        streams: what operators on signals keep of the past.
        held: resource variables that `resources` does not know yet.
    """

    __slots__ = ("_resources", "held", "initialised", "streams", "variables")

    def __init__(
        self,
        variables: dict[Key, Array] | None = None,
        resources: dict[Any, Any] | None = None,
        streams: dict[Any, Any] | None = None,
        initialised: frozenset[int | Key] = frozenset(),
    ) -> None:
        self.variables: dict[Key, Array] = variables if variables is not None else {}
        self._resources: dict[Any, Any] = resources if resources is not None else {}
        self.streams: dict[Any, Any] = streams if streams is not None else {}
        self.initialised = initialised
        self.held: Held | None = None

    @property
    def resources(self) -> dict[Any, Any]:
        """Resource variables, hash tables, caches, random streams."""
        held = self.held
        if held is not None:
            # A state before or after this one may share the dictionary.
            self._resources = {**self._resources, **_unpacked(held)}
            self.held = None
        return self._resources

    def variable(self, key: Key, spec: Spec) -> Array:
        """The value of a variable tensor.

        Before anything wrote it, it is full of zeros, INT8 of its zero point (as in LiteRT, which
        does not extend that to other integers).
        """
        value = self.variables.get(key)
        if value is None:
            zero: Any = spec.zero_point if spec.dtype is INT8 else 0
            if spec.dtype.is_handle:  # an input that nobody set
                zero = b"" if spec.dtype is STRING else None
            value = self.variables[key] = np.full(spec.static, zero, spec.dtype.storage)
        return value

    def successor(self) -> State:
        """A state that begins as this one and may change without it."""
        state = State(
            dict(self.variables), dict(self._resources), dict(self.streams), self.initialised
        )
        state.held = self.held
        return state

    def forgetting(self, variables: dict[Key, Array], streams: dict[Any, Any]) -> State:
        """The successor that has these, and resources as they are."""
        state = State(variables, self._resources, streams, self.initialised)
        state.held = self.held
        return state


def _unpacked(held: Held) -> dict[Any, Array]:
    layout, content = held
    cells = np.frombuffer(content, np.uint8)
    return {resource.handle: place_of(resource, cells).copy() for resource in layout}


def place_of(resource: Resource, cells: Array) -> Array:
    """A resource variable among the bytes of cells."""
    size = resource.dtype.itemsize
    for d in resource.shape:
        size *= d
    return cells[resource.offset :][:size].view(resource.dtype).reshape(resource.shape)
