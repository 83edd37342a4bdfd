"""Cache: images on disk, for the next process.

They lie in PYTFLITE_CACHE_DIR, or in the user's own cache directory, which no one else may enter.
A file's name is a hash of all that its bytes depend on: kernel, target, the source code of whatever
writes kernels, and the versions of Numba and llvmlite. Files appear by renaming, so none is ever
half there; what does not pass the checks of image.py is removed and made anew. Where no directory
can be had (no home, a read-only disk), a temporary one serves, which goes when the process ends.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Any

from pytflite.jit.image import Image, ImageError, Loaded, NotExecutableError, blake2b, load_file
from pytflite.jit.kernel import Kernel
from pytflite.jit.target import Target

VARIABLE = "PYTFLITE_CACHE_DIR"
LIMIT = 256 << 20  # bytes of all files
IMAGE, PLAN, NOTE = ".image", ".plan", ".note"  # how the names of files end
_SEAL, _LARGEST_NOTE = 32, 1 << 24  # bytes
_HERE = os.path.dirname(os.path.abspath(__file__))
_SOURCES = (
    "compiling", "declaration", "entry", "image", "ir", "kernel", "linker", "numba_kernels",
    "records", "target",
)  # fmt: skip
_OF_OPS = ("detection/heaps", "gemmlowp", "normalization/softmax", "resize/positions")


# --- where --------------------------------------------------------------------------------------


def user_directory() -> str | None:
    """The directory by the rules of this system, or None without a home."""
    given = os.environ.get(VARIABLE)
    if given:
        return os.path.abspath(given)
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", "")
    elif sys.platform == "darwin":
        base = os.path.join(home, "Library", "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        if not os.path.isabs(base):
            base = os.path.join(home, ".cache")
    return os.path.join(base, "pytflite") if os.path.isabs(base) else None


def usable(directory: str) -> bool:
    """Makes it if need be; whether it is ours alone, and can be written."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        found = os.stat(directory)
        if hasattr(os, "geteuid") and (found.st_uid != os.geteuid() or found.st_mode & 0o022):
            return False
        return os.access(directory, os.W_OK | os.X_OK)
    except OSError:
        return False


# --- the key ------------------------------------------------------------------------------------


def sources() -> list[str]:
    """Paths of all that writes kernels, and of the versions of what compiles."""
    from importlib.util import find_spec

    files = [os.path.join(_HERE, f"{name}.py") for name in _SOURCES]
    ops = os.path.join(os.path.dirname(_HERE), "ops")
    files += [os.path.join(ops, *name.split("/")) + ".py" for name in _OF_OPS]
    for folder in ("emit", "kernels"):
        place = os.path.join(_HERE, folder)
        try:
            names = os.listdir(place)
        except OSError:  # in an archive, say: the version below must do
            names = []
        files += [os.path.join(place, name) for name in sorted(names) if name.endswith(".py")]
    for package in ("llvmlite", "numba"):
        spec = find_spec(package)
        if spec is not None and spec.origin:
            files.append(os.path.join(os.path.dirname(spec.origin), "_version.py"))
    return files


_KNOWN: list[str] = []  # the version of this process's code, once it is known


def assume_version(version: str) -> None:
    """Spares code_version() the work, for who knows that no source has changed since it said so."""
    _KNOWN.append(version)


def code_version() -> str:
    """A hash of `sources()`."""
    if not _KNOWN:
        version = getattr(sys.modules.get("pytflite"), "__version__", "")
        digest = blake2b(version.encode(), digest_size=16)
        for path in sources():
            try:
                with open(path, "rb") as file:
                    data = file.read()
            except OSError:
                data = b""
            digest.update(b"%d\0" % len(data) + data)
        _KNOWN.append(digest.hexdigest())
    return _KNOWN[0]


class Cache:
    """Images in one directory.

    Args:
        directory: where; None is the user's, or a temporary one where that cannot be used.

    Attributes:
        directory: where they are.
        temporary: whether it goes when the process ends.
    """

    def __init__(self, directory: str | None = None) -> None:
        self.temporary = False
        self.directory = directory or user_directory() or ""
        if not self.directory or not usable(self.directory):
            self.directory = _temporary()
            self.temporary = True

    def path(self, kernel: Kernel, target: Target) -> str:
        """The file of an image."""
        return self._path(kernel.label, target)

    def _path(self, label: str, target: Target) -> str:
        key = "\0".join((code_version(), target.name, target.cpu, target.features, label))
        name = blake2b(key.encode(), digest_size=16).hexdigest()
        return os.path.join(self.directory, f"{code_version()[:8]}-{name}{IMAGE}")

    def load(self, kernel: Kernel, target: Target) -> Loaded | None:
        """The image in memory, or None if there is no file that can be trusted.

        Raises:
            NotExecutableError: the system does not let it run.
        """
        label = kernel.label
        path = self._path(label, target)
        try:
            return load_file(path, target.name, label)
        except FileNotFoundError:
            return None
        except NotExecutableError:
            raise
        except ImageError:
            _remove(path)
            return None

    def store(self, kernel: Kernel, target: Target, image: Image) -> None:
        """Writes an image, whole or not at all.

        Raises:
            OSError: the disk is full, say.
        """
        write(self.path(kernel, target), image.data)

    def recall(self, key: bytes) -> bytes | None:
        """The note that was kept for a key, or None if there is none that can be trusted."""
        path = self._note(key)
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno())
                if hasattr(os, "geteuid") and found.st_uid != os.geteuid():
                    return None
                seal, note = file.read(_SEAL), file.read(_LARGEST_NOTE)
        except OSError:
            return None
        if seal != _sealed(key, note):
            _remove(path)
            return None
        return note

    def keep(self, key: bytes, note: bytes) -> None:
        """Keeps what was hard to find out for the next process, if the disk allows it."""
        if not self.temporary and len(note) <= _LARGEST_NOTE:
            with suppress(OSError):
                write(self._note(key), _sealed(key, note) + note)

    def _note(self, key: bytes) -> str:
        name = blake2b(key, digest_size=16).hexdigest()
        return os.path.join(self.directory, f"{name}{NOTE}")

    def has_plans(self) -> bool:
        """Whether any plan is kept: else nobody need look at what is in a model."""
        try:
            return any(name.endswith(PLAN) for name in os.listdir(self.directory))
        except OSError:
            return False


def _sealed(key: bytes, note: bytes) -> bytes:
    """What stands before a note, so that a damaged or misnamed one is noticed."""
    return blake2b(b"%d\0" % len(key) + key + note, digest_size=_SEAL).digest()


def write(path: str, data: Any) -> None:
    """Writes a file, whole or not at all."""
    unfinished = f"{path}.{os.getpid()}"
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
        os.replace(unfinished, path)
    except BaseException:
        _remove(unfinished)
        raise


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _temporary() -> str:
    """A directory that goes with the process that made it."""
    import atexit
    import shutil
    from tempfile import mkdtemp

    directory, maker = mkdtemp(prefix="pytflite-"), os.getpid()

    def end() -> None:
        if os.getpid() == maker:
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(end)
    return directory
