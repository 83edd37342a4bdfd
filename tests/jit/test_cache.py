"""The cache on disk: where it is, what it trusts, how it is kept small."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytflite.jit import cache as caches
from pytflite.jit import housekeeping
from pytflite.jit.cache import Cache, code_version, usable, user_directory
from pytflite.jit.compiling import compile_kernel
from pytflite.jit.kernel import kernel
from tests.jit.native import RUNNABLE

TARGET = RUNNABLE[-1]
ADDS = kernel("selftest.adds")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """A cache of one kernel."""
    made = Cache(str(tmp_path / "cache"))
    made.store(ADDS, TARGET, compile_kernel(ADDS, TARGET))
    return made


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", "/home/someone")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv(caches.VARIABLE, raising=False)
    assert user_directory() == "/home/someone/.cache/pytflite"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert user_directory() == "/home/someone/.cache/pytflite"
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert user_directory() == "/caches/pytflite"
    monkeypatch.setattr(sys, "platform", "darwin")
    assert user_directory() == "/home/someone/Library/Caches/pytflite"
    monkeypatch.setenv(caches.VARIABLE, "/given")
    assert user_directory() == "/given"
    monkeypatch.delenv(caches.VARIABLE)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert user_directory() is None


def test_what_is_stored_comes_back(cache: Cache) -> None:
    assert os.stat(cache.directory).st_mode & 0o777 == 0o700
    path = cache.path(ADDS, TARGET)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert os.listdir(cache.directory) == [os.path.basename(path)]
    loaded = cache.load(ADDS, TARGET)
    assert loaded is not None and loaded.label == "selftest.adds()"
    assert cache.load(kernel("selftest.adds", rows=1), TARGET) is None
    assert cache.load(ADDS, RUNNABLE[0]) is None


def test_a_damaged_file_is_removed(cache: Cache) -> None:
    path = cache.path(ADDS, TARGET)
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"\xff")
    assert cache.load(ADDS, TARGET) is None
    assert not os.path.exists(path)


def test_directories_of_others_are_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert usable(str(tmp_path / "new" / "one"))
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    assert not usable(str(open_to_all))
    (tmp_path / "file").touch()
    assert not usable(str(tmp_path / "file"))
    assert not usable(str(tmp_path / "file" / "below"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # a read-only disk
    assert not usable(str(tmp_path))


def test_without_a_directory_there_is_a_temporary_one() -> None:
    program = (
        "from pytflite.jit.cache import Cache; import os; c = Cache();"
        "assert c.temporary and os.stat(c.directory).st_mode & 0o777 == 0o700; print(c.directory)"
    )
    environment = {**os.environ, caches.VARIABLE: "/proc/nowhere"}
    directory = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert directory and not os.path.exists(directory)


def test_the_key_depends_on_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = code_version()
    caches._KNOWN.clear()
    assert code_version() == before
    (tmp_path / "emit").mkdir()
    (tmp_path / "emit" / "gemm.py").write_text("x = 1")
    monkeypatch.setattr(caches, "_HERE", str(tmp_path))
    versions = {before}
    for text in ("x = 1", "x = 2", "x = 22"):
        (tmp_path / "emit" / "gemm.py").write_text(text)
        caches._KNOWN.clear()
        versions.add(code_version())
    assert len(versions) == 4
    monkeypatch.undo()
    caches._KNOWN.clear()
    assert code_version() == before


def test_kernels_depend_on_nothing_else() -> None:
    """What emitters and kernels import is in the key."""
    program = (
        "import sys; from importlib import import_module as load;"
        f"[load('pytflite.jit.emit.' + name) for name in {_names('emit')}];"
        f"[load('pytflite.jit.kernels.' + name) for name in {_names('kernels')}];"
        "load('pytflite.jit.numba_kernels');"
        "print(*[name for name in sys.modules if name.startswith('pytflite.jit.')])"
    )
    names = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    ).stdout.split()
    known = {f"pytflite.jit.{name}" for name in (*caches._SOURCES, "emit", "kernels")}
    assert len(names) > 10
    for name in names:
        assert name in known or name.rpartition(".")[0] in known, name


def _names(folder: str) -> list[str]:
    return [p.stem for p in (Path(caches.__file__).parent / folder).glob("[a-z]*.py")]


def test_the_oldest_go_first(cache: Cache) -> None:
    image = compile_kernel(ADDS, TARGET)
    kernels = [kernel("selftest.adds", number=k) for k in range(5)]
    for age, what in enumerate(kernels):
        cache.store(what, TARGET, image)
        used = time.time() - 1000 * age
        os.utime(cache.path(what, TARGET), (used, used))
    remains = Path(cache.directory, "aa-bb.image.123")
    remains.write_bytes(b"x")
    os.utime(remains, (0, 0))
    housekeeping.trim(cache.directory, 4 * 4096)  # a block of the disk each
    there = [os.path.exists(cache.path(what, TARGET)) for what in (ADDS, *kernels)]
    assert there == [True, True, True, True, False, False]
    assert not remains.exists()


def test_use_is_noted(cache: Cache) -> None:
    path = cache.path(ADDS, TARGET)
    os.utime(path, (1e9, 1e9))
    assert cache.load(ADDS, TARGET)
    assert time.time() - os.stat(path).st_mtime < 100


def test_content_and_clear(cache: Cache) -> None:
    other = Path(cache.directory, "0badc0de-12.image")
    other.write_bytes(bytes(1000))
    foreign = Path(cache.directory, "notes.txt")
    foreign.touch()
    size = os.stat(cache.path(ADDS, TARGET)).st_size
    assert housekeeping.content(cache.directory) == (cache.directory, 2, size + 1000, 1, 0)
    assert housekeeping.clear(cache.directory) == 2
    assert os.listdir(cache.directory) == ["notes.txt"]


def test_a_full_disk_leaves_nothing(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    before = os.listdir(cache.directory)
    with pytest.raises(OSError, match="No space"):
        cache.store(kernel("selftest.adds", number=1), TARGET, compile_kernel(ADDS, TARGET))
    assert os.listdir(cache.directory) == before
