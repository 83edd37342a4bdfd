"""Image: machine code that runs wherever it is mapped.

`link` turns an ELF object that LLVM has made (whatever the operating system) into one block of
bytes: sections one after another, relative addresses filled in. `load` maps it and gives the
address of its kernel. Nothing here needs LLVM.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
from typing import NamedTuple

_SHT_PROGBITS, _SHT_SYMTAB, _SHT_RELA, _SHT_NOBITS = 1, 2, 4, 8
_SHF_ALLOC = 2
_X86_PC32, _X86_PLT32 = 2, 4


class Section(NamedTuple):
    """A section header of ELF64."""

    name: int
    kind: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


class Image(NamedTuple):
    """Position-independent machine code, and where its kernel begins."""

    code: bytes
    entry: int


def link(obj: bytes) -> Image:
    """The image of a relocatable ELF object that defines `kernel`."""
    table, count = struct.unpack_from("<Q", obj, 40)[0], struct.unpack_from("<H", obj, 60)[0]
    sections = [
        Section(*struct.unpack_from("<IIQQQQIIQQ", obj, table + 64 * i)) for i in range(count)
    ]
    code, base = bytearray(), {}
    for number, s in enumerate(sections):
        if s.flags & _SHF_ALLOC and s.kind == _SHT_PROGBITS:
            code += bytes(-len(code) % max(64, s.alignment))
            base[number] = len(code)
            code += obj[s.offset : s.offset + s.size]
    (symbols,) = (s for s in sections if s.kind == _SHT_SYMTAB)
    names = sections[symbols.link]

    def symbol(k: int) -> tuple[str, int]:
        name, _, _, section, value, _ = struct.unpack_from("<IBBHQQ", obj, symbols.offset + 24 * k)
        start = names.offset + name
        text = obj[start : obj.index(b"\0", start)].decode()
        if section not in base:
            raise ValueError(f"undefined symbol {text!r}")
        return text, base[section] + value

    for s in sections:
        if s.kind == _SHT_RELA and s.info in base:
            for at in range(s.offset, s.offset + s.size, 24):
                offset, info, addend = struct.unpack_from("<QQq", obj, at)
                if info & 0xFFFFFFFF not in (_X86_PC32, _X86_PLT32):
                    raise ValueError(f"relocation {info & 0xFFFFFFFF}")
                place = base[s.info] + offset
                struct.pack_into("<i", code, place, symbol(info >> 32)[1] + addend - place)
    for k in range(symbols.size // 24):
        kind = struct.unpack_from("<IBBHQQ", obj, symbols.offset + 24 * k)
        if kind[1] >> 4 == 1 and kind[3] in base and symbol(k)[0] == "kernel":
            return Image(bytes(code), symbol(k)[1])
    raise ValueError("no kernel")


class Loaded(NamedTuple):
    """An image in memory: its mapping must live as long as its code may run."""

    memory: mmap.mmap
    address: int


def load(image: Image) -> Loaded:
    """Maps an image so that it can run."""
    memory = mmap.mmap(-1, len(image.code), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
                       prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)  # fmt: skip
    memory.write(image.code)
    return Loaded(memory, ctypes.addressof(ctypes.c_char.from_buffer(memory)) + image.entry)
