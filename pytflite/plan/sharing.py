"""What P of the same operator have in common, kept once.

An operator is prepared for each set of input shapes, and by each interpreter of a model, but its
packed weights are the same each time. P is immutable, so of equal arrays one is enough. It is
found by its form and a few of its elements, compared in full, and forgotten with the last P that
holds it.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from pytflite.model.graph import Array

_LEAST = 4096  # bytes that are worth the search
_LONG = 8  # parts of a tuple that has no names for them
_SAMPLES = 64  # elements that tell arrays apart, nearly always

_KNOWN: WeakValueDictionary[Any, Array] = WeakValueDictionary()


def shared(p: Any) -> Any:
    """P, with arrays of earlier ones in place of its own where they are equal to the bit.

    Looks into tuples, but for long ones, which are schedules. Arrays that stand in P are read-only
    from then on.
    """
    if type(p) is np.ndarray:
        return _shared_array(p)
    if not isinstance(p, tuple) or (type(p) is tuple and len(p) > _LONG):
        return p
    changed = {}
    for n, part in enumerate(p):
        if isinstance(part, (np.ndarray, tuple)):
            known = shared(part)
            if known is not part:
                changed[n] = known
    if not changed:
        return p
    make = getattr(p, "_make", tuple)  # a NamedTuple's
    return make(changed.get(n, part) for n, part in enumerate(p))


def _shared_array(array: Array) -> Array:
    flat = _flat(array)
    if flat is None:
        return array
    array.flags.writeable = False
    sample = flat[:: max(1, flat.size // _SAMPLES)]
    key = (array.shape, array.strides, array.dtype.str, sample.tobytes())
    known = _KNOWN.setdefault(key, array)
    if known is array:
        return array
    earlier = _flat(known)
    assert earlier is not None  # it has the same form
    return known if np.array_equal(earlier.view(np.uint8), flat.view(np.uint8)) else array


def _flat(array: Array) -> Array | None:
    """The elements as they lie in memory; None if that is not worth it, or the memory a file's."""
    if array.nbytes < _LEAST or array.dtype.hasobject:
        return None
    owner: Any = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    if owner.base is not None:
        return None
    axes = sorted(range(array.ndim), key=array.strides.__getitem__, reverse=True)
    turned = array.transpose(axes)
    return turned.reshape(-1) if turned.flags.c_contiguous else None
