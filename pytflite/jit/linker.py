"""Linker: from an ELF object that LLVM has made to an image that runs wherever it is mapped.

Sections are laid out one after another behind the image's header, and relative addresses filled
in. All that an image may need from outside are a few functions of the C library (IMPORTS): calls of
them go through stubs, short jumps to the address in a table, which `image.load` fills.

Only what is in the tables below is taken, anything else refused: no absolute addresses, no data
that can be written, no thread's own data, no initialisers.
ELF: https://refspecs.linuxfoundation.org; relocations: the psABI of x86-64 (table 4.9) and
AArch64 (section 5.7).
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple

from pytflite.jit.image import PAGE, Image, pack

IMPORTS = frozenset({
    "memcpy", "memmove", "memset",
    "acosf", "asinf", "atan2f", "atanf", "ceilf", "cosf", "coshf", "erff", "exp2f", "expf",
    "expm1f", "floorf", "fmaf", "fmodf", "log10f", "log1pf", "log2f", "logf", "nearbyintf", "powf",
    "rintf", "roundf", "sinf", "sinhf", "sqrtf", "tanf", "tanhf", "truncf",
    "atan2", "ceil", "cos", "exp", "floor", "fma", "fmod", "log", "nearbyint", "pow", "rint",
    "round", "sin", "sqrt", "tan", "tanh", "trunc",
})  # fmt: skip

_PROGBITS, _SYMTAB, _RELA, _NOBITS = 1, 2, 4, 8
_WRITE, _ALLOC, _TLS = 1, 2, 0x400
_INFORMATION = (0, 2, 3, 4, 7, 9, 0x6FFF4C03, 0x70000001)  # kinds that hold nothing to run


class LinkError(ValueError):
    """The object needs what images do not have: a bug of the kernel's emitter."""


class _Section(NamedTuple):
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


class _Symbol(NamedTuple):
    """A symbol of ELF64."""

    name: int
    info: int
    other: int
    section: int
    value: int
    size: int


# --- relocations --------------------------------------------------------------------------------

Patch = Callable[[bytearray, int, int], None]  # code, place, address that is meant


def _fits(value: int, bits: int) -> int:
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise LinkError(f"a distance of {value} bytes does not fit {bits} bits")
    return value


def _relative32(code: bytearray, place: int, address: int) -> None:
    struct.pack_into("<i", code, place, _fits(address - place, 32))


def _field(code: bytearray, place: int, value: int, low: int, bits: int) -> None:
    """Puts a value into a field of an instruction of 32 bits."""
    mask = (1 << bits) - 1
    (word,) = struct.unpack_from("<I", code, place)
    struct.pack_into("<I", code, place, word & ~(mask << low) | (value & mask) << low)


def _branch(bits: int, low: int) -> Patch:
    """Distance in instructions."""

    def patch(code: bytearray, place: int, address: int) -> None:
        _field(code, place, _fits(address - place, bits + 2) >> 2, low, bits)

    return patch


def _page(code: bytearray, place: int, address: int) -> None:
    """ADRP: distance in pages of 4 KiB."""
    pages = _fits((address >> 12) - (place >> 12), 21)
    _field(code, place, pages, 29, 2)
    _field(code, place, pages >> 2, 5, 19)


def _near(code: bytearray, place: int, address: int) -> None:
    """ADR: distance in bytes."""
    distance = _fits(address - place, 21)
    _field(code, place, distance, 29, 2)
    _field(code, place, distance >> 2, 5, 19)


def _in_page(shift: int) -> Patch:
    """The low 12 bits of the address, in units of what is loaded."""

    def patch(code: bytearray, place: int, address: int) -> None:
        if address & ((1 << shift) - 1):
            raise LinkError(f"address {address:#x} is not a multiple of {1 << shift}")
        _field(code, place, (address & 0xFFF) >> shift, 10, 12)

    return patch


class _Architecture(NamedTuple):
    """Relocations by number: what is patched in. Those in `table` mean an import's table entry."""

    machine: int
    direct: dict[int, Patch]
    table: dict[int, Patch]
    stub: bytes
    stub_patches: tuple[tuple[int, int, Patch], ...]  # place in the stub, addend, patch


ARCHITECTURES = {
    "x86_64": _Architecture(
        machine=62,
        direct={2: _relative32, 4: _relative32},  # PC32, PLT32
        table={9: _relative32, 41: _relative32, 42: _relative32},  # GOTPCREL, -X, REX_-X
        stub=bytes.fromhex("ff2500000000 6690"),  # jmp *entry(%rip)
        stub_patches=((2, -4, _relative32),),
    ),
    "aarch64": _Architecture(
        machine=183,
        direct={
            261: _relative32,  # PREL32
            273: _branch(19, 5),  # LD_PREL_LO19
            274: _near,  # ADR_PREL_LO21
            275: _page,  # ADR_PREL_PG_HI21
            277: _in_page(0),  # ADD_ABS_LO12_NC
            278: _in_page(0),  # LDST8_ABS_LO12_NC
            279: _branch(14, 5),  # TSTBR14
            280: _branch(19, 5),  # CONDBR19
            282: _branch(26, 0),  # JUMP26
            283: _branch(26, 0),  # CALL26
            284: _in_page(1),  # LDST16_ABS_LO12_NC
            285: _in_page(2),  # LDST32_ABS_LO12_NC
            286: _in_page(3),  # LDST64_ABS_LO12_NC
            299: _in_page(4),  # LDST128_ABS_LO12_NC
        },
        table={311: _page, 312: _in_page(3)},  # ADR_GOT_PAGE, LD64_GOT_LO12_NC
        # adrp x16, entry; ldr x16, [x16, entry's low bits]; br x16
        stub=bytes.fromhex("10000090 100240f9 00021fd6 1f2003d5"),
        stub_patches=((0, 0, _page), (4, 0, _in_page(3))),
    ),
}


# --- linking ------------------------------------------------------------------------------------


class _Object:
    """An ELF object, read."""

    def __init__(self, data: bytes, machine: int) -> None:
        if data[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<HH", data, 16) != (1, machine):
            raise LinkError("this is no relocatable ELF64 object of this architecture")
        (table,), (count,) = struct.unpack_from("<Q", data, 40), struct.unpack_from("<H", data, 60)
        self.data = data
        self.sections = [
            _Section(*struct.unpack_from("<IIQQQQIIQQ", data, table + 64 * i)) for i in range(count)
        ]
        (symbols,) = (s for s in self.sections if s.kind == _SYMTAB)
        self._names = self.sections[symbols.link].offset
        self.symbols = [
            _Symbol(*struct.unpack_from("<IBBHQQ", data, symbols.offset + at))
            for at in range(0, symbols.size, 24)
        ]

    def name(self, symbol: _Symbol) -> str:
        start = self._names + symbol.name
        return self.data[start : self.data.index(b"\0", start)].decode()

    def placed(self) -> list[int]:
        """Numbers of the sections that are part of the image."""
        result = []
        for number, s in enumerate(self.sections):
            if not s.flags & _ALLOC or not s.size or s.kind in _INFORMATION:
                continue
            if s.kind != _PROGBITS or s.flags & (_WRITE | _TLS):
                raise LinkError(f"a section of {s.size} bytes is not constant (kind {s.kind})")
            result.append(number)
        return result

    def relocations(self, number: int) -> list[tuple[int, int, int, int]]:
        """Of a section: offset, kind, symbol, addend."""
        found = []
        for s in self.sections:
            if s.kind == _RELA and s.info == number:
                for at in range(s.offset, s.offset + s.size, 24):
                    offset, info, addend = struct.unpack_from("<QQq", self.data, at)
                    found.append((offset, info & 0xFFFFFFFF, info >> 32, addend))
        return found


def link(data: bytes, architecture: str, target: str = "", label: str = "") -> Image:
    """The image of a relocatable ELF object that defines `kernel`.

    Args:
        data: the object.
        architecture: as Target has it.
        target, label: names that the image carries.

    Raises:
        LinkError: the object needs more than images have.
    """
    rules = ARCHITECTURES[architecture]
    obj = _Object(data, rules.machine)
    placed = obj.placed()
    wanted = {s for n in placed for _, _, s, _ in obj.relocations(n)}
    imports = sorted({obj.name(obj.symbols[s]) for s in wanted if not obj.symbols[s].section})
    if unknown := [name for name in imports if name not in IMPORTS]:
        raise LinkError(f"it calls {', '.join(unknown)}, which images do not have")

    code = bytearray(pack(b"", 0, target, label, tuple(imports)))
    base = {}
    for number in placed:
        s = obj.sections[number]
        code += bytes(-len(code) % max(64, s.alignment))
        base[number] = len(code)
        code += data[s.offset : s.offset + s.size]
    code += bytes(-len(code) % 16)
    stubs = {name: len(code) + k * len(rules.stub) for k, name in enumerate(imports)}
    code += rules.stub * len(imports)
    if imports:
        code += bytes(-len(code) % PAGE)
    entries = {name: len(code) + 8 * k for k, name in enumerate(imports)}
    for name, stub in stubs.items():
        for offset, addend, patch in rules.stub_patches:
            patch(code, stub + offset, entries[name] + addend)

    def address(kind: int, number: int) -> tuple[Patch, int]:
        symbol = obj.symbols[number]
        outside = symbol.section == 0
        if kind in rules.table and outside:
            return rules.table[kind], entries[obj.name(symbol)]
        if kind not in rules.direct or not (outside or symbol.section in base):
            raise LinkError(f"relocation {kind} of {obj.name(symbol)!r} is not one of images")
        start = stubs[obj.name(symbol)] if outside else base[symbol.section] + symbol.value
        return rules.direct[kind], start

    for number in placed:
        for offset, kind, symbol, addend in obj.relocations(number):
            patch, meant = address(kind, symbol)
            patch(code, base[number] + offset, meant + addend)
    for known in obj.symbols:
        if known.info >> 4 == 1 and known.section in base and obj.name(known) == "kernel":
            entry = base[known.section] + known.value
            return Image(pack(bytes(code), entry, target, label, tuple(imports)))
    raise LinkError("it defines no kernel")
