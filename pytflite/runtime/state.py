"""What lives from run to run: variable tensors, resources, streams."""

from __future__ import annotations

from typing import Any

from pytflite.model.graph import Array
from pytflite.ops.spec import Key


class State:
    """The state of an interpreter, as of one moment.

    Values are replaced and never written into, so that `successor()` is a shallow copy: a run
    works on the successor, and the interpreter adopts it when the run has succeeded.

    Attributes:
        variables: variable tensors.
        resources: resource variables, hash tables, caches, random streams, and which
            initialisations were run.
        streams: what operators on signals keep of the past.
    """

    __slots__ = ("resources", "streams", "variables")

    def __init__(
        self,
        variables: dict[Key, Array] | None = None,
        resources: dict[Any, Any] | None = None,
        streams: dict[Any, Any] | None = None,
    ) -> None:
        self.variables: dict[Key, Array] = variables if variables is not None else {}
        self.resources: dict[Any, Any] = resources if resources is not None else {}
        self.streams: dict[Any, Any] = streams if streams is not None else {}

    def successor(self) -> State:
        """A state that begins as this one and may change without it."""
        return State(dict(self.variables), dict(self.resources), dict(self.streams))
