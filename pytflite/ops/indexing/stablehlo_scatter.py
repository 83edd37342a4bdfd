"""STABLEHLO_SCATTER: updates joined to elements of a tensor, at places that a tensor lists.

    output = operand;  for every index (b, w) of the updates in order, where the place is inside:
    output[s(b) + w] = computation(output[s(b) + w], updates[b, w])

`scatter_indices` (INT32 or INT64) holds start vectors along its axis `index_vector_dim`; if that
is its rank, single starts. Component k of a vector is the start along axis
scatter_dims_to_operand_dims[k] of the operand, the other starts are 0. update_window_dims are the
axes w of the updates, which are the operand's axes without inserted_window_dims (where w is 0);
the updates' other axes are b. Places outside are left out.
The computation is a subgraph: none at all (the update replaces the element), or one operator out
of a table. Source: STABLEHLO_SCATTER (kernels/stablehlo_scatter.cc).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import copyto, may_share_memory

from pytflite.errors import OptionError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.indexing.positions import Positions, batch_of
from pytflite.ops.moving import destination, given
from pytflite.ops.operator import Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

# By the one operator of the subgraph; LiteRT knows those of StableHLO.
_COMPUTATIONS: dict[str, np.ufunc] = {
    "STABLEHLO_ADD": np.add,
    "STABLEHLO_MULTIPLY": np.multiply,
    "STABLEHLO_MAXIMUM": np.maximum,
    "STABLEHLO_MINIMUM": np.minimum,
    "ADD": np.add,
    "MUL": np.multiply,
    "MAXIMUM": np.maximum,
    "MINIMUM": np.minimum,
}


class P(NamedTuple):
    """How places are found.

    Attributes:
        computation: how an update joins; None: it replaces.
        vector_dim: axis of the start vectors, or None for single starts.
        axes: of the operand, for each component of a vector.
        lead: sizes of the operand but for its last axes, if every window has the whole of them.
        spread: shape of the starts that stretches to the updates' axes but for those last ones.
        windows: for each axis of `lead`, positions within the window, of such a shape; or None.
        row: elements that follow each other in the operand and in the updates.
    """

    computation: np.ufunc | None
    vector_dim: int | None
    axes: tuple[int, ...]
    lead: tuple[int, ...]
    spread: tuple[int, ...]
    windows: tuple[Array | None, ...]
    row: int


class Options(NamedTuple):
    """The options as tuples."""

    window: tuple[int, ...]
    inserted: tuple[int, ...]
    axes: tuple[int, ...]
    vector_dim: int


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The operand's shape."""
    operand, indices, updates = inputs[0], inputs[1], inputs[2]
    assert operand is not None
    assert indices is not None
    assert updates is not None
    _computation(node)
    options = _options(node)
    if operand.rank is not None and updates.rank is not None:
        _check_axes(node, options, operand.rank, updates.rank)
    if indices.is_static and updates.is_static:
        _check_starts(node, options, indices.static, updates.static)
    return (node.output(0, operand.shape),)


def _computation(node: Node) -> np.ufunc | None:
    """The computation of the subgraph.

    Raises:
        OptionError: there is no such subgraph, or it computes something else.
    """
    assert node.graph is not None
    number = node.options.update_computation_subgraph_index
    exists = node.graph.subgraph_arity(number) is not None
    names = node.graph.subgraph_operators(number) if exists else ()
    if exists and not names:
        return None
    if len(names) != 1 or names[0] not in _COMPUTATIONS:
        what = f"subgraph {number} with {', '.join(names)}" if exists else f"no subgraph {number}"
        raise node.error(
            OptionError,
            "updates cannot be joined by this subgraph",
            expected=f"a subgraph without operators, or with one of {', '.join(_COMPUTATIONS)}",
            found=what,
        )
    return _COMPUTATIONS[names[0]]


def _options(node: Node) -> Options:
    o = node.options
    return Options(
        tuple(o.update_window_dims or ()),
        tuple(o.inserted_window_dims or ()),
        tuple(o.scatter_dims_to_operand_dims or ()),
        o.index_vector_dim,
    )


def _check_axes(node: Node, options: Options, rank: int, updates_rank: int) -> None:
    """Refuses axes that do not exist, are repeated, or do not add up."""
    for name, axes, most, ascending in (
        ("update_window_dims", options.window, updates_rank, True),
        ("inserted_window_dims", options.inserted, rank, True),
        ("scatter_dims_to_operand_dims", options.axes, rank, False),
    ):
        distinct = sorted(set(axes))
        if (
            any(not 0 <= a < most for a in axes)
            or len(distinct) != len(axes)
            or (ascending and list(axes) != distinct)
        ):
            raise node.error(
                OptionError,
                f"{name} makes no sense",
                expected=f"distinct axes from 0 to {most - 1}" + ", ascending" * ascending,
                found=axes,
            )
    if len(options.window) + len(options.inserted) != rank:
        raise node.error(
            OptionError,
            "the window has not the operand's axes",
            expected=f"{rank} axes, of the updates and inserted",
            found=f"{options.window} and {options.inserted}",
        )


def _check_starts(
    node: Node, options: Options, indices: tuple[int, ...], updates: tuple[int, ...]
) -> None:
    """Refuses starts that do not fit the updates or the options."""
    batch = batch_of(
        node, indices, options.vector_dim, len(options.axes),
        "scatter_indices", "scatter_dims_to_operand_dims",
    )  # fmt: skip
    found = tuple(d for a, d in enumerate(updates) if a not in options.window)
    if batch != found:
        raise node.error(
            ShapeError,
            "there is not one update for each start",
            tensor=2,
            expected=f"{list(batch)} beside the axes {options.window}",
            found=list(updates),
        )


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """What the positions are made of, and how long rows are."""
    operand, indices, updates = inputs[0], inputs[1], inputs[2]
    assert operand is not None
    assert indices is not None
    assert updates is not None
    options = _options(node)
    shape, given_shape = operand.static, updates.static
    window_axes = [a for a in range(len(shape)) if a not in options.inserted]
    of_operand = dict(zip(window_axes, options.window, strict=True))
    rows = 0  # last axes that every window has as a whole
    while rows < min(len(shape), len(given_shape)):
        a, u = len(shape) - 1 - rows, len(given_shape) - 1 - rows
        if a in options.axes or of_operand.get(a) != u or shape[a] != given_shape[u]:
            break
        rows += 1
    rank, depth = len(shape) - rows, len(given_shape) - rows
    windows: list[Array | None] = []
    for a in range(rank):
        u = of_operand.get(a, -1)
        ones = [-1 if axis == u else 1 for axis in range(depth)]
        windows.append(np.arange(given_shape[u]).reshape(ones) if u >= 0 else None)
    return P(
        _computation(node),
        None if options.vector_dim == len(indices.static) else options.vector_dim,
        options.axes,
        shape[:rank],
        tuple(1 if u in options.window else given_shape[u] for u in range(depth)),
        tuple(windows),
        math.prod(shape[rank:]),
    )


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Copies the operand, and joins the updates that lie inside."""
    operand, indices, updates = inputs[0], inputs[1], inputs[2]
    out = destination(outputs, 0, operand.shape, operand.dtype, run)
    if not may_share_memory(out, operand):
        copyto(out, operand)
    if out.size and updates.size:
        positions, inside = _places(p, indices)
        rows = updates.reshape((-1, p.row))
        if not inside.all():
            rows, positions = rows[inside], positions[inside]
        _join(p.computation, out.reshape((-1, p.row)), positions, rows)
    return given(outputs, [out])


def _places(p: P, indices: Array) -> tuple[Positions, Any]:
    """Position of each row of the updates, in order, and which of them are inside."""
    where = p.vector_dim
    vectors = indices[..., None] if where is None else np.moveaxis(indices, where, -1)
    position: Any = np.zeros(p.spread, np.int64)
    inside: Any = np.ones(p.spread, bool)
    for axis, size in enumerate(p.lead):
        at: Any = 0 if p.windows[axis] is None else p.windows[axis]
        if axis in p.axes:
            at = at + vectors[..., p.axes.index(axis)].reshape(p.spread).astype(np.int64)
        position = position + at * math.prod(p.lead[axis + 1 :])
        inside = inside & (at >= 0) & (at < size)
    return position.reshape(-1), np.broadcast_to(inside, position.shape).reshape(-1)


def _join(computation: np.ufunc | None, rows: Array, positions: Array, updates: Array) -> None:
    if computation is None:
        rows[positions] = updates  # of several for one place, the last stays
        return
    if rows.dtype.kind == "f" and computation in (np.maximum, np.minimum):
        # std::max(old, NaN) is the old one.
        worst = -np.inf if computation is np.maximum else np.inf
        updates = np.where(np.isnan(updates), rows.dtype.type(worst), updates)
    if rows.shape[1] == 1:
        computation.at(rows[:, 0], positions, updates[:, 0])  # NumPy is fast in one dimension only
    else:
        computation.at(rows, positions, updates)


define(
    "STABLEHLO_SCATTER",
    module=__name__,
    options="StablehloScatterOptions",
    signature=Signature(
        "T, INT32|INT64, T -> T",
        T="FLOAT32|FLOAT16|FLOAT64|INT8|INT16|INT32|INT64|UINT8|UINT16|UINT32|UINT64|BOOL"
        "|COMPLEX64|COMPLEX128",
    ),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    in_place=((0, 0),),
)
