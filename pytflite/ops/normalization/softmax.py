"""SOFTMAX: exponentials along the last axis, divided by their sum; same shape.

    output[i] = e^(beta * (x[i] - max x)) / sum_j e^(beta * (x[j] - max x))

8 bits to 8 (or to INT16), in gemmlowp's fixed point, with d = max q - q:
    e[d]      exp(-d * beta * scale) in Q0.31, the argument in Q5.26; 0 from about 31 downwards
    1 / sum   in Q0.31 with an exponent, of the sum in Q12.19
    output    round(e[d] / sum) + the least integer, rounded as two gemmlowp steps (one floor below)
The output is taken to have scale 1/256 (INT16: 1/65536), and the least integer as zero point.

INT16, scale 1/32768: exp and 1 / (1 + x) by tables of 513 entries, made in float64.

Unlike the reference, sums of 512 and more (as many equal inputs) are right: there, a shift by more
than 31 bits stops the program, or gives garbage. Source: SOFTMAX (kernels/activations.cc,
internal/reference/softmax.h).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import OptionError, QuantizationError
from pytflite.model.dtypes import INT8, INT16, UINT16
from pytflite.model.graph import Array
from pytflite.ops import gemmlowp
from pytflite.ops.fixed_point import Int64Array, multiply, quantize_multiplier, saturate
from pytflite.ops.lookup_table import Lookup, interpolate, lookup, table_513
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
from pytflite.ops.operator import Example, define
from pytflite.ops.quantized import PerTensor, per_tensor, symmetric
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

DIFF_INTEGER_BITS, SUM_INTEGER_BITS = 5, 12


def infer_softmax(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The shape of the input."""
    outputs = infer(node, inputs)
    source = inputs[0]
    assert source is not None
    beta = float(node.options.beta)
    if not math.isfinite(beta):
        raise node.error(OptionError, "beta is not a number", expected="finite", found=beta)
    if source.dtype.is_integer:
        _check_scales(node, source, outputs[0])
        if source.dtype is not INT16:
            exp_multiplier(node, beta, source.scale)
    return outputs


def _check_scales(node: Node, source: Spec, output: Spec) -> None:
    (symmetric if source.dtype is INT16 else per_tensor)(node, source, 0)
    if output.dtype is INT8 or source.dtype is INT16:
        zero, steps = (0, 32768) if source.dtype is INT16 else (-128, 256)
        check_output(node, output, steps, zero, of="probabilities", within=1e-3)


def exp_multiplier(node: Node, beta: float, scale: float) -> tuple[int, int, int]:
    """(m, shift, reach): differences times m * 2^(shift - 31) are in Q5.26, as far as -reach.

    Raises:
        QuantizationError: the product of beta and scale is too small to be told from 0.
    """
    unit = 1 << (31 - DIFF_INTEGER_BITS)
    real = min(beta * scale * unit, (1 << 31) - 1.0)
    if real <= 1:
        raise node.error(
            QuantizationError,
            "the input's scale is too small",
            tensor=0,
            expected=f"beta * scale above 2^-{31 - DIFF_INTEGER_BITS}",
            found=beta * scale,
        )
    m, shift = quantize_multiplier(real)
    reach = math.floor(((1 << DIFF_INTEGER_BITS) - 1) * unit / (1 << shift))
    return m, shift, reach


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Prepared:
    """beta, or tables of exponentials."""
    source, output = inputs[0], outputs[0]
    assert source is not None
    beta = float(node.options.beta)
    kernel: Kernel
    if source.dtype.is_float:
        kernel = partial(_float_block, np.float32(beta))
    elif source.dtype is INT16:
        kernel = partial(_int16_block, _exp_of_differences(source, beta))
    else:
        exps = exp_table(exp_multiplier(node, beta, source.scale))
        kernel = partial(_int8_block, exps, output.dtype.storage)
    return Prepared(rows_of(source), kernel)


def _float_block(beta: np.floating[Any], x: Array, out: Array, axis: int) -> None:
    np.subtract(x, np.maximum.reduce(x, axis=axis, keepdims=True), out=out)
    if beta != 1:
        np.multiply(out, beta, out=out)
    np.exp(out, out=out)
    np.divide(out, total(out, axis), out=out)


class ExpTable(NamedTuple):
    """For d = 0 ... 255: -d in Q5.26, its exponential in Q0.31 (0 out of reach), and in Q12.19."""

    scaled: Int64Array
    exp: Int64Array
    term: Int64Array


def exp_table(multiplier: tuple[int, int, int]) -> ExpTable:
    """The exponentials of all differences between two 8-bit integers."""
    m, shift, reach = multiplier
    d = np.arange(256)
    scaled = multiply(-np.minimum(d, reach), m, shift)
    exp = np.where(d <= reach, gemmlowp.exp_on_negative_values(scaled, DIFF_INTEGER_BITS), 0)
    return ExpTable(scaled, exp, gemmlowp.rescale(exp, -SUM_INTEGER_BITS))


def differences(q: Array, axis: int) -> Array:
    """max q - q along an axis, as unsigned integers of the same width."""
    kind = f"u{q.itemsize}"
    greatest = np.maximum.reduce(q, axis=axis, keepdims=True)
    d: Array = np.subtract(greatest.view(kind), q.view(kind))
    return d


def sum_of_exps(table: ExpTable, d: Array, axis: int) -> Int64Array:
    """Sums along an axis of the exponentials of differences, in Q12.19."""
    parts = [
        np.add.reduce(table.term[d[part].astype(np.intp)], axis=axis, keepdims=True)
        for part in columns(d, axis)
    ]
    sums: Int64Array = sum(parts[1:], parts[0])
    return sums


def _int8_block(table: ExpTable, storage: np.dtype[Any], q: Array, out: Array, axis: int) -> None:
    d = differences(q, axis)
    scale, exponent = gemmlowp.reciprocal(sum_of_exps(table, d, axis), SUM_INTEGER_BITS)
    # A doubling high product, then a division by 2^s, ties upwards: one floor, as nothing is
    # negative. From s = 32 on the result is 0.
    bits = 8 * storage.itemsize
    s = np.minimum(exponent + (31 - bits), 32)
    half = (1 << 30) + (np.int64(1) << (30 + s))
    unsigned = out.view(f"u{storage.itemsize}")
    for part in columns(d, axis):
        y = table.exp[d[part].astype(np.intp)]
        y *= scale
        y += half
        y >>= 31 + s
        np.minimum(y, (1 << bits) - 1, out=y)
        np.copyto(unsigned[part], y, casting="unsafe")
    if storage.kind == "i":
        np.bitwise_xor(unsigned, 1 << (bits - 1), out=unsigned)  # the least integer stands for 0


def _exp_of_differences(source: Spec, beta: float) -> Lookup:
    """exp(-d * beta * scale) in Q0.15 for d as UINT16: 10 / 65535 is a step of the table."""
    m, shift = _steps(source, beta)
    return lookup(partial(_exp_int16, m=m, shift=shift), UINT16, INT16, source.size)


def _steps(source: Spec, beta: float) -> tuple[int, int]:
    """The multiplier from differences of INT16 to steps of the table."""
    real = float(np.float32(source.scale) * np.float32(beta)) / (10.0 / 65535.0)
    return quantize_multiplier(real)


def every_exp(source: Spec, beta: float) -> Array:
    """The exponentials of an INT16 layer for all differences there are: int16 [65536]."""
    return _exp_int16(np.arange(1 << 16, dtype=np.uint16), *_steps(source, beta))


def inverse_table() -> Array:
    """1 / (1 + x) on [0, 1], 513 entries in Q0.15."""
    return _tables()[1]


def _exp_int16(d: Array, m: int, shift: int) -> Array:
    steps = multiply(-d.astype(np.int64), m, shift) + 32767
    return interpolate(saturate(steps, np.int16), _tables()[0])


@cache
def _tables() -> tuple[Array, Array]:
    """513 entries in Q0.15 each: exp on [-10, 0], and 1 / (1 + x) on [0, 1]."""
    unit = PerTensor(2.0 / 65535, 0)
    exp = table_513(np.exp, PerTensor(10.0 / 65535, 32767), unit, np.float64)
    return exp, table_513(_inverse, PerTensor(1.0 / 65535, -32768), unit, np.float64)


def _inverse(x: Array) -> Array:
    return 1.0 / (1.0 + x)


def _int16_block(exp: Lookup, q: Array, out: Array, axis: int) -> None:
    d = differences(q, axis)
    e = np.empty(d.shape, np.int16)
    exp.apply(d, e)
    sums = np.add.reduce(e, axis=axis, keepdims=True, dtype=np.int64)
    # sums = (1 + x) * 2^shift with x in [0, 1), and 16 bits of x.
    shift = gemmlowp.bit_length(sums) - 1
    aligned = (sums >> np.maximum(shift - 30, 0)) << np.maximum(30 - shift, 0)
    fraction = (aligned + (1 << 13)) >> 14
    inverse = interpolate(saturate(fraction - (1 << 16) - (1 << 15), np.int16), _tables()[1])
    half = np.int64(1) << (shift - 1)
    for part in columns(e, axis):
        y = e[part].astype(np.int64)
        y *= inverse
        y += half
        y >>= shift
        np.copyto(out[part], np.minimum(y, 32767, out=y), casting="unsafe")


define(
    "SOFTMAX",
    module=__name__,
    options="SoftmaxOptions",
    signature=Signature(
        "F -> F",
        "INT8 -> INT8|INT16",
        "UINT8 -> UINT8|INT16",
        "INT16 -> INT16",
        F="FLOAT32|FLOAT16|BFLOAT16",
    ),
    versions=(1, 4),
    infer=infer_softmax,
    prepare=prepare,
    eval=evaluate,
    rows_apart=rows_apart,
    tolerance=16,  # the reference adds up one by one, and is the less exact of the two
    examples=(Example([[0, math.log(3)]], [[0.25, 0.75]], {"beta": 1.0}),),
)
