"""Fused activations of recurrent cells, by their names in small letters: ops/activation.py."""

from __future__ import annotations

from collections.abc import Callable

from pytflite.jit.emit.vector import INTRINSICS, Vector, equation
from pytflite.jit.kernels import maths

Activation = Callable[[Vector], Vector]

_where = INTRINSICS["where"]


def _clamped(low: float, high: float) -> Activation:
    def clamp(x: Vector) -> Vector:
        x = _where(x < low, low, x)
        return _where(x > high, high, x)

    return clamp


def _sign_bit(x: Vector) -> Vector:
    return ((INTRINSICS["bits"](x) >> 31) & 1).to("float")


ACTIVATIONS: dict[str, Activation] = {
    "none": lambda x: x,
    "relu": lambda x: _where(x < 0.0, 0.0, x),
    "relu_n1_to_1": _clamped(-1.0, 1.0),
    "relu6": _clamped(0.0, 6.0),
    "tanh": equation(maths.tanh),
    "sign_bit": _sign_bit,
}
