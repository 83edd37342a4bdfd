"""What operators on streams share: signals that go on from run to run.

What an operator keeps lives in `run.state.streams` under its own place in the graph; a run
replaces it. It begins anew when the shape of the input changes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pytflite.errors import ShapeError
from pytflite.model.graph import Array
from pytflite.ops.custom.options import wrong
from pytflite.ops.operator import Run
from pytflite.ops.spec import Node, Spec

Key = tuple[Any, ...]


class Kept(NamedTuple):
    """An array, and for how many rows of what size (or for what else) it was kept."""

    layout: tuple[int, ...]
    array: Array


def key_of(node: Node) -> Key:
    """The name of an operator's state."""
    return node.name, node.subgraph, node.index


def recall(run: Run, key: Key, *layout: int) -> Array | None:
    """What was kept for such a layout."""
    kept = run.state.streams.get(key)
    return kept.array if isinstance(kept, Kept) and kept.layout == layout else None


def keep(run: Run, key: Key, array: Array, *layout: int) -> None:
    """Keeps an array that nobody will write into, in place of what was kept."""
    run.state.streams[key] = Kept(layout, array)


def continued(run: Run, key: Key, x: Array, zeros: int) -> Array:
    """What was kept of streams [rows, samples] of this size, and the input x after it.

    Args:
        zeros: how many stand for what was kept before there is anything.
    """
    rows, given = x.shape
    waiting = recall(run, key, rows, given)
    before = zeros if waiting is None else waiting.shape[1]
    stream: Array = run.empty((rows, before + given), x.dtype)
    stream[:, :before] = 0 if waiting is None else waiting
    stream[:, before:] = x
    return stream


def check_type(node: Node, spec: Spec) -> None:
    """Refuses an option T that is not the number of the type.

    Raises:
        OptionError: another.
    """
    declared = node.custom.get("T")
    if declared is not None and declared != spec.dtype.number:
        raise wrong(node, "T", f"{spec.dtype.number}, for {spec.dtype}", declared)


def last_axis(node: Node, spec: Spec, number: int = 0) -> int | None:
    """The size of the last axis, if known.

    Raises:
        ShapeError: a scalar.
    """
    if spec.shape is None:
        return None
    if not spec.shape:
        raise node.error(
            ShapeError, "a signal has one axis or more", tensor=number, found="a scalar"
        )
    return spec.shape[-1]
