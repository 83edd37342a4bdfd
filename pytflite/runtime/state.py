"""What lives from run to run: variable tensors, resources, streams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pytflite.model.dtypes import INT8, STRING
from pytflite.model.graph import Array
from pytflite.ops.spec import Key, Spec

if TYPE_CHECKING:
    from pytflite.plan.resource import Resource

    # Resource variables as native steps left them: what lies where, in which bytes.
    Held = tuple[Sequence[Resource], bytes]


class State:
    """The state of an interpreter, as of one moment.

    Values are replaced and never written into, so that `successor()` is a shallow copy: a run
    works on the successor, and the interpreter adopts it when the run has succeeded.

    Attributes:
        variables: variable tensors.
        initialised: subgraphs that CALL_ONCE has run, and variable tensors that are computed once.
        held: resource variables and streams that `resources` and `streams` do not know yet.
    """

    __slots__ = ("_resources", "_streams", "held", "initialised", "variables")

    def __init__(
        self,
        variables: dict[Key, Array] | None = None,
        resources: dict[Any, Any] | None = None,
        streams: dict[Any, Any] | None = None,
        initialised: frozenset[int | Key] = frozenset(),
    ) -> None:
        self.variables: dict[Key, Array] = variables if variables is not None else {}
        self._resources: dict[Any, Any] = resources if resources is not None else {}
        self._streams: dict[Any, Any] = streams if streams is not None else {}
        self.initialised = initialised
        self.held: Held | None = None

    @property
    def resources(self) -> dict[Any, Any]:
        """Resource variables, hash tables, caches, random streams."""
        self._unpack()
        return self._resources

    @property
    def streams(self) -> dict[Any, Any]:
        """What operators on signals keep of the past."""
        self._unpack()
        return self._streams

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
            dict(self.variables), dict(self._resources), dict(self._streams), self.initialised
        )
        state.held = self.held
        return state

    def forgetting(self, variables: dict[Key, Array], streams: dict[Any, Any]) -> State:
        """The successor that has these, and resources as they are."""
        return State(variables, self.resources, streams, self.initialised)

    def _unpack(self) -> None:
        """Puts what is held where it belongs."""
        if self.held is None:
            return
        layout, content = self.held
        cells = np.frombuffer(content, np.uint8)
        # A state before or after this one may share the dictionaries.
        self._resources, self._streams = dict(self._resources), dict(self._streams)
        self.held = None
        for resource in layout:
            value = place_of(resource, cells).copy()
            if resource.stream:
                from pytflite.ops.signal.streams import Kept

                self._streams[resource.handle] = Kept(resource.shape, value)
            else:
                self._resources[resource.handle] = value


def value_of(resource: Resource, state: State) -> Array | None:
    """What a state has as such a resource, if it has its form."""
    if resource.stream:
        kept = state.streams.get(resource.handle)
        value = getattr(kept, "array", None)
    else:
        value = state.resources.get(resource.handle)
    if not isinstance(value, np.ndarray):
        return None
    return value if (value.dtype, value.shape) == (resource.dtype, resource.shape) else None


def place_of(resource: Resource, cells: Array) -> Array:
    """A resource variable among the bytes of cells."""
    size = resource.dtype.itemsize
    for d in resource.shape:
        size *= d
    return cells[resource.offset :][:size].view(resource.dtype).reshape(resource.shape)
