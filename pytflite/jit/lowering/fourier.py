"""RFFT2D, and what comes of complex numbers: REAL, IMAG, COMPLEX_ABS."""

from __future__ import annotations

from math import prod

import numpy as np

from pytflite.jit.emit.complex_planes import DOUBLE, lanes_of
from pytflite.jit.emit.fourier import narrow_passes
from pytflite.jit.kernel import kernel
from pytflite.jit.lowering.copying import Copy, copy_work
from pytflite.jit.lowering.registry import RUN_TIME, Lowered, Lowering, lowering
from pytflite.jit.target import Target
from pytflite.jit.work import Slot, Work
from pytflite.model.dtypes import COMPLEX64, FLOAT32
from pytflite.model.graph import Array
from pytflite.ops.arguments import constant_integers
from pytflite.plan.plan import Step

_LARGEST = 1 << 24  # bytes of scratch
_BLOCK = 4096  # numbers of a tile of COMPLEX_ABS


@lowering("RFFT2D")
def rfft2d(step: Step, to: Lowering) -> Lowered:
    """Rows, and where a matrix has several, its columns."""
    source, target = step.input_specs[0], step.output_specs[0]
    assert source is not None
    lengths = constant_integers(step.node, step.input_specs, 1, count=2)
    if lengths is None:
        return RUN_TIME
    high, wide = lengths
    n, lanes = wide // 2, lanes_of(to.target)
    if not _is_power(high) or not _is_power(wide) or n < 4 * lanes:
        return f"compiled for lengths that are powers of two, of rows from {8 * lanes} on"
    if not target.size:
        return []
    height, width = source.static[-2:]
    count = prod(target.static[:-2])
    log = n.bit_length() - 1
    row_bytes = FLOAT32.itemsize * width
    slots: list[Slot] = [
        to.input(step, 0), to.output(step), _row_table(n, to.target), _twists(n), n,
        log // 2 - len(narrow_passes(to.target)), log % 2, min(width, wide), row_bytes,
    ]  # fmt: skip
    scratch = 4 * (n + lanes) * DOUBLE
    if high == height == 1:
        return [Work(kernel("fourier.rows"), tuple(slots), count, scratch)]
    scratch += 4 * (n + lanes) * DOUBLE * high
    if scratch > _LARGEST:
        return "compiled for matrices that caches can hold"
    log = high.bit_length() - 1
    used = min(height, high) if width else 0
    slots += [high, used, height * row_bytes, _column_table(high), log // 2, log % 2]
    return [Work(kernel("fourier.matrices"), tuple(slots), count, scratch)]


def _is_power(n: int) -> bool:
    return n & (n - 1) == 0


def _twiddles(n: int, p: Array) -> Array:
    """Of a pass on n numbers, for some p: real and imaginary parts of w^p, w^2p, w^3p."""
    powers = np.exp(-2j * np.pi * np.arange(1, 4) * p[:, None] / n)
    return np.stack([powers.real, powers.imag], 2).reshape(-1, 6)


def _column_table(n: int) -> Array:
    """For p = 0, 1 ... of each pass in turn."""
    parts = [np.zeros((0, 6))]
    while n >= 4:
        parts.append(_twiddles(n, np.arange(n // 4)))
        n //= 4
    return np.concatenate(parts).reshape(-1) if len(parts) > 1 else np.zeros(1)


def _row_table(n: int, target: Target) -> Array:
    """The first passes have vectors of twiddles, a lane for each."""
    lanes, parts, left = lanes_of(target), [], n
    for s in narrow_passes(target):
        places = np.arange(n // 4) // s
        parts.append(_twiddles(left, places).reshape(-1, lanes, 6).swapaxes(1, 2).reshape(-1))
        left //= 4
    return np.concatenate([*parts, _column_table(left)])


def _twists(n: int) -> Array:
    """exp(-pi i k/n): real parts, then imaginary ones."""
    powers = np.exp(-1j * np.pi * np.arange(n) / n)
    return np.concatenate([powers.real, powers.imag])


@lowering("REAL", "IMAG")
def part(step: Step, to: Lowering) -> Lowered:
    """Every other number."""
    target = step.output_specs[0]
    copy = Copy((target.size,), (2,), (1,), x_offset=int(step.node.name == "IMAG"))
    return copy_work(to.input(step, 0), to.output(step), copy, target.dtype)


@lowering("COMPLEX_ABS")
def complex_abs(step: Step, to: Lowering) -> Lowered:
    """Without overflow on the way: in double."""
    source = step.input_specs[0]
    assert source is not None
    if source.dtype is not COMPLEX64:
        return "compiled for COMPLEX64 alone"
    slots = (to.input(step, 0), 2 * source.size, to.output(step), source.size, _BLOCK)
    return [Work(kernel("complex_numbers.magnitude"), slots, -(-source.size // _BLOCK))]
