"""Bsign (LceBsign, LqceBsign): 1 or -1, by the sign bit.

    output = -1 where the input is negative or -0, else 1

FLOAT32 or FLOAT64 (NaN by its sign bit), or integers, of any shape; the output is alike.
Source: Larq Compute Engine (tflite/kernels/sign.cc of its first releases).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.ops.elementwise.pointwise import infer
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature


def evaluate(p: Any, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Copies the sign to ones."""
    x, out = inputs[0], outputs[0]
    if x.dtype.kind == "f":
        np.copysign(x.dtype.type(1), x, out=out)
    else:
        np.copyto(out, np.where(x < 0, -1, 1), casting="unsafe")


for _name in ("Bsign", "LceBsign", "LqceBsign"):
    define(
        _name,
        module=__name__,
        custom=True,
        signature=Signature("T -> T", T="FLOAT32|FLOAT64|INT8|INT16|INT32|INT64"),
        infer=infer,
        eval=evaluate,
        rows_apart=True,
        examples=(Example([[-3.0, -0.0, 0.0, 2.5]], [[-1.0, -1.0, 1.0, 1.0]]),),
    )
