"""The file of a kept plan (kept.py).

    0    magic
    8    blake2b of all that follows up to the constants
    40   length of the header; of the constants
    56   sum of each block of the constants, then the header: `marshal` of a Header
         on a page of its own: the constants, which are mapped, and shared by processes

Nobody but this user can write such a file; `opened` in image.py checks that.
"""

from __future__ import annotations

import marshal
import mmap
import os
import stat
import struct
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from pytflite.jit.cache import sources
from pytflite.jit.image import ImageError, blake2b, opened
from pytflite.jit.kernel import Setting
from pytflite.model.graph import Array
from pytflite.ops.spec import Shape

_MAGIC = b"pytplan\x02"
_START = struct.Struct("<8s32sQQ")
_BLOCK = 1 << 16  # bytes of constants that one sum covers
_LARGEST = 1 << 30


class Header:
    """What is kept beside the constants: numbers, strings and bytes only."""

    # Not a NamedTuple: to make one of so many fields takes each process a fifth of a millisecond.
    sources: tuple[tuple[str, int, int], ...]  # path, size, time
    version: str  # code_version()
    outputs: tuple[Shape, ...]
    offsets: dict[int, int]
    sizes: tuple[int, int, int, int, int]  # arena_bytes, lower_bound, folded, work, run_steps
    kernels: tuple[tuple[str, tuple[tuple[str, Setting], ...]], ...]
    totals: tuple[int, int]  # works, scratch
    tables: tuple[bytes, ...]  # records, slots, relative, inner, absolute
    constants: tuple[tuple[int, int], ...]  # from, to

    def __init__(self, **fields: Any) -> None:
        vars(self).update(fields)


def joined(arrays: Sequence[Array]) -> tuple[tuple[tuple[int, int], ...], Array]:
    """Arrays one behind the other, each on a cache line: their places, and whole blocks."""
    places: dict[int, tuple[int, int]] = {}
    end = 0
    for array in arrays:
        if id(array) not in places:
            places[id(array)] = end, end + array.nbytes
            end += -(-array.nbytes // 64) * 64
    constants = np.zeros(-(-end // _BLOCK) * _BLOCK, np.uint8)
    for array in arrays:
        begin, end = places[id(array)]
        constants[begin:end] = array.reshape(-1).view(np.uint8)
    return tuple(places[id(array)] for array in arrays), constants


def pack(header: Header, constants: Array) -> bytes:
    """The bytes of a file; the constants are whole blocks."""
    rest = _sums(constants).tobytes() + marshal.dumps(vars(header))
    body = bytearray(_START.size) + rest
    body += bytes(-len(body) % mmap.PAGESIZE)
    lengths = struct.pack("<QQ", len(rest), constants.size)
    digest = blake2b(lengths + bytes(body[_START.size :]), digest_size=32).digest()
    body[: _START.size] = _MAGIC + digest + lengths
    return bytes(body) + constants.tobytes()


def read(path: str) -> tuple[Header, Array]:
    """What a file holds, if all is as it was written and our sources are the same.

    Raises:
        FileNotFoundError: there is none.
        ImageError: it cannot be trusted, or is outdated.
    """
    with opened(path, _LARGEST) as (descriptor, size):
        mapping = mmap.mmap(
            descriptor, size, flags=mmap.MAP_PRIVATE | _POPULATE, prot=mmap.PROT_READ
        )
    data: Array = np.frombuffer(mapping, np.uint8)
    if size < _START.size:
        raise ImageError("it is too short")
    magic, digest, length, constants = _START.unpack(data[: _START.size].tobytes())
    begin = -(-(_START.size + length) // mmap.PAGESIZE) * mmap.PAGESIZE
    if magic != _MAGIC or constants % _BLOCK or begin + constants != size:
        raise ImageError("it is no plan of this version")
    if blake2b(data[40:begin].data, digest_size=32).digest() != digest:
        raise ImageError("its bytes have changed")
    blocks = constants // _BLOCK
    rest = data[_START.size : _START.size + length]
    header = Header(**marshal.loads(rest[8 * blocks :].data))
    if not _unchanged(header.sources):
        raise ImageError("it was made by another pytflite")
    if _sums(data[begin:]).tobytes() != rest[: 8 * blocks].tobytes():
        raise ImageError("its constants have changed")
    return header, data[begin:]


_POPULATE = getattr(mmap, "MAP_POPULATE", 0)  # all pages at once, not each when it is touched


def _sums(constants: Array) -> Array:
    """What notices damage, at the speed of memory: nobody else can write these files."""
    words: Array = constants.view(np.uint64).reshape(-1, _BLOCK // 8)
    sums: Array = np.add.reduce(words, axis=1)
    return sums


def source_states() -> tuple[tuple[str, int, int], ...]:
    """Of our modules in this process, and of what writes kernels; none if they are no files."""
    paths = set(sources())
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "pytflite":
            paths.add(getattr(module, "__file__", None) or "?")
    states = [(path, _state(path)) for path in sorted(paths)]
    if any(state is None for _, state in states):
        return ()
    return tuple((path, *state) for path, state in states if state is not None)


def _unchanged(sources: Sequence[tuple[str, int, int]]) -> bool:
    """Whether all are as their states say. There are hundreds: no more is done than must be."""
    look = os.stat
    try:
        for path, size, time in sources:
            found = look(path)
            if found[stat.ST_SIZE] != size or found[stat.ST_MTIME] != time:
                return False
    except OSError:
        return False
    return True


def _state(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_size, int(found.st_mtime)
