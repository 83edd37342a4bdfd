"""What kernels of jit/kernels are told: the types of elements, and how much scratch they need."""

from __future__ import annotations

from collections.abc import Sequence

from pytflite.model.dtypes import DType

_LINE = 64  # bytes: scratch arrays begin on lines
_PARTS = {"complex64": ("float32", 2), "complex128": ("float64", 2), "bool": ("uint8", 1)}


def numbers_of(dtype: DType) -> tuple[str, int] | None:
    """Where they are added and compared; None for types that CPUs have no numbers for."""
    name = str(dtype.storage)
    if name in _PARTS:
        return _PARTS[name]
    return None if dtype.is_float and name not in ("float32", "float64") else (name, 1)


def bits_of(dtype: DType) -> tuple[str, int]:
    """Where they are only moved."""
    size = dtype.storage.itemsize
    return (f"uint{8 * size}", 1) if size <= 8 else ("uint64", size // 8)


def lines(sizes: Sequence[int]) -> int:
    """Bytes of scratch arrays of these sizes."""
    return sum(-(-size // _LINE) * _LINE for size in sizes)
