"""Where a model's bytes come from: a path, bytes, a mapping, or an open file.

Files above `MAP_ABOVE` bytes are mapped, so that only the pages that are touched cost memory.
Smaller ones are read: a mapped file that another process shrinks would kill ours (SIGBUS).
"""

from __future__ import annotations

import mmap
import os
import stat
from typing import Any

import numpy as np

from pytflite.errors import FormatError, StateError
from pytflite.format.flatbuffer import as_view

MAP_ABOVE = 1 << 20


class Source:
    """The bytes of one file, until `close()`.

    The mapping itself ends when the last view on it (a tensor that somebody holds) is gone.

    Args:
        data: the bytes.
        name: for people.
        own: nobody else has `data`: if it is a mapping, it is read-only, and can be let go.
        stamp: what changes with the contents of the file: device, inode, size, and the times of
            its last modification and change in nanoseconds; empty if it is no file.
    """

    __slots__ = ("_mapping", "_view", "closed", "name", "stamp")

    def __init__(
        self, data: Any, name: str, *, own: bool = False, stamp: tuple[int, ...] = ()
    ) -> None:
        self.name = name
        self.stamp = stamp
        self._mapping = data if own and isinstance(data, mmap.mmap) else None
        self.closed = False  # whether close() was called
        self._view: memoryview | None = as_view(data)

    @property
    def view(self) -> memoryview:
        """All bytes, read-only.

        Raises:
            StateError: closed.
        """
        if self._view is None:
            raise StateError(f"{self.name} is closed", code="state.closed")
        return self._view

    def close(self) -> None:
        """Drops our reference to the bytes."""
        self.closed = True
        self._view = self._mapping = None

    def let_go(self, address: int, size: int) -> None:
        """Gives back the memory of pages that are in the file, and will hardly be read again.

        Args:
            address, size: of bytes; what is not of a mapping of ours stays as it is.
        """
        if self._mapping is None or not hasattr(mmap, "MADV_DONTNEED"):
            return
        begin = address - np.frombuffer(self._mapping, np.uint8, 1).ctypes.data
        end = (begin + size) // mmap.PAGESIZE * mmap.PAGESIZE
        begin = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
        if 0 <= begin < end <= len(self._mapping):
            self._mapping.madvise(mmap.MADV_DONTNEED, begin, end - begin)


def open_source(model: Any) -> Source:
    """Opens whatever can hold a model.

    Args:
        model: a path (str, os.PathLike), bytes, bytearray, memoryview, mmap, or an object with
            `read()`; an open file with a descriptor is mapped like a path.

    Raises:
        FormatError: there is no such file, or the object holds no bytes.
    """
    if isinstance(model, (str, os.PathLike)):
        path = os.fspath(model)
        name = path if isinstance(path, str) else os.fsdecode(path)
        try:
            with open(path, "rb") as file:
                stamp = stamp_of(os.fstat(file.fileno()))  # first: what is read is no older
                return Source(_contents(file), name, own=True, stamp=stamp)
        except OSError as error:
            raise FormatError(
                f"Could not open '{name}'",
                code="format.open",
                found=error.strerror or str(error),
                hint="give the path of a .tflite file, or its bytes as model_content",
            ) from error
    if hasattr(model, "read"):
        name = str(getattr(model, "name", "<file object>"))
        return Source(_contents(model), name, own=True)
    try:
        return Source(model, f"<{type(model).__name__}>")
    except TypeError:
        raise FormatError(
            "this is not a model",
            code="format.source",
            expected="a path, bytes, bytearray, memoryview, mmap, or an open binary file",
            found=type(model).__name__,
        ) from None


def stamp_of(found: os.stat_result) -> tuple[int, ...]:
    """A Source's stamp, from what the system says of a file."""
    times = found.st_mtime_ns, found.st_ctime_ns
    return (
        (found.st_dev, found.st_ino, found.st_size, *times) if stat.S_ISREG(found.st_mode) else ()
    )


def _contents(file: Any) -> Any:
    """The bytes of an open file: mapped when it is a large real file, otherwise read."""
    try:
        size = os.fstat(file.fileno()).st_size
    except (AttributeError, OSError, ValueError):
        size = 0
    if size > MAP_ABOVE and file.tell() == 0:
        try:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):
            pass  # a file system that cannot map; reading always works
    data = file.read()
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise FormatError(
            "the file object gives text",
            code="format.source",
            expected="a file opened in binary mode ('rb')",
            found=type(data).__name__,
        )
    return data
