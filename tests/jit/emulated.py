"""Runs kernels for another architecture under qemu's user-mode emulation.

    machine = machine_of(BY_NAME["neon"])
    x = machine.place(np.arange(8))             in memory that both processes see
    machine.call(machine.kernel(...), parameters.ctypes.data, 0, 1, 0)

The emulator runs one small program of ours, which does what it reads from a pipe: calls of kernels
and system calls. Memory is shared, at the same addresses there and here. A kernel that touches
what is not mapped ends the emulator, and `call` says so.
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
import os
import shutil
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from pytflite.jit import compiling
from pytflite.jit.compiling import compile_kernel
from pytflite.jit.image import PAGE, Image, check
from pytflite.jit.ir import Module
from pytflite.jit.kernel import Kernel
from pytflite.jit.linker import link
from pytflite.jit.target import Target

# An emulator, ELF's number of the architecture, and CPUs that have what a target needs, no more.
_EMULATORS = {"aarch64": ("qemu-aarch64", 183)}
_CPUS = {"neon": "cortex-a53", "dotprod": "cortex-a76", "i8mm": "max,sve=off"}

_START = 0x10000000  # where our program lies
_SHARED = 0x200000000000  # where the shared memory of the first machine lies
_SIZE, _PIECE = 1 << 35, 1 << 28  # of it, and of what is mapped at once
_STACK = 1 << 20
_MMAP, _MPROTECT, _CLONE = 222, 226, 220  # system calls of AArch64
_THREAD = 0x50F00  # CLONE_VM, _FS, _FILES, _SIGHAND, _THREAD, _SYSVSEM


def emulator(architecture: str) -> str | None:
    """The program that runs code of this architecture, if it is installed."""
    name, _ = _EMULATORS.get(architecture, ("", 0))
    return shutil.which(name) if name else None


class Machine:
    """A process on an emulated CPU, and the memory that it shares with this one."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._kernels: dict[Kernel, int] = {}
        self._turn = threading.RLock()  # of the threads that use it
        self._file = os.memfd_create("emulated")
        os.ftruncate(self._file, _SIZE)
        self._end = self._mapped = self._base = _map_here(self._file)
        self._process = self._begin()
        self._copies = {
            name: self._image(_assembled(target, text)) for name, text in _c_library().items()
        }

    # --- memory ---------------------------------------------------------------------------------

    def empty(self, size: int, alignment: int = 64) -> Any:
        """Fresh bytes, all zero."""
        with self._turn:
            start = -(-self._end // alignment) * alignment
            self._end = start + size
            while self._end > self._mapped:
                found = self.system(
                    _MMAP, self._mapped, _PIECE, 7, 0x11, self._file, self._mapped - self._base
                )
                assert found == self._mapped, f"mmap gives {found:#x}"
                self._mapped += _PIECE
        return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(start))

    def place(self, array: np.ndarray) -> Any:
        """A copy of an array."""
        array = np.ascontiguousarray(array)
        found = self.empty(max(array.nbytes, 1))[: array.nbytes].view(array.dtype)
        found = found.reshape(array.shape)
        found[...] = array
        return found

    def forbid(self, address: int, size: int) -> None:
        """Whole pages that nobody may touch any more."""
        assert not self.system(_MPROTECT, address, size, 0)

    # --- code -----------------------------------------------------------------------------------

    def kernel(self, kernel: Kernel) -> int:
        """Puts a kernel into memory, once; its address."""
        if kernel not in self._kernels:
            self._kernels[kernel] = self._image(compile_kernel(kernel, self.target))
        return self._kernels[kernel]

    def call(self, entry: int, *arguments: int) -> None:
        """Calls code at an address with up to four integers."""
        padded = (*arguments, 0, 0, 0, 0)[:4]
        self._tell(0, *padded, entry)

    def thread(self, entry: int, *arguments: int) -> Callable[[], bool]:
        """Calls it in a thread of its own; what tells whether it still runs."""
        stack = self.empty(_STACK)
        top = stack.ctypes.data + _STACK - 64
        padded = (*arguments, 0, 0, 0, 0)[:4]
        words = stack[-64:].view(np.int64)
        words[:5] = (*padded, entry)
        assert self.system(_CLONE, _THREAD, top) > 0
        return lambda: bool(words[4])

    def system(self, number: int, *arguments: int) -> int:
        """Makes a system call in the process; its result."""
        return self._tell(number, *arguments)

    def _image(self, image: Image) -> int:
        header = check(image)
        memory = self.empty(-(-len(image.data) // PAGE) * PAGE, PAGE)[: len(image.data)]
        memory[:] = np.frombuffer(image.data, np.uint8)
        if header.imports:
            memory[-PAGE:].view(np.int64)[: len(header.imports)] = [
                self._copies[name] for name in header.imports
            ]
        return int(memory.ctypes.data) + header.entry

    # --- the process ----------------------------------------------------------------------------

    def _begin(self) -> Any:
        name, number = _EMULATORS[self.target.architecture]
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "program"
            program.write_bytes(_elf(struct.pack(f"<{len(_SERVER)}I", *_SERVER), number))
            program.chmod(0o700)
            process = subprocess.Popen(
                [name, "-cpu", _CPUS[self.target.name], str(program)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                bufsize=0, pass_fds=[self._file],
            )  # fmt: skip
            self._process = process
            self.system(172)  # getpid: the program has begun, its file may go
        return process

    def _tell(self, *words: int) -> int:
        message = struct.pack("<8q", *words, *[0] * (8 - len(words)))
        with self._turn:
            self._process.stdin.write(message)
            answer = self._process.stdout.read(8)
        if len(answer) < 8:
            self._process.wait(10)
            machine_of.cache_clear()  # the next test gets another
            raise RuntimeError(f"the emulated process ended with {self._process.returncode}")
        return int(struct.unpack("<q", answer)[0])


@cache
def machine_of(target: Target) -> Machine:
    """The machine of a target: one is enough for all tests."""
    return Machine(target)


def call(kernel: Kernel, *values: Any, target: Target, tiles: int, begin: int, scratch: int) -> int:
    """As native.call: writable arrays are brought back."""
    machine = machine_of(target)
    placed: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    slots = [0]
    for value in values:
        if isinstance(value, np.ndarray):
            key = value.ctypes.data
            if key not in placed or placed[key][0].nbytes < value.nbytes:
                placed[key] = value, machine.place(value)
            slots.append(placed[key][1].ctypes.data)
        elif isinstance(value, (float, np.floating)):
            slots.append(int(np.float32(value).view(np.uint32)))
        else:
            slots.append(int(value or 0))
    parameters = machine.place(np.array(slots, np.int64))
    memory = machine.place(np.full(scratch + 64, 0xA5, np.uint8))
    machine.call(machine.kernel(kernel), parameters.ctypes.data, begin, tiles, memory.ctypes.data)
    for own, copy in placed.values():
        if own.flags.writeable:
            own[...] = copy
    return int(parameters[0])


# Reads eight words into its first page and does what they say: word 0 is the number of a system
# call, words 1 to 6 its arguments; 0 is a call of the code at word 5. Answers with one word.
_SERVER = (
    0xD2A20013,  # movz x19, #0x1000, lsl #16     the program's own page
    0xD2800000,  # next: movz x0, #0
    0x91200261,  # add x1, x19, #0x800
    0xD2800802,  # movz x2, #64
    0xD28007E8,  # movz x8, #63                   read
    0xD4000001,  # svc #0
    0xB7FFFF60,  # tbnz x0, #63, next             interrupted
    0xB40003E0,  # cbz x0, end                    nobody is there any more
    0xF9440268,  # ldr x8, [x19, #0x800]
    0xF9440660,  # ldr x0, [x19, #0x808]
    0xF9440A61,  # ldr x1, [x19, #0x810]
    0xF9440E62,  # ldr x2, [x19, #0x818]
    0xF9441263,  # ldr x3, [x19, #0x820]
    0xF9441664,  # ldr x4, [x19, #0x828]
    0xF9441A65,  # ldr x5, [x19, #0x830]
    0xB40001C8,  # cbz x8, call
    0xD4000001,  # svc #0
    0xB50001A0,  # cbnz x0, answer
    0xF103711F,  # cmp x8, #220                   clone: 0 in the new thread
    0x54000161,  # b.ne answer
    0xF94003E0,  # ldr x0, [sp]
    0xF94007E1,  # ldr x1, [sp, #8]
    0xF9400BE2,  # ldr x2, [sp, #16]
    0xF9400FE3,  # ldr x3, [sp, #24]
    0xF94013E4,  # ldr x4, [sp, #32]
    0xD63F0080,  # blr x4
    0xF90013FF,  # str xzr, [sp, #32]             says that it has returned
    0xD2800BA8,  # movz x8, #93                   exit, this thread alone
    0xD4000001,  # svc #0
    0xD63F0080,  # call: blr x4
    0xF9040260,  # answer: str x0, [x19, #0x800]
    0xD2800020,  # again: movz x0, #1
    0x91200261,  # add x1, x19, #0x800
    0xD2800102,  # movz x2, #8
    0xD2800808,  # movz x8, #64                   write
    0xD4000001,  # svc #0
    0xB7FFFF60,  # tbnz x0, #63, again
    0x17FFFFDC,  # b next
    0xD2800BC8,  # end: movz x8, #94              exit, all threads
    0xD4000001,  # svc #0
)


_PLACES = itertools.count()


def _map_here(file: int) -> int:
    """Maps a machine's memory into this process, where no other is; the address."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    wanted = _SHARED + next(_PLACES) * 2 * _SIZE
    shared, no_replace = mmap.MAP_SHARED, 0x100000
    found = libc.mmap(
        ctypes.c_void_p(wanted), ctypes.c_size_t(_SIZE), 3, shared | no_replace, file,
        ctypes.c_long(0),
    )  # fmt: skip
    if found != wanted:
        raise OSError(ctypes.get_errno(), "mmap")
    return wanted


def _c_library() -> dict[str, str]:
    """What images may import, in IR, as the emulated program has no C library.

    memcpy and memset go byte by byte: LLVM must not make calls of them, hence volatile.
    """
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
    return found | {"fmodf": _remainder()}


def _remainder() -> str:
    """fmodf: takes |y| * 2^k off |x|, each as large as it may be. Differences are exact."""
    m = Module()
    f = m.function("kernel", "float x", "float y", returns="float")
    rest, part = f.op("alloca double"), f.op("alloca double")
    kind = "double"
    x, y = (
        f.call(kind, "llvm.fabs.f64", f"double {f.op(f'fpext float {v} to double')}")
        for v in ("%x", "%y")
    )
    finite = f.op(f"fcmp olt double {x}, 0x7FF0000000000000")
    valid = f.op(f"and i1 {finite}, {f.op(f'fcmp ogt double {y}, 0.0')}")
    f.store(kind, f.select(valid, kind, x, "0x7FF8000000000000"), rest)
    with f.repeat() as rounds:
        now = f.load(kind, rest)
        rounds.leave_if(f.op(f"fcmp ult double {now}, {y}"))
        f.store(kind, y, part)
        with f.repeat() as doubling:
            twice = f.op(f"fmul double {f.load(kind, part)}, 2.0")
            doubling.leave_if(f.op(f"fcmp ugt double {twice}, {now}"))
            f.store(kind, twice, part)
        f.store(kind, f.op(f"fsub double {now}, {f.load(kind, part)}"), rest)
    result = f.op(f"fptrunc double {f.load(kind, rest)} to float")
    f.ret(f.call("float", "llvm.copysign.f32", f"float {result}", "float %x"))
    return m.text()


def _assembled(target: Target, text: str) -> Image:
    machine = compiling.machine(target)
    parsed = llvm.parse_assembly(text)
    parsed.triple = target.triple
    parsed.data_layout = str(machine.target_data)
    return link(machine.emit_object(parsed), target.architecture)


def _elf(code: bytes, number: int) -> bytes:
    """An executable of one page that may be read, written and run."""
    header = struct.pack(
        "<4sBBBBQHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 2, number, 1, _START, 64, 0,
        0, 64, 56, 1, 0, 0, 0,
    )  # fmt: skip
    segment = struct.pack("<IIQQQQQQ", 1, 7, PAGE, _START, _START, PAGE, PAGE, PAGE)
    return (header + segment).ljust(PAGE, b"\0") + code.ljust(PAGE, b"\0")
