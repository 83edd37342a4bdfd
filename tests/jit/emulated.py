"""Runs kernels for another architecture under qemu's user-mode emulation.

Everything goes into one ELF program: a start-up kernel of ours, the kernels' images, parameters,
tensors, all at addresses that are known beforehand. At its end it writes that memory to its output.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from pytflite.jit.compiling import compile_kernel, machine
from pytflite.jit.image import PAGE, Image, check
from pytflite.jit.ir import Module
from pytflite.jit.kernel import Kernel
from pytflite.jit.linker import link
from pytflite.jit.target import Target

BASE = 0x10000000
_STACK = 1 << 20
_EMULATORS = {"aarch64": ("qemu-aarch64", 183)}


def emulator(architecture: str) -> str | None:
    """The program that runs code of this architecture, if it is installed."""
    name, _ = _EMULATORS.get(architecture, ("", 0))
    return shutil.which(name) if name else None


class Machine:
    """Memory of a process to be, filled piece by piece."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._memory = bytearray(PAGE)  # begins with what the start-up kernel reads
        self._start = self.add(struct.pack(f"<{len(_START_UP)}I", *_START_UP))
        self._copies = {
            name: self._image(_assembled(target, module)) for name, module in _c_library().items()
        }

    def add(self, data: bytes, alignment: int = 64) -> int:
        """Puts bytes into memory; their address."""
        self._memory += bytes(-len(self._memory) % alignment)
        at = BASE + len(self._memory)
        self._memory += data
        return at

    def kernel(self, kernel: Kernel) -> int:
        """Puts a kernel into memory; its address."""
        return self._image(compile_kernel(kernel, self.target))

    def _image(self, image: Image) -> int:
        header = check(image)
        data = bytearray(image.data)
        for n, name in enumerate(header.imports):
            struct.pack_into("<Q", data, len(data) - PAGE + 8 * n, self._copies[name])
        return self.add(bytes(data), PAGE) + header.entry

    def run(self, entry: int, parameters: int, begin: int, end: int, scratch: int = 0) -> Memory:
        """Calls a kernel in a process of its own; its memory afterwards."""
        struct.pack_into(
            "<6q", self._memory, 0, entry, parameters, begin, end, scratch, len(self._memory)
        )
        name, number = _EMULATORS[self.target.architecture]
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "program"
            program.write_bytes(_elf(bytes(self._memory), self._start, number))
            program.chmod(0o700)
            done = subprocess.run([name, str(program)], capture_output=True, timeout=300)
        assert done.returncode == 0, f"{name} ended with {done.returncode}: {done.stderr!r}"
        return Memory(done.stdout)


class Memory:
    """What a process has left behind."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def array(self, address: int, like: np.ndarray) -> np.ndarray:
        """An array of the shape and type of another one."""
        start = address - BASE
        return np.frombuffer(self._data[start : start + like.nbytes], like.dtype).reshape(
            like.shape
        )


def call(kernel: Kernel, *values: Any, target: Target, tiles: int, begin: int, scratch: int) -> int:
    """As native.call: writable arrays are brought back."""
    machine = Machine(target)
    entry = machine.kernel(kernel)
    placed: dict[int, int] = {}
    owners: dict[int, np.ndarray] = {}
    slots = [0]
    for value in values:
        if isinstance(value, np.ndarray):
            key = value.ctypes.data
            if key not in placed or owners[key].nbytes < value.nbytes:
                placed[key] = machine.add(value.tobytes() or bytes(1))
                owners[key] = value
            slots.append(placed[key])
        elif isinstance(value, (float, np.floating)):
            slots.append(int(np.float32(value).view(np.uint32)))
        else:
            slots.append(int(value or 0))
    parameters = machine.add(struct.pack(f"<{len(slots)}q", *slots))
    memory = machine.run(entry, parameters, begin, tiles, machine.add(bytes(scratch + 64)))
    for key, owner in owners.items():
        if owner.flags.writeable:
            owner[...] = memory.array(placed[key], owner)
    return int(memory.array(parameters, np.zeros(1, np.int64))[0])


# Calls the kernel that the first page names, writes all memory to the output, ends.
_START_UP = (
    0xD2A20013,  # movz x19, #0x1000, lsl #16     BASE
    0xF940026A,  # ldr x10, [x19]                 the kernel
    0xF9400660,  # ldr x0, [x19, #8]              parameters
    0xF9400A61,  # ldr x1, [x19, #16]             begin
    0xF9400E62,  # ldr x2, [x19, #24]             end
    0xF9401263,  # ldr x3, [x19, #32]             scratch
    0xD63F0140,  # blr x10
    0xF9401676,  # ldr x22, [x19, #40]            bytes to write
    0xD2800020,  # again: movz x0, #1             the output
    0xAA1303E1,  # mov x1, x19
    0xAA1603E2,  # mov x2, x22
    0xD2800808,  # movz x8, #64                   write
    0xD4000001,  # svc #0
    0x8B000273,  # add x19, x19, x0
    0xCB0002D6,  # sub x22, x22, x0
    0xB5FFFF36,  # cbnz x22, again
    0xD2800000,  # movz x0, #0
    0xD2800BA8,  # movz x8, #93                   exit
    0xD4000001,  # svc #0
)


def _c_library() -> dict[str, str]:
    """memcpy and memset, byte by byte: LLVM must not make calls of them, hence volatile."""
    found = {}
    for name in ("memcpy", "memset"):
        second = "ptr x" if name == "memcpy" else "i32 x"
        m = Module()
        f = m.function("kernel", "ptr y", second, "i64 n", returns="ptr")
        byte = "" if name == "memcpy" else f.op("trunc i32 %x to i8")
        with f.loop(0, "%n") as loop:
            if name == "memcpy":
                byte = f.op(f"load volatile i8, ptr {f.at('%x', loop.index)}, align 1")
            f.do(f"store volatile i8 {byte}, ptr {f.at('%y', loop.index)}, align 1")
        f.ret("%y")
        found[name] = m.text()
    return found


def _assembled(target: Target, text: str) -> Image:
    parsed = llvm.parse_assembly(text)
    parsed.triple = target.triple
    parsed.data_layout = str(machine(target).target_data)
    return link(machine(target).emit_object(parsed), target.architecture)


def _elf(memory: bytes, entry: int, machine_number: int) -> bytes:
    """An executable with one segment that may be read, written and run."""
    header = struct.pack(
        "<4sBBBBQHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 2, machine_number, 1, entry, 64, 0,
        0, 64, 56, 1, 0, 0, 0,
    )  # fmt: skip
    segment = struct.pack(
        "<IIQQQQQQ", 1, 7, PAGE, BASE, BASE, len(memory), len(memory) + _STACK, PAGE
    )
    return (header + segment).ljust(PAGE, b"\0") + memory
