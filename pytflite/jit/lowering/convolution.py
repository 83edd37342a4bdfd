"""CONV_2D, DEPTHWISE_CONV_2D and TRANSPOSE_CONV, by the types of input and filter."""

from __future__ import annotations

from importlib import import_module

from pytflite.jit.lowering.registry import Lower, Lowered, Lowering, lowering
from pytflite.plan.plan import Step

# (input, filter) -> the module whose LOWER has a function for each operator.
_BY_TYPES = {
    ("FLOAT32", "FLOAT32"): "convolution_float32",
    ("INT8", "INT8"): "convolution_int8",
    ("INT8", "INT4"): "convolution_int8",
    ("INT8", "INT2"): "convolution_int8",
    ("UINT8", "UINT8"): "convolution_int8",
    ("INT16", "INT8"): "convolution_int16",
    ("INT16", "INT4"): "convolution_int16",
    ("INT16", "INT2"): "convolution_int16",
    ("FLOAT32", "INT8"): "convolution_hybrid",
    ("FLOAT32", "INT4"): "convolution_hybrid",
    ("FLOAT32", "INT2"): "convolution_hybrid",
}
_INPUT = {"TRANSPOSE_CONV": 2}


@lowering("CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV")
def convolution(step: Step, to: Lowering) -> Lowered:
    """What the module for these types says."""
    x, weights = step.input_specs[_INPUT.get(step.node.name, 0)], step.input_specs[1]
    assert x is not None and weights is not None
    home = _BY_TYPES.get((x.dtype.name, weights.dtype.name), "")
    lowers = import_module(f"pytflite.jit.lowering.{home}").LOWER if home else {}
    lower: Lower | None = lowers.get(step.node.name)
    if lower is None:
        return f"there is no compiled kernel for {x.dtype.name} times {weights.dtype.name}"
    return lower(step, to)
