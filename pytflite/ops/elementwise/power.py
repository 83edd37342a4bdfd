"""POW, ATAN2: a^b, and the angle of the point (x, y).

    POW    a^b; among integers b must not be negative, and results wrap around
    ATAN2  the angle of (x, y) = (b, a) in [-pi, pi]

Inputs broadcast (the reference asks for equal shapes in ATAN2). If b is one number and a is not,
and b is a positive whole number, a is multiplied by itself, from the highest bit of b on, as the
reference does: `a^5 = a (a^2)^2`. It takes exponents within 1e-5 of a whole number as whole, too,
and clamps what overflows to the largest float; not so here.
Source: POW, ATAN2 (kernels/pow.cc, atan2.cc, internal/optimized/optimized_ops.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from pytflite.errors import DataError
from pytflite.model.dtypes import FLOAT16, FLOAT32, FLOAT64
from pytflite.model.graph import Array
from pytflite.ops.elementwise import binary
from pytflite.ops.operator import Example, Inputs, Outputs, Run, define
from pytflite.ops.signature import Signature
from pytflite.ops.spec import Node, Spec

_LARGEST_WHOLE = 1 << 31  # beyond, the reference's exponent is no int32


class Power(NamedTuple):
    """Ways to compute POW; the exponent decides."""

    general: binary.Form
    whole: binary.Form | None  # for a single whole exponent
    root: binary.Form | None  # for a single exponent of 0.5
    integers: bool


def whole_power(a: Array, b: Array, out: Array) -> None:
    """a^b for one whole b >= 1, by squaring."""
    exponent = int(b.reshape(-1)[0])
    power = a.copy()
    for bit in bin(exponent)[3:]:
        np.multiply(power, power, out=power)
        if bit == "1":
            np.multiply(power, a, out=power)
    np.copyto(out, power)


def square_root(a: Array, b: Array, out: Array) -> None:
    """a^0.5 as C's pow has it: 0 of -0, infinity of minus infinity. NumPy takes np.sqrt for it."""
    np.add(a, 0, out=out)
    out[out == -np.inf] = np.inf
    np.sqrt(out, out=out)


def prepare_pow(node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]) -> Power:
    """The forms of the computation."""
    base, exponent = inputs
    assert base is not None and exponent is not None
    output = outputs[0]
    whole = root = None
    single = exponent.size == 1 and base.shape != exponent.shape
    if single and base.dtype in (FLOAT32, FLOAT16, FLOAT64):
        whole = binary.plain(whole_power, inputs, output, temporaries=True)
        root = binary.plain(square_root, inputs, output, temporaries=True)
    return Power(binary.plain(np.power, inputs, output), whole, root, output.dtype.is_integer)


def evaluate_pow(p: Power, inputs: Inputs, outputs: Outputs, run: Run) -> None:
    """Checks the exponents of integers, then computes.

    Raises:
        DataError: a negative exponent.
    """
    exponent = inputs[1]
    if p.integers:
        if exponent.size and int(exponent.min()) < 0:
            raise run.node.error(
                DataError,
                "an integer to a negative power is no integer",
                code="data.exponent",
                tensor=1,
                expected="exponents of 0 and more",
                found=int(exponent.min()),
                hint="use floats",
            )
    elif p.whole is not None and is_whole(exponent):
        binary.evaluate(p.whole, inputs, outputs, run)
        return
    elif p.root is not None and exponent.reshape(-1)[0] == 0.5:
        binary.evaluate(p.root, inputs, outputs, run)
        return
    binary.evaluate(p.general, inputs, outputs, run)


def is_whole(exponent: Array) -> bool:
    """Whether a single exponent is a whole number that one multiplies by."""
    number = float(exponent.reshape(-1)[0])
    return 1 <= number < _LARGEST_WHOLE and number == int(number)


def prepare_atan2(
    node: Node, inputs: Sequence[Spec | None], outputs: Sequence[Spec]
) -> binary.Form:
    """The form of the computation."""
    return binary.plain(np.arctan2, inputs, outputs[0])


_COMMON: dict[str, Any] = {
    "module": __name__,
    "infer": binary.infer,
    "versions": (1, 1),
    "in_place": ((0, 0), (0, 1)),
    "rows_apart": binary.rows_apart,
    "tolerance": 4,
}

define(
    "POW",
    **_COMMON,
    signature=Signature("T, T -> *", T=f"{binary.FLOATS}|{binary.INTEGERS}"),
    prepare=prepare_pow,
    eval=evaluate_pow,
    examples=(
        Example([[[1, 2], [3, 4]], [2]], [[[1, 4], [9, 16]]]),
        Example([[2.0, 9.0], [-1.0, 0.5]], [[0.5, 3.0]]),
    ),
)
define(
    "ATAN2",
    **_COMMON,
    signature=Signature("T, T -> T", T=binary.FLOATS),
    prepare=prepare_atan2,
    eval=binary.evaluate,
    examples=(Example([[0.0, 1.0, 1.0], [1.0, 0.0, 1.0]], [[0.0, 1.57079633, 0.78539816]]),),
)
