"""Housekeeping: what a cache's directory (cache.py) holds, and keeping it small."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from pytflite.jit.cache import IMAGE, LIMIT, NOTE, PLAN, code_version
from pytflite.jit.image import DAY

_BLOCK = 4096  # what the smallest file takes


class Content(NamedTuple):
    """What `pytflite cache info` tells.

    Attributes:
        directory: where.
        files: how many images.
        size: bytes of all that is there.
        current: how many of the images this version of pytflite made.
        plans: how many linked plans of models.
    """

    directory: str
    files: int
    size: int
    current: int
    plans: int


def content(directory: str) -> Content:
    """What is there."""
    files = list(_files(directory))
    images = [file.path for file in files if file.path.endswith(IMAGE)]
    prefix = os.path.join(directory, code_version()[:8])
    return Content(
        directory,
        len(images),
        sum(file.size for file in files),
        sum(path.startswith(prefix) for path in images),
        sum(file.path.endswith(PLAN) for file in files),
    )


def trim(directory: str, limit: int = LIMIT) -> None:
    """Removes the files that were not used for longest, and remains of crashed processes."""
    files = sorted(_files(directory), key=lambda file: file.used, reverse=True)
    total = 0
    for file in files:
        total += file.size + -file.size % _BLOCK
        old = time.time() - file.used > DAY
        if total > limit or (old and not file.path.endswith((IMAGE, NOTE, PLAN))):
            _remove(file.path)


def clear(directory: str) -> int:
    """Removes all files; how many images these were."""
    files = list(_files(directory))
    for file in files:
        _remove(file.path)
    return sum(file.path.endswith(IMAGE) for file in files)


class _File(NamedTuple):
    path: str
    size: int
    used: float


def _files(directory: str) -> Iterator[_File]:
    """Images, notes, plans, and unfinished ones."""
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                ours = any(kind in entry.name for kind in (IMAGE, NOTE, PLAN))
                if ours and entry.is_file(follow_symlinks=False):
                    found = entry.stat(follow_symlinks=False)
                    yield _File(entry.path, found.st_size, found.st_mtime)
    except OSError:
        return


def _remove(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)
