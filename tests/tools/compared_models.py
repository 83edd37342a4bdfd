"""Models to compare: a scale changed, float borders put around."""

from __future__ import annotations

import numpy as np

from pytflite.format.schema import BuiltinOperator
from pytflite.model.dtypes import FLOAT32
from pytflite.model.graph import Operator, OperatorCode
from pytflite.model.model import Model


def rescaled(model: Model, index: int, factor: float, channel: int | None = None) -> Model:
    """The model with the scale of one tensor (or one channel of it) multiplied."""
    graph = model.main
    quantization = graph.tensors[index].quantization
    assert quantization is not None
    scale = quantization.scale.copy()
    scale[slice(None) if channel is None else channel] *= np.float32(factor)
    tensors = list(graph.tensors)
    tensors[index] = tensors[index].replace(quantization=quantization.replace(scale=scale))
    return model.replace(subgraphs=(graph.replace(tensors=tuple(tensors)),))


def with_borders(model: Model) -> Model:
    """The int8 model behind QUANTIZE and before DEQUANTIZE, as converters leave float borders."""
    graph = model.main
    count = len(graph.tensors)
    (given,), (wanted,) = graph.inputs, graph.outputs
    codes = [OperatorCode(BuiltinOperator.QUANTIZE), OperatorCode(BuiltinOperator.DEQUANTIZE)]
    outer = [
        graph.tensors[given].replace(dtype=FLOAT32, quantization=None),
        graph.tensors[wanted].replace(dtype=FLOAT32, quantization=None),
    ]
    inner = list(graph.tensors)
    inner[given] = inner[given].replace(name="tfl.quantize")
    inner[wanted] = inner[wanted].replace(name="probabilities1")
    operators = (
        Operator(codes[0], (count,), (given,)), *graph.operators,
        Operator(codes[1], (wanted,), (count + 1,)),
    )  # fmt: skip
    changed = graph.replace(
        tensors=(*inner, *outer), inputs=(count,), outputs=(count + 1,), operators=operators
    )
    return model.replace(
        subgraphs=(changed,), operator_codes=(*model.operator_codes, *codes), signatures=()
    )
