"""Functions of complex numbers, which are pairs of float32."""

from __future__ import annotations

import numpy as np

from pytflite.jit.declaration import declare
from pytflite.jit.kernels.intrinsics import absolute, fma, sqrt, where
from pytflite.model.graph import Array

_ONE, _UP, _DOWN = np.float32(1), np.float32(2.0**96), np.float32(2.0**-96)
_LARGE, _SMALL, _INFINITY = np.float32(2.0**40), np.float32(2.0**-40), np.float32(np.inf)


@declare(z="float32[:]", y="float32[:]", block="int64")
def magnitude(begin: int, end: int, z: Array, y: Array, block: int) -> int:
    """y = sqrt(re^2 + im^2), of numbers as large as squares can be; infinite where a part is,
    though the other be NaN. At most 1.25 ulps from the true value. A tile is `block` numbers.
    """
    for i in range(begin * block, min(end * block, y.shape[0])):
        re, im = absolute(z[2 * i]), absolute(z[2 * i + 1])
        most = where(re > im, re, im)
        large = most > _LARGE
        small = most < _SMALL
        scale = where(large, _DOWN, where(small, _UP, _ONE))
        a, b = re * scale, im * scale
        size = sqrt(fma(a, a, b * b)) * where(large, _UP, where(small, _DOWN, _ONE))
        y[i] = where((re == _INFINITY) | (im == _INFINITY), _INFINITY, size)
    return 0
