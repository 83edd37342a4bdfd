"""CONCATENATION: tensors one after the other along an axis.

    output[..., offset(k) + i, ...] = input_k[..., i, ...],  offset(k) = sum of sizes before k

Sizes along other axes are equal. A negative axis counts from the end; scalars are joined to a
vector. Any type.
Quantised: UINT8 inputs of another scale or zero point than the output's are rescaled, by way of a
table of 256 entries, in float32:

    output = clamp(round(q * (s_k / s) - zero_k * (s_k / s)) + zero)

INT8 inputs must have the output's scale and zero point, INT16 ones zero point 0; the others are
copied as they are. Source: CONCATENATION (kernels/concatenation.cc).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import OptionError, QuantizationError, ShapeError
from pytflite.format.schema import ActivationFunctionType
from pytflite.model.dtypes import INT8, INT16, UINT8
from pytflite.model.graph import Array
from pytflite.ops.axes import normalize_axis
from pytflite.ops.moving import check_present, destination, given
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.quantized import PerTensor, per_tensor, same_quantization
from pytflite.ops.rounding import round_away
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Shape, Spec

PartialShape = tuple[int | None, ...]


class P(NamedTuple):
    """Where the inputs go.

    Attributes:
        axis: from 0. shape: of the output.
        tables: per input, uint8 [256] from its values to the output's, or None if it is copied.
        starts: offset of each input along the axis, and the end of the last.
    """

    axis: int
    shape: Shape
    tables: tuple[Array | None, ...]
    starts: tuple[int, ...]


def infer(node: Node, inputs: Sequence[Spec | None]) -> tuple[Spec, ...]:
    """The sizes that all share, and their sum along the axis."""
    check_present(node, inputs)
    if node.options.fused_activation_function != ActivationFunctionType.NONE:
        raise node.error(
            OptionError,
            "a fused activation makes no sense here",
            expected="NONE",
            found=ActivationFunctionType.name_of(node.options.fused_activation_function),
        )
    _check_quantization(node, inputs)
    shapes = [spec.shape or (1,) for spec in inputs if spec is not None and spec.shape is not None]
    if not shapes:
        return (node.output(0, None),)
    shape = joined(node, shapes, node.options.axis)
    return (node.output(0, shape if len(shapes) == len(inputs) else [None] * len(shape)),)


def joined(node: Node, shapes: Sequence[PartialShape], axis: int) -> PartialShape:
    """The shape of tensors of these shapes after one another.

    Raises:
        OptionError: there is no such axis.
        ShapeError: ranks differ, or sizes along another axis.
    """
    rank = len(shapes[0])
    axis = normalize_axis(node, axis, rank, kind=OptionError)
    out: list[int | None] = list(shapes[0])
    for number, shape in enumerate(shapes[1:], 1):
        if len(shape) != rank:
            raise _mismatch(node, number, out, shape)
        for a, d in enumerate(shape):
            before = out[a]
            if a == axis:
                out[a] = None if before is None or d is None else before + d
            elif before is None:
                out[a] = d
            elif d not in (before, None):
                raise _mismatch(node, number, out, shape)
    return tuple(out)


def _mismatch(node: Node, number: int, wanted: Sequence[int | None], found: PartialShape) -> Any:
    return node.error(
        ShapeError,
        "inputs differ along another axis than the one they are joined at",
        tensor=number,
        expected=f"shape {list(wanted)}, but for that axis",
        found=f"shape {list(found)}",
    )


def _check_quantization(node: Node, inputs: Sequence[Spec | None]) -> None:
    output = node.output(0, None)
    for number, spec in enumerate(inputs):
        assert spec is not None
        if spec.dtype is INT8:
            same_quantization(node, output, spec, number, of="the output")
        elif spec.dtype is INT16 and spec.quantization and spec.quantization.zero_point.any():
            raise node.error(
                QuantizationError,
                "INT16 is quantized symmetrically here",
                tensor=number,
                expected="zero point 0",
                found=spec.zero_point,
            )
        elif spec.dtype is UINT8 and pair(spec) != pair(output):
            per_tensor(node, spec, number)
            per_tensor(node, output, node.outputs[0])


def pair(spec: Spec) -> PerTensor:
    """Scale and zero point of a tensor."""
    return PerTensor(spec.scale, spec.zero_point)


def prepare(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> P:
    """Offsets, and the tables of inputs that are rescaled."""
    shape = outputs[0].static
    axis = normalize_axis(node, node.options.axis, len(shape))
    starts = [0]
    tables = []
    for spec in inputs:
        assert spec is not None
        starts.append(starts[-1] + (spec.static or (1,))[axis])
        rescaled = spec.dtype is UINT8 and pair(spec) != pair(outputs[0])
        tables.append(rescaling(pair(spec), pair(outputs[0])) if rescaled else None)
    return P(axis, shape, tuple(tables), tuple(starts))


def rescaling(source: PerTensor, target: PerTensor) -> Array:
    """uint8 [256]: what each value becomes under another scale and zero point."""
    scale, bias = multiplier(source, target)
    values = round_away(np.arange(256, dtype=np.float32) * scale + bias)
    # Clamped as floats: a scale far too large would overflow the integers.
    return np.clip(values.astype(np.float64) + target.zero_point, 0, 255).astype(np.uint8)


def multiplier(source: PerTensor, target: PerTensor) -> tuple[np.float32, np.float32]:
    """What a value is multiplied with, and what is added then."""
    scale = np.float32(source.scale) * (np.float32(1) / np.float32(target.scale))
    return scale, np.float32(-source.zero_point) * scale


def evaluate(p: P, inputs: Inputs, outputs: Outputs, run: Run) -> list[Array] | None:
    """Copies one input after the other."""
    out = destination(outputs, 0, p.shape, inputs[0].dtype, run)
    arrays = [x if x.ndim else x.reshape(1) for x in inputs]
    if any(table is not None for table in p.tables):
        _rescale(p, arrays, out)
    else:
        np.concatenate(arrays, p.axis, out)
    return given(outputs, [out])


def _rescale(p: P, arrays: Sequence[Array], out: Array) -> None:
    whole = (slice(None),) * p.axis
    for k, x in enumerate(arrays):
        place = out[(*whole, slice(p.starts[k], p.starts[k + 1]))]
        table = p.tables[k]
        place[...] = x if table is None else table[x]


def rows_apart(node: Node, inputs: Sequence[Spec | None]) -> bool:
    """Whether they are joined at another axis than 0."""
    ranks = {spec.rank for spec in inputs if spec is not None}
    return None not in ranks and node.options.axis not in {0, *(-(r or 1) for r in ranks)}


define(
    "CONCATENATION",
    module=__name__,
    options="ConcatenationOptions",
    signature=Signature("T... -> T", T="*"),
    versions=(1, 7),
    infer=infer,
    prepare=prepare,
    eval=evaluate,
    rows_apart=rows_apart,
    examples=(
        Example([[[1, 2]], [[3, 4], [5, 6]]], [[[1, 2], [3, 4], [5, 6]]], {"axis": 0}),
        Example([[[1], [2]], [[3], [4]]], [[[1, 3], [2, 4]]], {"axis": -1}),
    ),
)
