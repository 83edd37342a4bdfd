"""LOG_SOFTMAX: the logarithm of SOFTMAX along the last axis; same shape, same type.

    output[i] = x[i] - max x - log(sum_j e^(x[j] - max x))

8 bits, in gemmlowp's fixed point (Q5.26), from the table of exponentials of softmax.py:
    output    round((x - max x - log sum) in Q27.4) + greatest integer
The output has scale 16/256, and the greatest integer as zero point. Inputs so far below the
greatest that the difference leaves Q5.26 give the least integer.
Source: LOG_SOFTMAX (kernels/activations.cc, internal/reference/integer_ops/log_softmax.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops import gemmlowp
from pytflite.ops.fixed_point import (
    INT32_MIN,
    divide_by_pot,
    multiply,
    quantize_multiplier,
    saturate,
)
from pytflite.ops.normalization.rows import (
    Kernel,
    Prepared,
    check_output,
    columns,
    evaluate,
    infer,
    rows_apart,
    rows_of,
    total,
)
from pytflite.ops.normalization.softmax import (
    DIFF_INTEGER_BITS,
    SUM_INTEGER_BITS,
    ExpTable,
    differences,
    exp_multiplier,
    exp_table,
    sum_of_exps,
)
from pytflite.ops.operator import Example, define
from pytflite.ops.quantized import Multiplier, integer_range, per_tensor
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_OUTPUT_INTEGER_BITS = 4


def infer_log_softmax(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape of the input."""
    outputs = infer(node, inputs)
    source, output = inputs[0], outputs[0]
    assert source is not None
    if source.dtype.is_integer:
        exp_multiplier(node, 1.0, per_tensor(node, source, 0).scale)
        check_output(node, output, 16, integer_range(output.dtype)[1], of="logarithms")
    return outputs


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Prepared:
    """Nothing for floats; a table of exponentials for integers."""
    source = inputs[0]
    assert source is not None
    kernel: Kernel = _float_block
    if source.dtype.is_integer:
        kernel = partial(_int8_block, constants_of(node, source, outputs[0]))
    return Prepared(rows_of(source), kernel)


def _float_block(x: Array, out: Array, axis: int) -> None:
    np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True), out=out)
    np.subtract(out, np.log(total(np.exp(out), axis)), out=out)


class Constants(NamedTuple):
    """`back` brings Q5.26 back to differences of integers; `reach` is the greatest of those."""

    table: ExpTable
    reach: int
    back: Multiplier
    storage: np.dtype[Any]


def constants_of(node: Node, source: Spec, target: Spec) -> Constants:
    """Those of a layer."""
    m, shift, reach = exp_multiplier(node, 1.0, source.scale)
    back = quantize_multiplier((1 << (31 - shift)) / m)
    return Constants(exp_table((m, shift, reach)), reach, Multiplier(*back), target.dtype.storage)


def _int8_block(c: Constants, q: Array, out: Array, axis: int) -> None:
    d = differences(q, axis)
    sums = sum_of_exps(c.table, d, axis)
    log_total = gemmlowp.log_x(sums, SUM_INTEGER_BITS, DIFF_INTEGER_BITS)
    # d must be less than this for x - max x - log(sum) to be in Q5.26.
    end = np.minimum(c.reach + 1, -multiply(log_total + INT32_MIN, *c.back))
    info = np.iinfo(c.storage)
    for part in columns(d, axis):
        difference = c.table.scaled[d[part].astype(np.intp)] - log_total
        y = divide_by_pot(difference, 31 - DIFF_INTEGER_BITS - _OUTPUT_INTEGER_BITS)
        y += info.max
        np.copyto(y, info.min, where=d[part] >= end)
        np.copyto(out[part], saturate(y, c.storage))


define(
    "LOG_SOFTMAX",
    module=__name__,
    signature=Signature("T -> T", T="FLOAT32|FLOAT16|BFLOAT16|INT8|UINT8"),
    versions=(1, 2),
    infer=infer_log_softmax,
    prepare=prepare,
    eval=evaluate,
    rows_apart=rows_apart,
    tolerance=8,
    examples=(Example([[0.0, 0.0]], [[-0.6931472, -0.6931472]]),),
)
