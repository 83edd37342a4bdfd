"""Index tensors: checked against the sizes that they point into, and made flat positions.

NumPy takes negative indices for positions from the end; here they are refused, as are those
beyond the end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pytflite.errors import DataError, LimitError, OptionError, ShapeError
from pytflite.model.graph import Array
from pytflite.ops.operator import Run
from pytflite.ops.spec import Node

Positions = npt.NDArray[np.intp]

_MOST = 1 << 58  # elements that NumPy can count bytes of
_UNSIGNED = {np.dtype(f"i{n}"): np.dtype(f"u{n}") for n in (1, 2, 4, 8)}


def batch_of(
    node: Node, starts: Sequence[int | None], axis: int, length: int, input: str, option: str
) -> tuple[int | None, ...]:
    """The shape of a tensor of index vectors, without the axis that they lie along.

    Args:
        node: names the operator in errors.
        starts: the shape of input 1.
        axis: which it is; behind the last one each index is a vector of its own.
        length: how long the vectors have to be.
        input, option: names of the tensor, and of the option that says how long.

    Raises:
        OptionError: there is no such axis.
        ShapeError: the vectors have another length.
    """
    if not 0 <= axis <= len(starts):
        raise node.error(
            OptionError,
            f"{input} has no such axis",
            expected=f"index_vector_dim from 0 to {len(starts)}",
            found=axis,
        )
    found = 1 if axis == len(starts) else starts[axis]
    if found not in (length, None):
        raise node.error(
            ShapeError,
            f"the start vectors have another length than {option}",
            tensor=1,
            expected=length,
            found=found,
        )
    return (*starts[:axis], *starts[axis + 1 :])


def check_range(run: Run, indices: Array, size: int, tensor: int) -> None:
    """Refuses indices that are not in [0, size).

    Args:
        run: names the operator in errors.
        indices: signed integers of any width. size: what they point into.
        tensor: which input they are.

    Raises:
        DataError: one is out of range.
    """
    if indices.size and int(_unsigned(indices).max()) >= size:
        _refuse(run, indices, size, tensor)


def _unsigned(indices: Array) -> Array:
    """The same bits: as unsigned numbers, negative ones lie beyond any size."""
    return np.ascontiguousarray(indices).view(_UNSIGNED[indices.dtype])


def _refuse(run: Run, indices: Array, size: int, tensor: int) -> None:
    bad = indices[(indices < 0) | (indices >= size)]
    raise run.node.error(
        DataError,
        "an index is out of range",
        code="data.index",
        tensor=tensor,
        expected=f"0 to {size - 1}" if size else "none, for there is nothing to point at",
        found=int(bad[0]),
    )


def flat_positions(run: Run, indices: Array, sizes: Sequence[int], tensor: int) -> Positions:
    """Row-major positions of index vectors in an array of these sizes.

    Args:
        indices: [..., len(sizes)]. (others): as `check_range`.

    Returns:
        intp [...].

    Raises:
        DataError: an index is out of range.
        LimitError: no array can have these sizes, or there are too many positions.
    """
    if (_unsigned(indices) >= np.array(sizes, np.uint64)).any():
        for axis, size in enumerate(sizes):
            check_range(run, indices[..., axis], size, tensor)
    # Vectors of no indices take no memory themselves, and there may be any number of them.
    most = run.limits.tensor_bytes // np.intp().itemsize
    if math.prod(size or 1 for size in sizes) > _MOST or math.prod(indices.shape[:-1]) > most:
        raise run.node.error(
            LimitError, "a tensor is larger than arrays can be", code="limit.tensor",
            found=f"{list(indices.shape[:-1])} positions in {list(sizes)}",
        )  # fmt: skip
    strides = [math.prod(sizes[axis + 1 :]) for axis in range(len(sizes))]
    positions: Positions = indices.astype(np.intp, copy=False) @ np.array(strides, np.intp)
    return positions
