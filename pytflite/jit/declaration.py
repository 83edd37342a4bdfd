"""Declarations of the kernels that are plain Python functions (jit/kernels).

    @declare(x="dtype[:, :]", y="dtype[:, :]", low="float32", relu="constant")
    def clamp(begin, end, x, y, low, relu):
        for row in range(begin, end): ...
        return 0

The function does the tiles begin <= tile < end of its work and returns a status: 0, or what says
which data it refuses. Every other parameter has a kind:

    "float32[:, :]"   an array, C-contiguous. Its slots: address, then each size
    "float32[:, :] over x"  likewise; it may take the place of x, an array before it, of as large
                      elements: each element is written in the round of the loop that reads it
    "int64"           a number in one slot; "float32" and "float64" (64 bits as they are) likewise
    "constant"        no slot: the kernel's setting of that name. An integer or a bool; or a
                      string "module.function", a function in jit/kernels
    "scratch float32[:]"  memory of this thread's own, on a cache line. Its slots: each size

A setting's name may stand for an element type: kernel("clamp.clamp", dtype="int8", relu=True).
Nothing here needs Numba: such a function runs in plain Python, too, which is how it is debugged.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

from pytflite.jit.kernel import Kernel, Setting

F = TypeVar("F", bound=Callable[..., int])

# Bytes of an element.
SIZES = {
    "int8": 1, "uint8": 1, "bool": 1, "int16": 2, "uint16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8,
}  # fmt: skip
_NUMBERS = ("int64", "float32", "float64")


class Argument(NamedTuple):
    """One parameter of a kernel after begin and end.

    Attributes:
        name: of the parameter.
        kind: "array", "scratch", "number" or "constant".
        element: type of the elements, or of the number.
        rank: of the array.
        value: of the constant.
        over: an array whose place this one may take.
    """

    name: str
    kind: str
    element: str = ""
    rank: int = 0
    value: Setting | Callable[..., Any] = 0
    over: str = ""


class Declaration(NamedTuple):
    """What `declare` was told: kinds by parameter, and what LLVM may assume of floats."""

    kinds: dict[str, str]
    fastmath: frozenset[str]


_DECLARED: dict[Callable[..., Any], Declaration] = {}


def declare(*, fastmath: tuple[str, ...] = (), **kinds: str) -> Callable[[F], F]:
    """Makes a function a kernel.

    Args:
        fastmath: LLVM's names of liberties ("contract", "reassoc", "nsz", ...), by default none.
        kinds: one for each parameter after begin and end.
    """

    def mark(function: F) -> F:
        names = list(inspect.signature(function).parameters)
        if names != ["begin", "end", *kinds]:
            raise TypeError(f"{function.__qualname__}{tuple(names)} is declared {tuple(kinds)}")
        _DECLARED[function] = Declaration(kinds, frozenset(fastmath))
        return function

    return mark


def is_python(kernel: Kernel) -> bool:
    """Whether the kernel is a Python function of jit/kernels, not an emitter of jit/emit."""
    return find_spec(f"pytflite.jit.emit.{kernel.emitter.partition('.')[0]}") is None


def find(name: str) -> Callable[..., Any]:
    """The function "module.function" of jit/kernels."""
    file, _, function = name.partition(".")
    found: Callable[..., Any] = getattr(import_module(f"pytflite.jit.kernels.{file}"), function)
    return found


def declared(kernel: Kernel) -> tuple[Callable[..., Any], list[Argument], frozenset[str]]:
    """The function of a kernel, its arguments, and its liberties with floats."""
    function = find(kernel.emitter)
    declaration = _DECLARED[function]
    settings = dict(kernel.settings)
    used = {name for name, kind in declaration.kinds.items() if kind == "constant"}
    arguments = []
    for name, kind in declaration.kinds.items():
        argument, setting = _argument(name, kind, settings)
        arguments.append(argument)
        used.add(setting)
    unknown = set(settings) - used
    if unknown:
        raise ValueError(f"{kernel.label} has settings that it does not know: {sorted(unknown)}")
    return function, arguments, declaration.fastmath


def _argument(name: str, kind: str, settings: dict[str, Setting]) -> tuple[Argument, str]:
    """An argument, and the setting that its element type comes from."""
    if kind == "constant":
        value = settings[name]
        return Argument(name, kind, value=find(value) if isinstance(value, str) else value), name
    plain, _, over = kind.removeprefix("scratch ").partition(" over ")
    word, bracket, dims = plain.partition("[")
    element = str(settings.get(word, word))
    if not bracket:
        if element not in _NUMBERS:
            raise ValueError(f"{name}: {kind}: a number is one of {_NUMBERS}")
        return Argument(name, "number", element), word
    if element not in SIZES:
        raise ValueError(f"{name}: {kind}: an element is one of {tuple(SIZES)}")
    place = "scratch" if kind.startswith("scratch ") else "array"
    return Argument(name, place, element, dims.count(":"), over=over), word
