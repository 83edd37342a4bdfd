"""Resource: what native steps keep in cells of the arena."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pytflite.ops.spec import Shape


class Resource(NamedTuple):
    """A resource variable as a native step uses it: where it lies among the plan's cells.

    Or a stream, what an operator on signals keeps: all zeros at first. Or where a stream of random
    numbers stands, which begins at its seeds.
    """

    handle: Any
    offset: int  # bytes
    shape: Shape
    dtype: np.dtype[Any]
    assigns: bool  # or it is read
    stream: bool = False
    random: Any = None
