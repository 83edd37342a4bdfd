"""What LLVM has an instruction for and Python has none, as Python functions.

Float64 will do as well as float32 where all numbers are. Compiled, each is
one instruction (jit/numba_kernels.py has the table); here is what they mean.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

T = TypeVar("T", np.float32, np.float64)


def fma(a: T, b: T, c: T) -> T:
    """a * b + c, rounded once where the CPU has such an instruction (here: nearly so)."""
    return type(c)(np.float64(a) * np.float64(b) + np.float64(c))


def wide(x: np.float32 | np.int32) -> np.float64:
    """The same number as a float64."""
    return np.float64(x)


def single(x: np.float64) -> np.float32:
    """The nearest float32."""
    return np.float32(x)


def bits(x: np.float32) -> np.int32:
    """The bits of a float32."""
    return np.int32(x.view(np.int32))


def from_bits(x: np.int32) -> np.float32:
    """The float32 that has these bits."""
    return np.float32(x.view(np.float32))


def bits64(x: np.float64) -> np.int64:
    """The bits of a float64."""
    return np.int64(x.view(np.int64))


def from_bits64(x: np.int64) -> np.float64:
    """The float64 that has these bits."""
    return np.float64(x.view(np.float64))


def rint(x: T) -> T:
    """The nearest integer, ties to even, still a float32."""
    return type(x)(np.rint(x))


def floor(x: T) -> T:
    """The next integer below, still a float32."""
    return type(x)(np.floor(x))


def sqrt(x: np.float32) -> np.float32:
    """The square root, correctly rounded; NaN of negative numbers."""
    return np.float32(np.sqrt(x))


def absolute(x: np.float32) -> np.float32:
    """x without its sign, that of NaN, too."""
    return np.float32(np.abs(x))


def maximum(a: np.float32, b: np.float32) -> np.float32:
    """The larger; NaN if either is; +0 is larger than -0."""
    return np.float32(np.maximum(a, b))


def minimum(a: np.float32, b: np.float32) -> np.float32:
    """The lesser; NaN if either is; -0 is less than +0."""
    return np.float32(np.minimum(a, b))


def accumulate(total: np.float32, x: np.float32) -> np.float32:
    """total + x, where a loop may add in any order: several sums at once, added up at the end."""
    return total + x


def copysign(x: np.float32, sign: np.float32) -> np.float32:
    """x with the sign of another number."""
    return np.float32(np.copysign(x, sign))


def where(condition: bool | np.bool_, a: T, b: T) -> T:
    """a if the condition holds, else b: without a branch."""
    return a if condition else b
