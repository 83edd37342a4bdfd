"""The contract of an operator: what a file in ops/ tells of it.

    infer(node, inputs) -> outputs      shapes; refuses what is illegal; allocates nothing
    prepare(node, inputs, outputs) -> P constants of the equation: multipliers, tables, paddings
    eval(p, inputs, outputs, run)       the equation, on arrays

`define(...)` puts the three, and what else the house must know, under the operator's name.

infer gets a Spec per input (None where an optional one is left out) and returns one per output
(`node.output(i, shape)`); where a shape is known only at run time it returns None for a size or
for the shape. It may read `spec.value` of inputs that are constant.
prepare only sees static shapes, unless an output's shape depends on data. P is immutable and
picklable, usually a NamedTuple; several threads share it.
eval gets inputs that it must not write. Static outputs are given arrays, to be filled in full. If
any given output is None (its size depends on data, or it is of STRING, RESOURCE or VARIANT), eval
returns all outputs, making new ones with `run.empty`; else it may return None. What it returns is
copied to its place where one was given. State, other subgraphs, random streams and limits come
through `run` only (see `Run`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

from pytflite.model.graph import Array
from pytflite.ops.registry import BUILTINS, CUSTOM
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Key, Node, Shape, Spec

Inputs = Sequence[Any]  # Array, or None where left out; indexing stays convenient for kernels
Outputs = Sequence[Any]


class EndOfRun(Exception):  # noqa: N818  it is none, like StopIteration
    """Raised by an eval, its outputs filled: the run is over, a success, though operators follow.

    State is as that run left it. Outputs of the model that were not computed are zeros.
    """


class State(Protocol):
    """What lives from run to run. Values are replaced, never written into."""

    variables: dict[Key, Array]  # variable tensors
    initialised: frozenset[int | Key]  # subgraphs and tensors that are computed once

    @property
    def resources(self) -> dict[Any, Any]:
        """Resource variables, hash tables, random counters, by name."""
        ...

    @property
    def streams(self) -> dict[Any, Any]:
        """What operators on signals keep of the past."""
        ...


class Run(Protocol):
    """What eval may ask of the run that it is part of."""

    @property
    def state(self) -> State:
        """The new state of this run, which takes effect if the run succeeds."""
        ...

    @property
    def limits(self) -> Any:
        """The interpreter's Limits."""
        ...

    @property
    def node(self) -> Node:
        """The operator that is being evaluated: it names itself in errors."""
        ...

    def call(self, subgraph: int, inputs: Sequence[Array]) -> list[Array]:
        """Runs another subgraph; the outputs are the caller's own."""
        ...

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Memory for an output whose size is known only now; refused if it passes the limits."""
        ...

    def scratch(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Working memory, uninitialised, until this eval returns."""
        ...


Infer = Callable[[Node, Sequence[Spec | None]], Sequence[Spec]]
Prepare = Callable[[Node, Sequence[Spec | None], Sequence[Spec]], Any]
Eval = Callable[[Any, Inputs, Outputs, Run], "Sequence[Array] | None"]
RowsApart = Callable[[Node, Sequence[Spec | None]], bool]


class Cost(NamedTuple):
    """Work of one evaluation: multiply-accumulates, and bytes read and written."""

    macs: int
    bytes: int

    @classmethod
    def of(cls, macs: int, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Cost:
        """Where inputs and outputs are read and written once, and nothing else is."""
        return cls(macs, sum(s.nbytes for s in (*inputs, *outputs) if s is not None))


CostOf = Callable[[Node, Sequence[Spec | None], Sequence[Spec]], Cost]


class Example(NamedTuple):
    """A small call with its answer: shown in the documentation, run by the tests.

    Arrays may be nested lists, then float32. `quantization` gives (scale, zero_point) for the
    inputs and then the outputs, None for those without; `variables` the numbers of those inputs
    that are variable tensors, for which the zeros stand that they begin with.
    """

    inputs: Sequence[Any]
    outputs: Sequence[Any]
    options: dict[str, Any] = {}  # noqa: RUF012  a NamedTuple's default is never written to
    quantization: Sequence[tuple[float, int] | None] = ()
    variables: Sequence[int] = ()


class Definition(NamedTuple):
    """All that the house knows of one operator."""

    name: str
    module: str
    doc: str
    signature: Signature
    infer: Infer
    prepare: Prepare
    eval: Eval
    versions: tuple[int, int] = (1, 1)  # first and last that it implements
    options: str | None = None  # its table in the schema
    cost: CostOf | None = None
    pure: bool = True  # no state, no random stream
    # Subgraphs that eval runs: the operator is as pure as they are.
    calls: Callable[[Node], Sequence[int]] | None = None
    # Inputs that prepare takes into P when they are constant (weights): eval gets None for them.
    packs: tuple[int, ...] = ()
    # Pairs (output, input): eval may be given the input's memory for the output.
    in_place: tuple[tuple[int, int], ...] = ()
    # The output is the first input's memory under another shape; eval is skipped then.
    alias: bool = False
    # Whether row i of the outputs depends on row i of the inputs alone (DESIGN: batch_axis).
    rows_apart: bool | RowsApart = False
    tolerance: int = 0  # ulps of float32 by which results may differ from the reference
    scratch: Callable[[Any], int] | None = None  # bytes that eval(p, ...) asks of run.scratch
    # Shapes of the outputs, where infer cannot say them: from the inputs, in far less time than
    # eval takes. Such an operator's eval fills what it is given, too.
    sizes: Callable[[Inputs], tuple[Shape, ...]] | None = None
    examples: tuple[Example, ...] = ()


def define(
    name: str,
    *,
    module: str,
    signature: Signature,
    infer: Infer,
    eval: Eval,
    prepare: Prepare | None = None,
    custom: bool = False,
    **declared: Any,
) -> Definition:
    """Registers an operator under its name in the schema (or, `custom`, its author's name).

    `module` is the caller's `__name__`; its docstring is the operator's unless `doc` is given.
    The other keywords are the fields of `Definition`.
    """
    declared.setdefault("doc", sys.modules[module].__doc__ or "")
    definition = Definition(
        name=name,
        module=module,
        signature=signature,
        infer=infer,
        prepare=prepare or nothing_to_prepare,
        eval=eval,
        **declared,
    )
    if custom:
        # Modules load when a model first needs them: what a user has registered by then stays.
        CUSTOM.setdefault(name, definition)
    else:
        BUILTINS[name] = definition
    return definition


def nothing_to_prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> None:
    """The prepare of an operator whose equation has no constants."""
