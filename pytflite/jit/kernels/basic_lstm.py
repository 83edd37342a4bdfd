"""The BASIC cell of LSTM (ops/recurrent/lstm_basic.py): what comes after the product, in floats and
in fixed point; and that product in integers.

gates = [i g f o] side by side: input gate, candidate, forget gate, output gate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.fixed_point import divided
from pytflite.jit.kernels.maths import logistic, tanh
from pytflite.model.graph import Array

COLUMNS = 64  # of the product that a tile has

_ZERO = np.int32(128)  # of x and h
_INT32_MAX = np.int64((1 << 31) - 1)


@declare(gates="float32[:, :]", c="float32[:, :]", h="float32[:, :]", new_c="float32[:, :]")
def floats(begin: int, end: int, gates: Array, c: Array, h: Array, new_c: Array) -> int:
    """c' = sigmoid(i) tanh(g) + sigmoid(f) c; h' = sigmoid(o) tanh(c'). A tile is a row."""
    units = c.shape[1]
    for row in range(begin, end):
        for u in range(units):
            entered = logistic(gates[row, u]) * tanh(gates[row, units + u])
            value = logistic(gates[row, 2 * units + u]) * c[row, u] + entered
            new_c[row, u] = value
            h[row, u] = logistic(gates[row, 3 * units + u]) * tanh(value)
    return 0


@declare(both="uint8[:, :]", weights="int16[:, :]", bias="int32[:]", gates="int16[:, :]",
         multiplier="int64", shift="int64")  # fmt: skip
def products(
    begin: int, end: int, both: Array, weights: Array, bias: Array, gates: Array, multiplier: int,
    shift: int,
) -> int:  # fmt: skip
    """Gates in Q3.12, of [x h] and weights [columns, depth] less their zero point.

    A tile is COLUMNS columns of all rows.
    """
    left, right = max(shift, 0), max(-shift, 0)
    for n in range(begin * COLUMNS, min(end * COLUMNS, weights.shape[0])):
        for row in range(both.shape[0]):
            total = np.int32(0)
            for k in range(weights.shape[1]):
                x = np.int32(both[row, k]) - _ZERO
                total = np.int32(total + np.int32(x * np.int32(weights[n, k])))
            total = np.int32(total + bias[n])
            high = np.int64(np.int32(np.int64(total) << left)) * multiplier + (1 << 30)
            high = min(high >> 31, _INT32_MAX)
            gates[row, n] = limited((high + ((np.int64(1) << right) >> 1)) >> right, 15)
    return 0


@declare(gates="int16[:, :]", c="int16[:, :]", h="uint8[:, :]", new_c="int16[:, :]",
         logistic_of="int16[:]", tanh_of="int16[:]")  # fmt: skip
def integers(
    begin: int, end: int, gates: Array, c: Array, h: Array, new_c: Array, logistic_of: Array,
    tanh_of: Array,
) -> int:  # fmt: skip
    """The cell in 16 bits: c in Q4.11, h' in Q0.7. A tile is a row."""
    units = c.shape[1]
    for row in range(begin, end):
        for u in range(units):
            i = np.int64(logistic_of[place(gates[row, u])])
            g = np.int64(tanh_of[place(gates[row, units + u])])
            f = np.int64(logistic_of[place(gates[row, 2 * units + u])])
            o = np.int64(logistic_of[place(gates[row, 3 * units + u])])
            value = limited(divided(times(i, g), 4) + times(f, np.int64(c[row, u])), 15)
            new_c[row, u] = value
            shown = times(o, np.int64(tanh_of[place(limited(value << 1, 15))]))
            h[row, u] = limited(divided(shown, 8), 7) + 128
    return 0


def place(x: Any) -> Any:
    """Where the table of all int16 has a number."""
    return np.int64(x) & 0xFFFF


def times(a: Any, b: Any) -> Any:
    """gemmlowp's product of 16 bits."""
    return min((a * b + (1 << 14)) >> 15, np.int64((1 << 15) - 1))


def limited(x: Any, bits: int) -> Any:
    """Saturated to a sign and so many bits."""
    most = np.int64((1 << bits) - 1)
    return min(max(x, -most - 1), most)
