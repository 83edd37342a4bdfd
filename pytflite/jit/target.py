"""Target: what this CPU can do, and so which instructions the kernels are made of.

A target is a row of a table, not a CPU model: machine code made for it runs on each CPU that has
the row's features, which are read from the operating system without LLVM. The first row of which
this CPU has everything is taken; PYTFLITE_CPU names a lower one (`PYTFLITE_CPU=avx2`). Should
its instructions not do what they must (trial.py), the next row's are used.
"""

# Annotations are types here, not text: of text, each field of a NamedTuple would be compiled, which
# each start of a process would wait for.

import os
import sys
from functools import cache
from typing import NamedTuple

from pytflite.errors import InputError


class Target(NamedTuple):
    """A set of instructions.

    Attributes:
        name: of this row; part of the key of compiled images.
        architecture: as `platform.machine()` has it.
        needs: CPU features as Linux names them, all of which it takes.
        cpu, features: what LLVM is told.
        vector: bytes of a vector register.
        registers: how many vector registers there are.
        dot: instruction for products of 8-bit integers: "amx", "vnni" (unsigned by signed, summed
            in fours), "smmla" (signed, in eights, of two rows), "sdot" (signed, in fours), "madd"
            (16-bit, in pairs), or "" (none).
        permutes: bytes of two vector registers can be had in any order, by VBMI.
    """

    name: str
    architecture: str
    needs: frozenset[str]
    cpu: str
    features: str
    vector: int
    registers: int
    dot: str
    permutes: bool = False

    @property
    def lanes(self) -> int:
        """32-bit numbers in a vector register."""
        return self.vector // 4

    @property
    def triple(self) -> str:
        """LLVM's name for code of this architecture in ELF objects."""
        return f"{self.architecture}-unknown-linux-gnu"


_AVX2 = frozenset({"avx2", "fma", "f16c", "bmi1", "bmi2", "movbe"})
_AVX512 = _AVX2 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
_VNNI = _AVX512 | {"avx512_vnni"}
_VBMI = _VNNI | {"avx512vbmi"}
_AMX = _VBMI | {"avx512_bf16", "amx_tile", "amx_int8", "amx_bf16"}
_I8MM = frozenset({"asimddp", "i8mm"})
_PERMUTES = "+avx512vnni,+avx512vbmi"
_SPLIT = f"{_PERMUTES},+avx512bf16,+amx-tile,+amx-int8,+amx-bf16"

TARGETS = (
    Target("amx", "x86_64", _AMX, "x86-64-v4", _SPLIT, 64, 32, "amx", permutes=True),
    Target("avx512vbmi", "x86_64", _VBMI, "x86-64-v4", _PERMUTES, 64, 32, "vnni", permutes=True),
    Target("avx512vnni", "x86_64", _VNNI, "x86-64-v4", "+avx512vnni", 64, 32, "vnni"),
    Target("avx512", "x86_64", _AVX512, "x86-64-v4", "", 64, 32, "madd"),
    Target("avx2vnni", "x86_64", _AVX2 | {"avx_vnni"}, "x86-64-v3", "+avxvnni", 32, 16, "vnni"),
    Target("avx2", "x86_64", _AVX2, "x86-64-v3", "", 32, 16, "madd"),
    Target("sse2", "x86_64", frozenset(), "x86-64", "", 16, 16, "madd"),
    Target("i8mm", "aarch64", _I8MM, "generic", "+dotprod,+i8mm", 16, 32, "smmla"),
    Target("dotprod", "aarch64", frozenset({"asimddp"}), "generic", "+dotprod", 16, 32, "sdot"),
    Target("neon", "aarch64", frozenset(), "generic", "", 16, 32, ""),
)
# What macOS calls features, of Apple's own CPUs.
_APPLE = {"asimddp": "hw.optional.arm.FEAT_DotProd", "i8mm": "hw.optional.arm.FEAT_I8MM"}
NO_PERMISSION = "the system does not let this process use the registers"
BY_NAME = {target.name: target for target in TARGETS}


@cache
def cpu_features() -> frozenset[str]:
    """Features of this CPU, as Linux names them; none where the system does not tell."""
    if sys.platform == "darwin":
        return frozenset(linux for linux, apple in _APPLE.items() if _is_told(apple))
    try:
        with open("/proc/cpuinfo", "rb") as lines:
            for line in lines:
                name, _, value = line.partition(b":")
                if name.strip() in (b"flags", b"Features"):
                    return frozenset(value.decode("latin-1").split())
    except OSError:
        pass
    return frozenset()


def _is_told(name: str) -> bool:
    """Whether macOS says 1 to a question."""
    import ctypes

    answer, size = ctypes.c_int(0), ctypes.c_size_t(4)
    try:
        told = ctypes.CDLL(None).sysctlbyname(
            name.encode(), ctypes.byref(answer), ctypes.byref(size), None, ctypes.c_size_t(0)
        )
    except (OSError, AttributeError):
        return False
    return told == 0 and answer.value == 1


@cache
def is_permitted(target: Target) -> bool:
    """Whether the system lets this process use the registers: AMX's have to be asked for."""
    if target.dot != "amx":
        return True
    import ctypes

    arch_prctl, request_permission, tile_data = 158, 0x1023, 18
    try:
        return bool(ctypes.CDLL(None).syscall(arch_prctl, request_permission, tile_data) == 0)
    except (OSError, AttributeError):
        return False


def physical_cores() -> int:
    """Cores that this process may use, hyper-threads not counted."""
    try:
        allowed = os.sched_getaffinity(0)
    except AttributeError:
        return max((os.cpu_count() or 1) // 2, 1)
    cores = set()
    for cpu in allowed:
        try:
            with open(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list") as file:
                cores.add(file.read().strip())
        except OSError:
            cores.add(str(cpu))
    return max(len(cores), 1)


def architecture() -> str:
    """What `platform.machine()` says, in Linux's words."""
    machine = (os.uname().machine if hasattr(os, "uname") else _platform()).lower()
    return {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)


def _platform() -> str:
    import platform  # takes a millisecond

    return platform.machine()


def _of_this_cpu() -> list[Target]:
    return [t for t in TARGETS if t.architecture == architecture() and t.needs <= cpu_features()]


def withheld() -> str:
    """Which targets of this CPU the system does not permit, and says so; "" if none is wanted."""
    if os.environ.get("PYTFLITE_CPU"):
        return ""
    names = [t.name for t in _of_this_cpu() if not is_permitted(t)]
    return "; ".join(f"{name} does not work here: {NO_PERMISSION}" for name in names)


def host_target() -> Target | None:
    """The best target of this process, or None if there is no row for this CPU."""
    return next(iter(host_targets()), None)


def host_targets() -> tuple[Target, ...]:
    """The targets of this process, best first: where one does not work, the next one may.

    Raises:
        InputError: PYTFLITE_CPU names none that this CPU can run.
    """
    fitting = [t for t in _of_this_cpu() if is_permitted(t)]
    wanted = os.environ.get("PYTFLITE_CPU")
    if not wanted:
        return tuple(fitting)
    for number, target in enumerate(fitting):
        if target.name == wanted:
            return tuple(fitting[number:])
    raise InputError(
        "PYTFLITE_CPU names no set of instructions that this CPU has",
        code="input.cpu",
        expected=" or ".join(t.name for t in fitting) or "nothing: this CPU has no kernels",
        found=wanted,
    )
