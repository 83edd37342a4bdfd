"""Image: machine code that runs wherever it is mapped, as a file and in memory.

    0    magic, with the version of the format
    8    blake2b of all that follows
    40   length of the file; of the text; entry; page size
    64   text: the target's name, the kernel's label, and its imports, between zero bytes
         code and constants (linker.py), addressed relative to each other
         on a page of its own: addresses of the imports, filled in by `load`

A file is mapped privately, and run, only after the very bytes of that mapping were checked: it must
be a regular file of this user that no one else can write. Nothing here needs LLVM.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import stat
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

import numpy as np

from pytflite.model.graph import Array

try:
    from _blake2 import blake2b as blake2b  # what hashlib gives, without loading OpenSSL
except ImportError:
    from hashlib import blake2b as blake2b

PAGE = mmap.PAGESIZE
DAY = 86400.0  # seconds
_MAGIC = b"pytflit\x01"
_HEADER = struct.Struct("<8s32sQIIII")
_LARGEST = 1 << 26


class ImageError(Exception):
    """The file is not what it must be: to be made anew."""


class NotExecutableError(ImageError):
    """This system refuses to run images."""


# Plain classes: making a NamedTuple takes a tenth of a millisecond of each process.


class Image:
    """The bytes of an image's file."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


class Loaded:
    """An image in memory: its mapping must live as long as its code may run."""

    __slots__ = ("address", "label", "memory")

    def __init__(self, address: int, memory: Array, label: str) -> None:
        self.address = address
        self.memory = memory
        self.label = label


def pack(code: bytes, entry: int, target: str, label: str, imports: tuple[str, ...]) -> bytes:
    """The file of an image. Without code: only the header, padded to where code begins.

    Args:
        code: begins with space for the header.
        entry: offset of the kernel.
        target, label: names.
        imports: whose addresses come on a page after the code.
    """
    text = "\0".join((target, label, *imports)).encode()
    start = _HEADER.size + len(text) + -(_HEADER.size + len(text)) % 64
    body = bytearray(code or bytes(start))
    if code and imports:
        body += bytes(PAGE)
    body[_HEADER.size : _HEADER.size + len(text)] = text
    _HEADER.pack_into(body, 0, _MAGIC, b"", len(body), len(text), entry, PAGE, 0)
    body[8:40] = blake2b(memoryview(body)[40:], digest_size=32).digest()
    return bytes(body)


class _Header:
    __slots__ = ("entry", "imports", "label", "target")

    def __init__(self, entry: int, target: str, label: str, imports: list[str]) -> None:
        self.entry = entry
        self.target = target
        self.label = label
        self.imports = imports


def check(image: Image) -> _Header:
    """What an image needs before it can run, if all is as it was written."""
    return _checked(np.frombuffer(image.data, np.uint8))


def _checked(data: Array) -> _Header:
    """What the header says, if all is as it was written."""
    if data.size < _HEADER.size:
        raise ImageError("it is too short")
    magic, checksum, length, text_length, entry, page, _ = _HEADER.unpack_from(data.data)
    if magic != _MAGIC:
        raise ImageError("it is no image of this version")
    if length != data.size or blake2b(data.data[40:], digest_size=32).digest() != checksum:
        raise ImageError("its bytes have changed")
    text = data[_HEADER.size : _HEADER.size + text_length].tobytes()
    target, label, *imports = text.decode().split("\0")
    if page != PAGE or not _HEADER.size <= entry < length:
        raise ImageError("it is of another machine")
    return _Header(entry, target, label, imports)


# As mmap and mprotect have them, everywhere.
_READ, _WRITE, _EXECUTE, _PRIVATE = 1, 2, 4, 2
_FAILED = ctypes.c_void_p(-1).value


# --- loading ------------------------------------------------------------------------------------


def load(image: Image) -> Loaded:
    """Puts an image into memory, without a file.

    Raises:
        NotExecutableError: the system does not let memory be executed.
    """
    size = len(image.data)
    try:
        memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (OSError, AttributeError) as error:
        raise NotExecutableError(f"no memory for machine code: {error}") from error
    memory.write(image.data)
    data: Array = np.frombuffer(memory, np.uint8)
    return _ready(data, _checked(data))


def load_file(path: str, target: str, label: str) -> Loaded:
    """Maps the image that a file holds.

    Args:
        path: of the file.
        target, label: names that it must carry.

    Raises:
        FileNotFoundError: there is none.
        ImageError: it is damaged, of another kernel, or others could have written it.
        NotExecutableError: the system does not let it be executed.
    """
    with opened(path, _LARGEST) as (descriptor, size):
        data = _mapped(descriptor, size)
    header = _checked(data)
    if (header.target, header.label) != (target, label):
        raise ImageError(f"it holds {header.label} for {header.target}")
    return _ready(data, header, _READ | _EXECUTE)


@contextmanager
def opened(path: str, largest: int) -> Iterator[tuple[int, int]]:
    """The descriptor and the size of a file that this user alone can have written.

    Its use is noted, once a day: of the cache the files go first that were not used for longest.

    Raises:
        FileNotFoundError: there is none.
        ImageError: it cannot be trusted, or is larger than any such file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ImageError(f"it cannot be opened: {error}") from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise ImageError("it is not a file of this user")
        if stat.S_IMODE(found.st_mode) & 0o022:
            raise ImageError("others can write it")
        if not _HEADER.size <= found.st_size <= largest:
            raise ImageError("its size is wrong")
        if time.time() - found.st_mtime > DAY:
            with suppress(OSError):  # on a disk that is read-only by now
                os.utime(descriptor)
        yield descriptor, found.st_size
    finally:
        os.close(descriptor)


def _mapped(descriptor: int, size: int) -> Array:
    """A private mapping that can be read and executed. It stays; no descriptor is kept for it."""
    start = _system().mmap(None, size, _READ | _EXECUTE, _PRIVATE, descriptor, 0)
    if start in (None, _FAILED):
        reason = os.strerror(ctypes.get_errno())
        raise NotExecutableError(f"this system refuses to map machine code: {reason}")
    return np.asarray(_Memory(start, size))


class _Memory:
    """Bytes at an address, as NumPy takes them; ctypes would make a type for each size."""

    def __init__(self, start: int, size: int) -> None:
        self.__array_interface__ = {
            "data": (start, True), "shape": (size,), "typestr": "|u1", "version": 3
        }  # fmt: skip


def _ready(data: Array, header: _Header, protection: int = _READ | _WRITE) -> Loaded:
    """Fills in the imports and makes all but them executable.

    Args:
        data: the whole mapping, with this protection.
    """
    start = data.ctypes.data
    size = data.size + -data.size % PAGE
    code = size - PAGE if header.imports else size
    if header.imports:
        if protection != _READ | _WRITE:
            _protect(start + code, PAGE, _READ | _WRITE)
        addresses = np.array([address(name) for name in header.imports], np.uint64)
        ctypes.memmove(start + code, addresses.ctypes.data, addresses.nbytes)
        _protect(start + code, PAGE, _READ)
    if protection != _READ | _EXECUTE:
        _protect(start, code, _READ | _EXECUTE)
    return Loaded(start + header.entry, data, header.label)


def _protect(start: int, size: int, protection: int) -> None:
    if _system().mprotect(start, size, protection):
        reason = os.strerror(ctypes.get_errno())
        raise NotExecutableError(f"this system refuses to make memory executable: {reason}")


@cache
def _system() -> ctypes.CDLL:
    """The C library, with the types of mmap and mprotect."""
    library = ctypes.CDLL(None, use_errno=True)
    address, size, number = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
    library.mmap.restype = address
    library.mmap.argtypes = [address, size, number, number, number, ctypes.c_int64]
    library.mprotect.argtypes = [address, size, number]
    return library


@cache
def address(name: str) -> int:
    """Where a function of the C library, or of that of mathematics, is in this process."""
    for library in _libraries():
        try:
            return ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0
        except AttributeError:
            continue
    raise ImageError(f"the C library of this system has no {name}")


def _libraries() -> Iterator[ctypes.CDLL]:
    """The C library, and that of mathematics where it is another."""
    yield _system()
    for name in ("libm.so.6", "libm.dylib"):
        with suppress(OSError):
            yield ctypes.CDLL(name)


def mappable() -> bool:
    """Whether images can be mapped here: not on Windows, nor macOS on Arm (MAP_JIT)."""
    return sys.platform != "win32" and not (
        sys.platform == "darwin" and os.uname().machine == "arm64"
    )
