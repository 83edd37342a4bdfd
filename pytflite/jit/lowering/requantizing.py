"""The constants of requantisation, as emit/requantize.py has them in a panel."""

from __future__ import annotations

from functools import cache

import numpy as np

from pytflite.jit.emit.requantize import EDGE_PROVEN, rows
from pytflite.jit.library import LIBRARY
from pytflite.jit.lowering import proof
from pytflite.jit.lowering.proof import Floats, Range, find_floats
from pytflite.model.graph import Array
from pytflite.ops.fixed_point import quantize_multipliers, wrap32


def make_constants(rounding: str, reals: Array, bias: Array, r: Range) -> dict[str, Array]:
    """The rows that emit/requantize.py names, one number for each channel.

    Args:
        rounding: "fixed", "real" or "litert".
        reals: multipliers, none negative: one, or one a channel.
        bias: int64 [channels], what is added to the sums of products.
        r: what can be.
    """
    if rounding == "litert":
        scale = np.broadcast_to(np.asarray(reals, np.float32).reshape(-1), bias.shape)
        return {"bias": wrap32(bias).astype(np.int32), "scale": scale}
    reals = np.broadcast_to(np.asarray(reals, np.float64).reshape(-1), bias.shape)
    floats = _remembered_floats(rounding, reals, r)
    found = {
        "flag": (floats.edge != EDGE_PROVEN).astype(np.int32),
        "bias": wrap32(bias + floats.origin).astype(np.int32),
        "origin": floats.origin.astype(np.int32),
        "scale": floats.scale, "plus": floats.plus, "minus": floats.minus, "edge": floats.edge,
    }  # fmt: skip
    if rounding == "real":
        return {**found, "real": np.ascontiguousarray(reals)}
    m, shift = quantize_multipliers(reals)
    right = 31 + np.maximum(-shift, 0)
    return {
        **found,
        "left": np.maximum(shift, 0).astype(np.int32),
        "multiplier": m.astype(np.int32),
        "right": right.astype(np.int32),
        "nudge": (1 << 30) + np.where(right > 31, np.int64(1) << (right - 1), 0),
    }


def _remembered_floats(rounding: str, reals: Array, r: Range) -> Floats:
    """`find_floats`, which takes longer than all else of a start; so its findings are kept."""
    kinds = (np.float32, np.float32, np.float32, np.float32, np.int64)
    sizes = [reals.size * np.dtype(kind).itemsize for kind in kinds]
    key = b"".join((_version(), repr((rounding, *r)).encode(), reals.tobytes()))
    note = LIBRARY.cache.recall(key)
    if note is not None and len(note) == sum(sizes):
        starts = np.cumsum([0, *sizes])
        return Floats(
            *(np.frombuffer(note, kind, reals.size, start)
              for kind, start in zip(kinds, starts, strict=False))
        )  # fmt: skip
    floats = find_floats(rounding, reals, r)
    LIBRARY.cache.keep(key, b"".join(row.tobytes() for row in floats))
    return floats


@cache
def _version() -> bytes:
    """The source of the proof: another may find other constants."""
    try:
        with open(proof.__file__, "rb") as file:
            return file.read()
    except OSError:  # in an archive: the version of pytflite is part of a note's name
        return b""


def pack_constants(
    rounding: str, values: dict[str, Array], columns: int, places: Array
) -> Array:  # fmt: skip
    """[panels, rows, columns] of 32 bits; what is missing of the last panel is zero, and proven.

    The flag of a panel is its first number.

    Args:
        places: of the channels among the columns of all panels.
    """
    names = rows(rounding)
    panels = -(-places.size // columns)
    packed = np.zeros((panels, len(names), columns), np.int32)
    for row, name in enumerate(names):
        if name not in values:
            continue  # the second row of a number of 64 bits
        value = values[name]
        words = value.itemsize // 4
        padded = np.zeros((panels * columns, words), np.int32)
        if name == "edge":
            padded[...] = np.float32(EDGE_PROVEN).view(np.int32)
        padded[places] = np.ascontiguousarray(value).view(np.int32).reshape(-1, words)
        of_panel = packed[:, row : row + words]
        of_panel[...] = padded.reshape(of_panel.shape)
    if "flag" in names:
        packed[:, 0, 0] = packed[:, 0].any(axis=1)
    return packed
