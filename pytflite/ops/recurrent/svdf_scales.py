"""Scales of SVDF, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pytflite.model.graph import Array
from pytflite.ops.quantized import Multiplier, multiplier, per_tensor, symmetric
from pytflite.ops.spec import Node, Spec

FEATURES, TIME, BIAS, STATE = 1, 2, 3, 4  # the inputs


class Scales(NamedTuple):
    """Of the quantised form: zero points of x and the output; multipliers of the two sums."""

    input_zero: int
    zero: int
    inward: Multiplier
    outward: Multiplier


def float_scales(node: Node, inputs: Sequence[Spec | None]) -> tuple[float, float] | None:
    """Scales of integer features and time, with a float input; None of floats.

    Raises:
        QuantizationError: not one scale each, or another zero point than 0.
    """
    features, time = inputs[FEATURES], inputs[TIME]
    assert features is not None and time is not None
    if features.dtype.is_float:
        return None
    of_time = 0.0 if time.dtype.is_float else symmetric(node, time, TIME).scale
    return symmetric(node, features, FEATURES).scale, of_time


def integer_scales(node: Node, inputs: Sequence[Spec | None], output: Spec) -> Scales:
    """Those of the quantised form.

    Raises:
        QuantizationError: not one scale each, or another zero point than 0 of what has none.
    """
    x = inputs[0]
    assert x is not None
    of_x, of_output = per_tensor(node, x, 0), per_tensor(node, output, node.outputs[0])
    of_features, of_time, of_state = (
        np.float32(symmetric(node, spec, number).scale)
        for number in (FEATURES, TIME, STATE)
        if (spec := inputs[number]) is not None
    )
    return Scales(
        of_x.zero_point,
        of_output.zero_point,
        multiplier(node, np.float32(of_x.scale) * of_features / of_state),
        multiplier(node, of_state * of_time / np.float32(of_output.scale)),
    )


def float_time(values: Array, scales: tuple[float, float] | None) -> Array:
    """The weights of time as float32."""
    if scales is None:
        return values
    if values.dtype == np.float32:
        return np.zeros_like(values)
    return values.view(np.int8) * np.float32(scales[1])
