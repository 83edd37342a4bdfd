"""A compiled backend, as plans and those who run them see it: classes for type checkers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pytflite.model.graph import Array
from pytflite.ops.limits import Limits
from pytflite.ops.spec import Shape
from pytflite.plan.plan import Plan, Step


class BoundProgram(Protocol):
    """A native program in the memory of one context."""

    def stretch(self, begin: int, end: int) -> Callable[[], None]:
        """What runs these records of the program; raises Refused."""
        ...

    def borrow(self, place: range, array: Array) -> None:
        """Has an array instead of these bytes of the arena, which hold nothing else."""
        ...


class Program(Protocol):
    """The native steps of a plan, compiled; `whole` is from where to where its records go."""

    @property
    def whole(self) -> tuple[int, int]: ...

    def bind(self, arena: Array) -> BoundProgram:
        """The program for one arena."""
        ...


class Drafts(Protocol):
    """Who drafts plans of called subgraphs, whose steps have neither P nor memory yet."""

    limits: Limits

    def draft(self, subgraph: int, shapes: Sequence[Shape]) -> tuple[Plan, list[Step]]:
        """The steps that a plan for inputs of these shapes would have."""
        ...


class Backend(Protocol):
    """A compiled backend, as plans see it."""

    def lower(self, plan: Plan, steps: Sequence[Step], drafts: Drafts) -> list[Step]:
        """Makes steps native where it can.

        The plan is told which kernels are still to come for others, and what memory its resource
        variables need.
        """
        ...

    def apart(self) -> Backend:
        """The same backend, which leaves each operator a step of its own."""
        ...

    def recall(self, subgraph: int, shapes: Sequence[Shape]) -> Plan | None:
        """A bare plan that an earlier process has kept, or None."""
        ...

    def keep(self, plan: Plan) -> None:
        """Keeps a plan for later processes, if that can be done."""
        ...

    def link(self, plan: Plan) -> Program | None:
        """The program of a plan whose tensors have their places."""
        ...


class CompiledBackend(Backend, Protocol):
    """What the engine asks of it, beyond what plans do.

    Attributes:
        wait: whether plans are to have all kernels that there can be, at once.
    """

    wait: bool

    def arrived(self, kernels: Sequence[Any]) -> bool:
        """Whether nothing is awaited any more."""
        ...

    def request(self, kernels: Sequence[Any]) -> None:
        """Has kernels compiled in the background."""
        ...

    def wait_for(self, kernels: Sequence[Any]) -> None:
        """Returns when they are compiled, or known to fail."""
        ...
