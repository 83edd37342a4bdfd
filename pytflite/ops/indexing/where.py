"""WHERE: the indices of the elements that are true, or not 0.

    output = [[i_0, i_1, ...] for every index in order where condition[i_0, i_1, ...] != 0]

INT64 [count, rank]. NaN is not 0. Source: WHERE (kernels/where.cc).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pytflite.errors import ShapeError
from pytflite.model.graph import Array
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """[?, rank]."""
    condition = inputs[0]
    assert condition is not None
    if condition.rank == 0:
        raise node.error(
            ShapeError, "a scalar has no indices", tensor=0, expected="rank 1 or more", found=[]
        )
    return (node.output(0, (None, condition.rank)),)


def sizes(inputs: Inputs) -> tuple[Shape, ...]:
    """[count, rank]."""
    return ((int(np.count_nonzero(inputs[0])), inputs[0].ndim),)


def evaluate(p: None, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array]:
    """Counts, and lists."""
    condition, out = inputs[0], outputs[0]
    if out is None:
        (shape,) = sizes(inputs)
        out = run.empty(shape, np.int64)
    for axis, indices in enumerate(np.nonzero(condition)):
        out[:, axis] = indices
    return [out]


define(
    "WHERE",
    module=__name__,
    options="WhereOptions",
    signature=Signature(
        "BOOL|FLOAT32|FLOAT16|FLOAT64|INT2|INT4|INT8|INT16|INT32|INT64|UINT4|UINT8|UINT16|UINT32"
        "|UINT64 -> INT64"
    ),
    versions=(1, 2),
    infer=infer,
    eval=evaluate,
    sizes=sizes,
    examples=(Example([np.array([[True, False], [True, True]])], [[[0, 0], [1, 0], [1, 1]]]),),
)
