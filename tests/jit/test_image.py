"""Images: linked from objects, written, mapped, refused."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from pathlib import Path

import llvmlite.binding as llvm
import numpy as np
import pytest

from pytflite.jit import image as images
from pytflite.jit.compiling import compile_kernel, machine
from pytflite.jit.image import PAGE, Image, ImageError, NotExecutableError, load, load_file
from pytflite.jit.kernel import kernel
from pytflite.jit.linker import ARCHITECTURES, IMPORTS, LinkError, link
from pytflite.jit.target import BY_NAME, Target
from tests.jit.native import RUNNABLE

CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
HERE = RUNNABLE[-1]
SIGNATURE = "define void @kernel(ptr %p, i64 %a, i64 %b, ptr %s) nounwind"


def built(text: str, target: Target = HERE, label: str = "test") -> Image:
    """The image of LLVM text."""
    module = llvm.parse_assembly(text)
    writer = machine(target)
    module.triple, module.data_layout = target.triple, str(writer.target_data)
    return link(writer.emit_object(module), target.architecture, target.name, label)


# A table of constants, a jump table, a call within, and three calls to outside.
EVERYTHING = f"""
@numbers = private constant [8 x double] [double 1.0, double 2.0, double 3.0, double 4.0,
    double 5.0, double 6.0, double 7.0, double 8.0]
declare ptr @memset(ptr, i32, i64)
declare ptr @memcpy(ptr, ptr, i64)
declare float @fmodf(float, float)
define internal double @inner(i64 %i) noinline nounwind {{
  %g = getelementptr double, ptr @numbers, i64 %i
  %v = load double, ptr %g
  ret double %v
}}
{SIGNATURE} {{
entry:
  switch i64 %a, label %other [ i64 0, label %zero i64 1, label %one i64 2, label %two
    i64 3, label %three i64 4, label %four i64 5, label %five ]
zero:
  %v = call double @inner(i64 %b)
  store double %v, ptr %p
  ret void
one:
  %c = call ptr @memset(ptr %p, i32 7, i64 %b)
  ret void
two:
  %d = call ptr @memcpy(ptr %p, ptr %s, i64 %b)
  ret void
three:
  %x = load float, ptr %s
  %y = call float @fmodf(float %x, float 3.0)
  store float %y, ptr %p
  ret void
four:
  store i64 44, ptr %p
  ret void
five:
  store i64 55, ptr %p
  ret void
other:
  store i64 -1, ptr %p
  ret void
}}
"""


def check_everything(entry: int) -> None:
    run = CALL(entry)
    out, source = np.zeros(8), np.arange(8.0)
    run(out.ctypes.data, 0, 6, None)
    assert out[0] == 7
    run(out.ctypes.data, 1, 9, None)
    assert out.view(np.uint8)[:10].tolist() == [7] * 9 + [0]
    run(out.ctypes.data, 2, 64, source.ctypes.data)
    assert (out == source).all()
    numbers = np.array([7.5, 0], np.float32)
    run(numbers[1:].ctypes.data, 3, 0, numbers.ctypes.data)
    assert numbers[1] == 1.5
    for case, value in ((4, 44), (5, 55), (6, -1)):
        run(out.ctypes.data, case, 0, None)
        assert out.view(np.int64)[0] == value


@pytest.fixture
def file(tmp_path: Path) -> str:
    """An image that needs everything, as a file of this user's own."""
    path = tmp_path / "image"
    path.write_bytes(built(EVERYTHING).data)
    path.chmod(0o600)
    return str(path)


# --- linking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", RUNNABLE, ids=lambda t: t.name)
def test_what_is_linked_runs(target: Target) -> None:
    loaded = load(built(EVERYTHING, target))
    check_everything(loaded.address)
    assert loaded.label == "test"


def test_code_for_aarch64_is_linked() -> None:
    """Branches, pages and offsets go where they should: followed by hand."""
    data = built(EVERYTHING, BY_NAME["neon"]).data
    words = np.frombuffer(data[: len(data) // 4 * 4], "<u4")
    at = 4 * np.flatnonzero(words == 0xD61F0200)  # br x16: the stubs
    assert len(at) == 3
    table = len(data) - PAGE
    for number, place in enumerate(at):
        page, low = words[place // 4 - 2], words[place // 4 - 1]
        distance = (page >> 29 & 3) | (page >> 5 & 0x7FFFF) << 2
        assert ((place - 8) // 4096 + distance) * 4096 + (low >> 10 & 0xFFF) * 8 == (
            table + 8 * number
        )
    calls = [(4 * i, w) for i, w in enumerate(words.tolist()) if w >> 26 in (0b100101, 0b000101)]
    goals = {place + 4 * (((w & 0x3FFFFFF) ^ 0x2000000) - 0x2000000) for place, w in calls}
    assert {int(place) - 8 for place in at} <= goals


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("declare void @puts()\n{} {{ call void @puts() ret void }}", "it calls puts"),
        ("@x = global i64 5\n{} {{ store i64 %a, ptr @x ret void }}", "not constant"),
        ("@x = internal global i64 0\n{} {{ store i64 %a, ptr @x ret void }}", "not constant"),
        ("@f = constant ptr @kernel\n{} {{ ret void }}", "not constant"),
        ("define void @other() nounwind {{ ret void }}", "defines no kernel"),
    ],
)
def test_what_is_refused(architecture: str, text: str, reason: str) -> None:
    target = next(t for t in reversed(BY_NAME.values()) if t.architecture == architecture)
    with pytest.raises(LinkError, match=reason):
        built(text.format(SIGNATURE), target)


def test_an_unknown_relocation_is_refused() -> None:
    module = llvm.parse_assembly(EVERYTHING)
    writer = machine(HERE)
    module.triple, module.data_layout = HERE.triple, str(writer.target_data)
    obj = bytearray(writer.emit_object(module))
    (table,), (count,) = struct.unpack_from("<Q", obj, 40), struct.unpack_from("<H", obj, 60)
    for i in range(count):
        header = struct.unpack_from("<IIQQQQIIQQ", obj, table + 64 * i)
        if header[1] == 4:
            struct.pack_into("<I", obj, header[4] + 8, 1)  # absolute, 64 bits
    with pytest.raises(LinkError, match="relocation 1 of"):
        link(bytes(obj), HERE.architecture)
    with pytest.raises(LinkError, match="no relocatable"):
        link(bytes(obj), "aarch64")


def test_imports_are_there() -> None:
    for name in IMPORTS:
        assert images.address(name), name
    with pytest.raises(ImageError, match="has no"):
        images.address("no_such_function")


# --- files --------------------------------------------------------------------------------------


def test_a_file_is_mapped_and_runs(file: str) -> None:
    loaded = load_file(file, HERE.name, "test")
    check_everything(loaded.address)
    os.unlink(file)
    check_everything(loaded.address)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_no_memory_is_both_written_and_run(file: str) -> None:
    held = [load_file(file, HERE.name, "test"), load(built(EVERYTHING))]
    places = [x.address for x in held]
    found = 0
    with open("/proc/self/maps") as maps:
        for line in maps:
            begin, end = (int(part, 16) for part in line.split()[0].split("-"))
            if any(begin <= place < end for place in places):
                found += 1
                assert line.split()[1] == "r-xp", line
    assert found == 2


@pytest.mark.parametrize("place", [0, 8, 40, 48, 64, 1000, -1])
def test_damage_is_noticed(file: str, place: int) -> None:
    data = bytearray(Path(file).read_bytes())
    data[place] ^= 1
    Path(file).write_bytes(data)
    with pytest.raises(ImageError):
        load_file(file, HERE.name, "test")


@pytest.mark.parametrize("size", [0, 7, 63, 64, 500])
def test_a_part_of_a_file_is_refused(file: str, size: int) -> None:
    os.truncate(file, size)
    with pytest.raises(ImageError):
        load_file(file, HERE.name, "test")


def test_files_of_others_are_refused(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ImageError, match="it holds test"):
        load_file(file, HERE.name, "another")
    with pytest.raises(ImageError, match="it holds test"):
        load_file(file, "another", "test")
    link_to = tmp_path / "link"
    link_to.symlink_to(file)
    with pytest.raises(ImageError, match="cannot be opened"):
        load_file(str(link_to), HERE.name, "test")
    with pytest.raises(ImageError, match="not a file"):
        load_file(str(tmp_path), HERE.name, "test")
    with pytest.raises(FileNotFoundError):
        load_file(str(tmp_path / "nothing"), HERE.name, "test")
    os.chmod(file, 0o620)
    with pytest.raises(ImageError, match="others can write"):
        load_file(file, HERE.name, "test")
    os.chmod(file, 0o600)
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(ImageError, match="not a file of this user"):
        load_file(file, HERE.name, "test")


def test_a_system_that_refuses(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing:
        """A C library whose mmap and mprotect give no leave to execute."""

        def mmap(self, *arguments: object) -> int:
            return images._FAILED or 0

        def mprotect(self, *arguments: object) -> int:
            return -1

    monkeypatch.setattr(images, "_system", Refusing)
    with pytest.raises(NotExecutableError, match="refuses to map"):
        load_file(file, HERE.name, "test")
    with pytest.raises(NotExecutableError, match="refuses to make"):
        load(built(f"{SIGNATURE} {{ ret void }}"))


@pytest.mark.parametrize("name", BY_NAME)
def test_kernels_of_ours_link_for_each_target(name: str) -> None:
    for what in (kernel("selftest.adds"), kernel("runner.single")):
        assert compile_kernel(what, BY_NAME[name]).data.startswith(b"pytflit")
