"""FULLY_CONNECTED and BATCH_MATMUL, by the types of their factors."""

from __future__ import annotations

from importlib import import_module

from pytflite.jit.lowering.registry import Lower, Lowered, Lowering, lowering
from pytflite.plan.plan import Step

# Types of the factors -> the module whose LOWER has a function for each operator.
_BY_TYPES = {
    ("FLOAT32", "FLOAT32"): "dense_float32",
    ("INT8", "INT8"): "dense_int8",
    ("INT8", "INT4"): "dense_int8",
    ("INT8", "INT2"): "dense_int8",
    ("UINT8", "UINT8"): "dense_int8",
    ("INT16", "INT8"): "dense_int16",
    ("INT16", "INT4"): "dense_int16",
    ("INT16", "INT2"): "dense_int16",
    ("INT16", "INT16"): "dense_int16",
    ("FLOAT32", "INT8"): "dense_hybrid",
    ("FLOAT32", "INT4"): "dense_hybrid",
    ("FLOAT32", "INT2"): "dense_hybrid",
    ("FLOAT32", "UINT8"): "dense_hybrid",
}


@lowering("FULLY_CONNECTED", "BATCH_MATMUL")
def dense(step: Step, to: Lowering) -> Lowered:
    """What the module for these types says."""
    x, y = step.input_specs[:2]
    assert x is not None and y is not None
    home = _BY_TYPES.get((x.dtype.name, y.dtype.name), "")
    lowers = import_module(f"pytflite.jit.lowering.{home}").LOWER if home else {}
    lower: Lower | None = lowers.get(step.node.name)
    if lower is None:
        return f"there is no compiled kernel for {x.dtype.name} times {y.dtype.name}"
    return lower(step, to)
